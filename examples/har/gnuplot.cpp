// SPDX-License-Identifier: BSD-3-Clause
#include "gnuplot.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "smldist/io/file.hpp"

extern char** environ;

namespace har {

using namespace smldist;

outcome gnuplot(const std::string& folder, const std::string& script) {
    std::string name = "gnuplot", argument = script, said;
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
    const io::detail::descriptor from(ends[0]);
    io::detail::descriptor to(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
    char* argv[] = {name.data(), argument.data(), nullptr};
    pid_t child = 0;
    const int failed = posix_spawnp(&child, "gnuplot", &actions, nullptr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    to.close(); // so that reading ends with gnuplot
    std::array<char, 4096> part;
    for (ssize_t n = 0;
         failed == 0 && ((n = read(ends[0], part.data(), part.size())) > 0 || (n < 0 && errno == EINTR));)
        if (n > 0 && said.size() < 65536) said.append(part.data(), static_cast<std::size_t>(n));
    if (failed != 0) return {};
    outcome o;
    for (int status = 0;;) {
        if (waitpid(child, &status, 0) >= 0) {
            o.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
            break;
        }
        if (errno != EINTR) return {};
    }
    said.erase(said.find_last_not_of(" \n") + 1);
    o.message = said.substr(said.rfind('\n') + 1);
    return o;
}

} // namespace har

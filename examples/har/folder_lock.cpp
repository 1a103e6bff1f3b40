// SPDX-License-Identifier: BSD-3-Clause
#include "folder_lock.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "smldist/core/error.hpp"
#include "smldist/io/file.hpp"

namespace har {

using namespace smldist;
namespace fs = std::filesystem;

namespace {

/// The number of the process in a lock's file, or "".
std::string owner(int file) {
    char bytes[32] = {};
    const auto n = ::pread(file, bytes, sizeof bytes, 0);
    std::string process(bytes, n > 0 ? static_cast<std::size_t>(n) : 0);
    return process.find_first_not_of("0123456789") == process.npos ? process : "";
}

} // namespace

folder_lock::folder_lock(const std::string& path) : file_(path + "/.har.lock") {
    if (path.empty()) raise<usage_error>("--out", "folder is \"\", expected a name");
    std::error_code code;
    for (fs::path p = path; !p.empty() && !fs::exists(p, code); p = p.parent_path()) made_.push_back(p);
    try {
        while (descriptor_ < 0) {
            fs::create_directories(path, code);
            if (code) raise<io_error>("--out", "cannot make folder ", path, ": ", code.message());
            take(path);
        }
        const std::string process = std::to_string(::getpid());
        const auto write = [&](std::size_t done, std::size_t n) {
            return ::write(descriptor_, process.data() + done, n);
        };
        if (::ftruncate(descriptor_, 0) != 0 || io::detail::transfer(process.size(), write) < process.size())
            io::detail::raise_errno("--out", "write", file_);
    } catch (...) {
        give_back();
        throw;
    }
}

void folder_lock::take(const std::string& path) {
    const int file = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (file < 0) io::detail::raise_errno("--out", "write in folder", path);
    int locked = -1;
    for (int tries = 0; (locked = ::flock(file, LOCK_EX | LOCK_NB)) != 0 && errno == EWOULDBLOCK && tries < 3;
         ++tries)
        ::usleep(10000); // running_process() may be looking
    if (locked != 0) {
        const int why = errno;
        if (why == ENOSYS || why == EOPNOTSUPP || why == ENOLCK) {
            std::fprintf(stderr, "har: the file system of %s has no locks: start no second run there\n",
                         path.c_str());
            descriptor_ = file;
            return;
        }
        const std::string process = owner(file);
        ::close(file);
        if (why != EWOULDBLOCK) io::detail::raise_errno("--out", "lock", file_, why);
        raise<usage_error>("--out", "folder ", path, " is in use by another run",
                           process.empty() ? "" : " (process " + process + ")", ", expected a folder of its own");
    }
    // A run that ends removes its file. Whoever had opened it before has now locked a file that no other run will find.
    struct stat mine {
    }, there{};
    if (::fstat(file, &mine) == 0 && ::stat(file_.c_str(), &there) == 0 && mine.st_dev == there.st_dev &&
        mine.st_ino == there.st_ino)
        descriptor_ = file;
    else
        ::close(file);
}

void folder_lock::give_back() {
    if (descriptor_ >= 0) {
        ::unlink(file_.c_str()); // while it is locked
        ::close(descriptor_);
    }
    for (const auto& folder : made_) ::rmdir(folder.c_str()); // fails where there is something in it
}

std::optional<std::string> running_process(const std::string& path) {
    const int file = ::open((path + "/.har.lock").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return std::nullopt;
    std::optional<std::string> process;
    if (::flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) process = owner(file);
    ::close(file);
    return process;
}

} // namespace har

// SPDX-License-Identifier: BSD-3-Clause
// A checkpoint on a disk that fails, and of a process that is killed while it writes.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <iterator>
#include <random>
#include <string>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "raises.hpp"
#include "train/resuming.hpp"
#include "train/run.hpp"

using namespace smldist;
namespace fs = std::filesystem;

namespace {

/// What happens at one of the calls that write a file, which are counted from 0; -1: nothing.
struct fault {
    int call = -1;
    int error = 0;            ///< the call fails with it; 0: the process is killed
    bool short_write = false; ///< instead, a write that does half of its work
};
fault planned;
int calls = 0;

/// Counts a call; returns whether it is to fail, with errno set.
bool fails() {
    if (calls++ != planned.call) return false;
    if (planned.short_write) return false;
    if (planned.error == 0) ::kill(::getpid(), SIGKILL);
    errno = planned.error;
    return true;
}

} // namespace

// These stand in front of the functions of the C library.
extern "C" ssize_t write(int fd, const void* bytes, std::size_t n) {
    const bool half = calls == planned.call && planned.short_write;
    if (fails()) return -1;
    return static_cast<ssize_t>(::syscall(SYS_write, fd, bytes, half ? (n + 1) / 2 : n));
}
extern "C" int fsync(int fd) { return fails() ? -1 : static_cast<int>(::syscall(SYS_fsync, fd)); }
extern "C" int close(int fd) {
    const bool failed = fails();
    const auto result = static_cast<int>(::syscall(SYS_close, fd));
    return failed ? (errno = planned.error, -1) : result;
}
extern "C" int rename(const char* from, const char* to) noexcept {
    return fails() ? -1 : static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

namespace {

using training = train::training<network, train::supervised>;

/// The same training after one epoch and after two, as bytes of checkpoints.
struct two_states {
    io::byte_vector old_one, new_one;
    two_states() {
        network net = make(student_config());
        train::supervised objective;
        training t(net, objective, few().train, few().validation, few().normal, brief());
        t.on_epoch = [&](const auto& r) {
            if (r.epoch == 1) old_one = train::checkpoint_bytes(t);
            if (r.epoch == 2) new_one = train::checkpoint_bytes(t);
        };
        t.run();
    }
};
const two_states& states() {
    static const two_states s;
    return s;
}

void load(const io::byte_vector& bytes) {
    network net = make(student_config(), 9);
    train::supervised objective;
    training t(net, objective, few().train, few().validation, few().normal, brief());
    train::restore_checkpoint(t, bytes);
}

/// Runs f in a process of its own; returns whether it was killed.
template <class F> bool killed(F f) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        f();
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status);
}

std::size_t count_files(const scratch_folder& at) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(at / "."), fs::directory_iterator()));
}

/// How many calls write the new state.
int calls_of_a_save(const std::string& path) {
    calls = 0;
    io::write_file_atomically(path, states().new_one);
    return calls;
}

} // namespace

TEST_CASE(
    "save_checkpoint: whichever call fails, with whatever error, the old file is intact and nothing else is left") {
    const scratch_folder at;
    const std::string path = at / "x.checkpoint";
    const int all = calls_of_a_save(path);
    REQUIRE(all >= 5); // write, fsync, close, rename, fsync of the folder
    for (const int error : {ENOSPC, EDQUOT, EIO, EROFS})
        for (int call = 0; call < all; ++call) {
            CAPTURE(error);
            CAPTURE(call);
            planned = {};
            io::write_file_atomically(path, states().old_one);
            network net = make(student_config());
            train::supervised objective;
            training t(net, objective, few().train, few().validation, few().normal, brief());
            train::restore_checkpoint(t, states().new_one);
            calls = 0;
            planned = {call, error};
            bool raised = false;
            try {
                train::save_checkpoint(path, t);
            } catch (const io_error& e) {
                raised = true;
                CHECK_MESSAGE(std::string(e.what()).find(path) != std::string::npos, e.what());
            }
            const int made = calls;
            planned = {};
            const auto left = io::read_file(path);
            CHECK(count_files(at) == 1);
            load(left);
            if (!raised) {
                CHECK(made == all); // the last close is of the folder, whose content is safe
                continue;
            }
            const bool replaced = call == all - 2; // only the fsync of the folder failed
            if (replaced)
                CHECK(left != states().old_one);
            else
                CHECK(left == states().old_one);
        }
}

TEST_CASE("save_checkpoint: a write that does half of its work goes on") {
    const scratch_folder at;
    const std::string path = at / "x.checkpoint";
    calls = 0;
    planned = {0, 0, true};
    io::write_file_atomically(path, states().new_one);
    planned = {};
    CHECK(io::read_file(path) == states().new_one);
}

TEST_CASE("save_checkpoint: killed at any of its calls, the old or the new file is there as a whole") {
    const scratch_folder at;
    const std::string path = at / "x.checkpoint";
    const int all = calls_of_a_save(path);
    int olds = 0, news = 0;
    for (int call = 0; call < all; ++call) {
        CAPTURE(call);
        io::write_file_atomically(path, states().old_one);
        CHECK(killed([&] {
            calls = 0;
            planned = {call, 0};
            io::write_file_atomically(path, states().new_one);
        }));
        const auto left = io::read_file(path);
        load(left);
        olds += left == states().old_one;
        news += left == states().new_one;
    }
    CHECK(olds + news == all);
    CHECK(olds >= 4); // write, fsync, close and rename were not done
    CHECK(news >= 1);
}

TEST_CASE("save_checkpoint: 1000 times killed at random moments, the file is always one of the two") {
    const scratch_folder at;
    const std::string path = at / "x.checkpoint";
    const auto old_one = states().old_one, new_one = states().new_one;
    const auto begin = std::chrono::steady_clock::now();
    io::write_file_atomically(path, old_one);
    const auto one_save = std::chrono::steady_clock::now() - begin;
    const auto longest = std::max<std::int64_t>(
        1000, 6 * std::chrono::duration_cast<std::chrono::microseconds>(one_save).count()); // so that both come to be
    std::mt19937 random(7);
    std::size_t olds = 0, news = 0;
    for (int k = 0; k < 1000; ++k) {
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0)
            for (;;) {
                io::write_file_atomically(path, new_one);
                io::write_file_atomically(path, old_one);
            }
        std::this_thread::sleep_for(std::chrono::microseconds(std::int64_t(random()) % longest));
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        const auto left = io::read_file(path);
        olds += left == old_one;
        news += left == new_one;
        if (k % 100 == 0) load(left);
    }
    CHECK(olds + news == 1000);
    CHECK(olds > 10);
    CHECK(news > 10);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/io/file.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <iterator>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "allocations.hpp"

namespace fs = std::filesystem;
namespace io = smldist::io;
using smldist::data_error;
using smldist::io_error;

/// The system call to fail next; the definitions below stand in front of those of the C library.
enum class call { none, fsync, fsync_folder, close, rename };
static call failing = call::none;

static bool fails(call c) {
    if (failing == call::fsync_folder && c == call::fsync)
        failing = call::fsync; // the second of the two
    else if (failing == c)
        return failing = call::none, errno = EIO, true;
    return false;
}
extern "C" int fsync(int fd) { return fails(call::fsync) ? -1 : static_cast<int>(::syscall(SYS_fsync, fd)); }
extern "C" int close(int fd) {
    const bool failed = fails(call::close);
    const auto result = static_cast<int>(::syscall(SYS_close, fd));
    return failed ? (errno = EIO, -1) : result;
}
extern "C" int rename(const char* from, const char* to) noexcept {
    return fails(call::rename) ? -1 : static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

namespace {

/// An empty folder that is removed at the end of the test.
struct folder {
    fs::path path;
    folder() {
        std::string pattern = (fs::temp_directory_path() / "smldist-file-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path = pattern;
    }
    ~folder() { fs::remove_all(path); }
    std::string operator/(std::string_view name) const { return (path / name).string(); }
    std::size_t files() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(path), fs::directory_iterator()));
    }
};

std::string text_of(const std::string& path) {
    const auto bytes = io::read_file(path);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The message of the io_error that `f` throws.
template <class F> std::string refusal(F f) {
    try {
        f();
    } catch (const io_error& e) { return e.what(); }
    return "no io_error";
}

/// While it lives, files end at `bytes`: a write beyond comes back short, the next one fails with EFBIG.
struct file_size_limit {
    rlimit before{};
    explicit file_size_limit(rlim_t bytes) {
        std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before);
        const rlimit now{bytes, before.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &now) == 0);
    }
    ~file_size_limit() {
        ::setrlimit(RLIMIT_FSIZE, &before);
        std::signal(SIGXFSZ, SIG_DFL);
    }
};

#if SMLDIST_RECYCLE_MEMORY // else allocations do not fail
std::size_t open_descriptors() {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

TEST_CASE("write_file_atomically: whichever allocation fails, the old content, no descriptor and no file is left") {
    const folder f;
    const std::string target = f / "a name that is longer than a string holds in itself", link = f / "link";
    fs::create_symlink(target, link);
    for (const std::string& path : {target, link}) {
        io::write_file_atomically(target, std::string_view("old"));
        const std::size_t before = open_descriptors();
        std::size_t failed = 0;
        for (std::size_t n = 0; n < 30; ++n) {
            bool threw = false;
            {
                const failing_allocations after(n);
                try {
                    io::write_file_atomically(path, std::string_view("new"));
                } catch (const std::bad_alloc&) { threw = true; }
            }
            failed += threw ? 1 : 0;
            REQUIRE(text_of(target) == (threw ? "old" : "new"));
            REQUIRE(open_descriptors() == before);
            REQUIRE(f.files() == 2);
            io::write_file_atomically(target, std::string_view("old"));
        }
        CHECK(failed > 2);
        CHECK(failed < 30);
    }
}
#endif

} // namespace

TEST_CASE("what is written is read back") {
    const folder dir;
    for (const std::size_t size : {0U, 1U, 4096U, 3'000'001U}) {
        io::byte_vector bytes(size);
        for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 131 >> 3);
        io::write_file_atomically(dir / "a", bytes);
        CHECK(io::read_file(dir / "a") == bytes);
        CHECK(io::read_file(dir / "a", size) == bytes);
    }
    io::write_file_atomically(dir / "a", "text");
    CHECK(text_of(dir / "a") == "text");
    CHECK(dir.files() == 1);
}

TEST_CASE("read_file names path and cause") {
    const folder dir;
    CHECK(refusal([&] { (void)io::read_file(dir / "absent"); }) ==
          "read_file: cannot open " + (dir / "absent") + ": No such file or directory");
    CHECK(refusal([&] { (void)io::read_file(dir.path); }).ends_with(": not a regular file"));
    CHECK(refusal([&] { (void)io::read_file("/dev/zero"); }).ends_with(": not a regular file"));
    CHECK(refusal([&] { (void)io::read_file(""); }).ends_with(": No such file or directory"));
    io::write_file_atomically(dir / "a", "12345");
    CHECK(refusal([&] { (void)io::read_file(dir / "a/b"); }).ends_with(": Not a directory"));
    CHECK_THROWS_WITH_AS((void)io::read_file(dir / "a", 4),
                         ("read_file: size of " + (dir / "a") + " is 5 bytes, expected at most 4").c_str(),
                         data_error);
}

TEST_CASE("read_file does not wait for a FIFO") {
    const folder dir;
    REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
    CHECK(refusal([&] { (void)io::read_file(dir / "fifo"); }).ends_with(": not a regular file"));
}

TEST_CASE("read_file refuses a file whose content is longer or shorter than its size") {
    // Files of /proc say 0 bytes, files of /sys one page; both hold something else.
    CHECK(
        refusal([&] { (void)io::read_file("/proc/self/status"); }).ends_with(": its size changed while it was read"));
    if (fs::exists("/sys/kernel/mm/transparent_hugepage/enabled"))
        CHECK(refusal([&] {
                  (void)io::read_file("/sys/kernel/mm/transparent_hugepage/enabled");
              }).ends_with(": its size changed while it was read"));
}

TEST_CASE("transfer continues after short and interrupted calls and stops at the end and at errors") {
    std::string got;
    int calls = 0;
    const auto one_byte = [&](std::size_t done, std::size_t n) -> long {
        if (++calls % 2) return errno = EINTR, -1;
        CHECK(done == got.size());
        CHECK(n == 5 - done);
        got += 'x';
        return 1;
    };
    CHECK(io::detail::transfer(5, one_byte) == 5);
    CHECK(got == "xxxxx");
    CHECK(calls == 10);

    const auto ends = [](std::size_t done, std::size_t) -> long { return done < 3 ? 1 : 0; };
    CHECK(io::detail::transfer(5, ends) == 3);
    CHECK(errno == 0);
    const auto fails = [](std::size_t done, std::size_t) -> long { return done < 3 ? 1 : (errno = EIO, -1); };
    CHECK(io::detail::transfer(5, fails) == 3);
    CHECK(errno == EIO);
}

TEST_CASE("a disk that fills up leaves the old file and nothing else") {
    const folder dir;
    io::write_file_atomically(dir / "a", "old");
    std::string message;
    {
        const file_size_limit limit(1000);
        message = refusal([&] { io::write_file_atomically(dir / "a", std::string(5000, 'n')); });
    }
    CHECK(message == "write_file_atomically: cannot write " + (dir / "a") + ": File too large");
    CHECK(text_of(dir / "a") == "old");
    CHECK(dir.files() == 1);
    {
        const file_size_limit limit(1000);
        CHECK_THROWS_AS(io::write_file_atomically(dir / "b", std::string(5000, 'n')), io_error);
    }
    CHECK(dir.files() == 1);
}

TEST_CASE("fsync, close or rename fails: the old file stays and nothing else") {
    const folder dir;
    io::write_file_atomically(dir / "a", "old");
    const auto write_with = [&](call c) {
        failing = c;
        const std::string message = refusal([&] { io::write_file_atomically(dir / "a", "new"); });
        CHECK(failing == call::none);
        return message;
    };
    const std::string error = ": Input/output error";
    for (const call c : {call::fsync, call::close, call::rename}) {
        CHECK(write_with(c) == std::string("write_file_atomically: cannot ") +
                                   (c == call::rename ? "replace " : "write ") + (dir / "a") + error);
        CHECK(text_of(dir / "a") == "old");
        CHECK(dir.files() == 1);
    }
    CHECK(write_with(call::fsync_folder) == "write_file_atomically: cannot make durable " + (dir / "a") + error);
    CHECK(text_of(dir / "a") == "new"); // in place, perhaps not durably
    CHECK(dir.files() == 1);

    failing = call::fsync; // which does not happen
    io::write_file_atomically(dir / "a", "quick", false);
    CHECK(std::exchange(failing, call::rename) == call::fsync);
    CHECK_THROWS_AS(io::write_file_atomically(dir / "a", "lost", false), io_error);
    CHECK(text_of(dir / "a") == "quick");
    CHECK(dir.files() == 1);
}

TEST_CASE("write_file_atomically names path and cause") {
    const folder dir;
    const auto write = [](const std::string& path) {
        return refusal([&] { io::write_file_atomically(path, "new"); });
    };
    CHECK(write(dir / "none/a") ==
          "write_file_atomically: cannot open folder " + (dir / "none/") + ": No such file or directory");
    io::write_file_atomically(dir / "file", "old");
    CHECK(write(dir / "file/a").ends_with(": Not a directory"));
    CHECK(write("/proc/smldist-test").find("cannot create /proc/smldist-test.tmp-") != std::string::npos);
    CHECK(write(dir / std::string(300, 'n')).ends_with(": File name too long"));
    CHECK(write("") != "no io_error");
    CHECK(text_of(dir / "file") == "old");
    CHECK(dir.files() == 1);
}

TEST_CASE("only regular files are replaced") {
    const folder dir;
    const auto write = [](const std::string& path) {
        return refusal([&] { io::write_file_atomically(path, "new"); });
    };
    fs::create_directory(dir / "folder");
    CHECK(write(dir / "folder").ends_with(": not a regular file"));
    REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
    CHECK(write(dir / "fifo").ends_with(": not a regular file"));
    CHECK(fs::is_fifo(dir / "fifo"));
    CHECK(write("/dev/full").ends_with(": not a regular file"));
    CHECK(fs::is_character_file("/dev/full"));
    CHECK(dir.files() == 2);
}

TEST_CASE("a symbolic link is followed") {
    const folder dir;
    fs::create_directory(dir / "data");
    io::write_file_atomically(dir / "data/a", "old");
    fs::create_symlink("data/a", dir / "link");
    io::write_file_atomically(dir / "link", "new");
    CHECK(fs::is_symlink(dir / "link"));
    CHECK(text_of(dir / "data/a") == "new");
    fs::create_symlink("nowhere", dir / "dangling");
    CHECK(refusal([&] {
              io::write_file_atomically(dir / "dangling", "new");
          }).ends_with(": No such file or directory"));
    CHECK(dir.files() == 3);
}

TEST_CASE("permissions: those of the old file, else those of the process") {
    const folder dir;
    const auto mode = [&](std::string_view name) { return fs::status(dir / name).permissions(); };
    const auto mask = ::umask(022);
    io::write_file_atomically(dir / "a", "new");
    CHECK(mode("a") == fs::perms(0644));
    fs::permissions(dir / "a", fs::perms(0600));
    io::write_file_atomically(dir / "a", "newer");
    ::umask(mask);
    CHECK(mode("a") == fs::perms(0600));
}

TEST_CASE("a relative path without folder") {
    const folder dir;
    const fs::path before = fs::current_path();
    fs::current_path(dir.path);
    io::write_file_atomically("plain", "x");
    const std::string got = text_of("plain");
    fs::current_path(before);
    CHECK(got == "x");
    CHECK(dir.files() == 1);
}

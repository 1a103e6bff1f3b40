// SPDX-License-Identifier: BSD-3-Clause
/// Whole files: read with all checks, or replaced atomically. Uses POSIX, or the part of it that WASI and newlib have.
#ifndef SMLDIST_IO_FILE_HPP
#define SMLDIST_IO_FILE_HPP

#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/core/memory.hpp"

#if SMLDIST_THREADS
#include <atomic>
#endif

/// Whether the system has links, processes and folders that can be synchronised.
#if defined(__wasi__) || defined(__NEWLIB__)
#define SMLDIST_POSIX 0
#else
#define SMLDIST_POSIX 1
#endif

namespace smldist::io {
SMLDIST_NAMESPACE_BEGIN

/// The bytes of a file. A vector constructed with a size holds unspecified values; its maker must fill it.
using byte_vector = std::vector<std::byte, memory::page_allocator<std::byte>>;

namespace detail {

/// Throws io_error `where: cannot DO PATH: text of errno`.
[[noreturn]] inline void raise_errno(std::string_view where, std::string_view action, const std::string& path,
                                     int code = errno) {
    raise<io_error>(where, "cannot ", action, " ", path, ": ", std::generic_category().message(code));
}

/// Owns a file descriptor.
class descriptor {
public:
    explicit descriptor(int fd) : fd_(fd) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() { static_cast<void>(close()); }
    int get() const { return fd_; }
    /// False when the system reports that data may be lost. After EINTR the descriptor is gone all the same.
    bool close() {
        const int fd = std::exchange(fd_, -1);
        return fd < 0 || ::close(fd) == 0 || errno == EINTR;
    }

private:
    int fd_;
};

/// Removes a file at the end of the scope unless it was kept.
class temporary_file {
public:
    explicit temporary_file(std::string path) noexcept : path_(std::move(path)) {}
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;
    ~temporary_file() {
        if (!path_.empty()) ::unlink(path_.c_str());
    }
    const std::string& path() const { return path_; }
    void keep() { path_.clear(); }

private:
    std::string path_;
};

/// Calls read or write until `n` bytes are through, the file ends or the call fails; returns the bytes done.
template <class F> std::size_t transfer(std::size_t n, F call) {
    std::size_t done = 0;
    while (done < n) {
        errno = 0;
        const auto step = call(done, n - done);
        if (step > 0)
            done += static_cast<std::size_t>(step);
        else if (errno != EINTR)
            break;
    }
    return done;
}

#if defined(__NEWLIB__)
inline bool is_regular(const struct stat&) { return true; } // semihosting reports every file as a device
#else
inline bool is_regular(const struct stat& status) { return S_ISREG(status.st_mode); }
#endif

#if defined(O_CLOEXEC)
inline constexpr int close_on_exec = O_CLOEXEC;
#else
inline constexpr int close_on_exec = 0;
#endif

/// Unique name suffix of a temporary file: the process and a number.
inline std::string next_temporary() {
#if SMLDIST_THREADS
    static std::atomic<unsigned> counter{0};
#else
    static unsigned counter = 0;
#endif
#if SMLDIST_POSIX
    const long process = ::getpid();
#else
    const long process = 0;
#endif
    return std::to_string(process) + "-" + std::to_string(counter++);
}

} // namespace detail

/// A temporary file of write_file_atomically lies beside its target and is named TARGET.tmp-PROCESS-NUMBER. Only a
/// process that was killed leaves one behind.
inline constexpr std::string_view temporary_mark = ".tmp-";

/// The bytes of a regular file.
///
/// Throws     io_error naming path and cause: missing, not permitted, not a regular file, read error, or a size that
///            changed while it was read; data_error when the file is larger than `limit` bytes.
[[nodiscard]] inline byte_vector read_file(const std::string& path,
                                           std::size_t limit = std::numeric_limits<std::size_t>::max() / 2) {
    constexpr std::string_view where = "read_file";
    const detail::descriptor file(
        ::open(path.c_str(), O_RDONLY | detail::close_on_exec | O_NONBLOCK)); // a FIFO must not block
    if (file.get() < 0) detail::raise_errno(where, "open", path);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) detail::raise_errno(where, "examine", path);
    if (!detail::is_regular(status)) raise<io_error>(where, "cannot read ", path, ": not a regular file");
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size > limit) raise<data_error>(where, "size of ", path, " is ", size, " bytes, expected at most ", limit);

    byte_vector bytes(static_cast<std::size_t>(size));
    const auto read = [&](std::byte* to) {
        return [&file, to](std::size_t done, std::size_t n) { return ::read(file.get(), to + done, n); };
    };
    const std::size_t got = detail::transfer(bytes.size(), read(bytes.data()));
    if (got < bytes.size() && errno != 0) detail::raise_errno(where, "read", path);
    std::byte beyond{};
    if (got < bytes.size() || detail::transfer(1, read(&beyond)) != 0)
        raise<io_error>(where, "cannot read ", path, ": its size changed while it was read");
    return bytes;
}

/// Replaces or creates the file at `path`. At every moment, even after a crash or loss of power, either the old or the
/// new content is complete: temporary file in the same folder, write, fsync, rename, fsync of the folder.
/// A file that is replaced keeps its permissions; a symbolic link keeps its name and the file it leads to is replaced.
/// Without SMLDIST_POSIX the folder is not synchronised, and a link is replaced itself.
///
/// Without `durable` there is no fsync, which takes milliseconds: the old or the new content is complete however the
/// process ends, but perhaps neither is after loss of power.
///
/// Throws     io_error naming path and cause, std::bad_alloc. The old file is then intact and the temporary file
///            removed. If only the last step fails, the fsync of the folder, the new file is already in place but
///            perhaps not durable.
inline void write_file_atomically(const std::string& path, std::span<const std::byte> bytes, bool durable = true) {
    constexpr std::string_view where = "write_file_atomically";
    std::string target = path;
    struct stat old {};
#if SMLDIST_POSIX
    const bool exists = ::lstat(path.c_str(), &old) == 0;
    if (exists && S_ISLNK(old.st_mode)) {
        target.resize(PATH_MAX);
        if (!::realpath(path.c_str(), target.data())) detail::raise_errno(where, "follow the link", path);
        target.resize(std::strlen(target.c_str()));
        if (::lstat(target.c_str(), &old) != 0) detail::raise_errno(where, "examine", path);
    }
#else
    const bool exists = ::stat(path.c_str(), &old) == 0;
#endif
    if (exists && !detail::is_regular(old)) // renaming onto a device would delete the device
        raise<io_error>(where, "cannot replace ", path, ": not a regular file");

#if SMLDIST_POSIX
    const std::size_t slash = target.rfind('/');
    const std::string folder = slash == target.npos ? "." : target.substr(0, slash + 1);
    const detail::descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | detail::close_on_exec));
    if (directory.get() < 0) detail::raise_errno(where, "open folder", folder);
#endif

    std::string name;
    int fd = -1;
    for (int attempt = 0; attempt < 100 && fd < 0; ++attempt) {
        name = target + std::string(temporary_mark) + detail::next_temporary();
        fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | detail::close_on_exec,
                    exists ? old.st_mode & 0777 : 0666);
        if (fd < 0 && errno != EEXIST) break;
    }
    if (fd < 0) detail::raise_errno(where, "create", name);
    detail::descriptor file(fd); // neither line allocates, so the temporary file is always removed
    detail::temporary_file temporary(std::move(name));
    const auto write = [&](std::size_t done, std::size_t n) { return ::write(fd, bytes.data() + done, n); };
    if (detail::transfer(bytes.size(), write) < bytes.size())
        detail::raise_errno(where, "write", path, errno != 0 ? errno : ENOSPC);
    if ((durable && ::fsync(fd) != 0) || !file.close()) detail::raise_errno(where, "write", path);
    if (std::rename(temporary.path().c_str(), target.c_str()) != 0) detail::raise_errno(where, "replace", path);
    temporary.keep();

#if SMLDIST_POSIX
    if (durable && ::fsync(directory.get()) != 0 && errno != EINVAL) // EINVAL: the file system does not offer it
        detail::raise_errno(where, "make durable", path);
#endif
}
/// The same for text.
inline void write_file_atomically(const std::string& path, std::string_view text, bool durable = true) {
    write_file_atomically(path, std::as_bytes(std::span(text.data(), text.size())), durable);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::io

#endif

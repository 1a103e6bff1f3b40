// SPDX-License-Identifier: BSD-3-Clause
/// Runs code in a process of its own: one that may not grow beyond a number of bytes, or one that is measured.
#ifndef SMLDIST_TESTS_IO_MEMORY_LIMIT_HPP
#define SMLDIST_TESTS_IO_MEMORY_LIMIT_HPP

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <doctest/doctest.h>
#include <fstream>
#include <malloc.h>
#include <new>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "smldist/core/error.hpp"

// Sanitizers reserve address space of their own, and so do emulators, for which the build says 0: no limit then, the code runs
// all the same.
#if defined(SMLDIST_TEST_LIMITS_MEMORY)
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SMLDIST_TEST_LIMITS_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define SMLDIST_TEST_LIMITS_MEMORY 0
#endif
#endif
#ifndef SMLDIST_TEST_LIMITS_MEMORY
#define SMLDIST_TEST_LIMITS_MEMORY 1
#endif

enum class ending { as_wanted, not_as_wanted, out_of_memory, crashed };

/// Calls `wanted()`, a bool, in a child whose address space may grow by `bytes`.
template <class F> ending run_within(std::size_t bytes, F wanted) {
    const pid_t child = ::fork();
    if (child == 0) {
#if SMLDIST_TEST_LIMITS_MEMORY
        std::size_t pages = 0;
        std::ifstream("/proc/self/statm") >> pages;
        const rlim_t most = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + bytes;
        const rlimit limit{most, most};
        if (pages == 0 || ::setrlimit(RLIMIT_AS, &limit) != 0) ::_exit(static_cast<int>(ending::crashed));
#else
        static_cast<void>(bytes);
#endif
        try {
            ::_exit(static_cast<int>(wanted() ? ending::as_wanted : ending::not_as_wanted));
        } catch (const std::bad_alloc&) { ::_exit(static_cast<int>(ending::out_of_memory)); }
    }
    int status = -1;
    if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return ending::crashed;
    return static_cast<ending>(WEXITSTATUS(status));
}

/// What a call in a child took.
struct cost {
    ending end = ending::crashed;
    double seconds = 0; ///< of CPU time
    std::size_t bytes =
        0; ///< by which the memory in use grew at most; 0 under sanitizers, whose own is not told apart
};

/// The value of "VmHWM: 1234 kB" and its like, in bytes.
inline std::size_t memory_status(const std::string& key) {
    std::ifstream in("/proc/self/status");
    for (std::string line; std::getline(in, line);)
        if (line.rfind(key, 0) == 0) return std::stoul(line.substr(line.find(':') + 1)) << 10;
    return 0;
}
inline double cpu_seconds() {
    rusage u{};
    ::getrusage(RUSAGE_SELF, &u);
    return double(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * double(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/// Calls `wanted()`, a bool, in a child that may grow by 4 GiB, and measures it.
template <class F> cost measured(F wanted) {
    void* const shared = ::mmap(nullptr, sizeof(cost), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return {};
    auto* const result = ::new (shared) cost;
    const ending end = run_within(std::size_t(4) << 30, [&] {
        // The C library's first values again: the more the parent has freed, the more it would keep of what is freed here.
        ::mallopt(M_MMAP_THRESHOLD, 128 << 10);
        ::mallopt(M_TRIM_THRESHOLD, 128 << 10);
        const std::size_t before = memory_status("VmRSS");
        const double start = cpu_seconds();
        const bool good = wanted();
        result->seconds = cpu_seconds() - start;
        const std::size_t most = memory_status("VmHWM");
        if (SMLDIST_TEST_LIMITS_MEMORY) result->bytes = most - std::min(most, before);
        return good;
    });
    cost c = *result;
    c.end = end;
    ::munmap(shared, sizeof(cost));
    return c;
}

/// Whether a call keeps the promise of SECURITY.md for a file of so many bytes, which the child has in memory already: less
/// than 1 s, and memory of twice the file and 16 MiB. Pages of code that the child is the first to touch count 1 MiB.
inline bool keeps_promise(const cost& c, std::size_t file) {
    const double seconds = SMLDIST_TEST_LIMITS_MEMORY ? 1 : 30; // sanitizers and emulators
    return c.seconds < seconds && c.bytes <= file + (std::size_t(17) << 20);
}

/// load(copy of bytes) throws a data_error with `what` in the message and keeps the promise.
template <class Bytes, class Load>
void refuse_within_promise(const std::string& name, const Bytes& bytes, const std::string& what, Load load) {
    CAPTURE(name);
    const cost c = measured([&] {
        try {
            load(Bytes(bytes));
        } catch (const smldist::data_error& e) {
            if (std::string(e.what()).find(what) != std::string::npos) return true;
            std::fprintf(stderr, "%s\n", e.what());
        }
        return false;
    });
    CHECK(c.end == ending::as_wanted);
    CHECK_MESSAGE(keeps_promise(c, 2 * bytes.size()), name, ": ", c.seconds, " s, ", c.bytes >> 10, " KiB");
}

#endif

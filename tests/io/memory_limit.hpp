// SPDX-License-Identifier: BSD-3-Clause
/// Runs code in a process that may not grow beyond a number of bytes.
#ifndef SMLDIST_TESTS_IO_MEMORY_LIMIT_HPP
#define SMLDIST_TESTS_IO_MEMORY_LIMIT_HPP

#include <cstddef>
#include <fstream>
#include <new>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

// Sanitizers reserve address space of their own: no limit then, the code runs all the same.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
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

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Counts the calls of operator new in all threads and lets them fail; allocations.cpp replaces the operators and must be
/// linked in.
#ifndef SMLDIST_TESTS_ALLOCATIONS_HPP
#define SMLDIST_TESTS_ALLOCATIONS_HPP

#include <cstddef>

std::size_t allocations();
/// Those of them that were made inside a chunk of parallel_for.
std::size_t allocations_in_chunks();

/// While one lives, the first `n` calls succeed and all others throw std::bad_alloc, in all threads.
class failing_allocations {
public:
    explicit failing_allocations(std::size_t n);
    ~failing_allocations();
    failing_allocations(const failing_allocations&) = delete;
    failing_allocations& operator=(const failing_allocations&) = delete;
};

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Counts the calls of operator new in all threads; allocations.cpp replaces the operators and must be linked in.
#ifndef SMLDIST_TESTS_ALLOCATIONS_HPP
#define SMLDIST_TESTS_ALLOCATIONS_HPP

#include <cstddef>

std::size_t allocations();

#endif

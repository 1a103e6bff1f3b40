// SPDX-License-Identifier: BSD-3-Clause
/// Whether training steps allocate.
#ifndef SMLDIST_TESTS_TRAIN_STEP_ALLOCATIONS_HPP
#define SMLDIST_TESTS_TRAIN_STEP_ALLOCATIONS_HPP

#include <doctest/doctest.h>

#include <cstddef>

#include "allocations.hpp"
#include "smldist/core/memory.hpp"
#include "smldist/data/loader.hpp"

/// The steps of a training after the first take nothing from the heap.
template <class Training> void check_steps_allocate_nothing(Training& training, const smldist::data::batch& batch) {
    smldist::memory::trim(); // free blocks left by other tests would hide an allocation
    training.step(batch);
    const std::size_t before = allocations();
    for (int step = 0; step < 7; ++step) training.step(batch);
    CHECK(allocations() == before);
}

#endif

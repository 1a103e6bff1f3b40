// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/argsort.hpp"

#include <algorithm>
#include <cstddef>
#include <doctest/doctest.h>
#include <numeric>
#include <vector>

#include "smldist/core/random.hpp"

using namespace smldist;

TEST_CASE("argsort: as std::stable_sort, for any number of values and of equal ones") {
    generator random(3);
    for (std::size_t n = 0; n < 70; ++n)
        for (const std::size_t distinct : {1u, 3u, 1000u}) {
            std::vector<std::size_t> values(n), wanted(n);
            for (auto& v : values) v = random.bits64() % distinct;
            std::iota(wanted.begin(), wanted.end(), std::size_t(0));
            const auto before = [&](std::size_t i, std::size_t j) { return values[i] < values[j]; };
            std::stable_sort(wanted.begin(), wanted.end(), before);
            CHECK(argsort(n, before) == wanted);
        }
}

TEST_CASE("argsort: at most n log2 n comparisons") {
    std::size_t comparisons = 0;
    const std::vector<std::size_t> last_first = argsort(1024, [&](std::size_t i, std::size_t j) {
        ++comparisons;
        return i > j;
    });
    CHECK(last_first.front() == 1023);
    CHECK(last_first.back() == 0);
    CHECK(comparisons <= 1024 * 10);
}

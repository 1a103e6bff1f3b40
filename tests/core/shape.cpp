// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/shape.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

using namespace smldist;

TEST_CASE("shape: rank, extents, number of elements") {
    const shape scalar, s{64, 128, 9};
    CHECK(scalar.rank() == 0);
    CHECK(scalar.size() == 1);
    CHECK(scalar.rows() == 1);
    CHECK(s.rank() == 3);
    CHECK(s[1] == 128);
    CHECK(s.back() == 9);
    CHECK(s.size() == 64 * 128 * 9);
    CHECK(s.rows() == 64 * 128);
    CHECK(s.sample_rows() == 128);
    CHECK(shape{2, 3, 4, 5}.sample_rows() == 12);
    CHECK(s.product(1, 3) == 128 * 9);
    CHECK(s.product(1, 1) == 1);
    CHECK(std::vector<std::size_t>(s.begin(), s.end()) == std::vector<std::size_t>{64, 128, 9});
    CHECK(shape{3, 0, 2}.size() == 0);
    CHECK(shape{5}.rows() == 1);
    CHECK(shape{5}.sample_rows() == 1);
    CHECK(shape{2, 5}.sample_rows() == 1);
}

TEST_CASE("shape: equality, with, text") {
    CHECK(shape{2, 3} == shape{2, 3});
    CHECK_FALSE(shape{2, 3} == shape{3, 2});
    CHECK_FALSE(shape{2, 3} == shape{2, 3, 1});
    CHECK_FALSE(shape{} == shape{1});
    CHECK(shape{2, 3, 4}.with(1, 7) == shape{2, 7, 4});
    CHECK(shape{2, 0, 4}.with(1, 7).size() == 56);
    CHECK(shape{}.text() == "()");
    CHECK(shape{5}.text() == "(5)");
    CHECK(shape{64, 128, 9}.text() == "(64, 128, 9)");
    const std::vector<int> list{2, 3};
    CHECK(shape(list.begin(), list.end()) == shape{2, 3});
}

TEST_CASE("shape: rank above 8 and an overflowing number of elements are errors") {
    CHECK(shape{1, 1, 1, 1, 1, 1, 1, 1}.rank() == 8);
    CHECK_THROWS_AS((shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), shape_error);
    constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();
    CHECK_THROWS_AS((shape{huge}), shape_error);
    CHECK_THROWS_AS((shape{huge / 32, 16}), shape_error);
    CHECK((shape{huge / 32}).size() == huge / 32);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/check.hpp"

#include <cmath>
#include <cstddef>
#include <doctest/doctest.h>
#include <limits>

using namespace smldist;

namespace {
constexpr double undefined = std::numeric_limits<double>::quiet_NaN(),
                 infinity = std::numeric_limits<double>::infinity();
const option_check o{"here"};
} // namespace

TEST_CASE("check: what is in range passes") {
    o.need(true, "k", 1, "anything");
    o.positive("rate", 1e-300);
    o.at_least_0("rate", 0);
    for (const double v : {0.0, 0.5, 1.0}) o.up_to(1, "share", v);
    o.up_to(180, "angle", 180);
}

TEST_CASE("check: what is not is refused by name, value and range") {
    CHECK_THROWS_WITH_AS(o.need(false, "k", std::size_t(100000), "less"), "here: k is 100000, expected less",
                         usage_error);
    CHECK_THROWS_WITH_AS(o.need(false, "k", 0.5, "a whole number"), "here: k is 0.5, expected a whole number",
                         usage_error);
    CHECK_THROWS_WITH_AS(o.positive("rate", 0), "here: rate is 0, expected a positive number", usage_error);
    CHECK_THROWS_WITH_AS(o.at_least_0("rate", -1), "here: rate is -1, expected at least 0", usage_error);
    CHECK_THROWS_WITH_AS(o.up_to(1, "share", 1.5), "here: share is 1.5, expected 0 to 1", usage_error);
    CHECK_THROWS_WITH_AS(o.up_to(180, "angle", -2), "here: angle is -2, expected 0 to 180", usage_error);
}

TEST_CASE("check: NaN and infinity are in no range") {
    for (const double v : {undefined, infinity, -infinity}) {
        CHECK_THROWS_AS(o.positive("v", v), usage_error);
        CHECK_THROWS_AS(o.at_least_0("v", v), usage_error);
        CHECK_THROWS_AS(o.up_to(1, "v", v), usage_error);
    }
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/decimal.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace smldist;

TEST_CASE("decimal_exponent: where the first digit stands") {
    CHECK(decimal_exponent("1", "") == 1);
    CHECK(decimal_exponent("123.4", "") == 3);
    CHECK(decimal_exponent("0.1", "") == 0);
    CHECK(decimal_exponent(".001", "") == -2);
    CHECK(decimal_exponent("1.5", "e400") == 401);
    CHECK(decimal_exponent("1", "E-400") == -399);
    CHECK(decimal_exponent("0.01", "e+5") == 4);
    CHECK(decimal_exponent("0." + std::string(400, '0') + "1", "") == -400);
    CHECK(decimal_exponent("1" + std::string(400, '0'), "") == 401);
    CHECK(decimal_exponent("1", "e99999999999999999999") > 0);
    CHECK(decimal_exponent("1", "e-99999999999999999999") < 0);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/compat.hpp"

#include <doctest/doctest.h>

using namespace smldist;

TEST_CASE("compat: text and back") {
    for (const auto c : {nn::compat::smldist, nn::compat::ref2021}) CHECK(nn::parse_compat(nn::text(c)) == c);
    CHECK(nn::text(nn::compat::ref2021) == "ref2021");
    CHECK_THROWS_WITH_AS(nn::parse_compat("2021"), "nn::compat: name is \"2021\", expected smldist or ref2021",
                         usage_error);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/activation.hpp"

#include <doctest/doctest.h>
#include <set>
#include <vector>

using namespace smldist;

TEST_CASE("activation: with_constant calls f once, with the same value") {
    for (std::size_t i = 0; i < activation_names.size(); ++i) {
        std::vector<activation> seen;
        with_constant(static_cast<activation>(i), [&seen](auto f) {
            static_assert(name_of(f) != "");
            seen.push_back(f);
        });
        CHECK(seen == std::vector{static_cast<activation>(i)});
    }
}

TEST_CASE("activation: every enumerator has a name of its own") {
    using enum activation;
    CHECK(name_of(none) == "none");
    CHECK(name_of(hard_swish) == "hard_swish");
    CHECK(name_of(activation::log) == "log");
    CHECK(static_cast<std::size_t>(activation::log) + 1 == activation_names.size());
    CHECK(std::set<std::string_view>(activation_names.begin(), activation_names.end()).size() ==
          activation_names.size());
}

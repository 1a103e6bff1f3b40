// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/activation.hpp"

#include <doctest/doctest.h>
#include <set>
#include <vector>

using namespace smldist;

TEST_CASE("activation: with_constant calls f once, with the same value") {
    for (std::size_t i = 0; i < names_of<activation>().size(); ++i) {
        std::vector<activation> seen;
        with_constant(static_cast<activation>(i), [&seen](auto f) {
            static_assert(name_of(f.value) != "");
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
    CHECK(static_cast<std::size_t>(activation::abs) + 1 == names_of<activation>().size());
    CHECK(std::set<std::string_view>(names_of<activation>().begin(), names_of<activation>().end()).size() ==
          names_of<activation>().size());
}

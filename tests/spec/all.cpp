// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/all.hpp"

#include <doctest/doctest.h>
#include <set>
#include <string_view>
#include <type_traits>

using namespace smldist;

TEST_CASE("all: names are unique and found again") {
    std::set<std::string_view> names;
    std::size_t count = 0;
    spec::for_each([&](const auto& s) {
        using S = std::decay_t<decltype(s)>;
        ++count;
        std::size_t options = 0;
        spec::visit_options(s, [&](std::string_view, const auto&) { ++options; });
        CHECK_MESSAGE((options == 0) == std::is_empty_v<S>, S::name); // no option is without a name
        names.insert(S::name);
        std::string_view found;
        CHECK(spec::visit_named(S::name, [&](const auto& same) { found = std::decay_t<decltype(same)>::name; }));
        CHECK(found == S::name);
    });
    CHECK(names.size() == count);
    CHECK(count == 66);
    CHECK_FALSE(spec::visit_named("fourier", [](const auto&) {}));
    CHECK_FALSE(spec::visit_named("", [](const auto&) {}));
    for (const auto name : names_of<activation>()) CHECK(names.count(name) == (name != "none"));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/loss_terms.hpp"

#include <doctest/doctest.h>
#include <string>

#include "allocations.hpp"

using namespace smldist;
using train::loss_terms;

namespace {

std::string text(const loss_terms& t) {
    std::string s;
    for (const auto& [name, value] : t) s += std::string(name) + '=' + std::to_string(value) + ' ';
    return s;
}

} // namespace

TEST_CASE("loss_terms: values are found by name and kept in the order of add") {
    loss_terms t;
    CHECK(t.size() == 0);
    CHECK(t["hard"] == 0);
    t.add("soft", 2);
    t.add("hard", 0.5);
    t.add("soft", 0.25);
    t.add("zero", 0);
    CHECK(t.size() == 3);
    CHECK(t["soft"] == 2.25);
    CHECK(t["hard"] == 0.5);
    CHECK(t["zero"] == 0);
    CHECK(t["stage"] == 0);
    CHECK(t["sof"] == 0);
    CHECK(t.total == 0);
    CHECK(text(t) == "soft=2.250000 hard=0.500000 zero=0.000000 ");
}

TEST_CASE("loss_terms: can be summed and scaled") {
    loss_terms a, b;
    a.total = 1;
    a.add("hard", 2);
    a.add("soft", 3);
    b.total = 10;
    b.add("stage", 40);
    b.add("hard", 20);
    a += b;
    const auto half = a * 0.5;
    CHECK(half.total == 5.5);
    CHECK(text(half) == "hard=11.000000 soft=1.500000 stage=20.000000 ");
    CHECK(a["stage"] == 40);
}

TEST_CASE("loss_terms: holds at most as many names as its capacity and allocates nothing") {
    const std::string_view names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
    loss_terms t;
    const std::size_t before = allocations();
    for (std::size_t i = 0; i < loss_terms::capacity; ++i) t.add(names[i], double(i));
    t += t * 2;
    CHECK(allocations() == before);
    CHECK(t["h"] == 21);
    CHECK_THROWS_WITH_AS(t.add("i", 1), "loss_terms::add: number of names is 9 with \"i\", expected at most 8",
                         usage_error);
    CHECK_NOTHROW(t.add("h", 1));
}

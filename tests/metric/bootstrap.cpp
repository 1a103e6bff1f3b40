// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/metric/bootstrap.hpp"

#include <doctest/doctest.h>
#include <vector>

using namespace smldist;
using metric::confusion;

namespace {

/// A person with n windows of each of two classes, of which `wrong` of class 0 are predicted as class 1.
confusion person(int n, int wrong) {
    confusion c(2);
    for (int i = 0; i < n; ++i) {
        c.add(0, i < wrong ? 1 : 0);
        c.add(1, 1);
    }
    return c;
}

} // namespace

TEST_CASE("two equal methods differ by nothing") {
    const std::vector<metric::paired_counts> people(5, {person(10, 3), person(10, 3)});
    const auto r = metric::paired_bootstrap(people, generator(1), 500);
    CHECK(r.difference == 0);
    CHECK(r.low == 0);
    CHECK(r.high == 0);
    CHECK(r.p == 1);
}

TEST_CASE("the difference is that of all people together") {
    const std::vector<metric::paired_counts> people{{person(10, 4), person(10, 1)}, {person(20, 2), person(20, 0)}};
    confusion first = person(10, 4), second = person(10, 1);
    first.merge(person(20, 2));
    second.merge(person(20, 0));
    const auto r = metric::paired_bootstrap(people, generator(1), 100);
    CHECK(r.difference == second.macro_f1() - first.macro_f1());
}

TEST_CASE("of two people a resample has one twice or both") {
    // Three values are possible: person 0 twice, person 1 twice (1/4 each), both (1/2).
    const std::vector<metric::paired_counts> people{{person(10, 4), person(10, 4)}, {person(10, 5), person(10, 0)}};
    const double best = 1 - person(10, 5).macro_f1();
    const auto narrow = metric::paired_bootstrap(people, generator(2), 4000, 0.2);
    CHECK(narrow.low == narrow.difference); // the middle half is the case with both
    CHECK(narrow.high == narrow.difference);
    const auto wide = metric::paired_bootstrap(people, generator(2), 4000, 0.95);
    CHECK(wide.low == 0);
    CHECK(wide.high == doctest::Approx(best).epsilon(1e-12));
    // A quarter of the draws is exactly 0, none below: p = 2 * 1/4.
    CHECK(wide.p == doctest::Approx(0.5).epsilon(0.1));
}

TEST_CASE("a method that is better for everybody has a small p and one that swaps sides has the same") {
    std::vector<metric::paired_counts> better, worse;
    for (int i = 0; i < 8; ++i) {
        better.push_back({person(10, 4 + i % 2), person(10, 1)});
        worse.push_back({person(10, 1), person(10, 4 + i % 2)});
    }
    const auto up = metric::paired_bootstrap(better, generator(3), 999),
               down = metric::paired_bootstrap(worse, generator(3), 999);
    CHECK(up.low > 0);
    CHECK(up.p == doctest::Approx(2.0 / 1000));
    CHECK(down.p == up.p);
    CHECK(down.difference == -up.difference);
    CHECK(down.high == doctest::Approx(-up.low).epsilon(1e-12));
}

TEST_CASE("a seed gives the same interval, another seed another one") {
    std::vector<metric::paired_counts> people;
    for (int i = 0; i < 6; ++i) people.push_back({person(10, i), person(10, (i * 3) % 5)});
    const auto a = metric::paired_bootstrap(people, generator(4), 200),
               b = metric::paired_bootstrap(people, generator(4), 200),
               c = metric::paired_bootstrap(people, generator(5), 200);
    CHECK(a.low == b.low);
    CHECK(a.high == b.high);
    CHECK(a.low != c.low);
    CHECK(a.difference == c.difference);
}

TEST_CASE("paired_bootstrap refuses what it cannot answer") {
    const std::vector<metric::paired_counts> people(3, {person(4, 1), person(4, 2)});
    CHECK_THROWS_AS((void)metric::paired_bootstrap({people[0]}, generator(0)), data_error);
    CHECK_THROWS_AS((void)metric::paired_bootstrap(people, generator(0), 0), usage_error);
    CHECK_THROWS_AS((void)metric::paired_bootstrap(people, generator(0), 10, 1), usage_error);
    CHECK_THROWS_AS((void)metric::paired_bootstrap({people[0], {confusion(3), confusion(3)}}, generator(0), 10),
                    usage_error);
}

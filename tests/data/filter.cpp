// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/filter.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <string>

#include "smldist/core/error.hpp"

using namespace smldist;

namespace {

/// Windows of 128 samples at 50 Hz whose samples are their position: of each person in turn `each` of every class.
data::windows people(const std::vector<int>& subjects, std::size_t each = 4) {
    data::windows w;
    w.info.labels = {"sit", "walk", "run"};
    w.info.rate_hz = 50;
    for (const int subject : subjects)
        for (std::size_t k = 0; k < each; ++k)
            for (int label = 0; label < 3; ++label) {
                w.subject.push_back(subject);
                w.label.push_back(label);
            }
    w.x = tensor<float>(shape{w.subject.size(), 128, 1});
    for (std::size_t i = 0; i < w.x.size(); ++i) w.x[i] = static_cast<float>(i / 128);
    return w;
}

constexpr double hop = 1.28;

template <class E>
std::string refusal(const data::windows& w, const data::window_filter& f, double hop_seconds = hop) {
    try {
        static_cast<void>(data::filtered(w, f, hop_seconds));
    } catch (const E& e) { return e.what(); }
    return "";
}

} // namespace

TEST_CASE("filtered: an empty filter keeps everything") {
    const data::windows w = people({3, 1, 7});
    CHECK_FALSE(data::window_filter{}.any());
    const data::windows all = data::filtered(w, {}, 0);
    CHECK(identical(all.x, w.x));
    CHECK(all.label == w.label);
    CHECK(all.subject == w.subject);
    CHECK(all.info == w.info);
    for (const auto& f : {data::window_filter{{"1"}, {}, {}, 0}, data::window_filter{{}, {"1"}, {}, 0},
                          data::window_filter{{}, {}, {"sit"}, 0}, data::window_filter{{}, {}, {}, 1}})
        CHECK(f.any());
}

TEST_CASE("filtered: people by number or name, with and without") {
    data::windows w = people({3, 1, 7});
    const data::windows two = data::filtered(w, {{"7", "3"}, {}, {}, 0}, 0);
    CHECK(two.size() == 24);
    CHECK(two.subjects() == std::vector<int>{3, 7});
    CHECK(two.x(0, 0, 0) == 0);
    CHECK(two.x(12, 5, 0) == 24); // in their order, without those of 1
    CHECK(data::filtered(w, {{}, {"3"}, {}, 0}, 0).subjects() == std::vector<int>{1, 7});
    CHECK(data::filtered(w, {{"3", "1"}, {"3"}, {}, 0}, 0).subjects() == std::vector<int>{1});

    w.info.subjects = {"nobody", "anna", "", "bert", "", "", "", "carl"};
    CHECK(data::filtered(w, {{"carl", "anna"}, {}, {}, 0}, 0).subjects() == std::vector<int>{1, 7});
    CHECK(data::filtered(w, {{}, {"anna"}, {}, 0}, 0).info.subjects == w.info.subjects);
    CHECK(refusal<usage_error>(w, {{"1"}, {}, {}, 0}) ==
          "window_filter: subject is \"1\", expected one of anna, bert, carl");
    CHECK(refusal<usage_error>(w, {{}, {"nobody"}, {}, 0}) ==
          "window_filter: excluded subject is \"nobody\", expected one of anna, bert, carl");
    CHECK(refusal<data_error>(w, {{"anna"}, {"anna"}, {}, 0}) ==
          "window_filter: number of windows left is 0, expected at least one");
}

TEST_CASE("filtered: classes are renumbered in the order of info.labels; targets follow") {
    data::windows w = people({2, 4}, 1);
    w.target = tensor<float>(shape{6, 1});
    for (std::size_t i = 0; i < 6; ++i) w.target[i] = static_cast<float>(10 * i);
    const data::windows some = data::filtered(w, {{}, {}, {"run", "sit"}, 0}, 0);
    CHECK(some.info.labels == std::vector<std::string>{"sit", "run"});
    CHECK(some.label == std::vector<int>{0, 1, 0, 1});
    CHECK(some.subject == std::vector<int>{2, 2, 4, 4});
    CHECK(some.target(1, 0) == 20);
    CHECK(some.x(3, 0, 0) == 5);
    CHECK_NOTHROW(some.check());
    CHECK(refusal<usage_error>(w, {{}, {}, {"run", "fly"}, 0}) ==
          "window_filter: class is \"fly\", expected one of sit, walk, run");
    w.label.clear();
    w.info.labels = {"pulse"};
    CHECK(refusal<usage_error>(w, {{}, {}, {"pulse"}, 0}) ==
          "window_filter: number of classes is 1, expected 0 for windows without classes");
    CHECK(data::filtered(w, {{"4"}, {}, {}, 0}, 0).target(0, 0) == 30);
}

TEST_CASE("filtered: so many minutes of each class of each person, the earliest windows") {
    const data::windows w = people({5, 6}, 10);
    // n windows last 2.56 + (n - 1) * 1.28 s.
    for (const auto& row : {std::pair(2.56, 1u), std::pair(3.83, 1u), std::pair(3.84, 2u), std::pair(7.68, 5u),
                            std::pair(14.07, 9u), std::pair(14.08, 10u), std::pair(60.0, 10u)}) {
        CAPTURE(row.first);
        const data::windows some = data::filtered(w, {{}, {}, {}, row.first / 60}, hop);
        REQUIRE(some.size() == 6 * row.second);
        for (std::size_t i = 0; i < some.size(); ++i) {
            const std::size_t of_person = 3 * row.second;
            REQUIRE(some.x(i, 0, 0) == static_cast<float>(i < of_person ? i : 30 + i - of_person));
        }
    }
    data::windows target = people({5, 6}, 2); // of each person, where there are no classes
    target.label.clear();
    target.target = tensor<float>(shape{12, 3});
    CHECK(data::filtered(target, {{}, {}, {}, 2.56 / 60}, hop).subject == std::vector<int>{5, 6});

    CHECK(refusal<data_error>(w, {{}, {}, {}, 2.55 / 60}) ==
          "window_filter: number of windows left is 0, expected at least one");
    const std::string wanted = "expected a number of at least 0";
    for (const double bad : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()})
        CHECK(refusal<usage_error>(w, {{}, {}, {}, bad}).find(wanted) != std::string::npos);
    CHECK(refusal<usage_error>(w, {{}, {}, {}, 1}, 0) ==
          "window_filter: max_minutes is set with a hop of 0 s and a sampling rate of 50 Hz, expected both above 0");
    data::windows no_rate = w;
    no_rate.info.rate_hz = 0;
    CHECK(refusal<usage_error>(no_rate, {{}, {}, {}, 1}) != "");
}

TEST_CASE("filtered: both sides of a split keep the same classes; names may be on one side only") {
    const data::train_test sets{people({1, 2}), people({3})};
    const data::train_test some = data::filtered(sets, {{"1", "3"}, {}, {"run"}, 0}, hop);
    CHECK(some.train.subjects() == std::vector<int>{1});
    CHECK(some.test.subjects() == std::vector<int>{3});
    CHECK(some.train.info == some.test.info);
    CHECK(some.test.label == std::vector<int>(4, 0));
    const data::train_test one = data::filtered(sets, {{"3"}, {}, {}, 0}, hop);
    CHECK(one.train.empty());
    CHECK(one.train.length() == 128);
    CHECK(one.test.size() == 12);
    CHECK_THROWS_WITH_AS(data::filtered(sets, {{"4"}, {}, {}, 0}, hop),
                         "window_filter: subject is \"4\", expected one of 1, 2, 3", usage_error);
    CHECK_THROWS_WITH_AS(data::filtered(sets, {{}, {"1", "2", "3"}, {}, 0}, hop),
                         "window_filter: number of windows left is 0, expected at least one", data_error);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/split.hpp"

#include <doctest/doctest.h>
#include <set>

#include "smldist/data/normaliser.hpp"

using namespace smldist;

namespace {

/// Windows whose one sample is their position; subjects 10, 20, 30, 40, 50 with 1, 2, 3, 4, 5 windows, interleaved.
data::windows five_people() {
    data::windows w;
    w.info.labels = {"a", "b"};
    for (int round = 0; round < 5; ++round)
        for (int person = round + 1; person <= 5; ++person) w.subject.push_back(10 * person);
    w.x = tensor<float>(shape{w.subject.size(), 1, 1});
    for (std::size_t i = 0; i < w.subject.size(); ++i) {
        w.label.push_back(static_cast<int>(i % 2));
        w.x[i] = static_cast<float>(i);
    }
    return w;
}

} // namespace

TEST_CASE("by_subject parts the windows and keeps their order") {
    const data::windows w = five_people();
    const auto [in, out] = data::by_subject(w, {40, 10});
    CHECK(in.subjects() == std::vector<int>{10, 40});
    CHECK(out.subjects() == std::vector<int>{20, 30, 50});
    CHECK(in.size() == 5);
    CHECK(in.size() + out.size() == w.size());
    CHECK_NOTHROW(data::require_disjoint_subjects(in, out));
    std::multiset<float> all(in.x.begin(), in.x.end());
    all.insert(out.x.begin(), out.x.end());
    CHECK(all == std::multiset<float>(w.x.begin(), w.x.end()));
    CHECK(std::is_sorted(out.x.begin(), out.x.end()));
    for (std::size_t i = 0; i < in.size(); ++i) {
        const auto from = static_cast<std::size_t>(in.x[i]);
        CHECK(in.subject[i] == w.subject[from]);
        CHECK(in.label[i] == w.label[from]);
    }
    CHECK_THROWS_WITH_AS(data::by_subject(w, {10, 60}),
                         "by_subject: subject 60 has no window, expected one of 5 subjects in the data", data_error);
}

TEST_CASE("splits take the target along, with classes and without") {
    for (const bool classes : {true, false}) {
        CAPTURE(classes);
        data::windows w = five_people();
        w.target = tensor<float>(shape{w.size(), 2});
        for (std::size_t i = 0; i < w.size(); ++i) w.target(i, 1) = 100 + w.x[i];
        if (!classes) w.label.clear();
        const auto fits = [](const data::windows& part) {
            CHECK_NOTHROW(part.check());
            CHECK(part.size() > 0);
            for (std::size_t i = 0; i < part.size(); ++i) CHECK(part.target(i, 1) == 100 + part.x[i]);
        };
        const auto people = data::by_subject(w, {40, 10});
        fits(people.in);
        fits(people.out);
        const auto held = data::hold_out_subjects(w, 2, 1);
        fits(held.train);
        fits(held.validation);
        const auto [train, test] = data::test_on(w, {20});
        fits(train);
        fits(test);
        fits(data::normalised(w, normaliser{}));
    }
}

TEST_CASE("a subject on both sides is named") {
    const data::windows w = five_people();
    const auto a = data::by_subject(w, {10, 30}).in, b = data::by_subject(w, {20, 30}).in;
    CHECK_THROWS_WITH_AS(data::require_disjoint_subjects(a, b),
                         "split: subject 30 is on both sides, expected disjoint subjects", data_error);
}

TEST_CASE("hold_out_subjects is a function of the seed and holds out whole people") {
    const data::windows w = five_people();
    std::set<std::vector<int>> choices;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        const data::hold_out a = data::hold_out_subjects(w, 2, seed), b = data::hold_out_subjects(w, 2, seed);
        CHECK(a.validation_subjects == b.validation_subjects);
        CHECK(identical(a.train.x, b.train.x));
        CHECK(a.validation.subjects() == a.validation_subjects);
        CHECK(a.validation_subjects.size() == 2);
        CHECK(a.train.subjects().size() == 3);
        CHECK_NOTHROW(data::require_disjoint_subjects(a.train, a.validation));
        choices.insert(a.validation_subjects);
    }
    CHECK(choices.size() > 4);
    CHECK_THROWS_AS(data::hold_out_subjects(w, 0, 1), usage_error);
    CHECK_THROWS_AS(data::hold_out_subjects(w, 5, 1), usage_error);
    CHECK_THROWS_AS(data::hold_out_subjects(data::windows{}, 1, 1), usage_error);
}

TEST_CASE("folds partition the subjects") {
    const data::windows w = five_people();
    const auto loso = data::leave_one_subject_out(w);
    CHECK(loso == std::vector<std::vector<int>>{{10}, {20}, {30}, {40}, {50}});
    // Largest first: 50 (5), 40 (4), 30 (3) to the lighter second, 20 (2) to the first, 10 (1) to either of 7 and 7.
    CHECK(data::group_k_fold(w, 2) == std::vector<std::vector<int>>{{10, 20, 50}, {30, 40}});
    for (std::size_t k = 2; k <= 5; ++k) {
        const auto folds = data::group_k_fold(w, k);
        std::vector<int> all;
        CHECK(folds.size() == k);
        for (const auto& fold : folds) {
            CHECK(!fold.empty());
            all.insert(all.end(), fold.begin(), fold.end());
        }
        std::sort(all.begin(), all.end());
        CHECK(all == w.subjects());
    }
    CHECK_THROWS_AS(data::group_k_fold(w, 1), usage_error);
    CHECK_THROWS_AS(data::group_k_fold(w, 6), usage_error);
    CHECK_THROWS_AS(data::leave_one_subject_out(data::by_subject(w, {10}).in), usage_error);
}

TEST_CASE("every third person is for test when a set has no official split") {
    const data::windows w = five_people();
    CHECK(data::every_third_subject(w) == std::vector<int>{30});
    const auto [train, test] = data::test_on(w, data::every_third_subject(w));
    CHECK(test.subjects() == std::vector<int>{30});
    CHECK(train.subjects() == std::vector<int>{10, 20, 40, 50});
    CHECK(train.size() + test.size() == w.size());
    CHECK_NOTHROW(data::require_disjoint_subjects(train, test));
    CHECK_THROWS_AS(data::every_third_subject(data::by_subject(w, {10, 20}).in), data_error);
    CHECK_THROWS_AS(data::test_on(w, {11}), data_error);
    CHECK_THROWS_AS(data::test_on(w, {10, 20, 30, 40, 50}), data_error);
}

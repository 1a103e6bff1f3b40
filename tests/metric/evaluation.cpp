// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/metric/evaluation.hpp"

#include <doctest/doctest.h>

using namespace smldist;

TEST_CASE("evaluation: by hand, with a subject who did not do everything") {
    const std::vector<int> labels{0, 1, 2, 0, 0, 1}, subjects{7, 7, 7, 3, 3, 3}, predicted{0, 1, 2, 0, 1, 1};
    const auto e = metric::evaluate(3, labels, subjects, predicted);
    CHECK(e.accuracy == 5.0 / 6);
    // Class 0: TP 2, FN 1: 4/5. Class 1: TP 2, FP 1: 4/5. Class 2: 1.
    CHECK(e.macro_f1 == doctest::Approx((0.8 + 0.8 + 1) / 3).epsilon(1e-15));
    REQUIRE(e.subject_f1.size() == 2);
    CHECK(e.subject_f1[0].first == 3);
    CHECK(e.subject_f1[0].second == doctest::Approx(2.0 / 3).epsilon(1e-15)); // classes 0 and 1 only
    CHECK(e.subject_f1[1] == std::pair(7, 1.0));
    CHECK(e.worst_subject == 3);
    CHECK(e.worst_subject_f1 == e.subject_f1[0].second);
    CHECK(e.counts.total() == 6);
    CHECK(!e.calibration_error.has_value());
}

TEST_CASE("evaluation: predicting a class the subject never performed costs") {
    const auto e = metric::evaluate(3, {0, 0}, {1, 1}, {0, 2});
    CHECK(e.worst_subject_f1 == doctest::Approx(1.0 / 3).epsilon(1e-15)); // mean of 2/3 and 0
}

TEST_CASE("evaluation: classes that do not occur are left out and counted") {
    const std::vector<int> labels{0, 1, 2, 0}, subjects{1, 1, 2, 2}, predicted{0, 1, 2, 2};
    const auto e = metric::evaluate(5, labels, subjects, predicted);
    // Class 0: TP 1, FN 1: 2/3. Class 1: 1. Class 2: TP 1, FP 1: 2/3.
    CHECK(e.macro_f1 == doctest::Approx(7.0 / 9).epsilon(1e-15));
    CHECK(e.absent_classes == 2);
    // Unused names change no figure.
    const auto same = metric::evaluate(3, labels, subjects, predicted);
    CHECK(same.macro_f1 == e.macro_f1);
    CHECK(same.subject_f1 == e.subject_f1);
    CHECK(same.absent_classes == 0);
    // A single class, all right and all wrong.
    CHECK(metric::evaluate(2, {1, 1}, {1, 2}, {1, 1}).macro_f1 == 1);
    CHECK(metric::evaluate(2, {1, 1}, {1, 2}, {1, 1}).absent_classes == 1);
    CHECK(metric::evaluate(2, {1, 1}, {1, 2}, {0, 0}).macro_f1 == 0);
}

TEST_CASE("evaluation: from probabilities") {
    const tensor<float> p{{0.75f, 0.25f}, {0.25f, 0.75f}};
    const auto e = metric::evaluate({0, 0}, {1, 2}, p);
    CHECK(e.accuracy == 0.5);
    CHECK(e.worst_subject == 2);
    CHECK(e.worst_subject_f1 == 0);
    REQUIRE(e.calibration_error.has_value());
    CHECK(*e.calibration_error == 0.25);
}

TEST_CASE("evaluation: bad input") {
    CHECK_THROWS_AS(metric::evaluate(2, {}, {}, std::vector<int>{}), data_error);
    CHECK_THROWS_AS(metric::evaluate(2, {0}, {}, std::vector<int>{0}), shape_error);
    CHECK_THROWS_AS(metric::evaluate(2, {0}, {1}, std::vector<int>{0, 1}), shape_error);
    CHECK_THROWS_AS(metric::evaluate(2, {0}, {1}, std::vector<int>{2}), usage_error);
    CHECK_THROWS_AS(metric::evaluate(2, {2}, {1}, std::vector<int>{1}), usage_error);
    CHECK_THROWS_WITH_AS(metric::evaluate(2, {-1, -1}, {1, 1}, std::vector<int>{0, 1}), // without labels
                         "confusion.add: label and prediction are -1 and 0, expected both below 2 and not negative",
                         usage_error);
    CHECK_THROWS_AS(metric::evaluate({0, 1}, {1, 1}, tensor<float>{{0.5f, 0.5f}}), shape_error);
}

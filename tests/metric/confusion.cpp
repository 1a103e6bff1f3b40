// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/metric/confusion.hpp"

#include <doctest/doctest.h>

using namespace smldist;
using metric::confusion;

namespace {

confusion of(std::size_t classes, const std::vector<int>& labels, const std::vector<int>& predicted) {
    confusion c(classes);
    for (std::size_t i = 0; i < labels.size(); ++i) c.add(labels[i], predicted[i]);
    return c;
}

} // namespace

TEST_CASE("confusion: every figure by hand") {
    //        predicted 0 1 2
    // label 0          2 1 0
    // label 1          0 1 1
    // label 2          1 0 0
    const confusion c = of(3, {0, 0, 0, 1, 1, 2}, {0, 0, 1, 1, 2, 0});
    CHECK(c.total() == 6);
    CHECK(c(0, 0) == 2);
    CHECK(c(0, 1) == 1);
    CHECK(c(2, 0) == 1);
    CHECK(c.labelled(0) == 3);
    CHECK(c.predicted(0) == 3);
    CHECK(c.accuracy() == 0.5);
    CHECK(c.recall(0) == 2.0 / 3);
    CHECK(c.precision(1) == 0.5);
    CHECK(c.recall(1) == 0.5);
    CHECK(c.precision(2) == 0);
    CHECK(c.f1(0) == 4.0 / 6);
    CHECK(c.f1(1) == 0.5);
    CHECK(c.f1(2) == 0);
    CHECK(c.macro_f1() == doctest::Approx((4.0 / 6 + 0.5) / 3).epsilon(1e-15));
}

TEST_CASE("confusion: 0/0 is 0, never NaN") {
    const confusion c = of(3, {0, 0}, {0, 0}); // classes 1 and 2 neither occur nor are predicted
    CHECK(c.precision(1) == 0);
    CHECK(c.recall(1) == 0);
    CHECK(c.f1(1) == 0);
    CHECK(confusion(3).accuracy() == 0);
}

TEST_CASE("confusion: macro-F1 is the mean over the classes that occur as label or prediction") {
    // Classes 2 and 5 are names that no window has and that nobody predicts.
    // Class 0: TP 3, FP 1, FN 1: 6/8. Class 1: TP 2, FP 1, FN 1: 4/6. Class 3: TP 2, FP 0, FN 0: 1. Class 4: TP 3,
    // FP 1, FN 1: 6/8. scikit-learn's f1_score(average="macro") is their mean, 19/24.
    const confusion c = of(6, {0, 0, 0, 0, 1, 1, 1, 3, 3, 4, 4, 4, 4}, {0, 0, 0, 1, 1, 1, 4, 3, 3, 4, 4, 4, 0});
    CHECK(c.macro_f1() == doctest::Approx(19.0 / 24).epsilon(1e-15));
    CHECK(c.absent() == 2);
    for (const std::size_t n : {2u, 5u}) CHECK_FALSE(c.occurs(n));

    // A class that is only predicted is there, with 0; and so is one that is never predicted.
    CHECK(of(3, {0, 0}, {0, 2}).macro_f1() == doctest::Approx((2.0 / 3 + 0) / 2).epsilon(1e-15));
    CHECK(of(3, {0, 0}, {0, 2}).absent() == 1);
    CHECK(of(3, {0, 1}, {0, 0}).macro_f1() == doctest::Approx((2.0 / 3 + 0) / 2).epsilon(1e-15));

    // One class; nothing at all.
    CHECK(of(3, {1, 1}, {1, 1}).macro_f1() == 1);
    CHECK(of(3, {1, 1}, {1, 1}).absent() == 2);
    CHECK(of(3, {1, 1}, {2, 2}).macro_f1() == 0);
    CHECK(confusion(3).macro_f1() == 0);
    CHECK(confusion(3).absent() == 3);
    CHECK(confusion().macro_f1() == 0);
    CHECK(confusion().absent() == 0);
}

TEST_CASE("confusion: merging is counting together") {
    confusion a = of(2, {0, 1}, {0, 0});
    a.merge(of(2, {1, 1}, {1, 0}));
    CHECK(a == of(2, {0, 1, 1, 1}, {0, 0, 1, 0}));
    CHECK_THROWS_AS(a.merge(confusion(3)), usage_error);
    CHECK_THROWS_AS(a.add(2, 0), usage_error);
    CHECK_THROWS_AS(a.add(0, -1), usage_error);
    CHECK(a.total() == 4);
}

TEST_CASE("confusion: table") {
    const confusion c = of(2, {0, 0, 1}, {0, 1, 1});
    CHECK(c.table({"sit", "walking"}) == "label \\ predicted  sit  walking  recall  precision    F1\n"
                                         "sit                  1        1    50.0      100.0  66.7\n"
                                         "walking              0        1   100.0       50.0  66.7\n");
    CHECK(c.table().find("\n1 ") != std::string::npos);
    // A class that macro-F1 leaves out has no figures; one that is only predicted has.
    CHECK(of(3, {0, 0}, {0, 1}).table() == "label \\ predicted  0  1  2  recall  precision    F1\n"
                                           "0                  1  1  0    50.0      100.0  66.7\n"
                                           "1                  0  0  0     0.0        0.0   0.0\n"
                                           "2                  0  0  0       -          -     -\n");
}

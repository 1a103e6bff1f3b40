// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/metric/multi_label.hpp"

#include <doctest/doctest.h>
#include <limits>

#include "raises.hpp"

using namespace smldist;
using metric::average;
using metric::f1_score;
using metric::hamming_loss;
using metric::subset_accuracy;

namespace {
// Thresholds   TP, FP, FN of the three labels
//  0           2 1 1 · 1 0 1 · 0 0 1
// -0.3         2 1 1 · 2 0 0 · 0 1 1
const tensor<float> target{{1, 0, 1}, {0, 1, 0}, {1, 1, 0}, {0, 0, 0}, {1, 0, 0}};
const tensor<float> logits{{2, -1, -0.5f}, {-3, 0.2f, -2}, {1, -0.1f, -4}, {0.5f, -2, -1}, {-1, -2, -0.2f}};

/// Logits that predict what `p` has as 1.
tensor<float> predicting(tensor<float> p) {
    for (float& v : p) v = v > 0 ? 3.0f : -3.0f;
    return p;
}
} // namespace

TEST_CASE("multi-label: every figure by hand, at two thresholds") {
    CHECK(f1_score(target, logits, average::macro) == doctest::Approx(4.0 / 9).epsilon(1e-15));
    CHECK(f1_score(target, logits, average::micro) == 3.0 / 5);
    CHECK(hamming_loss(target, logits) == 4.0 / 15);
    CHECK(subset_accuracy(target, logits) == 1.0 / 5);
    CHECK(f1_score(target, logits, average::macro, -0.3) == doctest::Approx(5.0 / 9).epsilon(1e-15));
    CHECK(f1_score(target, logits, average::micro, -0.3) == 2.0 / 3);
    CHECK(hamming_loss(target, logits, -0.3) == 4.0 / 15);
    CHECK(subset_accuracy(target, logits, -0.3) == 2.0 / 5);
}

TEST_CASE("multi-label: the examples of scikit-learn's documentation") {
    // f1_score(average=None) gives 2/3, 1, 2/3.
    const tensor<float> t{{0, 0, 0}, {1, 1, 1}, {0, 1, 1}}, p = predicting({{0, 0, 0}, {1, 1, 1}, {1, 1, 0}});
    CHECK(f1_score(t, p, average::macro) == doctest::Approx(7.0 / 9).epsilon(1e-15));
    CHECK(f1_score(t, p, average::micro) == 0.8);
    const tensor<float> two{{0, 1}, {1, 1}};
    CHECK(hamming_loss(two, predicting({{0, 0}, {0, 0}})) == 0.75);
    CHECK(subset_accuracy(two, predicting({{1, 1}, {1, 1}})) == 0.5);
}

TEST_CASE("multi-label: a label that never applies and is never predicted has F1 0; 0/0 is 0") {
    const tensor<float> t{{1, 0}, {1, 0}};
    CHECK(f1_score(t, predicting(t), average::macro) == 0.5);
    CHECK(f1_score(t, predicting(t), average::micro) == 1);
    CHECK(hamming_loss(t, predicting(t)) == 0);
    CHECK(subset_accuracy(t, predicting(t)) == 1);
    const tensor<float> none(shape{2, 2});
    CHECK(f1_score(none, predicting(none), average::macro) == 0);
    CHECK(f1_score(none, predicting(none), average::micro) == 0);
    CHECK(f1_score(none, predicting({{1, 0}, {0, 0}}), average::micro) == 0);
    CHECK(subset_accuracy(none, predicting(none)) == 1);
}

TEST_CASE("multi-label: a logit at the threshold does not predict") {
    const tensor<float> t(shape{1, 1}, 1.0f), z(shape{1, 1});
    CHECK(hamming_loss(t, z) == 1);
    CHECK(hamming_loss(t, z, -1e-9) == 0);
    CHECK(hamming_loss(t, z, -std::numeric_limits<double>::infinity()) == 0);
}

TEST_CASE("multi-label: errors name the metric") {
    const auto all = [](const tensor<float>& t, const tensor<float>& z, double threshold = 0) {
        return f1_score(t, z, average::macro, threshold) + hamming_loss(t, z, threshold) +
               subset_accuracy(t, z, threshold);
    };
    CHECK_NOTHROW(all(target, logits));
    CHECK_RAISES(shape_error, "f1_score: shapes of targets and predictions are (5, 3) and (3)",
                 all(target, tensor<float>{1, 2, 3}));
    CHECK_RAISES(shape_error, "f1_score: shapes", all(tensor<float>{1}, tensor<float>{1}));
    CHECK_RAISES(shape_error, "hamming_loss: shapes", hamming_loss(target, tensor<float>(shape{5, 2})));
    CHECK_RAISES(shape_error, "subset_accuracy: shapes", subset_accuracy(target, tensor<float>(shape{5, 2})));
    CHECK_RAISES(data_error, "number of windows is 0", all(tensor<float>(shape{0, 3}), tensor<float>(shape{0, 3})));
    tensor<float> soft = target;
    soft(1, 2) = 0.5f;
    CHECK_RAISES(data_error, "f1_score: target 2 of window 1 is 0.5, expected 0 or 1", all(soft, logits));
    CHECK_RAISES(usage_error, "threshold is", all(target, logits, std::numeric_limits<double>::quiet_NaN()));
}

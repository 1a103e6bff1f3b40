// SPDX-License-Identifier: BSD-3-Clause
/// Figures of a multi-label task, in which any number of K labels applies to a window.
///
/// Label k is predicted for window i where its logit z[i,k] exceeds a threshold; 0 is a probability of 1/2.
#ifndef SMLDIST_METRIC_MULTI_LABEL_HPP
#define SMLDIST_METRIC_MULTI_LABEL_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/core/tensor.hpp"
#include "smldist/metric/predictions.hpp"

namespace smldist::metric {
SMLDIST_NAMESPACE_BEGIN

/// How the F1 of several labels become one number.
enum class average : std::uint8_t {
    micro, ///< F1 of the counts summed over the labels: frequent labels weigh more
    macro  ///< mean of the labels' F1: all weigh alike
};

namespace detail {

/// Calls f(label, applies, predicted) for every entry of the target, window by window.
/// Throws     as check_predictions; data_error for a target other than 0 and 1; usage_error for a threshold that is NaN.
template <class F>
void for_each_label(std::string_view where, const tensor<float>& target, const tensor<float>& logits,
                    double threshold, F&& f) {
    check_predictions(where, target, logits);
    if (std::isnan(threshold)) raise<usage_error>(where, "threshold is ", threshold, ", expected a number");
    const std::size_t K = target.shape()[1];
    for (std::size_t i = 0; i < target.size(); ++i) {
        if (target[i] != 0 && target[i] != 1)
            raise<data_error>(where, "target ", i % K, " of window ", i / K, " is ", target[i], ", expected 0 or 1");
        f(i % K, target[i] == 1, double(logits[i]) > threshold);
    }
}

} // namespace detail

/// F1 = 2 TP / (2 TP + FP + FN), averaged over the labels. A label that never applies and is never predicted has F1 0, and
/// counts in the macro average.
///
/// Shapes     target (N, K), 0 or 1 · logits (N, K)
/// Throws     as check_predictions; data_error for a target other than 0 and 1; usage_error for a threshold that is NaN.
/// Source     sklearn.metrics.f1_score of an indicator matrix, average="micro" or "macro", zero_division=0.
inline double f1_score(const tensor<float>& target, const tensor<float>& logits, average how, double threshold = 0) {
    const std::size_t K = target.shape().rank() == 2 ? target.shape()[1] : 0;
    std::vector<double> hits(K), total(K); // TP and 2 TP + FP + FN of each label
    detail::for_each_label("f1_score", target, logits, threshold, [&](std::size_t k, bool applies, bool predicted) {
        hits[k] += applies && predicted ? 1 : 0;
        total[k] += (applies ? 1 : 0) + (predicted ? 1 : 0);
    });
    const auto f1 = [](double h, double n) { return n == 0 ? 0 : 2 * h / n; };
    double sum = 0, all_hits = 0, all = 0;
    for (std::size_t k = 0; k < K; ++k) {
        sum += f1(hits[k], total[k]);
        all_hits += hits[k];
        all += total[k];
    }
    return how == average::micro ? f1(all_hits, all) : sum / double(K);
}

/// Share of the N K entries that are predicted wrong.
///
/// Shapes, Throws   as f1_score.
/// Source     sklearn.metrics.hamming_loss.
inline double hamming_loss(const tensor<float>& target, const tensor<float>& logits, double threshold = 0) {
    std::size_t wrong = 0;
    detail::for_each_label("hamming_loss", target, logits, threshold,
                           [&](std::size_t, bool applies, bool predicted) { wrong += applies != predicted ? 1 : 0; });
    return double(wrong) / double(target.size());
}

/// Share of the windows whose K labels are all predicted right: the subset accuracy.
///
/// Shapes, Throws   as f1_score.
/// Source     sklearn.metrics.accuracy_score of an indicator matrix.
inline double subset_accuracy(const tensor<float>& target, const tensor<float>& logits, double threshold = 0) {
    std::size_t right = 0, faults = 0;
    detail::for_each_label("subset_accuracy", target, logits, threshold,
                           [&](std::size_t k, bool applies, bool predicted) {
                               if (k == 0) faults = 0;
                               faults += applies != predicted ? 1 : 0;
                               if (k + 1 == target.shape()[1] && faults == 0) ++right;
                           });
    return double(right) / double(target.shape()[0]);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::metric

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// The figure by which training judges a network on the validation windows.
#ifndef SMLDIST_TRAIN_VALIDATION_METRIC_HPP
#define SMLDIST_TRAIN_VALIDATION_METRIC_HPP

#include <functional>
#include <string>

#include "smldist/core/tensor.hpp"
#include "smldist/data/window.hpp"
#include "smldist/metric/multi_label.hpp"
#include "smldist/metric/regression.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

/// A figure of logits (N, K) on N windows. It decides which epoch is the best, when patience ends, and what a plateau schedule
/// observes. Empty: the macro-F1 of the classes; windows without classes need a metric.
///
///     options.metric = train::r2_score();
///     options.metric = {"accuracy", [](const tensor<float>& logits, const data::windows& w) { return …; }};
struct validation_metric {
    std::string name = {};
    std::function<double(const tensor<float>& logits, const data::windows& w)> value = {};
    bool larger_is_better = true; ///< false for an error

    bool empty() const { return !value; }
    /// Whether a is a better value than b.
    bool better(double a, double b) const { return larger_is_better ? a > b : a < b; }
};

/// R² of a regression (metric::r2_score); the larger, the better.
inline validation_metric r2_score() {
    return {"r2", [](const tensor<float>& y, const data::windows& w) { return metric::r2_score(w.target, y); }};
}
/// Mean squared error of a regression (metric::mean_squared_error); the smaller, the better.
inline validation_metric mean_squared_error() {
    return {"mean_squared_error",
            [](const tensor<float>& y, const data::windows& w) { return metric::mean_squared_error(w.target, y); },
            false};
}
/// Mean absolute error of a regression (metric::mean_absolute_error); the smaller, the better.
inline validation_metric mean_absolute_error() {
    return {"mean_absolute_error",
            [](const tensor<float>& y, const data::windows& w) { return metric::mean_absolute_error(w.target, y); },
            false};
}
/// F1 of a multi-label task (metric::f1_score); the larger, the better. A label is predicted where its logit exceeds
/// `threshold`.
inline validation_metric f1_score(metric::average how = metric::average::macro, double threshold = 0) {
    return {how == metric::average::macro ? "macro_f1" : "micro_f1",
            [=](const tensor<float>& z, const data::windows& w) {
                return metric::f1_score(w.target, z, how, threshold);
            }};
}

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// The figure by which training judges a network on the validation windows.
#ifndef SMLDIST_TRAIN_VALIDATION_METRIC_HPP
#define SMLDIST_TRAIN_VALIDATION_METRIC_HPP

#include <functional>
#include <string>

#include "smldist/core/tensor.hpp"
#include "smldist/data/window.hpp"

namespace smldist::inline SMLDIST_ABI::train {

/// A figure of logits (N, K) on N windows. It decides which epoch is the best, when patience ends, and what a plateau schedule
/// observes. Empty: the macro-F1 of classes.
///
///     options.metric = {"accuracy", [](const tensor<float>& logits, const data::windows& w) { return …; }};
struct validation_metric {
    std::string name = {};
    std::function<double(const tensor<float>& logits, const data::windows& w)> value = {};
    bool larger_is_better = true; ///< false for an error

    bool empty() const { return !value; }
    /// Whether a is a better value than b.
    bool better(double a, double b) const { return larger_is_better ? a > b : a < b; }
};

} // namespace smldist::inline SMLDIST_ABI::train

#endif

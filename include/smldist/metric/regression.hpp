// SPDX-License-Identifier: BSD-3-Clause
/// Figures of a regression: squared error, absolute error and explained variance. Sums are taken in double.
#ifndef SMLDIST_METRIC_REGRESSION_HPP
#define SMLDIST_METRIC_REGRESSION_HPP

#include <cmath>
#include <cstddef>

#include "smldist/core/error.hpp"
#include "smldist/core/tensor.hpp"
#include "smldist/metric/predictions.hpp"

namespace smldist::metric {
SMLDIST_NAMESPACE_BEGIN

/// 1/(N K) Σ_{i,k} (t[i,k] - y[i,k])², in squared units of the target.
///
/// Shapes     target t, predicted y (N, K)
/// Throws     as check_predictions.
/// Source     sklearn.metrics.mean_squared_error.
inline double mean_squared_error(const tensor<float>& target, const tensor<float>& predicted) {
    check_predictions("mean_squared_error", target, predicted);
    double sum = 0;
    for (std::size_t i = 0; i < target.size(); ++i) {
        const double d = double(target[i]) - double(predicted[i]);
        sum += d * d;
    }
    return sum / double(target.size());
}

/// 1/(N K) Σ_{i,k} |t[i,k] - y[i,k]|, in units of the target.
///
/// Shapes     target t, predicted y (N, K)
/// Throws     as check_predictions.
/// Source     sklearn.metrics.mean_absolute_error.
inline double mean_absolute_error(const tensor<float>& target, const tensor<float>& predicted) {
    check_predictions("mean_absolute_error", target, predicted);
    double sum = 0;
    for (std::size_t i = 0; i < target.size(); ++i) sum += std::abs(double(target[i]) - double(predicted[i]));
    return sum / double(target.size());
}

/// Coefficient of determination R², the mean over the columns:
///
///     1/K Σ_k (1 - Σ_i (t[i,k] - y[i,k])² / Σ_i (t[i,k] - t̄_k)²),   t̄_k = 1/N Σ_i t[i,k]
///
/// 1 is perfect, 0 as good as the column's mean; there is no lower bound. A column whose target is constant counts 1 when it is
/// predicted exactly, else 0.
///
/// Shapes     target t, predicted y (N, K)
/// Throws     as check_predictions; data_error for a single window.
/// Source     sklearn.metrics.r2_score with its defaults, multioutput="uniform_average" and force_finite=True.
inline double r2_score(const tensor<float>& target, const tensor<float>& predicted) {
    check_predictions("r2_score", target, predicted);
    const std::size_t N = target.shape()[0], K = target.shape()[1];
    if (N < 2) raise<data_error>("r2_score", "number of windows is 1, expected at least 2");
    double total = 0;
    for (std::size_t k = 0; k < K; ++k) {
        double mean = 0, residual = 0, spread = 0;
        bool constant = true; // asked of the values: rounding of the mean leaves a spread that is not 0
        for (std::size_t i = 0; i < N; ++i) {
            mean += double(target(i, k)) / double(N);
            constant = constant && target(i, k) == target(0, k);
        }
        for (std::size_t i = 0; i < N; ++i) {
            const double t = double(target(i, k)), d = t - double(predicted(i, k));
            residual += d * d;
            spread += (t - mean) * (t - mean);
        }
        total += constant ? (residual == 0 ? 1 : 0) : 1 - residual / spread;
    }
    return total / double(K);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::metric

#endif

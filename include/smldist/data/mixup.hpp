// SPDX-License-Identifier: BSD-3-Clause
/// Mixup: convex combinations of windows, of their labels and of their targets.
#ifndef SMLDIST_DATA_MIXUP_HPP
#define SMLDIST_DATA_MIXUP_HPP

#include <algorithm>
#include <vector>

#include "smldist/core/check.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/random.hpp"
#include "smldist/core/tensor.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// Throws usage_error unless α is 0 (off) or from 1e-6 to 1e6.
inline void check_mixup(double alpha) {
    option_check{"mixup"}.need(alpha == 0 || (alpha >= 1e-6 && alpha <= 1e6), "alpha", alpha, "0 or 1e-6 to 1e6");
}

/// The share of the dominant window: max(λ, 1-λ), λ ~ Beta(α, α), in [1/2, 1].
///
/// Beta(α, α) is symmetric and a batch is in random order, so taking the larger part only says which of the two windows is
/// named first. Small α: nearly always 1.
[[nodiscard]] inline double mixup_share(double alpha, generator g) {
    const double lambda = g.beta(alpha, alpha);
    return std::max(lambda, 1 - lambda);
}

/// Mixes each window with the next one, the last with the first, in place; the order of the batch is the random pairing.
///
///     x_b ← λ x_b + (1-λ) x_{b+1 mod B}
///
/// Targets are mixed in the same way.
///
/// Shapes     x (B, …). `first` is working memory; kept by the caller, so that only the first call allocates.
/// Source     Zhang et al. 2018 (1710.09412).
SMLDIST_FUNCTION void mix_windows(tensor<float>& x, double share, std::vector<float>& first);

/// Partners of the labels in the same pairing: other[b] = label[b+1 mod B].
inline void mix_labels(const std::vector<int>& label, std::vector<int>& other) {
    other.resize(label.size());
    std::rotate_copy(label.begin(), label.begin() + (label.empty() ? 0 : 1), label.end(), other.begin());
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/mixup.ipp"
#endif

#endif

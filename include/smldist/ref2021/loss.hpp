// SPDX-License-Identifier: BSD-3-Clause
/// The logits loss of the authors' public code of February 2021, to compare with; docs/ref2021.md explains it.
#ifndef SMLDIST_REF2021_LOSS_HPP
#define SMLDIST_REF2021_LOSS_HPP

#include <algorithm>
#include <span>

#include "smldist/core/check.hpp"
#include "smldist/kernel/softmax.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/loss/soft_cross_entropy.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/softmax.hpp"

namespace smldist::ref2021 {
SMLDIST_NAMESPACE_BEGIN

struct loss_options {
    double hard = 1;  ///< what replaces the row of a wrong teacher: hard · one-hot, before the second softmax
    double ratio = 1; ///< weight of the soft term

    /// Throws usage_error for a value out of range.
    void check() const {
        const option_check o{"ref2021::loss_options"};
        o.at_least_0("hard", hard);
        o.at_least_0("ratio", ratio);
    }
};

/// Soft targets of that loss.
///
///     t1 = softmax(z/‖z‖);   t1 ← hard · e_y where argmax t1 ≠ y;   t = softmax(t1)
///
/// Shapes     z (B, N) the teacher's logits · labels (B) · result (B, N)
/// Throws     errors of the labels as in cross_entropy.
template <class T>
[[nodiscard]] tensor<T> soft_targets(const tensor<T>& teacher, std::span<const int> labels,
                                     const loss_options& o = {}) {
    o.check();
    loss::check_labels(teacher, labels);
    const std::size_t N = teacher.shape()[1];
    tensor<T> t = op::softmax(op::l2_normalize(teacher));
    for (std::size_t b = 0; b < labels.size(); ++b) {
        T* row = t.data() + b * N;
        const auto y = static_cast<std::size_t>(labels[b]);
        if (static_cast<std::size_t>(std::max_element(row, row + N) - row) == y) continue;
        for (std::size_t n = 0; n < N; ++n) row[n] = n == y ? static_cast<T>(o.hard) : T(0);
    }
    kernel::softmax(labels.size(), N, t.data(), t.data());
    return t;
}

/// The loss on the student's *probabilities* p.
///
///     s1 = softmax(p/‖p‖),   s = softmax(s1)            so the student passes three softmaxes
///     y  = mean_b(-ln s_label - ratio Σ_n t_n ln s_n),   t = soft_targets
///
/// Its range is tiny: for 8 classes 4.004 for a sure student that is right, 4.185 for one that is wrong. And a wrong
/// teacher gives the sharper target. loss::logits has neither property. The code's further arguments (temperature) are
/// never passed on there, so they are left out.
///
/// Shapes     p, teacher (B, N) · labels (B) · y ()
/// Gradients  g = (1+ratio) s - e_y - ratio t;  ds1 = g/B;  through both softmax and normalisation.
/// Throws     as soft_targets; shape_error if p does not fit the teacher.
/// Source     [CODE] the public repository's logits loss, by reading.
template <class X, class T>
[[nodiscard]] X logits_loss(const X& probabilities, const tensor<T>& teacher, std::span<const int> labels,
                            const loss_options& o = {}) {
    tensor<T> t = soft_targets(teacher, labels, o);
    for (T& v : t) v *= static_cast<T>(o.ratio / double(labels.size()));
    const X s1 = op::softmax(op::l2_normalize(probabilities));
    return op::add(loss::cross_entropy(s1, labels), loss::soft_cross_entropy(s1, std::move(t)));
}

SMLDIST_NAMESPACE_END
} // namespace smldist::ref2021

#endif

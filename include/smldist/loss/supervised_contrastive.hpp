// SPDX-License-Identifier: BSD-3-Clause
/// Contrastive loss of features: those of one class attract, all others repel.
#ifndef SMLDIST_LOSS_SUPERVISED_CONTRASTIVE_HPP
#define SMLDIST_LOSS_SUPERVISED_CONTRASTIVE_HPP

#include <cstddef>
#include <limits>
#include <span>
#include <utility>

#include "smldist/loss/soft_cross_entropy.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/reshape.hpp"

namespace smldist::loss {
SMLDIST_NAMESPACE_BEGIN

struct supervised_contrastive_options {
    double temperature = 0.1; ///< τ
    bool normalise = true;    ///< scale every feature to unit length first, so that f_i · f_j is a cosine
};

/// Supervised contrastive loss of features with integer labels.
///
///     y = 1/A Σ_{i: P(i) ≠ ∅} -1/|P(i)| Σ_{p in P(i)} (s[i,p] - ln Σ_{a ≠ i} exp s[i,a]),   s[i,j] = f_i · f_j / τ
///
/// i and a run over all n features, P(i) are the others with the label of i, and A counts the features that have any. A
/// feature without one is no anchor: it counts neither in the sum nor in A, and still repels the others as a negative. If no
/// feature has one, y is 0, and so is its gradient. With V views of each sample, every feature has V - 1 or more.
///
/// With two views and a label of its own for every sample this is the loss of SimCLR (NT-Xent).
///
/// Shapes     features (B, D) or (B, V, D), V views of each sample · labels (B) · result ()
/// Gradients  through the ops it consists of.
/// Cost       n² D multiply-accumulates and n² exponentials, n = B V.
/// Throws     shape_error if the features are not (B, D) or (B, V, D) or the labels are not one per sample; usage_error if τ is
///            not positive.
/// Source     Khosla et al. 2020 (2004.11362), eq. 2, L_out.
template <class X>
[[nodiscard]] X supervised_contrastive(const X& features, std::span<const int> labels,
                                       const supervised_contrastive_options& o = {}) {
    using T = op::scalar_of_t<X>;
    const shape& s = features.shape();
    if ((s.rank() != 2 && s.rank() != 3) || s.size() == 0 || s[0] != labels.size())
        raise<shape_error>("loss::supervised_contrastive", "shape of the features is ", s.text(), ", expected (",
                           labels.size(), ", D) or (", labels.size(), ", V, D), one sample per label");
    const std::size_t V = s.rank() == 3 ? s[1] : 1, n = s[0] * V;
    tensor<T> self(shape{n, n}), q(shape{n, n}); // q[i,p] = 1/(A |P(i)|)
    std::size_t anchors = 0;
    for (std::size_t i = 0; i < n; ++i) {
        self[i * n + i] = -std::numeric_limits<T>::infinity();
        std::size_t positives = 0;
        for (std::size_t j = 0; j < n; ++j) positives += j != i && labels[j / V] == labels[i / V];
        anchors += positives > 0;
        for (std::size_t j = 0; j < n; ++j)
            if (j != i && labels[j / V] == labels[i / V]) q[i * n + j] = T(1) / static_cast<T>(positives);
    }
    for (T& v : q) v /= static_cast<T>(anchors > 0 ? anchors : 1);
    X f = op::reshape(features, {n, s.back()});
    if (o.normalise) f = op::l2_normalize(f);
    const X products = op::matmul(f, f, {.transpose_b = true});
    return soft_cross_entropy(products + self, std::move(q), o.temperature);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::loss

#endif

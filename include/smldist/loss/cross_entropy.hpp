// SPDX-License-Identifier: BSD-3-Clause
/// Cross entropy of logits with integer labels, or with mixtures of two.
#ifndef SMLDIST_LOSS_CROSS_ENTROPY_HPP
#define SMLDIST_LOSS_CROSS_ENTROPY_HPP

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include "smldist/core/check.hpp"
#include "smldist/loss/soft_cross_entropy.hpp"

namespace smldist::loss {
SMLDIST_NAMESPACE_BEGIN

struct cross_entropy_options {
    double label_smoothing = 0;            ///< ε: targets (1-ε) e_y + ε/N
    std::vector<double> class_weight = {}; ///< one per class, or none; the mean is weighted by the label's weight
};

/// Second labels of a mixed batch: the target of sample b is share · e_label + (1-share) · e_other. Refers to the labels.
struct mixed_labels {
    std::span<const int> other; ///< one per label, or none: not mixed
    double share = 1;

    mixed_labels() = default;
    mixed_labels(std::span<const int> labels, double s) : other(labels), share(s) {}
    template <class V> // the labels must outlive it
    requires(!std::is_lvalue_reference_v<V> && std::convertible_to<V, std::span<const int>> &&
             !std::same_as<std::remove_const_t<V>, std::span<const int>> &&
             !std::same_as<std::remove_const_t<V>, std::span<int>>) mixed_labels(V&&, double)
    = delete;
};

/// Checks the labels of logits z (B, N), a tensor or var.
///
/// Throws     shape_error unless there is one label per row of z and at least one; data_error for a label outside
///            [0, N).
template <class X> void check_labels(const X& z, std::span<const int> labels) {
    const shape& s = z.shape();
    if (s.rank() != 2 || s[0] != labels.size() || labels.empty())
        raise<shape_error>("loss", "shape of logits is ", s.text(), ", expected (", labels.size(),
                           ", N), one row per label");
    for (std::size_t b = 0; b < labels.size(); ++b)
        if (labels[b] < 0 || static_cast<std::size_t>(labels[b]) >= s[1])
            raise<data_error>("loss", "label of sample ", b, " is ", labels[b], ", expected 0 to ", s[1] - 1);
}

/// Targets of a batch, divided by the sum of its weights: q[b,n] = t[b,n] / sum_b w[y_b] of cross_entropy.
///
/// Shapes     z (B, N) · labels (B) · q as z
/// Throws     as cross_entropy.
template <class X>
[[nodiscard]] auto label_targets(const X& z, std::span<const int> labels, const cross_entropy_options& o = {},
                                 const mixed_labels& mix = {}) {
    using T = op::scalar_of_t<X>;
    check_labels(z, labels);
    if (!mix.other.empty()) check_labels(z, mix.other);
    const std::size_t N = z.shape()[1];
    const option_check check{"loss::cross_entropy"};
    check.up_to(1, "label_smoothing", o.label_smoothing);
    if (!o.class_weight.empty() && o.class_weight.size() != N)
        raise<usage_error>("loss::cross_entropy", "number of class weights is ", o.class_weight.size(), ", expected ",
                           N);
    check.up_to(1, "share of the label", mix.share);
    const double share = mix.other.empty() ? 1 : mix.share;
    const auto weight = [&](std::size_t n) { return o.class_weight.empty() ? 1.0 : o.class_weight[n]; };
    double total = 0;
    for (const int label : labels) total += share * weight(static_cast<std::size_t>(label));
    for (const int label : mix.other) total += (1 - share) * weight(static_cast<std::size_t>(label));
    for (const double w : o.class_weight) check.need(w >= 0, "a class weight", w, "at least 0");
    check.need(total > 0, "sum of the weights", total, "above 0");
    auto q = tensor<T>::uninitialized(z.shape());
    for (std::size_t b = 0; b < labels.size(); ++b)
        for (std::size_t n = 0; n < N; ++n) {
            double label = static_cast<std::size_t>(labels[b]) == n ? share : 0;
            if (!mix.other.empty() && static_cast<std::size_t>(mix.other[b]) == n) label += 1 - share;
            const double smooth = (1 - o.label_smoothing) * label + o.label_smoothing / double(N);
            q[b * N + n] = static_cast<T>(weight(n) * smooth / total);
        }
    return q;
}

/// Mean cross entropy of logits with integer labels, or with mixtures of two.
///
///     y = sum_b sum_n t[b,n] * -ln softmax(z[b])[n] / sum_b w[y_b],   t[b,n] = (1-ε) w[y_b] [n = y_b] + ε w[n] / N
///
/// For a mixed sample with share s, every term with y_b is s times that of the label plus 1-s times that of the other
/// label. Without class weights the loss is s CE(label) + (1-s) CE(other).
///
/// Shapes     z (B, N) · labels (B) in 0 … N-1 · result ()
/// Throws     shape_error and data_error if the labels do not fit; usage_error if ε or the share is outside [0, 1] or the
///            weights do not fit, are negative or all zero for this batch.
/// Source     torch.nn.functional.cross_entropy; Zhang et al. 2018 (1710.09412) for mixtures.
template <class X>
[[nodiscard]] auto cross_entropy(const X& z, std::span<const int> labels, const cross_entropy_options& o = {},
                                 const mixed_labels& mix = {}) {
    return soft_cross_entropy(z, label_targets(z, labels, o, mix));
}

SMLDIST_NAMESPACE_END
} // namespace smldist::loss

#endif

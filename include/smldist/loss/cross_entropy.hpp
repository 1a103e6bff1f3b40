// SPDX-License-Identifier: BSD-3-Clause
/// Cross entropy of logits with soft or hard targets.
#ifndef SMLDIST_LOSS_CROSS_ENTROPY_HPP
#define SMLDIST_LOSS_CROSS_ENTROPY_HPP

#include <concepts>
#include <limits>
#include <span>
#include <vector>

#include "smldist/core/check.hpp"
#include "smldist/kernel/softmax.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/op/apply.hpp"

namespace smldist::inline SMLDIST_ABI::loss {

/// Cross entropy of tempered logits with a matrix of targets, whose rows need not sum to one (they carry the weights).
///
///     y = offset - sum_{b,n} q[b,n] * ln softmax(z[b]/T)[n]
///
/// Shapes     z (B, N) · q (B, N), constant · y ()
/// Gradients  dz[b] = dy/T * (softmax(z[b]/T) * sum_n q[b,n] - q[b]);  none into q.
/// Keeps      ln softmax(z/T).
/// Throws     shape_error if q does not fit z; usage_error if T ≤ 0.
/// Source     Hinton et al. 2015, eq. 1 and 2.
template <class T> struct soft_cross_entropy_op {
    using scalar = T;
    double temperature = 1, offset = 0;
    struct saved {
        tensor<T> log_p;
    };
    static constexpr std::string_view name = "soft_cross_entropy";
    static void visit(auto& self, auto&& f) {
        f("temperature", self.temperature);
        f("offset", self.offset);
    }
    shape infer(const shape& z, const shape& q) const {
        if (!(temperature > 0))
            raise<usage_error>("loss", "temperature is ", temperature, ", expected a positive number");
        if (z.rank() != 2 || z.size() == 0 || !(z == q))
            raise<shape_error>("loss", "shapes of logits and targets are ", z.text(), " and ", q.text(),
                               ", expected two of (B, N)");
        return {};
    }
    void forward(saved* keep, tensor<T>& y, const tensor<T>& z, const tensor<T>& q) const {
        saved local;
        auto& log_p = keep ? keep->log_p : local.log_p;
        log_p = z;
        for (T& v : log_p) v /= static_cast<T>(temperature);
        kernel::log_softmax(z.shape()[0], z.shape()[1], log_p.data(), log_p.data());
        T sum = 0;
        for (std::size_t i = 0; i < z.size(); ++i)
            if (q[i] != T(0)) sum -= q[i] * log_p[i];
        y[0] = sum + static_cast<T>(offset);
    }
    void backward(const saved& s, const tensor<T>&, const tensor<T>& dy, const tensor<T>& z, const tensor<T>& q,
                  tensor<T>* dz, tensor<T>*) const {
        if (!dz) return;
        if (!dz->ensure(z.shape())) dz->fill(T(0));
        const T scale = dy[0] / static_cast<T>(temperature);
        auto p = tensor<T>::uninitialized(z.shape());
        kernel::map(
            p.size(), [](auto v) SMLDIST_INLINE_LAMBDA { return kernel::simd::exp(v); }, p.data(), s.log_p.data());
        const std::size_t N = z.shape()[1];
        for (std::size_t b = 0; b < z.shape()[0]; ++b) {
            T mass = 0;
            for (std::size_t n = 0; n < N; ++n) mass += q[b * N + n];
            for (std::size_t i = b * N; i < (b + 1) * N; ++i) (*dz)[i] += scale * (p[i] * mass - q[i]);
        }
    }
};

struct cross_entropy_options {
    double label_smoothing = 0;            ///< ε: targets (1-ε) e_y + ε/N
    std::vector<double> class_weight = {}; ///< one a class, or none; the mean is weighted by the label's weight
};

/// Second labels of a mixed batch: the target of sample b is share · e_label + (1-share) · e_other. Refers to the labels.
struct mixed_labels {
    std::span<const int> other; ///< one a label, or none: not mixed
    double share = 1;

    mixed_labels() = default;
    mixed_labels(std::span<const int> labels, double s) : other(labels), share(s) {}
    template <class V> // the labels must outlive it
    requires(!std::is_lvalue_reference_v<V> && std::convertible_to<V, std::span<const int>> &&
             !std::same_as<std::remove_const_t<V>, std::span<const int>> &&
             !std::same_as<std::remove_const_t<V>, std::span<int>>) mixed_labels(V&&, double)
    = delete;
};

namespace detail {
/// Throws unless there is one label a row of z, each a class of it.
template <class X> void check_labels(const X& z, std::span<const int> labels) {
    const shape& s = z.shape();
    if (s.rank() != 2 || s[0] != labels.size() || labels.empty())
        raise<shape_error>("loss", "shape of logits is ", s.text(), ", expected (", labels.size(),
                           ", N), one row a label");
    for (std::size_t b = 0; b < labels.size(); ++b)
        if (labels[b] < 0 || static_cast<std::size_t>(labels[b]) >= s[1])
            raise<data_error>("loss", "label of sample ", b, " is ", labels[b], ", expected 0 to ", s[1] - 1);
}

/// Rows p ln p summed, with 0 ln 0 = 0.
template <class T> double negative_entropy(const tensor<T>& p) {
    return double(kernel::detail::chunked_total<T>(p.size(), [&](auto s, std::size_t i) SMLDIST_INLINE_LAMBDA {
        using V = typename decltype(s)::pack;
        const V v = s.load(p.data() + i);
        return v * kernel::simd::log(kernel::simd::max(v, V(std::numeric_limits<T>::min())));
    }));
}
} // namespace detail

/// Mean cross entropy of logits with integer labels, or with mixtures of two.
///
///     y = sum_b sum_n t[b,n] * -ln softmax(z[b])[n] / sum_b w[y_b],   t[b,n] = (1-ε) w[y_b] [n = y_b] + ε w[n] / N
///
/// Of a mixed sample, every term with y_b is s times the same with the label plus 1-s times that with the other label, s
/// the share: without class weights the loss is s CE(label) + (1-s) CE(other).
///
/// Shapes     z (B, N) · labels (B) in 0 … N-1 · result ()
/// Throws     shape_error and data_error if the labels do not fit; usage_error if ε or the share is outside [0, 1] or the
///            weights do not fit, are negative or all zero for this batch.
/// Source     torch.nn.functional.cross_entropy; Zhang et al. 2018 (1710.09412) for mixtures.
template <class X>
[[nodiscard]] auto cross_entropy(const X& z, std::span<const int> labels, const cross_entropy_options& o = {},
                                 const mixed_labels& mix = {}) {
    using T = op::scalar_of_t<X>;
    detail::check_labels(z, labels);
    if (!mix.other.empty()) detail::check_labels(z, mix.other);
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
    return op::apply(soft_cross_entropy_op<T>{}, z, std::move(q));
}

} // namespace smldist::inline SMLDIST_ABI::loss

#endif

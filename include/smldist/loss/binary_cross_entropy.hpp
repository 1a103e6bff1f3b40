// SPDX-License-Identifier: BSD-3-Clause
/// Cross entropy of logits with independent labels, any number of which may apply: the loss of a multi-label task.
#ifndef SMLDIST_LOSS_BINARY_CROSS_ENTROPY_HPP
#define SMLDIST_LOSS_BINARY_CROSS_ENTROPY_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/op/apply.hpp"

namespace smldist::loss {
SMLDIST_NAMESPACE_BEGIN

/// Mean binary cross entropy of logits with a constant target.
///
///     y = 1/n Σ_{b,k} (1 - t[b,k]) ln(1 + exp z[b,k]) + p[k] t[b,k] ln(1 + exp(-z[b,k])),   n elements, p = 1 when empty
///
/// ln(1 + exp z) is computed as max(z, 0) + ln(1 + exp(-|z|)), so that no logit overflows.
///
/// Shapes     z (…, K) · t as z, constant · p (K), constant, or empty · y ()
/// Gradients  dz = dy/n ((1 - t) σ(z) - p t σ(-z));  none into t and p.
/// Keeps      nothing.
/// Throws     shape_error if t or p does not fit z.
/// Source     torch.nn.functional.binary_cross_entropy_with_logits.
template <class T> struct binary_cross_entropy_op {
    using scalar = T;
    struct saved {};
    static constexpr std::string_view name = "binary_cross_entropy";
    shape infer(const shape& z, const shape& t, const shape& p) const {
        if (z.rank() < 1 || z.size() == 0 || !(z == t))
            raise<shape_error>("loss::binary_cross_entropy", "shapes of logits and target are ", z.text(), " and ",
                               t.text(), ", expected two of (…, K)");
        if (p.size() != 0 && !(p == shape{z.back()}))
            raise<shape_error>("loss::binary_cross_entropy", "shape of the weights is ", p.text(), ", expected (",
                               z.back(), ")");
        return {};
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& z, const tensor<T>& t, const tensor<T>& p) const {
        const std::size_t K = z.shape().back();
        T sum = 0;
        for (std::size_t i = 0; i < z.size(); ++i) {
            const T tail = std::log1p(std::exp(-std::abs(z[i]))), weight = p.empty() ? T(1) : p[i % K];
            const T off = std::max(z[i], T(0)) + tail, on = std::max(-z[i], T(0)) + tail;
            sum += (T(1) - t[i]) * off + weight * t[i] * on;
        }
        y[0] = sum / static_cast<T>(z.size());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& z, const tensor<T>& t,
                  const tensor<T>& p, tensor<T>* dz, tensor<T>*, tensor<T>*) const {
        if (!dz) return;
        const bool add = dz->ensure(z.shape());
        const std::size_t K = z.shape().back();
        const T scale = dy[0] / static_cast<T>(z.size());
        for (std::size_t i = 0; i < z.size(); ++i) {
            const T small = std::exp(-std::abs(z[i])), weight = p.empty() ? T(1) : p[i % K];
            const T more = T(1) / (T(1) + small), less = small * more; // σ(|z|) and σ(-|z|)
            const bool positive = z[i] > T(0);
            const T d = scale * ((T(1) - t[i]) * (positive ? more : less) - weight * t[i] * (positive ? less : more));
            (*dz)[i] = add ? (*dz)[i] + d : d;
        }
    }
};

struct binary_cross_entropy_options {
    /// p: what a label that applies weighs against one that does not; one per label, or none. For a rare label, windows
    /// without it over windows with it.
    std::vector<double> pos_weight = {};
};

/// Mean binary cross entropy of logits with a constant target, which need not be 0 or 1 but lies between (mixup). See
/// binary_cross_entropy_op.
///
///     loss::binary_cross_entropy(out.logits, batch.target, {.pos_weight = {1, 4, 2}})
///
/// Shapes     z (…, K) · target as z · result ()
/// Throws     as binary_cross_entropy_op; data_error for a target outside [0, 1]; usage_error if pos_weight is not one per label
///            or has one that is negative or not finite.
/// Source     torch.nn.functional.binary_cross_entropy_with_logits.
template <class X>
auto binary_cross_entropy(const X& z, tensor<op::scalar_of_t<X>> target, const binary_cross_entropy_options& o = {}) {
    using T = op::scalar_of_t<X>;
    for (std::size_t i = 0; i < target.size(); ++i)
        if (!(target[i] >= T(0) && target[i] <= T(1)))
            raise<data_error>("loss::binary_cross_entropy", "element ", i, " of the target is ", target[i],
                              ", expected 0 to 1");
    tensor<T> weight;
    if (!o.pos_weight.empty()) {
        const std::size_t K = target.shape().rank() == 0 ? 0 : target.shape().back();
        if (o.pos_weight.size() != K)
            raise<usage_error>("loss::binary_cross_entropy", "number of pos_weight is ", o.pos_weight.size(),
                               ", expected one per label: ", K);
        weight = tensor<T>::uninitialized({K});
        for (std::size_t k = 0; k < K; ++k) {
            weight[k] = static_cast<T>(o.pos_weight[k]);
            if (!(weight[k] >= T(0) && std::isfinite(weight[k])))
                raise<usage_error>("loss::binary_cross_entropy", "pos_weight of label ", k, " is ", o.pos_weight[k],
                                   ", expected a number of at least 0");
        }
    }
    return op::apply(binary_cross_entropy_op<T>{}, z, std::move(target), std::move(weight));
}

SMLDIST_NAMESPACE_END
} // namespace smldist::loss

#endif

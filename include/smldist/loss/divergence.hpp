// SPDX-License-Identifier: BSD-3-Clause
/// Divergence of a student's softened distribution from soft targets.
#ifndef SMLDIST_LOSS_DIVERGENCE_HPP
#define SMLDIST_LOSS_DIVERGENCE_HPP

#include <cstddef>
#include <limits>
#include <utility>

#include "smldist/kernel/softmax.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/loss/soft_cross_entropy.hpp"

namespace smldist::loss {
SMLDIST_NAMESPACE_BEGIN

/// softmax(z/T), row by row.
/// Shapes     z (…, N), at least one axis
template <class T> [[nodiscard]] tensor<T> soften(tensor<T> z, double temperature) {
    for (T& v : z) v /= static_cast<T>(temperature);
    kernel::softmax(z.shape().rows(), z.shape().back(), z.data(), z.data());
    return z;
}

namespace detail {
/// Sum of p ln p over all elements, with 0 ln 0 = 0.
template <class T> double negative_entropy(const tensor<T>& p) {
    return double(kernel::chunked_total<T>(p.size(), [&](auto s, std::size_t i) SMLDIST_INLINE_LAMBDA {
        using V = typename decltype(s)::pack;
        const V v = s.load(p.data() + i);
        return v * kernel::simd::log(kernel::simd::max(v, V(std::numeric_limits<T>::min())));
    }));
}
} // namespace detail

/// Divergence of tempered logits from soft targets.
///
///     y = weight T² mean_b KL(q[b] ‖ softmax(z[b]/T))
///
/// T² keeps the gradient's size when T changes. A row of q without mass counts as 0.
///
/// Shapes     z, q (B, N) · y ()
/// Gradients  into z: weight T (softmax(z/T) - q)/B for rows of mass 1; none into q.
/// Throws     shape_error if q does not fit z; usage_error if T ≤ 0.
/// Source     Hinton, Vinyals and Dean 2015.
template <class X, class T>
[[nodiscard]] X divergence(const X& z, tensor<T> q, double temperature, double weight = 1) {
    const double scale = weight * temperature * temperature / double(q.shape()[0]);
    const double offset = scale * detail::negative_entropy(q);
    for (T& v : q) v *= static_cast<T>(scale);
    return soft_cross_entropy(z, std::move(q), temperature, offset);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::loss

#endif

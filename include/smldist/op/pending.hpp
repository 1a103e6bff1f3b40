// SPDX-License-Identifier: BSD-3-Clause
/// A value whose batch-norm, activation and gate are still to be applied, for the op that comes next to apply.
#ifndef SMLDIST_OP_PENDING_HPP
#define SMLDIST_OP_PENDING_HPP

#include <type_traits>
#include <utility>

#include "smldist/op/arithmetic.hpp"
#include "smldist/op/normed.hpp"
#include "smldist/op/normed_conv.hpp"
#include "smldist/op/reduce.hpp"

namespace smldist::inline SMLDIST_ABI::op {

/// f((x - mean) scale + beta) · gate, not computed yet; x itself where there is no map.
///
/// In mode::train the ops below apply all this while they read x, and nothing but x is kept for backward. In mode::eval,
/// and while a graph is traced, nothing is ever pending: batch-norm, activation and gate are ops of their own, in the order
/// in which they are written.
template <class X> struct pending {
    X x{};   ///< (B, L, C)
    X map{}; ///< (3, C), of batch_norm_map; empty: nothing is pending
    activation f = activation::none;
    X gate{}; ///< (B, C), or empty
};

namespace detail {
template <class P> inline constexpr bool is_pending = false;
template <class X> inline constexpr bool is_pending<pending<X>> = true;
} // namespace detail

/// batch_norm and then the activation, in mode::train as a pending value.
template <class X, class T>
pending<X> norm_activate(X x, const parameter<T>& weight, const parameter<T>& bias, const buffer<T>& running_mean,
                         const buffer<T>& running_var, activation f, mode m, batch_norm_options o = {}) {
    if constexpr (!std::is_same_v<X, symbol>)
        if (m == mode::train) {
            X map = op::apply(batch_norm_map_op<T>{o, &running_mean, &running_var}, x, weight, bias);
            if (detail::has_rows(f)) return {std::move(x), std::move(map), f, X()};
            return {activate(op::apply(normalise_op<T>{}, x, map), f), X(), activation::none, X()};
        }
    return {activate(op::batch_norm(std::move(x), weight, bias, running_mean, running_var, m, o), f), X(),
            activation::none, X()};
}

/// The value, computed.
template <class X> X settle(pending<X> p) {
    if constexpr (!std::is_same_v<X, symbol>)
        if (!p.map.empty()) {
            X y = op::apply(normalise_op<scalar_of_t<X>>{p.f}, p.x, p.map);
            return p.gate.empty() ? y : X(op::gate(y, p.gate));
        }
    return std::move(p.x);
}

/// The value, scaled by a gate (B, C) for each sample and channel. See gate_op.
template <class X> pending<X> gate(pending<X> p, X g) {
    if (p.map.empty())
        p.x = op::gate(p.x, g);
    else if (p.gate.empty())
        p.gate = std::move(g);
    else
        p = {op::gate(settle(std::move(p)), g), X(), activation::none, X()};
    return p;
}

/// See mean_over_time.
template <class X> X mean_over_time(const pending<X>& p) {
    if constexpr (!std::is_same_v<X, symbol>)
        if (!p.map.empty() && p.gate.empty()) return op::apply(normed_mean_op<scalar_of_t<X>>{p.f}, p.x, p.map);
    return op::mean_over_time(p.map.empty() ? p.x : settle(p));
}

/// See conv1d. Depthwise without gate and pointwise, both without bias, apply what is pending; others read it computed.
template <class P, class T>
requires detail::is_pending<std::remove_cvref_t<P>>
auto conv1d(P&& p, const parameter<T>& weight, const parameter<T>& bias, conv1d_options o = {}) {
    using X = decltype(p.x);
    if (p.map.empty()) return op::conv1d(p.x, weight, bias, o);
    if constexpr (!std::is_same_v<X, symbol>)
        if (bias.empty() && weight.shape().rank() == 3) {
            const std::size_t C = p.x.shape().back(), O = weight.shape()[0], K = weight.shape()[2];
            if (o.groups == C && O == C && C > 1 && p.gate.empty())
                return op::apply(normed_depthwise_op<T>{o, p.f}, p.x, p.map, weight);
            if (o.groups == 1 && K == 1 && o.stride == 1 && o.padding == 0) {
                const normed_pointwise_op<T> op{p.f};
                return p.gate.empty() ? op::apply(op, p.x, p.map, tensor<T>(), weight)
                                      : op::apply(op, p.x, p.map, p.gate, weight);
            }
        }
    return op::conv1d(settle(p), weight, bias, o);
}

} // namespace smldist::inline SMLDIST_ABI::op

#endif

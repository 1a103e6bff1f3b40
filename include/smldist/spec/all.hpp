// SPDX-License-Identifier: BSD-3-Clause
/// The list of all ops that a graph may hold, and the way from a name to a description.
///
/// A description says what an op is without tensors: its options, their names, the shape of the result and its cost.
///
///     struct conv1d {
///         std::size_t stride = 1, …;                                       the options, with defaults
///         static constexpr std::string_view name = "conv1d";              in graphs and model files
///         static void visit(auto& self, auto&& f) { f("stride", self.stride); … }   the options by name; optional
///         shape infer(const shape& x, const shape& w, const shape& bias) const;     every check, once
///         std::uint64_t macs(shapes…) const;                               multiply-accumulates; optional, default 0
///     };
///
/// The differentiable op (op/) derives from it and adds forward and backward. A backend, which translates a graph, is a
/// set of overloads on descriptions (deploy/emit.hpp).
#ifndef SMLDIST_SPEC_ALL_HPP
#define SMLDIST_SPEC_ALL_HPP

#include <cstddef>
#include <string_view>
#include <utility>

#include "smldist/spec/arithmetic.hpp"
#include "smldist/spec/conv1d.hpp"
#include "smldist/spec/conv2d.hpp"
#include "smldist/spec/elementwise.hpp"
#include "smldist/spec/hopfield.hpp"
#include "smldist/spec/linear.hpp"
#include "smldist/spec/norm.hpp"
#include "smldist/spec/options.hpp"
#include "smldist/spec/pool2d.hpp"
#include "smldist/spec/recurrent.hpp"
#include "smldist/spec/reduce.hpp"
#include "smldist/spec/reshape.hpp"
#include "smldist/spec/select.hpp"
#include "smldist/spec/softmax.hpp"
#include "smldist/spec/upsample.hpp"

namespace smldist::spec {
SMLDIST_NAMESPACE_BEGIN

template <class... S> struct list {};

namespace detail {
/// The ops S and one per activation other than none, which is the first.
template <class... S, std::size_t... I> auto with_activations(list<S...>, std::index_sequence<I...>) {
    return list<S..., elementwise<static_cast<activation>(I + 1)>...>();
}
} // namespace detail

/// The descriptions of all ops; the activations are those of core/activation.hpp. This is the only place where ops are
/// compared by name.
using all = decltype(detail::with_activations(
    list<add, sub, mul, div, gate, conv1d, conv_transpose1d, conv2d, linear, matmul, batch_norm, layer_norm,
         group_norm, l2_normalize, clamp, affine, leaky_relu, pow, dropout, pattern_dropout, softmax, log_softmax,
         log_sum_exp, log_mean_exp, class_log_sum_exp, mixture, sum, mean, max, min, argmax, argmin, cumsum,
         mean_over_time, adaptive_avg_pool1d, max_pool1d, max_pool2d, avg_pool2d, upsample, reshape, flatten, concat,
         slice, permute, pad, where, embedding, gather, hopfield, masked_hopfield, gru, lstm>(),
    std::make_index_sequence<names_of<activation>().size() - 1>()));

namespace detail {
template <class F, class... S> void for_each(list<S...>, F&& f) { (f(S{}), ...); }
/// Looks the name up in a table of functions: one loop over the names, one call.
template <class F, class... S> bool visit_named(list<S...>, std::string_view name, F& f) {
    static constexpr std::string_view names[]{S::name...};
    static constexpr void (*functions[])(F&){[](F& to) { to(S{}); }...};
    std::size_t i = 0;
    while (i < sizeof...(S) && names[i] != name) ++i;
    if (i == sizeof...(S)) return false;
    functions[i](f);
    return true;
}
} // namespace detail

/// Calls f(description) for every op, with default options.
template <class F> void for_each(F&& f) { detail::for_each(all{}, f); }

/// Calls f(description) for the op of that name, with default options. Returns whether there is one.
template <class F> bool visit_named(std::string_view name, F&& f) { return detail::visit_named(all{}, name, f); }

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif

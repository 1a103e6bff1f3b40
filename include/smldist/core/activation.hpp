// SPDX-License-Identifier: BSD-3-Clause
/// The element-wise functions: one list for layers, programs and model files.
#ifndef SMLDIST_CORE_ACTIVATION_HPP
#define SMLDIST_CORE_ACTIVATION_HPP

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "smldist/core/enum_names.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// An element-wise function of one argument. kernel/activation.hpp has the formulas; the first five cost a few instructions.
enum class activation : std::uint8_t {
    none,
    relu,
    relu6,
    hard_sigmoid,
    hard_swish,
    selu,
    gelu,
    sigmoid,
    tanh,
    exp,
    log,
    silu,
    softplus,
    sqrt,
    abs
};

/// The names in model files.
constexpr auto enum_names(activation) {
    return enum_table("activation", "none", "relu", "relu6", "hard_sigmoid", "hard_swish", "selu", "gelu", "sigmoid",
                      "tanh", "exp", "log", "silu", "softplus", "sqrt", "abs");
}

namespace detail {
template <class F, std::size_t... I> void with_constant(activation a, F& f, std::index_sequence<I...>) {
    static_cast<void>(((a == static_cast<activation>(I) &&
                        (f(std::integral_constant<activation, static_cast<activation>(I)>()), true)) ||
                       ...));
}
} // namespace detail

/// Calls f(constant) with `a` as a std::integral_constant, so that f may choose types by it.
template <class F> void with_constant(activation a, F&& f) {
    detail::with_constant(a, f, std::make_index_sequence<names_of<activation>().size()>());
}

SMLDIST_NAMESPACE_END
} // namespace smldist

#endif

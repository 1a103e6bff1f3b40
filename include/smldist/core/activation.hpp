// SPDX-License-Identifier: BSD-3-Clause
/// The element-wise functions that layers, programs and model files know, by one list.
#ifndef SMLDIST_CORE_ACTIVATION_HPP
#define SMLDIST_CORE_ACTIVATION_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "smldist/core/config.hpp"

namespace smldist::inline SMLDIST_ABI {

/// An element-wise function of one argument. kernel/activation.hpp has the formulas; the first five cost a few instructions.
enum class activation : std::uint8_t { none, relu, relu6, hard_sigmoid, hard_swish, selu, sigmoid, tanh, exp, log };

/// Their names in model files, in the order of the enumerators.
inline constexpr std::array<std::string_view, 10> activation_names{
    "none", "relu", "relu6", "hard_sigmoid", "hard_swish", "selu", "sigmoid", "tanh", "exp", "log"};

constexpr std::string_view name_of(activation f) { return activation_names[static_cast<std::size_t>(f)]; }

} // namespace smldist::inline SMLDIST_ABI

#endif

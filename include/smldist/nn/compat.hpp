// SPDX-License-Identifier: BSD-3-Clause
/// Which of two forms a network has: this library's, or that of the authors' public code of February 2021.
#ifndef SMLDIST_NN_COMPAT_HPP
#define SMLDIST_NN_COMPAT_HPP

#include <cstdint>
#include <string_view>

#include "smldist/core/error.hpp"

namespace smldist::inline SMLDIST_ABI::nn {

enum class compat : std::uint8_t {
    smldist, ///< as in MobileNetV3's paper
    ref2021  ///< as the public code has it, to compare with; docs/ref2021.md explains every difference
};

/// "smldist", "ref2021".
constexpr std::string_view text(compat c) { return c == compat::ref2021 ? "ref2021" : "smldist"; }
/// The inverse of text(compat). Throws usage_error.
inline compat parse_compat(std::string_view word) {
    for (const compat c : {compat::smldist, compat::ref2021})
        if (text(c) == word) return c;
    raise<usage_error>("nn::compat", "name is \"", word, "\", expected smldist or ref2021");
}

} // namespace smldist::inline SMLDIST_ABI::nn

#endif

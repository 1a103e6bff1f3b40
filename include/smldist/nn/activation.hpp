// SPDX-License-Identifier: BSD-3-Clause
/// The activation of a block as a value, spelled in configurations as in the MobileNetV3 tables.
#ifndef SMLDIST_NN_ACTIVATION_HPP
#define SMLDIST_NN_ACTIVATION_HPP

#include <string_view>

#include "smldist/op/pointwise.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

using op::activate;
using smldist::activation;

/// "RE", "HS", "SELU" for relu, hard_swish, selu; "-" for none; the name of any other.
inline std::string_view text(activation a) {
    switch (a) {
    case activation::relu:
        return "RE";
    case activation::hard_swish:
        return "HS";
    case activation::selu:
        return "SELU";
    default:
        return a == activation::none ? "-" : name_of(a);
    }
}
/// The inverse of text(). Throws usage_error for another word.
inline activation parse_activation(std::string_view word) {
    for (std::size_t i = 0; i < names_of<activation>().size(); ++i)
        if (const auto a = static_cast<activation>(i); text(a) == word) return a;
    raise<usage_error>("nn::activation", "word is \"", word,
                       "\", expected RE, HS, SELU, - or a name such as sigmoid");
}

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif

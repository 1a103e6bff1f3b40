// SPDX-License-Identifier: BSD-3-Clause
/// Convolutions along time.
#ifndef SMLDIST_NN_CONV1D_HPP
#define SMLDIST_NN_CONV1D_HPP

#include "smldist/core/parameter.hpp"
#include "smldist/nn/init.hpp"
#include "smldist/op/conv1d.hpp"
#include "smldist/op/conv_transpose1d.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

/// 1-D convolution along time. See op::conv1d_op for formula, shapes and errors.
///
/// Shapes     x (B, L, in) · weight (out, in/groups, kernel_size) · bias (out) or absent
/// Init       weight Kaiming-normal, fan_out, gain √2; bias 0 (Howard et al. 2019).
template <class T> struct conv1d {
    parameter<T> weight, bias;
    op::conv1d_options options;

    conv1d() = default;
    SMLDIST_COLD conv1d(std::size_t in, std::size_t out, std::size_t kernel_size, generator& g,
                        op::conv1d_options o = {}, bool with_bias = true)
        : options(o) {
        if (o.groups == 0 || in % o.groups != 0 || out % o.groups != 0)
            raise<usage_error>("nn::conv1d", "groups is ", o.groups, ", expected a divisor of ", in, " and ", out);
        weight.value = tensor<T>(shape{out, in / o.groups, kernel_size});
        init::kaiming_normal_(weight.value, g, init::fan::out);
        if (with_bias) bias.value = tensor<T>(shape{out});
        bias.decay = 0;
    }
    template <class X> auto operator()(const X& x) const { return op::conv1d(x, weight, bias, options); }
    static void visit(auto& self, auto&& member) {
        member("weight", self.weight);
        member("bias", self.bias);
    }
};

/// Transposed 1-D convolution along time. See op::conv_transpose1d_op for formula, shapes and errors.
///
///     nn::conv_transpose1d<float> twice(32, 16, 4, g, {.stride = 2, .padding = 1});   // (B, L, 32) to (B, 2L, 16)
///
/// Shapes     x (B, L, in) · weight (in, out/groups, kernel_size) · bias (out) or absent
/// Init       weight Kaiming-normal with fan out/groups · kernel_size, the outputs of an input, gain √2; bias 0.
/// Throws     usage_error if groups does not divide in and out.
template <class T> struct conv_transpose1d {
    parameter<T> weight, bias;
    op::conv_transpose1d_options options;

    conv_transpose1d() = default;
    SMLDIST_COLD conv_transpose1d(std::size_t in, std::size_t out, std::size_t kernel_size, generator& g,
                                  op::conv_transpose1d_options o = {}, bool with_bias = true)
        : options(o) {
        if (o.groups == 0 || in % o.groups != 0 || out % o.groups != 0)
            raise<usage_error>("nn::conv_transpose1d", "groups is ", o.groups, ", expected a divisor of ", in,
                               " and ", out);
        weight.value = tensor<T>(shape{in, out / o.groups, kernel_size});
        init::kaiming_normal_(weight.value, g, init::fan::in);
        if (with_bias) bias.value = tensor<T>(shape{out});
        bias.decay = 0;
    }
    template <class X> auto operator()(const X& x) const { return op::conv_transpose1d(x, weight, bias, options); }
    static void visit(auto& self, auto&& member) {
        member("weight", self.weight);
        member("bias", self.bias);
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif

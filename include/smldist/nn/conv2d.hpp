// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_NN_CONV2D_HPP
#define SMLDIST_NN_CONV2D_HPP

#include "smldist/core/parameter.hpp"
#include "smldist/nn/init.hpp"
#include "smldist/op/conv2d.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

/// 2-D convolution of images. See op::conv2d_op for formula, shapes and errors.
///
/// Shapes     x (B, H, W, in) · weight (out, in/groups, height, width) · bias (out) or absent
/// Init       weight Kaiming-normal, fan_out, gain √2; bias 0 (Howard et al. 2019).
template <class T> struct conv2d {
    parameter<T> weight, bias;
    op::conv2d_options options;

    conv2d() = default;
    SMLDIST_COLD conv2d(std::size_t in, std::size_t out, spec::extent2 kernel_size, generator& g,
                        op::conv2d_options o = {}, bool with_bias = true)
        : options(o) {
        if (o.groups == 0 || in % o.groups != 0 || out % o.groups != 0)
            raise<usage_error>("nn::conv2d", "groups is ", o.groups, ", expected a divisor of ", in, " and ", out);
        weight.value = tensor<T>(shape{out, in / o.groups, kernel_size.height, kernel_size.width});
        init::kaiming_normal_(weight.value, g, init::fan::out);
        if (with_bias) bias.value = tensor<T>(shape{out});
        bias.decay = false;
    }
    template <class X> auto operator()(const X& x) const { return op::conv2d(x, weight, bias, options); }
    static void visit(auto& self, auto&& member) {
        member("weight", self.weight);
        member("bias", self.bias);
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif

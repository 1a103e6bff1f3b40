// SPDX-License-Identifier: BSD-3-Clause
/// Description of the 2-D convolution of images.
#ifndef SMLDIST_SPEC_CONV2D_HPP
#define SMLDIST_SPEC_CONV2D_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "smldist/spec/extent2.hpp"

namespace smldist::spec {
SMLDIST_NAMESPACE_BEGIN

/// 2-D convolution (cross-correlation) of images, channels last. With stride (s, t), padding (p, q) and dilation (d, e):
///
///     y[b,i,j,o] = bias[o] + sum_{c,k,l} w[o,c,k,l] * x[b, i*s + k*d - p, j*t + l*e - q, g(o)+c]
///
/// Shapes     x (B, H, W, C) · w (O, C/groups, Kh, Kw) · bias (O) or empty · y (B, H', W', O),
///            H' = (H + 2*padding - dilation*(Kh-1) - 1) / stride + 1, W' likewise
/// Cost       B * H' * W' * O * C/groups * Kh * Kw multiply-accumulates.
/// Throws     shape_error if groups does not divide C and O, if w or bias does not fit x, if H' or W' < 1;
///            usage_error if a stride, a dilation or groups is 0.
/// Source     torch.nn.functional.conv2d; depthwise use: Howard et al. 2017.
struct conv2d {
    extent2 stride = 1, padding = 0, dilation = 1;
    std::size_t groups = 1;

    static constexpr std::string_view name = "conv2d";
    static void visit(auto& self, auto&& f) {
        f("stride_height", self.stride.height);
        f("stride_width", self.stride.width);
        f("padding_height", self.padding.height);
        f("padding_width", self.padding.width);
        f("dilation_height", self.dilation.height);
        f("dilation_width", self.dilation.width);
        f("groups", self.groups);
    }
    std::uint64_t macs(const shape& x, const shape& w, const shape& bias) const {
        return std::uint64_t(infer(x, w, bias).product(0, 3)) * w.size();
    }
    shape infer(const shape& x, const shape& w, const shape& bias) const {
        if (stride.smaller() == 0 || dilation.smaller() == 0 || groups == 0)
            raise<usage_error>("op::conv2d", "stride, dilation, groups are ", stride.smaller(), ", ",
                               dilation.smaller(), ", ", groups, ", expected at least 1");
        check_image("op::conv2d", x);
        if (w.rank() != 4 || w.size() == 0)
            raise<shape_error>("op::conv2d", "shape of weight is ", w.text(), ", expected (O, C/groups, Kh, Kw)");
        if (w[1] * groups != x[3] || w[0] % groups != 0)
            raise<shape_error>("op::conv2d", "shapes of x and weight are ", x.text(), " and ", w.text(),
                               ", expected C = ", w[1] * groups, " and O divisible by groups ", groups);
        if (bias.size() != 0 && !(bias == shape{w[0]}))
            raise<shape_error>("op::conv2d", "shape of bias is ", bias.text(), ", expected (", w[0], ") or none");
        const extent2 reach(dilation.height * (w[2] - 1) + 1, dilation.width * (w[3] - 1) + 1);
        const extent2 y = window_places("op::conv2d", x, reach, padding, stride);
        return {x[0], y.height, y.width, w[0]};
    }
    /// Whether it is the product of the pixels of x with w (O, C, 1, 1).
    bool is_pointwise(const shape& w) const {
        return w[2] == 1 && w[3] == 1 && stride == 1 && padding == 0 && groups == 1;
    }
    /// Whether each channel is convolved with taps of its own, w (C, 1, Kh, Kw), into one output.
    bool is_depthwise(const shape& w) const { return groups > 1 && w[0] == groups && w[1] == 1; }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif

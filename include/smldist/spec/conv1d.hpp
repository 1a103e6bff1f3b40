// SPDX-License-Identifier: BSD-3-Clause
/// Descriptions of the 1-D convolution along time and of its transpose.
#ifndef SMLDIST_SPEC_CONV1D_HPP
#define SMLDIST_SPEC_CONV1D_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "smldist/core/error.hpp"
#include "smldist/core/shape.hpp"

namespace smldist::spec {
SMLDIST_NAMESPACE_BEGIN

/// 1-D convolution (cross-correlation), channels last.
///
///     y[b,t,o] = bias[o] + sum_{c,k} w[o,c,k] * x[b, t*stride + k*dilation - padding, g(o)+c]
///
/// Shapes     x (B, L, C) · w (O, C/groups, K) · bias (O) or empty · y (B, L', O),
///            L' = (L + 2*padding - dilation*(K-1) - 1) / stride + 1; causal: L' = (L - 1) / stride + 1
/// Cost       B * L' * O * C/groups * K multiply-accumulates.
/// Throws     shape_error if groups does not divide C and O, if w or bias does not fit x, if L' < 1;
///            usage_error if stride, dilation or groups is 0, or causal comes with padding.
/// Source     torch.nn.functional.conv1d; depthwise use: Howard et al. 2019, sec. 5.1.
struct conv1d {
    std::size_t stride = 1, padding = 0, dilation = 1, groups = 1;
    bool causal = false; ///< pads dilation·(K−1) zeros on the left and none on the right; needs padding = 0

    static constexpr std::string_view name = "conv1d";
    static void visit(auto& self, auto&& f) {
        f("stride", self.stride);
        f("padding", self.padding);
        f("dilation", self.dilation);
        f("groups", self.groups);
        f("causal", self.causal);
    }
    std::uint64_t macs(const shape& x, const shape& w, const shape& bias) const {
        const shape y = infer(x, w, bias);
        return std::uint64_t(y[0]) * y[1] * w.size();
    }
    shape infer(const shape& x, const shape& w, const shape& bias) const {
        if (stride == 0 || dilation == 0 || groups == 0)
            raise<usage_error>("op::conv1d", "stride, dilation, groups are ", stride, ", ", dilation, ", ", groups,
                               ", expected at least 1");
        if (causal && padding != 0)
            raise<usage_error>("op::conv1d", "padding is ", padding, ", expected 0 with causal padding");
        if (x.rank() != 3) raise<shape_error>("op::conv1d", "shape of x is ", x.text(), ", expected (B, L, C)");
        if (w.rank() != 3 || w.size() == 0)
            raise<shape_error>("op::conv1d", "shape of weight is ", w.text(), ", expected (O, C/groups, K)");
        if (w[1] * groups != x[2] || w[0] % groups != 0)
            raise<shape_error>("op::conv1d", "shapes of x and weight are ", x.text(), " and ", w.text(),
                               ", expected C = ", w[1] * groups, " and O divisible by groups ", groups);
        if (bias.size() != 0 && !(bias == shape{w[0]}))
            raise<shape_error>("op::conv1d", "shape of bias is ", bias.text(), ", expected (", w[0], ") or none");
        const std::size_t reach = dilation * (w[2] - 1) + 1;
        const std::size_t padded = x[1] + (causal ? reach - 1 : 2 * padding);
        if (x[1] == 0 || padded < reach)
            raise<shape_error>("op::conv1d", "padded length is ", padded, ", expected at least ", reach,
                               " for kernel ", w[2], " with dilation ", dilation);
        return {x[0], (padded - reach) / stride + 1, w[0]};
    }
    /// Zeros before the first sample, for K taps.
    std::size_t left_padding(std::size_t K) const { return causal ? dilation * (K - 1) : padding; }
    /// Whether it is the product of the rows of x with w (O, C, 1).
    bool is_pointwise(const shape& w) const { return w[2] == 1 && stride == 1 && padding == 0 && groups == 1; }
    /// Whether each channel is convolved with taps of its own, w (C, 1, K), into one output.
    bool is_depthwise(const shape& w) const { return groups > 1 && w[0] == groups && w[1] == 1; }
};

/// Transposed 1-D convolution, channels last: it lengthens time. As a linear map of x it is the transpose of conv1d with the same
/// weight and options, in which x and y have changed places.
///
///     y[b, t*stride + k*dilation - padding, o] = bias[o] + sum_{t,k,c} w[c,o,k] * x[b,t,c]
///
/// Output channels of group g see the input channels of group g. output_padding lengthens y at its end, where several lengths
/// have the same conv1d of length L.
///
/// Shapes     x (B, L, C) · w (C, O/groups, K) · bias (O) or empty · y (B, L', O),
///            L' = (L - 1)*stride - 2*padding + dilation*(K-1) + output_padding + 1
/// Cost       B * L * C * O/groups * K multiply-accumulates.
/// Throws     shape_error if groups does not divide C, if w or bias does not fit x, if L' < 1; usage_error if stride, dilation or
///            groups is 0, or output_padding is not below stride or dilation.
/// Source     torch.nn.functional.conv_transpose1d.
struct conv_transpose1d {
    std::size_t stride = 1, padding = 0, output_padding = 0, dilation = 1, groups = 1;

    static constexpr std::string_view name = "conv_transpose1d";
    static void visit(auto& self, auto&& f) {
        f("stride", self.stride);
        f("padding", self.padding);
        f("output_padding", self.output_padding);
        f("dilation", self.dilation);
        f("groups", self.groups);
    }
    std::uint64_t macs(const shape& x, const shape& w, const shape&) const {
        return std::uint64_t(x[0]) * x[1] * w.size();
    }
    shape infer(const shape& x, const shape& w, const shape& bias) const {
        constexpr std::string_view where = "op::conv_transpose1d";
        if (stride == 0 || dilation == 0 || groups == 0)
            raise<usage_error>(where, "stride, dilation, groups are ", stride, ", ", dilation, ", ", groups,
                               ", expected at least 1");
        if (output_padding >= std::max(stride, dilation))
            raise<usage_error>(where, "output_padding is ", output_padding, ", expected below stride ", stride,
                               " or dilation ", dilation);
        if (x.rank() != 3 || x[1] == 0)
            raise<shape_error>(where, "shape of x is ", x.text(), ", expected (B, L, C) with L >= 1");
        if (w.rank() != 3 || w.size() == 0)
            raise<shape_error>(where, "shape of weight is ", w.text(), ", expected (C, O/groups, K)");
        if (w[0] != x[2] || x[2] % groups != 0)
            raise<shape_error>(where, "shapes of x and weight are ", x.text(), " and ", w.text(),
                               ", expected C = ", w[0], ", divisible by groups ", groups);
        const std::size_t outputs = w[1] * groups;
        if (bias.size() != 0 && !(bias == shape{outputs}))
            raise<shape_error>(where, "shape of bias is ", bias.text(), ", expected (", outputs, ") or none");
        const std::size_t whole = (x[1] - 1) * stride + dilation * (w[2] - 1) + output_padding + 1;
        if (whole <= 2 * padding)
            raise<shape_error>(where, "length without padding is ", whole,
                               ", expected above 2 * padding = ", 2 * padding);
        return {x[0], whole - 2 * padding, outputs};
    }
    /// Whether each channel has taps of its own, w (C, 1, K).
    bool is_depthwise(const shape& w) const { return groups > 1 && w[0] == groups && w[1] == 1; }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif

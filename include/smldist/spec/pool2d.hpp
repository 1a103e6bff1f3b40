// SPDX-License-Identifier: BSD-3-Clause
/// Descriptions of the pooling of images over a sliding window.
#ifndef SMLDIST_SPEC_POOL2D_HPP
#define SMLDIST_SPEC_POOL2D_HPP

#include <cstddef>
#include <string_view>

#include "smldist/spec/extent2.hpp"

namespace smldist::spec {
SMLDIST_NAMESPACE_BEGIN

/// infer of both kinds of pooling.
inline shape infer_pool2d(std::string_view where, const shape& x, extent2 kernel_size, extent2 stride,
                          extent2 padding) {
    if (kernel_size.smaller() == 0 || stride.smaller() == 0)
        raise<usage_error>(where, "kernel_size and stride are ", kernel_size.smaller(), " and ", stride.smaller(),
                           ", expected at least 1");
    if (padding.height > kernel_size.height / 2 || padding.width > kernel_size.width / 2)
        raise<usage_error>(where, "padding is ", padding.height, " x ", padding.width,
                           ", expected at most half of kernel_size ", kernel_size.height, " x ", kernel_size.width);
    check_image(where, x);
    const extent2 y = window_places(where, x, kernel_size, padding, stride);
    return {x[0], y.height, y.width, x[3]};
}

/// Maximum over a sliding window of an image. With stride (s, t) and padding (p, q):
///
///     y[b,i,j,c] = max_{k,l} x[b, i*s + k - p, j*t + l - q, c]
///
/// Shapes     x (B, H, W, C) · y (B, H', W', C), H' = (H + 2*padding - kernel_size) / stride + 1, W' likewise
/// Cost       B * H' * W' * C * the area of the window, comparisons; counted as 0 MACs.
/// Throws     usage_error if a kernel_size or stride is 0 or a padding exceeds kernel_size / 2;
///            shape_error if x is not (B, H, W, C) or H' or W' < 1.
/// Source     torch.nn.functional.max_pool2d.
struct max_pool2d {
    extent2 kernel_size = 2, stride = 2;
    extent2 padding = 0; ///< positions around the image that never win

    static constexpr std::string_view name = "max_pool2d";
    static void visit(auto& self, auto&& f) {
        f("kernel_height", self.kernel_size.height);
        f("kernel_width", self.kernel_size.width);
        f("stride_height", self.stride.height);
        f("stride_width", self.stride.width);
        f("padding_height", self.padding.height);
        f("padding_width", self.padding.width);
    }
    shape infer(const shape& x) const { return infer_pool2d("op::max_pool2d", x, kernel_size, stride, padding); }
};

/// Mean over a sliding window of an image; shapes, cost and errors as max_pool2d.
///
///     y[b,i,j,c] = 1/n sum_{k,l} x[b, i*s + k - p, j*t + l - q, c]
///
/// n is the area of the window, or only of its part inside the image if count_include_pad is false.
///
/// Source     torch.nn.functional.avg_pool2d.
struct avg_pool2d {
    extent2 kernel_size = 2, stride = 2;
    extent2 padding = 0;           ///< zeros around the image
    bool count_include_pad = true; ///< the zeros count in the mean

    static constexpr std::string_view name = "avg_pool2d";
    static void visit(auto& self, auto&& f) {
        f("kernel_height", self.kernel_size.height);
        f("kernel_width", self.kernel_size.width);
        f("stride_height", self.stride.height);
        f("stride_width", self.stride.width);
        f("padding_height", self.padding.height);
        f("padding_width", self.padding.width);
        f("count_include_pad", self.count_include_pad);
    }
    shape infer(const shape& x) const { return infer_pool2d("op::avg_pool2d", x, kernel_size, stride, padding); }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif

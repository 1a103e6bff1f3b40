// SPDX-License-Identifier: BSD-3-Clause
/// Height and width, and what the descriptions of ops on images share.
#ifndef SMLDIST_SPEC_EXTENT2_HPP
#define SMLDIST_SPEC_EXTENT2_HPP

#include <cstddef>
#include <string_view>

#include "smldist/core/error.hpp"
#include "smldist/core/shape.hpp"

namespace smldist::spec {
SMLDIST_NAMESPACE_BEGIN

/// A number for each axis of an image. One number stands for both axes:
///
///     op::conv2d_options{.stride = 2, .padding = {1, 0}}     stride (2, 2), padding (1, 0)
struct extent2 {
    std::size_t height = 1, width = 1;

    constexpr extent2() = default;
    /// Implicit. Out of line: g++ 12 with -O2 and AVX-512 merges the constants of several options in one function wrongly
    /// (tests/runtime/image_steps.cpp, "in parts", saw a padding of another call).
    SMLDIST_NOINLINE extent2(std::size_t both) : height(both), width(both) {}
    constexpr extent2(std::size_t h, std::size_t w) : height(h), width(w) {}

    std::size_t area() const { return height * width; }
    std::size_t smaller() const { return height < width ? height : width; }
    friend bool operator==(const extent2&, const extent2&) = default;
};

/// Throws     shape_error unless x is (B, H, W, C).
inline void check_image(std::string_view where, const shape& x) {
    if (x.rank() != 4) raise<shape_error>(where, "shape of x is ", x.text(), ", expected (B, H, W, C)");
}

/// The number of places (height, width) of a window that covers `reach` rows and columns, over the padded images
/// x (B, H, W, C): (H + 2*padding - reach) / stride + 1, and the same for the width.
/// Throws     shape_error if the image is empty or the padded image smaller than the window.
inline extent2 window_places(std::string_view where, const shape& x, extent2 reach, extent2 padding, extent2 stride) {
    const extent2 padded(x[1] + 2 * padding.height, x[2] + 2 * padding.width);
    if (x[1] == 0 || x[2] == 0 || padded.height < reach.height || padded.width < reach.width)
        raise<shape_error>(where, "padded image is ", padded.height, " x ", padded.width, ", expected at least ",
                           reach.height, " x ", reach.width);
    return {(padded.height - reach.height) / stride.height + 1, (padded.width - reach.width) / stride.width + 1};
}

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif

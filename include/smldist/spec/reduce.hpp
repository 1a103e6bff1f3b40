// SPDX-License-Identifier: BSD-3-Clause
/// Descriptions of sums, means and extremes over all elements or one axis, of running sums, and of pooling over time.
#ifndef SMLDIST_SPEC_REDUCE_HPP
#define SMLDIST_SPEC_REDUCE_HPP

#include <cstddef>
#include <optional>
#include <string_view>

#include "smldist/spec/shapes.hpp"

namespace smldist::spec {
SMLDIST_NAMESPACE_BEGIN

/// What sum, mean and the extremes share: which axis they reduce.
struct reduce_options {
    std::optional<std::ptrdiff_t> axis = {}; ///< negative: from the back; none: all axes
    bool keepdim = false;                    ///< keep the reduced axes, with extent 1

    static void visit(auto& self, auto&& f) {
        f("axis", self.axis);
        f("keepdim", self.keepdim);
    }
    shape infer(std::string_view where, const shape& x) const {
        shape y;
        const std::size_t reduced = axis ? resolve_axis(where, x, *axis) : 0;
        for (std::size_t a = 0; a < x.rank(); ++a)
            if (axis && a != reduced)
                y.push_back(x[a]);
            else if (keepdim)
                y.push_back(1);
        return y;
    }
};

/// Sum over one axis or all.
///
/// Shapes     x any · y without the reduced axes, or with extent 1 there (keepdim); () when all are reduced
/// Cost       one pass; counted as 0 MACs.
/// Throws     shape_error if the axis does not exist.
struct sum : reduce_options {
    static constexpr std::string_view name = "sum";
    shape infer(const shape& x) const { return reduce_options::infer("op::sum", x); }
};

/// Mean over one axis or all; shapes and cost as sum.
///
/// Throws     shape_error if the axis does not exist, or if it has no elements.
struct mean : reduce_options {
    static constexpr std::string_view name = "mean";
    shape infer(const shape& x) const {
        const shape y = reduce_options::infer("op::mean", x);
        if ((axis ? x[resolve_axis("op::mean", x, *axis)] : x.size()) == 0)
            raise<shape_error>("op::mean", "shape is ", x.text(), ", expected at least one element to average");
        return y;
    }
};

namespace detail {
/// The shape of an extreme of x: as sum, but of at least one element.
inline shape infer_extreme(std::string_view where, const reduce_options& o, const shape& x) {
    const shape y = o.infer(where, x);
    if ((o.axis ? x[resolve_axis(where, x, *o.axis)] : x.size()) == 0)
        raise<shape_error>(where, "shape is ", x.text(), ", expected at least one element to choose from");
    return y;
}
} // namespace detail

/// Largest element along one axis or of all; a NaN counts as the largest. Shapes and cost as sum.
///
/// Throws     shape_error if the axis does not exist, or if it has no elements.
/// Source     torch.amax, torch.max.
struct max : reduce_options {
    static constexpr std::string_view name = "max";
    shape infer(const shape& x) const { return detail::infer_extreme("op::max", *this, x); }
};
/// Smallest element; otherwise as max, also for a NaN.
struct min : reduce_options {
    static constexpr std::string_view name = "min";
    shape infer(const shape& x) const { return detail::infer_extreme("op::min", *this, x); }
};

/// Index of the largest element along one axis, or in row-major order of all: of equal elements the first, of a row with
/// NaN the first NaN. A whole number in the type of x, so that every world and a program can hold it; that type is exact
/// up to 2²⁴. Shapes and cost as sum.
///
/// Throws     shape_error as max, and for more than 2²⁴ elements to choose from.
/// Source     torch.argmax.
struct argmax : reduce_options {
    static constexpr std::string_view name = "argmax";
    shape infer(const shape& x) const { return infer("op::argmax", x); }

protected:
    shape infer(std::string_view where, const shape& x) const {
        const shape y = detail::infer_extreme(where, *this, x);
        if (x.size() > y.size() << 24)
            raise<shape_error>(where, "shape is ", x.text(), ", expected at most 2^24 elements to choose from");
        return y;
    }
};
/// Index of the smallest element; otherwise as argmax.
struct argmin : argmax {
    static constexpr std::string_view name = "argmin";
    shape infer(const shape& x) const { return argmax::infer("op::argmin", x); }
};

/// Running sum along one axis.
///
///     y[…,i,…] = x[…,0,…] + … + x[…,i,…]
///
/// Shapes     x any · y as x
/// Cost       one pass; counted as 0 MACs.
/// Throws     shape_error if the axis does not exist.
/// Source     torch.cumsum.
struct cumsum {
    std::ptrdiff_t axis = -1; ///< negative: from the back

    static constexpr std::string_view name = "cumsum";
    static void visit(auto& self, auto&& f) { f("axis", self.axis); }
    shape infer(const shape& x) const {
        static_cast<void>(resolve_axis("op::cumsum", x, axis));
        return x;
    }
};

/// Global average pool: the mean over time, or over the pixels of an image.
///
///     y[b,c] = 1/L sum_t x[b,t,c],   L = H * W for images
///
/// Shapes     x (B, L, C) or (B, H, W, C) · y (B, C)
/// Cost       one pass; counted as 0 MACs.
/// Throws     shape_error if x is not of these shapes with L ≥ 1.
struct mean_over_time {
    static constexpr std::string_view name = "mean_over_time";
    shape infer(const shape& x) const {
        if (x.rank() < 3 || x.sample_rows() == 0)
            raise<shape_error>("op::mean_over_time", "shape is ", x.text(),
                               ", expected (B, L, C) or (B, H, W, C) with L >= 1");
        return {x[0], x.back()};
    }
};

/// Mean over L' windows that cover time evenly; neighbours share a step where L' does not divide L.
///
///     y[b,i,c] = mean of x[b,t,c] over floor(i L/L') ≤ t < ceil((i+1) L/L')
///
/// Shapes     x (B, L, C) · y (B, L', C)
/// Cost       one pass; counted as 0 MACs.
/// Throws     shape_error if x is not (B, L, C) with L ≥ 1; usage_error if L' = 0.
/// Source     torch.nn.functional.adaptive_avg_pool1d.
struct adaptive_avg_pool1d {
    std::size_t length = 1; ///< L'

    static constexpr std::string_view name = "adaptive_avg_pool1d";
    static void visit(auto& self, auto&& f) { f("length", self.length); }
    shape infer(const shape& x) const {
        if (length == 0) raise<usage_error>("op::adaptive_avg_pool1d", "length is 0, expected at least 1");
        if (x.rank() != 3 || x[1] == 0)
            raise<shape_error>("op::adaptive_avg_pool1d", "shape is ", x.text(), ", expected (B, L, C) with L >= 1");
        return {x[0], length, x[2]};
    }
};

/// Maximum over a sliding window of time.
///
///     y[b,t,c] = max_k x[b, t*stride + k - padding, c]
///
/// Shapes     x (B, L, C) · y (B, L', C), L' = (L + 2*padding - kernel_size) / stride + 1
/// Cost       B * L' * C * kernel_size comparisons; counted as 0 MACs.
/// Throws     usage_error if kernel_size or stride is 0 or padding exceeds kernel_size / 2;
///            shape_error if x is not (B, L, C) or L' < 1.
/// Source     torch.nn.functional.max_pool1d.
struct max_pool1d {
    std::size_t kernel_size = 2;
    std::size_t stride = 2;
    std::size_t padding = 0; ///< positions before and after the window that never win

    static constexpr std::string_view name = "max_pool1d";
    static void visit(auto& self, auto&& f) {
        f("kernel_size", self.kernel_size);
        f("stride", self.stride);
        f("padding", self.padding);
    }
    shape infer(const shape& x) const {
        if (kernel_size == 0 || stride == 0)
            raise<usage_error>("op::max_pool1d", "kernel_size and stride are ", kernel_size, " and ", stride,
                               ", expected at least 1");
        if (padding > kernel_size / 2)
            raise<usage_error>("op::max_pool1d", "padding is ", padding, ", expected at most half of kernel_size ",
                               kernel_size);
        if (x.rank() != 3) raise<shape_error>("op::max_pool1d", "shape is ", x.text(), ", expected (B, L, C)");
        if (x[1] == 0 || x[1] + 2 * padding < kernel_size)
            raise<shape_error>("op::max_pool1d", "padded length is ", x[1] + 2 * padding, ", expected at least ",
                               kernel_size);
        return {x[0], (x[1] + 2 * padding - kernel_size) / stride + 1, x[2]};
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif

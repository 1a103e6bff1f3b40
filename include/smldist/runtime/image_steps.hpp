// SPDX-License-Identifier: BSD-3-Clause
/// The steps of images (H, W, C): convolutions with weights that are packed and hold the batch-norms, and pooling.
#ifndef SMLDIST_RUNTIME_IMAGE_STEPS_HPP
#define SMLDIST_RUNTIME_IMAGE_STEPS_HPP

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "smldist/kernel/conv2d.hpp"
#include "smldist/kernel/depthwise2d.hpp"
#include "smldist/kernel/pool2d.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/runtime/product.hpp"
#include "smldist/runtime/step.hpp"

namespace smldist::runtime {
SMLDIST_NAMESPACE_BEGIN

/// Dense or grouped convolution of images: rows of outputs are unfolded and multiplied, also across images.
struct conv2d_step {
    static constexpr std::string_view name = "conv2d";
    kernel::conv2d_shape s;
    operand x, weight, y, matrix; ///< weight: groups · packed_size(O/groups, Kh·Kw·C/groups); matrix: scratch
    ending end;

    void operands(operand_list& f) const { f(x), f(weight), f(end.bias), f(end.residual), f(matrix), f(y); }
    void run(const frame& f) const {
        const std::size_t n = s.group_outputs(), columns = s.columns(), rows = f.n * s.height.Lo;
        const std::size_t packed = kernel::packed_size<float>(n, columns);
        const float *const bias = f.read(end.bias), *const residual = f.read(end.residual);
        float* const unfolded = f.write(matrix);
        for (std::size_t first = 0; first < rows; first += s.rows()) {
            const std::size_t last = std::min(rows, first + s.rows()), at = first * s.width.Lo * s.O;
            for (std::size_t g = 0; g < s.groups; ++g) {
                kernel::unfold_rows(s, g, first, last, f.read(x), unfolded);
                detail::product((last - first) * s.width.Lo, unfolded, s.row_step(),
                                kernel::packed_b<float>{f.read(weight) + g * packed, n, columns},
                                f.write(y) + at + g * n, s.O, bias ? bias + g * n : nullptr,
                                residual ? residual + at + g * n : nullptr, end.f);
            }
        }
    }
};

/// y = f(depthwise convolution of x + bias + residual), and its mean over the image if `mean` is given: the squeeze of a
/// squeeze-excite.
struct depthwise2d_step {
    static constexpr std::string_view name = "depthwise2d";
    kernel::depthwise2d_shape s;
    operand x, weight, y, mean; ///< weight (Kh, Kw, C); mean (C) or none
    ending end;

    void operands(operand_list& f) const { f(x), f(weight), f(end.bias), f(end.residual), f(y), f(mean); }
    void run(const frame& f) const {
        using in_one = kernel::depthwise2d_ending<float>;
        const bool ends = !end.residual && in_one::has(end.f);
        const std::size_t pixels = s.height.Lo * s.width.Lo;
        for (std::size_t b = 0; b < f.n; ++b) {
            float* const to = f.write(y, b);
            kernel::depthwise2d_with_taps(1, s, f.read(x, b), f.read(weight), to,
                                          in_one{f.read(end.bias), ends ? end.f : activation::none});
            if (!ends) finish(end.f, pixels, s.C, to, s.C, nullptr, end.residual ? f.read(end.residual, b) : nullptr);
            if (mean) kernel::pool_mean(1, pixels, s.C, to, f.write(mean, b));
        }
    }
};

/// y = the maximum or the mean of a window that slides over x.
struct pool2d_step {
    static constexpr std::string_view name = "pool2d";
    kernel::pool2d_shape s;
    bool maximum, inside_only; ///< inside_only: the mean is of the pixels inside the image
    operand x, y;

    void operands(operand_list& f) const { f(x), f(y); }
    void run(const frame& f) const {
        if (maximum) return kernel::max_pool2d_forward<float>(f.n, s, f.read(x), f.write(y), nullptr);
        kernel::avg_pool2d_forward(f.n, s, inside_only, f.read(x), f.write(y));
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::runtime

#endif

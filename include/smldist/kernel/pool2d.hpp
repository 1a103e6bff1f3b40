// SPDX-License-Identifier: BSD-3-Clause
/// Maxima and means of a window that slides over images, channels last: x (B,H,W,C), y (B,Ho,Wo,C).
///
/// The window reads the positions of sliding_axis; those outside of the image are left out. Work is cut into rows of
/// images. Outputs do not overlap inputs.
#ifndef SMLDIST_KERNEL_POOL2D_HPP
#define SMLDIST_KERNEL_POOL2D_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/simd.hpp"
#include "smldist/kernel/sliding_axis.hpp"
#include "smldist/kernel/vector.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

/// The sizes of a pooling as above.
struct pool2d_shape {
    sliding_axis height, width;
    std::size_t C;

    std::size_t input_size() const { return height.L * width.L * C; }
    std::size_t output_size() const { return height.Lo * width.Lo * C; }
    /// Rows of outputs of one parallel chunk.
    std::size_t chunk() const { return chunk_rows(width.Lo * C * height.K * width.K); }
    /// The window of output (i, j): its rows, its columns, and the first pixel of the image in each row.
    struct window {
        std::size_t rows, columns, first, next_row;
    };
    window at(std::size_t i, std::size_t j) const {
        const index_range k = height.taps(i), l = width.taps(j);
        const auto row = static_cast<std::size_t>(height.at(i, k.first));
        return {k.size(), l.size(), row * width.L + static_cast<std::size_t>(width.at(j, l.first)), width.L};
    }
};

namespace detail {

/// Calls f(r, i, j) for every output of the rows [first, last) of all images: row r is row i of image r / Ho.
template <class F> void for_outputs(const pool2d_shape& s, std::size_t first, std::size_t last, F&& f) {
    for (std::size_t r = first; r < last; ++r)
        for (std::size_t j = 0; j < s.width.Lo; ++j) f(r, r % s.height.Lo, j);
}

/// best[c] = max(best[c], x[c]), where a NaN is larger than any number, and the place of x where it was taken. Without
/// branches, so that compilers vectorise it.
template <class T>
SMLDIST_NOINLINE void keep_larger(std::size_t C, const T* x, std::int32_t place, T* best, std::int32_t* winner) {
    for (std::size_t c = 0; winner && c < C; ++c) winner[c] = x[c] > best[c] || x[c] != x[c] ? place : winner[c];
    for (std::size_t c = 0; c < C; ++c) best[c] = x[c] > best[c] || x[c] != x[c] ? x[c] : best[c];
}

} // namespace detail

/// y = the maximum of each window. winner, unless null, becomes its pixel h·W + v. In a tie the first wins; a NaN
/// always wins. Every window holds a pixel of the image.
template <class T>
SMLDIST_NOINLINE void max_pool2d_forward(std::size_t B, const pool2d_shape& s, const T* x, T* y,
                                         std::int32_t* winner) {
    const std::size_t C = s.C;
    parallel_for(B * s.height.Lo, s.chunk(), [&](std::size_t from, std::size_t to) {
        detail::for_outputs(s, from, to, [&](std::size_t r, std::size_t i, std::size_t j) {
            const T* const image = x + r / s.height.Lo * s.input_size();
            const std::size_t out = (r * s.width.Lo + j) * C;
            const auto w = s.at(i, j);
            T* const best = y + out;
            std::copy_n(image + w.first * C, C, best);
            if (winner) std::fill_n(winner + out, C, static_cast<std::int32_t>(w.first));
            for (std::size_t k = 0; k < w.rows; ++k)
                for (std::size_t pixel = w.first + k * w.next_row, end = pixel + w.columns; pixel < end; ++pixel)
                    detail::keep_larger(C, image + pixel * C, static_cast<std::int32_t>(pixel), best,
                                        winner ? winner + out : nullptr);
        });
    });
}

/// dx[winner] += dy
template <class T>
void max_pool2d_backward(std::size_t B, const pool2d_shape& s, const T* dy, const std::int32_t* winner, T* dx) {
    parallel_for(B, chunk_rows(s.input_size()), [&](std::size_t from, std::size_t to) {
        for (std::size_t b = from; b < to; ++b)
            for (std::size_t i = b * s.output_size(); i < (b + 1) * s.output_size(); ++i)
                dx[b * s.input_size() + static_cast<std::size_t>(winner[i]) * s.C + i % s.C] += dy[i];
    });
}

/// y = the sum of each window, divided by its area or, if `inside_only`, by the number of its pixels of the image.
template <class T>
SMLDIST_NOINLINE void avg_pool2d_forward(std::size_t B, const pool2d_shape& s, bool inside_only, const T* x, T* y) {
    parallel_for(B * s.height.Lo, s.chunk(), [&](std::size_t from, std::size_t to) {
        detail::for_outputs(s, from, to, [&](std::size_t r, std::size_t i, std::size_t j) {
            const auto w = s.at(i, j);
            const T* const image = x + r / s.height.Lo * s.input_size() + w.first * s.C;
            T* const out = y + (r * s.width.Lo + j) * s.C;
            const T share = T(1) / static_cast<T>(inside_only ? w.rows * w.columns : s.height.K * s.width.K);
            simd::sweep<T>(s.C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                auto sum = p.set(T(0));
                for (std::size_t k = 0; k < w.rows; ++k)
                    for (std::size_t l = 0; l < w.columns; ++l)
                        sum = sum + p.load(image + (k * w.next_row + l) * s.C + c);
                p.store(out + c, sum * p.set(share));
            });
        });
    });
}

/// dx += the gradient of avg_pool2d_forward for dy
template <class T>
SMLDIST_NOINLINE void avg_pool2d_backward(std::size_t B, const pool2d_shape& s, bool inside_only, const T* dy,
                                          T* dx) {
    parallel_for(B, chunk_rows(s.input_size()), [&](std::size_t from, std::size_t to) {
        detail::for_outputs(
            s, from * s.height.Lo, to * s.height.Lo, [&](std::size_t r, std::size_t i, std::size_t j) {
                const auto w = s.at(i, j);
                T* const image = dx + r / s.height.Lo * s.input_size() + w.first * s.C;
                const T* const d = dy + (r * s.width.Lo + j) * s.C;
                const T share = T(1) / static_cast<T>(inside_only ? w.rows * w.columns : s.height.K * s.width.K);
                simd::sweep<T>(s.C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                    const auto part = p.load(d + c) * p.set(share);
                    for (std::size_t k = 0; k < w.rows; ++k)
                        for (std::size_t l = 0; l < w.columns; ++l) {
                            T* const to_pixel = image + (k * w.next_row + l) * s.C + c;
                            p.store(to_pixel, p.load(to_pixel) + part);
                        }
                });
            });
    });
}

namespace naive {

/// Calls f(y_index, x_index) for every position of every window that lies inside.
template <class F> void for_windows(std::size_t B, const pool2d_shape& s, F&& f) {
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t i = 0; i < s.height.Lo; ++i)
            for (std::size_t j = 0; j < s.width.Lo; ++j)
                for (std::size_t k = 0; k < s.height.K; ++k)
                    for (std::size_t l = 0; l < s.width.K; ++l) {
                        const std::ptrdiff_t row = s.height.at(i, k), column = s.width.at(j, l);
                        if (!s.height.inside(row) || !s.width.inside(column)) continue;
                        const std::size_t pixel =
                            static_cast<std::size_t>(row) * s.width.L + static_cast<std::size_t>(column);
                        for (std::size_t c = 0; c < s.C; ++c)
                            f(((b * s.height.Lo + i) * s.width.Lo + j) * s.C + c,
                              b * s.input_size() + pixel * s.C + c);
                    }
}

} // namespace naive

// For smldist::compiled.
SMLDIST_INSTANTIATE_KERNEL(max_pool2d_forward<float>)
SMLDIST_INSTANTIATE_KERNEL(avg_pool2d_forward<float>)
SMLDIST_INSTANTIATE_KERNEL(avg_pool2d_backward<float>)

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif

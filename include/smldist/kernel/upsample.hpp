// SPDX-License-Identifier: BSD-3-Clause
/// Resampling of images (B,H,W,C), channels last; signals (B,L,C) are images of L rows of one pixel.
#ifndef SMLDIST_KERNEL_UPSAMPLE_HPP
#define SMLDIST_KERNEL_UPSAMPLE_HPP

#include <algorithm>
#include <cstddef>

#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/simd.hpp"
#include "smldist/kernel/vector.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

/// Where the positions of an output axis read an input axis of n positions: a (1 − share) + b share of positions a and b.
struct resampled_axis {
    std::size_t n = 1, count = 1; ///< positions of input and output
    double scale = 0;             ///< count/n before it was rounded; 0: count/n
    bool linear = false, align_corners = false;

    struct place {
        std::size_t a, b;
        double share;
    };
    place operator()(std::size_t i) const {
        if (!linear) {
            const std::size_t at = scale > 0 ? static_cast<std::size_t>(double(i) / scale) : i * n / count;
            return {std::min(at, n - 1), 0, 0};
        }
        const double step = align_corners ? (count > 1 ? double(n - 1) / double(count - 1) : 0)
                            : scale > 0   ? 1 / scale
                                          : double(n) / double(count);
        const double at = align_corners ? double(i) * step : std::max(0.0, (double(i) + 0.5) * step - 0.5);
        const std::size_t a = std::min(static_cast<std::size_t>(at), n - 1);
        return {a, std::min(a + 1, n - 1), std::min(1.0, at - double(a))};
    }
};

/// Row i of y (H',W',C) from a sample x (H,W,C); H and H' are those of `rows`, W and W' of `columns`.
template <class T>
SMLDIST_NOINLINE void upsample_row(const resampled_axis& rows, const resampled_axis& columns, std::size_t C,
                                   std::size_t i, const T* x, T* y) {
    const auto [upper, lower, down] = rows(i);
    const T *const u = x + upper * columns.n * C, *const l = x + lower * columns.n * C;
    const T below = static_cast<T>(down);
    for (std::size_t j = 0; j < columns.count; ++j, y += C) {
        const auto at = columns(j);
        const std::size_t a = at.a * C, b = at.b * C;
        const T right = static_cast<T>(at.share);
        if (below == T(0) && right == T(0)) {
            std::copy_n(u + a, C, y);
            continue;
        }
        simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
            const auto between = [&p, c](const T* from, std::size_t first, std::size_t second,
                                         T share) SMLDIST_INLINE_LAMBDA {
                const auto v = p.load(from + first + c);
                return share == T(0) ? v : simd::fma(p.set(share), p.load(from + second + c) - v, v);
            };
            const auto v = between(u, a, b, right);
            p.store(y + c, below == T(0) ? v : simd::fma(p.set(below), between(l, a, b, right) - v, v));
        });
    }
}

/// y[b,i,j,c], see upsample_row.
template <class T>
SMLDIST_NOINLINE void upsample_forward(std::size_t B, const resampled_axis& rows, const resampled_axis& columns,
                                       std::size_t C, const T* x, T* y) {
    parallel_for(B * rows.count, chunk_rows(columns.count * C), [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r)
            upsample_row(rows, columns, C, r % rows.count, x + r / rows.count * rows.n * columns.n * C,
                         y + r * columns.count * C);
    });
}

/// dx (+)= the transpose of upsample_forward, applied to dy
template <class T>
SMLDIST_NOINLINE void upsample_backward(std::size_t B, const resampled_axis& rows, const resampled_axis& columns,
                                        std::size_t C, const T* dy, T* dx, bool add) {
    const std::size_t from = rows.count * columns.count * C, to = rows.n * columns.n * C;
    parallel_for(B, chunk_rows(from + to), [&](std::size_t first, std::size_t last) {
        if (!add) std::fill(dx + first * to, dx + last * to, T(0));
        for (std::size_t b = first; b < last; ++b)
            for (std::size_t i = 0; i < rows.count; ++i) {
                const auto row = rows(i);
                for (std::size_t j = 0; j < columns.count; ++j) {
                    const auto column = columns(j);
                    const T* const d = dy + b * from + (i * columns.count + j) * C;
                    const auto give = [&](std::size_t h, std::size_t w, double share) {
                        if (share == 0) return;
                        T* const sink = dx + b * to + (h * columns.n + w) * C;
                        const T s = static_cast<T>(share);
                        simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                            p.store(sink + c, simd::fma(p.set(s), p.load(d + c), p.load(sink + c)));
                        });
                    };
                    give(row.a, column.a, (1 - row.share) * (1 - column.share));
                    give(row.a, column.b, (1 - row.share) * column.share);
                    give(row.b, column.a, row.share * (1 - column.share));
                    give(row.b, column.b, row.share * column.share);
                }
            }
    });
}

// For smldist::compiled.
SMLDIST_INSTANTIATE_KERNEL(upsample_row<float>)
SMLDIST_INSTANTIATE_KERNEL(upsample_forward<float>)
SMLDIST_INSTANTIATE_KERNEL(upsample_backward<float>)

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif

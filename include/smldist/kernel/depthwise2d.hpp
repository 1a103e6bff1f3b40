// SPDX-License-Identifier: BSD-3-Clause
/// Depthwise 2-D convolution of images, channels last:
///
///     y[b,i,j,c] = Σ_{k,l} w[c,k,l] · x[b, h(i,k), v(j,l), c]
///
/// h(i,k) and v(j,l) are the positions of sliding_axis; outside of the image x reads as 0. x (B,H,W,C), w (C,Kh,Kw),
/// y (B,Ho,Wo,C). Outputs do not overlap inputs. Cost 2·B·Ho·Wo·C·Kh·Kw flops; terms outside of the image are skipped.
///
/// Images are read in place. Packs run over channels; a few neighbouring outputs of a row share each tap, which is
/// loaded once for them. The gradient of the input is the same sum over the taps of each remainder of the position
/// divided by the stride (tap_lattice). Work is cut into rows of images.
#ifndef SMLDIST_KERNEL_DEPTHWISE2D_HPP
#define SMLDIST_KERNEL_DEPTHWISE2D_HPP

#include <algorithm>
#include <cstddef>
#include <limits>

#include "smldist/core/activation.hpp"
#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/activation.hpp"
#include "smldist/kernel/depthwise.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/scratch.hpp"
#include "smldist/kernel/simd.hpp"
#include "smldist/kernel/sliding_axis.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

/// The sizes of a depthwise convolution as above.
struct depthwise2d_shape {
    sliding_axis height, width;
    std::size_t C;

    std::size_t taps() const { return height.K * width.K; }
    std::size_t input_size() const { return height.L * width.L * C; }
    std::size_t output_size() const { return height.Lo * width.Lo * C; }
};

/// How a row of depthwise sums starts and ends: y = f(bias + Σ), or y + Σ where `add` says so. f is none, relu or
/// hard_swish.
template <class T> struct depthwise2d_ending {
    const T* bias = nullptr; ///< (C) or null
    activation f = activation::none;
    bool add = false;

    static bool has(activation f) {
        return f == activation::none || f == activation::relu || f == activation::hard_swish;
    }
};

namespace detail {

/// The sums of one row of results: `m` are the taps of the column axis `down` for result i that are inside the image.
template <class T> struct depthwise2d_row {
    std::size_t C, Kw;
    const T *x, *w; ///< the first row of x that is read, (…, W, C) · its taps, (…, Kw, C)
    std::size_t rows;
    std::ptrdiff_t x_step, w_step; ///< elements from one row that is read to the next, in x and in w
    tap_lattice along;
    T* y; ///< the row of results
    depthwise2d_ending<T> end;

    /// The row `i` of the results of `down`, for an image x (H,W,C) and transposed taps wt (Kh,Kw,C).
    depthwise2d_row(std::size_t channels, std::size_t W, std::size_t taps, const tap_lattice& down, std::size_t i,
                    const tap_lattice& row, const T* image, const T* wt, T* to, const depthwise2d_ending<T>& e)
        : C(channels), Kw(taps), rows(0), along(row), y(to), end(e) {
        const index_range m = down.inside(i);
        const auto image_row = static_cast<std::ptrdiff_t>(W * C), taps_row = static_cast<std::ptrdiff_t>(Kw * C);
        const auto first = static_cast<std::ptrdiff_t>(m.first);
        rows = m.size();
        x_step = static_cast<std::ptrdiff_t>(down.reach) * image_row;
        w_step = down.tap_apart * taps_row;
        x = rows == 0 ? image : image + (down.at(i) * image_row + first * x_step);
        w = rows == 0 ? wt : wt + (down.tap * taps_row + first * w_step);
    }
};

/// The N results from j on, with the taps l of their row. Those of a single result may be any that lie inside.
template <std::size_t N, class T>
SMLDIST_INLINE void depthwise2d_tile(const depthwise2d_row<T>& s, std::size_t j, index_range l) {
    const std::size_t C = s.C, pixel = s.along.step * C, out = s.along.apart * C;
    const auto channels = static_cast<std::ptrdiff_t>(C);
    const std::ptrdiff_t x_apart = static_cast<std::ptrdiff_t>(s.along.reach) * channels;
    const std::ptrdiff_t w_apart = s.along.tap_apart * channels;
    const auto skipped = static_cast<std::ptrdiff_t>(l.first);
    const T* const x = s.x + (s.along.at(j) * channels + skipped * x_apart);
    const T* const w = s.w + (s.along.tap * channels + skipped * w_apart);
    T* const y = s.y + (s.along.first + j * s.along.apart) * C;
    const bool swish = s.end.f == activation::hard_swish;
    const T low = s.end.f == activation::relu ? T(0) : -std::numeric_limits<T>::infinity();
    simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
        using V = typename decltype(p)::pack;
        const V start = s.end.bias ? p.load(s.end.bias + c) : p.set(T(0));
        V sum[N];
        simd::unroll<N>([&](auto t) SMLDIST_INLINE_LAMBDA { sum[t] = s.end.add ? p.load(y + t * out + c) : start; });
        const T *x_row = x + c, *w_row = w + c;
        for (std::size_t m = 0; m < s.rows; ++m, x_row += s.x_step, w_row += s.w_step) {
            const T *from = x_row, *tap = w_row;
            for (std::size_t k = l.first; k < l.last; ++k, from += x_apart, tap += w_apart) {
                V a = p.load(tap);
                if constexpr (N > 1) simd::keep(a);
                simd::unroll<N>(
                    [&](auto t) SMLDIST_INLINE_LAMBDA { sum[t] = simd::fma(a, p.load(from + t * pixel), sum[t]); });
            }
        }
        simd::unroll<N>([&](auto t) SMLDIST_INLINE_LAMBDA {
            p.store(y + t * out + c, swish ? hard_swish{}.value(sum[t]) : simd::max(p.set(low), sum[t]));
        });
    });
}

/// All results of a row: those whose taps are all inside in tiles, the others one by one.
template <class T> SMLDIST_NOINLINE void depthwise2d_results(const depthwise2d_row<T>& s) {
    const index_range interior = s.along.interior(), all{0, s.along.taps};
    std::size_t j = 0;
    while (j < s.along.count) {
        const bool inside = j >= interior.first && j < interior.last;
        if (inside && j + 4 <= interior.last) {
            depthwise2d_tile<4>(s, j, all);
            j += 4;
        } else {
            depthwise2d_tile<1>(s, j, s.along.inside(j));
            ++j;
        }
    }
}

/// dwt[k,l,c] += Σ_j dy[j,c] x[h(i,k), v(j,l), c] for row i of dy, an image x and the taps k inside; with Kw taps in
/// registers, or one if K = 0.
template <std::size_t K, class T>
SMLDIST_NOINLINE void tap_gradients2d(const depthwise2d_shape& s, std::size_t i, const T* dy, const T* x, T* dwt) {
    constexpr std::size_t block = K == 0 ? 1 : K;
    const std::size_t C = s.C, Kw = s.width.K, pixel = s.width.stride * C;
    const index_range rows = s.height.taps(i);
    const auto channels = static_cast<std::ptrdiff_t>(C);
    for (std::size_t k = rows.first; k < rows.last; ++k) {
        const T* const row = x + static_cast<std::size_t>(s.height.at(i, k)) * s.width.L * C;
        for (std::size_t l = 0; l < Kw; l += block) {
            T* const out = dwt + (k * Kw + l) * C;
            // The outputs whose taps from l on are all inside, and those of which some are.
            const index_range low = s.width.outputs(l), high = s.width.outputs(l + block - 1);
            const std::size_t begin = high.first, end = low.last;
            const std::size_t inner = std::clamp(low.first, begin, end), outer = std::clamp(high.last, inner, end);
            simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                using V = typename decltype(p)::pack;
                V sum[block];
                simd::unroll<block>([&](auto t) SMLDIST_INLINE_LAMBDA { sum[t] = p.load(out + t * C + c); });
                const auto at = [&](std::size_t j, std::size_t t) SMLDIST_INLINE_LAMBDA {
                    return row + s.width.at(j, l + t) * channels + static_cast<std::ptrdiff_t>(c);
                };
                const auto border = [&](std::size_t from, std::size_t to) SMLDIST_INLINE_LAMBDA {
                    for (std::size_t j = from; j < to; ++j) {
                        const V d = p.load(dy + j * C + c);
                        simd::unroll<block>([&](auto t) SMLDIST_INLINE_LAMBDA {
                            if (s.width.inside(s.width.at(j, l + t))) sum[t] = simd::fma(d, p.load(at(j, t)), sum[t]);
                        });
                    }
                };
                border(begin, inner);
                const T *d = dy + inner * C + c, *from = at(inner, 0);
                for (std::size_t j = inner; j < outer; ++j, d += C, from += pixel) {
                    V a = p.load(d);
                    if constexpr (block > 1) simd::keep(a);
                    simd::unroll<block>([&](auto t) SMLDIST_INLINE_LAMBDA {
                        sum[t] = simd::fma(a, p.load(from + t * s.width.dilation * C), sum[t]);
                    });
                }
                border(outer, end);
                simd::unroll<block>([&](auto t) SMLDIST_INLINE_LAMBDA { p.store(out + t * C + c, sum[t]); });
            });
        }
    }
}

} // namespace detail

/// y = f(bias + depthwise convolution of x) with transposed taps wt (Kh,Kw,C)
template <class T>
SMLDIST_NOINLINE void depthwise2d_with_taps(std::size_t B, const depthwise2d_shape& s, const T* x, const T* wt, T* y,
                                            const depthwise2d_ending<T>& end) {
    const tap_lattice down = tap_lattice::forward(s.height), along = tap_lattice::forward(s.width);
    const std::size_t Ho = s.height.Lo, W = s.width.L, row = s.width.Lo * s.C;
    parallel_for(B * Ho, chunk_rows(row * s.taps() / 2), [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r)
            detail::depthwise2d_results(detail::depthwise2d_row<T>(
                s.C, W, s.width.K, down, r % Ho, along, x + r / Ho * s.input_size(), wt, y + r * row, end));
    });
}

/// y = bias + depthwise convolution of x with w, bias (C) or null
template <class T>
SMLDIST_NOINLINE void depthwise2d_forward(std::size_t B, const depthwise2d_shape& s, const T* x, const T* w,
                                          const T* bias, T* y) {
    const scratch<T> wt(s.taps() * s.C);
    detail::transpose_taps(s.C, s.taps(), w, wt.data(), false);
    depthwise2d_with_taps(B, s, x, wt.data(), y, {bias, activation::none, false});
}

/// dx (+)= the transpose of the convolution in x, applied to dy (B,Ho,Wo,C)
template <class T>
SMLDIST_NOINLINE void depthwise2d_backward_input(std::size_t B, const depthwise2d_shape& s, const T* dy, const T* w,
                                                 T* dx, bool add) {
    const scratch<T> wt(s.taps() * s.C);
    detail::transpose_taps(s.C, s.taps(), w, wt.data(), false);
    const std::size_t H = s.height.L, row = s.width.L * s.C, grain = chunk_rows(row * s.taps() / 2);
    parallel_for(B * H, grain, [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r) {
            const std::size_t i = r % H;
            const tap_lattice down = tap_lattice::backward(s.height, i % s.height.stride);
            for (std::size_t rest = 0; rest < s.width.stride; ++rest)
                detail::depthwise2d_results(detail::depthwise2d_row<T>(
                    s.C, s.width.Lo, s.width.K, down, i / s.height.stride, tap_lattice::backward(s.width, rest),
                    dy + r / H * s.output_size(), wt.data(), dx + r * row, {nullptr, activation::none, add}));
        }
    });
}

/// dw (+)= the gradient of the weights for dy (B,Ho,Wo,C)
///
/// Fixed chunks of rows, at most 16, are summed separately and added in order.
template <class T>
SMLDIST_NOINLINE void depthwise2d_backward_weight(std::size_t B, const depthwise2d_shape& s, const T* dy, const T* x,
                                                  T* dw, bool add) {
    const std::size_t R = B * s.height.Lo, row = s.width.Lo * s.C, size = s.taps() * s.C;
    const std::size_t grain = std::max(chunk_rows(row * s.taps() / 2), (R + 15) / 16);
    const std::size_t chunks = std::max<std::size_t>(1, (R + grain - 1) / grain);
    const scratch<T> partial(chunks * size);
    std::fill_n(partial.data(), partial.size(), T(0));
    parallel_for(R, grain, [&](std::size_t first, std::size_t last) {
        T* const out = partial.data() + first / grain * size;
        detail::with_taps(s.width.K, [&](auto k) {
            for (std::size_t r = first; r < last; ++r)
                detail::tap_gradients2d<k>(s, r % s.height.Lo, dy + r * row, x + r / s.height.Lo * s.input_size(),
                                           out);
        });
    });
    T* const total = partial.data();
    add_partials(chunks, size, size, total, total, false);
    detail::untranspose_taps(s.C, s.taps(), total, dw, add);
}

// For smldist::compiled.
SMLDIST_INSTANTIATE_KERNEL(depthwise2d_with_taps<float>)
SMLDIST_INSTANTIATE_KERNEL(depthwise2d_forward<float>)
SMLDIST_INSTANTIATE_KERNEL(depthwise2d_backward_input<float>)
SMLDIST_INSTANTIATE_KERNEL(depthwise2d_backward_weight<float>)

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif

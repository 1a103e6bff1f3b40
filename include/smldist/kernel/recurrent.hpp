// SPDX-License-Identifier: BSD-3-Clause
/// Recurrences over time: gated recurrent unit and long short-term memory, and their gradients.
///
/// The rows of a batch are independent, so they are cut into chunks of 8 or 16 that run in parallel. A chunk multiplies the
/// samples of a block of steps by packed weights; then, step after step, it multiplies the states, and one pass over the
/// gates, in full packs, makes the next states. A row has the same bits whatever the rows beside it are, on any number of threads,
/// and whether its sequence is computed at once or in parts.
#ifndef SMLDIST_KERNEL_RECURRENT_HPP
#define SMLDIST_KERNEL_RECURRENT_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>

#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/activation.hpp"
#include "smldist/kernel/gemm.hpp"
#include "smldist/kernel/scratch.hpp"
#include "smldist/kernel/simd.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

/// The extents of a recurrence: x (B, L, C), states (B, H), y (B, y_rows, H) with y_rows L, or L + 1 when the last cell state
/// follows.
struct recurrence {
    std::size_t B, L, C, H;
    std::size_t y_rows;
    bool reverse = false; ///< time runs from L - 1 to 0

    /// The time of the k-th step.
    std::size_t time(std::size_t k) const { return reverse ? L - 1 - k : k; }
};

/// The first states: h and c (B, H), rows `…_step` elements apart; null for zeros.
template <class T> struct first_state {
    const T *h = nullptr, *c = nullptr;
    std::size_t h_step = 0, c_step = 0;
};

/// The weights of a recurrence with G gates: (G H, C) and (G H, H) packed by pack_nt; a bias (G H) may be null.
template <class T> struct recurrent_weights {
    packed_b<T> ih, hh;
    const T *bias_ih, *bias_hh;
};

namespace detail {

/// Calls f(x, y) for packs x of the arrays `in`, n elements each, and stores the packs y to the arrays `out`. All packs are
/// full; the last one goes through copies padded with zeros.
template <std::size_t I, std::size_t O, class T, class F>
SMLDIST_INLINE void full_packs(std::size_t n, const T* const (&in)[I], T* const (&out)[O], const F& f) {
    using V = simd::full<T>;
    constexpr std::size_t W = V::size;
    alignas(64) T padded[(I + O) * W];
    for (std::size_t i = 0; i < n; i += W) {
        const std::size_t left = std::min(W, n - i);
        V x[I], y[O];
        if (left < W) {
            std::fill_n(padded, I * W, T(0));
            for (std::size_t j = 0; j < I; ++j) std::copy_n(in[j] + i, left, padded + j * W);
        }
        simd::unroll<I>([&](auto j)
                            SMLDIST_INLINE_LAMBDA { x[j] = simd::load<V>(left < W ? padded + j * W : in[j] + i); });
        f(x, y);
        simd::unroll<O>(
            [&](auto j) SMLDIST_INLINE_LAMBDA { simd::store(left < W ? padded + (I + j) * W : out[j] + i, y[j]); });
        if (left < W)
            for (std::size_t j = 0; j < O; ++j) std::copy_n(padded + (I + j) * W, left, out[j] + i);
    }
}

/// 1 - y²
template <class V> SMLDIST_INLINE V slope_of_tanh(const V& y) { return kernel::tanh{}.derivative_of_value(y); }

} // namespace detail

/// The gates of a GRU; see spec::gru. Weights hold the rows of r, z, n; a state is h.
struct gru_gates {
    static constexpr std::size_t gates = 3, states = 1;
    /// Blocks of H values that backward needs of a step: r, z, n, W_hn h + b_hn.
    static constexpr std::size_t kept = 4;
    /// The gradients of a step are those by n, r, z, W_hn h: h sees them from block 1, r, on.
    static constexpr std::size_t hidden = 1;

    /// The next state in place, from the products with x and h, and what backward needs.
    template <class T> static void step(std::size_t H, const T* of_x, const T* of_h, T* h, T* keep) {
        using V = simd::full<T>;
        detail::full_packs<7, 5, T>(H, {of_x, of_x + H, of_x + 2 * H, of_h, of_h + H, of_h + 2 * H, h},
                                    {h, keep, keep + H, keep + 2 * H, keep + 3 * H},
                                    [](const V(&x)[7], V(&y)[5]) SMLDIST_INLINE_LAMBDA {
                                        const V r = sigmoid{}.value(x[0] + x[3]), z = sigmoid{}.value(x[1] + x[4]);
                                        const V n = simd::tanh(simd::fma(r, x[5], x[2]));
                                        y[0] = simd::fma(z, x[6] - n, n);
                                        y[1] = r;
                                        y[2] = z;
                                        y[3] = n;
                                        y[4] = x[5];
                                    });
    }
    /// The gradients `dgates` of a step from those by its result, dy and d; d becomes the direct part of that by the state.
    template <class T>
    static void back(std::size_t H, const T* keep, const T* h, const T*, const T* dy, T* d, T* dgates) {
        using V = simd::full<T>;
        detail::full_packs<7, 5, T>(H, {keep, keep + H, keep + 2 * H, keep + 3 * H, h, dy, d},
                                    {d, dgates, dgates + H, dgates + 2 * H, dgates + 3 * H},
                                    [](const V(&x)[7], V(&y)[5]) SMLDIST_INLINE_LAMBDA {
                                        const V r = x[0], z = x[1], n = x[2], dh = x[5] + x[6];
                                        const V one = simd::constant<V>(1);
                                        const V dn = dh * (one - z) * detail::slope_of_tanh(n);
                                        y[0] = dh * z;
                                        y[1] = dn;
                                        y[2] = dn * x[3] * sigmoid{}.derivative_of_value(r);
                                        y[3] = dh * (x[4] - n) * sigmoid{}.derivative_of_value(z);
                                        y[4] = dn * r;
                                    });
    }
};

/// The gates of an LSTM; see spec::lstm. Weights hold the rows of i, f, g, o; a state is h and c, one after the other.
struct lstm_gates {
    static constexpr std::size_t gates = 4, states = 2;
    /// i, f, g, o, c
    static constexpr std::size_t kept = 5;
    /// The gradients of a step are those by i, f, g, o, for x and h.
    static constexpr std::size_t hidden = 0;

    template <class T> static void step(std::size_t H, const T* of_x, const T* of_h, T* h, T* keep) {
        using V = simd::full<T>;
        detail::full_packs<9, 7, T>(
            H, {of_x, of_x + H, of_x + 2 * H, of_x + 3 * H, of_h, of_h + H, of_h + 2 * H, of_h + 3 * H, h + H},
            {h, h + H, keep, keep + H, keep + 2 * H, keep + 3 * H, keep + 4 * H},
            [](const V(&x)[9], V(&y)[7]) SMLDIST_INLINE_LAMBDA {
                y[2] = sigmoid{}.value(x[0] + x[4]);
                y[3] = sigmoid{}.value(x[1] + x[5]);
                y[4] = simd::tanh(x[2] + x[6]);
                y[5] = sigmoid{}.value(x[3] + x[7]);
                y[6] = simd::fma(y[3], x[8], y[2] * y[4]);
                y[1] = y[6];
                y[0] = y[5] * simd::tanh(y[6]);
            });
    }
    /// `c` is the cell state before the step.
    template <class T>
    static void back(std::size_t H, const T* keep, const T*, const T* c, const T* dy, T* d, T* dgates) {
        using V = simd::full<T>;
        detail::full_packs<9, 6, T>(H, {keep, keep + H, keep + 2 * H, keep + 3 * H, keep + 4 * H, c, dy, d, d + H},
                                    {d, d + H, dgates, dgates + H, dgates + 2 * H, dgates + 3 * H},
                                    [](const V(&x)[9], V(&y)[6]) SMLDIST_INLINE_LAMBDA {
                                        const V i = x[0], f = x[1], g = x[2], o = x[3], squashed = simd::tanh(x[4]),
                                                dh = x[6] + x[7];
                                        const V dc = simd::fma(dh * o, detail::slope_of_tanh(squashed), x[8]);
                                        y[0] = simd::constant<V>(0);
                                        y[1] = dc * f;
                                        y[2] = dc * g * sigmoid{}.derivative_of_value(i);
                                        y[3] = dc * x[5] * sigmoid{}.derivative_of_value(f);
                                        y[4] = dc * i * detail::slope_of_tanh(g);
                                        y[5] = dh * squashed * sigmoid{}.derivative_of_value(o);
                                    });
    }
};

/// Blocks of H values in the gradients of a step.
inline constexpr std::size_t recurrent_gradients = 4;

/// The most rows of a chunk.
inline constexpr std::size_t most_recurrent_rows = 16;
/// Rows of the batch in one chunk: eight fill a tile of the product, sixteen read the weights less often.
inline std::size_t recurrent_rows(std::size_t B) { return B >= 128 ? most_recurrent_rows : most_recurrent_rows / 2; }

namespace detail {

/// Rows of a block: all steps that are prepared at once, of all rows of a chunk.
inline std::size_t block_rows(std::size_t L) { return std::min<std::size_t>(64, most_recurrent_rows * L); }
/// Steps of a block of R rows.
inline std::size_t block_steps(std::size_t R, std::size_t L) { return std::min<std::size_t>(64 / R, L); }

/// Copies n steps of R rows, W values each, rows `step` apart: to[t][r] = from[r][t].
template <class T> void gather(std::size_t R, std::size_t n, std::size_t W, const T* from, std::size_t step, T* to) {
    for (std::size_t r = 0; r < R; ++r)
        for (std::size_t t = 0; t < n; ++t) std::copy_n(from + r * step + t * W, W, to + (t * R + r) * W);
}
/// The way back: to[r][t] = from[t][r].
template <class T> void scatter(std::size_t R, std::size_t n, std::size_t W, const T* from, T* to, std::size_t step) {
    for (std::size_t r = 0; r < R; ++r)
        for (std::size_t t = 0; t < n; ++t) std::copy_n(from + (t * R + r) * W, W, to + r * step + t * W);
}

/// c = a (K) · B + bias, P of the widest panels from panel i on at a time, as many accumulators as hide the latency of an FMA.
template <std::size_t P, class T>
SMLDIST_INLINE void row_of_panels(std::size_t i, const T* a, const packed_b<T>& b, const T* bias, T* c) {
    using row = packs<T, 3, 0>;
    constexpr std::size_t width = widest<T> * unit<T>;
    static_assert(width == 3 * simd::width<T>);
    const T* const from = b.data + i * width * b.K;
    const std::size_t panel_step = width * b.K;
    row sum[P];
    simd::unroll<P>([&](auto j) SMLDIST_INLINE_LAMBDA {
        sum[j] = bias ? row::template load<false>(bias + (i + j) * width) : row::zero();
    });
    for (std::size_t k = 0; k < b.K; ++k)
        simd::unroll<P>([&](auto j) SMLDIST_INLINE_LAMBDA {
            sum[j].add_product(a[k], row::template load<false>(from + j * panel_step + k * width));
        });
    simd::unroll<P>([&](auto j) SMLDIST_INLINE_LAMBDA { sum[j].store(c + (i + j) * width); });
}

/// c (N) = a (K) · B + bias, with the bits of gemm_packed, whose tiles have too few accumulators for a single row.
template <class T>
SMLDIST_NOINLINE SMLDIST_ALIGN_LOOPS void row_times_packed(const T* a, packed_b<T> b, const T* bias, T* c) {
    const panels<T> all(b.N);
    const std::size_t whole = std::min(all.full, b.N / (widest<T> * unit<T>));
    std::size_t i = 0;
    for (; i + 4 <= whole; i += 4) row_of_panels<4>(i, a, b, bias, c);
    if (i + 2 <= whole) {
        row_of_panels<2>(i, a, b, bias, c);
        i += 2;
    }
    for (; i < all.count(); ++i) {
        const panel p = all[i];
        panel_rows<T>({b.K, a, b.K, 1, b.data + p.first * b.K, p.units * unit<T>, c, b.N, plain(c, b.N, false, bias)},
                      1, p, b.N);
    }
}

/// C (M, N) = A (M, K) · B + bias for the few rows of a step.
template <class T>
SMLDIST_NOINLINE void rows_times_packed(std::size_t M, const T* a, std::size_t lda, packed_b<T> b, const T* bias,
                                        T* c, std::size_t ldc) {
    if (M >= 4) return gemm_packed(M, a, lda, b, c, ldc, false, bias);
    for (std::size_t m = 0; m < M; ++m) row_times_packed(a + m * lda, b, bias, c + m * ldc);
}

} // namespace detail

/// Elements of working memory that recurrent_rows_forward needs.
template <class G> std::size_t recurrent_scratch(std::size_t L, std::size_t C, std::size_t H) {
    return most_recurrent_rows * (G::states + G::gates) * H + detail::block_rows(L) * (C + G::gates * H) +
           G::kept * H;
}

/// Computes the rows [first, last) of the batch, at most 16: y and, unless `keep` is null, what backward needs, kept H values
/// per row.
///
/// A block of steps at a time: its samples are copied, so that one product serves all rows.
template <class G, class T>
SMLDIST_NOINLINE void recurrent_rows_forward(const recurrence& s, const recurrent_weights<T>& w, const T* x,
                                             const first_state<T>& from, T* y, T* keep, std::size_t first,
                                             std::size_t last, T* scratch) {
    const std::size_t H = s.H, R = last - first, N = G::gates * H, state_step = G::states * H;
    const std::size_t rows = detail::block_rows(s.L), most = detail::block_steps(R, s.L);
    T *const state = scratch, *const of_h = state + most_recurrent_rows * state_step,
             *const of_x = of_h + most_recurrent_rows * N, *const samples = of_x + rows * N,
             *const spare = samples + rows * s.C;
    std::fill_n(state, R * state_step, T(0));
    for (std::size_t r = 0; r < R; ++r) {
        if (from.h) std::copy_n(from.h + (first + r) * from.h_step, H, state + r * state_step);
        if (from.c) std::copy_n(from.c + (first + r) * from.c_step, H, state + r * state_step + H);
    }
    for (std::size_t done = 0; done < s.L; done += most) {
        const std::size_t n = std::min(most, s.L - done), begin = s.reverse ? s.L - done - n : done;
        detail::gather(R, n, s.C, x + (first * s.L + begin) * s.C, s.L * s.C, samples);
        gemm_packed(n * R, samples, s.C, w.ih, of_x, N, false, w.bias_ih);
        for (std::size_t k = done; k < done + n; ++k) {
            const std::size_t t = s.time(k), row = (t - begin) * R;
            detail::rows_times_packed(R, state, state_step, w.hh, w.bias_hh, of_h, N);
            for (std::size_t r = 0; r < R; ++r) {
                T* const h = state + r * state_step;
                T* const kept = keep ? keep + (first * s.L + t * R + r) * G::kept * H : spare;
                G::step(H, of_x + (row + r) * N, of_h + r * N, h, kept);
                std::copy_n(h, H, y + ((first + r) * s.y_rows + t) * H);
            }
        }
    }
    for (std::size_t r = 0; s.y_rows > s.L && r < R; ++r)
        std::copy_n(state + r * state_step + H, H, y + ((first + r) * s.y_rows + s.L) * H);
}

/// y and, unless `keep` is null, what backward needs (B L, kept H), from weights in PyTorch's layout, which are packed once.
template <class G, class T>
SMLDIST_NOINLINE void recurrent_forward(const recurrence& s, const T* weight_ih, const T* weight_hh, const T* bias_ih,
                                        const T* bias_hh, const T* x, const first_state<T>& from, T* y, T* keep) {
    const std::size_t N = G::gates * s.H;
    const kernel::scratch<T> ih(packed_size<T>(N, s.C)), hh(packed_size<T>(N, s.H));
    const recurrent_weights<T> w{pack_nt(N, s.C, weight_ih, s.C, ih.data()),
                                 pack_nt(N, s.H, weight_hh, s.H, hh.data()), bias_ih, bias_hh};
    parallel_for_scratch<T>(s.B, recurrent_rows(s.B), recurrent_scratch<G>(s.L, s.C, s.H),
                            [&](std::size_t first, std::size_t last, T* memory) {
                                recurrent_rows_forward<G>(s, w, x, from, y, keep, first, last, memory);
                            });
}

/// The gradients of all steps by their gates, `dgates` (B L, 4H), with the states before each step, `before` (B L, H), and the
/// samples, `samples` (B L, C), in the same order of rows: that of `keep`, chunk by chunk, in each chunk one step after the
/// other. `dfirst` (B, states H) is the gradient by the first states. The gradients by x, weights and biases are products
/// of these.
///
/// A row of `dgates` holds the gradients by n, r, z and W_hn h for a GRU, and by i, f, g and o for an LSTM.
template <class G, class T>
SMLDIST_NOINLINE void recurrent_backward(const recurrence& s, const T* weight_hh, const T* x,
                                         const first_state<T>& from, const T* y, const T* keep, const T* dy,
                                         T* dgates, T* before, T* samples, T* dfirst) {
    const std::size_t H = s.H, width = recurrent_gradients * H, state_step = G::states * H, N = G::gates * H;
    const kernel::scratch<T> packed(packed_size<T>(H, N));
    const packed_b<T> hh = pack_nn(H, N, weight_hh, H, packed.data());
    const auto rows = [&](std::size_t first, std::size_t last, T* memory) {
        const std::size_t R = last - first, most = detail::block_steps(R, s.L);
        const auto row = [&](std::size_t t) { return first * s.L + t * R; };
        T *const d = memory, *const dh = d + R * state_step; // of the states after a step; of those of a block, by y
        detail::gather(R, s.L, s.C, x + first * s.L * s.C, s.L * s.C, samples + row(0) * s.C);
        // The state before each step: the result of the one before it, or the first state.
        T* const zero = before + row(s.time(0)) * H;
        std::fill_n(zero, R * H, T(0));
        for (std::size_t r = 0; from.h && r < R; ++r)
            std::copy_n(from.h + (first + r) * from.h_step, H, zero + r * H);
        detail::gather(R, s.L - 1, H, y + (first * s.y_rows + (s.reverse ? 1 : 0)) * H, s.y_rows * H,
                       before + row(s.reverse ? 0 : 1) * H);
        std::fill_n(d, R * state_step, T(0));
        for (std::size_t r = 0; s.y_rows > s.L && r < R; ++r)
            std::copy_n(dy + ((first + r) * s.y_rows + s.L) * H, H, d + r * state_step + H);
        T* const no_cell = dh + detail::block_rows(s.L) * H;
        std::fill_n(no_cell, H, T(0));
        for (std::size_t left = s.L; left > 0;) {
            const std::size_t n = std::min(most, left), begin = s.reverse ? s.L - left : left - n;
            detail::gather(R, n, H, dy + (first * s.y_rows + begin) * H, s.y_rows * H, dh);
            for (std::size_t k = left; k-- > left - n;) {
                const std::size_t t = s.time(k);
                for (std::size_t r = 0; r < R; ++r) {
                    const std::size_t at = row(t) + r;
                    const T* const c = k > 0    ? keep + ((row(s.time(k - 1)) + r + 1) * G::kept - 1) * H
                                       : from.c ? from.c + (first + r) * from.c_step
                                                : no_cell;
                    G::back(H, keep + at * G::kept * H, before + at * H, c, dh + ((t - begin) * R + r) * H,
                            d + r * state_step, dgates + at * width);
                }
                gemm_packed(R, dgates + row(t) * width + G::hidden * H, width, hh, d, state_step, true);
            }
            left -= n;
        }
        std::copy_n(d, R * state_step, dfirst + first * state_step);
    };
    const std::size_t most = recurrent_rows(s.B);
    parallel_for_scratch<T>(s.B, most, most * state_step + (detail::block_rows(s.L) + 1) * H, rows);
}

/// y (+)= `rows`, both (B, L, C), the latter in the order of recurrent_backward.
template <class T>
void from_recurrent_order(std::size_t B, std::size_t L, std::size_t C, const T* rows, T* y, bool add) {
    const std::size_t most = recurrent_rows(B);
    parallel_for(B, most, [&](std::size_t first, std::size_t last) {
        const T* const from = rows + first * L * C;
        T* const to = y + first * L * C;
        if (!add) return detail::scatter(last - first, L, C, from, to, L * C);
        for (std::size_t r = 0; r < last - first; ++r)
            for (std::size_t t = 0; t < L; ++t)
                for (std::size_t c = 0; c < C; ++c) to[(r * L + t) * C + c] += from[(t * (last - first) + r) * C + c];
    });
}

namespace naive {

/// y of a GRU, all of whose operands are present.
template <class T>
void gru(const recurrence& s, const T* weight_ih, const T* weight_hh, const T* bias_ih, const T* bias_hh, const T* x,
         const T* h0, T* y) {
    const std::size_t H = s.H;
    for (std::size_t b = 0; b < s.B; ++b)
        for (std::size_t k = 0; k < s.L; ++k) {
            const T* const h = k == 0 ? h0 + b * H : y + (b * s.L + s.time(k - 1)) * H;
            const T* const from = x + (b * s.L + s.time(k)) * s.C;
            const auto dot = [](const T* w, const T* v, std::size_t n) {
                T sum(0);
                for (std::size_t i = 0; i < n; ++i) sum += w[i] * v[i];
                return sum;
            };
            const auto of_x = [&](std::size_t j) { return dot(weight_ih + j * s.C, from, s.C) + bias_ih[j]; };
            const auto of_h = [&](std::size_t j) { return dot(weight_hh + j * H, h, H) + bias_hh[j]; };
            for (std::size_t j = 0; j < H; ++j) {
                const T r = 1 / (1 + std::exp(-of_x(j) - of_h(j))),
                        z = 1 / (1 + std::exp(-of_x(H + j) - of_h(H + j)));
                const T n = std::tanh(of_x(2 * H + j) + r * of_h(2 * H + j));
                y[(b * s.L + s.time(k)) * H + j] = (1 - z) * n + z * h[j];
            }
        }
}

} // namespace naive

// For smldist::compiled.
SMLDIST_INSTANTIATE_KERNEL(recurrent_forward<gru_gates, float>)
SMLDIST_INSTANTIATE_KERNEL(recurrent_forward<lstm_gates, float>)
SMLDIST_INSTANTIATE_KERNEL(recurrent_backward<gru_gates, float>)
SMLDIST_INSTANTIATE_KERNEL(recurrent_backward<lstm_gates, float>)
SMLDIST_INSTANTIATE_KERNEL(recurrent_rows_forward<gru_gates, float>)
SMLDIST_INSTANTIATE_KERNEL(recurrent_rows_forward<lstm_gates, float>)

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif

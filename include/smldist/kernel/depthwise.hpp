// SPDX-License-Identifier: BSD-3-Clause
/// Depthwise 1-D convolution, channels last:
///
///     y[b,t,c] = Σ_k w[c,k] · x[b, t·stride + k·dilation − pad, c]
///
/// x (B,L,C), w (C,K) with K ≥ 1, y (B,Lo,C); positions outside [0, L) read as 0. `pad` is the padding on the left, Lo
/// decides the right. Outputs do not overlap inputs. Cost 2·B·Lo·C·K flops.
///
/// Each sample is first copied between rows of zeros, which brings it into L1 in order and leaves a loop without bounds
/// checks. Packs run over channels; the taps stay in registers for K = 3 and 5. 5 taps, C = 240, L = 8, B = 64 take 20
/// µs on a Zen 4 core.
#ifndef SMLDIST_KERNEL_DEPTHWISE_HPP
#define SMLDIST_KERNEL_DEPTHWISE_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/scratch.hpp"
#include "smldist/kernel/simd.hpp"
#include "smldist/kernel/vector.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// The number of output rows; the distance in input rows between neighbouring outputs and between neighbouring taps;
/// the distance in elements between input rows.
struct steps {
    std::size_t rows, stride, dilation, pitch;
};

/// wt (K,C) = wᵀ, w (C,K); tap k of wt is tap K − 1 − k of w if `flip`.
template <class T> void transpose_taps(std::size_t C, std::size_t K, const T* w, T* wt, bool flip) {
    for (std::size_t k = 0; k < K; ++k)
        for (std::size_t c = 0; c < C; ++c) wt[k * C + c] = w[c * K + (flip ? K - 1 - k : k)];
}

/// w (C,K) (+)= wtᵀ, wt (K,C)
template <class T> void untranspose_taps(std::size_t C, std::size_t K, const T* wt, T* w, bool add) {
    for (std::size_t c = 0; c < C; ++c)
        for (std::size_t k = 0; k < K; ++k) w[c * K + k] = add ? w[c * K + k] + wt[k * C + c] : wt[k * C + c];
}

/// Calls f(integral_constant<K>) for the K whose taps are kept in registers, f(integral_constant<0>) otherwise.
template <class F> SMLDIST_INLINE void with_taps(std::size_t K, F&& f) {
    switch (K) {
    case 3:
        return f(std::integral_constant<std::size_t, 3>{});
    case 5:
        return f(std::integral_constant<std::size_t, 5>{});
    default:
        return f(std::integral_constant<std::size_t, 0>{});
    }
}

/// Channels worked on at a time: a sample's rows, its outputs and the taps of a block fit L1.
inline constexpr std::size_t channel_block = 256;
inline std::size_t block_width(std::size_t C) { return std::min(C, channel_block); }

/// `width` channels of a sample between zeros: row lead + t·step of the copy is row t of x (L,C), other rows are 0.
///
/// Rows are an odd number of cache lines apart, so that a column of the copy does not map to only a few sets of L1.
template <class T> class spread_rows {
public:
    /// Elements of the copy.
    static std::size_t size(std::size_t rows, std::size_t width) { return rows * pitch_of(width); }
    spread_rows(T* copy, std::size_t L, std::size_t step, std::ptrdiff_t lead, std::size_t rows, std::size_t width)
        : step_(step), pitch_(pitch_of(width)), copy_(copy) {
        std::fill_n(copy_, size(rows, width), T(0));
        const auto at = [&](std::size_t t) { return lead + static_cast<std::ptrdiff_t>(t * step); };
        while (first_ < L && at(first_) < 0) ++first_;
        for (last_ = first_; last_ < L && at(last_) < static_cast<std::ptrdiff_t>(rows);) ++last_;
        if (first_ < last_) row_ = static_cast<std::size_t>(at(first_));
    }
    const T* operator()(const T* x, std::size_t width, std::size_t C) const {
        return fill([&](std::size_t t, std::size_t count, T* to, std::size_t step) {
            for (std::size_t end = t + count; t < end; ++t, to += step) std::copy_n(x + t * C, width, to);
        });
    }
    /// The same with rows made by f(t, count, to, step): the rows t to t + count of x go to `to`, `step` apart.
    template <class F> const T* fill(F&& f) const {
        f(first_, last_ - first_, copy_ + row_ * pitch_, step_ * pitch_);
        return copy_;
    }
    /// The rows of x (L,C) that are not copied, before and after the others, as (first, count).
    std::array<std::pair<std::size_t, std::size_t>, 2> outside(std::size_t L) const {
        return {{{0, first_}, {last_, L - last_}}};
    }
    std::size_t pitch() const { return pitch_; }

private:
    static std::size_t pitch_of(std::size_t width) { return ((width * sizeof(T) + 63) / 64 | 1) * 64 / sizeof(T); }

    std::size_t step_, pitch_;
    std::size_t first_ = 0, last_ = 0, row_ = 0; ///< rows of x that lie inside, and where the first of them goes
    T* copy_;
};

/// Calls f(integral_constant<K or 0>, b, c, n) for the samples [first, last) and blocks of n channels from c; samples
/// change fastest.
template <class F> void for_blocks(std::size_t first, std::size_t last, std::size_t C, std::size_t K, F&& f) {
    with_taps(K, [&](auto k) {
        for (std::size_t c = 0; c < C; c += channel_block)
            for (std::size_t b = first; b < last; ++b) f(k, b, c, block_width(C - c));
    });
}

/// Calls f(t, x) for t < rows, where x(k) is the pack at from[(t + k)·pitch] for the constants k < K. The last K packs
/// stay in registers, so that each is loaded once instead of K times (K = 5: 26 instead of 33 µs).
template <class V, std::size_t K, class F>
SMLDIST_INLINE void slide(std::size_t rows, const typename V::value_type* from, std::size_t pitch, F&& f) {
    V window[K];
    simd::unroll<K - 1>([&](auto k) SMLDIST_INLINE_LAMBDA { window[k] = simd::load<V>(from + k * pitch); });
    from += (K - 1) * pitch;
    for (std::size_t t = 0; t < rows; t += K)
        simd::unroll<K>([&](auto j) SMLDIST_INLINE_LAMBDA {
            if (t + j >= rows) return;
            window[(j + K - 1) % K] = simd::load<V>(from);
            from += pitch;
            f(t + j, [&](auto k) SMLDIST_INLINE_LAMBDA { return window[(j + k) % K]; });
        });
}

/// Calls f(t, x) for t < rows, where x(k) is the pack at from[(t·stride + k·dilation)·pitch].
template <class V, std::size_t K, class F>
SMLDIST_INLINE void for_rows(const steps& s, const typename V::value_type* from, F&& f) {
    using T = typename V::value_type;
    if constexpr (K > 1 && V::size == simd::width<T>)
        if (s.stride == 1 && s.dilation == 1) return slide<V, K>(s.rows, from, s.pitch, f);
    for (std::size_t t = 0; t < s.rows; ++t, from += s.stride * s.pitch)
        f(t, [&](std::size_t k) SMLDIST_INLINE_LAMBDA { return simd::load<V>(from + k * s.dilation * s.pitch); });
}

/// y[t,c] (+)= Σ_k wt[k,c] x[t·stride + k·dilation, c] for c < n, with K taps in registers, or `count` if K = 0.
/// Rows of wt and y are C apart.
template <std::size_t K, class T>
SMLDIST_NOINLINE void correlate(const steps& s, std::size_t count, std::size_t n, std::size_t C, const T* x,
                                const T* wt, T* y, bool add) {
    simd::sweep<T>(n, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
        using V = typename decltype(p)::pack;
        V w[K + 1];
        simd::unroll<K>([&](auto k) SMLDIST_INLINE_LAMBDA { w[k] = p.load(wt + k * C + c); });
        for_rows<V, K>(s, x + c, [&](std::size_t t, auto&& at) SMLDIST_INLINE_LAMBDA {
            V acc(T(0));
            if constexpr (K == 0)
                for (std::size_t k = 0; k < count; ++k) acc = simd::fma(p.load(wt + k * C + c), at(k), acc);
            else
                simd::unroll<K>([&](auto k) SMLDIST_INLINE_LAMBDA { acc = simd::fma(w[k], at(k), acc); });
            T* const to = y + t * C + c;
            p.store(to, add ? p.load(to) + acc : acc);
        });
    });
}

/// dwt[k,c] += Σ_t dy[t,c] x[t·stride + k·dilation, c] for c < n; K, count and C as in correlate.
template <std::size_t K, class T>
SMLDIST_NOINLINE void tap_gradients(const steps& s, std::size_t count, std::size_t n, std::size_t C, const T* dy,
                                    const T* x, T* dwt) {
    constexpr std::size_t block = K == 0 ? 1 : K; // taps in registers at a time
    simd::sweep<T>(n, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
        using V = typename decltype(p)::pack;
        for (std::size_t k0 = 0; k0 < count; k0 += block) {
            T* const out = dwt + k0 * C + c;
            V acc[block];
            simd::unroll<block>([&](auto k) SMLDIST_INLINE_LAMBDA { acc[k] = p.load(out + k * C); });
            for_rows<V, K>(s, x + k0 * s.dilation * s.pitch + c, [&](std::size_t t, auto&& at) SMLDIST_INLINE_LAMBDA {
                const V d = p.load(dy + t * C + c);
                simd::unroll<block>([&](auto k) SMLDIST_INLINE_LAMBDA { acc[k] = simd::fma(d, at(k), acc[k]); });
            });
            simd::unroll<block>([&](auto k) SMLDIST_INLINE_LAMBDA { p.store(out + k * C, acc[k]); });
        }
    });
}

} // namespace detail

/// y = depthwise convolution of x with w
template <class T>
SMLDIST_NOINLINE void depthwise_forward(std::size_t B, std::size_t L, std::size_t C, std::size_t Lo, std::size_t K,
                                        std::size_t stride, std::size_t pad, std::size_t dilation, const T* x,
                                        const T* w, T* y) {
    if (Lo == 0) return;
    const scratch<T> wt(K * C);
    detail::transpose_taps(C, K, w, wt.data(), false);
    const std::size_t rows = (Lo - 1) * stride + (K - 1) * dilation + 1, width = detail::block_width(C);
    const auto run = [&](std::size_t first, std::size_t last, T* copy) {
        const detail::spread_rows<T> padded(copy, L, 1, static_cast<std::ptrdiff_t>(pad), rows, width);
        const detail::steps steps{Lo, stride, dilation, padded.pitch()};
        detail::for_blocks(first, last, C, K, [&](auto k, std::size_t b, std::size_t c, std::size_t n) {
            detail::correlate<k>(steps, K, n, C, padded(x + b * L * C + c, n, C), wt.data() + c, y + b * Lo * C + c,
                                 false);
        });
    };
    parallel_for_scratch<T>(B, chunk_rows(Lo * C * K / 2), detail::spread_rows<T>::size(rows, width), run);
}

/// dx[b,i,c] (+)= Σ_{t,k: t·stride + k·dilation − pad = i} w[c,k] dy[b,t,c]
///
/// The correlation of dy, its rows `stride` apart, with the reversed taps and left padding dilation·(K−1) − pad.
template <class T>
SMLDIST_NOINLINE void depthwise_backward_input(std::size_t B, std::size_t L, std::size_t C, std::size_t Lo,
                                               std::size_t K, std::size_t stride, std::size_t pad,
                                               std::size_t dilation, const T* dy, const T* w, T* dx, bool add) {
    if (L == 0) return;
    const scratch<T> wt(K * C);
    detail::transpose_taps(C, K, w, wt.data(), true);
    const std::size_t reach = (K - 1) * dilation;
    const std::ptrdiff_t lead = static_cast<std::ptrdiff_t>(reach) - static_cast<std::ptrdiff_t>(pad);
    const std::size_t width = detail::block_width(C);
    const auto run = [&](std::size_t first, std::size_t last, T* copy) {
        const detail::spread_rows<T> spread(copy, Lo, stride, lead, L + reach, width);
        const detail::steps steps{L, 1, dilation, spread.pitch()};
        detail::for_blocks(first, last, C, K, [&](auto k, std::size_t b, std::size_t c, std::size_t n) {
            detail::correlate<k>(steps, K, n, C, spread(dy + b * Lo * C + c, n, C), wt.data() + c, dx + b * L * C + c,
                                 add);
        });
    };
    parallel_for_scratch<T>(B, chunk_rows(L * C * K / 2), detail::spread_rows<T>::size(L + reach, width), run);
}

/// dw[c,k] (+)= Σ_{b,t} dy[b,t,c] x[b, t·stride + k·dilation − pad, c]
///
/// Fixed chunks of samples, at most 16, are summed separately and added in order.
template <class T>
SMLDIST_NOINLINE void depthwise_backward_weight(std::size_t B, std::size_t L, std::size_t C, std::size_t Lo,
                                                std::size_t K, std::size_t stride, std::size_t pad,
                                                std::size_t dilation, const T* dy, const T* x, T* dw, bool add) {
    const std::size_t samples = std::max(chunk_rows(Lo * C * K / 2), (B + 15) / 16);
    const std::size_t chunks = std::max<std::size_t>(1, (B + samples - 1) / samples);
    const scratch<T> partial(chunks * K * C);
    std::fill_n(partial.data(), partial.size(), T(0));
    const std::size_t rows = Lo == 0 ? 0 : (Lo - 1) * stride + (K - 1) * dilation + 1, width = detail::block_width(C);
    const auto run = [&](std::size_t first, std::size_t last, T* copy) {
        const detail::spread_rows<T> padded(copy, L, 1, static_cast<std::ptrdiff_t>(pad), rows, width);
        const detail::steps steps{Lo, stride, dilation, padded.pitch()};
        T* const out = partial.data() + first / samples * K * C;
        detail::for_blocks(first, last, C, K, [&](auto k, std::size_t b, std::size_t c, std::size_t n) {
            detail::tap_gradients<k>(steps, K, n, C, dy + b * Lo * C + c, padded(x + b * L * C + c, n, C), out + c);
        });
    };
    parallel_for_scratch<T>(B, samples, detail::spread_rows<T>::size(rows, width), run);
    T* const total = partial.data();
    add_partials(chunks, K * C, K * C, total, total, false);
    detail::untranspose_taps(C, K, total, dw, add);
}

namespace naive {

/// y[b,t,c] = Σ_k w[c,k] x[b, t·stride + k·dilation − pad, c]
template <class T>
void depthwise_forward(std::size_t B, std::size_t L, std::size_t C, std::size_t Lo, std::size_t K, std::size_t stride,
                       std::size_t pad, std::size_t dilation, const T* x, const T* w, T* y) {
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t t = 0; t < Lo; ++t)
            for (std::size_t c = 0; c < C; ++c) {
                T s(0);
                for (std::size_t k = 0; k < K; ++k) {
                    const std::size_t i = t * stride + k * dilation;
                    if (i >= pad && i - pad < L) s += w[c * K + k] * x[(b * L + i - pad) * C + c];
                }
                y[(b * Lo + t) * C + c] = s;
            }
}

/// dx[b, t·stride + k·dilation − pad, c] (+)= w[c,k] dy[b,t,c]
template <class T>
void depthwise_backward_input(std::size_t B, std::size_t L, std::size_t C, std::size_t Lo, std::size_t K,
                              std::size_t stride, std::size_t pad, std::size_t dilation, const T* dy, const T* w,
                              T* dx, bool add) {
    if (!add) std::fill_n(dx, B * L * C, T(0));
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t t = 0; t < Lo; ++t)
            for (std::size_t c = 0; c < C; ++c)
                for (std::size_t k = 0; k < K; ++k) {
                    const std::size_t i = t * stride + k * dilation;
                    if (i >= pad && i - pad < L)
                        dx[(b * L + i - pad) * C + c] += w[c * K + k] * dy[(b * Lo + t) * C + c];
                }
}

/// dw[c,k] (+)= Σ_{b,t} dy[b,t,c] x[b, t·stride + k·dilation − pad, c]
template <class T>
void depthwise_backward_weight(std::size_t B, std::size_t L, std::size_t C, std::size_t Lo, std::size_t K,
                               std::size_t stride, std::size_t pad, std::size_t dilation, const T* dy, const T* x,
                               T* dw, bool add) {
    if (!add) std::fill_n(dw, C * K, T(0));
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t t = 0; t < Lo; ++t)
            for (std::size_t c = 0; c < C; ++c)
                for (std::size_t k = 0; k < K; ++k) {
                    const std::size_t i = t * stride + k * dilation;
                    if (i >= pad && i - pad < L)
                        dw[c * K + k] += dy[(b * Lo + t) * C + c] * x[(b * L + i - pad) * C + c];
                }
}

} // namespace naive

// For smldist::compiled.
SMLDIST_INSTANTIATE_KERNEL(depthwise_forward<float>)
SMLDIST_INSTANTIATE_KERNEL(depthwise_backward_input<float>)
SMLDIST_INSTANTIATE_KERNEL(depthwise_backward_weight<float>)

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Depthwise convolution for inference: bias, activation and the mean over time in the pass that convolves.
///
/// Samples are read in place. Packs run over channels; for each pack the taps, the bias and the last K rows stay in
/// registers, so that a row is loaded once and stored once, and the running sum for the mean costs one addition. On Zen
/// 4, 5 taps with hard-swish run at two thirds of FMA peak; a copy between zeros with a second pass runs at a third.
#ifndef SMLDIST_RUNTIME_DEPTHWISE_HPP
#define SMLDIST_RUNTIME_DEPTHWISE_HPP

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string_view>
#include <type_traits>

#include "smldist/core/config.hpp"
#include "smldist/kernel/activation.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/simd.hpp"
#include "smldist/runtime/step.hpp"

namespace smldist::runtime {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// One sample: y[t,c] = f(bias[c] + Σ_k w[k,c] x[t·stride + k·dilation − pad, c]), mean[c] = 1/Lo Σ_t y[t,c].
struct depthwise_sample {
    std::size_t L, C, Lo, K, stride, pad, dilation;
    const float *x, *weight, *bias; ///< (L, C) · (K, C) · (C) or null
    float *y, *mean;                ///< (Lo, C) · (C) or null
    activation f;
};

/// Channels [c, c + V::size) with K taps and steps of S rows: row r of the padded sample is window[r % K].
///
/// f is a run-time branch that always goes the same way, not a template parameter: a third of the code size.
template <class V, std::size_t K, std::size_t S> SMLDIST_INLINE void slide(const depthwise_sample& s, std::size_t c) {
    using namespace kernel;
    const std::size_t L = s.L, C = s.C, Lo = s.Lo;
    const bool swish = s.f == activation::hard_swish;
    const V low(s.f == activation::relu ? 0.0f : -std::numeric_limits<float>::infinity());
    const V bias = s.bias ? simd::load<V>(s.bias + c) : V(0.0f);
    V w[K], window[K], total(0.0f);
    simd::unroll<K>([&](auto k) SMLDIST_INLINE_LAMBDA { w[k] = simd::load<V>(s.weight + k * C + c); });
    const float* from = s.x + c;
    std::size_t i = 0 - s.pad; // the next row of x; rows before the sample wrap around and exceed L too
    const auto next = [&]() SMLDIST_INLINE_LAMBDA {
        if (i++ >= L) return V(0.0f);
        const V row = simd::load<V>(from);
        from += C;
        return row;
    };
    simd::unroll<K - S>([&](auto r) SMLDIST_INLINE_LAMBDA { window[r] = next(); });
    float* to = s.y + c;
    for (std::size_t t = 0; t < Lo; t += K)
        simd::unroll<K>([&](auto j) SMLDIST_INLINE_LAMBDA {
            if (t + j >= Lo) return;
            simd::unroll<S>([&](auto r) SMLDIST_INLINE_LAMBDA { window[(j * S + K - S + r) % K] = next(); });
            V acc = bias;
            simd::unroll<K>([&](auto k)
                                SMLDIST_INLINE_LAMBDA { acc = simd::fma(w[k], window[(j * S + k) % K], acc); });
            acc = swish ? hard_swish{}.value(acc) : simd::max(low, acc);
            simd::store(to, acc);
            to += C;
            total = total + acc;
        });
    if (s.mean) simd::store(s.mean + c, total * V(1 / static_cast<float>(Lo)));
}

/// The pack after the last full one: a half register where it exists.
using last_pack =
    std::conditional_t<(kernel::simd::half<float>::size > 1), kernel::simd::half<float>, kernel::simd::full<float>>;

/// For last_pack::size channels or more. The last pack overlaps the one before it and stores the shared values again.
template <std::size_t K, std::size_t S> SMLDIST_NOINLINE void depthwise_sliding(const depthwise_sample& s) {
    using full = kernel::simd::full<float>;
    std::size_t c = 0;
    if constexpr (!std::is_same_v<full, last_pack>)
        for (; c + full::size <= s.C; c += full::size) slide<full, K, S>(s, c);
    for (; c < s.C; c += last_pack::size) slide<last_pack, K, S>(s, std::min(c, s.C - last_pack::size));
}

/// Any taps, stride and dilation; adds the bias but applies no activation.
inline void depthwise_any(const depthwise_sample& s) {
    using namespace kernel;
    for (std::size_t t = 0; t < s.Lo; ++t) {
        const std::size_t start = t * s.stride, D = s.dilation;
        const std::size_t first = start < s.pad ? (s.pad - start + D - 1) / D : 0;
        const std::size_t end = s.pad + s.L; // end of the sample in padded rows
        const std::size_t last = start >= end ? 0 : std::min(s.K, (end - start + D - 1) / D);
        simd::sweep<float>(s.C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
            auto acc = s.bias ? p.load(s.bias + c) : p.set(0.0f);
            for (std::size_t k = first; k < last; ++k)
                acc = simd::fma(p.load(s.weight + k * s.C + c), p.load(s.x + (start + k * D - s.pad) * s.C + c), acc);
            p.store(s.y + t * s.C + c, acc);
        });
    }
}

using depthwise_function = void (*)(const depthwise_sample&);

/// The function that convolves, applies f and takes the mean in one pass; null if there is none for this shape.
inline depthwise_function depthwise_in_one(std::size_t C, std::size_t K, std::size_t stride, std::size_t dilation,
                                           activation f) {
    if (C < last_pack::size || dilation != 1 ||
        (f != activation::none && f != activation::relu && f != activation::hard_swish))
        return nullptr;
    if (K == 3 && stride == 1) return depthwise_sliding<3, 1>;
    if (K == 3 && stride == 2) return depthwise_sliding<3, 2>;
    if (K == 5 && stride == 1) return depthwise_sliding<5, 1>;
    if (K == 5 && stride == 2) return depthwise_sliding<5, 2>;
    return nullptr;
}

} // namespace detail

/// y = f(depthwise convolution of x + bias + residual), and its mean over time if `mean` is given: the squeeze of a
/// squeeze-excite.
struct depthwise_step {
    static constexpr std::string_view name = "depthwise";
    std::size_t L, C, Lo, K, stride, pad, dilation;
    operand x, weight, y, mean; ///< weight (K, C); mean (C) or none
    ending end;

    void operands(operand_list& f) const { f(x), f(weight), f(end.bias), f(end.residual), f(y), f(mean); }
    void run(const frame& f) const {
        const float* const residual = f.read(end.residual);
        const auto in_one = residual ? nullptr : detail::depthwise_in_one(C, K, stride, dilation, end.f);
        detail::depthwise_sample s{
            L, C, Lo, K, stride, pad, dilation, nullptr, f.read(weight), f.read(end.bias), nullptr, nullptr, end.f};
        for (std::size_t b = 0; b < f.n; ++b) {
            s.x = f.read(x, b);
            s.y = f.write(y, b);
            s.mean = mean ? f.write(mean, b) : nullptr;
            if (in_one) {
                in_one(s);
                continue;
            }
            detail::depthwise_any(s);
            finish(end.f, Lo, C, s.y, C, nullptr, residual ? f.read(end.residual, b) : nullptr);
            if (mean) kernel::pool_mean(1, Lo, C, s.y, s.mean);
        }
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::runtime

#endif

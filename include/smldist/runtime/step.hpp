// SPDX-License-Identifier: BSD-3-Clause
/// What the steps of a program have in common: operands, the frame they run in, and the epilogue of a product.
///
/// A step is plain data with `name`, `operands(list)`, which lists its operands, and `run(frame)`. It runs on n samples
/// at a time and writes only its result and its scratch, both in the frame's arena. Steps allocate nothing and throw
/// nothing: the compiler (deploy/) has checked all shapes.
#ifndef SMLDIST_RUNTIME_STEP_HPP
#define SMLDIST_RUNTIME_STEP_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "smldist/core/activation.hpp"
#include "smldist/core/config.hpp"
#include "smldist/kernel/activation.hpp"
#include "smldist/kernel/simd.hpp"

namespace smldist::runtime {
SMLDIST_NAMESPACE_BEGIN

/// Where a value is stored.
enum class place : std::uint8_t { none, input, weights, arena };

/// A value that a step reads or writes; each sample is contiguous.
struct operand {
    place where = place::none;
    std::size_t offset = 0; ///< of the first element; while a program is planned, the number of a value of the arena
    std::size_t step = 0;   ///< elements from one sample to the next; 0: one value serves all samples

    explicit operator bool() const { return where != place::none; }
    friend bool operator==(const operand&, const operand&) = default;
};

/// The offsets of the operands within a step, in bytes. A step lists them in `operands(list)`: list(x), list(y).
struct operand_list {
    const void* of = nullptr; ///< the step, while it lists them
    std::array<std::uint16_t, 12> offset{};
    std::size_t size = 0;

    SMLDIST_NOINLINE void operator()(const operand& o) {
        const auto distance = reinterpret_cast<const std::byte*>(&o) - static_cast<const std::byte*>(of);
        offset[size++] = static_cast<std::uint16_t>(distance);
    }
};

/// The memory of one run and its number of samples.
struct frame {
    const float* input;
    const float* weights;
    float* arena;
    std::size_t n;

    /// The first element of sample b; null for an absent operand.
    const float* read(const operand& o, std::size_t b = 0) const {
        const float* const base = o.where == place::input ? input : o.where == place::weights ? weights : arena;
        return o ? base + o.offset + b * o.step : nullptr;
    }
    float* write(const operand& o, std::size_t b = 0) const { return arena + o.offset + b * o.step; }
};

/// The epilogue of a product: y = f(product + bias + residual).
struct ending {
    operand bias, residual; ///< (N) or none · as y or none
    activation f = activation::none;
};

namespace detail {

/// Computed lane by lane: functions that are rare. xsimd 8.1's log does not compile for AVX-512 without optimisation.
struct by_lane {
    float (*f)(float);
    template <class V> SMLDIST_INLINE V value(const V& x) const {
        alignas(64) float lanes[V::size];
        kernel::simd::store(lanes, x);
        for (float& lane : lanes) lane = f(lane);
        return kernel::simd::load<V>(lanes);
    }
};
inline float logarithm(float x) { return std::log(x); }
inline float softplus(float x) { return std::max(0.0f, x) + std::log1p(std::exp(-std::abs(x))); }

/// min(high, max(0, x))
struct clipped {
    float high;
    template <class V> SMLDIST_INLINE V value(const V& x) const {
        return kernel::simd::min(V(high), kernel::simd::max(V(0.0f), x));
    }
};

/// y[r,c] = y[r,c] + bias[c] + residual[r,c]
SMLDIST_NOINLINE inline void add_rows(std::size_t rows, std::size_t columns, float* y, std::size_t step,
                                      const float* bias, const float* residual) {
    for (std::size_t r = 0; r < rows; ++r)
        kernel::simd::sweep<float>(columns, [&, r](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
            auto v = p.load(y + r * step + c);
            if (bias) v = v + p.load(bias + c);
            if (residual) v = v + p.load(residual + r * step + c);
            p.store(y + r * step + c, v);
        });
}

/// y[r,c] = f(y[r,c])
template <class F>
SMLDIST_NOINLINE void map_rows(const F& f, std::size_t rows, std::size_t columns, float* y, std::size_t step) {
    for (std::size_t r = 0; r < rows; ++r, y += step)
        kernel::simd::sweep<float>(columns, [&](auto p, std::size_t c)
                                                SMLDIST_INLINE_LAMBDA { p.store(y + c, f.value(p.load(y + c))); });
}

} // namespace detail

/// y[r,c] = f(y[r,c] + bias[c] + residual[r,c]) for rows of y and of the residual that are `step` apart; bias and residual
/// may be null.
SMLDIST_NOINLINE inline void finish(activation f, std::size_t rows, std::size_t columns, float* y, std::size_t step,
                                    const float* bias, const float* residual) {
    using namespace detail;
    if (bias || residual) add_rows(rows, columns, y, step, bias, residual);
    with_constant(f, [&](auto constant) {
        constexpr activation F = constant;
        if constexpr (F == activation::relu || F == activation::relu6)
            map_rows(clipped{F == activation::relu6 ? 6 : std::numeric_limits<float>::infinity()}, rows, columns, y,
                     step);
        else if constexpr (F == activation::log)
            map_rows(by_lane{logarithm}, rows, columns, y, step);
        else if constexpr (F == activation::softplus)
            map_rows(by_lane{softplus}, rows, columns, y, step);
        else if constexpr (F != activation::none)
            map_rows(kernel::function_of<F>{}, rows, columns, y, step);
    });
}

namespace detail {

/// y[t,c] = f(x[t,c] g[c]) for x (L, C); y may be x.
inline void apply_gate(activation f, std::size_t L, std::size_t C, const float* x, const float* g, float* y) {
    kernel::simd::sweep<float>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
        const auto factor = p.load(g + c);
        for (std::size_t t = 0; t < L; ++t) p.store(y + t * C + c, p.load(x + t * C + c) * factor);
    });
    finish(f, L, C, y, C, nullptr, nullptr);
}

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::runtime

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// The geometry of a window that slides along one axis of an image.
#ifndef SMLDIST_KERNEL_SLIDING_AXIS_HPP
#define SMLDIST_KERNEL_SLIDING_AXIS_HPP

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "smldist/core/config.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

/// Indices [first, last).
struct index_range {
    std::size_t first, last;
    std::size_t size() const { return last - first; }
    friend bool operator==(const index_range&, const index_range&) = default;
};

/// ceil(a / b), but at least 0 and at most `most`;   b > 0
inline std::size_t clipped_quotient(std::ptrdiff_t a, std::size_t b, std::size_t most) {
    return a <= 0 ? 0 : std::min(most, (static_cast<std::size_t>(a) + b - 1) / b);
}

/// One axis of a convolution or pooling: output i < Lo reads the positions i·stride + k·dilation − pad, k < K, of L;
/// positions outside [0, L) are padding.
struct sliding_axis {
    std::size_t L, Lo, K, stride = 1, pad = 0, dilation = 1;

    /// The position that tap k of output i reads; negative or L and more in the padding.
    std::ptrdiff_t at(std::size_t i, std::size_t k) const {
        return static_cast<std::ptrdiff_t>(i * stride + k * dilation) - static_cast<std::ptrdiff_t>(pad);
    }
    bool inside(std::ptrdiff_t position) const { return position >= 0 && position < static_cast<std::ptrdiff_t>(L); }
    /// The taps of output i that read inside.
    index_range taps(std::size_t i) const {
        const std::ptrdiff_t start = at(i, 0);
        const std::size_t last = clipped_quotient(static_cast<std::ptrdiff_t>(L) - start, dilation, K);
        return {std::min(last, clipped_quotient(-start, dilation, K)), last};
    }
    /// The outputs whose tap k reads inside.
    index_range outputs(std::size_t k) const {
        const std::ptrdiff_t start = at(0, k);
        const std::size_t last = clipped_quotient(static_cast<std::ptrdiff_t>(L) - start, stride, Lo);
        return {std::min(last, clipped_quotient(-start, stride, Lo)), last};
    }
};

/// A regular part of an axis: result first + j·apart, j < count, reads the positions base + j·step + m·reach, m < taps,
/// with the taps tap + m·tap_apart; positions outside [0, L) read as 0. In the forward direction it is the whole axis;
/// the gradient of the input has one such part for each remainder of its position divided by the stride.
struct tap_lattice {
    std::size_t count, first, apart, L;
    std::ptrdiff_t base;
    std::size_t step, taps, reach;
    std::ptrdiff_t tap, tap_apart;

    static tap_lattice forward(const sliding_axis& a) {
        return {a.Lo, 0, 1, a.L, -static_cast<std::ptrdiff_t>(a.pad), a.stride, a.K, a.dilation, 0, 1};
    }
    /// The gradients of the positions ≡ `rest` modulo the stride, from those of the outputs.
    static tap_lattice backward(const sliding_axis& a, std::size_t rest) {
        const std::size_t common = std::gcd(a.stride, a.dilation), period = a.stride / common;
        tap_lattice l{rest < a.L ? (a.L - rest + a.stride - 1) / a.stride : 0,
                      rest,
                      a.stride,
                      a.Lo,
                      0,
                      1,
                      0,
                      a.dilation / common,
                      0,
                      -static_cast<std::ptrdiff_t>(period)};
        std::size_t k = 0; // the first tap that reads these positions
        while (k < period && (rest + a.pad + k * (a.stride - 1) * a.dilation) % a.stride != 0) ++k;
        if (k == period || k >= a.K) return l;
        l.taps = (a.K - k + period - 1) / period;
        const std::size_t last = k + (l.taps - 1) * period;
        const auto distance =
            static_cast<std::ptrdiff_t>(rest + a.pad) - static_cast<std::ptrdiff_t>(last * a.dilation);
        l.base = distance / static_cast<std::ptrdiff_t>(a.stride);
        l.tap = static_cast<std::ptrdiff_t>(last);
        return l;
    }
    std::ptrdiff_t at(std::size_t j) const { return base + static_cast<std::ptrdiff_t>(j * step); }
    /// The m of result j whose positions are inside.
    index_range inside(std::size_t j) const {
        const std::size_t last = clipped_quotient(static_cast<std::ptrdiff_t>(L) - at(j), reach, taps);
        return {std::min(last, clipped_quotient(-at(j), reach, taps)), last};
    }
    /// The j of which all positions are inside; none without taps.
    index_range interior() const {
        if (taps == 0) return {0, 0};
        const auto span = static_cast<std::ptrdiff_t>((taps - 1) * reach);
        const std::size_t last = clipped_quotient(static_cast<std::ptrdiff_t>(L) - span - base, step, count);
        return {std::min(last, clipped_quotient(-base, step, count)), last};
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif

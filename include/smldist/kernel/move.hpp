// SPDX-License-Identifier: BSD-3-Clause
/// Copies between layouts: axes in another order, and rows between padding.
#ifndef SMLDIST_KERNEL_MOVE_HPP
#define SMLDIST_KERNEL_MOVE_HPP

#include <algorithm>
#include <array>
#include <cstddef>

#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/simd.hpp"
#include "smldist/kernel/vector.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

/// A row-major array y of up to 8 axes, and where its elements lie in an array x: `step` elements of x apart along each
/// axis. 0 repeats x.
struct strided {
    std::size_t rank = 0;
    std::array<std::size_t, 8> extent{}, step{};

    /// Adds an axis behind the others. Axes that one axis can replace are one.
    void add(std::size_t e, std::size_t s) {
        if (e == 1) return;
        if (rank > 0 && step[rank - 1] == e * s) {
            extent[rank - 1] *= e;
            step[rank - 1] = s;
            return;
        }
        extent[rank] = e;
        step[rank++] = s;
    }
};

namespace detail {

/// Rows and columns of a tile that is transposed: with 64 rows of each side, 16 KB of float, in L1.
inline constexpr std::size_t tile = 32;

/// y[p·y_step + q] (+)= x[q·x_step + p] for p < P, q < Q, in squares of registers.
template <bool add, class T>
SMLDIST_NOINLINE void transpose_tile(std::size_t P, std::size_t Q, const T* x, std::size_t x_step, T* y,
                                     std::size_t y_step) {
    using V = simd::smallest<T>;
    constexpr std::size_t W = V::size;
    const auto put = [](T* to, const V& v)
                         SMLDIST_INLINE_LAMBDA { simd::store(to, add ? simd::load<V>(to) + v : v); };
    const auto one = [&](std::size_t p, std::size_t q) SMLDIST_INLINE_LAMBDA {
        T& to = y[p * y_step + q];
        to = add ? to + x[q * x_step + p] : x[q * x_step + p];
    };
    std::size_t p = 0;
    for (; p + W <= P; p += W) {
        std::size_t q = 0;
        for (; q + W <= Q; q += W) {
            V square[W];
            simd::unroll<W>([&](auto i)
                                SMLDIST_INLINE_LAMBDA { square[i] = simd::load<V>(x + (q + i) * x_step + p); });
            simd::transpose(square);
            simd::unroll<W>([&](auto i) SMLDIST_INLINE_LAMBDA { put(y + (p + i) * y_step + q, square[i]); });
        }
        for (; q < Q; ++q)
            for (std::size_t i = 0; i < W; ++i) one(p + i, q);
    }
    for (; p < P; ++p)
        for (std::size_t q = 0; q < Q; ++q) one(p, q);
}

/// y[c] (+)= x[c·step]
template <bool add, class T> void strided_row(std::size_t n, const T* x, std::size_t step, T* y) {
    if (!add && step == 1) return static_cast<void>(std::copy_n(x, n, y));
    for (std::size_t c = 0; c < n; ++c) y[c] = add ? y[c] + x[c * step] : x[c * step];
}

} // namespace detail

/// y (+)= the elements of x in the layout `s`, in the order of y.
///
/// Where the last axis of y is not the last of x, tiles of the two are transposed, so that both sides stay in cache.
template <bool add, class T> SMLDIST_NOINLINE void strided_copy(const strided& s, const T* x, T* y) {
    const std::size_t last = s.rank == 0 ? 0 : s.rank - 1; // Q columns: the last axis of y
    const std::size_t Q = s.rank == 0 ? 1 : s.extent[last], x_step = s.rank == 0 ? 1 : s.step[last];
    std::size_t across = last; // the last axis of x, if it is another one
    for (std::size_t a = 0; a < last; ++a)
        if (s.step[a] == 1 && x_step > 1) across = a;
    std::array<std::size_t, 8> y_step{};
    for (std::size_t a = s.rank, n = 1; a-- > 0; n *= s.extent[a]) y_step[a] = n;
    // One round per tile of the axis across, of full width, and per place in the other axes.
    const std::size_t P = across == last ? 1 : s.extent[across], tiles = (P + detail::tile - 1) / detail::tile;
    std::size_t rounds = tiles;
    for (std::size_t a = 0; a < last; ++a)
        if (a != across) rounds *= s.extent[a];
    parallel_for(rounds, chunk_rows(std::min(P, detail::tile) * Q), [&](std::size_t first, std::size_t end) {
        for (std::size_t r = first; r < end; ++r) {
            std::size_t rest = r / tiles, from = 0, to = 0;
            for (std::size_t a = last; a-- > 0;) {
                if (a == across) continue;
                from += rest % s.extent[a] * s.step[a];
                to += rest % s.extent[a] * y_step[a];
                rest /= s.extent[a];
            }
            if (across == last) {
                detail::strided_row<add>(Q, x + from, x_step, y + to);
                continue;
            }
            const std::size_t p = r % tiles * detail::tile, rows = std::min(detail::tile, P - p);
            for (std::size_t q = 0; q < Q; q += detail::tile)
                detail::transpose_tile<add>(rows, std::min(detail::tile, Q - q), x + from + p + q * x_step, x_step,
                                            y + to + p * y_step[across] + q, y_step[across]);
        }
    });
}

/// Where the rows of x lie in y, which has elements before and after those of x along every axis.
struct padded {
    std::size_t rank = 0;                                   ///< at least 1
    std::array<std::size_t, 8> extent{}, before{}, whole{}; ///< of x · before x · of y

    std::size_t rows() const { // of y
        std::size_t n = 1;
        for (std::size_t a = 0; a + 1 < rank; ++a) n *= whole[a];
        return n;
    }
    /// The row of x that lies in row r of y, in `row`; returns whether there is one.
    bool find(std::size_t r, std::size_t& row) const {
        std::size_t n = 1;
        row = 0;
        for (std::size_t a = rank - 1; a-- > 0; r /= whole[a]) {
            const std::size_t i = r % whole[a] - before[a]; // wraps around before the elements of x
            if (i >= extent[a]) return false;
            row += i * n;
            n *= extent[a];
        }
        return true;
    }
};

/// y = x in the place that `s` says, `value` around it.
template <class T> SMLDIST_NOINLINE void pad(const padded& s, T value, const T* x, T* y) {
    const std::size_t last = s.rank - 1, n = s.extent[last], C = s.whole[last];
    parallel_for(s.rows(), chunk_rows(C), [&](std::size_t first, std::size_t end) {
        for (std::size_t r = first, row = 0; r < end; ++r) {
            T* const to = y + r * C;
            if (!s.find(r, row)) {
                std::fill_n(to, C, value);
                continue;
            }
            std::fill_n(to, s.before[last], value);
            std::copy_n(x + row * n, n, to + s.before[last]);
            std::fill(to + s.before[last] + n, to + C, value);
        }
    });
}

/// dx (+)= the part of dy in the place of x.
template <class T> SMLDIST_NOINLINE void pad_backward(const padded& s, const T* dy, T* dx, bool add) {
    const std::size_t last = s.rank - 1, n = s.extent[last], C = s.whole[last];
    parallel_for(s.rows(), chunk_rows(C), [&](std::size_t first, std::size_t end) {
        for (std::size_t r = first, row = 0; r < end; ++r) {
            if (!s.find(r, row)) continue;
            const T* const from = dy + r * C + s.before[last];
            T* const to = dx + row * n;
            for (std::size_t c = 0; c < n; ++c) to[c] = add ? to[c] + from[c] : from[c];
        }
    });
}

namespace naive {

/// y (+)= the elements of x in the layout `s`.
template <class T> void strided_copy(const strided& s, const T* x, T* y, bool add) {
    std::size_t n = 1;
    for (std::size_t a = 0; a < s.rank; ++a) n *= s.extent[a];
    for (std::size_t i = 0; i < n; ++i) {
        std::size_t rest = i, from = 0;
        for (std::size_t a = s.rank; a-- > 0; rest /= s.extent[a]) from += rest % s.extent[a] * s.step[a];
        y[i] = (add ? y[i] : T(0)) + x[from];
    }
}

/// y = x in the place that `s` says, `value` around it.
template <class T> void pad(const padded& s, T value, const T* x, T* y) {
    std::size_t n = 1;
    for (std::size_t a = 0; a < s.rank; ++a) n *= s.whole[a];
    for (std::size_t i = 0; i < n; ++i) {
        std::size_t rest = i, from = 0, step = 1;
        bool inside = true;
        for (std::size_t a = s.rank; a-- > 0; rest /= s.whole[a]) {
            const std::size_t at = rest % s.whole[a];
            inside = inside && at >= s.before[a] && at < s.before[a] + s.extent[a];
            from += (at - s.before[a]) * step;
            step *= s.extent[a];
        }
        y[i] = inside ? x[from] : value;
    }
}

} // namespace naive

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Choosing elements by a mask, and rows and elements by index.
///
/// An index is a whole number of any arithmetic type, checked by the caller: `is_index`.
#ifndef SMLDIST_KERNEL_SELECT_HPP
#define SMLDIST_KERNEL_SELECT_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <type_traits>

#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/vector.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

/// Whether v is a whole number from 0 to n − 1.
template <class I> SMLDIST_INLINE bool is_index(I v, std::size_t n) {
    if constexpr (std::is_signed_v<I>)
        if (!(v >= 0)) return false;
    if constexpr (std::is_floating_point_v<I>)
        return v < static_cast<I>(n) && v == std::floor(v);
    else
        return static_cast<std::size_t>(v) < n;
}

/// y[i] (+)= mask[i] ≠ 0 ? a[i] : b[i]; the operand whose step is 0 has one element for all i, the others have step 1.
template <bool add, class M, class T>
SMLDIST_NOINLINE void choose(std::size_t n, const M* mask, std::size_t mask_step, const T* a, std::size_t a_step,
                             const T* b, std::size_t b_step, T* y) {
    const auto loop = [&](auto get_a, auto get_b) SMLDIST_INLINE_LAMBDA {
        for (std::size_t i = 0; i < n; ++i) {
            const T u = get_a(i), v = get_b(i), chosen = mask[i * mask_step] != M(0) ? u : v;
            y[i] = add ? y[i] + chosen : chosen;
        }
    };
    const auto each_of = [](const T* p) { return [p](std::size_t i) { return p[i]; }; };
    const auto one = [](const T* p) { return [v = *p](std::size_t) { return v; }; };
    if (a_step != 0 && b_step != 0)
        loop(each_of(a), each_of(b));
    else if (a_step != 0)
        loop(each_of(a), one(b));
    else if (b_step != 0)
        loop(one(a), each_of(b));
    else
        loop(one(a), one(b));
}

/// y[r,d] = w[index[r],d] for w (N, D); a row of NaN for an index outside of w.
template <class I, class T>
SMLDIST_NOINLINE void take_rows(std::size_t R, std::size_t N, std::size_t D, const I* index, const T* w, T* y) {
    parallel_for(R, chunk_rows(D), [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r)
            if (is_index(index[r], N))
                std::copy_n(w + static_cast<std::size_t>(index[r]) * D, D, y + r * D);
            else
                std::fill_n(y + r * D, D, static_cast<T>(NAN));
    });
}

/// dw[index[r],d] += dy[r,d], rows in ascending order. Parallel over columns, so that no two threads add to one element.
template <class I, class T>
SMLDIST_NOINLINE void add_rows_at(std::size_t R, std::size_t D, const I* index, const T* dy, T* dw) {
    const std::size_t columns = (chunk_rows(R) + 15) / 16 * 16; // whole cache lines
    parallel_for(D, columns, [&](std::size_t first, std::size_t last) {
        for (std::size_t r = 0; r < R; ++r) {
            T* const to = dw + static_cast<std::size_t>(index[r]) * D;
            for (std::size_t d = first; d < last; ++d) to[d] += dy[r * D + d];
        }
    });
}

/// The places of a gather: an index array of up to 8 axes, and x, whose elements are `step` apart along each axis.
struct places {
    std::size_t rank = 0, axis = 0, n = 0;       ///< axis that the index replaces, with n elements of x
    std::array<std::size_t, 8> extent{}, step{}; ///< of the index · of x

    std::size_t rows() const {
        std::size_t product = 1;
        for (std::size_t a = 0; a + 1 < rank; ++a) product *= extent[a];
        return product;
    }
    /// Calls f(i, place in x without the axis) for each i in rows [first, end) of the index, ascending.
    template <class F> SMLDIST_INLINE void each(std::size_t first, std::size_t end, F&& f) const {
        const std::size_t C = extent[rank - 1], last = axis == rank - 1 ? 0 : step[rank - 1];
        for (std::size_t r = first; r < end; ++r) {
            std::size_t rest = r, at = 0;
            for (std::size_t a = rank - 1; a-- > 0; rest /= extent[a])
                if (a != axis) at += rest % extent[a] * step[a];
            for (std::size_t c = 0; c < C; ++c) f(r * C + c, at + c * last);
        }
    }
};

/// y[i] = x[place of i, index[i] along the axis]; NaN for an index outside of x.
template <class I, class T> SMLDIST_NOINLINE void gather(const places& s, const I* index, const T* x, T* y) {
    parallel_for(s.rows(), chunk_rows(s.extent[s.rank - 1]), [&](std::size_t first, std::size_t end) {
        s.each(first, end, [&](std::size_t i, std::size_t at) SMLDIST_INLINE_LAMBDA {
            const bool inside = is_index(index[i], s.n);
            y[i] = inside ? x[at + static_cast<std::size_t>(index[i]) * s.step[s.axis]] : static_cast<T>(NAN);
        });
    });
}

/// dx[place of i, index[i] along the axis] += dy[i], in the order of i.
template <class I, class T> SMLDIST_NOINLINE void add_at(const places& s, const I* index, const T* dy, T* dx) {
    s.each(0, s.rows(), [&](std::size_t i, std::size_t at) SMLDIST_INLINE_LAMBDA {
        dx[at + static_cast<std::size_t>(index[i]) * s.step[s.axis]] += dy[i];
    });
}

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif

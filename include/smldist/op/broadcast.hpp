// SPDX-License-Identifier: BSD-3-Clause
/// NumPy's broadcasting: two operands of different shapes walked as one, and gradients summed back to their shapes.
#ifndef SMLDIST_OP_BROADCAST_HPP
#define SMLDIST_OP_BROADCAST_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

#include "smldist/core/tensor.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/vector.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// Whether x, its leading extents of 1 removed, is the last part of y: then y is rows of x.size() columns.
inline bool is_row_of(const shape& x, const shape& y) {
    std::size_t ones = 0;
    while (ones < x.rank() && x[ones] == 1) ++ones;
    return x.size() != 0 && std::equal(x.begin() + ones, x.end(), y.end() - (x.rank() - ones));
}

/// Where the elements of x, broadcast to y, lie: the walk over any pattern of repeated axes, row by row of y.
class broadcast_walk {
public:
    broadcast_walk(const shape& x, const shape& y) : y_(y) {
        std::size_t step = 1;
        for (std::size_t i = 1; i <= x.rank(); ++i) {
            const std::size_t extent = x[x.rank() - i];
            step_[y.rank() - i] = extent == 1 ? 0 : step;
            step *= extent;
        }
    }
    /// Offset in x of the first element of row r of y.
    std::size_t row(std::size_t r) const {
        std::size_t at = 0;
        for (std::size_t axis = y_.rank() - 1; axis-- > 0; r /= y_[axis]) at += r % y_[axis] * step_[axis];
        return at;
    }
    /// Distance in x between neighbours along the last axis of y: 1, or 0 when repeated.
    std::size_t step() const { return step_[y_.rank() - 1]; }

private:
    shape y_;
    std::array<std::size_t, shape::max_rank> step_{};
};

/// Whether x can be read along y as it is, as one constant or as one row.
inline bool is_simple(const shape& x, const shape& y) {
    return x.size() == y.size() || x.size() == 1 || is_row_of(x, y);
}

/// y (+)= f(a, b) for a with all elements of y and a simple b.
template <bool add, class T, class F>
void map_simple(const F& f, const shape& y, T* to, const T* a, const shape& sb, const T* b) {
    const std::size_t n = y.size(), C = sb.size();
    if (C == n) {
        if constexpr (add)
            kernel::map_add(n, f, to, a, b);
        else
            kernel::map(n, f, to, a, b);
    } else if (C == 1) {
        const auto with_b = [&f, v = *b](const auto& x)
                                SMLDIST_INLINE_LAMBDA { return f(x, std::remove_cvref_t<decltype(x)>(v)); };
        if constexpr (add)
            kernel::map_add(n, with_b, to, a);
        else
            kernel::map(n, with_b, to, a);
    } else {
        if constexpr (add)
            kernel::map_columns_add(n / C, C, f, to, a, b);
        else
            kernel::map_columns(n / C, C, f, to, a, b);
    }
}

/// y (+)= f(a, b) over the broadcast shape of y.
template <bool add, class T, class F>
void broadcast_map(const F& f, const shape& y, T* to, const shape& sa, const T* a, const shape& sb, const T* b) {
    const std::size_t n = y.size();
    if (n == 0) return;
    if (sa.size() == n && is_simple(sb, y)) return map_simple<add>(f, y, to, a, sb, b);
    if (sb.size() == n && is_simple(sa, y)) {
        if constexpr (F::commutes) return map_simple<add>(f, y, to, b, sa, a);
        const auto swapped = [&f](const auto& q, const auto& p) SMLDIST_INLINE_LAMBDA { return f(p, q); };
        return map_simple<add>(swapped, y, to, b, sa, a);
    }
    const broadcast_walk wa(sa, y), wb(sb, y);
    const std::size_t C = y.back(), da = wa.step(), db = wb.step();
    for (std::size_t r = 0; r < n / C; ++r) {
        const T *ra = a + wa.row(r), *rb = b + wb.row(r);
        for (std::size_t c = 0; c < C; ++c) {
            const T v = f(ra[c * da], rb[c * db]);
            to[r * C + c] = add ? to[r * C + c] + v : v;
        }
    }
}

/// x (+)= dy summed over the axes along which x was repeated.
template <class T> void sum_to(const tensor<T>& dy, const shape& x, tensor<T>& sink) {
    const shape& y = dy.shape();
    const bool add = sink.ensure(x);
    if (x.size() == 1) {
        const T total = kernel::sum(dy.size(), dy.data());
        sink[0] = add ? sink[0] + total : total;
    } else if (is_row_of(x, y)) {
        kernel::column_sum(dy.size() / x.size(), x.size(), dy.data(), sink.data(), add);
    } else {
        if (!add) sink.fill(T(0));
        if (dy.empty()) return;
        const broadcast_walk walk(x, y);
        const std::size_t C = y.back(), step = walk.step();
        for (std::size_t r = 0; r < dy.size() / C; ++r) {
            T* to = sink.data() + walk.row(r);
            for (std::size_t c = 0; c < C; ++c) to[c * step] += dy[r * C + c];
        }
    }
}

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Sum, difference and product with broadcasting; the gate of squeeze-excite; scaling by a constant.
#ifndef SMLDIST_OP_ARITHMETIC_HPP
#define SMLDIST_OP_ARITHMETIC_HPP

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/op/operand.hpp"

namespace smldist::inline SMLDIST_ABI::op {

namespace detail {

/// The common shape of two operands: axes are matched from the back, an extent of 1 or a missing axis is repeated.
inline shape broadcast(std::string_view where, const shape& a, const shape& b) {
    const std::size_t rank = std::max(a.rank(), b.rank());
    shape y;
    for (std::size_t i = 0; i < rank; ++i) {
        const std::size_t ea = i + a.rank() < rank ? 1 : a[i + a.rank() - rank];
        const std::size_t eb = i + b.rank() < rank ? 1 : b[i + b.rank() - rank];
        if (ea != eb && ea != 1 && eb != 1)
            raise<shape_error>(where, "shapes are ", a.text(), " and ", b.text(),
                               ", expected extents that are equal or 1, from the last axis on");
        y.push_back(ea == 1 ? eb : ea);
    }
    return y;
}

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
template <class T, class F>
void map_simple(const F& f, const shape& y, T* to, bool add, const T* a, const shape& sb, const T* b) {
    const std::size_t n = y.size(), C = sb.size();
    if (C == n) {
        add ? kernel::map_add(n, f, to, a, b) : kernel::map(n, f, to, a, b);
    } else if (C == 1) {
        const auto with_b = [&f, v = *b](const auto& x)
                                SMLDIST_INLINE_LAMBDA { return f(x, std::remove_cvref_t<decltype(x)>(v)); };
        add ? kernel::map_add(n, with_b, to, a) : kernel::map(n, with_b, to, a);
    } else {
        add ? kernel::map_columns_add(n / C, C, f, to, a, b) : kernel::map_columns(n / C, C, f, to, a, b);
    }
}

/// y (+)= f(a, b) over the broadcast shape of y.
template <class T, class F>
void broadcast_map(const F& f, const shape& y, T* to, bool add, const shape& sa, const T* a, const shape& sb,
                   const T* b) {
    const std::size_t n = y.size();
    if (n == 0) return;
    if (sa.size() == n && is_simple(sb, y)) {
        map_simple(f, y, to, add, a, sb, b);
    } else if (sb.size() == n && is_simple(sa, y)) {
        const auto swapped = [&f](const auto& q, const auto& p) SMLDIST_INLINE_LAMBDA { return f(p, q); };
        map_simple(swapped, y, to, add, b, sa, a);
    } else {
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

/// The two-argument functions of binary_op: the value, and dy times the derivative by each argument.
namespace function {

struct add {
    static constexpr std::string_view where = "op::add", name = where.substr(4);
    static constexpr bool passes_da = true, passes_db = true; ///< the gradient is dy itself
    static SMLDIST_INLINE auto value(const auto& a, const auto& b) { return a + b; }
    static SMLDIST_INLINE auto da(const auto& dy, const auto&) { return dy; }
    static SMLDIST_INLINE auto db(const auto& dy, const auto&) { return dy; }
};
struct sub {
    static constexpr std::string_view where = "op::sub", name = where.substr(4);
    static constexpr bool passes_da = true, passes_db = false;
    static SMLDIST_INLINE auto value(const auto& a, const auto& b) { return a - b; }
    static SMLDIST_INLINE auto da(const auto& dy, const auto&) { return dy; }
    static SMLDIST_INLINE auto db(const auto& dy, const auto&) { return -dy; }
};
struct mul {
    static constexpr std::string_view where = "op::mul", name = where.substr(4);
    static constexpr bool passes_da = false, passes_db = false;
    static SMLDIST_INLINE auto value(const auto& a, const auto& b) { return a * b; }
    static SMLDIST_INLINE auto da(const auto& dy, const auto& b) { return dy * b; }
    static SMLDIST_INLINE auto db(const auto& dy, const auto& a) { return dy * a; }
};

} // namespace function

/// y = f(a, b) with NumPy's broadcasting.
///
/// Shapes     a, b: extents equal or 1 from the last axis on, missing axes count as 1 · y the larger extents
/// Gradients  da, db: dy times the partial derivative, summed over the axes along which the operand was repeated.
/// Keeps      nothing beyond a and b.
/// Cost       one pass; counted as 0 MACs. Fast for equal shapes, (…, C) with (C), and one element.
/// Throws     shape_error if the shapes do not broadcast.
template <class T, class F> struct binary_op {
    using scalar = T;
    struct saved {};
    static constexpr std::string_view name = F::name;

    void attributes(auto&&) const {}
    std::uint64_t macs(const shape&, const shape&) const { return 0; }
    shape infer(const shape& a, const shape& b) const {
        if (a == b) return a;
        return detail::broadcast(F::where, a, b);
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& a, const tensor<T>& b) const {
        const auto f = [](const auto& p, const auto& q) SMLDIST_INLINE_LAMBDA { return F::value(p, q); };
        detail::broadcast_map(f, y.shape(), y.data(), false, a.shape(), a.data(), b.shape(), b.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& a, const tensor<T>& b,
                  tensor<T>* da, tensor<T>* db) const {
        const auto by_a = [](const auto& d, const auto& q) SMLDIST_INLINE_LAMBDA { return F::da(d, q); };
        const auto by_b = [](const auto& d, const auto& p) SMLDIST_INLINE_LAMBDA { return F::db(d, p); };
        if (da) operand_gradient<F::passes_da>(by_a, dy, b, a.shape(), *da);
        if (db) operand_gradient<F::passes_db>(by_b, dy, a, b.shape(), *db);
    }

private:
    template <bool passes, class D>
    static void operand_gradient(const D& d, const tensor<T>& dy, const tensor<T>& other, const shape& x,
                                 tensor<T>& dx) {
        if (x.size() == dy.size()) {
            const bool add = dx.ensure(x);
            detail::broadcast_map(d, dy.shape(), dx.data(), add, dy.shape(), dy.data(), other.shape(), other.data());
        } else if constexpr (passes) {
            detail::sum_to(dy, x, dx);
        } else {
            auto term = tensor<T>::uninitialized(dy.shape());
            detail::broadcast_map(d, dy.shape(), term.data(), false, dy.shape(), dy.data(), other.shape(),
                                  other.data());
            detail::sum_to(term, x, dx);
        }
    }
};

/// Channel gate of squeeze-excite.
///
///     y[b,t,c] = x[b,t,c] * g[b,c]
///
/// Shapes     x (B, L, C) · g (B, C) · y as x
/// Gradients  dx = dy g · dg[b,c] = sum_t dy[b,t,c] x[b,t,c]
/// Keeps      nothing beyond x and g.
/// Cost       one pass; counted as 0 MACs.
/// Throws     shape_error if x is not (B, L, C) or g not (B, C).
/// Source     Hu et al. 2018.
template <class T> struct gate_op {
    using scalar = T;
    struct saved {};
    static constexpr std::string_view name = "gate";

    void attributes(auto&&) const {}
    std::uint64_t macs(const shape&, const shape&) const { return 0; }
    shape infer(const shape& x, const shape& g) const {
        if (x.rank() != 3 || !(g == shape{x[0], x[2]}))
            raise<shape_error>("op::gate", "shapes of x and g are ", x.text(), " and ", g.text(),
                               ", expected (B, L, C) and (B, C)");
        return x;
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& x, const tensor<T>& g) const {
        const auto& s = x.shape();
        kernel::gate_forward(s[0], s[1], s[2], x.data(), g.data(), y.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& g,
                  tensor<T>* dx, tensor<T>* dg) const {
        const auto& s = x.shape();
        const bool add_dx = dx && dx->ensure(s), add_dg = dg && dg->ensure(g.shape());
        kernel::gate_backward(s[0], s[1], s[2], dy.data(), x.data(), g.data(), dx ? dx->data() : nullptr, add_dx,
                              dg ? dg->data() : nullptr, add_dg);
    }
};

struct affine_options {
    double scale = 1, offset = 0;
};

/// y = scale x + offset with two constants.
///
/// Shapes     x any · y as x
/// Gradients  dx = scale dy
/// Cost       one pass; counted as 0 MACs.
template <class T> struct affine_op {
    using scalar = T;
    struct saved {};
    static constexpr std::string_view name = "affine";

    affine_options options;

    void attributes(auto&& visit) const {
        visit("scale", options.scale);
        visit("offset", options.offset);
    }
    std::uint64_t macs(const shape&) const { return 0; }
    shape infer(const shape& x) const { return x; }
    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        const auto f = [o = options](const auto& v) SMLDIST_INLINE_LAMBDA {
            using V = std::remove_cvref_t<decltype(v)>;
            return kernel::simd::fma(kernel::simd::constant<V>(o.scale), v, kernel::simd::constant<V>(o.offset));
        };
        kernel::map(x.size(), f, y.data(), x.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        const auto f = [a = options.scale](const auto& d) SMLDIST_INLINE_LAMBDA {
            return kernel::simd::constant<std::remove_cvref_t<decltype(d)>>(a) * d;
        };
        if (dx) detail::accumulate(*dx, x.shape(), f, dy);
    }
};

template <class A, class B> auto add(A&& a, B&& b) {
    return op::apply(binary_op<scalar_of_t<A, B>, function::add>{}, std::forward<A>(a), std::forward<B>(b));
}
template <class A, class B> auto sub(A&& a, B&& b) {
    return op::apply(binary_op<scalar_of_t<A, B>, function::sub>{}, std::forward<A>(a), std::forward<B>(b));
}
template <class A, class B> auto mul(A&& a, B&& b) {
    return op::apply(binary_op<scalar_of_t<A, B>, function::mul>{}, std::forward<A>(a), std::forward<B>(b));
}
template <class X, class G> auto gate(const X& x, const G& g) {
    return op::apply(gate_op<scalar_of_t<X, G>>{}, x, g);
}
/// a x
template <class X> auto scale(const X& x, double a) { return op::apply(affine_op<scalar_of_t<X>>{{a, 0}}, x); }
/// x + a
template <class X> auto add_scalar(const X& x, double a) { return op::apply(affine_op<scalar_of_t<X>>{{1, a}}, x); }

} // namespace smldist::inline SMLDIST_ABI::op

#endif

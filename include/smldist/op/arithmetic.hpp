// SPDX-License-Identifier: BSD-3-Clause
/// Sum, difference, product and quotient with broadcasting, also as the operators + - * /; the gate of squeeze-excite;
/// scaling by a constant.
#ifndef SMLDIST_OP_ARITHMETIC_HPP
#define SMLDIST_OP_ARITHMETIC_HPP

#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "smldist/kernel/simd.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/op/broadcast.hpp"
#include "smldist/op/operand.hpp"
#include "smldist/spec/arithmetic.hpp"
#include "smldist/spec/elementwise.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

/// The functions of binary_op: the description, the value, and the partial derivative by each argument.
namespace function {

enum class partial : std::uint8_t { one, minus_one, other_argument, one_over_other, minus_quotient_over_own };

struct add : spec::add {
    static constexpr partial by_a = partial::one, by_b = partial::one;
    static constexpr bool commutes = true;
    template <class V> SMLDIST_INLINE V operator()(const V& a, const V& b) const { return a + b; }
};
struct sub : spec::sub {
    static constexpr partial by_a = partial::one, by_b = partial::minus_one;
    static constexpr bool commutes = false;
    template <class V> SMLDIST_INLINE V operator()(const V& a, const V& b) const { return a - b; }
};
struct mul : spec::mul {
    static constexpr partial by_a = partial::other_argument, by_b = partial::other_argument;
    static constexpr bool commutes = true;
    template <class V> SMLDIST_INLINE V operator()(const V& a, const V& b) const { return a * b; }
};
struct div : spec::div {
    static constexpr partial by_a = partial::one_over_other, by_b = partial::minus_quotient_over_own;
    static constexpr bool commutes = false;
    template <class V> SMLDIST_INLINE V operator()(const V& a, const V& b) const { return a / b; }
};

} // namespace function

/// y = f(a, b) with NumPy's broadcasting: see spec::add, spec::sub, spec::mul and spec::div.
///
/// Gradients  da, db: dy times the partial derivative, summed over the axes along which the operand was repeated.
/// Keeps      nothing beyond a, b and y.
template <class T, class F> struct binary_op : F {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& a, const tensor<T>& b) const {
        detail::broadcast_map<false>(F{}, y.shape(), y.data(), a.shape(), a.data(), b.shape(), b.data());
    }
    void backward(const saved&, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& a, const tensor<T>& b,
                  tensor<T>* da, tensor<T>* db) const {
        if (da) operand_gradient<F::by_a>(y, dy, a, b, *da);
        if (db) operand_gradient<F::by_b>(y, dy, b, a, *db);
    }

private:
    /// dx (+)= dy times the partial derivative by x, summed to the shape of x.
    template <function::partial P>
    static void operand_gradient(const tensor<T>& value, const tensor<T>& dy, const tensor<T>& x,
                                 const tensor<T>& other, tensor<T>& dx) {
        using function::partial;
        const shape &sx = x.shape(), &y = dy.shape();
        const bool whole = sx.size() == y.size();
        if constexpr (P == partial::other_argument || P == partial::one_over_other) {
            constexpr std::conditional_t<P == partial::other_argument, function::mul, function::div> f;
            if (whole && dx.ensure(sx)) {
                detail::broadcast_map<true>(f, y, dx.data(), y, dy.data(), other.shape(), other.data());
            } else {
                tensor<T> term;
                tensor<T>& to = whole ? dx : (term = tensor<T>::uninitialized(y));
                detail::broadcast_map<false>(f, y, to.data(), y, dy.data(), other.shape(), other.data());
                if (!whole) detail::sum_to(term, sx, dx);
            }
        } else if constexpr (P == partial::minus_quotient_over_own) {
            const auto f = [](const auto& d, const auto& q, const auto& b)
                               SMLDIST_INLINE_LAMBDA { return -(d * q / b); };
            if (whole) return detail::accumulate(dx, sx, f, dy, value, x);
            tensor<T> term, total; // x does not change along the axes that are summed
            detail::accumulate(
                term, y, [](const auto& d, const auto& q) SMLDIST_INLINE_LAMBDA { return d * q; }, dy, value);
            detail::sum_to(term, sx, total);
            detail::accumulate(
                dx, sx, [](const auto& s, const auto& b) SMLDIST_INLINE_LAMBDA { return -(s / b); }, total, x);
        } else {
            const auto f = [](const auto& d) SMLDIST_INLINE_LAMBDA { return P == partial::one ? d : -d; };
            if (whole) return detail::accumulate(dx, sx, f, dy);
            if constexpr (P == partial::one) return detail::sum_to(dy, sx, dx);
            tensor<T> term;
            detail::accumulate(term, y, f, dy);
            detail::sum_to(term, sx, dx);
        }
    }
};

/// See spec::gate.
///
/// Gradients  dx = dy g · dg[b,c] = sum_t dy[b,t,c] x[b,t,c]
/// Keeps      nothing beyond x and g.
template <class T> struct gate_op : spec::gate {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x, const tensor<T>& g) const {
        const auto& s = x.shape();
        kernel::gate_forward(s[0], s.sample_rows(), s.back(), x.data(), g.data(), y.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& g,
                  tensor<T>* dx, tensor<T>* dg) const {
        const auto& s = x.shape();
        const bool add_dx = dx && dx->ensure(s), add_dg = dg && dg->ensure(g.shape());
        kernel::gate_backward(s[0], s.sample_rows(), s.back(), dy.data(), x.data(), g.data(),
                              dx ? dx->data() : nullptr, add_dx, dg ? dg->data() : nullptr, add_dg);
    }
    /// Leaves the gate to the op that reads the value.
    var<T> read_normed(normed_value<T> n, const var<T>& g) const {
        if (!n.gate.empty()) return {};
        n.gate = g;
        return n.x.owner->push_normed(n);
    }
};

/// See spec::affine.
///
/// Gradients  dx = scale dy
template <class T> struct affine_op : spec::affine {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        const auto f = [a = scale, b = offset](const auto& v) SMLDIST_INLINE_LAMBDA {
            using V = std::remove_cvref_t<decltype(v)>;
            return kernel::simd::fma(kernel::simd::constant<V>(a), v, kernel::simd::constant<V>(b));
        };
        kernel::map(x.size(), f, y.data(), x.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        const auto f = [a = scale](const auto& d) SMLDIST_INLINE_LAMBDA {
            return kernel::simd::constant<std::remove_cvref_t<decltype(d)>>(a) * d;
        };
        if (dx) detail::accumulate(*dx, x.shape(), f, dy);
    }
};

template <class A, class B> [[nodiscard]] auto add(A&& a, B&& b) {
    return op::apply(binary_op<scalar_of_t<A, B>, function::add>{}, std::forward<A>(a), std::forward<B>(b));
}
template <class A, class B> [[nodiscard]] auto sub(A&& a, B&& b) {
    return op::apply(binary_op<scalar_of_t<A, B>, function::sub>{}, std::forward<A>(a), std::forward<B>(b));
}
template <class A, class B> [[nodiscard]] auto mul(A&& a, B&& b) {
    return op::apply(binary_op<scalar_of_t<A, B>, function::mul>{}, std::forward<A>(a), std::forward<B>(b));
}
template <class A, class B> [[nodiscard]] auto div(A&& a, B&& b) {
    return op::apply(binary_op<scalar_of_t<A, B>, function::div>{}, std::forward<A>(a), std::forward<B>(b));
}
template <class X, class G> [[nodiscard]] auto gate(const X& x, const G& g) {
    return op::apply(gate_op<scalar_of_t<X, G>>{}, x, g);
}
/// scale x + offset
template <class X> [[nodiscard]] auto affine(const X& x, double scale, double offset) {
    return op::apply(affine_op<scalar_of_t<X>>{{scale, offset}}, x);
}
/// a x
template <class X> [[nodiscard]] auto scale(const X& x, double a) { return op::affine(x, a, 0); }
/// x + a
template <class X> [[nodiscard]] auto add_scalar(const X& x, double a) { return op::affine(x, 1, a); }

namespace detail {

template <class X> inline constexpr bool is_value = false;
template <class T> inline constexpr bool is_value<tensor<T>> = true;
template <class T> inline constexpr bool is_value<var<T>> = true;
template <> inline constexpr bool is_value<symbol> = true;

template <class X> inline constexpr bool is_weight = false;
template <class T> inline constexpr bool is_weight<parameter<T>> = true;
template <class V> inline constexpr bool is_weight<buffer<V>> = true;

/// What the operators take: a value of one of the three worlds, and beside it another, a parameter, a buffer or a number.
template <class X>
concept value = is_value<std::remove_cvref_t<X>>;
template <class X>
concept weight = is_weight<std::remove_cvref_t<X>>;
template <class A, class B>
concept operands = (value<A> && (value<B> || weight<B>)) || (weight<A> && value<B>);
template <class N>
concept number = std::is_arithmetic_v<N> && !std::same_as<N, bool>;

/// A number as an operand beside x. In double for a symbol, whose network may be of either type.
template <class X, class N> auto constant_beside(const X&, N a) {
    using T = std::conditional_t<std::same_as<X, symbol>, double, scalar_of_t<X>>;
    return tensor<T>(shape{}, static_cast<T>(a));
}

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::op

// Beside tensor, var and symbol, where argument-dependent lookup finds them.
namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// The operators + - * / on tensors, vars and symbols, element by element: op::add, op::sub, op::mul and op::div, with their
/// broadcasting, gradients and errors.
///
///     const auto y = 0.5 * (s - t) * (s - t) / (1 + w);
///
/// One operand may be a parameter, a buffer or a number. A number is rounded to the scalar type of the other operand; sums,
/// differences and products with it are one op::affine. Dividing by a number is a division, not a product with its inverse.
template <class A, class B>
requires op::detail::operands<A, B>
[[nodiscard]] auto operator+(A&& a, B&& b) { return op::add(std::forward<A>(a), std::forward<B>(b)); }
template <class A, class B>
requires op::detail::operands<A, B>
[[nodiscard]] auto operator-(A&& a, B&& b) { return op::sub(std::forward<A>(a), std::forward<B>(b)); }
template <class A, class B>
requires op::detail::operands<A, B>
[[nodiscard]] auto operator*(A&& a, B&& b) { return op::mul(std::forward<A>(a), std::forward<B>(b)); }
template <class A, class B>
requires op::detail::operands<A, B>
[[nodiscard]] auto operator/(A&& a, B&& b) { return op::div(std::forward<A>(a), std::forward<B>(b)); }

/// −x, as op::scale(x, -1).
template <op::detail::value X> [[nodiscard]] auto operator-(const X& x) { return op::scale(x, -1); }

template <op::detail::value X, op::detail::number N> [[nodiscard]] auto operator+(const X& x, N a) {
    return op::add_scalar(x, static_cast<double>(a));
}
template <op::detail::value X, op::detail::number N> [[nodiscard]] auto operator+(N a, const X& x) { return x + a; }
template <op::detail::value X, op::detail::number N> [[nodiscard]] auto operator-(const X& x, N a) {
    return op::add_scalar(x, -static_cast<double>(a));
}
template <op::detail::value X, op::detail::number N> [[nodiscard]] auto operator-(N a, const X& x) {
    return op::affine(x, -1, static_cast<double>(a));
}
template <op::detail::value X, op::detail::number N> [[nodiscard]] auto operator*(const X& x, N a) {
    return op::scale(x, static_cast<double>(a));
}
template <op::detail::value X, op::detail::number N> [[nodiscard]] auto operator*(N a, const X& x) { return x * a; }
template <op::detail::value X, op::detail::number N> [[nodiscard]] auto operator/(const X& x, N a) {
    return op::div(x, op::detail::constant_beside(x, a));
}
template <op::detail::value X, op::detail::number N> [[nodiscard]] auto operator/(N a, const X& x) {
    return op::div(op::detail::constant_beside(x, a), x);
}

SMLDIST_NAMESPACE_END
} // namespace smldist

#endif

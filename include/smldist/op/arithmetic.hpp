// SPDX-License-Identifier: BSD-3-Clause
/// Sum, difference and product with broadcasting; the gate of squeeze-excite; scaling by a constant.
#ifndef SMLDIST_OP_ARITHMETIC_HPP
#define SMLDIST_OP_ARITHMETIC_HPP

#include <cstdint>
#include <type_traits>
#include <utility>

#include "smldist/kernel/simd.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/op/broadcast.hpp"
#include "smldist/op/operand.hpp"
#include "smldist/spec/arithmetic.hpp"
#include "smldist/spec/elementwise.hpp"

namespace smldist::inline SMLDIST_ABI::op {

/// The functions of binary_op: the description, the value, and the partial derivative by each argument.
namespace function {

enum class partial : std::uint8_t { one, minus_one, other_argument };

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

} // namespace function

/// y = f(a, b) with NumPy's broadcasting: see spec::add, spec::sub and spec::mul.
///
/// Gradients  da, db: dy times the partial derivative, summed over the axes along which the operand was repeated.
/// Keeps      nothing beyond a and b.
template <class T, class F> struct binary_op : F {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& a, const tensor<T>& b) const {
        detail::broadcast_map<false>(F{}, y.shape(), y.data(), a.shape(), a.data(), b.shape(), b.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& a, const tensor<T>& b,
                  tensor<T>* da, tensor<T>* db) const {
        if (da) operand_gradient<F::by_a>(dy, b, a.shape(), *da);
        if (db) operand_gradient<F::by_b>(dy, a, b.shape(), *db);
    }

private:
    /// dx (+)= dy times the partial derivative, summed to the shape x of the operand.
    template <function::partial P>
    static void operand_gradient(const tensor<T>& dy, const tensor<T>& other, const shape& x, tensor<T>& dx) {
        const shape& y = dy.shape();
        const bool whole = x.size() == y.size();
        if constexpr (P == function::partial::other_argument) {
            constexpr function::mul times;
            if (whole && dx.ensure(x)) {
                detail::broadcast_map<true>(times, y, dx.data(), y, dy.data(), other.shape(), other.data());
            } else {
                tensor<T> term;
                tensor<T>& to = whole ? dx : (term = tensor<T>::uninitialized(y));
                detail::broadcast_map<false>(times, y, to.data(), y, dy.data(), other.shape(), other.data());
                if (!whole) detail::sum_to(term, x, dx);
            }
        } else {
            const auto f = [](const auto& d) SMLDIST_INLINE_LAMBDA { return P == function::partial::one ? d : -d; };
            if (whole) return detail::accumulate(dx, x, f, dy);
            if constexpr (P == function::partial::one) return detail::sum_to(dy, x, dx);
            tensor<T> term;
            detail::accumulate(term, y, f, dy);
            detail::sum_to(term, x, dx);
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
        kernel::gate_forward(s[0], s[1], s[2], x.data(), g.data(), y.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& g,
                  tensor<T>* dx, tensor<T>* dg) const {
        const auto& s = x.shape();
        const bool add_dx = dx && dx->ensure(s), add_dg = dg && dg->ensure(g.shape());
        kernel::gate_backward(s[0], s[1], s[2], dy.data(), x.data(), g.data(), dx ? dx->data() : nullptr, add_dx,
                              dg ? dg->data() : nullptr, add_dg);
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

// SPDX-License-Identifier: BSD-3-Clause
/// Sum, difference and product with broadcasting; the gate of squeeze-excite; scaling by a constant.
#ifndef SMLDIST_OP_ARITHMETIC_HPP
#define SMLDIST_OP_ARITHMETIC_HPP

#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "smldist/kernel/simd.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/op/broadcast.hpp"
#include "smldist/op/operand.hpp"

namespace smldist::inline SMLDIST_ABI::op {

/// The two-argument functions of binary_op: the value, and the partial derivative by each argument.
namespace function {

enum class partial : std::uint8_t { one, minus_one, other_argument };

struct add {
    static constexpr std::string_view where = "op::add", name = where.substr(4);
    static constexpr partial da = partial::one, db = partial::one;
    static constexpr bool commutes = true;
    template <class V> SMLDIST_INLINE V operator()(const V& a, const V& b) const { return a + b; }
};
struct sub {
    static constexpr std::string_view where = "op::sub", name = where.substr(4);
    static constexpr partial da = partial::one, db = partial::minus_one;
    static constexpr bool commutes = false;
    template <class V> SMLDIST_INLINE V operator()(const V& a, const V& b) const { return a - b; }
};
struct mul {
    static constexpr std::string_view where = "op::mul", name = where.substr(4);
    static constexpr partial da = partial::other_argument, db = partial::other_argument;
    static constexpr bool commutes = true;
    template <class V> SMLDIST_INLINE V operator()(const V& a, const V& b) const { return a * b; }
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
        detail::broadcast_map<false>(F{}, y.shape(), y.data(), a.shape(), a.data(), b.shape(), b.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& a, const tensor<T>& b,
                  tensor<T>* da, tensor<T>* db) const {
        if (da) operand_gradient<F::da>(dy, b, a.shape(), *da);
        if (db) operand_gradient<F::db>(dy, a, b.shape(), *db);
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
    /// The gate is left to the op that reads the value.
    var<T> read_normed(normed_value<T> n, const var<T>& g) const {
        if (!n.gate.empty()) return {};
        n.gate = g;
        return n.x.owner->push_normed(n);
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

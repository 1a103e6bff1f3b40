// SPDX-License-Identifier: BSD-3-Clause
/// Activations, exp and log, powers, clamping, and dropout.
#ifndef SMLDIST_OP_POINTWISE_HPP
#define SMLDIST_OP_POINTWISE_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "smldist/core/parallel.hpp"
#include "smldist/core/random.hpp"
#include "smldist/kernel/activation.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/op/operand.hpp"
#include "smldist/spec/elementwise.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

namespace detail {
/// Whether ops that read a normalised value apply f to it too (op/normed.hpp): the activations of blocks.
constexpr bool follows_norm(activation f) {
    return f == activation::none || f == activation::relu || f == activation::hard_swish || f == activation::selu;
}
} // namespace detail

/// See spec::elementwise.
///
/// Gradients  dx = f'(x) dy, with f' taken from y where that is cheaper. At a kink f' is 0, as in PyTorch.
/// Keeps      nothing beyond x and y.
template <class T, activation A> struct pointwise_op : spec::elementwise<A> {
    using scalar = T;
    using F = kernel::function_of<A>;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        kernel::map(
            x.size(), [](const auto& v) SMLDIST_INLINE_LAMBDA { return F{}.value(v); }, y.data(), x.data());
    }
    void backward(const saved&, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        if constexpr (requires(kernel::simd::full<T> v) { F{}.derivative_of_value(v); })
            detail::accumulate(
                *dx, x.shape(),
                [](const auto& d, const auto& v) SMLDIST_INLINE_LAMBDA { return d * F{}.derivative_of_value(v); }, dy,
                y);
        else
            detail::accumulate(
                *dx, x.shape(),
                [](const auto& d, const auto& v) SMLDIST_INLINE_LAMBDA { return d * F{}.derivative(v); }, dy, x);
    }
    /// Leaves the activation of a block to the op that reads the value.
    var<T> read_normed(normed_value<T> n) const requires(detail::follows_norm(A)) {
        if (n.f != activation::none || !n.gate.empty()) return {};
        n.f = A;
        return n.x.owner->push_normed(n);
    }
};

namespace detail {
template <activation A, class X> auto pointwise(const X& x) {
    return op::apply(pointwise_op<scalar_of_t<X>, A>{}, x);
}
} // namespace detail

/// max(0, x)
template <class X> [[nodiscard]] auto relu(const X& x) { return detail::pointwise<activation::relu>(x); }
/// min(6, max(0, x))
template <class X> [[nodiscard]] auto relu6(const X& x) { return detail::pointwise<activation::relu6>(x); }
/// clip(x/6 + 1/2, 0, 1)   Howard et al. 2019
template <class X> [[nodiscard]] auto hard_sigmoid(const X& x) {
    return detail::pointwise<activation::hard_sigmoid>(x);
}
/// x · hard_sigmoid(x)   Howard et al. 2019
template <class X> [[nodiscard]] auto hard_swish(const X& x) { return detail::pointwise<activation::hard_swish>(x); }
/// λ (max(0, x) + min(0, α (eˣ − 1)))   Klambauer et al. 2017
template <class X> [[nodiscard]] auto selu(const X& x) { return detail::pointwise<activation::selu>(x); }
/// x Φ(x), Φ(x) = (1 + erf(x/√2)) / 2   Hendrycks and Gimpel 2016; torch.nn.functional.gelu
template <class X> [[nodiscard]] auto gelu(const X& x) { return detail::pointwise<activation::gelu>(x); }
/// 1 / (1 + e⁻ˣ)
template <class X> [[nodiscard]] auto sigmoid(const X& x) { return detail::pointwise<activation::sigmoid>(x); }
/// tanh x
template <class X> [[nodiscard]] auto tanh(const X& x) { return detail::pointwise<activation::tanh>(x); }
/// eˣ
template <class X> [[nodiscard]] auto exp(const X& x) { return detail::pointwise<activation::exp>(x); }
/// ln x; −∞ at 0 and NaN below, as the standard's log.
template <class X> [[nodiscard]] auto log(const X& x) { return detail::pointwise<activation::log>(x); }

/// x / (1 + e⁻ˣ), also called swish   Ramachandran et al. 2017; torch.nn.functional.silu
template <class X> [[nodiscard]] auto silu(const X& x) { return detail::pointwise<activation::silu>(x); }
/// ln(1 + eˣ), for any x to the last digits   torch.nn.functional.softplus, which above 20 gives x
template <class X> [[nodiscard]] auto softplus(const X& x) { return detail::pointwise<activation::softplus>(x); }
/// √x; NaN below 0. Its derivative at 0 is ∞.
template <class X> [[nodiscard]] auto sqrt(const X& x) { return detail::pointwise<activation::sqrt>(x); }
/// |x|, with derivative 0 at 0
template <class X> [[nodiscard]] auto abs(const X& x) { return detail::pointwise<activation::abs>(x); }

using smldist::activation;

/// a(x), element by element; x itself for none.
template <class X> [[nodiscard]] X activate(X x, activation a) {
    with_constant(a, [&x](auto f) {
        if constexpr (f != activation::none) x = detail::pointwise<f>(x);
    });
    return x;
}

/// See spec::clamp.
///
/// Gradients  dx = dy where low ≤ x ≤ high, else 0.
/// Keeps      nothing beyond x.
template <class T> struct clamp_op : spec::clamp {
    using scalar = T;
    struct saved {};
    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        const T a = static_cast<T>(low), b = static_cast<T>(high);
        kernel::map(
            x.size(),
            [a, b](const auto& v) SMLDIST_INLINE_LAMBDA {
                using V = std::remove_cvref_t<decltype(v)>;
                return kernel::simd::min(V(b), kernel::simd::max(V(a), v));
            },
            y.data(), x.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        const T a = static_cast<T>(low), b = static_cast<T>(high);
        detail::accumulate(
            *dx, x.shape(),
            [a, b](const auto& d, const auto& v) SMLDIST_INLINE_LAMBDA {
                using V = std::remove_cvref_t<decltype(v)>;
                const V zero = V(T(0));
                return kernel::simd::select(v < V(a), zero, kernel::simd::select(v > V(b), zero, d));
            },
            dy, x);
    }
};

/// min(high, max(low, x))
template <class X> [[nodiscard]] auto clamp(const X& x, double low, double high) {
    return op::apply(clamp_op<scalar_of_t<X>>{{low, high}}, x);
}

/// See spec::leaky_relu.
///
/// Gradients  dx = dy for x > 0, else slope dy.
/// Keeps      nothing beyond x.
template <class T> struct leaky_relu_op : spec::leaky_relu {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        const kernel::leaky_relu f{slope};
        kernel::map(
            x.size(), [f](const auto& v) SMLDIST_INLINE_LAMBDA { return f.value(v); }, y.data(), x.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        const kernel::leaky_relu f{slope};
        if (dx)
            detail::accumulate(
                *dx, x.shape(),
                [f](const auto& d, const auto& v) SMLDIST_INLINE_LAMBDA { return d * f.derivative(v); }, dy, x);
    }
};
/// x for x > 0, slope x otherwise
template <class X> [[nodiscard]] auto leaky_relu(const X& x, double slope = 0.01) {
    return op::apply(leaky_relu_op<scalar_of_t<X>>{{slope}}, x);
}

/// See spec::pow.
///
/// Gradients  dx = p xᵖ⁻¹ dy; 0 for p = 0.
/// Keeps      nothing beyond x.
template <class T> struct pow_op : spec::pow {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        kernel::with_power(exponent, [&](auto f) {
            kernel::map(
                x.size(), [f](const auto& v) SMLDIST_INLINE_LAMBDA { return f.value(v); }, y.data(), x.data());
        });
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        kernel::with_power(exponent - 1, [&, p = exponent](auto f) {
            detail::accumulate(
                *dx, x.shape(),
                [f, p](const auto& d, const auto& v) SMLDIST_INLINE_LAMBDA {
                    using V = std::remove_cvref_t<decltype(v)>;
                    const V slope = kernel::simd::constant<V>(p) * f.value(v);
                    return d * (p == 0 ? kernel::simd::constant<V>(0) : slope);
                },
                dy, x);
        });
    }
};
/// xᵖ with a constant p
template <class X> [[nodiscard]] auto pow(const X& x, double exponent) {
    return op::apply(pow_op<scalar_of_t<X>>{{exponent}}, x);
}

namespace detail {
/// x[i] = dropped with probability p, else kept, from the words of `stream` in order.
template <class T>
SMLDIST_NOINLINE void draw(const generator& stream, double p, T dropped, T kept, std::size_t n, T* x) {
    const auto drop_below = static_cast<std::uint32_t>(std::lround(std::ldexp(p, 31)));
    const T values[] = {kept, dropped}; // a branch on random bits would be mispredicted
    parallel_for(n, 8192, [&](std::size_t first, std::size_t last) {
        generator random = stream;
        random.set_position(stream.position() + first);
        std::array<std::uint32_t, 256> words;
        for (std::size_t count; first < last; first += count) {
            count = std::min(words.size(), last - first);
            random.bits(count, words.data());
            for (std::size_t i = 0; i < count; ++i) x[first + i] = values[words[i] >> 1 < drop_below];
        }
    });
}
} // namespace detail

using dropout_options = spec::dropout;

/// See spec::dropout.
///
/// Gradients  dx = m dy
/// Keeps      the mask m. It is drawn from `stream` only, in row-major order, whatever the number of threads.
template <class T> struct dropout_op : spec::dropout {
    using scalar = T;
    struct saved {
        tensor<T> mask;
    };

    generator stream{}; ///< set by op::apply from the tape's generator

    void forward(saved* keep, tensor<T>& y, const tensor<T>& x) const {
        auto mask = tensor<T>::uninitialized(x.shape());
        detail::draw(stream, p, T(0), T(1 / (1 - p)), x.size(), mask.data());
        kernel::map(
            x.size(), [](const auto& v, const auto& m) SMLDIST_INLINE_LAMBDA { return v * m; }, y.data(), x.data(),
            mask.data());
        if (keep) keep->mask = std::move(mask);
    }
    void backward(const saved& keep, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (dx)
            detail::accumulate(
                *dx, x.shape(), [](const auto& d, const auto& m) SMLDIST_INLINE_LAMBDA { return d * m; }, dy,
                keep.mask);
    }
};

/// Dropout in mode::train; x itself in mode::eval or when p is 0.
/// Throws     usage_error if p is not in [0, 1), or on a plain tensor in mode::train: it has no tape to draw from.
template <class X> [[nodiscard]] X dropout(X x, dropout_options o, mode m) {
    if (!(o.p >= 0 && o.p < 1)) raise<usage_error>("op::dropout", "p is ", o.p, ", expected 0 <= p < 1");
    if (m == mode::eval || o.p == 0) return x;
    if constexpr (requires { x.owner; })
        return op::apply(dropout_op<scalar_of_t<X>>{o}, x);
    else
        raise<usage_error>("op::dropout", "mode is train on a plain tensor, expected a var of a tape, or mode::eval");
}

/// See spec::pattern_dropout.
///
/// Gradients  dx = dy
/// Keeps      nothing. The draw comes from `stream` only, in row-major order.
template <class T> struct pattern_dropout_op : spec::pattern_dropout {
    using scalar = T;
    struct saved {};

    generator stream{}; ///< set by op::apply from the tape's generator

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        detail::draw(stream, p, T(-20), T(0), x.size(), y.data());
        kernel::axpy(x.size(), T(1), x.data(), y.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (dx)
            detail::accumulate(
                *dx, x.shape(), [](const auto& d) SMLDIST_INLINE_LAMBDA { return d; }, dy);
    }
};

/// Pattern dropout in mode::train; x itself in mode::eval or when p is 0. Throws as dropout.
template <class X> [[nodiscard]] X pattern_dropout(X x, spec::pattern_dropout o, mode m) {
    if (!(o.p >= 0 && o.p < 1)) raise<usage_error>("op::pattern_dropout", "p is ", o.p, ", expected 0 <= p < 1");
    if (m == mode::eval || o.p == 0) return x;
    if constexpr (requires { x.owner; })
        return op::apply(pattern_dropout_op<scalar_of_t<X>>{o}, x);
    else
        raise<usage_error>("op::pattern_dropout",
                           "mode is train on a plain tensor, expected a var, whose tape has the random numbers");
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

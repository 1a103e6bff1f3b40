// SPDX-License-Identifier: BSD-3-Clause
/// The functions of core/activation.hpp on any pack of kernel/simd.hpp.
///
/// Each has `value(x)` and `derivative(x)`; where the derivative is cheaper from y = value(x), also
/// `derivative_of_value(y)`. At a kink the derivative is 0 on the flat side's boundary, as in PyTorch.
/// Behind them two functions with an option, leaky ReLU and powers.
#ifndef SMLDIST_KERNEL_ACTIVATION_HPP
#define SMLDIST_KERNEL_ACTIVATION_HPP

#include <cmath>

#include "smldist/core/activation.hpp"
#include "smldist/core/config.hpp"
#include "smldist/kernel/simd.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

/// x
struct identity {
    template <class V> SMLDIST_INLINE V value(const V& x) const { return x; }
    template <class V> SMLDIST_INLINE V derivative(const V&) const { return simd::constant<V>(1); }
};

/// max(0, x)
struct relu {
    template <class V> SMLDIST_INLINE V value(const V& x) const { return simd::max(simd::constant<V>(0), x); }
    template <class V> SMLDIST_INLINE V derivative(const V& x) const {
        const V zero = simd::constant<V>(0);
        return simd::select(x > zero, simd::constant<V>(1), zero);
    }
    template <class V> SMLDIST_INLINE V derivative_of_value(const V& y) const { return derivative(y); }
};

/// min(6, max(0, x))
struct relu6 {
    template <class V> SMLDIST_INLINE V value(const V& x) const {
        return simd::min(simd::constant<V>(6), simd::max(simd::constant<V>(0), x));
    }
    template <class V> SMLDIST_INLINE V derivative(const V& x) const {
        const V zero = simd::constant<V>(0);
        return simd::select(x > zero, simd::select(x < simd::constant<V>(6), simd::constant<V>(1), zero), zero);
    }
    template <class V> SMLDIST_INLINE V derivative_of_value(const V& y) const { return derivative(y); }
};

/// clip(x/6 + 1/2, 0, 1)
struct hard_sigmoid {
    template <class V> SMLDIST_INLINE V value(const V& x) const {
        const V y = simd::fma(x, simd::constant<V>(1.0 / 6), simd::constant<V>(0.5));
        return simd::min(simd::constant<V>(1), simd::max(simd::constant<V>(0), y));
    }
    /// 1/6 on (−3, 3), else 0
    template <class V> SMLDIST_INLINE V derivative(const V& x) const {
        return simd::select(simd::abs(x) < simd::constant<V>(3), simd::constant<V>(1.0 / 6), simd::constant<V>(0));
    }
};

/// x · hard_sigmoid(x)
struct hard_swish {
    template <class V> SMLDIST_INLINE V value(const V& x) const { return x * hard_sigmoid{}.value(x); }
    /// 0 for x ≤ −3, 1 for x ≥ 3, x/3 + 1/2 between
    template <class V> SMLDIST_INLINE V derivative(const V& x) const {
        const V slope = simd::fma(x, simd::constant<V>(1.0 / 3), simd::constant<V>(0.5));
        const V left = simd::select(x > simd::constant<V>(-3), slope, simd::constant<V>(0));
        return simd::select(x < simd::constant<V>(3), left, simd::constant<V>(1));
    }
};

/// λ (max(0, x) + min(0, α (eˣ − 1)))   Klambauer et al. 2017
struct selu {
    static constexpr double alpha = 1.6732632423543772848, lambda = 1.0507009873554804934;
    template <class V> SMLDIST_INLINE V value(const V& x) const {
        const V zero = simd::constant<V>(0);
        const V la = simd::constant<V>(lambda * alpha);
        const V negative = simd::fma(la, simd::exp(simd::min(zero, x)), -la);
        return simd::select(x > zero, simd::constant<V>(lambda) * x, negative);
    }
    /// λ for x > 0, λ α eˣ otherwise
    template <class V> SMLDIST_INLINE V derivative(const V& x) const {
        const V zero = simd::constant<V>(0);
        return simd::select(x > zero, simd::constant<V>(lambda),
                            simd::constant<V>(lambda * alpha) * simd::exp(simd::min(zero, x)));
    }
    /// λ for y > 0, y + λ α otherwise
    template <class V> SMLDIST_INLINE V derivative_of_value(const V& y) const {
        return simd::select(y > simd::constant<V>(0), simd::constant<V>(lambda),
                            y + simd::constant<V>(lambda * alpha));
    }
};

/// x Φ(x), Φ(x) = (1 + erf(x/√2)) / 2   Hendrycks and Gimpel 2016, exact form
struct gelu {
    /// Φ(x), the distribution function of the standard normal distribution
    template <class V> SMLDIST_INLINE static V normal_cdf(const V& x) {
        const V half = simd::constant<V>(0.5);
        return simd::fma(half, simd::erf(simd::constant<V>(0.70710678118654752440) * x), half);
    }
    template <class V> SMLDIST_INLINE V value(const V& x) const { return x * normal_cdf(x); }
    /// Φ(x) + x φ(x), φ(x) = exp(-x²/2) / √(2π)
    template <class V> SMLDIST_INLINE V derivative(const V& x) const {
        const V density = simd::constant<V>(0.39894228040143267794) * simd::exp(simd::constant<V>(-0.5) * x * x);
        return simd::fma(x, density, normal_cdf(x));
    }
};

/// 1 / (1 + e⁻ˣ)
struct sigmoid {
    template <class V> SMLDIST_INLINE V value(const V& x) const {
        const V one = simd::constant<V>(1);
        return one / (one + simd::exp(-x));
    }
    template <class V> SMLDIST_INLINE V derivative(const V& x) const { return derivative_of_value(value(x)); }
    /// y (1 − y)
    template <class V> SMLDIST_INLINE V derivative_of_value(const V& y) const {
        return y * (simd::constant<V>(1) - y);
    }
};

/// tanh x
struct tanh {
    template <class V> SMLDIST_INLINE V value(const V& x) const { return simd::tanh(x); }
    template <class V> SMLDIST_INLINE V derivative(const V& x) const { return derivative_of_value(value(x)); }
    /// 1 − y²
    template <class V> SMLDIST_INLINE V derivative_of_value(const V& y) const {
        return simd::fma(-y, y, simd::constant<V>(1));
    }
};

/// eˣ
struct exponential {
    template <class V> SMLDIST_INLINE V value(const V& x) const { return simd::exp(x); }
    template <class V> SMLDIST_INLINE V derivative(const V& x) const { return value(x); }
    template <class V> SMLDIST_INLINE V derivative_of_value(const V& y) const { return y; }
};

/// ln x; −∞ at 0 and NaN below, as the standard's log
struct logarithm {
    template <class V> SMLDIST_INLINE V value(const V& x) const { return simd::log(x); }
    template <class V> SMLDIST_INLINE V derivative(const V& x) const { return simd::constant<V>(1) / x; }
};

/// x / (1 + e⁻ˣ)   Ramachandran et al. 2017
struct silu {
    template <class V> SMLDIST_INLINE V value(const V& x) const { return x * sigmoid{}.value(x); }
    /// s (1 + x (1 − s)), s = 1 / (1 + e⁻ˣ)
    template <class V> SMLDIST_INLINE V derivative(const V& x) const {
        const V one = simd::constant<V>(1), s = sigmoid{}.value(x);
        return s * simd::fma(x, one - s, one);
    }
};

/// ln(1 + eˣ) = max(0, x) + ln(1 + e), e = e^−|x|
struct softplus {
    /// ln(1 + e) is e ln(u) / (u − 1) for u = 1 + e as rounded, and e where u is 1: exact for a tiny e too.
    template <class V> SMLDIST_INLINE V value(const V& x) const {
        const V zero = simd::constant<V>(0), one = simd::constant<V>(1);
        const V e = simd::exp(-simd::abs(x)), u = one + e;
        return simd::max(zero, x) + simd::select(u > one, e * simd::log(u) / (u - one), e);
    }
    template <class V> SMLDIST_INLINE V derivative(const V& x) const { return sigmoid{}.value(x); }
};

/// √x; NaN below 0
struct square_root {
    template <class V> SMLDIST_INLINE V value(const V& x) const { return simd::sqrt(x); }
    template <class V> SMLDIST_INLINE V derivative(const V& x) const { return derivative_of_value(value(x)); }
    /// 1 / (2 y), ∞ at 0
    template <class V> SMLDIST_INLINE V derivative_of_value(const V& y) const { return simd::constant<V>(0.5) / y; }
};

/// |x|
struct absolute {
    template <class V> SMLDIST_INLINE V value(const V& x) const { return simd::abs(x); }
    /// The sign of x, 0 at 0.
    template <class V> SMLDIST_INLINE V derivative(const V& x) const {
        const V zero = simd::constant<V>(0), one = simd::constant<V>(1);
        return simd::select(x > zero, one, simd::select(x < zero, -one, zero));
    }
};

/// x for x > 0, slope x otherwise. Not in core/activation.hpp, because it has an option; nor is power.
struct leaky_relu {
    double slope;
    template <class V> SMLDIST_INLINE V value(const V& x) const {
        return simd::select(x > simd::constant<V>(0), x, simd::constant<V>(slope) * x);
    }
    template <class V> SMLDIST_INLINE V derivative(const V& x) const {
        return simd::select(x > simd::constant<V>(0), simd::constant<V>(1), simd::constant<V>(slope));
    }
};

/// xⁿ for a whole n, by squaring; 1 for n = 0 and any x
struct whole_power {
    int n;
    template <class V> SMLDIST_INLINE V value(V x) const {
        V y = simd::constant<V>(1);
        for (int k = n < 0 ? -n : n; k != 0; k /= 2, x = x * x)
            if (k % 2 != 0) y = y * x;
        return n < 0 ? simd::constant<V>(1) / y : y;
    }
};

/// xᵖ as std::pow, lane by lane
struct real_power {
    double p;
    template <class V> SMLDIST_INLINE V value(const V& x) const {
        using T = typename V::value_type;
        alignas(64) T lanes[V::size];
        simd::store(lanes, x);
        for (T& lane : lanes) lane = std::pow(lane, static_cast<T>(p));
        return simd::load<V>(lanes);
    }
};

/// Calls f with the function x ↦ xᵖ: whole_power for a whole p of at most 8, real_power for any other.
template <class F> void with_power(double p, F&& f) {
    if (p >= -8 && p <= 8 && p == std::floor(p))
        f(whole_power{static_cast<int>(p)});
    else
        f(real_power{p});
}

namespace detail {
template <activation F> constexpr auto function_of() {
    if constexpr (F == activation::none) return identity{};
    if constexpr (F == activation::relu) return relu{};
    if constexpr (F == activation::relu6) return relu6{};
    if constexpr (F == activation::hard_sigmoid) return hard_sigmoid{};
    if constexpr (F == activation::hard_swish) return hard_swish{};
    if constexpr (F == activation::selu) return selu{};
    if constexpr (F == activation::gelu) return gelu{};
    if constexpr (F == activation::sigmoid) return sigmoid{};
    if constexpr (F == activation::tanh) return kernel::tanh{};
    if constexpr (F == activation::exp) return exponential{};
    if constexpr (F == activation::log) return logarithm{};
    if constexpr (F == activation::silu) return silu{};
    if constexpr (F == activation::softplus) return softplus{};
    if constexpr (F == activation::sqrt) return square_root{};
    if constexpr (F == activation::abs) return absolute{};
}
} // namespace detail

/// The function of an enumerator.
template <activation F> using function_of = decltype(detail::function_of<F>());

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif

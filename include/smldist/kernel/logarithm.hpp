// SPDX-License-Identifier: BSD-3-Clause
/// The natural logarithm of positive normal numbers, without special cases.
#ifndef SMLDIST_KERNEL_LOGARITHM_HPP
#define SMLDIST_KERNEL_LOGARITHM_HPP

#include <type_traits>

#include "smldist/core/config.hpp"
#include "smldist/kernel/simd.hpp"

namespace smldist::kernel::simd {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// ln of packs of float: x = 2^e (1 + f) with 1 + f in [√½, √2), a polynomial in f.
template <class V> SMLDIST_INLINE V log_by_parts(const V& x) {
    const auto bits = packs::to_bits(x);
    using I = std::decay_t<decltype(bits)>;
    const I e = (bits - I(0x3f3504f3)) >> 23; // of √½
    const V f = packs::from_bits(bits - (e << 23)) - V(1.0F), z = f * f, power = packs::to_float(e);
    V p(7.0376836292e-2F);
    for (const float k : {-1.1514610310e-1F, 1.1676998740e-1F, -1.2420140846e-1F, 1.4249322787e-1F, -1.6668057665e-1F,
                          2.0000714765e-1F, -2.4999993993e-1F, 3.3333331174e-1F})
        p = simd::fma(p, f, V(k));
    const V low = simd::fma(power, V(-2.12194440e-4F), f * z * p);
    return simd::fma(power, V(0.693359375F), f + simd::fma(V(-0.5F), z, low));
}

struct log_normal_function {
    SMLDIST_INLINE full<float> operator()(const full<float>& x) const { return log_by_parts(x); }
};

} // namespace detail

/// ln x for x that is positive, finite and not denormal; unspecified for other x. At most 2e-7 relative error (float),
/// about half the time of simd::log.
/// Source     Cephes, logf (coefficients).
template <class V> SMLDIST_INLINE V log_normal(const V& x) {
    using T = typename V::value_type;
    if constexpr (!std::is_same_v<T, float> || width<T> == 1) {
        return simd::log(x);
    } else if constexpr (V::size > 1) {
        return detail::log_by_parts(x);
    } else {
        alignas(64) T lanes[width<T>];
        simd::store(lanes, x);
        detail::through_full<detail::log_normal_function, T>(lanes, 1);
        return load<V>(lanes);
    }
}

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel::simd

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Packs made of xsimd's batches. The only header that includes xsimd; kernel/simd.hpp says what packs are.
///
/// xsimd 8.1 to 14.3. What differs between them is here: `hadd` became `reduce_add` in 9, `max` and `min` of a NaN changed in 14.
#ifndef SMLDIST_KERNEL_SIMD_XSIMD_HPP
#define SMLDIST_KERNEL_SIMD_XSIMD_HPP

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#if !__has_include(<xsimd/xsimd.hpp>)
#error "xsimd is not found: install it (Debian: libxsimd-dev), or define SMLDIST_NO_XSIMD to do without it"
#endif
// g++ 12 reports the deliberately undefined operands inside its own AVX-512 intrinsics (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <xsimd/xsimd.hpp>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include "smldist/core/config.hpp"

#if defined(__aarch64__)
/// xsimd approximates the quotient there; the instruction rounds correctly, as for a single lane.
template <>
inline xsimd::batch<float, xsimd::neon64>&
xsimd::batch<float, xsimd::neon64>::operator/=(const xsimd::batch<float, xsimd::neon64>& other) noexcept {
    return *this = vdivq_f32(*this, other);
}
#endif

namespace smldist::kernel::simd::batches {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

template <int bits> struct architecture;
#if SMLDIST_SIMD_BITS == 512
template <> struct architecture<512> { using type = xsimd::avx512bw; };
#endif
#if defined(__AVX2__) && defined(__FMA__)
template <> struct architecture<256> { using type = xsimd::fma3<xsimd::avx2>; };
#elif defined(__AVX__)
template <> struct architecture<256> { using type = xsimd::avx; };
#endif
#if defined(__AVX__)
template <> struct architecture<128> { using type = xsimd::sse4_2; };
#else
template <> struct architecture<128> { using type = xsimd::default_arch; };
#endif

} // namespace detail

/// The pack of `bits` bits: a whole, half or quarter register of this machine.
template <class T, int bits> using pack = xsimd::batch<T, typename detail::architecture<bits>::type>;

/// xsimd 8.1 has no kernel for AVX-512, hence the intrinsics.
template <class T, class A>
SMLDIST_INLINE xsimd::batch<T, A> fma(const xsimd::batch<T, A>& a, const xsimd::batch<T, A>& b,
                                      const xsimd::batch<T, A>& c) {
#if defined(__FMA__)
    constexpr std::size_t bytes = sizeof(T) * xsimd::batch<T, A>::size;
    if constexpr (std::is_same_v<T, float> && bytes == 16) return _mm_fmadd_ps(a, b, c);
    if constexpr (std::is_same_v<T, double> && bytes == 16) return _mm_fmadd_pd(a, b, c);
    if constexpr (std::is_same_v<T, float> && bytes == 32) return _mm256_fmadd_ps(a, b, c);
    if constexpr (std::is_same_v<T, double> && bytes == 32) return _mm256_fmadd_pd(a, b, c);
#if SMLDIST_SIMD_BITS == 512
    if constexpr (std::is_same_v<T, float> && bytes == 64) return _mm512_fmadd_ps(a, b, c);
    if constexpr (std::is_same_v<T, double> && bytes == 64) return _mm512_fmadd_pd(a, b, c);
#endif
#else
    return xsimd::fma(a, b, c);
#endif
}
/// Uses the instruction: xsimd 14 exchanges the operands, which changes the result for NaN.
template <class T, class A>
SMLDIST_INLINE xsimd::batch<T, A> max(const xsimd::batch<T, A>& a, const xsimd::batch<T, A>& b) {
#if defined(__SSE2__)
    constexpr std::size_t bytes = sizeof(T) * xsimd::batch<T, A>::size;
    if constexpr (std::is_same_v<T, float> && bytes == 16) return _mm_max_ps(a, b);
    if constexpr (std::is_same_v<T, double> && bytes == 16) return _mm_max_pd(a, b);
#if SMLDIST_SIMD_BITS >= 256
    if constexpr (std::is_same_v<T, float> && bytes == 32) return _mm256_max_ps(a, b);
    if constexpr (std::is_same_v<T, double> && bytes == 32) return _mm256_max_pd(a, b);
#endif
#if SMLDIST_SIMD_BITS == 512
    if constexpr (std::is_same_v<T, float> && bytes == 64) return _mm512_max_ps(a, b);
    if constexpr (std::is_same_v<T, double> && bytes == 64) return _mm512_max_pd(a, b);
#endif
#else
    return xsimd::max(a, b);
#endif
}
template <class T, class A>
SMLDIST_INLINE xsimd::batch<T, A> min(const xsimd::batch<T, A>& a, const xsimd::batch<T, A>& b) {
#if defined(__SSE2__)
    constexpr std::size_t bytes = sizeof(T) * xsimd::batch<T, A>::size;
    if constexpr (std::is_same_v<T, float> && bytes == 16) return _mm_min_ps(a, b);
    if constexpr (std::is_same_v<T, double> && bytes == 16) return _mm_min_pd(a, b);
#if SMLDIST_SIMD_BITS >= 256
    if constexpr (std::is_same_v<T, float> && bytes == 32) return _mm256_min_ps(a, b);
    if constexpr (std::is_same_v<T, double> && bytes == 32) return _mm256_min_pd(a, b);
#endif
#if SMLDIST_SIMD_BITS == 512
    if constexpr (std::is_same_v<T, float> && bytes == 64) return _mm512_min_ps(a, b);
    if constexpr (std::is_same_v<T, double> && bytes == 64) return _mm512_min_pd(a, b);
#endif
#else
    return xsimd::min(a, b);
#endif
}
template <class T, class A> SMLDIST_INLINE xsimd::batch<T, A> abs(const xsimd::batch<T, A>& x) {
    return xsimd::abs(x);
}
template <class T, class A> SMLDIST_INLINE xsimd::batch<T, A> sqrt(const xsimd::batch<T, A>& x) {
#if defined(__aarch64__)
    if constexpr (std::is_same_v<T, float>) return vsqrtq_f32(x); // which xsimd approximates
#endif
    return xsimd::sqrt(x);
}
template <class T, class A>
SMLDIST_INLINE xsimd::batch<T, A> select(const xsimd::batch_bool<T, A>& mask, const xsimd::batch<T, A>& a,
                                         const xsimd::batch<T, A>& b) {
    return xsimd::select(mask, a, b);
}
template <class T, class A> SMLDIST_INLINE T sum(const xsimd::batch<T, A>& x) {
#if XSIMD_VERSION_MAJOR < 9
    return xsimd::hadd(x);
#else
    return xsimd::reduce_add(x);
#endif
}
template <class T, class A> SMLDIST_INLINE void keep(xsimd::batch<T, A>& x) {
#if SMLDIST_SIMD_BITS == 512
    __asm__("" : "+v"(x.data));
#elif defined(__x86_64__)
    __asm__("" : "+x"(x.data));
#else
    static_cast<void>(x);
#endif
}

template <class T, class A> SMLDIST_INLINE xsimd::batch<T, A> exp_lanes(const xsimd::batch<T, A>& x) {
    return xsimd::exp(x);
}
/// xsimd 8.1's log does not compile for AVX-512 without optimisation, when g++ defines the intrinsics as macros: there
/// it is computed lane by lane.
template <class T, class A> SMLDIST_INLINE xsimd::batch<T, A> log_lanes(const xsimd::batch<T, A>& x) {
#if SMLDIST_SIMD_BITS == 512 && !defined(__OPTIMIZE__)
    alignas(64) T lanes[xsimd::batch<T, A>::size];
    x.store_unaligned(lanes);
    for (T& lane : lanes) lane = std::log(lane);
    return xsimd::batch<T, A>::load_unaligned(lanes);
#else
    return xsimd::log(x);
#endif
}
template <class T, class A> SMLDIST_INLINE xsimd::batch<T, A> tanh_lanes(const xsimd::batch<T, A>& x) {
    return xsimd::tanh(x);
}
template <class T, class A> SMLDIST_INLINE xsimd::batch<T, A> erf_lanes(const xsimd::batch<T, A>& x) {
    return xsimd::erf(x);
}

/// The lanes' bits as integers, integers as bits of lanes, and integers as numbers.
template <class A> SMLDIST_INLINE xsimd::batch<std::int32_t, A> to_bits(const xsimd::batch<float, A>& x) {
    return std::bit_cast<xsimd::batch<std::int32_t, A>>(x);
}
template <class A> SMLDIST_INLINE xsimd::batch<float, A> from_bits(const xsimd::batch<std::int32_t, A>& x) {
    return std::bit_cast<xsimd::batch<float, A>>(x);
}
template <class A> SMLDIST_INLINE xsimd::batch<float, A> to_float(const xsimd::batch<std::int32_t, A>& x) {
    return xsimd::to_float(x);
}

/// a[0], b[0], a[1], b[1], … of the first half of the lanes, and of the second half.
template <class T, class A>
SMLDIST_INLINE xsimd::batch<T, A> interleave_lower(const xsimd::batch<T, A>& a, const xsimd::batch<T, A>& b) {
    return xsimd::zip_lo(a, b);
}
template <class T, class A>
SMLDIST_INLINE xsimd::batch<T, A> interleave_upper(const xsimd::batch<T, A>& a, const xsimd::batch<T, A>& b) {
    return xsimd::zip_hi(a, b);
}

#if SMLDIST_SIMD_BITS == 512
SMLDIST_INLINE pack<float, 256> lower_half(const pack<float, 512>& x) { return _mm512_castps512_ps256(x); }
SMLDIST_INLINE pack<double, 256> lower_half(const pack<double, 512>& x) { return _mm512_castpd512_pd256(x); }
#endif

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel::simd::batches

#endif

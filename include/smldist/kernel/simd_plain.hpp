// SPDX-License-Identifier: BSD-3-Clause
/// Packs made of the compiler's vector types, for machines and builds without xsimd; kernel/simd.hpp says what packs are.
///
/// g++ and clang compute element by element with `+`, `<`, `? :` … on these types and choose the instructions: the same
/// source serves SSE2, AVX-512, NEON and WebAssembly. exp, log, tanh and erf call <cmath> for each lane, so they are slower
/// than xsimd's.
///
/// Source     GCC manual, "Using Vector Instructions through Built-in Functions".
#ifndef SMLDIST_KERNEL_SIMD_PLAIN_HPP
#define SMLDIST_KERNEL_SIMD_PLAIN_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#if defined(__FMA__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "smldist/core/config.hpp"

namespace smldist::kernel::simd::vectors {
SMLDIST_NAMESPACE_BEGIN

/// N lanes, a power of two.
template <class T, std::size_t N> struct vector {
    using value_type = T;
    static constexpr std::size_t size = N;
    typedef T register_type __attribute__((vector_size(N * sizeof(T))));
    register_type v;

    vector() = default;
    SMLDIST_INLINE explicit vector(T x) : vector(x, std::make_index_sequence<N>()) {}
    SMLDIST_INLINE explicit vector(const register_type& x) : v(x) {}
    SMLDIST_INLINE static vector load_unaligned(const T* p) {
        vector x;
        std::memcpy(&x.v, p, sizeof x.v);
        return x;
    }
    SMLDIST_INLINE void store_unaligned(T* p) const { std::memcpy(p, &v, sizeof v); }

    /// What a comparison gives: all bits of a lane, or none.
    struct mask {
        decltype(register_type() < register_type()) v;
    };

    SMLDIST_INLINE friend vector operator+(const vector& a, const vector& b) { return vector(a.v + b.v); }
    SMLDIST_INLINE friend vector operator-(const vector& a, const vector& b) { return vector(a.v - b.v); }
    SMLDIST_INLINE friend vector operator*(const vector& a, const vector& b) { return vector(a.v * b.v); }
    SMLDIST_INLINE friend vector operator/(const vector& a, const vector& b) { return vector(a.v / b.v); }
    SMLDIST_INLINE friend vector operator-(const vector& a) { return vector(-a.v); }
    SMLDIST_INLINE friend vector operator<<(const vector& a, int n) { return vector(a.v << n); }
    SMLDIST_INLINE friend vector operator>>(const vector& a, int n) { return vector(a.v >> n); }
    SMLDIST_INLINE vector& operator+=(const vector& b) { return *this = *this + b; }
    SMLDIST_INLINE vector& operator-=(const vector& b) { return *this = *this - b; }
    SMLDIST_INLINE vector& operator*=(const vector& b) { return *this = *this * b; }
    SMLDIST_INLINE friend mask operator<(const vector& a, const vector& b) { return {a.v < b.v}; }
    SMLDIST_INLINE friend mask operator<=(const vector& a, const vector& b) { return {a.v <= b.v}; }
    SMLDIST_INLINE friend mask operator>(const vector& a, const vector& b) { return {a.v > b.v}; }
    SMLDIST_INLINE friend mask operator>=(const vector& a, const vector& b) { return {a.v >= b.v}; }
    SMLDIST_INLINE friend mask operator==(const vector& a, const vector& b) { return {a.v == b.v}; }

private:
    template <std::size_t... I>
    SMLDIST_INLINE vector(T x, std::index_sequence<I...>) : v{(static_cast<void>(I), x)...} {}
};

/// The pack of `bits` bits.
template <class T, int bits> using pack = vector<T, bits / 8 / sizeof(T)>;

template <class T, std::size_t N>
SMLDIST_INLINE vector<T, N> select(const typename vector<T, N>::mask& mask, const vector<T, N>& a,
                                   const vector<T, N>& b) {
    return vector<T, N>(mask.v ? a.v : b.v);
}
/// Without an FMA instruction the product is rounded separately.
template <class T, std::size_t N>
SMLDIST_INLINE vector<T, N> fma(const vector<T, N>& a, const vector<T, N>& b, const vector<T, N>& c) {
    using V = vector<T, N>;
    constexpr bool is_float = std::is_same_v<T, float>;
    constexpr std::size_t bits = sizeof(V) * 8;
#if defined(__FMA__)
    if constexpr (is_float && bits == 128) return V(_mm_fmadd_ps(a.v, b.v, c.v));
    if constexpr (!is_float && bits == 128) return V(_mm_fmadd_pd(a.v, b.v, c.v));
    if constexpr (is_float && bits == 256) return V(_mm256_fmadd_ps(a.v, b.v, c.v));
    if constexpr (!is_float && bits == 256) return V(_mm256_fmadd_pd(a.v, b.v, c.v));
#if SMLDIST_SIMD_BITS == 512
    if constexpr (is_float && bits == 512) return V(_mm512_fmadd_ps(a.v, b.v, c.v));
    if constexpr (!is_float && bits == 512) return V(_mm512_fmadd_pd(a.v, b.v, c.v));
#endif
#elif defined(__aarch64__)
    using R = typename V::register_type;
    if constexpr (is_float && bits == 128)
        return V((R)vfmaq_f32((float32x4_t)c.v, (float32x4_t)a.v, (float32x4_t)b.v));
    if constexpr (!is_float && bits == 128)
        return V((R)vfmaq_f64((float64x2_t)c.v, (float64x2_t)a.v, (float64x2_t)b.v));
#else
    static_cast<void>(is_float);
    static_cast<void>(bits);
    return a * b + c;
#endif
}
template <class T, std::size_t N> SMLDIST_INLINE vector<T, N> max(const vector<T, N>& a, const vector<T, N>& b) {
    return select(a > b, a, b);
}
template <class T, std::size_t N> SMLDIST_INLINE vector<T, N> min(const vector<T, N>& a, const vector<T, N>& b) {
    return select(a < b, a, b);
}

/// f of each lane.
template <class T, std::size_t N, class F> SMLDIST_INLINE vector<T, N> each_lane(vector<T, N> x, F f) {
    for (std::size_t i = 0; i < N; ++i) x.v[i] = f(x.v[i]);
    return x;
}
template <class T, std::size_t N> SMLDIST_INLINE vector<T, N> exp_lanes(const vector<T, N>& x) {
    return each_lane(x, [](T lane) { return std::exp(lane); });
}
template <class T, std::size_t N> SMLDIST_INLINE vector<T, N> log_lanes(const vector<T, N>& x) {
    return each_lane(x, [](T lane) { return std::log(lane); });
}
template <class T, std::size_t N> SMLDIST_INLINE vector<T, N> tanh_lanes(const vector<T, N>& x) {
    return each_lane(x, [](T lane) { return std::tanh(lane); });
}
template <class T, std::size_t N> SMLDIST_INLINE vector<T, N> erf_lanes(const vector<T, N>& x) {
    return each_lane(x, [](T lane) { return std::erf(lane); });
}

/// The lanes' bits as integers, integers as bits of lanes, and integers as numbers.
template <std::size_t N> SMLDIST_INLINE vector<std::int32_t, N> to_bits(const vector<float, N>& x) {
    return vector<std::int32_t, N>((typename vector<std::int32_t, N>::register_type)x.v);
}
template <std::size_t N> SMLDIST_INLINE vector<float, N> from_bits(const vector<std::int32_t, N>& x) {
    return vector<float, N>((typename vector<float, N>::register_type)x.v);
}
template <std::size_t N> SMLDIST_INLINE vector<float, N> to_float(const vector<std::int32_t, N>& x) {
    return vector<float, N>(__builtin_convertvector(x.v, typename vector<float, N>::register_type));
}

/// a[0], b[0], a[1], b[1], … of the first half of the lanes, and of the second half.
template <class T> SMLDIST_INLINE vector<T, 2> interleave_lower(const vector<T, 2>& a, const vector<T, 2>& b) {
    return vector<T, 2>(__builtin_shufflevector(a.v, b.v, 0, 2));
}
template <class T> SMLDIST_INLINE vector<T, 2> interleave_upper(const vector<T, 2>& a, const vector<T, 2>& b) {
    return vector<T, 2>(__builtin_shufflevector(a.v, b.v, 1, 3));
}
template <class T> SMLDIST_INLINE vector<T, 4> interleave_lower(const vector<T, 4>& a, const vector<T, 4>& b) {
    return vector<T, 4>(__builtin_shufflevector(a.v, b.v, 0, 4, 1, 5));
}
template <class T> SMLDIST_INLINE vector<T, 4> interleave_upper(const vector<T, 4>& a, const vector<T, 4>& b) {
    return vector<T, 4>(__builtin_shufflevector(a.v, b.v, 2, 6, 3, 7));
}

template <class T, std::size_t N, std::size_t... I>
SMLDIST_INLINE vector<T, N / 2> part(const vector<T, N>& x, std::index_sequence<I...>) {
    return vector<T, N / 2>(__builtin_shufflevector(x.v, x.v, I...));
}
template <class T, std::size_t N> SMLDIST_INLINE vector<T, N / 2> lower_half(const vector<T, N>& x) {
    return part(x, std::make_index_sequence<N / 2>());
}

template <class T, std::size_t N> SMLDIST_INLINE vector<T, N> abs(const vector<T, N>& x) {
    return each_lane(x, [](T lane) { return std::abs(lane); });
}
template <class T, std::size_t N> SMLDIST_INLINE vector<T, N> sqrt(const vector<T, N>& x) {
    return each_lane(x, [](T lane) { return std::sqrt(lane); });
}
/// Halves are added until one lane is left.
template <class T, std::size_t N> SMLDIST_INLINE T sum(const vector<T, N>& x) {
    T lanes[N];
    x.store_unaligned(lanes);
    for (std::size_t n = N / 2; n > 0; n /= 2)
        for (std::size_t i = 0; i < n; ++i) lanes[i] += lanes[i + n];
    return lanes[0];
}
template <class T, std::size_t N> SMLDIST_INLINE void keep(vector<T, N>& x) {
#if SMLDIST_SIMD_BITS == 512
    __asm__("" : "+v"(x.v));
#elif defined(__x86_64__)
    __asm__("" : "+x"(x.v));
#else
    static_cast<void>(x);
#endif
}

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel::simd::vectors

#endif

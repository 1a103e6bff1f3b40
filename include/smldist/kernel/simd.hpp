// SPDX-License-Identifier: BSD-3-Clause
/// Packs of lanes: what the kernels are written in.
///
/// A *pack* is a batch of lanes: `full<T>` (a whole register), `half<T>` and `quarter<T>` where the machine has them,
/// and `single<T>` (one lane). All have `value_type`, `size`, the operators and the functions below, so one generic
/// lambda given to `sweep` covers the body and the tail of an array without reading or writing past its end.
///
/// Packs of several lanes are xsimd's batches (kernel/simd_xsimd.hpp) or the compiler's vector types
/// (kernel/simd_plain.hpp, with SMLDIST_NO_XSIMD). Each of the two gives `pack<T, bits>` and the functions on it.
///
/// A lane's result does not depend on the pack it was computed in: arithmetic is IEEE, `fma` is one rounding wherever
/// the machine has the instruction, and exp, log, tanh and erf run in full packs only. Write products that are summed
/// with `fma`: compilers contract a * b + c as they please.
#ifndef SMLDIST_KERNEL_SIMD_HPP
#define SMLDIST_KERNEL_SIMD_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "smldist/core/config.hpp"
#if defined(SMLDIST_NO_XSIMD)
#include "smldist/kernel/simd_plain.hpp"
#else
#include "smldist/kernel/simd_xsimd.hpp"
#endif

/// Lambda attribute: the body is inlined into the loop that calls it.
#define SMLDIST_INLINE_LAMBDA __attribute__((always_inline))

namespace smldist::kernel::simd {
SMLDIST_NAMESPACE_BEGIN

#if defined(SMLDIST_NO_XSIMD)
namespace packs = vectors;
#else
namespace packs = batches;
#endif
using packs::abs;
using packs::fma;
using packs::keep;
using packs::max;
using packs::min;
using packs::select;
using packs::sqrt;
using packs::sum;

/// The pack of one lane.
template <class T> struct single {
    using value_type = T;
    static constexpr std::size_t size = 1;
    T v;

    single() = default;
    SMLDIST_INLINE explicit single(T x) : v(x) {}
    SMLDIST_INLINE static single load_unaligned(const T* p) { return single(*p); }
    SMLDIST_INLINE void store_unaligned(T* p) const { *p = v; }

    SMLDIST_INLINE friend single operator+(single a, single b) { return single(a.v + b.v); }
    SMLDIST_INLINE friend single operator-(single a, single b) { return single(a.v - b.v); }
    SMLDIST_INLINE friend single operator*(single a, single b) { return single(a.v * b.v); }
    SMLDIST_INLINE friend single operator/(single a, single b) { return single(a.v / b.v); }
    SMLDIST_INLINE friend single operator-(single a) { return single(-a.v); }
    SMLDIST_INLINE single& operator+=(single b) { return *this = *this + b; }
    SMLDIST_INLINE single& operator-=(single b) { return *this = *this - b; }
    SMLDIST_INLINE single& operator*=(single b) { return *this = *this * b; }
    SMLDIST_INLINE friend bool operator<(single a, single b) { return a.v < b.v; }
    SMLDIST_INLINE friend bool operator<=(single a, single b) { return a.v <= b.v; }
    SMLDIST_INLINE friend bool operator>(single a, single b) { return a.v > b.v; }
    SMLDIST_INLINE friend bool operator>=(single a, single b) { return a.v >= b.v; }
    SMLDIST_INLINE friend bool operator==(single a, single b) { return a.v == b.v; }
};

#if SMLDIST_SIMD_BITS > 0
template <class T> using full = packs::pack<T, SMLDIST_SIMD_BITS>;
#else
template <class T> using full = single<T>;
#endif
#if SMLDIST_SIMD_BITS >= 256
template <class T> using half = packs::pack<T, SMLDIST_SIMD_BITS / 2>;
#else
template <class T> using half = single<T>;
#endif
#if SMLDIST_SIMD_BITS >= 512
template <class T> using quarter = packs::pack<T, SMLDIST_SIMD_BITS / 4>;
#else
template <class T> using quarter = single<T>;
#endif

/// The smallest pack of more than one lane, where there is one: 128 bits.
template <class T>
using smallest =
    std::conditional_t<(quarter<T>::size > 1), quarter<T>, std::conditional_t<(half<T>::size > 1), half<T>, full<T>>>;

/// Lanes of full<T>.
template <class T> inline constexpr std::size_t width = full<T>::size;

/// Vector registers of the instruction set: how many accumulators a micro-kernel may hold.
#if SMLDIST_SIMD_BITS == 512 || defined(__aarch64__)
inline constexpr std::size_t registers = 32;
#else
inline constexpr std::size_t registers = sizeof(void*) == 8 ? 16 : 8;
#endif

template <class V> SMLDIST_INLINE V load(const typename V::value_type* p) { return V::load_unaligned(p); }
template <class V> SMLDIST_INLINE void store(typename V::value_type* p, const V& x) { x.store_unaligned(p); }

/// A constant of the pack's scalar type.
template <class V> SMLDIST_INLINE V constant(double x) { return V(static_cast<typename V::value_type>(x)); }

/// The first n lanes from p, the others `fill`; n ≤ V::size.
template <class V>
SMLDIST_INLINE V load_partial(const typename V::value_type* p, std::size_t n, typename V::value_type fill) {
    alignas(64) typename V::value_type lanes[V::size];
    for (std::size_t i = 0; i < V::size; ++i) lanes[i] = i < n ? p[i] : fill;
    return load<V>(lanes);
}

/// a * b + c, one rounding where the machine has it.
template <class T> SMLDIST_INLINE single<T> fma(single<T> a, single<T> b, single<T> c) {
#if defined(__FMA__) || defined(__aarch64__)
    return single<T>(std::fma(a.v, b.v, c.v));
#else
    return a * b + c;
#endif
}
/// a > b ? a : b in each lane. On x86 a NaN in b is returned and a NaN in a is not: pass the constant first.
template <class T> SMLDIST_INLINE single<T> max(single<T> a, single<T> b) { return a > b ? a : b; }
/// a < b ? a : b in each lane, NaN as in max.
template <class T> SMLDIST_INLINE single<T> min(single<T> a, single<T> b) { return a < b ? a : b; }
template <class T> SMLDIST_INLINE single<T> abs(single<T> x) { return single<T>(std::abs(x.v)); }
template <class T> SMLDIST_INLINE single<T> sqrt(single<T> x) { return single<T>(std::sqrt(x.v)); }
/// mask ? a : b in each lane; a mask is what a comparison of packs gives.
template <class T> SMLDIST_INLINE single<T> select(bool mask, single<T> a, single<T> b) { return mask ? a : b; }
/// Sum of the lanes, in a fixed order.
template <class T> SMLDIST_INLINE T sum(single<T> x) { return x.v; }
/// Holds x in a register. Without it g++ 12 turns a pack used by several FMAs into a memory operand of each of them.
template <class T> SMLDIST_INLINE void keep(single<T>&) {}

namespace detail {

template <class T> struct exp_function {
    SMLDIST_INLINE full<T> operator()(const full<T>& x) const {
        if constexpr (full<T>::size > 1)
            return packs::exp_lanes(x);
        else
            return full<T>(std::exp(x.v));
    }
};
template <class T> struct log_function {
    SMLDIST_INLINE full<T> operator()(const full<T>& x) const {
        if constexpr (full<T>::size > 1)
            return packs::log_lanes(x);
        else
            return full<T>(std::log(x.v));
    }
};
template <class T> struct tanh_function {
    SMLDIST_INLINE full<T> operator()(const full<T>& x) const {
        if constexpr (full<T>::size > 1)
            return packs::tanh_lanes(x);
        else
            return full<T>(std::tanh(x.v));
    }
};
template <class T> struct erf_function {
    SMLDIST_INLINE full<T> operator()(const full<T>& x) const {
        if constexpr (full<T>::size > 1)
            return packs::erf_lanes(x);
        else
            return full<T>(std::erf(x.v));
    }
};

/// Evaluates f in a full pack whose unused lanes are 1. Out of line: it serves tails only.
template <class F, class T> SMLDIST_NOINLINE void through_full(T* lanes, std::size_t n) {
    simd::store(lanes, F{}(load_partial<full<T>>(lanes, n, T(1))));
}

template <template <class> class F, class V> SMLDIST_INLINE V elementary(const V& x) {
    using T = typename V::value_type;
    if constexpr (V::size == width<T>)
        return F<T>{}(x);
    else {
        alignas(64) T lanes[width<T>];
        simd::store(lanes, x);
        through_full<F<T>>(lanes, V::size);
        return load<V>(lanes);
    }
}

} // namespace detail

/// exp, log, tanh and erf, about 1e-7 (float) and 2e-16 (double; erf 1e-14) relative error; exp 0.27 ns and erf 0.57 ns
/// per element on Zen 4.
template <class V> SMLDIST_INLINE V exp(const V& x) { return detail::elementary<detail::exp_function>(x); }
template <class V> SMLDIST_INLINE V log(const V& x) { return detail::elementary<detail::log_function>(x); }
template <class V> SMLDIST_INLINE V tanh(const V& x) { return detail::elementary<detail::tanh_function>(x); }
template <class V> SMLDIST_INLINE V erf(const V& x) { return detail::elementary<detail::erf_function>(x); }

/// Largest lane.
template <class V> SMLDIST_INLINE typename V::value_type largest(const V& x) {
    typename V::value_type lanes[V::size];
    simd::store(lanes, x);
    return *std::max_element(lanes, lanes + V::size);
}

/// Passes a pack type to a generic lambda.
template <class V> struct tag {
    using pack = V;
    using value_type = typename V::value_type;
    static constexpr std::size_t size = V::size;
    SMLDIST_INLINE static V load(const value_type* p) { return simd::load<V>(p); }
    SMLDIST_INLINE static void store(value_type* p, const V& x) { simd::store(p, x); }
    SMLDIST_INLINE static V set(value_type x) { return V(x); }
};

/// Calls f(tag<pack>, offset) over [0, n): full packs, then at most one half, one quarter, and single lanes.
template <class T, class F> SMLDIST_INLINE void sweep(std::size_t n, F&& f) {
    std::size_t i = 0;
    for (; i + width<T> <= n; i += width<T>) f(tag<full<T>>{}, i);
    if constexpr (half<T>::size > 1)
        if (i + half<T>::size <= n) {
            f(tag<half<T>>{}, i);
            i += half<T>::size;
        }
    if constexpr (quarter<T>::size > 1)
        if (i + quarter<T>::size <= n) {
            f(tag<quarter<T>>{}, i);
            i += quarter<T>::size;
        }
    if constexpr (width < T >> 1)
        for (; i < n; ++i) f(tag<single<T>>{}, i);
}

/// The first half of the lanes.
template <class T> SMLDIST_INLINE half<T> lower(const full<T>& x) {
#if SMLDIST_SIMD_BITS == 512
    return packs::lower_half(x);
#else
    alignas(64) T lanes[width<T>];
    store(lanes, x);
    return load<half<T>>(lanes);
#endif
}

/// f(integral_constant<0>) … f(integral_constant<N - 1>), unrolled: g++ 12 keeps an array of packs in registers only
/// when every index is a constant (116 instead of 47 GFLOP/s in the GEMM).
template <std::size_t N, class F> SMLDIST_INLINE void unroll(F&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) SMLDIST_INLINE_LAMBDA {
        (f(std::integral_constant<std::size_t, I>{}), ...);
    }
    (std::make_index_sequence<N>{});
}

/// Transposes the square whose rows are V::size packs of `smallest<T>`, in log2(V::size) rounds of interleaving.
template <class V> SMLDIST_INLINE void transpose(V (&rows)[V::size]) {
    constexpr std::size_t n = V::size;
    if constexpr (n > 1) {
        unroll<n == 4 ? 2 : 1>([&](auto) SMLDIST_INLINE_LAMBDA {
            V mixed[n];
            unroll<n / 2>([&](auto i) SMLDIST_INLINE_LAMBDA {
                mixed[2 * i] = packs::interleave_lower(rows[i], rows[i + n / 2]);
                mixed[2 * i + 1] = packs::interleave_upper(rows[i], rows[i + n / 2]);
            });
            unroll<n>([&](auto i) SMLDIST_INLINE_LAMBDA { rows[i] = mixed[i]; });
        });
    }
}

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel::simd

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Products of a small matrix with one short sample, (L,C) with few channels: transforms along time.
#ifndef SMLDIST_KERNEL_TIME_MATMUL_HPP
#define SMLDIST_KERNEL_TIME_MATMUL_HPP

#include <cstddef>

#include "smldist/core/config.hpp"
#include "smldist/kernel/simd.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// R rows of y, one pack of columns: m and y at the first row, x at the pack.
template <std::size_t R, class P, class T>
SMLDIST_INLINE void time_matmul_block(P p, std::size_t I, std::size_t L, std::size_t C, const T* m, const T* x,
                                      T* y) {
    using V = typename P::pack;
    V sum[R];
    simd::unroll<R>([&](auto r) SMLDIST_INLINE_LAMBDA { sum[r] = p.set(T(0)); });
    for (std::size_t t = 0; t < L; ++t, m += I, x += C) {
        V v = p.load(x);
        simd::keep(v);
        simd::unroll<R>([&](auto r) SMLDIST_INLINE_LAMBDA { sum[r] = simd::fma(p.set(m[r]), v, sum[r]); });
    }
    simd::unroll<R>([&](auto r) SMLDIST_INLINE_LAMBDA { p.store(y + r * C, sum[r]); });
}

} // namespace detail

/// y[i,c] = Σ_t m[t,i] x[t,c]   for m (L,I), x (L,C), y (I,C), y not x
///
/// Reads x in place. A general product would pack it, which is half of its time for matrices of about 32 × 32.
template <class T>
SMLDIST_NOINLINE void time_matmul(std::size_t I, std::size_t L, std::size_t C, const T* m, const T* x, T* y) {
    simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
        const std::size_t blocks = (I + 7) / 8; // of about equal size: a single row would wait for its own sum
        for (std::size_t b = 0; b < blocks; ++b) {
            const std::size_t i = I * b / blocks, rows = I * (b + 1) / blocks - i;
            simd::unroll<8>([&](auto r) SMLDIST_INLINE_LAMBDA {
                if (rows == r + 1) detail::time_matmul_block<r + 1>(p, I, L, C, m + i, x + c, y + i * C + c);
            });
        }
    });
}

namespace naive {

/// y[i,c] = Σ_t m[t,i] x[t,c]
template <class T> void time_matmul(std::size_t I, std::size_t L, std::size_t C, const T* m, const T* x, T* y) {
    for (std::size_t i = 0; i < I; ++i)
        for (std::size_t c = 0; c < C; ++c) {
            T s(0);
            for (std::size_t t = 0; t < L; ++t) s += m[t * I + i] * x[t * C + c];
            y[i * C + c] = s;
        }
}

} // namespace naive

// For smldist::compiled.
SMLDIST_INSTANTIATE_KERNEL(time_matmul<float>)

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif

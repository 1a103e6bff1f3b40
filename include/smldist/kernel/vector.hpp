// SPDX-License-Identifier: BSD-3-Clause
/// Element-wise maps, their broadcast forms, and the scalar functions of the networks.
///
/// A map takes a functor callable on any pack of kernel/simd.hpp. The output may be one of the inputs (same address),
/// but must not overlap one otherwise. Cost: one pass over memory.
#ifndef SMLDIST_KERNEL_VECTOR_HPP
#define SMLDIST_KERNEL_VECTOR_HPP

#include <algorithm>
#include <cstddef>

#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/activation.hpp"
#include "smldist/kernel/scratch.hpp"
#include "smldist/kernel/simd.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

/// Elements of one chunk of element-wise work. Smaller arrays stay on the calling thread, where they take no longer than a
/// fork may (core/parallel.hpp).
inline constexpr std::size_t chunk_elements = 32768;

/// Rows of `columns` elements that make up one chunk.
inline std::size_t chunk_rows(std::size_t columns) {
    return std::max<std::size_t>(1, chunk_elements / std::max<std::size_t>(1, columns));
}

namespace detail {
/// Prefetches the line at p into L2; p may lie beyond the end of its array. Prefetching into L1 is slower in training
/// (docs/performance.md), probably because few lines can be on their way to L1 at a time.
SMLDIST_INLINE void fetch(const void* p) { __builtin_prefetch(p, 0, 2); }
} // namespace detail

/// y[i] = f(x[i], …)
template <class F, class T, class... X> SMLDIST_NOINLINE void map(std::size_t n, const F& f, T* y, const X*... x) {
    parallel_for(n, chunk_elements, [&](std::size_t first, std::size_t last) {
        simd::sweep<T>(last - first, [&, first](auto p, std::size_t i) SMLDIST_INLINE_LAMBDA {
            p.store(y + first + i, f(p.load(x + first + i)...));
        });
    });
}

/// y[i] += f(x[i], …)
template <class F, class T, class... X>
SMLDIST_NOINLINE void map_add(std::size_t n, const F& f, T* y, const X*... x) {
    parallel_for(n, chunk_elements, [&](std::size_t first, std::size_t last) {
        simd::sweep<T>(last - first, [&, first](auto p, std::size_t i) SMLDIST_INLINE_LAMBDA {
            p.store(y + first + i, p.load(y + first + i) + f(p.load(x + first + i)...));
        });
    });
}

/// y[r,c] = f(x[r,c], v[c], …) for x, y (R,C) and vectors v (C)
template <class F, class T, class... V>
SMLDIST_NOINLINE void map_columns(std::size_t R, std::size_t C, const F& f, T* y, const T* x, const V*... v) {
    parallel_for(R, chunk_rows(C), [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r)
            simd::sweep<T>(C, [&, r](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                p.store(y + r * C + c, f(p.load(x + r * C + c), p.load(v + c)...));
            });
    });
}

/// y[r,c] += f(x[r,c], v[c], …)
template <class F, class T, class... V>
SMLDIST_NOINLINE void map_columns_add(std::size_t R, std::size_t C, const F& f, T* y, const T* x, const V*... v) {
    parallel_for(R, chunk_rows(C), [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r)
            simd::sweep<T>(C, [&, r](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                p.store(y + r * C + c, p.load(y + r * C + c) + f(p.load(x + r * C + c), p.load(v + c)...));
            });
    });
}

/// y[i] = a
template <class T> SMLDIST_NOINLINE void fill(std::size_t n, T a, T* y) { std::fill_n(y, n, a); }

/// y[i] = x[i]
template <class T> SMLDIST_NOINLINE void copy(std::size_t n, const T* x, T* y) {
    parallel_for(n, chunk_elements,
                 [&](std::size_t first, std::size_t last) { std::copy(x + first, x + last, y + first); });
}

/// y[r·y_step + i] = x[r·x_step + i] for `rows` blocks of n elements
template <class T>
void copy_blocks(std::size_t rows, std::size_t n, const T* x, std::size_t x_step, T* y, std::size_t y_step) {
    for (std::size_t r = 0; r < rows; ++r) std::copy_n(x + r * x_step, n, y + r * y_step);
}

/// y[i] += a * x[i]
template <class T> SMLDIST_NOINLINE void axpy(std::size_t n, T a, const T* x, T* y) {
    map(
        n, [a](auto yi, auto xi) SMLDIST_INLINE_LAMBDA { return simd::fma(decltype(xi)(a), xi, yi); }, y, y, x);
}

/// y[i] *= a
template <class T> SMLDIST_NOINLINE void scale(std::size_t n, T a, T* y) {
    map(
        n, [a](auto yi) SMLDIST_INLINE_LAMBDA { return decltype(yi)(a) * yi; }, y, y);
}

/// Σ of n terms, on the calling thread. f(p, i) gives the terms from i on as a pack of p's size; p is a tag as of
/// simd::sweep. Four packs of partial sums, so that the additions overlap.
template <class T, class F> SMLDIST_INLINE T row_total(std::size_t n, F&& f) {
    using V = simd::full<T>;
    constexpr std::size_t W = V::size;
    V a0(T(0)), a1(T(0)), a2(T(0)), a3(T(0));
    std::size_t i = 0;
    for (; i + 4 * W <= n; i += 4 * W) {
        a0 = a0 + f(simd::tag<V>{}, i);
        a1 = a1 + f(simd::tag<V>{}, i + W);
        a2 = a2 + f(simd::tag<V>{}, i + 2 * W);
        a3 = a3 + f(simd::tag<V>{}, i + 3 * W);
    }
    T total(0);
    simd::sweep<T>(n - i, [&](auto p, std::size_t j) SMLDIST_INLINE_LAMBDA {
        if constexpr (p.size == W)
            a0 = a0 + f(p, i + j);
        else
            total += simd::sum(f(p, i + j));
    });
    return total + simd::sum((a0 + a1) + (a2 + a3));
}

/// The same sum in parallel, over chunks of chunk_elements that are added in order, so that the bits do not depend on the
/// number of threads.
template <class T, class F> T chunked_total(std::size_t n, F&& f) {
    const std::size_t chunks = (n + chunk_elements - 1) / chunk_elements;
    if (chunks <= 1) return row_total<T>(n, f);
    scratch<T> part(chunks);
    parallel_for(n, chunk_elements, [&](std::size_t first, std::size_t last) {
        part.data()[first / chunk_elements] =
            row_total<T>(last - first, [&](auto p, std::size_t i) SMLDIST_INLINE_LAMBDA { return f(p, first + i); });
    });
    T total(0);
    for (std::size_t i = 0; i < chunks; ++i) total += part.data()[i];
    return total;
}

/// Σ x[i] · y[i]
template <class T> SMLDIST_NOINLINE T dot(std::size_t n, const T* x, const T* y) {
    return chunked_total<T>(n, [&](auto p, std::size_t i)
                                   SMLDIST_INLINE_LAMBDA { return p.load(x + i) * p.load(y + i); });
}

/// Σ x[i]
template <class T> SMLDIST_NOINLINE T sum(std::size_t n, const T* x) {
    return chunked_total<T>(n, [&](auto p, std::size_t i) SMLDIST_INLINE_LAMBDA { return p.load(x + i); });
}

/// y[b,l,c] = x[b,l,c] · g[b,c]
template <class T>
SMLDIST_NOINLINE void gate_forward(std::size_t B, std::size_t L, std::size_t C, const T* x, const T* g, T* y) {
    parallel_for(B, chunk_rows(L * C), [&](std::size_t first, std::size_t last) {
        for (std::size_t b = first; b < last; ++b)
            for (std::size_t r = b * L; r < (b + 1) * L; ++r)
                simd::sweep<T>(C, [&, b, r](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                    p.store(y + r * C + c, p.load(x + r * C + c) * p.load(g + b * C + c));
                });
    });
}

/// dx[b,l,c] (+)= dy[b,l,c] · g[b,c],   dg[b,c] (+)= Σ_l dy[b,l,c] · x[b,l,c]; either output may be null.
template <class T>
SMLDIST_NOINLINE void gate_backward(std::size_t B, std::size_t L, std::size_t C, const T* dy, const T* x, const T* g,
                                    T* dx, bool add_dx, T* dg, bool add_dg) {
    parallel_for(B, chunk_rows(L * C), [&](std::size_t first, std::size_t last) {
        for (std::size_t b = first; b < last; ++b) {
            if (dx)
                for (std::size_t r = b * L; r < (b + 1) * L; ++r)
                    simd::sweep<T>(C, [&, b, r](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                        const auto d = p.load(dy + r * C + c) * p.load(g + b * C + c);
                        p.store(dx + r * C + c, add_dx ? p.load(dx + r * C + c) + d : d);
                    });
            if (dg)
                simd::sweep<T>(C, [&, b](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                    auto s = add_dg ? p.load(dg + b * C + c) : p.set(T(0));
                    for (std::size_t r = b * L; r < (b + 1) * L; ++r)
                        s = simd::fma(p.load(dy + r * C + c), p.load(x + r * C + c), s);
                    p.store(dg + b * C + c, s);
                });
        }
    });
}

namespace naive {

/// y[r,c] = f(x[r,c], v[c]) with f on scalars
template <class F, class T> void map_columns(std::size_t R, std::size_t C, const F& f, T* y, const T* x, const T* v) {
    for (std::size_t r = 0; r < R; ++r)
        for (std::size_t c = 0; c < C; ++c) y[r * C + c] = f(x[r * C + c], v[c]);
}

/// y[b,l,c] = x[b,l,c] · g[b,c]
template <class T> void gate_forward(std::size_t B, std::size_t L, std::size_t C, const T* x, const T* g, T* y) {
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t l = 0; l < L; ++l)
            for (std::size_t c = 0; c < C; ++c) y[(b * L + l) * C + c] = x[(b * L + l) * C + c] * g[b * C + c];
}

/// dx[b,l,c] (+)= dy[b,l,c] · g[b,c],   dg[b,c] (+)= Σ_l dy[b,l,c] · x[b,l,c]
template <class T>
void gate_backward(std::size_t B, std::size_t L, std::size_t C, const T* dy, const T* x, const T* g, T* dx,
                   bool add_dx, T* dg, bool add_dg) {
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t c = 0; c < C; ++c) {
            T s = add_dg ? dg[b * C + c] : T(0);
            for (std::size_t l = 0; l < L; ++l) {
                const std::size_t i = (b * L + l) * C + c;
                dx[i] = (add_dx ? dx[i] : T(0)) + dy[i] * g[b * C + c];
                s += dy[i] * x[i];
            }
            dg[b * C + c] = s;
        }
}

} // namespace naive

// For smldist::compiled.
SMLDIST_INSTANTIATE_KERNEL(axpy<float>)
SMLDIST_INSTANTIATE_KERNEL(scale<float>)
SMLDIST_INSTANTIATE_KERNEL(dot<float>)
SMLDIST_INSTANTIATE_KERNEL(sum<float>)
SMLDIST_INSTANTIATE_KERNEL(gate_forward<float>)
SMLDIST_INSTANTIATE_KERNEL(gate_backward<float>)

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif

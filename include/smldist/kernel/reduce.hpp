// SPDX-License-Identifier: BSD-3-Clause
/// Sums, means, extremes and running sums along one axis of row-major arrays.
///
/// Chunks are fixed and their partial sums are added in order, so results do not depend on the number of threads.
/// No pointer needs more than its natural alignment; outputs do not overlap inputs.
#ifndef SMLDIST_KERNEL_REDUCE_HPP
#define SMLDIST_KERNEL_REDUCE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/scratch.hpp"
#include "smldist/kernel/simd.hpp"
#include "smldist/kernel/vector.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// Rows that a column reduction sums at a time: 16 KB, so that a second look at them hits L1.
template <class T> std::size_t reduction_rows(std::size_t C) {
    return std::max<std::size_t>(8, 16384 / sizeof(T) / std::max<std::size_t>(1, C));
}

/// Σ_r f(r) for r in [first, last), four running packs so that the additions overlap.
template <class V, class F> SMLDIST_INLINE V rows_total(std::size_t first, std::size_t last, F&& f) {
    using T = typename V::value_type;
    V a0(T(0)), a1(T(0)), a2(T(0)), a3(T(0));
    std::size_t r = first;
    for (; r + 4 <= last; r += 4) {
        a0 = a0 + f(r);
        a1 = a1 + f(r + 1);
        a2 = a2 + f(r + 2);
        a3 = a3 + f(r + 3);
    }
    for (; r < last; ++r) a0 = a0 + f(r);
    return (a0 + a1) + (a2 + a3);
}

/// Runs f(first_row, last_row, out) for fixed chunks of rows; `out` are S vectors of C partial results of the chunk.
/// Then g(chunks, partial) on the calling thread.
template <class T, std::size_t S, class F, class G> void reduce_rows(std::size_t R, std::size_t C, F&& f, G&& g) {
    const std::size_t rows = reduction_rows<T>(C), chunks = std::max<std::size_t>(1, (R + rows - 1) / rows);
    const scratch<T> partial(chunks * S * C);
    parallel_for(chunks, std::max<std::size_t>(1, chunk_rows(C) / rows), [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i)
            f(i * rows, std::min(R, (i + 1) * rows), partial.data() + i * S * C);
    });
    g(chunks, partial.data());
}

} // namespace detail

/// y[c] (+)= Σ_i partial[i·step + c] for i in [0, chunks), ascending, and c in [0, C);   chunks ≥ 1
///
/// Adds what the chunks of a parallel loop have summed, on the calling thread. y may be the first row of `partial`.
template <class T>
void add_partials(std::size_t chunks, std::size_t C, std::size_t step, const T* partial, T* y, bool add) {
    simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
        auto s = p.load(partial + c);
        for (std::size_t i = 1; i < chunks; ++i) s = s + p.load(partial + i * step + c);
        p.store(y + c, add ? p.load(y + c) + s : s);
    });
}

/// y[c] (+)= Σ_r x[r,c]
template <class T> SMLDIST_NOINLINE void column_sum(std::size_t R, std::size_t C, const T* x, T* y, bool add) {
    detail::reduce_rows<T, 1>(
        R, C,
        [&](std::size_t first, std::size_t last, T* out) {
            simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                p.store(out + c,
                        detail::rows_total<typename decltype(p)::pack>(
                            first, last, [&](std::size_t r) SMLDIST_INLINE_LAMBDA { return p.load(x + r * C + c); }));
            });
        },
        [&](std::size_t chunks, const T* partial) { add_partials(chunks, C, C, partial, y, add); });
}

/// y[r] (+)= Σ_c x[r,c]
template <class T> SMLDIST_NOINLINE void row_sum(std::size_t R, std::size_t C, const T* x, T* y, bool add) {
    parallel_for(R, chunk_rows(C), [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r) {
            const T s =
                row_total<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA { return p.load(x + r * C + c); });
            y[r] = add ? y[r] + s : s;
        }
    });
}

/// y[b,c] = 1/L Σ_l x[b,l,c]
template <class T> SMLDIST_NOINLINE void pool_mean(std::size_t B, std::size_t L, std::size_t C, const T* x, T* y) {
    const T scale = T(1) / static_cast<T>(L);
    parallel_for(B, chunk_rows(L * C), [&](std::size_t first, std::size_t last) {
        for (std::size_t b = first; b < last; ++b)
            simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                const auto s = detail::rows_total<typename decltype(p)::pack>(
                    b * L, (b + 1) * L, [&](std::size_t r) SMLDIST_INLINE_LAMBDA { return p.load(x + r * C + c); });
                p.store(y + b * C + c, s * p.set(scale));
            });
    });
}

/// dx[b,l,c] (+)= dy[b,c] / L
template <class T>
SMLDIST_NOINLINE void pool_mean_backward(std::size_t B, std::size_t L, std::size_t C, const T* dy, T* dx, bool add) {
    const T scale = T(1) / static_cast<T>(L);
    parallel_for(B, chunk_rows(L * C), [&](std::size_t first, std::size_t last) {
        for (std::size_t b = first; b < last; ++b)
            simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                const auto d = p.load(dy + b * C + c) * p.set(scale);
                for (std::size_t r = b * L; r < (b + 1) * L; ++r)
                    p.store(dx + r * C + c, add ? p.load(dx + r * C + c) + d : d);
            });
    });
}

namespace detail {

/// Largest of n elements, −∞ for none.
template <class T> SMLDIST_INLINE T largest_of(std::size_t n, const T* x) {
    constexpr T lowest = -std::numeric_limits<T>::infinity();
    using V = simd::full<T>;
    V m(lowest);
    T rest = lowest;
    simd::sweep<T>(n, [&](auto p, std::size_t i) SMLDIST_INLINE_LAMBDA {
        if constexpr (p.size == V::size)
            m = simd::max(m, p.load(x + i));
        else
            rest = std::max(rest, simd::largest(p.load(x + i)));
    });
    return n < V::size ? rest : std::max(rest, simd::largest(m));
}

} // namespace detail

/// y[r] = max_c x[r,c];   C ≥ 1
template <class T> SMLDIST_NOINLINE void row_max(std::size_t R, std::size_t C, const T* x, T* y) {
    parallel_for(R, chunk_rows(C), [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r) y[r] = detail::largest_of(C, x + r * C);
    });
}

/// y[r] = the first c at which x[r,c] is largest;   C ≥ 1
template <class T> SMLDIST_NOINLINE void row_argmax(std::size_t R, std::size_t C, const T* x, std::size_t* y) {
    for (std::size_t r = 0; r < R; ++r)
        y[r] = static_cast<std::size_t>(std::max_element(x + r * C, x + (r + 1) * C) - (x + r * C));
}

/// The samples [first, end) whose mean is output i of `count`; the outputs cover L samples evenly.
struct pool_window {
    std::size_t first, end;
    pool_window(std::size_t i, std::size_t L, std::size_t count)
        : first(static_cast<std::size_t>(std::uint64_t(i) * L / count)),
          end(static_cast<std::size_t>((std::uint64_t(i + 1) * L + count - 1) / count)) {}
};

/// y[c] = max_k x[start + k − pad, c] for one position of a window of K samples that begins at row `start` of
/// the padded x (L,C). winner[c], unless null, becomes the time index. In a tie the first wins; a NaN always wins.
template <class T>
void max_pool_row(std::size_t L, std::size_t C, std::size_t K, std::size_t start, std::size_t pad, const T* x, T* y,
                  std::int32_t* winner) {
    const std::size_t from = std::max(start, pad) - pad, to = std::min(L, start + K - pad);
    std::copy_n(x + from * C, C, y);
    if (winner) std::fill_n(winner, C, static_cast<std::int32_t>(from));
    for (std::size_t t = from + 1; t < to; ++t)
        for (std::size_t c = 0; c < C; ++c)
            if (const T v = x[t * C + c]; v > y[c] || std::isnan(v)) {
                y[c] = v;
                if (winner) winner[c] = static_cast<std::int32_t>(t);
            }
}

namespace detail {
/// Whether v is chosen in place of the best so far: it is larger (or smaller), or the first NaN.
template <bool largest, class T> SMLDIST_INLINE bool beats(T v, T best) {
    return (largest ? v > best : v < best) || (std::isnan(v) && !std::isnan(best));
}
} // namespace detail

/// y[o,i] = max_k x[o,k,i], or the minimum, for x (outer, n, inner), n ≥ 1; at[o,i] = the first k at which it is. A NaN is
/// chosen before any number. `at` may be null; its type holds n.
template <bool largest, class T, class I>
SMLDIST_NOINLINE void extreme(std::size_t outer, std::size_t n, std::size_t inner, const T* x, T* y, I* at) {
    parallel_for(outer, chunk_rows(n * inner), [&](std::size_t first, std::size_t last) {
        for (std::size_t o = first; o < last; ++o) {
            const T* const from = x + o * n * inner;
            T* const best = y + o * inner;
            I* const where = at ? at + o * inner : nullptr;
            if (inner == 1) { // in registers
                std::size_t k = 0;
                for (std::size_t i = 1; i < n; ++i)
                    if (detail::beats<largest>(from[i], from[k])) k = i;
                *best = from[k];
                if (where) *where = static_cast<I>(k);
                continue;
            }
            std::copy_n(from, inner, best);
            if (where) std::fill_n(where, inner, I(0));
            for (std::size_t k = 1; k < n; ++k)
                for (std::size_t i = 0; i < inner; ++i) {
                    const T v = from[k * inner + i];
                    const bool better = detail::beats<largest>(v, best[i]);
                    best[i] = better ? v : best[i];
                    if (where) where[i] = better ? static_cast<I>(k) : where[i];
                }
        }
    });
}

/// y[o,k,i] = Σ_{l ≤ k} x[o,l,i], or with `backwards` Σ_{l ≥ k}, for x (outer, n, inner). y may be x.
template <bool backwards, class T>
SMLDIST_NOINLINE void running_sum(std::size_t outer, std::size_t n, std::size_t inner, const T* x, T* y) {
    parallel_for(outer, chunk_rows(n * inner), [&](std::size_t first, std::size_t last) {
        for (std::size_t o = first; o < last; ++o) {
            T sum(0); // of a row, where inner is 1
            for (std::size_t k = 0; k < n; ++k) {
                const std::size_t row = (o * n + (backwards ? n - 1 - k : k)) * inner;
                const T* const from = x + row;
                T* const to = y + row;
                if (inner == 1)
                    *to = sum += *from;
                else if (k == 0)
                    std::copy_n(from, inner, to);
                else
                    simd::sweep<T>(inner, [&](auto p, std::size_t i) SMLDIST_INLINE_LAMBDA {
                        p.store(to + i, p.load(backwards ? to + inner + i : to - inner + i) + p.load(from + i));
                    });
            }
        }
    });
}

namespace naive {

/// y[c] (+)= Σ_r x[r,c]
template <class T> void column_sum(std::size_t R, std::size_t C, const T* x, T* y, bool add) {
    for (std::size_t c = 0; c < C; ++c) {
        T s(0);
        for (std::size_t r = 0; r < R; ++r) s += x[r * C + c];
        y[c] = add ? y[c] + s : s;
    }
}

/// y[r] (+)= Σ_c x[r,c]
template <class T> void row_sum(std::size_t R, std::size_t C, const T* x, T* y, bool add) {
    for (std::size_t r = 0; r < R; ++r) {
        T s(0);
        for (std::size_t c = 0; c < C; ++c) s += x[r * C + c];
        y[r] = add ? y[r] + s : s;
    }
}

/// y[b,c] = 1/L Σ_l x[b,l,c]
template <class T> void pool_mean(std::size_t B, std::size_t L, std::size_t C, const T* x, T* y) {
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t c = 0; c < C; ++c) {
            T s(0);
            for (std::size_t l = 0; l < L; ++l) s += x[(b * L + l) * C + c];
            y[b * C + c] = s / static_cast<T>(L);
        }
}

/// dx[b,l,c] (+)= dy[b,c] / L
template <class T>
void pool_mean_backward(std::size_t B, std::size_t L, std::size_t C, const T* dy, T* dx, bool add) {
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t l = 0; l < L; ++l)
            for (std::size_t c = 0; c < C; ++c) {
                T& d = dx[(b * L + l) * C + c];
                d = (add ? d : T(0)) + dy[b * C + c] / static_cast<T>(L);
            }
}

} // namespace naive

// For smldist::compiled.
SMLDIST_INSTANTIATE_KERNEL(column_sum<float>)
SMLDIST_INSTANTIATE_KERNEL(row_sum<float>)
SMLDIST_INSTANTIATE_KERNEL(pool_mean<float>)
SMLDIST_INSTANTIATE_KERNEL(pool_mean_backward<float>)
SMLDIST_INSTANTIATE_KERNEL(row_max<float>)
SMLDIST_INSTANTIATE_KERNEL(row_argmax<float>)

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif

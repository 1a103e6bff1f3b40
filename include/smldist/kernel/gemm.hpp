// SPDX-License-Identifier: BSD-3-Clause
/// Matrix products, row-major with leading dimensions.
///
/// Row m of gemm_nt, gemm_nn and gemm_packed has the same bits whatever M is and on any number of threads: each output
/// has one accumulator with k ascending. gemm_tn, whose K is a batch, sums chunks of k of fixed length in order.
/// No pointer needs more than its natural alignment; C must not overlap A, B or the bias.
#ifndef SMLDIST_KERNEL_GEMM_HPP
#define SMLDIST_KERNEL_GEMM_HPP

#include <algorithm>
#include <cstddef>

#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/gemm_tile.hpp"
#include "smldist/kernel/scratch.hpp"
#include "smldist/kernel/simd.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

/// A view of B packed by pack_nt or pack_nn: the panels one after the other, K rows each.
template <class T> struct packed_b {
    const T* data;
    std::size_t N, K;
};

/// Elements that pack_nt and pack_nn write: K rows of N columns, rounded up to a unit.
template <class T> std::size_t packed_size(std::size_t N, std::size_t K) {
    return (N + detail::unit<T> - 1) / detail::unit<T> * detail::unit<T> * K;
}

namespace detail {

/// Multiply-adds of one parallel chunk, about 5 µs; smaller products do not fork.
inline constexpr std::size_t chunk_macs = std::size_t(1) << 18;
/// Rows of C that share one pass over a panel: 64, or as many as take 16 KB of A.
inline std::size_t rows_of_block(std::size_t K) {
    return std::max<std::size_t>(1, 4096 / 64 / (K == 0 ? 1 : K)) * 64;
}
/// Rows of A and B that gemm_tn sums before it adds to C: both blocks stay in L2.
inline constexpr std::size_t k_block = 128;

/// K rows of one panel of the (K,N) matrix b, zero beyond column N.
template <class T> void pack_panel_nn(panel p, std::size_t N, std::size_t K, const T* b, std::size_t ldb, T* out) {
    const std::size_t width = p.units * unit<T>, columns = std::min(width, N - p.first);
    for (std::size_t k = 0; k < K; ++k, out += width) {
        simd::sweep<T>(columns, [&](auto s, std::size_t j)
                                    SMLDIST_INLINE_LAMBDA { s.store(out + j, s.load(b + k * ldb + p.first + j)); });
        for (std::size_t j = columns; j < width; ++j) out[j] = T(0);
    }
}

/// The same panel of the transpose of the (N,K) matrix b, by squares that are transposed in registers.
template <class T> void pack_panel_nt(panel p, std::size_t N, std::size_t K, const T* b, std::size_t ldb, T* out) {
    using V = simd::smallest<T>;
    constexpr std::size_t Q = V::size;
    const std::size_t width = p.units * unit<T>, columns = std::min(width, N - p.first);
    const std::size_t square_columns = columns / Q * Q, square_rows = K / Q * Q;
    const T* const from = b + p.first * ldb;
    for (std::size_t k = 0; k < square_rows; k += Q)
        for (std::size_t j = 0; j < square_columns; j += Q) {
            V rows[Q];
            simd::unroll<Q>([&](auto i) SMLDIST_INLINE_LAMBDA { rows[i] = simd::load<V>(from + (j + i) * ldb + k); });
            simd::transpose(rows);
            simd::unroll<Q>([&](auto i) SMLDIST_INLINE_LAMBDA { simd::store(out + (k + i) * width + j, rows[i]); });
        }
    for (std::size_t k = 0; k < K; ++k)
        for (std::size_t j = k < square_rows ? square_columns : 0; j < width; ++j)
            out[k * width + j] = j < columns ? from[j * ldb + k] : T(0);
}

/// The epilogue whose rows begin at row m.
template <class T> epilogue<T> from_row(epilogue<T> end, std::size_t m) {
    if (end.addend) end.addend += m * end.addend_step;
    return end;
}

/// C (M,N) = A·B and its epilogue over blocks of rows and panels. `panel_of(panel)` gives the panel's data and its row
/// step; `finish` is that of gemm_packed.
template <class T, class P, class F>
void for_panels(std::size_t M, std::size_t N, std::size_t K, const T* a, std::size_t lda, T* c, std::size_t ldc,
                const epilogue<T>& end, P&& panel_of, const F& finish) {
    const panels<T> all(N);
    const std::size_t block_rows = rows_of_block(K), count = all.count(), blocks = (M + block_rows - 1) / block_rows;
    constexpr T zeros[widest<T> * unit<T>] = {}; // the single term of an empty sum
    const std::size_t macs = std::min(M, block_rows) * std::min(N, widest<T> * unit<T>) * K;
    const auto block = [&](std::size_t m, panel p) {
        const std::size_t rows = std::min(block_rows, M - m);
        tile_job<T> job{1, zeros, 0, 0, zeros, 0, c + m * ldc, ldc, from_row(end, m)};
        if (K > 0) {
            const auto [b, b_step] = panel_of(p);
            job = {K, a + m * lda, lda, 1, b, b_step, job.c, ldc, job.end};
        }
        panel_rows<T>(job, rows, p, N);
        finish(c + m * ldc + p.first, ldc, rows, p.first, std::min(p.units * unit<T>, N - p.first));
    };
    parallel_for(blocks * count, 1 + chunk_macs / std::max<std::size_t>(1, macs),
                 [&](std::size_t first, std::size_t last) {
                     std::size_t m = first / count * block_rows, i = first % count;
                     for (; first < last; ++first) {
                         block(m, all[i]);
                         if (++i < count) continue;
                         i = 0;
                         m += block_rows;
                     }
                 });
}

/// C or, to add to it, C + the product.
template <class T> epilogue<T> plain(const T* c, std::size_t ldc, bool add, const T* bias = nullptr) {
    return {bias, add ? c : nullptr, ldc, activation::none};
}

/// C (+)= 0, the product over no k.
template <class T> void empty_product(std::size_t M, std::size_t N, T* c, std::size_t ldc, bool add) {
    if (add) return;
    for (std::size_t m = 0; m < M; ++m) std::fill_n(c + m * ldc, N, T(0));
}

/// Does nothing to a finished part of a product.
struct leave {
    template <class T> void operator()(T*, std::size_t, std::size_t, std::size_t, std::size_t) const {}
};

template <class T> struct panel_data {
    const T* b;
    std::size_t b_step;
};

} // namespace detail

/// Packs Bᵀ of a (N,K) matrix, PyTorch's layout of a weight, into packed_size(N, K) elements.
template <class T>
SMLDIST_NOINLINE packed_b<T> pack_nt(std::size_t N, std::size_t K, const T* b, std::size_t ldb, T* out) {
    const detail::panels<T> all(N);
    parallel_for(all.count(), 1 + detail::chunk_macs / 8 / (64 * K + 1), [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i)
            detail::pack_panel_nt(all[i], N, K, b, ldb, out + all[i].first * K);
    });
    return {out, N, K};
}

/// Packs a (K,N) matrix into packed_size(N, K) elements.
template <class T>
SMLDIST_NOINLINE packed_b<T> pack_nn(std::size_t N, std::size_t K, const T* b, std::size_t ldb, T* out) {
    const detail::panels<T> all(N);
    parallel_for(all.count(), 1 + detail::chunk_macs / 8 / (64 * K + 1), [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i)
            detail::pack_panel_nn(all[i], N, K, b, ldb, out + all[i].first * K);
    });
    return {out, N, K};
}

/// Calls f(first, width) for every panel of a packed matrix of N columns, in order. The panel has columns first to
/// first + width, those from N on zero; row k of a matrix with K rows begins at element first·K + k·width.
template <class T, class F> void for_packed_panels(std::size_t N, F&& f) {
    const detail::panels<T> all(N);
    for (std::size_t i = 0; i < all.count(); ++i) f(all[i].first, all[i].units * detail::unit<T>);
}

/// C (M,N) = f(A (M,K) · B + bias + addend), B packed; the epilogue is applied in registers.
///
/// finish(c, ldc, rows, first_column, columns) computes what an epilogue does not offer. It is called once for every
/// part of C, from any thread, as soon as its values are final and while they are in L1.
template <class T, class F = detail::leave>
SMLDIST_NOINLINE void gemm_packed(std::size_t M, const T* a, std::size_t lda, packed_b<T> b, T* c, std::size_t ldc,
                                  const epilogue<T>& end, const F& finish = {}) {
    detail::for_panels(
        M, b.N, b.K, a, lda, c, ldc, end,
        [&](detail::panel p) {
            return detail::panel_data<T>{b.data + p.first * b.K, p.units * detail::unit<T>};
        },
        finish);
}

/// C (M,N) (+)= A (M,K) · B + bias (N) or null, B packed, and `finish` as above.
template <class T, class F = detail::leave>
SMLDIST_NOINLINE void gemm_packed(std::size_t M, const T* a, std::size_t lda, packed_b<T> b, T* c, std::size_t ldc,
                                  bool add, const T* bias = nullptr, const F& finish = {}) {
    gemm_packed(M, a, lda, b, c, ldc, detail::plain(c, ldc, add, bias), finish);
}

/// C (M,N) (+)= A (M,K) · Bᵀ + bias,   B (N,K), bias (N) or null
template <class T>
SMLDIST_NOINLINE void gemm_nt(std::size_t M, std::size_t N, std::size_t K, const T* a, std::size_t lda, const T* b,
                              std::size_t ldb, T* c, std::size_t ldc, bool add, const T* bias = nullptr) {
    const scratch<T> buffer(packed_size<T>(N, K));
    gemm_packed(M, a, lda, pack_nt(N, K, b, ldb, buffer.data()), c, ldc, add, bias);
}

namespace detail {

/// Packing does not pay for few rows: they read B in place, except a last panel that would read past a row.
inline bool packs_nn(std::size_t M) { return M > 64; }
/// Columns of the last panel if it would read past a row of N columns; else 0.
template <class T> std::size_t cut_columns(std::size_t N) {
    if (N == 0) return 0;
    const panels<T> all(N);
    const panel last = all[all.count() - 1];
    const std::size_t width = last.units * unit<T>;
    return last.first + width > N ? width : 0;
}

} // namespace detail

/// Elements of working memory that gemm_nn needs.
template <class T> std::size_t gemm_nn_scratch(std::size_t M, std::size_t N, std::size_t K) {
    return detail::packs_nn(M) ? packed_size<T>(N, K) : detail::cut_columns<T>(N) * K;
}

/// C (M,N) (+)= A (M,K) · B (K,N). `buffer` has gemm_nn_scratch elements.
template <class T>
SMLDIST_NOINLINE void gemm_nn(std::size_t M, std::size_t N, std::size_t K, const T* a, std::size_t lda, const T* b,
                              std::size_t ldb, T* c, std::size_t ldc, bool add, T* buffer) {
    if (detail::packs_nn(M)) return gemm_packed(M, a, lda, pack_nn(N, K, b, ldb, buffer), c, ldc, add);
    const std::size_t width = detail::cut_columns<T>(N);
    const detail::panels<T> all(N);
    const std::size_t cut = width == 0 ? N : all[all.count() - 1].first; // the first column of the packed panel
    if (width > 0) detail::pack_panel_nn(all[all.count() - 1], N, K, b, ldb, buffer);
    detail::for_panels(
        M, N, K, a, lda, c, ldc, detail::plain(c, ldc, add),
        [&](detail::panel p) {
            return p.first == cut ? detail::panel_data<T>{buffer, width} : detail::panel_data<T>{b + p.first, ldb};
        },
        detail::leave{});
}
template <class T>
void gemm_nn(std::size_t M, std::size_t N, std::size_t K, const T* a, std::size_t lda, const T* b, std::size_t ldb,
             T* c, std::size_t ldc, bool add) {
    const scratch<T> buffer(gemm_nn_scratch<T>(M, N, K));
    gemm_nn(M, N, K, a, lda, b, ldb, c, ldc, add, buffer.data());
}

namespace detail {

/// How gemm_tn cuts its work. The cuts depend only on M, N and K.
struct tn_cuts {
    std::size_t parts, part_length; ///< of K, each with its own C, for a long K and a small C
    std::size_t rows;               ///< of C in one chunk
    std::size_t panels;             ///< of C's columns in one chunk

    tn_cuts(std::size_t M, std::size_t N, std::size_t K, std::size_t panel_count) {
        const bool large = M * N * K >= 4 * chunk_macs;
        const std::size_t want = large && M * N <= 16384 ? std::clamp<std::size_t>(K / 2048, 1, 16) : 1;
        part_length = ((K + want - 1) / want + k_block - 1) / k_block * k_block;
        parts = (K + part_length - 1) / part_length;
        const bool cut = large && parts < 4;
        rows = cut && M > N ? (M + 31) / 32 * 8 : M;
        panels = cut && M <= N ? (panel_count + 3) / 4 : panel_count;
    }
};

/// C (M,N) (+)= A (K,M)ᵀ · B (K,N) for the panels [first, last) of N columns, `slack` elements being readable after B.
///
/// B is read in place. A last panel wider than its columns reads on into the next row, whose terms are dropped; only
/// the block that would read past the slack is packed.
template <class T>
void gemm_tn_block(std::size_t M, std::size_t N, std::size_t K, const T* a, std::size_t lda, const T* b,
                   std::size_t ldb, std::size_t slack, T* c, std::size_t ldc, bool add, std::size_t first,
                   std::size_t last) {
    const panels<T> all(N);
    alignas(64) T packed[k_block * widest<T> * unit<T>]; // at most 24 KB
    for (std::size_t k = 0; k < K; k += k_block, a += k_block * lda, b += k_block * ldb) {
        const std::size_t n = std::min(k_block, K - k);
        for (std::size_t i = first; i < last; ++i) {
            const panel p = all[i];
            const std::size_t width = p.units * unit<T>, columns = std::min(width, N - p.first);
            const bool inside = width - columns <= (k + n < K ? std::max(ldb, slack) : slack);
            if (!inside) pack_panel_nn(p, N, n, b, ldb, packed);
            panel_rows<T>({n, a, 1, lda, inside ? b + p.first : packed, inside ? ldb : width, c, ldc,
                           plain(c, ldc, add || k > 0)},
                          M, p, N);
        }
    }
}

} // namespace detail

/// Elements of working memory that gemm_tn needs; the number grows with K.
template <class T> std::size_t gemm_tn_scratch(std::size_t M, std::size_t N, std::size_t K) {
    if (M == 0 || N == 0 || K == 0) return 0;
    return (detail::tn_cuts(M, N, K, detail::panels<T>(N).count()).parts - 1) * M * N;
}

/// C (M,N) (+)= A (K,M)ᵀ · B (K,N), the gradient of a weight: K is the number of rows of the batch.
///
/// Blocks of 128 k are summed and added to C in order, so the sum of a long batch stays accurate and both blocks stay
/// in L2. A long K with a small C is cut into at most 16 parts, each with its own C, added in order. `partial` has
/// gemm_tn_scratch elements.
template <class T>
SMLDIST_NOINLINE void gemm_tn(std::size_t M, std::size_t N, std::size_t K, const T* a, std::size_t lda, const T* b,
                              std::size_t ldb, T* c, std::size_t ldc, bool add, T* partial) {
    if (M == 0 || N == 0 || K == 0) return detail::empty_product(M, N, c, ldc, add);
    const std::size_t count = detail::panels<T>(N).count();
    const detail::tn_cuts cuts(M, N, K, count);
    const std::size_t row_cuts = (M + cuts.rows - 1) / cuts.rows,
                      panel_cuts = (count + cuts.panels - 1) / cuts.panels;
    const auto chunk = [&](std::size_t i) {
        const std::size_t panel = i % panel_cuts * cuts.panels, m = i / panel_cuts % row_cuts * cuts.rows;
        const std::size_t part = i / panel_cuts / row_cuts, k = part * cuts.part_length;
        T* const out = part == 0 ? c + m * ldc : partial + ((part - 1) * M + m) * N;
        detail::gemm_tn_block(std::min(cuts.rows, M - m), N, std::min(cuts.part_length, K - k), a + k * lda + m, lda,
                              b + k * ldb, ldb, k + cuts.part_length < K ? ldb : 0, out, part == 0 ? ldc : N,
                              part == 0 && add, panel, std::min(count, panel + cuts.panels));
    };
    parallel_for(cuts.parts * row_cuts * panel_cuts, 1, [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) chunk(i);
    });
    for (std::size_t part = 1; part < cuts.parts; ++part)
        for (std::size_t m = 0; m < M; ++m) {
            const T* const from = partial + ((part - 1) * M + m) * N;
            simd::sweep<T>(N, [&](auto p, std::size_t n) SMLDIST_INLINE_LAMBDA {
                p.store(c + m * ldc + n, p.load(c + m * ldc + n) + p.load(from + n));
            });
        }
}
template <class T>
void gemm_tn(std::size_t M, std::size_t N, std::size_t K, const T* a, std::size_t lda, const T* b, std::size_t ldb,
             T* c, std::size_t ldc, bool add) {
    const scratch<T> partial(gemm_tn_scratch<T>(M, N, K));
    gemm_tn(M, N, K, a, lda, b, ldb, c, ldc, add, partial.data());
}

namespace naive {

/// C[m,n] (+)= Σ_k A[m,k] B[n,k] + bias[n]
template <class T>
void gemm_nt(std::size_t M, std::size_t N, std::size_t K, const T* a, std::size_t lda, const T* b, std::size_t ldb,
             T* c, std::size_t ldc, bool add, const T* bias = nullptr) {
    for (std::size_t m = 0; m < M; ++m)
        for (std::size_t n = 0; n < N; ++n) {
            T s = bias ? bias[n] : T(0);
            for (std::size_t k = 0; k < K; ++k) s += a[m * lda + k] * b[n * ldb + k];
            c[m * ldc + n] = add ? c[m * ldc + n] + s : s;
        }
}

/// C[m,n] (+)= Σ_k A[m,k] B[k,n]
template <class T>
void gemm_nn(std::size_t M, std::size_t N, std::size_t K, const T* a, std::size_t lda, const T* b, std::size_t ldb,
             T* c, std::size_t ldc, bool add) {
    for (std::size_t m = 0; m < M; ++m)
        for (std::size_t n = 0; n < N; ++n) {
            T s(0);
            for (std::size_t k = 0; k < K; ++k) s += a[m * lda + k] * b[k * ldb + n];
            c[m * ldc + n] = add ? c[m * ldc + n] + s : s;
        }
}

/// C[m,n] (+)= Σ_k A[k,m] B[k,n]
template <class T>
void gemm_tn(std::size_t M, std::size_t N, std::size_t K, const T* a, std::size_t lda, const T* b, std::size_t ldb,
             T* c, std::size_t ldc, bool add) {
    for (std::size_t m = 0; m < M; ++m)
        for (std::size_t n = 0; n < N; ++n) {
            T s(0);
            for (std::size_t k = 0; k < K; ++k) s += a[k * lda + m] * b[k * ldb + n];
            c[m * ldc + n] = add ? c[m * ldc + n] + s : s;
        }
}

} // namespace naive

// For smldist::compiled.
SMLDIST_INSTANTIATE_KERNEL(pack_nt<float>)
SMLDIST_INSTANTIATE_KERNEL(pack_nn<float>)
SMLDIST_INSTANTIATE_KERNEL(gemm_nt<float>)
SMLDIST_INSTANTIATE_OVERLOAD(void gemm_nn(std::size_t, std::size_t, std::size_t, const float*, std::size_t,
                                          const float*, std::size_t, float*, std::size_t, bool, float*))
SMLDIST_INSTANTIATE_OVERLOAD(void gemm_tn(std::size_t, std::size_t, std::size_t, const float*, std::size_t,
                                          const float*, std::size_t, float*, std::size_t, bool, float*))
SMLDIST_INSTANTIATE_OVERLOAD(void gemm_packed(std::size_t, const float*, std::size_t, packed_b<float>, float*,
                                              std::size_t, const epilogue<float>&, const detail::leave&))

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif

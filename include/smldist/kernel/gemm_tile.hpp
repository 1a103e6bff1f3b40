// SPDX-License-Identifier: BSD-3-Clause
/// Register tiles of the matrix product and the panels they read.
///
/// The columns of B are cut into panels of 1, 2, 3, 4 or 6 *units*, a unit being half a register on AVX-512 and a
/// whole register elsewhere. On Zen 4 two 256-bit FMAs cost as much as one of 512 bits, so 24 columns run as three
/// half registers at full speed instead of two padded whole ones.
#ifndef SMLDIST_KERNEL_GEMM_TILE_HPP
#define SMLDIST_KERNEL_GEMM_TILE_HPP

#include <algorithm>
#include <cstddef>
#include <utility>

#include "smldist/core/config.hpp"
#include "smldist/kernel/simd.hpp"

namespace smldist::inline SMLDIST_ABI::kernel::detail {

/// Whether panels may be made of half registers.
template <class T> inline constexpr bool half_panels = SMLDIST_SIMD_BITS == 512;
/// Columns of a unit.
template <class T> inline constexpr std::size_t unit = half_panels<T> ? simd::half<T>::size : simd::width<T>;
/// Units of the widest panel: three registers.
template <class T> inline constexpr std::size_t widest = half_panels<T> ? 6 : 3;

struct panel {
    std::size_t first; ///< first column
    std::size_t units;
};

/// The panels of N columns: as many of the widest as fit, then at most two for the rest (5 units are 3 + 2).
template <class T> struct panels {
    std::size_t full, rest;
    explicit panels(std::size_t N) {
        const std::size_t units = (N + unit<T> - 1) / unit<T>;
        full = units / widest<T>;
        rest = units % widest<T>;
    }
    std::size_t count() const { return full + (rest == 0 ? 0 : rest == 5 ? 2 : 1); }
    panel operator[](std::size_t i) const {
        if (i < full) return {i * widest<T> * unit<T>, widest<T>};
        const std::size_t first = full * widest<T> * unit<T>;
        if (rest != 5) return {first, rest};
        return i == full ? panel{first, 3} : panel{first + 3 * unit<T>, 2};
    }
};

/// What a tile computes: rows of C (+)= A·B + bias, K terms a row, with
/// A[m,k] = a[m*row_step + k*k_step] and B[k,n] = b[k*b_step + n].
template <class T> struct tile_job {
    std::size_t K;
    const T* a;
    std::size_t row_step, k_step;
    const T* b;
    std::size_t b_step;
    T* c;
    std::size_t ldc;
    const T* bias;
    bool add;
};

/// c (+)= x
template <class V> SMLDIST_INLINE void put(typename V::value_type* c, const V& x, bool add) {
    simd::store(c, add ? simd::load<V>(c) + x : x);
}

/// The body of `tile`, r < R, j < NV and i < R·NV written out: accumulator i belongs to row i / NV and pack i % NV.
template <class V, class T, std::size_t... r, std::size_t... j, std::size_t... i>
SMLDIST_INLINE void tile_body(const tile_job<T>& job, std::size_t rows, std::index_sequence<r...>,
                              std::index_sequence<j...>, std::index_sequence<i...>) {
    constexpr std::size_t R = sizeof...(r), NV = sizeof...(j);
    const T* const a[R] = {job.a + std::min(r, rows - 1) * job.row_step...};
    V acc[R * NV] = {(static_cast<void>(i), V(T(0)))...};
    const T* b = job.b;
    const std::size_t b_step = job.b_step, k_step = job.k_step, end = job.K * job.k_step;
    for (std::size_t k = 0; k != end; k += k_step, b += b_step) {
        V bv[NV] = {simd::load<V>(b + j * V::size)...};
        if constexpr (R > 1) (simd::keep(bv[j]), ...);
        ((acc[i] = simd::fma(V(a[i / NV][k]), bv[i % NV], acc[i])), ...);
    }
    if (job.bias) ((acc[i] = acc[i] + simd::load<V>(job.bias + i % NV * V::size)), ...);
    ((i / NV < rows ? put(job.c + i / NV * job.ldc + i % NV * V::size, acc[i], job.add) : void()), ...);
}

/// A tile of R rows and NV packs V; computes `rows` ≤ R of them (the others repeat the last row and are dropped).
///
/// One accumulator an output, k ascending: a row's bits depend neither on the tile nor on the rows beside it.
/// 24 FMAs wait for 8 + 3 loads, so the loads hide: 114 of 117 GFLOP/s at K = 192. Plain loops over acc[8][3] spill
/// with g++ 12 (47 GFLOP/s), hence the index sequences.
template <class V, std::size_t R, std::size_t NV>
SMLDIST_NOINLINE void tile(const tile_job<typename V::value_type>& job, std::size_t rows) {
    tile_body<V>(job, rows, std::make_index_sequence<R>{}, std::make_index_sequence<NV>{},
                 std::make_index_sequence<R * NV>{});
}

template <class T> using tile_function = void (*)(const tile_job<T>&, std::size_t rows);

/// The tile of R rows for a panel of so many units.
template <class T, std::size_t R> tile_function<T> tile_of(std::size_t units) {
    using W = simd::full<T>;
    if constexpr (half_panels<T>) {
        using H = simd::half<T>;
        switch (units) {
        case 1:
            return tile<H, R, 1>;
        case 2:
            return tile<W, R, 1>;
        case 3:
            return tile<H, R, 3>;
        case 4:
            return tile<W, R, 2>;
        default:
            return tile<W, R, 3>;
        }
    } else {
        switch (units) {
        case 1:
            return tile<W, R, 1>;
        case 2:
            return tile<W, R, 2>;
        default:
            return tile<W, R, 3>;
        }
    }
}

/// Rows of the tallest tile: its accumulators, one row of B and one element of A fit the registers.
inline constexpr std::size_t tile_rows = simd::registers == 32 ? 8 : 4;

/// Does nothing to the finished rows of a product.
struct leave {
    template <class T> void operator()(T*, std::size_t, std::size_t, std::size_t, std::size_t) const {}
};

/// Computes `rows` rows of one panel, `columns` of whose units·unit columns exist in C and in the bias, and calls
/// finish(c, ldc, rows, first_column, columns) for a few rows at a time, which are then in L1.
template <class T, class F>
SMLDIST_NOINLINE void panel_rows(tile_job<T> job, std::size_t rows, panel p, std::size_t columns, const F& finish) {
    const std::size_t width = p.units * unit<T>, ldc = job.ldc;
    const tile_function<T> tall = tile_of<T, tile_rows>(p.units);
    const tile_function<T> low = tile_of<T, tile_rows / 2>(p.units);
    const tile_function<T> one = tile_of<T, 1>(p.units);
    alignas(64) T edge[tile_rows * widest<T> * unit<T>];
    T* c = job.c;
    const T* const bias = job.bias;
    const bool add = job.add, partial = columns < width;
    if (partial) {
        job.ldc = width;
        job.bias = nullptr;
        job.add = false;
    }
    for (std::size_t n; rows > 0; rows -= n, c += n * ldc, job.a += n * job.row_step) {
        n = std::min(rows, tile_rows);
        job.c = partial ? edge : c;
        // A large C is not in cache; long sums leave time to fetch it.
        if (!partial && job.K >= 64)
            for (std::size_t r = 0; r < n; ++r)
                for (std::size_t j = 0; j < width; j += 64 / sizeof(T)) __builtin_prefetch(c + r * ldc + j, 1);
        (n == 1 ? one : n <= tile_rows / 2 ? low : tall)(job, n);
        for (std::size_t r = 0; partial && r < n; ++r)
            simd::sweep<T>(columns, [&](auto s, std::size_t j) SMLDIST_INLINE_LAMBDA {
                auto v = s.load(edge + r * width + j);
                if (bias) v = v + s.load(bias + j);
                s.store(c + r * ldc + j, add ? s.load(c + r * ldc + j) + v : v);
            });
        finish(c, ldc, n, p.first, columns);
    }
}

} // namespace smldist::inline SMLDIST_ABI::kernel::detail

#endif

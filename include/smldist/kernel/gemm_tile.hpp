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
#include <cstdint>
#include <utility>

#include "smldist/core/config.hpp"
#include "smldist/kernel/activation.hpp"
#include "smldist/kernel/simd.hpp"

namespace smldist::inline SMLDIST_ABI::kernel {

/// The functions that a product can end with; those of kernel/activation.hpp that cost a few instructions.
enum class ending : std::uint8_t { none, relu, relu6, hard_sigmoid, hard_swish };

/// What ends a product P while it is in registers: C[m,n] = f(P[m,n] + bias[n] + addend[m*addend_step + n]).
template <class T> struct epilogue {
    const T* bias = nullptr;   ///< (N) or null
    const T* addend = nullptr; ///< rows addend_step apart, or null; may be C itself
    std::size_t addend_step = 0;
    ending f = ending::none;
};

namespace detail {

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

/// What a tile computes: rows of C = f(A·B + bias + addend), K terms a row, with
/// A[m,k] = a[m*row_step + k*k_step] and B[k,n] = b[k*b_step + n].
template <class T> struct tile_job {
    std::size_t K;
    const T* a;
    std::size_t row_step, k_step;
    const T* b;
    std::size_t b_step;
    T* c;
    std::size_t ldc;
    epilogue<T> end;

    void skip(std::size_t rows) {
        a += rows * row_step;
        c += rows * ldc;
        if (end.addend) end.addend += rows * end.addend_step;
    }
};

/// A pack of B; with `keep` in a register, for the FMAs of several rows.
template <class V, bool keep> SMLDIST_INLINE V held(const typename V::value_type* b) {
    V x = simd::load<V>(b);
    if constexpr (keep) simd::keep(x);
    return x;
}

/// The body of `tile`, r < R, j < NV and i < R·NV written out: accumulator i belongs to row i / NV and pack i % NV.
template <class V, class T, std::size_t... r, std::size_t... j, std::size_t... i>
SMLDIST_INLINE void tile_body(const tile_job<T>& job, std::size_t rows, std::index_sequence<r...>,
                              std::index_sequence<j...>, std::index_sequence<i...>) {
    constexpr std::size_t R = sizeof...(r), NV = sizeof...(j);
    const T* const a[R] = {job.a + std::min(r, rows - 1) * job.row_step...};
    const T* const bias = job.end.bias;
    const V start[NV] = {(bias ? simd::load<V>(bias + j * V::size) : V(T(0)))...};
    V acc[R * NV] = {start[i % NV]...};
    const T* b = job.b;
    const std::size_t b_step = job.b_step, k_step = job.k_step, end = job.K * job.k_step;
    for (std::size_t k = 0; k != end; k += k_step, b += b_step) {
        const V bv[NV] = {held<V, (R > 1)>(b + j * V::size)...};
        ((acc[i] = simd::fma(V(a[i / NV][k]), bv[i % NV], acc[i])), ...);
    }
    if (const T* const addend = job.end.addend) {
        const T* const from[R] = {addend + std::min(r, rows - 1) * job.end.addend_step...};
        ((acc[i] = acc[i] + simd::load<V>(from[i / NV] + i % NV * V::size)), ...);
    }
    switch (job.end.f) {
    case ending::none:
        break;
    case ending::relu:
        ((acc[i] = relu{}.value(acc[i])), ...);
        break;
    case ending::relu6:
        ((acc[i] = relu6{}.value(acc[i])), ...);
        break;
    case ending::hard_sigmoid:
        ((acc[i] = hard_sigmoid{}.value(acc[i])), ...);
        break;
    case ending::hard_swish:
        ((acc[i] = hard_swish{}.value(acc[i])), ...);
        break;
    }
    ((i / NV < rows ? simd::store(job.c + i / NV * job.ldc + i % NV * V::size, acc[i]) : void()), ...);
}

/// Computes `rows` rows with a tile of R rows and NV packs V; the last group repeats its last row and drops the copies.
///
/// One accumulator an output, k ascending: a row's bits depend neither on the tile nor on the rows beside it.
/// 24 FMAs wait for 8 + 3 loads, so the loads hide: 114 of 117 GFLOP/s at K = 192. Plain loops over acc[8][3] spill
/// with g++ 12 (47 GFLOP/s), hence the index sequences.
template <class V, std::size_t R, std::size_t NV>
SMLDIST_NOINLINE void tile(tile_job<typename V::value_type> job, std::size_t rows) {
    for (std::size_t n; rows > 0; rows -= n, job.skip(n)) {
        n = std::min(rows, R);
        tile_body<V>(job, n, std::make_index_sequence<R>{}, std::make_index_sequence<NV>{},
                     std::make_index_sequence<R * NV>{});
    }
}

template <class T> using tile_function = void (*)(tile_job<T>, std::size_t rows);

/// The tile of R rows for a panel of so many units.
template <class T, std::size_t R> tile_function<T> tile_of(std::size_t units) {
    using W = simd::full<T>;
    if constexpr (half_panels<T>) {
        using H = simd::half<T>;
        switch (units) {
        case 1:
            return tile<H, R, 1>;
        case 2:
            return tile<H, R, 2>;
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

/// Computes `rows` rows of a panel of so many units with the tiles that fit them.
template <class T> SMLDIST_NOINLINE void whole_panel(tile_job<T> job, std::size_t rows, std::size_t units) {
    const std::size_t rest = rows % tile_rows, tall = rest > tile_rows / 2 ? rows : rows - rest;
    if (tall > 0) tile_of<T, tile_rows>(units)(job, tall);
    if (tall == rows) return;
    job.skip(tall);
    (rest == 1 ? tile_of<T, 1>(units) : tile_of<T, tile_rows / 2>(units))(job, rest);
}

/// The same where only `columns` columns exist in C, in the bias and in the addend: through padded copies.
template <class T>
SMLDIST_NOINLINE void cut_panel(tile_job<T> job, std::size_t rows, std::size_t units, std::size_t columns) {
    const std::size_t width = units * unit<T>;
    alignas(64) T bias[widest<T> * unit<T>] = {}, edge[tile_rows * widest<T> * unit<T>] = {};
    if (job.end.bias) std::copy_n(job.end.bias, columns, bias);
    for (std::size_t n; rows > 0; rows -= n, job.skip(n)) {
        n = std::min(rows, tile_rows);
        const T* const addend = job.end.addend;
        for (std::size_t r = 0; addend && r < n; ++r)
            std::copy_n(addend + r * job.end.addend_step, columns, edge + r * width);
        whole_panel<T>({job.K,
                        job.a,
                        job.row_step,
                        job.k_step,
                        job.b,
                        job.b_step,
                        edge,
                        width,
                        {bias, addend ? edge : nullptr, width, job.end.f}},
                       n, units);
        for (std::size_t r = 0; r < n; ++r) std::copy_n(edge + r * width, columns, job.c + r * job.ldc);
    }
}

/// Computes `rows` rows of panel p of N columns; the job's B is the panel's, its C, bias and addend begin with column 0.
template <class T> void panel_rows(tile_job<T> job, std::size_t rows, panel p, std::size_t N) {
    job.c += p.first;
    if (job.end.bias) job.end.bias += p.first;
    if (job.end.addend) job.end.addend += p.first;
    if (p.first + p.units * unit<T> <= N)
        whole_panel(job, rows, p.units);
    else
        cut_panel(job, rows, p.units, N - p.first);
}

} // namespace detail

} // namespace smldist::inline SMLDIST_ABI::kernel

#endif

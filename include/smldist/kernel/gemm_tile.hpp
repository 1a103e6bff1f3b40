// SPDX-License-Identifier: BSD-3-Clause
/// Register tiles of the matrix product and the panels they read.
///
/// The columns of B are cut into panels of 1 to 6 *units* on AVX-512, where a unit is half a register, and of 1 to 3
/// units elsewhere, where a unit is a whole register. The rows of a panel are cut into tiles whose accumulators stay in
/// registers. On Zen 4 an FMA of 256 bits takes half the time of one of 512 bits, so a panel of 5 units, two and a half
/// registers, wastes nothing: 40 or 88 columns need no padding.
#ifndef SMLDIST_KERNEL_GEMM_TILE_HPP
#define SMLDIST_KERNEL_GEMM_TILE_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <type_traits>
#include <utility>

#include "smldist/core/activation.hpp"
#include "smldist/core/config.hpp"
#include "smldist/kernel/activation.hpp"
#include "smldist/kernel/simd.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

/// Whether an epilogue can apply f in registers: true for the functions that cost a few instructions.
constexpr bool ends_products(activation f) { return f <= activation::hard_swish; }

/// The epilogue of a product P, applied in registers: C[m,n] = f(P[m,n] + bias[n] + addend[m*addend_step + n]), for an
/// f with ends_products().
template <class T> struct epilogue {
    const T* bias = nullptr;   ///< (N) or null
    const T* addend = nullptr; ///< rows addend_step apart, or null; may be C itself
    std::size_t addend_step = 0;
    activation f = activation::none;
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

/// The panels of N columns: as many of the widest as fit, then the rest. A narrow rest (at most a third of the widest)
/// is merged with the last of the widest and the sum is halved, since a narrow panel has few FMAs per element of A that
/// it reads: with up to 6 units, 7 and 8 become 4 + 3 and 4 + 4; with up to 3, 4 become 2 + 2.
template <class T> struct panels {
    std::size_t full, rest;
    explicit panels(std::size_t N) {
        const std::size_t units = (N + unit<T> - 1) / unit<T>;
        full = units / widest<T>;
        rest = units % widest<T>;
        if (full > 0 && rest > 0 && rest <= widest<T> / 3) {
            --full;
            rest += widest<T>;
        }
    }
    std::size_t count() const { return full + (rest == 0 ? 0 : rest > widest<T> ? 2 : 1); }
    panel operator[](std::size_t i) const {
        const std::size_t first = std::min(i, full) * widest<T> * unit<T>;
        if (i < full) return {first, widest<T>};
        if (rest <= widest<T>) return {first, rest};
        const std::size_t half = (rest + 1) / 2;
        return i == full ? panel{first, half} : panel{first + half * unit<T>, rest - half};
    }
};

/// What a tile computes: rows of C = f(A·B + bias + addend), K terms per row, with
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

/// The two tile heights, besides single rows, for a panel of `units` units: the accumulators, one row of B and one
/// element of A fit the registers.
///
/// With 16 registers, 8 or 9 accumulators keep both FMA units of Zen 3 busy (4 cycles of latency, 2 started per cycle)
/// and lose less between tiles than 12: at K = 16, 8 reach 0.97 of peak and 12 reach 0.80. For a long K, 12 are better
/// because they load less; so only short products prefer the lower tiles.
template <class T> constexpr std::array<std::size_t, 2> tile_heights(std::size_t units) {
    if (simd::registers == 32) return {4, 8};
    return {units == 3 ? 3u : 4u, units == 3 ? 4u : units == 2 ? 6u : 8u};
}
/// The tallest tile.
inline constexpr std::size_t tallest = 8;
/// Whether tiles of R rows apply the epilogue in registers; for the rest of a panel it is a separate pass.
template <std::size_t R> inline constexpr bool ends_in_registers = R >= (simd::registers == 32 ? tallest : 3);

/// Whether a tile with `fmas` FMAs per term takes two terms at a time: when two threads share a core and its
/// instruction fetch, a loop of 9 FMAs runs at 0.57 of peak and a loop of 18 at 0.79.
constexpr bool in_pairs(std::size_t fmas) { return simd::registers < 32 && fmas > 3 && fmas < 12; }

/// min(high, max(low, x)): relu, relu6 and none are one function.
template <class T> struct clamp {
    T low, high;
    explicit clamp(activation f)
        : low(f == activation::none ? -std::numeric_limits<T>::infinity() : T(0)),
          high(f == activation::relu6 ? T(6) : std::numeric_limits<T>::infinity()) {}
    template <class V> SMLDIST_INLINE V value(const V& x) const { return simd::min(V(high), simd::max(V(low), x)); }
};

/// c[r,n] = f(c[r,n]) for rows that were just stored.
template <class T>
SMLDIST_NOINLINE void end_rows(activation f, std::size_t rows, std::size_t columns, T* c, std::size_t ldc) {
    const auto apply = [&](auto function) {
        for (std::size_t r = 0; r < rows; ++r, c += ldc)
            simd::sweep<T>(columns, [&](auto p, std::size_t n)
                                        SMLDIST_INLINE_LAMBDA { p.store(c + n, function.value(p.load(c + n))); });
    };
    if (f == activation::hard_swish)
        apply(hard_swish{});
    else if (f == activation::hard_sigmoid)
        apply(hard_sigmoid{});
    else if (f != activation::none)
        apply(clamp<T>(f));
}

/// The packs of one row of a panel: NW whole registers, then NH halves.
template <class T, std::size_t NW, std::size_t NH> struct packs {
    using W = simd::full<T>;
    using H = simd::half<T>;
    W w[NW == 0 ? 1 : NW];
    H h[NH == 0 ? 1 : NH];

    /// Calls f(pack, column) for each pack, unrolled.
    template <class F> SMLDIST_INLINE void each(F&& f) {
        simd::unroll<NW>([&](auto j) SMLDIST_INLINE_LAMBDA { f(w[j], j * W::size); });
        simd::unroll<NH>([&](auto j) SMLDIST_INLINE_LAMBDA { f(h[j], NW * W::size + j * H::size); });
    }
    SMLDIST_INLINE static packs zero() {
        packs all;
        all.each([](auto& x, std::size_t) SMLDIST_INLINE_LAMBDA { x = std::decay_t<decltype(x)>(T(0)); });
        return all;
    }
    /// Loads packs from p; if `kept`, into registers, for the FMAs of several rows.
    template <bool kept> SMLDIST_INLINE static packs load(const T* p) {
        packs all;
        all.each([&](auto& x, std::size_t n) SMLDIST_INLINE_LAMBDA {
            auto v = simd::load<std::decay_t<decltype(x)>>(p + n);
            if constexpr (kept) simd::keep(v);
            x = v;
        });
        return all;
    }
    SMLDIST_INLINE void store(T* p) {
        each([&](auto& x, std::size_t n) SMLDIST_INLINE_LAMBDA { simd::store(p + n, x); });
    }
    SMLDIST_INLINE void add(const T* p) {
        each([&](auto& x, std::size_t n)
                 SMLDIST_INLINE_LAMBDA { x = x + simd::load<std::decay_t<decltype(x)>>(p + n); });
    }
    /// += a·b
    SMLDIST_INLINE void add_product(T a, const packs& b) {
        if constexpr (NW == 0) {
            const H x(a);
            simd::unroll<NH>([&](auto j) SMLDIST_INLINE_LAMBDA { h[j] = simd::fma(x, b.h[j], h[j]); });
        } else {
            const W x(a);
            simd::unroll<NW>([&](auto j) SMLDIST_INLINE_LAMBDA { w[j] = simd::fma(x, b.w[j], w[j]); });
            simd::unroll<NH>([&](auto j) SMLDIST_INLINE_LAMBDA { h[j] = simd::fma(simd::lower(x), b.h[j], h[j]); });
        }
    }
};

/// Computes `count` tiles of R rows of NW whole registers and NH halves, one below the other.
///
/// One accumulator per output, k ascending: a row's bits depend neither on the tile nor on the rows beside it. The 24
/// FMAs of a term hide its 8 + 3 loads. The stores of a row are interleaved with the last FMAs of the next row: after
/// all FMAs they would stall the next tile, for 45 of 384 cycles at K = 16. All indices are constants: plain loops over
/// acc[8][3] spill with g++ 12 (47 of 117 GFLOP/s). The loops are aligned to cache lines: when another thread shares
/// the core, 12 FMAs of AVX2 then run at 0.80 of peak instead of 0.72.
template <class T, std::size_t R, std::size_t NW, std::size_t NH>
SMLDIST_NOINLINE SMLDIST_ALIGN_LOOPS void tiles(const tile_job<T>& job, std::size_t count) {
    using row = packs<T, NW, NH>;
    static_assert(R <= 9);
    const std::size_t K = job.K, row_step = job.row_step, k_step = job.k_step, b_step = job.b_step, ldc = job.ldc;
    const T *const panel = job.b, *a = job.a, *addend = job.end.addend;
    const activation f = job.end.f;
    T* c = job.c;
    const row start = job.end.bias ? row::template load<false>(job.end.bias) : row::zero();
    for (; count > 0; --count) {
        row sum[R];
        simd::unroll<R>([&](auto r) SMLDIST_INLINE_LAMBDA { sum[r] = start; });
        // Rows r, r + 1, r + 2 are addressed by one pointer and a scaled step: few registers address 8 rows.
        const T *a0 = a, *a3 = a0 + 3 * row_step, *a6 = a3 + 3 * row_step, *b = panel;
        const auto element = [&](auto r) SMLDIST_INLINE_LAMBDA {
            return (r < 3 ? a0 : r < 6 ? a3 : a6)[r % 3 * row_step];
        };
        const auto term = [&]() SMLDIST_INLINE_LAMBDA {
            const row bk = row::template load<(R > 1)>(b);
            simd::unroll<R>([&](auto r) SMLDIST_INLINE_LAMBDA { sum[r].add_product(element(r), bk); });
            a0 += k_step;
            a3 += k_step;
            a6 += k_step;
            b += b_step;
        };
        std::size_t k = K - 1;
        if constexpr (in_pairs(R * (NW + NH)))
            for (; k > 1; k -= 2) {
                term();
                term();
            }
        for (; k > 0; --k) term();
        // The last term of each row, interleaved with the epilogue and stores of the row before it.
        const auto last = [&](const auto& end) SMLDIST_INLINE_LAMBDA {
            const row bk = row::template load<(R > 1)>(b);
            simd::unroll<R>([&](auto r) SMLDIST_INLINE_LAMBDA {
                sum[r].add_product(element(r), bk);
                if constexpr (r > 0) end(sum[r - 1], r - 1);
            });
            end(sum[R - 1], R - 1);
        };
        const auto through = [&](const auto& function) SMLDIST_INLINE_LAMBDA {
            last([&](row& x, std::size_t r) SMLDIST_INLINE_LAMBDA {
                if (addend) x.add(addend + r * job.end.addend_step);
                x.each([&](auto& v, std::size_t) SMLDIST_INLINE_LAMBDA { v = function.value(v); });
                x.store(c + r * ldc);
            });
        };
        if constexpr (!ends_in_registers<R>)
            through(identity{});
        else if (f == activation::hard_swish)
            through(hard_swish{});
        else if (f != activation::none || addend)
            through(clamp<T>(f));
        else
            last([&](row& x, std::size_t r) SMLDIST_INLINE_LAMBDA { x.store(c + r * ldc); });
        a += R * row_step;
        c += R * ldc;
        if (addend) addend += R * job.end.addend_step;
    }
}

/// Computes `rows` rows of a panel of U units in tiles of two heights and the rest in single rows.
///
/// Three half registers are faster than one and a half, where FMAs of the two widths wait for each other: 24 columns
/// run at 0.94 of peak instead of 0.86.
template <class T, std::size_t U> SMLDIST_NOINLINE void whole_panel(tile_job<T> job, std::size_t rows) {
    constexpr std::size_t NH = !half_panels<T> ? 0 : U == 3 ? 3 : U % 2, NW = half_panels<T> ? (U - NH) / 2 : U;
    constexpr std::size_t width = U * unit<T>, low = tile_heights<T>(U)[0], high = tile_heights<T>(U)[1];
    const activation f = job.end.f;
    const auto part = [&](auto height, std::size_t count) {
        if (count == 0) return;
        tiles<T, height, NW, NH>(job, count);
        if (f == activation::hard_sigmoid || (f != activation::none && !ends_in_registers<height>))
            end_rows(f, count * height, width, job.c, job.ldc);
        job.skip(count * height);
    };
    if (f == activation::hard_sigmoid) job.end.f = activation::none;
    const bool prefer_low = simd::registers < 32 && job.K < 40;
    const std::size_t first = prefer_low ? low : high, second = prefer_low ? high : low;
    // As many of the preferred height as leave a multiple of the other, if possible: 8 rows are 4 + 4, not 6 + 1 + 1.
    std::size_t count = rows / first;
    for (std::size_t spared = 0; spared <= count && spared < second; ++spared)
        if ((rows - (count - spared) * first) % second == 0) {
            count -= spared;
            break;
        }
    const std::size_t others = (rows - count * first) / second;
    part(std::integral_constant<std::size_t, high>{}, prefer_low ? others : count);
    part(std::integral_constant<std::size_t, low>{}, prefer_low ? count : others);
    part(std::integral_constant<std::size_t, 1>{}, rows - count * first - others * second);
}

/// The same for a number of units that is known at run time.
template <class T> void whole_panel(const tile_job<T>& job, std::size_t rows, std::size_t units) {
    constexpr auto of_units = []<std::size_t... U>(std::index_sequence<U...>) {
        return std::array<void (*)(tile_job<T>, std::size_t), sizeof...(U)>{whole_panel<T, U + 1>...};
    }
    (std::make_index_sequence<widest<T>>{});
    of_units[units - 1](job, rows);
}

/// The same when C, the bias and the addend have only `columns` columns: through padded copies.
template <class T>
SMLDIST_NOINLINE void cut_panel(tile_job<T> job, std::size_t rows, std::size_t units, std::size_t columns) {
    const std::size_t width = units * unit<T>;
    alignas(64) T bias[widest<T> * unit<T>] = {}, edge[tallest * widest<T> * unit<T>] = {};
    if (job.end.bias) std::copy_n(job.end.bias, columns, bias);
    for (std::size_t n; rows > 0; rows -= n, job.skip(n)) {
        n = std::min(rows, tallest);
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

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif

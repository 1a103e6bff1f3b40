// SPDX-License-Identifier: BSD-3-Clause
/// Convolutions of normalised and activated columns, y = conv(f(z(x)) · gate), that read only x: see
/// kernel/normalise.hpp. A few samples at a time are normalised into scratch and convolved while they are in cache;
/// backward, the gradient of the scratch is turned into that of x in the same place.
///
/// x (B,L,C), map (3,C), gate (B,C) or null. Fixed chunks of samples are summed separately and added in order. Outputs
/// do not overlap inputs.
#ifndef SMLDIST_KERNEL_NORMED_CONV_HPP
#define SMLDIST_KERNEL_NORMED_CONV_HPP

#include <algorithm>
#include <cstddef>

#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/depthwise.hpp"
#include "smldist/kernel/gemm.hpp"
#include "smldist/kernel/normalise.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/scratch.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// How B samples are cut: into chunks that are summed separately, each processed in blocks whose scratch stays in L2.
struct sample_cuts {
    std::size_t B, block, chunk;

    /// At least 64 rows per block, the height of the product's own blocks; at most `most` chunks.
    sample_cuts(std::size_t samples, std::size_t L, std::size_t C, std::size_t most) : B(samples) {
        const std::size_t rows = std::clamp<std::size_t>(24576 / std::max<std::size_t>(1, C), 64, 512);
        block = std::max<std::size_t>(1, rows / std::max<std::size_t>(1, L));
        chunk = std::max(block, (B + most - 1) / most);
    }
    std::size_t chunks() const { return (B + chunk - 1) / chunk; }
};

/// y = f(z) · gate for the samples [first, last), one gate per sample; y is dense.
template <class T>
void normalise_samples(const row_functions<T>& f, std::size_t first, std::size_t last, std::size_t L, std::size_t C,
                       const T* x, const column_map<T>& m, const T* gate, T* y) {
    if (!gate) return f.apply((last - first) * L, C, x + first * L * C, C, m, gate, y, C);
    for (std::size_t b = first; b < last; ++b)
        f.apply(L, C, x + b * L * C, C, m, gate + b * C, y + (b - first) * L * C, C);
}

} // namespace detail

/// y (B,L,O) = (f(z) · gate) wᵀ, w (O,C)
template <class T>
SMLDIST_NOINLINE void normed_pointwise_forward(const row_functions<T>& f, std::size_t B, std::size_t L, std::size_t C,
                                               std::size_t O, const T* x, const T* map, const T* gate, const T* w,
                                               T* y) {
    const std::size_t block = detail::sample_cuts(B, L, C, 1).block;
    const scratch<T> panels(packed_size<T>(O, C));
    const packed_b<T> weights = pack_nt(O, C, w, C, panels.data());
    parallel_for_scratch<T>(
        B, block, std::min(B, block) * L * C, [&](std::size_t first, std::size_t last, T* normal) {
            detail::normalise_samples(f, first, last, L, C, x, column_map<T>(map, C), gate, normal);
            gemm_packed((last - first) * L, normal, C, weights, y + first * L * O, O, false);
        });
}

/// Gradients of normed_pointwise_forward, dx and sums (2,C) as in normalise_rows_backward: dgate (B,C), given with gate, is
/// overwritten, dw (+)= dyᵀ (f(z) · gate) may be null.
template <class T>
SMLDIST_NOINLINE void normed_pointwise_backward(const row_functions<T>& f, std::size_t B, std::size_t L,
                                                std::size_t C, std::size_t O, const T* x, const T* map, const T* gate,
                                                const T* w, const T* dy, T* dx, T* sums, T* dgate, T* dw,
                                                bool add_dw) {
    // The weight gradients of all chunks must not cost more than a pass over x.
    const detail::sample_cuts cuts(B, L, C, std::clamp<std::size_t>(B * L / (2 * O), 4, 16));
    const detail::chunk_sums<T> partial(cuts.chunks(), C, dw ? O * C : 0);
    const column_map<T> m(map, C);
    const scratch<T> panels(packed_size<T>(C, O));
    const packed_b<T> weights = pack_nn(C, O, w, C, panels.data());
    if (dgate) std::fill_n(dgate, B * C, T(0));
    const std::size_t most = std::min(B, cuts.block) * L, kept = dw ? most * C : 0; // rows, and elements of f(z)
    const auto run = [&](std::size_t from, std::size_t to, T* normal) {
        const std::size_t i = from / cuts.chunk;
        for (std::size_t first = from; first < to; first += cuts.block) {
            const std::size_t last = std::min(to, first + cuts.block), rows = (last - first) * L;
            const T* const d = dy + first * L * O;
            gemm_packed(rows, d, O, weights, dx + first * L * C, C, false);
            const auto turn = [&](std::size_t b, std::size_t count) {
                const std::size_t at = b * L * C;
                f.gradients(count * L, C, x + at, dx + at, C, dx + at, C, m, false, gate ? gate + b * C : nullptr,
                            gate ? dgate + b * C : nullptr, partial.sums(i), C,
                            dw ? normal + (b - first) * L * C : nullptr, C);
            };
            if (!gate)
                turn(first, last - first);
            else
                for (std::size_t b = first; b < last; ++b) turn(b, 1);
            if (dw) gemm_tn(O, C, rows, d, O, normal, C, partial.weights(i), C, first > from, normal + kept);
        }
    };
    parallel_for_scratch<T>(B, cuts.chunk, dw ? kept + gemm_tn_scratch<T>(O, C, most) : 0, run);
    partial.add_up(sums, dw, add_dw);
}

/// y (B,Lo,C) = the depthwise convolution of f(z) with w (C,K), as depthwise_forward
template <class T>
SMLDIST_NOINLINE void normed_depthwise_forward(const row_functions<T>& f, std::size_t B, std::size_t L, std::size_t C,
                                               std::size_t Lo, std::size_t K, std::size_t stride, std::size_t pad,
                                               std::size_t dilation, const T* x, const T* map, const T* w, T* y) {
    if (Lo == 0) return;
    const column_map<T> m(map, C);
    const scratch<T> wt(K * C);
    detail::transpose_taps(C, K, w, wt.data(), false);
    const std::size_t rows = (Lo - 1) * stride + (K - 1) * dilation + 1, width = detail::block_width(C);
    const auto run = [&](std::size_t first, std::size_t last, T* copy) {
        const detail::spread_rows<T> padded(copy, L, 1, static_cast<std::ptrdiff_t>(pad), rows, width);
        const detail::steps steps{Lo, stride, dilation, padded.pitch()};
        detail::for_blocks(first, last, C, K, [&](auto k, std::size_t b, std::size_t c, std::size_t n) {
            const T* const from = padded.fill([&](std::size_t t, std::size_t count, T* to, std::size_t step) {
                f.apply(count, n, x + (b * L + t) * C + c, C, m.from(c), nullptr, to, step);
            });
            detail::correlate<k>(steps, K, n, C, from, wt.data() + c, y + b * Lo * C + c, false);
        });
    };
    parallel_for_scratch<T>(B, chunk_rows(Lo * C * K / 2), detail::spread_rows<T>::size(rows, width), run);
}

/// Gradients of normed_depthwise_forward, dx and sums (2,C) as in normalise_rows_backward; dw (+)= may be null.
template <class T>
SMLDIST_NOINLINE void normed_depthwise_backward(const row_functions<T>& f, std::size_t B, std::size_t L,
                                                std::size_t C, std::size_t Lo, std::size_t K, std::size_t stride,
                                                std::size_t pad, std::size_t dilation, const T* x, const T* map,
                                                const T* w, const T* dy, T* dx, T* sums, T* dw, bool add_dw) {
    const column_map<T> m(map, C);
    const scratch<T> flipped(K * C);
    detail::transpose_taps(C, K, w, flipped.data(), true);
    const std::size_t reach = (K - 1) * dilation, rows = Lo == 0 ? 0 : (Lo - 1) * stride + reach + 1;
    const std::ptrdiff_t lead = static_cast<std::ptrdiff_t>(reach) - static_cast<std::ptrdiff_t>(pad);
    const std::size_t samples = std::max(chunk_rows(L * C * K / 2), (B + 15) / 16);
    const detail::chunk_sums<T> partial(std::max<std::size_t>(1, (B + samples - 1) / samples), C, K * C);
    const std::size_t width = detail::block_width(C), copied = detail::spread_rows<T>::size(rows, width);
    const auto run = [&](std::size_t first, std::size_t last, T* copy) {
        const std::size_t i = first / samples;
        std::fill_n(partial.weights(i), K * C, T(0));
        const detail::spread_rows<T> padded(copy, L, 1, static_cast<std::ptrdiff_t>(pad), rows, width);
        const detail::spread_rows<T> spread(copy + copied, Lo, stride, lead, L + reach, width);
        detail::for_blocks(first, last, C, K, [&](auto k, std::size_t b, std::size_t c, std::size_t n) {
            const T *const from = x + b * L * C + c, *const d = dy + b * Lo * C + c;
            T* const to = dx + b * L * C + c;
            detail::correlate<k>({L, 1, dilation, spread.pitch()}, K, n, C, spread(d, n, C), flipped.data() + c, to,
                                 false);
            const auto turn = [&](std::size_t t, std::size_t count, T* normal, std::size_t step) {
                f.gradients(count, n, from + t * C, to + t * C, C, to + t * C, C, m.from(c), false, nullptr, nullptr,
                            partial.sums(i) + c, C, normal, step);
            };
            const T* const normal = padded.fill(turn);
            for (const auto& [t, count] : padded.outside(L)) turn(t, count, nullptr, 0);
            detail::tap_gradients<k>({Lo, stride, dilation, padded.pitch()}, K, n, C, d, normal,
                                     partial.weights(i) + c);
        });
    };
    parallel_for_scratch<T>(B, samples, copied + detail::spread_rows<T>::size(L + reach, width), run);
    const scratch<T> taps(K * C);
    partial.add_up(sums, taps.data(), false);
    if (dw) detail::untranspose_taps(C, K, taps.data(), dw, add_dw);
}

// For smldist::compiled.
SMLDIST_INSTANTIATE_KERNEL(normed_pointwise_forward<float>)
SMLDIST_INSTANTIATE_KERNEL(normed_pointwise_backward<float>)
SMLDIST_INSTANTIATE_KERNEL(normed_depthwise_forward<float>)
SMLDIST_INSTANTIATE_KERNEL(normed_depthwise_backward<float>)

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif

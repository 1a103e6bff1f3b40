// SPDX-License-Identifier: BSD-3-Clause
/// The steps that multiply by weights: linear maps, dense, grouped, pointwise and depthwise convolutions, and products of
/// two values. Weights are packed, batch-norms folded into them; bias, residual and activation end the same step.
#ifndef SMLDIST_DEPLOY_PRODUCT_HPP
#define SMLDIST_DEPLOY_PRODUCT_HPP

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "smldist/deploy/step.hpp"
#include "smldist/kernel/conv.hpp"
#include "smldist/kernel/depthwise.hpp"
#include "smldist/kernel/gemm.hpp"

namespace smldist::inline SMLDIST_ABI::deploy {

/// What ends a product: y = f(product + bias + residual).
struct ending {
    operand bias, residual; ///< (N) or none · as y or none
    activation f = activation::none;
};

/// y[r,:] = f(x[r,:] W + bias + residual[r,:]): a linear map, a pointwise convolution, a product with a constant matrix.
struct gemm_step {
    static constexpr std::string_view name = "gemm";
    std::size_t rows, N, K; ///< rows of a sample
    operand x, weight, y;   ///< weight: packed by kernel::pack_nt or pack_nn
    ending end;

    void operands(auto&& f) { f(x), f(weight), f(end.bias), f(end.residual), f(y); }
    void run(const frame& f) const {
        const float* const residual = f.read(end.residual);
        float* const to = f.write(y);
        kernel::gemm_packed(f.n * rows, f.read(x), K, kernel::packed_b<float>{f.read(weight), N, K}, to, N, false,
                            f.read(end.bias),
                            [&](float* c, std::size_t ldc, std::size_t m, std::size_t, std::size_t n) {
                                finish(end.f, m, n, c, ldc, nullptr, residual ? residual + (c - to) : nullptr);
                            });
    }
};

/// The normaliser of the input, in the weights: offset and scale (C), and low and high (C) or none.
struct normalising {
    operand offset, scale, low, high;

    explicit operator bool() const { return bool(offset); }
    void operands(auto&& f) { f(offset), f(scale), f(low), f(high); }
    /// The same arithmetic as normaliser::apply, on `rows` rows of C values.
    void apply(const frame& f, std::size_t rows, std::size_t C, float* x) const {
        const float *o = f.read(offset), *s = f.read(scale), *a = f.read(low), *b = f.read(high);
        for (std::size_t r = 0; r < rows; ++r, x += C) {
            if (a)
                for (std::size_t c = 0; c < C; ++c) x[c] = std::clamp(x[c], a[c], b[c]);
            for (std::size_t c = 0; c < C; ++c) x[c] = (x[c] - o[c]) * s[c];
        }
    }
};

/// Dense or grouped convolution: each sample is copied between zeros, or unfolded, and multiplied.
///
/// A normaliser is applied to that copy. The zeros around it are zeros of normalised units, as the network was trained
/// with; folding the offset into the bias would be wrong at the border.
struct conv_step {
    static constexpr std::string_view name = "conv";
    kernel::detail::conv_shape s;
    operand x, weight, y, matrix; ///< weight: groups · packed_size(O/groups, K·C/groups); matrix: scratch
    ending end;
    normalising normal;

    void operands(auto&& f) { f(x), f(weight), f(end.bias), f(end.residual), normal.operands(f), f(matrix), f(y); }
    void run(const frame& f) const {
        const std::size_t n = s.group_outputs(), columns = s.columns();
        const std::size_t packed = kernel::packed_size<float>(n, columns);
        float* const unfolded = f.write(matrix);
        for (std::size_t b = 0; b < f.n; ++b)
            for (std::size_t g = 0; g < s.groups; ++g) {
                kernel::detail::unfold(s, g, f.read(x, b), unfolded);
                if (normal) normal.apply(f, inside(), s.C, unfolded + s.pad * s.C);
                const float* const bias = f.read(end.bias);
                const float* const residual = end.residual ? f.read(end.residual, b) + g * n : nullptr;
                float* const to = f.write(y, b) + g * n;
                kernel::gemm_packed(
                    s.Lo, unfolded, s.row_step(), kernel::packed_b<float>{f.read(weight) + g * packed, n, columns},
                    to, s.O, false, bias ? bias + g * n : nullptr,
                    [&](float* c, std::size_t ldc, std::size_t m, std::size_t, std::size_t count) {
                        finish(end.f, m, count, c, ldc, nullptr, residual ? residual + (c - to) : nullptr);
                    });
            }
    }
    /// Rows of the padded sample that are not zeros around it.
    std::size_t inside() const {
        const std::size_t rows = (s.Lo - 1) * s.stride + s.K;
        return std::min(rows - std::min(rows, s.pad), s.L);
    }
};

/// Depthwise convolution; see kernel/depthwise.hpp.
struct depthwise_step {
    static constexpr std::string_view name = "depthwise";
    std::size_t L, C, Lo, K, stride, pad, dilation;
    operand x, weight, y, padded; ///< weight (K, C); padded: scratch of padded_size()
    ending end;

    void operands(auto&& f) { f(x), f(weight), f(end.bias), f(end.residual), f(padded), f(y); }
    /// Rows that the outputs read, zeros included.
    std::size_t rows() const { return (Lo - 1) * stride + (K - 1) * dilation + 1; }
    /// Elements between rows of the copy: an odd number of cache lines.
    std::size_t pitch() const { return ((kernel::detail::block_width(C) * sizeof(float) + 63) / 64 | 1) * 16; }
    std::size_t padded_size() const { return rows() * pitch(); }

    void run(const frame& f) const {
        const kernel::detail::steps steps{Lo, stride, dilation, pitch()};
        const std::size_t before = std::min(rows(), pad), inside = std::min(rows() - before, L);
        float* const copy = f.write(padded);
        std::fill_n(copy, before * pitch(), 0.0f);
        std::fill_n(copy + (before + inside) * pitch(), (rows() - before - inside) * pitch(), 0.0f);
        kernel::detail::with_taps(K, [&](auto k) {
            for (std::size_t c = 0; c < C; c += kernel::detail::channel_block) {
                const std::size_t n = kernel::detail::block_width(C - c);
                for (std::size_t b = 0; b < f.n; ++b) {
                    const float* const from = f.read(x, b) + c;
                    for (std::size_t t = 0; t < inside; ++t)
                        std::copy_n(from + t * C, n, copy + (before + t) * pitch());
                    float* const to = f.write(y, b) + c;
                    kernel::detail::correlate<k>(steps, K, n, C, copy, f.read(weight) + c, to, false);
                    finish(end.f, Lo, n, to, C, end.bias ? f.read(end.bias) + c : nullptr,
                           end.residual ? f.read(end.residual, b) + c : nullptr);
                }
            }
        });
    }
};

/// y (M,N) = A·B for A[m,k] = a[m·a_row + k·a_step], B (K,N), or (N,K) if `transposed`. No packing: for products of two
/// values of one sample, which are small.
inline void multiply(std::size_t M, std::size_t N, std::size_t K, const float* a, std::size_t a_row,
                     std::size_t a_step, const float* b, bool transposed, float* y) {
    using kernel::simd::sweep;
    for (std::size_t m = 0; m < M; ++m, a += a_row, y += N) {
        if (transposed && a_step == 1) {
            for (std::size_t n = 0; n < N; ++n)
                y[n] = kernel::detail::row_total<float>(K, [&](auto p, std::size_t k) SMLDIST_INLINE_LAMBDA {
                    return p.load(a + k) * p.load(b + n * K + k);
                });
        } else if (transposed) {
            for (std::size_t n = 0; n < N; ++n) {
                y[n] = 0;
                for (std::size_t k = 0; k < K; ++k) y[n] += a[k * a_step] * b[n * K + k];
            }
        } else {
            std::fill_n(y, N, 0.0f);
            for (std::size_t k = 0; k < K; ++k)
                sweep<float>(N, [&](auto p, std::size_t n) SMLDIST_INLINE_LAMBDA {
                    p.store(y + n, kernel::simd::fma(p.set(a[k * a_step]), p.load(b + k * N + n), p.load(y + n)));
                });
        }
    }
}

/// y = A B in each sample, A and B as they are or transposed.
struct matmul_step {
    static constexpr std::string_view name = "matmul";
    std::size_t M, N, K;
    bool transpose_a, transpose_b;
    operand a, b, y;

    void operands(auto&& f) { f(a), f(b), f(y); }
    void run(const frame& f) const {
        for (std::size_t i = 0; i < f.n; ++i)
            multiply(M, N, K, f.read(a, i), transpose_a ? 1 : K, transpose_a ? M : 1, f.read(b, i), transpose_b,
                     f.write(y, i));
    }
};

} // namespace smldist::inline SMLDIST_ABI::deploy

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// The steps that multiply by weights: linear maps, dense, grouped and pointwise convolutions, and products of two values.
/// Weights are packed, with batch-norms folded in; bias, residual and activation are the epilogue of the step.
#ifndef SMLDIST_RUNTIME_PRODUCT_HPP
#define SMLDIST_RUNTIME_PRODUCT_HPP

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "smldist/kernel/conv.hpp"
#include "smldist/kernel/gemm.hpp"
#include "smldist/runtime/step.hpp"

namespace smldist::runtime {
SMLDIST_NAMESPACE_BEGIN

/// y (M,N) = A·B for A[m,k] = a[m·a_row + k·a_step], B (K,N), or (N,K) if `transposed`. No packing: for products of two
/// values of one sample, which are small.
inline void multiply(std::size_t M, std::size_t N, std::size_t K, const float* a, std::size_t a_row,
                     std::size_t a_step, const float* b, bool transposed, float* y) {
    using kernel::simd::sweep;
    for (std::size_t m = 0; m < M; ++m, a += a_row, y += N) {
        if (transposed && a_step == 1) {
            for (std::size_t n = 0; n < N; ++n)
                y[n] = kernel::row_total<float>(K, [&](auto p, std::size_t k) SMLDIST_INLINE_LAMBDA {
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

namespace detail {

/// C (M,N) = f(A·B + bias + residual), rows of the residual ldc apart as C's; bias and residual may be null.
inline void product(std::size_t M, const float* a, std::size_t lda, kernel::packed_b<float> b, float* c,
                    std::size_t ldc, const float* bias, const float* residual, activation f) {
    kernel::epilogue<float> end{bias, residual, ldc, activation::none};
    if (kernel::ends_products(f)) {
        end.f = f;
        return kernel::gemm_packed(M, a, lda, b, c, ldc, end);
    }
    kernel::gemm_packed(M, a, lda, b, c, ldc, end,
                        [f](float* part, std::size_t step, std::size_t rows, std::size_t, std::size_t columns) {
                            finish(f, rows, columns, part, step, nullptr, nullptr);
                        });
}

} // namespace detail

/// y[r,:] = f(x[r,:] W + bias + residual[r,:]): a linear map, a pointwise convolution, a product with a constant matrix.
///
/// A product with few columns, such as a head's, has too few accumulators to hide latency; it is computed as dot
/// products along K. With a gate g (K) in each sample, h(x[r,:] g) is multiplied instead: a few samples at a time go
/// through a small buffer.
struct gemm_step {
    static constexpr std::string_view name = "gemm";
    std::size_t rows, N, K; ///< rows of a sample
    operand x, weight, y;   ///< weight: (N, K) if is_narrow(), else packed by kernel::pack_nt or pack_nn
    ending end;
    operand gate = {}, gated = {}; ///< gate (K) or none; gated: scratch of gated_size()
    activation gate_end = activation::none;

    /// Whether the product is computed as dot products: one row of har_teacher's head takes 0.1 µs instead of 0.4 µs.
    bool is_narrow() const { return N <= 8 && K >= 64; }
    std::size_t weight_size() const { return is_narrow() ? N * K : kernel::packed_size<float>(N, K); }
    /// Samples that are gated together: at least 16 rows, two tiles of the product.
    std::size_t group() const { return 1 + 15 / rows; }
    /// Rows of a sample that are gated together: all, or a part of those of an image.
    std::size_t part() const { return rows <= 256 ? rows : 64; }
    std::size_t gated_size() const { return group() * part() * K; }
    void operands(operand_list& f) const { f(x), f(weight), f(end.bias), f(end.residual), f(gate), f(gated), f(y); }
    void run(const frame& f) const {
        if (!gate) return multiply(f, 0, f.n * rows, f.read(x));
        float* const buffer = f.write(gated);
        for (std::size_t b = 0; b < f.n; b += group())
            for (std::size_t first = 0; first < rows; first += part()) {
                const std::size_t n = std::min(group(), f.n - b), count = std::min(part(), rows - first);
                for (std::size_t i = 0; i < n; ++i)
                    detail::apply_gate(gate_end, count, K, f.read(x, b + i) + first * K, f.read(gate, b + i),
                                       buffer + i * rows * K);
                multiply(f, b * rows + first, n * count, buffer);
            }
    }

private:
    /// The rows [first, first + count) of all samples, one after the other.
    void multiply(const frame& f, std::size_t first, std::size_t count, const float* from) const {
        float* const to = f.write(y) + first * N;
        const float* const residual = end.residual ? f.read(end.residual) + first * N : nullptr;
        if (is_narrow()) {
            runtime::multiply(count, N, K, from, K, 1, f.read(weight), true, to);
            return finish(end.f, count, N, to, N, f.read(end.bias), residual);
        }
        detail::product(count, from, K, kernel::packed_b<float>{f.read(weight), N, K}, to, N, f.read(end.bias),
                        residual, end.f);
    }
};

/// The normaliser of the input, stored in the weights: offset and scale (C), and low and high (C) or none.
struct normalising {
    operand offset, scale, low, high;

    explicit operator bool() const { return bool(offset); }
    void operands(operand_list& f) const { f(offset), f(scale), f(low), f(high); }
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
/// A normaliser is applied to that copy. The zeros around it are zeros in normalised units, as in training; folding the
/// offset into the bias would be wrong at the border.
struct conv_step {
    static constexpr std::string_view name = "conv";
    kernel::conv_shape s;
    operand x, weight, y, matrix; ///< weight: groups · packed_size(O/groups, K·C/groups); matrix: scratch
    ending end;
    normalising normal;

    void operands(operand_list& f) const {
        f(x), f(weight), f(end.bias), f(end.residual), normal.operands(f), f(matrix), f(y);
    }
    void run(const frame& f) const {
        const std::size_t n = s.group_outputs(), columns = s.columns();
        const std::size_t packed = kernel::packed_size<float>(n, columns);
        float* const unfolded = f.write(matrix);
        for (std::size_t b = 0; b < f.n; ++b)
            for (std::size_t g = 0; g < s.groups; ++g) {
                kernel::unfold(s, g, f.read(x, b), unfolded);
                if (normal) normal.apply(f, inside(), s.C, unfolded + s.pad * s.C);
                const float* const bias = f.read(end.bias);
                detail::product(s.Lo, unfolded, s.row_step(),
                                kernel::packed_b<float>{f.read(weight) + g * packed, n, columns},
                                f.write(y, b) + g * n, s.O, bias ? bias + g * n : nullptr,
                                end.residual ? f.read(end.residual, b) + g * n : nullptr, end.f);
            }
    }
    /// Rows of the padded sample without the zeros around it.
    std::size_t inside() const {
        const std::size_t rows = (s.Lo - 1) * s.stride + s.K;
        return std::min(rows - std::min(rows, s.pad), s.L);
    }
};

/// Transposed convolution: a product gives what each step of x adds to the result, and is added there.
struct conv_transpose_step {
    static constexpr std::string_view name = "conv_transpose";
    kernel::conv_shape s; ///< of the convolution from y to x
    operand x, weight, y,
        matrix; ///< weight: groups · packed_size(K·C/groups, O/groups); matrix: scratch, Lo·K·C/groups
    ending end;

    void operands(operand_list& f) const { f(x), f(weight), f(end.bias), f(end.residual), f(matrix), f(y); }
    void run(const frame& f) const {
        const std::size_t n = s.group_outputs(), columns = s.columns();
        const std::size_t packed = kernel::packed_size<float>(columns, n);
        float* const added = f.write(matrix);
        for (std::size_t b = 0; b < f.n; ++b) {
            float* const to = f.write(y, b);
            std::fill_n(to, s.L * s.C, 0.0f);
            for (std::size_t g = 0; g < s.groups; ++g) {
                kernel::gemm_packed(s.Lo, f.read(x, b) + g * n, s.O,
                                    kernel::packed_b<float>{f.read(weight) + g * packed, columns, n}, added, columns,
                                    false);
                kernel::fold_add(s, g, added, to);
            }
            finish(end.f, s.L, s.C, to, s.C, f.read(end.bias), end.residual ? f.read(end.residual, b) : nullptr);
        }
    }
};

/// y = A B for each of the `count` products of a sample; A and B may be transposed, and one matrix may serve all products.
struct matmul_step {
    static constexpr std::string_view name = "matmul";
    std::size_t M, N, K;
    bool transpose_a, transpose_b;
    operand a, b, y;
    std::size_t count = 1, a_step = 0, b_step = 0; ///< elements from one matrix to the next; 0: one for all

    void operands(operand_list& f) const { f(a), f(b), f(y); }
    void run(const frame& f) const {
        for (std::size_t i = 0; i < f.n; ++i)
            for (std::size_t j = 0; j < count; ++j)
                multiply(M, N, K, f.read(a, i) + j * a_step, transpose_a ? 1 : K, transpose_a ? M : 1,
                         f.read(b, i) + j * b_step, transpose_b, f.write(y, i) + j * M * N);
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::runtime

#endif

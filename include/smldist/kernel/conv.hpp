// SPDX-License-Identifier: BSD-3-Clause
/// Dense and grouped 1-D convolution (cross-correlation), channels last:
///
///     y[b,t,o] = bias[o] + Σ_{k,c} w[o,c,k] · x[b, t·stride + k·dilation − pad, g(o)·C/groups + c]
///
/// x (B,L,C), w (O, C/groups, K), y (B,Lo,O); positions outside [0, L) read as 0. `pad` is the padding on the left, Lo
/// decides the right. Each sample becomes a product with the matrix that `unfold` writes. Cost
/// 2·B·Lo·O·K·C/groups flops. Depthwise convolution has its own kernel; pointwise is a plain product. Outputs do not
/// overlap inputs.
#ifndef SMLDIST_KERNEL_CONV_HPP
#define SMLDIST_KERNEL_CONV_HPP

#include <algorithm>
#include <cstddef>

#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/gemm.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/scratch.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

/// The sizes of a convolution as above, and those of the matrix that a sample becomes.
struct conv_shape {
    std::size_t L, C, Lo, O, K, stride, pad, dilation, groups;

    std::size_t group_inputs() const { return C / groups; }
    std::size_t group_outputs() const { return O / groups; }
    /// Columns of the matrix of a group: one per tap and input channel, k·C/groups + c.
    std::size_t columns() const { return K * group_inputs(); }
    /// Without groups and dilation, the rows of a zero-padded sample overlap: the matrix is a view of it.
    bool is_view() const { return groups == 1 && dilation == 1; }
    std::size_t row_step() const { return is_view() ? stride * C : columns(); }
    /// Elements of the matrix of one group of one sample, or of the padded sample.
    std::size_t matrix_size() const { return is_view() ? ((Lo - 1) * stride + K) * C : Lo * columns(); }
    std::size_t macs() const { return Lo * O * columns(); }
    /// Samples of one parallel chunk.
    std::size_t samples() const { return 1 + detail::chunk_macs / std::max<std::size_t>(1, macs()); }
};

/// The matrix X[t, k·C/groups + c] = x[t·stride + k·dilation − pad, g·C/groups + c] of group g of a sample x (L,C), with 0
/// outside [0, L). Writes matrix_size() elements; the rows of X are row_step() apart and overlap where is_view().
template <class T> void unfold(const conv_shape& s, std::size_t g, const T* x, T* out) {
    if (s.is_view()) {
        const std::size_t rows = (s.Lo - 1) * s.stride + s.K, before = std::min(rows, s.pad);
        const std::size_t inside = std::min(rows - before, s.L);
        std::fill_n(out, before * s.C, T(0));
        std::copy_n(x, inside * s.C, out + before * s.C);
        std::fill(out + (before + inside) * s.C, out + rows * s.C, T(0));
        return;
    }
    const std::size_t n = s.group_inputs();
    for (std::size_t t = 0; t < s.Lo; ++t)
        for (std::size_t k = 0; k < s.K; ++k, out += n) {
            const std::size_t i = t * s.stride + k * s.dilation; // padded position
            if (i >= s.pad && i - s.pad < s.L)
                std::copy_n(x + (i - s.pad) * s.C + g * n, n, out);
            else
                std::fill_n(out, n, T(0));
        }
}

/// dx[t·stride + k·dilation − pad, g·C/groups + c] += X[t, k·C/groups + c], rows columns() apart.
template <class T> void fold_add(const conv_shape& s, std::size_t g, const T* matrix, T* dx) {
    const std::size_t n = s.group_inputs();
    for (std::size_t t = 0; t < s.Lo; ++t)
        for (std::size_t k = 0; k < s.K; ++k, matrix += n) {
            const std::size_t i = t * s.stride + k * s.dilation;
            if (i < s.pad || i - s.pad >= s.L) continue;
            T* const to = dx + (i - s.pad) * s.C + g * n;
            simd::sweep<T>(n, [&](auto p, std::size_t c)
                                  SMLDIST_INLINE_LAMBDA { p.store(to + c, p.load(to + c) + p.load(matrix + c)); });
        }
}

/// (O, C/groups, K) → (O, K, C/groups)
template <class T> void taps_first(const conv_shape& s, const T* w, T* out) {
    const std::size_t n = s.group_inputs();
    for (std::size_t o = 0; o < s.O; ++o)
        for (std::size_t k = 0; k < s.K; ++k)
            for (std::size_t c = 0; c < n; ++c) *out++ = w[(o * n + c) * s.K + k];
}

/// y = conv(x, w) + bias, bias (O) or null
template <class T>
SMLDIST_NOINLINE void conv_forward(std::size_t B, std::size_t L, std::size_t C, std::size_t Lo, std::size_t O,
                                   std::size_t K, std::size_t stride, std::size_t pad, std::size_t dilation,
                                   std::size_t groups, const T* x, const T* w, const T* bias, T* y) {
    const conv_shape s{L, C, Lo, O, K, stride, pad, dilation, groups};
    if (B == 0 || Lo == 0) return;
    const std::size_t n = s.group_outputs(), columns = s.columns(), packed = packed_size<T>(n, columns);
    const scratch<T> weights(O * columns), panels(groups * packed);
    taps_first(s, w, weights.data());
    for (std::size_t g = 0; g < groups; ++g)
        pack_nt(n, columns, weights.data() + g * n * columns, columns, panels.data() + g * packed);
    parallel_for_scratch<T>(B, s.samples(), s.matrix_size(), [&](std::size_t first, std::size_t last, T* matrix) {
        for (std::size_t b = first; b < last; ++b)
            for (std::size_t g = 0; g < groups; ++g) {
                unfold(s, g, x + b * L * C, matrix);
                gemm_packed(Lo, matrix, s.row_step(), packed_b<T>{panels.data() + g * packed, n, columns},
                            y + b * Lo * O + g * n, O, false, bias ? bias + g * n : nullptr);
            }
    });
}

/// dx (+)= the transpose of the convolution in x, applied to dy (B,Lo,O)
template <class T>
SMLDIST_NOINLINE void conv_backward_input(std::size_t B, std::size_t L, std::size_t C, std::size_t Lo, std::size_t O,
                                          std::size_t K, std::size_t stride, std::size_t pad, std::size_t dilation,
                                          std::size_t groups, const T* dy, const T* w, T* dx, bool add) {
    const conv_shape s{L, C, Lo, O, K, stride, pad, dilation, groups};
    const std::size_t n = s.group_outputs(), columns = s.columns(), packed = packed_size<T>(columns, n);
    const scratch<T> weights(O * columns), panels(groups * packed);
    taps_first(s, w, weights.data());
    for (std::size_t g = 0; g < groups; ++g)
        pack_nn(columns, n, weights.data() + g * n * columns, columns, panels.data() + g * packed);
    parallel_for_scratch<T>(B, s.samples(), Lo * columns, [&](std::size_t first, std::size_t last, T* matrix) {
        if (!add) std::fill(dx + first * L * C, dx + last * L * C, T(0));
        for (std::size_t b = first; b < last; ++b)
            for (std::size_t g = 0; g < groups; ++g) {
                gemm_packed(Lo, dy + b * Lo * O + g * n, O, packed_b<T>{panels.data() + g * packed, columns, n},
                            matrix, columns, false);
                fold_add(s, g, matrix, dx + b * L * C);
            }
    });
}

/// dw (+)= the gradient of the weights for dy (B,Lo,O)
///
/// Fixed chunks of samples, at most 16, are summed separately and added in order.
template <class T>
SMLDIST_NOINLINE void conv_backward_weight(std::size_t B, std::size_t L, std::size_t C, std::size_t Lo, std::size_t O,
                                           std::size_t K, std::size_t stride, std::size_t pad, std::size_t dilation,
                                           std::size_t groups, const T* dy, const T* x, T* dw, bool add) {
    const conv_shape s{L, C, Lo, O, K, stride, pad, dilation, groups};
    const std::size_t n = s.group_outputs(), columns = s.columns(), size = O * columns;
    const std::size_t samples = std::max(s.samples(), (B + 15) / 16);
    const std::size_t chunks = std::max<std::size_t>(1, (B + samples - 1) / samples);
    const std::size_t panels = detail::panels<T>(columns).count(), slack = detail::widest<T> * detail::unit<T>;
    const scratch<T> partial(chunks * size);
    std::fill_n(partial.data(), chunks * size, T(0));
    if (Lo > 0)
        parallel_for_scratch<T>(
            B, samples, s.matrix_size() + slack, [&](std::size_t first, std::size_t last, T* matrix) {
                std::fill_n(matrix + s.matrix_size(), slack, T(0));
                T* const out = partial.data() + first / samples * size;
                for (std::size_t b = first; b < last; ++b)
                    for (std::size_t g = 0; g < groups; ++g) {
                        unfold(s, g, x + b * L * C, matrix);
                        detail::gemm_tn_block(n, columns, Lo, dy + b * Lo * O + g * n, O, matrix, s.row_step(), slack,
                                              out + g * n * columns, columns, true, 0, panels);
                    }
            });
    T* const total = partial.data();
    add_partials(chunks, size, size, total, total, false);
    const std::size_t inputs = s.group_inputs();
    for (std::size_t o = 0; o < O; ++o)
        for (std::size_t c = 0; c < inputs; ++c)
            for (std::size_t k = 0; k < K; ++k) {
                const T v = total[(o * K + k) * inputs + c];
                T& to = dw[(o * inputs + c) * K + k];
                to = add ? to + v : v;
            }
}

namespace naive {

/// Calls f(y_index, w_index, x_index) for every product of the convolution.
template <class F>
void for_products(std::size_t B, std::size_t L, std::size_t C, std::size_t Lo, std::size_t O, std::size_t K,
                  std::size_t stride, std::size_t pad, std::size_t dilation, std::size_t groups, F&& f) {
    const std::size_t inputs = C / groups, outputs = O / groups;
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t t = 0; t < Lo; ++t)
            for (std::size_t o = 0; o < O; ++o)
                for (std::size_t c = 0; c < inputs; ++c)
                    for (std::size_t k = 0; k < K; ++k) {
                        const std::size_t i = t * stride + k * dilation;
                        if (i < pad || i - pad >= L) continue;
                        f((b * Lo + t) * O + o, (o * inputs + c) * K + k,
                          (b * L + i - pad) * C + o / outputs * inputs + c);
                    }
}

/// y[b,t,o] = bias[o] + Σ_{k,c} w[o,c,k] x[b, t·stride + k·dilation − pad, g(o)·C/groups + c]
template <class T>
void conv_forward(std::size_t B, std::size_t L, std::size_t C, std::size_t Lo, std::size_t O, std::size_t K,
                  std::size_t stride, std::size_t pad, std::size_t dilation, std::size_t groups, const T* x,
                  const T* w, const T* bias, T* y) {
    for (std::size_t i = 0; i < B * Lo * O; ++i) y[i] = bias ? bias[i % O] : T(0);
    for_products(B, L, C, Lo, O, K, stride, pad, dilation, groups,
                 [&](std::size_t yi, std::size_t wi, std::size_t xi) { y[yi] += w[wi] * x[xi]; });
}

/// dx (+)= w dy over the same products
template <class T>
void conv_backward_input(std::size_t B, std::size_t L, std::size_t C, std::size_t Lo, std::size_t O, std::size_t K,
                         std::size_t stride, std::size_t pad, std::size_t dilation, std::size_t groups, const T* dy,
                         const T* w, T* dx, bool add) {
    if (!add) std::fill_n(dx, B * L * C, T(0));
    for_products(B, L, C, Lo, O, K, stride, pad, dilation, groups,
                 [&](std::size_t yi, std::size_t wi, std::size_t xi) { dx[xi] += w[wi] * dy[yi]; });
}

/// dw (+)= dy x over the same products
template <class T>
void conv_backward_weight(std::size_t B, std::size_t L, std::size_t C, std::size_t Lo, std::size_t O, std::size_t K,
                          std::size_t stride, std::size_t pad, std::size_t dilation, std::size_t groups, const T* dy,
                          const T* x, T* dw, bool add) {
    if (!add) std::fill_n(dw, O * (C / groups) * K, T(0));
    for_products(B, L, C, Lo, O, K, stride, pad, dilation, groups,
                 [&](std::size_t yi, std::size_t wi, std::size_t xi) { dw[wi] += dy[yi] * x[xi]; });
}

} // namespace naive

// For smldist::compiled.
SMLDIST_INSTANTIATE_KERNEL(conv_forward<float>)
SMLDIST_INSTANTIATE_KERNEL(conv_backward_input<float>)
SMLDIST_INSTANTIATE_KERNEL(conv_backward_weight<float>)

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif

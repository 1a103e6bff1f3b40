// SPDX-License-Identifier: BSD-3-Clause
/// Dense and grouped 2-D convolution (cross-correlation) of images, channels last:
///
///     y[b,i,j,o] = bias[o] + Σ_{c,k,l} w[o,c,k,l] · x[b, h(i,k), v(j,l), g(o)·C/groups + c]
///
/// h(i,k) and v(j,l) are the positions of sliding_axis; outside of the image x reads as 0. x (B,H,W,C),
/// w (O, C/groups, Kh, Kw), y (B,Ho,Wo,O). Rows of outputs become a product with the matrix that `unfold` writes. Cost
/// 2·B·Ho·Wo·O·Kh·Kw·C/groups flops. Depthwise convolution has its own kernel; pointwise is a plain product. Work is
/// cut into rows of images, so a single image also runs on all threads. Outputs do not overlap inputs.
#ifndef SMLDIST_KERNEL_CONV2D_HPP
#define SMLDIST_KERNEL_CONV2D_HPP

#include <algorithm>
#include <cstddef>

#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/gemm.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/scratch.hpp"
#include "smldist/kernel/sliding_axis.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

/// The sizes of a convolution as above, and those of the matrix that rows of outputs become.
struct conv2d_shape {
    sliding_axis height, width;
    std::size_t C, O, groups;

    std::size_t group_inputs() const { return C / groups; }
    std::size_t group_outputs() const { return O / groups; }
    std::size_t taps() const { return height.K * width.K; }
    std::size_t input_size() const { return height.L * width.L * C; }
    std::size_t weight_size() const { return O * columns(); }
    /// Columns of the matrix of a group: one per tap and input channel, (l·Kh + k)·C/groups + c.
    std::size_t columns() const { return taps() * group_inputs(); }
    /// Whether the rows of the matrix overlap: neighbouring outputs share columns of the image, which are then written
    /// once. A row of few outputs is not worth a product of its own; its matrix is written in full, beside others.
    bool is_view() const { return width.dilation == 1 && width.Lo >= 16; }
    std::size_t row_step() const { return is_view() ? width.stride * height.K * group_inputs() : columns(); }
    /// Rows of outputs that are multiplied together.
    std::size_t rows() const { return is_view() ? 1 : (63 + width.Lo) / width.Lo; }
    /// Elements of the matrix of one group of rows() rows of outputs.
    std::size_t matrix_size() const {
        if (!is_view()) return rows() * width.Lo * columns();
        return ((width.Lo - 1) * width.stride + width.K) * height.K * group_inputs();
    }
    /// Of a row of outputs.
    std::size_t macs() const { return width.Lo * O * columns(); }
    /// Rows of outputs of one parallel chunk, a multiple of rows().
    std::size_t chunk() const {
        const std::size_t some = 1 + detail::chunk_macs / std::max<std::size_t>(1, macs());
        return (some + rows() - 1) / rows() * rows();
    }
};

namespace detail {

/// Copies n elements, mostly few: without a call.
template <class T> SMLDIST_INLINE void copy_cell(std::size_t n, const T* from, T* to) {
    simd::sweep<T>(n, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA { p.store(to + c, p.load(from + c)); });
}

/// to[j·to_step + c] = x[at + j·step, c] for j < count and c < n; 0 outside [0, W). Rows of x are C apart.
template <class T>
void copy_cells(std::size_t W, std::size_t C, const T* x, std::ptrdiff_t at, std::size_t step, std::size_t count,
                std::size_t n, T* to, std::size_t to_step) {
    const std::size_t last = clipped_quotient(static_cast<std::ptrdiff_t>(W) - at, step, count);
    const std::size_t first = std::min(last, clipped_quotient(-at, step, count));
    const auto zeros = [&](std::size_t j, std::size_t end) {
        for (; j < end; ++j) std::fill_n(to + j * to_step, n, T(0));
    };
    const auto copy = [&](auto size) {
        const T* from = x + (at + static_cast<std::ptrdiff_t>(first * step)) * static_cast<std::ptrdiff_t>(C);
        T* out = to + first * to_step;
        for (std::size_t j = first; j < last; ++j, from += step * C, out += to_step) copy_cell(size, from, out);
    };
    zeros(0, first);
    if (first < last) switch (n) {
        case 1:
            copy(std::integral_constant<std::size_t, 1>{});
            break;
        case 3:
            copy(std::integral_constant<std::size_t, 3>{});
            break;
        default:
            copy(n);
        }
    zeros(last, count);
}

} // namespace detail

/// The matrix of group g and the row i of outputs of the image x: for output j its columns
/// (l·Kh + k)·C/groups + c hold x[h(i,k), v(j,l), g·C/groups + c], or 0 outside. Rows are row_step() apart.
template <class T> void unfold(const conv2d_shape& s, std::size_t g, std::size_t i, const T* x, T* out) {
    const std::size_t n = s.group_inputs(), W = s.width.L, cell = s.height.K * n;
    for (std::size_t k = 0; k < s.height.K; ++k, out += n) {
        const std::ptrdiff_t row = s.height.at(i, k);
        const bool inside = s.height.inside(row);
        const T* const from = x + (inside ? static_cast<std::size_t>(row) * W * s.C + g * n : 0);
        const std::size_t readable = inside ? W : 0;
        if (s.is_view()) {
            detail::copy_cells(readable, s.C, from, s.width.at(0, 0), 1,
                               (s.width.Lo - 1) * s.width.stride + s.width.K, n, out, cell);
            continue;
        }
        for (std::size_t l = 0; l < s.width.K; ++l)
            detail::copy_cells(readable, s.C, from, s.width.at(0, l), s.width.stride, s.width.Lo, n, out + l * cell,
                               s.columns());
    }
}

/// The matrices of the rows [first, last) of outputs of all images, one after the other; row r is row r mod Ho of image
/// r / Ho.
template <class T>
void unfold_rows(const conv2d_shape& s, std::size_t g, std::size_t first, std::size_t last, const T* x, T* out) {
    for (std::size_t r = first; r < last; ++r, out += s.width.Lo * s.columns())
        unfold(s, g, r % s.height.Lo, x + r / s.height.Lo * s.input_size(), out);
}

namespace detail {

/// (O, C/groups, Kh, Kw) → (O, Kw, Kh, C/groups)
template <class T> void taps_first(const conv2d_shape& s, const T* w, T* out) {
    const std::size_t n = s.group_inputs(), Kh = s.height.K, Kw = s.width.K;
    for (std::size_t o = 0; o < s.O; ++o, w += s.columns())
        for (std::size_t l = 0; l < Kw; ++l)
            for (std::size_t k = 0; k < Kh; ++k)
                for (std::size_t c = 0; c < n; ++c) *out++ = w[(c * Kh + k) * Kw + l];
}

/// (O, C/groups, Kh, Kw) → (Kh, O, Kw, C/groups)
template <class T> void rows_of_taps_first(const conv2d_shape& s, const T* w, T* out) {
    const std::size_t n = s.group_inputs(), Kh = s.height.K, Kw = s.width.K;
    for (std::size_t k = 0; k < Kh; ++k)
        for (std::size_t o = 0; o < s.O; ++o)
            for (std::size_t l = 0; l < Kw; ++l)
                for (std::size_t c = 0; c < n; ++c) *out++ = w[((o * n + c) * Kh + k) * Kw + l];
}

} // namespace detail

/// y = conv(x, w) + bias, bias (O) or null
template <class T>
SMLDIST_NOINLINE void conv2d_forward(std::size_t B, const conv2d_shape& s, const T* x, const T* w, const T* bias,
                                     T* y) {
    const std::size_t n = s.group_outputs(), columns = s.columns(), packed = packed_size<T>(n, columns);
    const scratch<T> weights(s.O * columns), panels(s.groups * packed);
    detail::taps_first(s, w, weights.data());
    for (std::size_t g = 0; g < s.groups; ++g)
        pack_nt(n, columns, weights.data() + g * n * columns, columns, panels.data() + g * packed);
    const auto run = [&](std::size_t from, std::size_t to, T* matrix) {
        for (std::size_t first = from; first < to; first += s.rows()) {
            const std::size_t last = std::min(to, first + s.rows());
            for (std::size_t g = 0; g < s.groups; ++g) {
                unfold_rows(s, g, first, last, x, matrix);
                gemm_packed((last - first) * s.width.Lo, matrix, s.row_step(),
                            packed_b<T>{panels.data() + g * packed, n, columns}, y + first * s.width.Lo * s.O + g * n,
                            s.O, false, bias ? bias + g * n : nullptr);
            }
        }
    };
    parallel_for_scratch<T>(B * s.height.Lo, s.chunk(), s.matrix_size(), run);
}

/// dx (+)= the transpose of the convolution in x, applied to dy (B,Ho,Wo,O)
///
/// Input rows of the same remainder modulo the stride read consecutive rows of dy through each row of taps: one product
/// per row of taps gives the gradients of all columns of the matrix, which are then added to the input rows.
template <class T>
SMLDIST_NOINLINE void conv2d_backward_input(std::size_t B, const conv2d_shape& s, const T* dy, const T* w, T* dx,
                                            bool add) {
    const std::size_t H = s.height.L, W = s.width.L, Ho = s.height.Lo, Wo = s.width.Lo, Kw = s.width.K;
    const std::size_t n = s.group_outputs(), inputs = s.group_inputs(), columns = Kw * inputs;
    const std::size_t packed = packed_size<T>(columns, n), products = s.height.K * s.groups;
    const scratch<T> weights(s.weight_size()), panels(products * packed);
    detail::rows_of_taps_first(s, w, weights.data());
    for (std::size_t i = 0; i < products; ++i)
        pack_nn(columns, n, weights.data() + i * n * columns, columns, panels.data() + i * packed);
    const std::size_t stride = s.height.stride, block = (63 + Wo) / Wo; // input rows of one remainder together
    const std::size_t blocks = (H + stride * block - 1) / (stride * block), macs = stride * block * s.macs();
    // The gradients of the rows i, i + stride, …, `count` of them, of image b.
    const auto rows = [&](std::size_t b, std::size_t i, std::size_t count, T* matrix) {
        const tap_lattice l = tap_lattice::backward(s.height, i % stride);
        const std::size_t j = i / stride;
        for (std::size_t g = 0; g < s.groups; ++g) {
            std::fill_n(matrix, count * Wo * columns, T(0));
            for (std::size_t m = l.taps; m-- > 0;) {
                const std::ptrdiff_t row = l.at(j) + static_cast<std::ptrdiff_t>(m * l.reach); // of dy, for row i
                const std::size_t last = clipped_quotient(static_cast<std::ptrdiff_t>(Ho) - row, 1, count);
                const std::size_t first = std::min(last, clipped_quotient(-row, 1, count));
                if (first == last) continue;
                const auto from = static_cast<std::size_t>(row + static_cast<std::ptrdiff_t>(first));
                const auto k = static_cast<std::size_t>(l.tap + static_cast<std::ptrdiff_t>(m) * l.tap_apart);
                gemm_packed((last - first) * Wo, dy + (b * Ho + from) * Wo * s.O + g * n, s.O,
                            packed_b<T>{panels.data() + (k * s.groups + g) * packed, columns, n},
                            matrix + first * Wo * columns, columns, true);
            }
            for (std::size_t t = 0; t < count; ++t)
                for (std::size_t q = 0; q < Wo; ++q)
                    for (std::size_t tap = 0; tap < Kw; ++tap) {
                        const std::ptrdiff_t column = s.width.at(q, tap);
                        if (!s.width.inside(column)) continue;
                        const T* const from = matrix + (t * Wo + q) * columns + tap * inputs;
                        const std::size_t pixel = (b * H + i + t * stride) * W + static_cast<std::size_t>(column);
                        T* const to = dx + pixel * s.C + g * inputs;
                        simd::sweep<T>(inputs, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                            p.store(to + c, p.load(to + c) + p.load(from + c));
                        });
                    }
        }
    };
    parallel_for_scratch<T>(B * blocks, 1 + detail::chunk_macs / std::max<std::size_t>(1, macs), block * Wo * columns,
                            [&](std::size_t from, std::size_t to, T* matrix) {
                                for (; from < to; ++from) {
                                    const std::size_t b = from / blocks, i = from % blocks * stride * block;
                                    const std::size_t end = std::min(H, i + stride * block);
                                    if (!add)
                                        std::fill(dx + (b * H + i) * W * s.C, dx + (b * H + end) * W * s.C, T(0));
                                    for (std::size_t rest = 0; rest < stride && i + rest < end; ++rest)
                                        rows(b, i + rest, (end - i - rest + stride - 1) / stride, matrix);
                                }
                            });
}

/// dw (+)= the gradient of the weights for dy (B,Ho,Wo,O)
///
/// Fixed chunks of rows, at most 16, are summed separately and added in order.
template <class T>
SMLDIST_NOINLINE void conv2d_backward_weight(std::size_t B, const conv2d_shape& s, const T* dy, const T* x, T* dw,
                                             bool add) {
    const std::size_t n = s.group_outputs(), columns = s.columns(), size = s.weight_size(), R = B * s.height.Lo;
    const std::size_t grain = std::max(s.chunk(), ((R + 15) / 16 + s.rows() - 1) / s.rows() * s.rows());
    const std::size_t chunks = std::max<std::size_t>(1, (R + grain - 1) / grain);
    const std::size_t panels = detail::panels<T>(columns).count(), slack = detail::widest<T> * detail::unit<T>;
    const scratch<T> partial(chunks * size);
    std::fill_n(partial.data(), chunks * size, T(0));
    const auto run = [&](std::size_t from, std::size_t to, T* matrix) {
        std::fill_n(matrix + s.matrix_size(), slack, T(0));
        T* const out = partial.data() + from / grain * size;
        for (std::size_t first = from; first < to; first += s.rows()) {
            const std::size_t last = std::min(to, first + s.rows());
            for (std::size_t g = 0; g < s.groups; ++g) {
                unfold_rows(s, g, first, last, x, matrix);
                detail::gemm_tn_block(n, columns, (last - first) * s.width.Lo, dy + first * s.width.Lo * s.O + g * n,
                                      s.O, matrix, s.row_step(), slack, out + g * n * columns, columns, true, 0,
                                      panels);
            }
        }
    };
    parallel_for_scratch<T>(R, grain, s.matrix_size() + slack, run);
    T* const total = partial.data();
    add_partials(chunks, size, size, total, total, false);
    const std::size_t inputs = s.group_inputs(), Kh = s.height.K, Kw = s.width.K;
    for (std::size_t o = 0; o < s.O; ++o)
        for (std::size_t c = 0; c < inputs; ++c)
            for (std::size_t k = 0; k < Kh; ++k)
                for (std::size_t l = 0; l < Kw; ++l, ++dw) {
                    const T v = total[o * columns + (l * Kh + k) * inputs + c];
                    *dw = add ? *dw + v : v;
                }
}

namespace naive {

/// Calls f(y_index, w_index, x_index) for every product of the convolution.
template <class F> void for_products(std::size_t B, const conv2d_shape& s, F&& f) {
    const std::size_t inputs = s.group_inputs(), outputs = s.group_outputs();
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t i = 0; i < s.height.Lo; ++i)
            for (std::size_t j = 0; j < s.width.Lo; ++j)
                for (std::size_t o = 0; o < s.O; ++o)
                    for (std::size_t c = 0; c < inputs; ++c)
                        for (std::size_t k = 0; k < s.height.K; ++k)
                            for (std::size_t l = 0; l < s.width.K; ++l) {
                                const std::ptrdiff_t row = s.height.at(i, k), column = s.width.at(j, l);
                                if (!s.height.inside(row) || !s.width.inside(column)) continue;
                                const std::size_t pixel =
                                    (b * s.height.L + static_cast<std::size_t>(row)) * s.width.L +
                                    static_cast<std::size_t>(column);
                                f(((b * s.height.Lo + i) * s.width.Lo + j) * s.O + o,
                                  ((o * inputs + c) * s.height.K + k) * s.width.K + l,
                                  pixel * s.C + o / outputs * inputs + c);
                            }
}

/// y = conv(x, w) + bias
template <class T>
void conv2d_forward(std::size_t B, const conv2d_shape& s, const T* x, const T* w, const T* bias, T* y) {
    for (std::size_t i = 0; i < B * s.height.Lo * s.width.Lo * s.O; ++i) y[i] = bias ? bias[i % s.O] : T(0);
    for_products(B, s, [&](std::size_t yi, std::size_t wi, std::size_t xi) { y[yi] += w[wi] * x[xi]; });
}

/// dx (+)= w dy over the same products
template <class T>
void conv2d_backward_input(std::size_t B, const conv2d_shape& s, const T* dy, const T* w, T* dx, bool add) {
    if (!add) std::fill_n(dx, B * s.input_size(), T(0));
    for_products(B, s, [&](std::size_t yi, std::size_t wi, std::size_t xi) { dx[xi] += w[wi] * dy[yi]; });
}

/// dw (+)= dy x over the same products
template <class T>
void conv2d_backward_weight(std::size_t B, const conv2d_shape& s, const T* dy, const T* x, T* dw, bool add) {
    if (!add) std::fill_n(dw, s.weight_size(), T(0));
    for_products(B, s, [&](std::size_t yi, std::size_t wi, std::size_t xi) { dw[wi] += dy[yi] * x[xi]; });
}

} // namespace naive

// For smldist::compiled.
SMLDIST_INSTANTIATE_KERNEL(conv2d_forward<float>)
SMLDIST_INSTANTIATE_KERNEL(conv2d_backward_input<float>)
SMLDIST_INSTANTIATE_KERNEL(conv2d_backward_weight<float>)

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// The overloads of `emit` for products: weights are packed, and fused batch-norms are folded into them.
#ifndef SMLDIST_DEPLOY_EMIT_PRODUCTS_HPP
#define SMLDIST_DEPLOY_EMIT_PRODUCTS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "smldist/deploy/builder.hpp"
#include "smldist/deploy/emit.hpp"
#include "smldist/runtime/depthwise.hpp"

namespace smldist::deploy {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

using runtime::conv_step, runtime::conv_transpose_step, runtime::depthwise_step, runtime::ending, runtime::gemm_step;

/// A batch-norm of constants as scale γ/√(var + eps) and shift β − mean scale, in double.
struct affine_map {
    budget::lease room;
    std::vector<double> scale, shift;
    SMLDIST_COLD affine_map(builder& b, std::size_t id)
        : room(b.room(), 3 * channels(b, id) * sizeof(double), "a batch-norm"),
          scale(channels(b, id)),
          shift(channels(b, id)) {
        const double eps = describe<spec::batch_norm>(b.traced(), id).eps;
        const auto vector = [&](std::size_t k) { return b.constants(b.input(id, k)); };
        const auto gamma = vector(1), beta = vector(2), mean = vector(3), var = vector(4);
        for (std::size_t c = 0; c < scale.size(); ++c) {
            b.require(double(var[c]) + eps > 0, id, "a variance is not positive");
            scale[c] = double(gamma[c]) / std::sqrt(double(var[c]) + eps);
            shift[c] = double(beta[c]) - double(mean[c]) * scale[c];
        }
    }

private:
    static std::size_t channels(const builder& b, std::size_t id) { return b.at(id).shape.back(); }
};

/// The weights of a product with its batch-norms folded in, and the epilogue of its step:
///
///     BN(w x + b) = (s w) x + (s b + t),   s = γ/σ,   t = β − mean s
struct folded {
    budget::lease room;            ///< for factor and bias
    std::span<const float> weight; ///< (O, …), without the factors
    std::vector<double> factor;    ///< s (O) or empty
    std::vector<float> bias;       ///< (O) or empty

    SMLDIST_COLD folded(builder& b, std::size_t id, std::size_t outputs)
        : room(b.room(), outputs * (sizeof(double) + sizeof(float)), "what ends a product"),
          weight(b.constants(b.input(id, 1))),
          bias(b.constants(b.input(id, 2)).begin(), b.constants(b.input(id, 2)).end()) {
        for (const auto next : b.fused(id).taken) {
            if (b.annotated().of(next).what != role::batch_norm) continue;
            const affine_map map(b, next);
            if (factor.empty()) factor = std::vector<double>(outputs, 1.0);
            if (bias.empty()) bias = std::vector<float>(outputs, 0.0f);
            for (std::size_t o = 0; o < outputs; ++o) {
                factor[o] *= map.scale[o];
                bias[o] = static_cast<float>(double(bias[o]) * map.scale[o] + map.shift[o]);
            }
        }
    }
    /// The factors of the weight, or null.
    const double* factors() const { return factor.empty() ? nullptr : factor.data(); }
    ending end(builder& b, std::size_t id) const {
        const auto& f = b.fused(id);
        return {b.weights(bias), f.residual ? b.read(f.residual) : operand{}, f.end};
    }
};

/// y (columns, rows) = xᵀ
SMLDIST_NOINLINE inline void transpose(std::size_t rows, std::size_t columns, const float* x, float* y) {
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < columns; ++c) y[c * rows + r] = *x++;
}

/// x[r,c] = x[r,c] factor[c] for rows that are `step` apart; x is unchanged without factors.
SMLDIST_NOINLINE inline void scale_columns(std::size_t rows, std::size_t columns, const double* factor, float* x,
                                           std::size_t step) {
    for (std::size_t r = 0; factor && r < rows; ++r, x += step)
        for (std::size_t c = 0; c < columns; ++c) x[c] = static_cast<float>(double(x[c]) * factor[c]);
}

/// The same for K rows of N columns as kernel::pack_nt packs them.
SMLDIST_COLD inline void scale_packed(std::size_t N, std::size_t K, const double* factor, float* x) {
    if (!factor) return;
    kernel::for_packed_panels<float>(N, [&](std::size_t first, std::size_t width) {
        scale_columns(K, std::min(width, N - first), factor + first, x + first * K, width);
    });
}

/// Sets the weight of a product, (N, K) or, if transposed, (K, N), in the form that it reads, times the factors (N) if
/// any. The weight is written once, directly into the program, without a second copy in memory.
SMLDIST_COLD inline void set_weight(builder& b, gemm_step& step, std::span<const float> weight, bool transposed,
                                    const double* factor) {
    const std::size_t N = step.N, K = step.K;
    b.room().spend(std::uint64_t(step.rows) * (step.weight_size() - N * K), "its steps"); // the columns that pad it
    step.weight = b.weights(step.weight_size());
    float* const to = b.data(step.weight);
    if (!step.is_narrow()) {
        transposed ? kernel::pack_nn(N, K, weight.data(), N, to) : kernel::pack_nt(N, K, weight.data(), K, to);
        return scale_packed(N, K, factor, to);
    }
    if (transposed)
        transpose(K, N, weight.data(), to);
    else
        std::copy(weight.begin(), weight.end(), to);
    for (std::size_t n = 0; factor && n < N; ++n)
        for (float& w : std::span(to + n * K, K)) w = static_cast<float>(double(w) * factor[n]);
}

/// Packs a weight (groups·n, inputs, Kh, Kw) of a convolution group by group, taps first and along the height fastest,
/// times the factors (groups·n) if any.
SMLDIST_COLD inline void pack_taps(std::size_t groups, std::size_t n, std::size_t inputs, std::size_t Kh,
                                   std::size_t Kw, const float* w, const double* factor, float* to) {
    const std::size_t taps = Kh * Kw, columns = taps * inputs;
    for (std::size_t g = 0; g < groups; ++g, w += n * columns, to += kernel::packed_size<float>(n, columns)) {
        kernel::for_packed_panels<float>(n, [&](std::size_t first, std::size_t width) {
            float* row = to + first * columns;
            for (std::size_t t = 0; t < taps; ++t)
                for (std::size_t c = 0; c < inputs; ++c, row += width)
                    for (std::size_t j = 0; j < width; ++j) {
                        const std::size_t tap = t % Kh * Kw + t / Kh;
                        row[j] = first + j < n ? w[((first + j) * inputs + c) * taps + tap] : 0.0f;
                    }
        });
        scale_packed(n, columns, factor ? factor + g * n : nullptr, to);
    }
}

/// Packs a weight (C, O/groups, K) of a transposed convolution group by group, taps first, times the factors (O) if any. s is
/// the convolution from y to x.
SMLDIST_COLD inline void pack_transposed_taps(builder& b, const kernel::conv_shape& s, std::span<const float> w,
                                              const std::vector<double>& factor, float* to) {
    const std::size_t n = s.group_outputs(), outputs = s.group_inputs(), columns = s.columns();
    const budget::lease room(b.room(), w.size() * sizeof(float) + columns * sizeof(double), "its taps");
    std::vector<float> taps(w.size());
    std::vector<double> of_column(factor.empty() ? 0 : columns);
    kernel::taps_first(s, w.data(), taps.data());
    for (std::size_t g = 0; g < s.groups; ++g, to += kernel::packed_size<float>(columns, n)) {
        kernel::pack_nn(columns, n, taps.data() + g * n * columns, columns, to);
        for (std::size_t i = 0; i < of_column.size(); ++i) of_column[i] = factor[g * outputs + i % outputs];
        scale_packed(columns, n, of_column.empty() ? nullptr : of_column.data(), to);
    }
}

SMLDIST_COLD inline void require_weights(const builder& b, std::size_t id) {
    b.require(!varies(b, id, 1) && !varies(b, id, 2), id, "its weights are not constants");
}

/// A pointwise convolution: the product of the rows of x (…, C) with w (O, C). Its input may be gated first.
SMLDIST_COLD inline void emit_pointwise(builder& b, std::size_t id, const shape& x, const shape& w,
                                        std::uint64_t macs) {
    const std::size_t from = b.input(id, 0), L = x.rows(), C = x.back(), O = w[0];
    const folded map(b, id, O);
    gemm_step step{L, O, C, b.read(from), {}, {}, {}};
    set_weight(b, step, map.weight, false, map.factors());
    step.end = map.end(b, id);
    step.y = b.fresh(L * O);
    std::string ops = b.ops(id);
    const bool activated = b.annotated().of(from).what == role::activation;
    const std::size_t gate = activated ? b.input(from, 0) : from; // the gate; an activation may follow it
    if (b.annotated().of(gate).what == role::gate && b.fused(gate).gates_next && b.last(gate) == from) {
        step.gate = b.value(b.input(gate, 1));
        step.gate_end = b.fused(gate).end;
        step.gated = b.scratch(step.gated_size());
        ops.insert(0, b.ops(gate) + " + ");
    }
    b.add(step, ops, macs, L * O);
    b.define(b.last(id), step.y);
}

/// The ops of a depthwise convolution's step. `mean` becomes the mean over time, or over the image, that it also computes.
SMLDIST_COLD inline std::string ops_with_mean(builder& b, std::size_t id, std::size_t channels, operand& mean) {
    std::string ops = b.ops(id);
    const std::size_t next = b.fused(id).mean;
    if (next == 0) return ops;
    mean = b.fresh(channels);
    b.define(next, mean);
    return ops.append(" + ").append(b.at(next).name);
}

/// A depthwise convolution, with the mean over time that follows it.
SMLDIST_COLD inline void emit_depthwise(builder& b, std::size_t id, const spec::conv1d& s, const shape& x,
                                        const shape& w, std::size_t Lo, std::uint64_t macs) {
    const std::size_t L = x[0], C = x[1], K = w[2];
    const folded map(b, id, C);
    b.spend_rows(std::uint64_t(Lo) * K);
    const operand from = b.read(b.input(id, 0));
    depthwise_step step{L, C, Lo, K, s.stride, s.left_padding(K), s.dilation, from, b.weights(K * C), {}, {}, {}};
    transpose(C, K, map.weight.data(), b.data(step.weight));
    scale_columns(K, C, map.factors(), b.data(step.weight), C);
    step.end = map.end(b, id);
    step.y = b.fresh(Lo * C);
    const std::string ops = ops_with_mean(b, id, C, step.mean);
    b.add(step, ops, macs, Lo * C);
    b.define(b.last(id), step.y);
}

/// A dense or grouped convolution, whose input may be normalised while it is copied.
SMLDIST_COLD inline void emit_dense(builder& b, std::size_t id, const spec::conv1d& s, const shape& x, const shape& w,
                                    std::size_t Lo, std::uint64_t macs) {
    const kernel::conv_shape shape{x[0], x[1], Lo, w[0], w[2], s.stride, s.left_padding(w[2]), s.dilation, s.groups};
    const std::size_t n = shape.group_outputs(), columns = shape.columns();
    const std::size_t packed = kernel::packed_size<float>(n, columns);
    const folded map(b, id, w[0]);
    conv_step step{shape, b.read(b.input(id, 0)), b.weights(s.groups * packed), {}, {}, {}, {}};
    b.room().spend(std::uint64_t(Lo) * (s.groups * packed - map.weight.size()) + s.groups * shape.matrix_size(),
                   "its steps");
    pack_taps(s.groups, n, shape.group_inputs(), 1, w[2], map.weight.data(), map.factors(), b.data(step.weight));
    step.end = map.end(b, id);
    std::string ops = b.ops(id);
    if (b.normalises(id)) {
        step.normal = b.normaliser();
        ops.insert(0, "normalise + ");
    }
    step.matrix = b.scratch(shape.matrix_size());
    step.y = b.fresh(Lo * w[0]);
    b.add(step, ops, macs, Lo * w[0]);
    b.define(b.last(id), step.y);
}

/// The elements from one matrix of input k of a product to the next, `count` of `size` elements in a sample; 0: one for all.
SMLDIST_COLD inline std::size_t matrix_step(const builder& b, std::size_t id, std::size_t k, std::size_t count,
                                            std::size_t size) {
    const shape& s = b.at(b.input(id, k)).shape;
    const std::size_t rank = b.at(id).shape.rank();
    if (!b.constant(id) && s.rank() == rank) b.require(s[0] == 1, id, mixes);
    if (varies(b, id, k)) b.require(s.rank() == rank && rank > 2, id, mixes);
    const std::size_t own = s.product(0, s.rank() - 2);
    b.require(own == 1 || own == count, id, "an operand is repeated along some axes of its batch, but not along all");
    return own == 1 ? 0 : size;
}

} // namespace detail

/// y = x Wᵀ + b for x (…, C) and w (O, C), with the ops fused into it.
SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::linear& o) {
    const std::size_t x = b.input(id, 0);
    const shape s = detail::rows_of(b, id), w = b.at(b.input(id, 1)).shape;
    detail::require_weights(b, id);
    b.require(w.size() > 0, id, "its weight is empty");
    const detail::folded map(b, id, w[0]);
    runtime::gemm_step step{s.rows(), w[0], w[1], b.read(x), {}, {}, {}};
    detail::set_weight(b, step, map.weight, false, map.factors());
    step.end = map.end(b, id);
    step.y = b.fresh(step.rows * step.N);
    b.give(id, step, step.y, macs_of_node(o, b.traced(), id));
}

/// A convolution of x (L, C) with the ops fused into it: pointwise as a product, depthwise, or dense and grouped.
SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::conv1d& s) {
    const shape x = b.extents(b.input(id, 0)), w = b.at(b.input(id, 1)).shape;
    detail::require_weights(b, id);
    b.require(detail::varies(b, id, 0), id, "its input is a constant");
    const std::size_t Lo = b.extents(id)[0], K = w[2], pad = s.left_padding(K), most = graph::largest_value;
    const std::size_t length = x[0] + (s.causal ? pad : 2 * pad);
    b.require(length <= most / x[1] && Lo <= most / (x[1] * K), id, "it is too large");
    const std::uint64_t macs = macs_of_node(s, b.traced(), id);
    if (s.is_pointwise(w)) return detail::emit_pointwise(b, id, x, w, macs);
    if (s.is_depthwise(w)) return detail::emit_depthwise(b, id, s, x, w, Lo, macs);
    detail::emit_dense(b, id, s, x, w, Lo, macs);
}

/// A transposed convolution of x (L, C) with the ops fused into it.
SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::conv_transpose1d& o) {
    const shape x = b.extents(b.input(id, 0)), w = b.at(b.input(id, 1)).shape, y = b.extents(id);
    detail::require_weights(b, id);
    b.require(detail::varies(b, id, 0), id, "its input is a constant");
    const kernel::conv_shape s{y[0], y[1], x[0], x[1], w[2], o.stride, o.padding, o.dilation, o.groups};
    const std::size_t packed = kernel::packed_size<float>(s.columns(), s.group_outputs());
    b.require(x[0] <= graph::largest_value / s.columns(), id, "it is too large");
    const detail::folded map(b, id, y[1]);
    runtime::conv_transpose_step step{s, b.read(b.input(id, 0)), b.weights(o.groups * packed), {}, {}, {}};
    b.room().spend(std::uint64_t(x[0]) * (o.groups * packed - w.size() + 2 * o.groups * s.columns()), "its steps");
    b.spend_rows(std::uint64_t(x[0]) * o.groups * w[2]);
    detail::pack_transposed_taps(b, s, map.weight, map.factor, b.data(step.weight));
    step.end = map.end(b, id);
    step.matrix = b.scratch(x[0] * s.columns());
    step.y = b.fresh(y.size());
    b.give(id, step, step.y, macs_of_node(o, b.traced(), id));
}

/// A batch-norm that follows no product.
SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::batch_norm&) {
    const std::size_t x = b.input(id, 0);
    const shape s = detail::rows_of(b, id);
    for (std::size_t k = 1; k < 5; ++k) b.require(!detail::varies(b, id, k), id, "its statistics are not constants");
    const detail::affine_map m(b, id); // its lease also covers the floats below
    const auto floats = [&](const std::vector<double>& v) {
        return b.weights(std::vector<float>(v.begin(), v.end()));
    };
    const runtime::operand scale = floats(m.scale), shift = floats(m.shift);
    const runtime::operand from = b.read(x), y = b.over(id, x);
    b.give(id, runtime::affine_step{s.rows(), s.back(), from, scale, shift, y, b.fused(id).end}, y);
}

/// y = A B; with a constant B a packed product.
SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::matmul& o) {
    const std::size_t ia = b.input(id, 0), ib = b.input(id, 1);
    const bool ta = o.transpose_a, tb = o.transpose_b;
    const shape sa = b.extents(ia), sb = b.extents(ib);
    const std::uint64_t macs = macs_of_node(o, b.traced(), id);
    if (!b.constant(ia) && b.constant(ib) && !ta && sb.rank() == 2 && sa.rank() > 0) {
        const std::size_t rows = sa.rows(), K = sa.back(), N = sb[tb ? 0 : 1];
        b.require(K > 0 && N > 0, id, "it is empty");
        runtime::gemm_step step{rows, N, K, b.read(ia), {}, {}, {}};
        detail::set_weight(b, step, b.constants(ib), !tb, nullptr);
        step.y = b.fresh(rows * N);
        return b.give(id, step, step.y, macs);
    }
    const shape y = b.extents(id);
    b.require(y.rank() >= 2, id, detail::mixes);
    const auto [M, N, K] = o.measure(b.at(ia).shape, b.at(ib).shape);
    runtime::matmul_step step{M, N, K, ta, tb, {}, {}, {}, y.product(0, y.rank() - 2)};
    step.a_step = detail::matrix_step(b, id, 0, step.count, M * K);
    step.b_step = detail::matrix_step(b, id, 1, step.count, K * N);
    step.a = b.read(ia);
    step.b = b.read(ib);
    step.y = b.fresh(y.size());
    const std::uint64_t strided = ta && tb ? 8 : 0; // its loop steps through both matrices by columns
    b.room().spend((strided * N + write_work) * std::uint64_t(M) * K * step.count, "its steps");
    b.spend_rows(step.count);
    b.give(id, step, step.y, macs);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::deploy

#endif

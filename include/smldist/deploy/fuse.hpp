// SPDX-License-Identifier: BSD-3-Clause
/// Products of a graph: convolutions and linear maps with the batch-norm, residual and activation that follow them.
#ifndef SMLDIST_DEPLOY_FUSE_HPP
#define SMLDIST_DEPLOY_FUSE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "smldist/deploy/planner.hpp"

namespace smldist::inline SMLDIST_ABI::deploy::detail {

/// "conv1d + batch_norm": what the report says of a step.
[[gnu::cold]] inline std::string join(std::string_view a, std::string_view b) {
    std::string text(a);
    text.append(" + ").append(b);
    return text;
}

/// The activation of that name; none for another.
[[gnu::cold]] inline activation activation_of(std::string_view name) {
    for (std::size_t i = 1; i < activation_names.size(); ++i)
        if (activation_names[i] == name) return static_cast<activation>(i);
    return activation::none;
}

/// Whether the statistics and the affine map of a batch-norm over so many channels are given.
[[gnu::cold]] inline bool has_statistics(const planner& p, std::size_t id, std::size_t channels) {
    for (std::size_t k = 1; k < 5; ++k)
        if (!p.given(id, k, channels)) return false;
    return p.at(id).inputs.size() == 5;
}

/// A batch-norm as scale γ/√(var + eps) and shift β − mean scale, in double.
struct affine_map {
    std::vector<double> scale, shift;
    [[gnu::cold]] affine_map(const planner& p, std::size_t id, std::size_t channels)
        : scale(channels), shift(channels) {
        const auto &gamma = *p.given(id, 1, channels), &beta = *p.given(id, 2, channels);
        const auto &mean = *p.given(id, 3, channels), &var = *p.given(id, 4, channels);
        const double eps = p.number(id, "eps");
        for (std::size_t c = 0; c < channels; ++c) {
            p.require(double(var[c]) + eps > 0, id, "a variance is not positive");
            scale[c] = double(gamma[c]) / std::sqrt(double(var[c]) + eps);
            shift[c] = double(beta[c]) - double(mean[c]) * scale[c];
        }
    }
};

/// What follows a product and ends its step, and the weights with the batch-norm folded in:
///
///     BN(w x + b) = (s w) x + (s b + t),   s = γ/σ,   t = β − mean s
struct fused {
    std::span<const float> weight; ///< (O, …), without the factors
    std::vector<double> factor;    ///< s (O) or empty
    std::vector<float> bias;       ///< (O) or empty
    std::size_t residual = 0;      ///< the node that is added; 0: none
    activation f = activation::none;
    std::size_t last; ///< the node whose value the step gives
    std::string ops;

    /// Follows the result of product `id` as long as one op alone uses it. The planner learns which ops are taken in.
    [[gnu::cold]] fused(planner& p, std::size_t id, std::size_t weight_input, std::size_t bias_input,
                        std::size_t outputs)
        : weight(p.constants(weight_input)),
          bias(p.constants(bias_input).begin(), p.constants(bias_input).end()),
          last(id),
          ops(p.at(id).name) {
        p.require(bias.empty() || bias.size() == outputs, id, "the bias does not fit the weight");
        if (p.constant_inputs(id)) return;
        while (const std::size_t next = p.sole_use(last)) {
            if (f != activation::none || !take(p, next, outputs)) break;
            last = next;
            p.absorb(next);
            ops = join(ops, p.at(next).name);
        }
    }
    /// The weight times the factors: in the planner's buffer if there are any.
    SMLDIST_NOINLINE std::span<const float> folded(planner& p) const {
        if (factor.empty()) return weight;
        float* const to = p.buffer(weight.size());
        const std::size_t row = weight.size() / factor.size();
        for (std::size_t o = 0; o < factor.size(); ++o)
            for (std::size_t i = o * row; i < (o + 1) * row; ++i)
                to[i] = static_cast<float>(double(weight[i]) * factor[o]);
        return {to, weight.size()};
    }
    ending end(planner& p) const { return {p.weights(bias), residual ? p.read(residual) : operand{}, f}; }

private:
    [[gnu::cold]] bool take(const planner& p, std::size_t next, std::size_t outputs) {
        const auto& n = p.at(next);
        if (n.name == "batch_norm" && residual == 0 && has_statistics(p, next, outputs) && n.inputs[0] == last) {
            const affine_map map(p, next, outputs);
            if (factor.empty()) factor = std::vector<double>(outputs, 1.0);
            if (bias.empty()) bias = std::vector<float>(outputs, 0.0f);
            for (std::size_t o = 0; o < outputs; ++o) {
                factor[o] *= map.scale[o];
                bias[o] = static_cast<float>(double(bias[o]) * map.scale[o] + map.shift[o]);
            }
            return true;
        }
        if (n.name == "add" && residual == 0 && n.inputs.size() == 2) {
            const std::size_t other = n.inputs[n.inputs[0] == last ? 1 : 0];
            if (other == last || other == 0 || !p.value(other).known || p.value(other).constant ||
                !(p.at(other).shape == p.at(last).shape) || p.value(other).at.where != place::arena)
                return false;
            residual = other;
            return true;
        }
        f = activation_of(n.name);
        return f != activation::none;
    }
};

/// y (columns, rows) = xᵀ
SMLDIST_NOINLINE inline void transpose(std::size_t rows, std::size_t columns, const float* x, float* y) {
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < columns; ++c) y[c * rows + r] = *x++;
}

/// Gives a product its weight (N, K), in the form that it reads.
[[gnu::cold]] inline void set_weight(planner& p, gemm_step& step, std::span<const float> weight) {
    step.weight = p.weights(step.weight_size());
    float* const to = p.data(step.weight);
    if (step.is_narrow())
        std::copy(weight.begin(), weight.end(), to);
    else
        kernel::pack_nt(step.N, step.K, weight.data(), step.K, to);
}

/// y = x Wᵀ + b for x (…, C) and w (O, C), with what follows.
[[gnu::cold]] inline void plan_linear(planner& p, std::size_t id) {
    const std::size_t x = p.input(id, 0), w = p.input(id, 1), b = p.input(id, 2);
    const smldist::shape& ws = p.at(w).shape;
    p.require(p.value(w).constant && p.value(b).constant, id, "its weights are not constants");
    const auto& s = p.value(x).extents;
    p.require(ws.rank() == 2 && ws.size() > 0 && s.rank() > 0 && s.back() == ws[1], id, "the weight does not fit");
    const std::size_t O = ws[0], C = ws[1], rows = s.rows();
    p.require(rows <= largest_value / O, id, "it is too large");
    const fused map(p, id, w, b, O);
    gemm_step step{rows, O, C, p.read(x), {}, {}, {}};
    set_weight(p, step, map.folded(p));
    step.end = map.end(p);
    step.y = p.fresh(rows * O);
    p.add(step, map.ops, std::uint64_t(rows) * O * C, rows * O);
    p.define(map.last, p.value(x).constant, s.with(s.rank() - 1, O), step.y);
}

/// Whether node `id` is a pointwise convolution, the product of the rows of its input.
[[gnu::cold]] inline bool is_pointwise(const planner& p, std::size_t id) {
    const auto& n = p.at(id);
    if (n.name != "conv1d" || n.inputs.size() != 3) return false;
    const smldist::shape& w = p.at(n.inputs[1]).shape;
    return w.rank() == 3 && w[2] == 1 && p.size(id, "stride") == 1 && p.size(id, "padding") == 0 &&
           p.size(id, "groups") == 1;
}

/// A convolution of x (L, C) with what follows: pointwise as a product, depthwise, or dense and grouped.
[[gnu::cold]] inline void plan_conv1d(planner& p, std::size_t id, const normalising* normal) {
    const std::size_t x = p.input(id, 0), w = p.input(id, 1), b = p.input(id, 2);
    const smldist::shape &ws = p.at(w).shape, s = p.value(x).extents;
    p.require(p.value(w).constant && p.value(b).constant, id, "its weights are not constants");
    p.require(!p.value(x).constant && s.rank() == 2 && ws.rank() == 3 && ws.size() > 0, id, "its inputs do not fit");
    const std::size_t L = s[0], C = s[1], O = ws[0], K = ws[2];
    const std::size_t stride = p.size(id, "stride"), dilation = p.size(id, "dilation"), groups = p.size(id, "groups");
    p.require(dilation > 0 && K - 1 <= largest_value / dilation, id, "the window is too short for it");
    const std::size_t reach = dilation * (K - 1) + 1;
    const bool causal = p.size(id, "causal") != 0;
    const std::size_t pad = causal ? reach - 1 : p.size(id, "padding");
    const std::size_t length = L + (causal ? pad : 2 * pad);
    p.require(stride > 0 && groups > 0 && O % groups == 0 && ws[1] * groups == C, id,
              "groups and channels do not fit");
    p.require(L > 0 && reach <= length && length <= largest_value, id, "the window is too short for it");
    const std::size_t Lo = (length - reach) / stride + 1;
    p.require(Lo <= largest_value / O && length <= largest_value / C && Lo <= largest_value / (C * K), id,
              "it is too large");

    const fused map(p, id, w, b, O);
    const std::uint64_t macs = std::uint64_t(Lo) * map.weight.size();
    const operand from = p.read(x);
    operand y;
    if (is_pointwise(p, id)) {
        gemm_step step{L, O, C, from, {}, {}, {}};
        set_weight(p, step, map.folded(p));
        step.end = map.end(p);
        step.y = y = p.fresh(Lo * O);
        std::string ops = map.ops;
        if (const auto& v = p.value(x); v.gated) {
            step.gate = v.gate;
            step.gate_end = v.gate_end;
            step.gated = p.scratch(step.gated_size());
            ops = join(p.at(x).name, ops);
            if (v.gate_end != activation::none) ops = join(p.at(p.at(x).inputs[0]).name, ops);
        }
        p.add(step, ops, macs, Lo * O);
    } else if (groups == C && O == C && C > 1) {
        depthwise_step step{L, C, Lo, K, stride, pad, dilation, from, p.weights(K * C), {}, {}, {}};
        transpose(C, K, map.folded(p).data(), p.data(step.weight));
        step.end = map.end(p);
        step.y = y = p.fresh(Lo * O);
        const std::size_t mean = p.use_named(map.last, "mean_over_time");
        if (mean != 0) {
            p.absorb(mean);
            step.mean = p.fresh(C);
        }
        p.add(step, mean != 0 ? join(map.ops, p.at(mean).name) : map.ops, macs, Lo * O);
        p.define(map.last, false, {Lo, O}, y);
        if (step.mean) p.define(mean, false, {C}, step.mean);
        return;
    } else {
        const kernel::detail::conv_shape shape{L, C, Lo, O, K, stride, pad, dilation, groups};
        const std::size_t n = shape.group_outputs(), columns = shape.columns();
        const std::size_t packed = kernel::packed_size<float>(n, columns);
        conv_step step{shape, from, p.weights(groups * packed), {}, {}, {}, {}};
        std::vector<float> taps(map.weight.size());
        kernel::detail::taps_first(shape, map.folded(p).data(), taps.data());
        for (std::size_t g = 0; g < groups; ++g)
            kernel::pack_nt(n, columns, taps.data() + g * n * columns, columns, p.data(step.weight) + g * packed);
        step.end = map.end(p);
        if (normal) step.normal = *normal;
        step.matrix = p.scratch(shape.matrix_size());
        step.y = y = p.fresh(Lo * O);
        p.add(step, normal ? join("normalise", map.ops) : map.ops, macs, Lo * O);
    }
    p.define(map.last, false, {Lo, O}, y);
}

/// Whether node `id` is a convolution that copies its input between zeros, where a normaliser costs nothing more.
[[gnu::cold]] inline bool copies_its_input(const planner& p, std::size_t id) {
    const auto& n = p.at(id);
    if (n.name != "conv1d" || n.inputs.size() != 3) return false;
    const smldist::shape& w = p.at(n.inputs[1]).shape;
    const bool depthwise = w.rank() == 3 && w[1] == 1 && p.size(id, "groups") == w[0] && w[0] > 1;
    return w.rank() == 3 && w[2] > 1 && !depthwise && p.size(id, "groups") == 1 && p.size(id, "dilation") == 1;
}

/// y = A B; with a constant B a packed product.
[[gnu::cold]] inline void plan_matmul(planner& p, std::size_t id) {
    const std::size_t ia = p.input(id, 0), ib = p.input(id, 1);
    const bool ta = p.size(id, "transpose_a") != 0, tb = p.size(id, "transpose_b") != 0;
    const auto &a = p.value(ia), &b = p.value(ib);
    const smldist::shape sa = a.extents, sb = b.extents;
    const bool constant = a.constant && b.constant;
    const std::string ops(p.at(id).name);
    if (!a.constant && b.constant && !ta && sb.rank() == 2 && (sa.rank() == 1 || sa.rank() == 2)) {
        const std::size_t rows = sa.rows(), K = sa.back(), N = sb[tb ? 0 : 1];
        p.require(K == sb[tb ? 1 : 0] && K > 0 && N > 0, id, "its inner extents differ");
        p.require(rows <= largest_value / N, id, "it is too large");
        gemm_step step{rows, N, K, p.read(ia), {}, {}, {}};
        auto weight = p.constants(ib);
        if (!tb) { // transposed
            float* const to = p.buffer(N * K);
            transpose(K, N, weight.data(), to);
            weight = {to, N * K};
        }
        set_weight(p, step, weight);
        step.y = p.fresh(rows * N);
        p.add(step, ops, std::uint64_t(rows) * N * K, rows * N);
        return p.define(id, false, sa.with(sa.rank() - 1, N), step.y);
    }
    p.require(sa.rank() == 2 && sb.rank() == 2, id, "it mixes the windows of a batch");
    matmul_step step{sa[ta ? 1 : 0], sb[tb ? 0 : 1], sa[ta ? 0 : 1], ta, tb, p.read(ia), p.read(ib), {}};
    p.require(step.K == sb[tb ? 1 : 0] && step.M <= largest_value && step.N <= largest_value / (step.M + 1), id,
              "its extents do not fit");
    step.y = p.fresh(step.M * step.N);
    p.add(step, ops, std::uint64_t(step.M) * step.N * step.K, step.M * step.N);
    p.define(id, constant, {step.M, step.N}, step.y);
}

} // namespace smldist::inline SMLDIST_ABI::deploy::detail

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Multi-head attention and its masks.
#ifndef SMLDIST_NN_ATTENTION_HPP
#define SMLDIST_NN_ATTENTION_HPP

#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>

#include "smldist/core/parameter.hpp"
#include "smldist/nn/init.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/op/softmax.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

struct attention_options {
    std::size_t heads = 1;
    std::size_t key_width = 0,
                value_width = 0; ///< of the keys and values that are given; 0: the width of the queries
    double dropout = 0;          ///< on the weights of the attention, in training
    bool bias = true;
};

/// Which keys a query sees. A value is added to the scores, so -inf hides a key and 0 changes nothing; empty: none. A query
/// that sees no key gets NaN, as in PyTorch.
template <class T> struct attention_mask {
    tensor<T> additive = {}; ///< (Q, K) or (B, Q, K)
    tensor<T> padding = {};  ///< (B, K), for all queries of a sample; see padding_mask
    bool causal = false;     ///< query i sees the keys 0 to i
};

/// The padding of sequences with `lengths` samples among K: (B, K), 0 before the end of each sequence and -inf behind it.
/// Throws     usage_error if a length is 0 or above K.
template <class T> [[nodiscard]] tensor<T> padding_mask(std::span<const std::size_t> lengths, std::size_t K) {
    tensor<T> mask(shape{lengths.size(), K});
    for (std::size_t b = 0; b < lengths.size(); ++b) {
        if (lengths[b] == 0 || lengths[b] > K)
            raise<usage_error>("nn::padding_mask", "length ", b, " is ", lengths[b], ", expected 1 to ", K);
        for (std::size_t k = lengths[b]; k < K; ++k) mask(b, k) = -std::numeric_limits<T>::infinity();
    }
    return mask;
}

/// Multi-head attention: every query reads the values of the keys that it resembles.
///
///     q = query W_qᵀ + b_q,  k = key W_kᵀ + b_k,  v = value W_vᵀ + b_v                         (each head its columns, h = E / heads)
///     y = [softmax(q kᵀ / √h + mask) v of every head] W_oᵀ + b_o
///
/// layer(x) is self-attention. The rows of W_q, W_k and W_v are in_proj_weight; if the keys or values have a width of
/// their own, the three are q_proj_weight, k_proj_weight and v_proj_weight.
///
/// Shapes     query (B, Q, E) · key (B, K, key_width) · value (B, K, value_width) · y (B, Q, E), or all without B ·
///            in_proj_weight (3E, E) · in_proj_bias (3E) or absent
/// Init       in_proj_weight by Xavier, U; out_proj U(-1/√E, 1/√E); biases 0.
/// Cost       B (Q E² + K E (key_width + value_width) + 2 Q K E + Q E²) multiply-accumulates.
/// Throws     usage_error if heads does not divide E or dropout is not in [0, 1); shape_error if an input or a mask does
///            not fit.
/// Source     Vaswani et al. 2017; torch.nn.MultiheadAttention with batch_first, whose parameters have the same names and
///            shapes. Masks are numbers, not bools, and the weights of the attention are not returned.
template <class T> struct multi_head_attention {
    parameter<T> in_proj_weight, q_proj_weight, k_proj_weight, v_proj_weight, in_proj_bias;
    linear<T> out_proj;
    attention_options options;

    multi_head_attention() = default;
    SMLDIST_COLD multi_head_attention(std::size_t width, generator& g, const attention_options& o = {}) : options(o) {
        if (width == 0 || o.heads == 0 || width % o.heads != 0)
            raise<usage_error>("nn::multi_head_attention", "heads is ", o.heads, ", expected a divisor of the width ",
                               width);
        if (!(o.dropout >= 0 && o.dropout < 1))
            raise<usage_error>("nn::multi_head_attention", "dropout is ", o.dropout, ", expected in [0, 1)");
        if (options.key_width == 0) options.key_width = width;
        if (options.value_width == 0) options.value_width = width;
        const auto start = [&g](parameter<T>& p, std::size_t rows, std::size_t columns) {
            p.value = tensor<T>(shape{rows, columns});
            init::xavier_uniform_(p.value, g);
        };
        if (options.key_width == width && options.value_width == width) {
            start(in_proj_weight, 3 * width, width);
        } else {
            start(q_proj_weight, width, width);
            start(k_proj_weight, width, options.key_width);
            start(v_proj_weight, width, options.value_width);
        }
        if (o.bias) in_proj_bias.value = tensor<T>(shape{3 * width});
        in_proj_bias.decay = false;
        out_proj = linear<T>(width, width, g, o.bias);
        const double bound = 1 / std::sqrt(double(width));
        init::uniform_(out_proj.weight.value, g, -bound, bound);
    }

    /// Self-attention.
    template <class X> X operator()(const X& x) const { return (*this)(x, mode::eval); }
    template <class X, std::same_as<mode> M> X operator()(const X& x, M m) const {
        return (*this)(x, attention_mask<T>{}, m);
    }
    template <class X> X operator()(const X& x, const attention_mask<T>& mask, mode m = mode::eval) const {
        if (in_proj_weight.empty()) return (*this)(x, x, x, mask, m);
        const X all = op::linear(x, in_proj_weight, in_proj_bias);
        return attend(all, 0, all, width(), all, 2 * width(), mask, m);
    }
    /// Attention of queries to keys and values.
    template <class X>
    X operator()(const X& query, const X& key, const X& value, const attention_mask<T>& mask = {},
                 mode m = mode::eval) const {
        return attend(project(query, q_proj_weight, 0), 0, project(key, k_proj_weight, 1), 0,
                      project(value, v_proj_weight, 2), 0, mask, m);
    }
    static void visit(auto& self, auto&& member) {
        member("in_proj_weight", self.in_proj_weight);
        member("q_proj_weight", self.q_proj_weight);
        member("k_proj_weight", self.k_proj_weight);
        member("v_proj_weight", self.v_proj_weight);
        member("in_proj_bias", self.in_proj_bias);
        member("out_proj", self.out_proj);
    }

private:
    std::size_t width() const { return out_proj.weight.shape()[0]; }

    /// x times the i-th of the three weights, with its part of the bias.
    template <class X> X project(const X& x, const parameter<T>& own, std::size_t i) const {
        const std::size_t E = width();
        const auto rows = [&](const parameter<T>& p) { return op::slice(op::lift(x, p), 0, i * E, (i + 1) * E); };
        const auto with_bias = [&](const auto& weight) {
            return in_proj_bias.empty() ? op::linear(x, weight, in_proj_bias)
                                        : op::linear(x, weight, rows(in_proj_bias));
        };
        return in_proj_weight.empty() ? with_bias(own) : with_bias(rows(in_proj_weight));
    }
    /// Queries, keys and values are the columns of q, k and v from the given ones on.
    template <class X>
    X attend(const X& q, std::size_t of_q, const X& k, std::size_t of_k, const X& v, std::size_t of_v,
             const attention_mask<T>& mask, mode m) const {
        m = mode_of(*this, m);
        for (const shape& s : {q.shape(), k.shape(), v.shape()})
            if (s.rank() < 2)
                raise<shape_error>("nn::multi_head_attention", "shape of a projected input is ", s.text(),
                                   ", expected at least two axes: steps and channels");
        const std::size_t h = width() / options.heads;
        const tensor<T> added = combined(mask, q.shape(), k.shape());
        X joined;
        for (std::size_t head = 0; head < options.heads; ++head) {
            const auto part = [&](const X& x, std::size_t first) {
                return op::slice(x, -1, first + head * h, first + (head + 1) * h);
            };
            const X one = op::scale(part(q, of_q), 1 / std::sqrt(double(h)));
            X scores = op::matmul(one, part(k, of_k), {.transpose_b = true});
            if (!added.empty()) scores = op::add(scores, added);
            const X weights = op::dropout(op::softmax(scores), {.p = options.dropout}, m);
            const X read = op::matmul(weights, part(v, of_v));
            joined = head == 0 ? read : op::concat(joined, read);
        }
        return out_proj(joined);
    }
    /// The sum of the masks, (Q, K), (B, 1, K) or (B, Q, K); empty without any.
    SMLDIST_COLD static tensor<T> combined(const attention_mask<T>& mask, const shape& q, const shape& k) {
        if (mask.additive.empty() && mask.padding.empty() && !mask.causal) return {};
        const auto refuse = [](const char* what, const tensor<T>& x, const char* expected) {
            raise<shape_error>("nn::multi_head_attention", "shape of the ", what, " mask is ", x.shape().text(),
                               ", expected ", expected);
        };
        const std::size_t Q = q[q.rank() - 2], K = k[k.rank() - 2], B = q.rank() == 3 ? q[0] : 1;
        tensor<T> sum;
        const auto add = [&sum](tensor<T> x) { sum = sum.empty() ? std::move(x) : op::add(sum, x); };
        if (!mask.additive.empty()) {
            const shape& s = mask.additive.shape();
            if (!(s == shape{Q, K}) && !(q.rank() == 3 && s == shape{B, Q, K}))
                refuse("additive", mask.additive, "(Q, K) or (B, Q, K)");
            add(mask.additive);
        }
        if (mask.causal) {
            tensor<T> later(shape{Q, K});
            for (std::size_t i = 0; i < Q; ++i)
                for (std::size_t j = i + 1; j < K; ++j) later(i, j) = -std::numeric_limits<T>::infinity();
            add(std::move(later));
        }
        if (!mask.padding.empty()) {
            if (!(q.rank() == 3 && mask.padding.shape() == shape{B, K})) refuse("padding", mask.padding, "(B, K)");
            add(op::reshape(mask.padding, {B, 1, K}));
        }
        return sum;
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif

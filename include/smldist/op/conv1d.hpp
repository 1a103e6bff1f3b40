// SPDX-License-Identifier: BSD-3-Clause
/// 1-D convolution along time: dense, grouped, depthwise and pointwise.
#ifndef SMLDIST_OP_CONV1D_HPP
#define SMLDIST_OP_CONV1D_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "smldist/kernel/conv.hpp"
#include "smldist/kernel/depthwise.hpp"
#include "smldist/kernel/gemm.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/op/apply.hpp"
#include "smldist/op/normed_conv.hpp"

namespace smldist::inline SMLDIST_ABI::op {

struct conv1d_options {
    std::size_t stride = 1, padding = 0, dilation = 1, groups = 1;
    bool causal = false; ///< pads dilation·(K−1) zeros on the left and none on the right; needs padding = 0
};

/// 1-D convolution (cross-correlation), channels last.
///
///     y[b,t,o] = bias[o] + sum_{c,k} w[o,c,k] * x[b, t*stride + k*dilation - padding, g(o)+c]
///
/// Shapes     x (B, L, C) · w (O, C/groups, K) · bias (O) or empty · y (B, L', O),
///            L' = (L + 2*padding - dilation*(K-1) - 1) / stride + 1; causal: L' = (L - 1) / stride + 1
/// Gradients  dx, dw, dbias: the transpose of the sum in x, w, bias.
/// Keeps      nothing.
/// Cost       B * L' * O * C/groups * K multiply-accumulates; pointwise and dense run as GEMM.
/// Throws     shape_error if groups does not divide C and O, if w or bias does not fit x, if L' < 1;
///            usage_error if stride, dilation or groups is 0, or causal comes with padding.
/// Source     torch.nn.functional.conv1d; depthwise use: Howard et al. 2019, sec. 5.1.
template <class T> struct conv1d_op {
    using scalar = T;
    conv1d_options options;
    struct saved {};
    static constexpr std::string_view name = "conv1d";
    void attributes(auto&& visit) const {
        visit("stride", options.stride);
        visit("padding", options.padding);
        visit("dilation", options.dilation);
        visit("groups", options.groups);
        visit("causal", options.causal);
    }
    std::uint64_t macs(const shape& x, const shape& w, const shape& bias) const {
        const shape y = infer(x, w, bias);
        return std::uint64_t(y[0]) * y[1] * w.size();
    }
    shape infer(const shape& x, const shape& w, const shape& bias) const {
        const auto& o = options;
        if (o.stride == 0 || o.dilation == 0 || o.groups == 0)
            raise<usage_error>("op::conv1d", "stride, dilation, groups are ", o.stride, ", ", o.dilation, ", ",
                               o.groups, ", expected at least 1");
        if (o.causal && o.padding != 0)
            raise<usage_error>("op::conv1d", "padding is ", o.padding, ", expected 0 with causal padding");
        if (x.rank() != 3) raise<shape_error>("op::conv1d", "shape of x is ", x.text(), ", expected (B, L, C)");
        if (w.rank() != 3 || w.size() == 0)
            raise<shape_error>("op::conv1d", "shape of weight is ", w.text(), ", expected (O, C/groups, K)");
        if (w[1] * o.groups != x[2] || w[0] % o.groups != 0)
            raise<shape_error>("op::conv1d", "shapes of x and weight are ", x.text(), " and ", w.text(),
                               ", expected C = ", w[1] * o.groups, " and O divisible by groups ", o.groups);
        if (bias.size() != 0 && !(bias == shape{w[0]}))
            raise<shape_error>("op::conv1d", "shape of bias is ", bias.text(), ", expected (", w[0], ") or none");
        const std::size_t reach = o.dilation * (w[2] - 1) + 1;
        const std::size_t padded = x[1] + (o.causal ? reach - 1 : 2 * o.padding);
        if (x[1] == 0 || padded < reach)
            raise<shape_error>("op::conv1d", "padded length is ", padded, ", expected at least ", reach,
                               " for kernel ", w[2], " with dilation ", o.dilation);
        return {x[0], (padded - reach) / o.stride + 1, w[0]};
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& x, const tensor<T>& w, const tensor<T>& bias) const {
        const sizes s(*this, x.shape(), w.shape(), y.shape());
        if (s.pointwise) {
            kernel::gemm_nt(s.B * s.L, s.O, s.C, x.data(), s.C, w.data(), s.C, y.data(), s.O, false, bias.data());
        } else if (s.depthwise) {
            kernel::depthwise_forward(s.B, s.L, s.C, s.Lo, s.K, options.stride, s.pad, options.dilation, x.data(),
                                      w.data(), y.data());
            if (!bias.empty())
                kernel::map_columns(
                    s.B * s.Lo, s.O, [](auto v, auto b) { return v + b; }, y.data(), y.data(), bias.data());
        } else {
            kernel::conv_forward(s.B, s.L, s.C, s.Lo, s.O, s.K, options.stride, s.pad, options.dilation,
                                 options.groups, x.data(), w.data(), bias.data(), y.data());
        }
    }
    void backward(const saved&, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& w,
                  const tensor<T>& bias, tensor<T>* dx, tensor<T>* dw, tensor<T>* dbias) const {
        const sizes s(*this, x.shape(), w.shape(), y.shape());
        const auto& o = options;
        if (dx) {
            const bool add = dx->ensure(x.shape());
            if (s.pointwise)
                kernel::gemm_nn(s.B * s.L, s.C, s.O, dy.data(), s.O, w.data(), s.C, dx->data(), s.C, add);
            else if (s.depthwise)
                kernel::depthwise_backward_input(s.B, s.L, s.C, s.Lo, s.K, o.stride, s.pad, o.dilation, dy.data(),
                                                 w.data(), dx->data(), add);
            else
                kernel::conv_backward_input(s.B, s.L, s.C, s.Lo, s.O, s.K, o.stride, s.pad, o.dilation, o.groups,
                                            dy.data(), w.data(), dx->data(), add);
        }
        if (dw) {
            const bool add = dw->ensure(w.shape());
            if (s.pointwise)
                kernel::gemm_tn(s.O, s.C, s.B * s.L, dy.data(), s.O, x.data(), s.C, dw->data(), s.C, add);
            else if (s.depthwise)
                kernel::depthwise_backward_weight(s.B, s.L, s.C, s.Lo, s.K, o.stride, s.pad, o.dilation, dy.data(),
                                                  x.data(), dw->data(), add);
            else
                kernel::conv_backward_weight(s.B, s.L, s.C, s.Lo, s.O, s.K, o.stride, s.pad, o.dilation, o.groups,
                                             dy.data(), x.data(), dw->data(), add);
        }
        if (dbias) {
            const bool add = dbias->ensure(bias.shape());
            kernel::column_sum(s.B * s.Lo, s.O, dy.data(), dbias->data(), add);
        }
    }
    /// The halves of a depthwise-separable convolution compute what lies between them while they read it: a depthwise
    /// convolution the activated result of a pointwise one, a pointwise convolution that of a depthwise one with its gate.
    /// Both without bias. Other results (a dense convolution's, a linear bottleneck's) have several readers, such as residual
    /// connections and stage losses, and are narrow: they are stored.
    template <class W, class B> var<T> read_normed(const normed_value<T>& n, const W& weight, const B& bias) const {
        if (bias.shape().size() != 0) return {};
        using origin = typename tape<T>::origin;
        const origin what = kind(weight.shape()), from = n.x.owner->origin_of(n.x);
        if (what == origin::depthwise && from == origin::pointwise && n.f != activation::none && n.gate.empty())
            return apply(normed_depthwise_op<T>{*this, n.f}, n.x, n.map, weight);
        if (what != origin::pointwise || from != origin::depthwise) return {};
        const normed_pointwise_op<T> op{n.f};
        return n.gate.empty() ? apply(op, n.x, n.map, tensor<T>(), weight) : apply(op, n.x, n.map, n.gate, weight);
    }
    /// Which half of a depthwise-separable convolution this is with a weight (O, C/groups, K).
    typename tape<T>::origin kind(const shape& w) const {
        using origin = typename tape<T>::origin;
        const auto& o = options;
        if (o.groups == w[0] && w[1] == 1 && w[0] > 1) return origin::depthwise;
        return o.groups == 1 && w[2] == 1 && o.stride == 1 && o.padding == 0 ? origin::pointwise : origin::other;
    }

private:
    struct sizes {
        std::size_t B, L, C, Lo, O, K, pad;
        bool pointwise, depthwise;
        sizes(const conv1d_op& op, const shape& x, const shape& w, const shape& y)
            : B(x[0]),
              L(x[1]),
              C(x[2]),
              Lo(y[1]),
              O(w[0]),
              K(w[2]),
              pad(op.options.causal ? op.options.dilation * (w[2] - 1) : op.options.padding),
              pointwise(K == 1 && op.options.stride == 1 && pad == 0 && op.options.groups == 1),
              depthwise(op.options.groups == C && O == C && C > 1) {}
    };
};

template <class X, class W, class B> auto conv1d(X&& x, const W& weight, const B& bias, conv1d_options o = {}) {
    using T = scalar_of_t<X, W>;
    const conv1d_op<T> op{o};
    auto y = apply(op, std::forward<X>(x), weight, bias);
    if constexpr (std::is_same_v<decltype(y), var<T>>) y.owner->set_origin(y, op.kind(weight.shape()));
    return y;
}

} // namespace smldist::inline SMLDIST_ABI::op

#endif

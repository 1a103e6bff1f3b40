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
#include "smldist/spec/conv1d.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

using conv1d_options = spec::conv1d;

/// See spec::conv1d. Pointwise and dense convolutions run as GEMM.
///
/// Gradients  dx, dw, dbias: the transpose of the sum with respect to x, w, bias.
/// Keeps      nothing.
template <class T> struct conv1d_op : spec::conv1d {
    using scalar = T;
    struct saved {};
    void forward(saved*, tensor<T>& y, const tensor<T>& x, const tensor<T>& w, const tensor<T>& bias) const {
        const sizes s(*this, x.shape(), w.shape(), y.shape());
        if (s.pointwise) {
            kernel::gemm_nt(s.B * s.L, s.O, s.C, x.data(), s.C, w.data(), s.C, y.data(), s.O, false, bias.data());
        } else if (s.depthwise) {
            kernel::depthwise_forward(s.B, s.L, s.C, s.Lo, s.K, stride, s.pad, dilation, x.data(), w.data(),
                                      y.data());
            if (!bias.empty())
                kernel::map_columns(
                    s.B * s.Lo, s.O, [](auto v, auto b) { return v + b; }, y.data(), y.data(), bias.data());
        } else {
            kernel::conv_forward(s.B, s.L, s.C, s.Lo, s.O, s.K, stride, s.pad, dilation, groups, x.data(), w.data(),
                                 bias.data(), y.data());
        }
    }
    void backward(const saved&, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& w,
                  const tensor<T>& bias, tensor<T>* dx, tensor<T>* dw, tensor<T>* dbias) const {
        const sizes s(*this, x.shape(), w.shape(), y.shape());
        if (dx) {
            const bool add = dx->ensure(x.shape());
            if (s.pointwise)
                kernel::gemm_nn(s.B * s.L, s.C, s.O, dy.data(), s.O, w.data(), s.C, dx->data(), s.C, add);
            else if (s.depthwise)
                kernel::depthwise_backward_input(s.B, s.L, s.C, s.Lo, s.K, stride, s.pad, dilation, dy.data(),
                                                 w.data(), dx->data(), add);
            else
                kernel::conv_backward_input(s.B, s.L, s.C, s.Lo, s.O, s.K, stride, s.pad, dilation, groups, dy.data(),
                                            w.data(), dx->data(), add);
        }
        if (dw) {
            const bool add = dw->ensure(w.shape());
            if (s.pointwise)
                kernel::gemm_tn(s.O, s.C, s.B * s.L, dy.data(), s.O, x.data(), s.C, dw->data(), s.C, add);
            else if (s.depthwise)
                kernel::depthwise_backward_weight(s.B, s.L, s.C, s.Lo, s.K, stride, s.pad, dilation, dy.data(),
                                                  x.data(), dw->data(), add);
            else
                kernel::conv_backward_weight(s.B, s.L, s.C, s.Lo, s.O, s.K, stride, s.pad, dilation, groups,
                                             dy.data(), x.data(), dw->data(), add);
        }
        if (dbias) {
            const bool add = dbias->ensure(bias.shape());
            kernel::column_sum(s.B * s.Lo, s.O, dy.data(), dbias->data(), add);
        }
    }
    /// The two halves of a depthwise-separable convolution compute their input while they read it: a depthwise
    /// convolution the normalised and activated result of a pointwise one, a pointwise convolution that of a depthwise
    /// one, with its gate. Both without bias. Results of dense convolutions and linear bottlenecks are stored, since
    /// they are narrow and have several readers, such as residual connections and stage losses.
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
        return this->is_depthwise(w) ? origin::depthwise : this->is_pointwise(w) ? origin::pointwise : origin::other;
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
              pad(op.left_padding(K)),
              pointwise(op.is_pointwise(w)),
              depthwise(op.is_depthwise(w)) {}
    };
};

template <class X, class W, class B>
[[nodiscard]] auto conv1d(X&& x, const W& weight, const B& bias, conv1d_options o = {}) {
    using T = scalar_of_t<X, W>;
    const conv1d_op<T> op{o};
    auto y = apply(op, std::forward<X>(x), weight, bias);
    if constexpr (std::is_same_v<decltype(y), var<T>>) y.owner->set_origin(y, op.kind(weight.shape()));
    return y;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

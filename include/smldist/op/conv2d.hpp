// SPDX-License-Identifier: BSD-3-Clause
/// 2-D convolution of images: dense, grouped, depthwise and pointwise.
#ifndef SMLDIST_OP_CONV2D_HPP
#define SMLDIST_OP_CONV2D_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "smldist/kernel/conv2d.hpp"
#include "smldist/kernel/depthwise2d.hpp"
#include "smldist/kernel/gemm.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/op/apply.hpp"
#include "smldist/op/normed_conv.hpp"
#include "smldist/spec/conv2d.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

using conv2d_options = spec::conv2d;

/// See spec::conv2d. Pointwise and dense convolutions run as GEMM.
///
/// Gradients  dx, dw, dbias: the transpose of the sum with respect to x, w, bias.
/// Keeps      nothing.
template <class T> struct conv2d_op : spec::conv2d {
    using scalar = T;
    struct saved {};
    void forward(saved*, tensor<T>& y, const tensor<T>& x, const tensor<T>& w, const tensor<T>& bias) const {
        const std::size_t B = x.shape()[0];
        const kernel::conv2d_shape s = sizes(x.shape(), w.shape(), y.shape());
        if (is_pointwise(w.shape()))
            kernel::gemm_nt(x.shape().rows(), s.O, s.C, x.data(), s.C, w.data(), s.C, y.data(), s.O, false,
                            bias.data());
        else if (is_depthwise(w.shape()))
            kernel::depthwise2d_forward(B, {s.height, s.width, s.C}, x.data(), w.data(), bias.data(), y.data());
        else
            kernel::conv2d_forward(B, s, x.data(), w.data(), bias.data(), y.data());
    }
    void backward(const saved&, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& w,
                  const tensor<T>& bias, tensor<T>* dx, tensor<T>* dw, tensor<T>* dbias) const {
        const std::size_t B = x.shape()[0], R = x.shape().rows();
        const kernel::conv2d_shape s = sizes(x.shape(), w.shape(), y.shape());
        const bool pointwise = is_pointwise(w.shape()), depthwise = is_depthwise(w.shape());
        if (dx) {
            const bool add = dx->ensure(x.shape());
            if (pointwise)
                kernel::gemm_nn(R, s.C, s.O, dy.data(), s.O, w.data(), s.C, dx->data(), s.C, add);
            else if (depthwise)
                kernel::depthwise2d_backward_input(B, {s.height, s.width, s.C}, dy.data(), w.data(), dx->data(), add);
            else
                kernel::conv2d_backward_input(B, s, dy.data(), w.data(), dx->data(), add);
        }
        if (dw) {
            const bool add = dw->ensure(w.shape());
            if (pointwise)
                kernel::gemm_tn(s.O, s.C, R, dy.data(), s.O, x.data(), s.C, dw->data(), s.C, add);
            else if (depthwise)
                kernel::depthwise2d_backward_weight(B, {s.height, s.width, s.C}, dy.data(), x.data(), dw->data(),
                                                    add);
            else
                kernel::conv2d_backward_weight(B, s, dy.data(), x.data(), dw->data(), add);
        }
        if (dbias) {
            const bool add = dbias->ensure(bias.shape());
            kernel::column_sum(y.shape().rows(), s.O, dy.data(), dbias->data(), add);
        }
    }
    /// A pointwise convolution without bias normalises, activates and gates the result of a depthwise one while it
    /// reads it, as that of op/conv1d.hpp does. Any other input is stored first.
    template <class W, class B> var<T> read_normed(const normed_value<T>& n, const W& weight, const B& bias) const {
        using origin = typename tape<T>::origin;
        if (bias.shape().size() != 0 || kind(weight.shape()) != origin::pointwise ||
            n.x.owner->origin_of(n.x) != origin::depthwise)
            return {};
        const normed_pointwise_op<T> op{n.f};
        return n.gate.empty() ? apply(op, n.x, n.map, tensor<T>(), weight) : apply(op, n.x, n.map, n.gate, weight);
    }
    /// Which half of a depthwise-separable convolution this is with a weight (O, C/groups, Kh, Kw).
    typename tape<T>::origin kind(const shape& w) const {
        using origin = typename tape<T>::origin;
        return is_depthwise(w) ? origin::depthwise : is_pointwise(w) ? origin::pointwise : origin::other;
    }

private:
    kernel::conv2d_shape sizes(const shape& x, const shape& w, const shape& y) const {
        return {{x[1], y[1], w[2], stride.height, padding.height, dilation.height},
                {x[2], y[2], w[3], stride.width, padding.width, dilation.width},
                x[3],
                w[0],
                groups};
    }
};

/// x (B, H, W, C) and weight (O, C/groups, Kh, Kw). See conv2d_op.
template <class X, class W, class B>
[[nodiscard]] auto conv2d(X&& x, const W& weight, const B& bias, conv2d_options o = {}) {
    using T = scalar_of_t<X, W>;
    const conv2d_op<T> op{o};
    auto y = apply(op, std::forward<X>(x), weight, bias);
    if constexpr (std::is_same_v<decltype(y), var<T>>) y.owner->set_origin(y, op.kind(weight.shape()));
    return y;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

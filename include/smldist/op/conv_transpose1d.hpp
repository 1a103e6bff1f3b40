// SPDX-License-Identifier: BSD-3-Clause
/// Transposed 1-D convolution along time: dense, grouped and depthwise.
#ifndef SMLDIST_OP_CONV_TRANSPOSE1D_HPP
#define SMLDIST_OP_CONV_TRANSPOSE1D_HPP

#include <algorithm>
#include <cstddef>
#include <utility>

#include "smldist/kernel/conv.hpp"
#include "smldist/kernel/depthwise.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/op/apply.hpp"
#include "smldist/spec/conv1d.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

using conv_transpose1d_options = spec::conv_transpose1d;

/// See spec::conv_transpose1d. It is computed as the gradient of a convolution by its input, and its gradient by x as that
/// convolution.
///
/// Gradients  dx = conv1d(dy, w) · dw[c,o,k] = Σ_{b,t} x[b,t,c] dy[b, t*stride + k*dilation - padding, o] · dbias = Σ_{b,t} dy
/// Keeps      nothing.
template <class T> struct conv_transpose1d_op : spec::conv_transpose1d {
    using scalar = T;
    struct saved {};
    void forward(saved*, tensor<T>& y, const tensor<T>& x, const tensor<T>& w, const tensor<T>& bias) const {
        const sizes s(*this, x.shape(), w.shape(), y.shape());
        const bool add = !bias.empty();
        for (std::size_t r = 0; add && r < s.B * s.Lo; ++r) std::copy_n(bias.data(), s.O, y.data() + r * s.O);
        if (s.depthwise)
            kernel::depthwise_backward_input(s.B, s.Lo, s.O, s.L, s.K, stride, padding, dilation, x.data(), w.data(),
                                             y.data(), add);
        else
            kernel::conv_backward_input(s.B, s.Lo, s.O, s.L, s.C, s.K, stride, padding, dilation, groups, x.data(),
                                        w.data(), y.data(), add);
    }
    void backward(const saved&, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& w,
                  const tensor<T>& bias, tensor<T>* dx, tensor<T>* dw, tensor<T>* dbias) const {
        const sizes s(*this, x.shape(), w.shape(), y.shape());
        if (dx) {
            const bool add = dx->ensure(x.shape());
            auto part = add ? tensor<T>::uninitialized(x.shape()) : tensor<T>();
            T* const to = add ? part.data() : dx->data();
            if (s.depthwise)
                kernel::depthwise_forward(s.B, s.Lo, s.O, s.L, s.K, stride, padding, dilation, dy.data(), w.data(),
                                          to);
            else
                kernel::conv_forward<T>(s.B, s.Lo, s.O, s.L, s.C, s.K, stride, padding, dilation, groups, dy.data(),
                                        w.data(), nullptr, to);
            if (add) kernel::axpy(x.size(), T(1), to, dx->data());
        }
        if (dw) {
            const bool add = dw->ensure(w.shape());
            if (s.depthwise)
                kernel::depthwise_backward_weight(s.B, s.Lo, s.O, s.L, s.K, stride, padding, dilation, x.data(),
                                                  dy.data(), dw->data(), add);
            else
                kernel::conv_backward_weight(s.B, s.Lo, s.O, s.L, s.C, s.K, stride, padding, dilation, groups,
                                             x.data(), dy.data(), dw->data(), add);
        }
        if (dbias) {
            const bool add = dbias->ensure(bias.shape());
            kernel::column_sum(s.B * s.Lo, s.O, dy.data(), dbias->data(), add);
        }
    }

private:
    struct sizes {
        std::size_t B, L, C, Lo, O, K;
        bool depthwise;
        sizes(const conv_transpose1d_op& op, const shape& x, const shape& w, const shape& y)
            : B(x[0]), L(x[1]), C(x[2]), Lo(y[1]), O(y[2]), K(w[2]), depthwise(op.is_depthwise(w)) {}
    };
};

template <class X, class W, class B>
[[nodiscard]] auto conv_transpose1d(X&& x, const W& weight, const B& bias, conv_transpose1d_options o = {}) {
    return apply(conv_transpose1d_op<scalar_of_t<X, W>>{o}, std::forward<X>(x), weight, bias);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

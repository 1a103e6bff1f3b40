// SPDX-License-Identifier: BSD-3-Clause
/// Linear map of the last axis, and matrix products.
#ifndef SMLDIST_OP_LINEAR_HPP
#define SMLDIST_OP_LINEAR_HPP

#include <array>
#include <cstddef>

#include "smldist/kernel/gemm.hpp"
#include "smldist/kernel/gemm_batch.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/op/apply.hpp"
#include "smldist/spec/linear.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

/// See spec::linear.
///
/// Gradients  dx = dy w · dw = dyᵀ x · dbias = sum of dy over the rows.
/// Keeps      nothing.
template <class T> struct linear_op : spec::linear {
    using scalar = T;
    struct saved {};
    void forward(saved*, tensor<T>& y, const tensor<T>& x, const tensor<T>& w, const tensor<T>& bias) const {
        const std::size_t O = w.shape()[0], C = w.shape()[1];
        kernel::gemm_nt(x.shape().rows(), O, C, x.data(), C, w.data(), C, y.data(), O, false, bias.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& w,
                  const tensor<T>& bias, tensor<T>* dx, tensor<T>* dw, tensor<T>* dbias) const {
        const std::size_t R = x.shape().rows(), O = w.shape()[0], C = w.shape()[1];
        if (dx) {
            const bool add = dx->ensure(x.shape());
            kernel::gemm_nn(R, C, O, dy.data(), O, w.data(), C, dx->data(), C, add);
        }
        if (dw) {
            const bool add = dw->ensure(w.shape());
            kernel::gemm_tn(O, C, R, dy.data(), O, x.data(), C, dw->data(), C, add);
        }
        if (dbias) {
            const bool add = dbias->ensure(bias.shape());
            kernel::column_sum(R, O, dy.data(), dbias->data(), add);
        }
    }
};

template <class X, class W, class B> [[nodiscard]] auto linear(X&& x, const W& weight, const B& bias) {
    using T = scalar_of_t<X, W>;
    auto y = apply(linear_op<T>{}, std::forward<X>(x), weight, bias);
    if constexpr (std::is_same_v<decltype(y), var<T>>) y.owner->set_origin(y, tape<T>::origin::linear);
    return y;
}

using matmul_options = spec::matmul;

/// See spec::matmul.
///
/// Gradients  dA = dy Bᵀ, dB = Aᵀ dy, transposed back; summed over the axes along which the operand was repeated.
/// Keeps      nothing.
template <class T> struct matmul_op : spec::matmul {
    using scalar = T;
    struct saved {};
    void forward(saved*, tensor<T>& y, const tensor<T>& a, const tensor<T>& b) const {
        const auto [M, N, K] = measure(a.shape(), b.shape());
        kernel::gemm_batch(batch(y.shape(), a.shape(), b.shape(), y.shape()), M, N, K, a.data(), transpose_a,
                           b.data(), transpose_b, y.data(), false);
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& a, const tensor<T>& b,
                  tensor<T>* da, tensor<T>* db) const {
        const auto [M, N, K] = measure(a.shape(), b.shape());
        const shape &sa = a.shape(), &sb = b.shape(), &sy = dy.shape();
        if (da) {
            const bool add = da->ensure(sa);
            if (transpose_a)
                kernel::gemm_batch(batch(sy, sb, sy, sa), K, M, N, b.data(), transpose_b, dy.data(), true, da->data(),
                                   add);
            else
                kernel::gemm_batch(batch(sy, sy, sb, sa), M, K, N, dy.data(), false, b.data(), !transpose_b,
                                   da->data(), add);
        }
        if (db) {
            const bool add = db->ensure(sb);
            if (transpose_b)
                kernel::gemm_batch(batch(sy, sy, sa, sb), N, K, M, dy.data(), true, a.data(), transpose_a, db->data(),
                                   add);
            else
                kernel::gemm_batch(batch(sy, sa, sy, sb), K, N, M, a.data(), !transpose_a, dy.data(), false,
                                   db->data(), add);
        }
    }

private:
    /// The batch of y, and where the matrices of three tensors lie in it.
    static kernel::matrix_batch batch(const shape& y, const shape& a, const shape& b, const shape& c) {
        kernel::matrix_batch to;
        to.axes = y.rank() - 2;
        for (std::size_t axis = 0; axis < to.axes; ++axis) to.count *= to.extent[axis] = y[axis];
        steps(y, a, to.a);
        steps(y, b, to.b);
        steps(y, c, to.c);
        return to;
    }
    /// The elements from one matrix of x to the next along each axis of the batch of y.
    static void steps(const shape& y, const shape& x, std::array<std::size_t, 8>& to) {
        const std::size_t missing = y.rank() - x.rank();
        for (std::size_t axis = missing; axis + 2 < y.rank(); ++axis)
            to[axis] = x[axis - missing] == 1 ? 0 : x.product(axis - missing + 1, x.rank());
    }
};

template <class A, class B> [[nodiscard]] auto matmul(A&& a, B&& b, matmul_options o = {}) {
    return apply(matmul_op<scalar_of_t<A, B>>{o}, std::forward<A>(a), std::forward<B>(b));
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

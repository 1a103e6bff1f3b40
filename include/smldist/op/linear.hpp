// SPDX-License-Identifier: BSD-3-Clause
/// Linear map of the last axis, and matrix products.
#ifndef SMLDIST_OP_LINEAR_HPP
#define SMLDIST_OP_LINEAR_HPP

#include "smldist/kernel/gemm.hpp"
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
/// Gradients  dA = dy Bᵀ, dB = Aᵀ dy, transposed back; summed over the batch for a rank-2 operand.
/// Keeps      nothing.
template <class T> struct matmul_op : spec::matmul {
    using scalar = T;
    struct saved {};
    void forward(saved*, tensor<T>& y, const tensor<T>& a, const tensor<T>& b) const {
        const sizes s = measure(a.shape(), b.shape());
        for (std::size_t i = 0; i < s.batch; ++i)
            product(s.M, s.N, s.K, a.data() + i * s.a_step, transpose_a, b.data() + i * s.b_step, transpose_b,
                    y.data() + i * s.M * s.N, false);
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& a, const tensor<T>& b,
                  tensor<T>* da, tensor<T>* db) const {
        const sizes s = measure(a.shape(), b.shape());
        if (da) {
            const bool add = da->ensure(a.shape());
            for (std::size_t i = 0; i < s.batch; ++i) {
                const T* g = dy.data() + i * s.M * s.N;
                const T* other = b.data() + i * s.b_step;
                T* to = da->data() + i * s.a_step;
                const bool sum = add || (s.a_step == 0 && i > 0);
                if (transpose_a)
                    product(s.K, s.M, s.N, other, transpose_b, g, true, to, sum);
                else
                    product(s.M, s.K, s.N, g, false, other, !transpose_b, to, sum);
            }
        }
        if (db) {
            const bool add = db->ensure(b.shape());
            for (std::size_t i = 0; i < s.batch; ++i) {
                const T* g = dy.data() + i * s.M * s.N;
                const T* other = a.data() + i * s.a_step;
                T* to = db->data() + i * s.b_step;
                const bool sum = add || (s.b_step == 0 && i > 0);
                if (transpose_b)
                    product(s.N, s.K, s.M, g, true, other, transpose_a, to, sum);
                else
                    product(s.K, s.N, s.M, other, !transpose_a, g, false, to, sum);
            }
        }
    }

private:
    /// C (M, N) (+)= op(A) op(B) for dense matrices; TT, which has no kernel, goes through a transposed copy of A.
    static void product(std::size_t M, std::size_t N, std::size_t K, const T* a, bool ta, const T* b, bool tb, T* c,
                        bool add) {
        if (ta && tb) {
            auto copy = tensor<T>::uninitialized({M, K});
            for (std::size_t k = 0; k < K; ++k)
                for (std::size_t m = 0; m < M; ++m) copy[m * K + k] = a[k * M + m];
            kernel::gemm_nt(M, N, K, copy.data(), K, b, K, c, N, add);
        } else if (ta) {
            kernel::gemm_tn(M, N, K, a, M, b, N, c, N, add);
        } else if (tb) {
            kernel::gemm_nt(M, N, K, a, K, b, K, c, N, add);
        } else {
            kernel::gemm_nn(M, N, K, a, K, b, N, c, N, add);
        }
    }
};

template <class A, class B> [[nodiscard]] auto matmul(A&& a, B&& b, matmul_options o = {}) {
    return apply(matmul_op<scalar_of_t<A, B>>{o}, std::forward<A>(a), std::forward<B>(b));
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

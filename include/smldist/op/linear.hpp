// SPDX-License-Identifier: BSD-3-Clause
/// Linear map of the last axis, and matrix products.
#ifndef SMLDIST_OP_LINEAR_HPP
#define SMLDIST_OP_LINEAR_HPP

#include "smldist/kernel/gemm.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/op/apply.hpp"

namespace smldist::inline SMLDIST_ABI::op {

/// Linear map of the last axis.
///
///     y[…,o] = bias[o] + sum_c w[o,c] * x[…,c]
///
/// Shapes     x (…, C) · w (O, C) · bias (O) or empty · y (…, O)
/// Gradients  dx = dy w · dw = dyᵀ x · dbias = sum of dy over the rows.
/// Keeps      nothing.
/// Cost       rows * O * C multiply-accumulates.
/// Throws     shape_error if w or bias does not fit x.
/// Source     torch.nn.functional.linear.
template <class T> struct linear_op {
    using scalar = T;
    struct saved {};
    static constexpr std::string_view name = "linear";
    void attributes(auto&&) const {}
    std::uint64_t macs(const shape& x, const shape& w, const shape&) const {
        return std::uint64_t(x.rows()) * w.size();
    }
    shape infer(const shape& x, const shape& w, const shape& bias) const {
        if (w.rank() != 2) raise<shape_error>("op::linear", "shape of weight is ", w.text(), ", expected (out, in)");
        if (x.rank() < 1 || x.back() != w[1])
            raise<shape_error>("op::linear", "shape of x is ", x.text(), ", expected a last extent of ", w[1],
                               " for weight ", w.text());
        if (bias.size() != 0 && !(bias == shape{w[0]}))
            raise<shape_error>("op::linear", "shape of bias is ", bias.text(), ", expected (", w[0], ") or none");
        return x.with(x.rank() - 1, w[0]);
    }
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

template <class X, class W, class B> auto linear(X&& x, const W& weight, const B& bias) {
    using T = scalar_of_t<X, W>;
    auto y = apply(linear_op<T>{}, std::forward<X>(x), weight, bias);
    if constexpr (std::is_same_v<decltype(y), var<T>>) y.owner->set_origin(y, tape<T>::origin::linear);
    return y;
}

struct matmul_options {
    bool transpose_a = false, transpose_b = false;
};

/// Matrix product, batched when an operand has rank 3.
///
///     y[b] = A[b] B[b],   A[b] = a[b] or its transpose, B[b] likewise
///
/// Shapes     a (M, K) or (B, M, K), transposed (K, M) · b (K, N) or (B, K, N), transposed (N, K) · y (M, N) or (B, M, N).
///            A rank-2 operand serves every matrix of the batch.
/// Gradients  dA = dy Bᵀ, dB = Aᵀ dy, transposed back; summed over the batch for a rank-2 operand.
/// Keeps      nothing.
/// Cost       B * M * N * K multiply-accumulates.
/// Throws     shape_error if ranks are not 2 or 3, if the inner extents or the batches differ.
/// Source     torch.matmul.
template <class T> struct matmul_op {
    using scalar = T;
    matmul_options options;
    struct saved {};
    static constexpr std::string_view name = "matmul";
    void attributes(auto&& visit) const {
        visit("transpose_a", options.transpose_a);
        visit("transpose_b", options.transpose_b);
    }
    std::uint64_t macs(const shape& a, const shape& b) const {
        const sizes s = measure(a, b);
        return std::uint64_t(s.batch) * s.M * s.N * s.K;
    }
    shape infer(const shape& a, const shape& b) const {
        for (const shape* s : {&a, &b})
            if (s->rank() != 2 && s->rank() != 3)
                raise<shape_error>("op::matmul", "shape is ", s->text(), ", expected rank 2 or 3");
        const sizes s = measure(a, b);
        const std::size_t inner = b[b.rank() - (options.transpose_b ? 1 : 2)];
        if (s.K != inner)
            raise<shape_error>("op::matmul", "inner extents are ", s.K, " and ", inner, " of shapes ", a.text(),
                               " and ", b.text(), ", expected them equal");
        if (a.rank() == 3 && b.rank() == 3 && a[0] != b[0])
            raise<shape_error>("op::matmul", "batches are ", a[0], " and ", b[0], ", expected them equal");
        return a.rank() == 3 || b.rank() == 3 ? shape{s.batch, s.M, s.N} : shape{s.M, s.N};
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& a, const tensor<T>& b) const {
        const sizes s = measure(a.shape(), b.shape());
        for (std::size_t i = 0; i < s.batch; ++i)
            product(s.M, s.N, s.K, a.data() + i * s.a_step, options.transpose_a, b.data() + i * s.b_step,
                    options.transpose_b, y.data() + i * s.M * s.N, false);
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
                if (options.transpose_a)
                    product(s.K, s.M, s.N, other, options.transpose_b, g, true, to, sum);
                else
                    product(s.M, s.K, s.N, g, false, other, !options.transpose_b, to, sum);
            }
        }
        if (db) {
            const bool add = db->ensure(b.shape());
            for (std::size_t i = 0; i < s.batch; ++i) {
                const T* g = dy.data() + i * s.M * s.N;
                const T* other = a.data() + i * s.a_step;
                T* to = db->data() + i * s.b_step;
                const bool sum = add || (s.b_step == 0 && i > 0);
                if (options.transpose_b)
                    product(s.N, s.K, s.M, g, true, other, options.transpose_a, to, sum);
                else
                    product(s.K, s.N, s.M, other, !options.transpose_a, g, false, to, sum);
            }
        }
    }

private:
    struct sizes {
        std::size_t batch, M, N, K, a_step, b_step;
    };
    sizes measure(const shape& a, const shape& b) const {
        const std::size_t ra = a.rank(), rb = b.rank();
        sizes s{};
        s.batch = ra == 3 ? a[0] : rb == 3 ? b[0] : 1;
        s.M = a[ra - (options.transpose_a ? 1 : 2)];
        s.K = a[ra - (options.transpose_a ? 2 : 1)];
        s.N = b[rb - (options.transpose_b ? 2 : 1)];
        s.a_step = ra == 3 ? a[1] * a[2] : 0;
        s.b_step = rb == 3 ? b[1] * b[2] : 0;
        return s;
    }
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

template <class A, class B> auto matmul(A&& a, B&& b, matmul_options o = {}) {
    return apply(matmul_op<scalar_of_t<A, B>>{o}, std::forward<A>(a), std::forward<B>(b));
}

} // namespace smldist::inline SMLDIST_ABI::op

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Mixture of classifiers.
#ifndef SMLDIST_OP_MIXTURE_HPP
#define SMLDIST_OP_MIXTURE_HPP

#include <algorithm>
#include <cmath>

#include "smldist/kernel/softmax.hpp"
#include "smldist/op/apply.hpp"
#include "smldist/spec/softmax.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

/// See spec::mixture.
///
/// Gradients  with r_jn = ω_j p_jn / exp(y_n) and g_jn = dy_n r_jn:  dz_j = g_j - p_j Σ_n g_jn;
///            da_j = h_j - ω_j Σ_i h_i,  h_j = Σ_{b,n} g_jn.  With cross entropy: da_j = ω_j - r_jy.
/// Keeps      ln p (B, J, N).
template <class T> struct mixture_op : spec::mixture {
    using scalar = T;
    struct saved {
        tensor<T> log_p;
    };
    void forward(saved* keep, tensor<T>& y, const tensor<T>& z, const tensor<T>& a) const {
        const std::size_t B = z.shape()[0], J = a.size(), N = z.shape()[1] / J;
        auto log_p = tensor<T>::uninitialized({B * J, N});
        auto log_weight = tensor<T>::uninitialized({J});
        kernel::mixture(B, J, N, z.data(), a.data(), log_p.data(), log_weight.data(), y.data());
        if (keep) keep->log_p = std::move(log_p);
    }
    void backward(const saved& kept, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& z, const tensor<T>& a,
                  tensor<T>* dz, tensor<T>* da) const {
        const std::size_t B = z.shape()[0], J = a.size(), N = z.shape()[1] / J;
        auto log_weight = tensor<T>::uninitialized({J});
        kernel::log_softmax(std::size_t(1), J, a.data(), log_weight.data());
        const auto log_p = [&](std::size_t b, std::size_t j, std::size_t n) {
            return kept.log_p[(b * J + j) * N + n];
        };
        const auto g = [&](std::size_t b, std::size_t j, std::size_t n) {
            return dy[b * N + n] * std::exp(log_weight[j] + log_p(b, j, n) - y[b * N + n]);
        };
        if (dz) {
            if (!dz->ensure(z.shape())) dz->fill(T(0));
            for (std::size_t b = 0; b < B; ++b)
                for (std::size_t j = 0; j < J; ++j) {
                    T sum(0);
                    for (std::size_t n = 0; n < N; ++n) sum += g(b, j, n);
                    for (std::size_t n = 0; n < N; ++n)
                        (*dz)[(b * J + j) * N + n] += g(b, j, n) - std::exp(log_p(b, j, n)) * sum;
                }
        }
        if (da) {
            if (!da->ensure(a.shape())) da->fill(T(0));
            auto h = tensor<T>(shape{J});
            T all(0);
            for (std::size_t b = 0; b < B; ++b)
                for (std::size_t j = 0; j < J; ++j)
                    for (std::size_t n = 0; n < N; ++n) h[j] += g(b, j, n);
            for (std::size_t j = 0; j < J; ++j) all += h[j];
            for (std::size_t j = 0; j < J; ++j) (*da)[j] += h[j] - std::exp(log_weight[j]) * all;
        }
    }
};

template <class X, class A> [[nodiscard]] auto mixture(const X& z, const A& weights) {
    return apply(mixture_op<scalar_of_t<X, A>>{}, z, weights);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

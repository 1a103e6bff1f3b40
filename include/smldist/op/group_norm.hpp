// SPDX-License-Identifier: BSD-3-Clause
/// Normalisation of groups of channels in each sample.
#ifndef SMLDIST_OP_GROUP_NORM_HPP
#define SMLDIST_OP_GROUP_NORM_HPP

#include <cstddef>
#include <utility>

#include "smldist/kernel/group_norm.hpp"
#include "smldist/op/apply.hpp"
#include "smldist/spec/norm.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

using group_norm_options = spec::group_norm;

/// See spec::group_norm.
///
/// Gradients  with x̂ the normalised values, h = dy gamma and means over a group of a sample:
///            dx = (h - mean h - x̂ mean(h x̂)) / σ · dgamma = Σ dy x̂ · dbeta = Σ dy
/// Keeps      mean and 1/σ of each group of each sample.
template <class T> struct group_norm_op : spec::group_norm {
    using scalar = T;
    struct saved {
        tensor<T> mean, inverse; ///< (B, groups)
    };
    void forward(saved* keep, tensor<T>& y, const tensor<T>& x, const tensor<T>& gamma, const tensor<T>& beta) const {
        const sizes s(x.shape());
        saved local;
        saved& to = keep ? *keep : local;
        to.mean = tensor<T>::uninitialized({s.B, groups});
        to.inverse = tensor<T>::uninitialized({s.B, groups});
        kernel::group_norm_forward(s.B, s.L, s.C, groups, x.data(), gamma.data(), beta.data(), static_cast<T>(eps),
                                   y.data(), to.mean.data(), to.inverse.data());
    }
    void backward(const saved& kept, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x,
                  const tensor<T>& gamma, const tensor<T>& beta, tensor<T>* dx, tensor<T>* dgamma,
                  tensor<T>* dbeta) const {
        const sizes s(x.shape());
        const bool add_x = dx && dx->ensure(x.shape());
        const bool add_gamma = dgamma && dgamma->ensure(gamma.shape());
        const bool add_beta = dbeta && dbeta->ensure(beta.shape());
        kernel::group_norm_backward(s.B, s.L, s.C, groups, x.data(), dy.data(), kept.mean.data(), kept.inverse.data(),
                                    gamma.data(), dx ? dx->data() : nullptr, add_x, dgamma ? dgamma->data() : nullptr,
                                    add_gamma, dbeta ? dbeta->data() : nullptr, add_beta);
    }

private:
    struct sizes {
        std::size_t B, L, C;
        explicit sizes(const shape& x) : B(x[0]), L(x.product(1, x.rank() - 1)), C(x.back()) {}
    };
};

template <class X, class W, class B>
[[nodiscard]] auto group_norm(X&& x, const W& weight, const B& bias, group_norm_options o = {}) {
    return apply(group_norm_op<scalar_of_t<X, W>>{o}, std::forward<X>(x), weight, bias);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

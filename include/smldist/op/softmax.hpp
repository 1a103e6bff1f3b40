// SPDX-License-Identifier: BSD-3-Clause
/// Softmax and log-sum-exp along the last axis, log-mean-exp of blocks, and log-sum-exp by class.
#ifndef SMLDIST_OP_SOFTMAX_HPP
#define SMLDIST_OP_SOFTMAX_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "smldist/kernel/softmax.hpp"
#include "smldist/op/operand.hpp"
#include "smldist/spec/softmax.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

/// See spec::softmax.
///
/// Gradients  dx = y ⊙ (dy − <dy, y>)
/// Keeps      nothing beyond y.
template <class T> struct softmax_op : spec::softmax {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        kernel::softmax(x.shape().rows(), x.shape().back(), x.data(), y.data());
    }
    void backward(const saved&, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        const bool add = dx->ensure(x.shape());
        kernel::softmax_backward(x.shape().rows(), x.shape().back(), dy.data(), y.data(), dx->data(), add);
    }
};

/// See spec::log_softmax.
///
/// Gradients  dx = dy − exp(y) sum_n dy
/// Keeps      nothing beyond y.
template <class T> struct log_softmax_op : spec::log_softmax {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        kernel::log_softmax(x.shape().rows(), x.shape().back(), x.data(), y.data());
    }
    void backward(const saved&, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        const bool add = dx->ensure(x.shape());
        kernel::log_softmax_backward(x.shape().rows(), x.shape().back(), dy.data(), y.data(), dx->data(), add);
    }
};

/// See spec::log_sum_exp.
///
/// Gradients  dx[…,n] = dy[…] exp(x[…,n] − y[…])
/// Keeps      nothing beyond x and y.
template <class T> struct log_sum_exp_op : spec::log_sum_exp {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        kernel::log_sum_exp(x.shape().rows(), x.shape().back(), x.data(), y.data());
    }
    void backward(const saved&, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        const bool add = dx->ensure(x.shape());
        kernel::log_sum_exp_backward(x.shape().rows(), x.shape().back(), dy.data(), x.data(), y.data(), dx->data(),
                                     add);
    }
};

template <class X> [[nodiscard]] auto softmax(const X& x) { return op::apply(softmax_op<scalar_of_t<X>>{}, x); }
template <class X> [[nodiscard]] auto log_softmax(const X& x) {
    return op::apply(log_softmax_op<scalar_of_t<X>>{}, x);
}
template <class X> [[nodiscard]] auto log_sum_exp(const X& x) {
    return op::apply(log_sum_exp_op<scalar_of_t<X>>{}, x);
}

using log_mean_exp_options = spec::log_mean_exp;

/// See spec::log_mean_exp.
///
/// Gradients  dx[b, j N + n] = dy[b,n] exp(x[b, j N + n] − y[b,n]) / J
/// Keeps      nothing beyond x and y.
template <class T> struct log_mean_exp_op : spec::log_mean_exp {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        kernel::log_mean_exp(y.shape()[0], blocks, y.shape()[1], x.data(), y.data());
    }
    void backward(const saved&, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        const std::size_t J = blocks, N = y.shape()[1];
        const bool add = dx->ensure(x.shape());
        for (std::size_t i = 0; i < x.size(); ++i) {
            const std::size_t at = i / (J * N) * N + i % N;
            const T d = dy[at] * std::exp(x[i] - y[at]) / static_cast<T>(J);
            (*dx)[i] = add ? (*dx)[i] + d : d;
        }
    }
};
template <class X> [[nodiscard]] auto log_mean_exp(const X& x, log_mean_exp_options o) {
    return op::apply(log_mean_exp_op<scalar_of_t<X>>{o}, x);
}

using class_log_sum_exp_options = spec::class_log_sum_exp;

/// See spec::class_log_sum_exp.
///
/// Gradients  ds[b,m] = dz[b,label[m]] exp(s[b,m] − lse of its class); none into label and log_mass.
/// Keeps      exp(s − lse), (B, M).
/// Throws     when run usage_error if a label is not in [0, N) or a class has no pattern.
template <class T> struct class_log_sum_exp_op : spec::class_log_sum_exp {
    using scalar = T;
    struct saved {
        tensor<T> share; ///< (B, M): part of a pattern in its class
    };

    void forward(saved* keep, tensor<T>& z, const tensor<T>& s, const tensor<std::int32_t>& label,
                 const tensor<T>& log_mass) const {
        const std::size_t B = s.shape()[0], M = s.shape()[1], N = classes;
        const tensor<T> log_prior = prior(label, log_mass);
        if (keep) keep->share = tensor<T>::uninitialized(s.shape());
        auto top = tensor<T>::uninitialized({N});
        kernel::class_log_sum_exp(B, M, N, s.data(), label.data(), log_prior.data(), top.data(), z.data(),
                                  keep ? keep->share.data() : nullptr);
    }
    void backward(const saved& keep, const tensor<T>&, const tensor<T>& dz, const tensor<T>& s,
                  const tensor<std::int32_t>& label, const tensor<T>&, tensor<T>* ds, tensor<std::int32_t>*,
                  tensor<T>*) const {
        if (!ds) return;
        const std::size_t B = s.shape()[0], M = s.shape()[1], N = classes;
        const bool add = ds->ensure(s.shape());
        for (std::size_t b = 0; b < B; ++b)
            for (std::size_t m = 0; m < M; ++m) {
                T& to = (*ds)[b * M + m];
                const T d = dz[b * N + of(label, m)] * keep.share[b * M + m];
                to = add ? to + d : d;
            }
    }

private:
    static std::size_t of(const tensor<std::int32_t>& label, std::size_t m) {
        return static_cast<std::size_t>(label[m]);
    }
    /// kappa ln M_n of every class; checks the labels.
    tensor<T> prior(const tensor<std::int32_t>& label, const tensor<T>& log_mass) const {
        tensor<T> mass(shape{classes});
        for (std::size_t m = 0; m < label.size(); ++m) {
            if (label[m] < 0 || of(label, m) >= classes)
                raise<usage_error>("op::class_log_sum_exp", "label of pattern ", m, " is ", label[m],
                                   ", expected 0 to ", classes - 1);
            mass[of(label, m)] += log_mass.empty() ? T(1) : std::exp(log_mass[m]);
        }
        for (std::size_t n = 0; n < classes; ++n) {
            if (!(mass[n] > 0))
                raise<usage_error>("op::class_log_sum_exp", "number of patterns of class ", n,
                                   " is 0, expected >= 1");
            mass[n] = static_cast<T>(kappa) * std::log(mass[n]);
        }
        return mass;
    }
};

/// `label` is a buffer<std::int32_t>, `log_mass` a buffer of the scores' type.
template <class X, class M>
[[nodiscard]] auto class_log_sum_exp(const X& s, const buffer<std::int32_t>& label, const M& log_mass,
                                     class_log_sum_exp_options o) {
    return op::apply(class_log_sum_exp_op<scalar_of_t<X, M>>{o}, s, label, log_mass);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

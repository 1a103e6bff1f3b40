// SPDX-License-Identifier: BSD-3-Clause
/// Layers of normalisation.
#ifndef SMLDIST_NN_NORM_HPP
#define SMLDIST_NN_NORM_HPP

#include "smldist/core/parameter.hpp"
#include "smldist/op/group_norm.hpp"
#include "smldist/op/norm.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

/// Batch normalisation of the last axis: of this batch in mode::train, with the running statistics in mode::eval and
/// when frozen.
/// See op::batch_norm_train_op and op::batch_norm_eval_op.
///
/// Shapes     x (…, C) · weight, bias, running_mean, running_var (C)
/// Init       weight 1, bias 0, running_mean 0, running_var 1.
template <class T> struct batch_norm {
    parameter<T> weight, bias;
    buffer<T> running_mean, running_var;
    op::batch_norm_options options;

    batch_norm() = default;
    SMLDIST_COLD explicit batch_norm(std::size_t channels, op::batch_norm_options o = {}) : options(o) {
        weight.value = tensor<T>(shape{channels}, T(1));
        bias.value = tensor<T>(shape{channels});
        weight.decay = bias.decay = 0;
        running_mean.value = tensor<T>(shape{channels});
        running_var.value = tensor<T>(shape{channels}, T(1));
    }
    template <class X> auto operator()(const X& x, mode m = mode::eval) const {
        return op::batch_norm(x, weight, bias, running_mean, running_var, mode_of(*this, m), options);
    }
    static void visit(auto& self, auto&& member) {
        member("weight", self.weight);
        member("bias", self.bias);
        member("running_mean", self.running_mean);
        member("running_var", self.running_var);
    }
};

/// Layer normalisation of the last axis, with or without affine map. See op::layer_norm_op.
///
/// Shapes     x (…, C) · weight, bias (C) or absent
/// Init       weight 1, bias 0.
template <class T> struct layer_norm {
    parameter<T> weight, bias;
    op::layer_norm_options options;

    layer_norm() = default;
    SMLDIST_COLD explicit layer_norm(std::size_t channels, bool affine = true, op::layer_norm_options o = {})
        : options(o) {
        if (affine) {
            weight.value = tensor<T>(shape{channels}, T(1));
            bias.value = tensor<T>(shape{channels});
        }
        weight.decay = bias.decay = 0;
    }
    template <class X> auto operator()(const X& x) const { return op::layer_norm(x, weight, bias, options); }
    static void visit(auto& self, auto&& member) {
        member("weight", self.weight);
        member("bias", self.bias);
    }
};

/// Normalisation of groups of channels in each sample, with or without affine map. See op::group_norm_op.
///
///     nn::group_norm<float> norm(64, {.groups = 8});
///
/// With groups = channels it is instance normalisation, whose layer in PyTorch has no affine map by default.
///
/// Shapes     x (B, …, C) · weight, bias (C) or absent
/// Init       weight 1, bias 0.
/// Throws     usage_error if groups does not divide the channels.
template <class T> struct group_norm {
    parameter<T> weight, bias;
    op::group_norm_options options;

    group_norm() = default;
    SMLDIST_COLD explicit group_norm(std::size_t channels, op::group_norm_options o = {}, bool affine = true)
        : options(o) {
        if (o.groups == 0 || channels % o.groups != 0)
            raise<usage_error>("nn::group_norm", "groups is ", o.groups, ", expected a divisor of ", channels);
        if (affine) {
            weight.value = tensor<T>(shape{channels}, T(1));
            bias.value = tensor<T>(shape{channels});
        }
        weight.decay = bias.decay = 0;
    }
    template <class X> auto operator()(const X& x) const { return op::group_norm(x, weight, bias, options); }
    static void visit(auto& self, auto&& member) {
        member("weight", self.weight);
        member("bias", self.bias);
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif

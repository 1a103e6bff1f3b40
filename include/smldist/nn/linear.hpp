// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_NN_LINEAR_HPP
#define SMLDIST_NN_LINEAR_HPP

#include "smldist/core/parameter.hpp"
#include "smldist/nn/init.hpp"
#include "smldist/op/linear.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

/// Linear map of the last axis: y = x weightᵀ + bias. See op::linear_op.
///
/// Shapes     x (…, in) · weight (out, in) · bias (out), absent with `with_bias = false` · y (…, out)
/// Init       weight N(0, 0.01²), bias 0 (Howard et al. 2019).
template <class T> struct linear {
    parameter<T> weight, bias;

    linear() = default;
    SMLDIST_COLD linear(std::size_t in, std::size_t out, generator& g, bool with_bias = true) {
        weight.value = tensor<T>(shape{out, in});
        init::normal_(weight.value, g, 0, 0.01);
        if (with_bias) bias.value = tensor<T>(shape{out});
        bias.decay = 0;
    }
    template <class X> auto operator()(const X& x) const { return op::linear(x, weight, bias); }
    static void visit(auto& self, auto&& member) {
        member("weight", self.weight);
        member("bias", self.bias);
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif

// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_NN_SQUEEZE_EXCITE_HPP
#define SMLDIST_NN_SQUEEZE_EXCITE_HPP

#include "smldist/nn/linear.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

struct squeeze_excite_options {
    bool bias = true; ///< of both maps; without, they start as plain linear maps do
};

/// Squeeze-and-excite: each channel is scaled by a gate computed from the means over time, or over the image.
///
///     g[b] = hard_sigmoid(fc2(relu(fc1(mean_t x[b]))))
///     y[b,t,c] = x[b,t,c] * g[b,c]
///
/// Shapes     x (B, L, C) or (B, H, W, C) · fc1 (Q, C), fc2 (C, Q), both with bias unless `bias` is false · y as x
/// Init       weights Kaiming-normal, biases 0; without biases, weights N(0, 0.01²).
/// Source     Hu et al. 2018; hard sigmoid and ReLU as in Howard et al. 2019.
template <class T> struct squeeze_excite {
    linear<T> fc1, fc2;

    squeeze_excite() = default;
    SMLDIST_COLD squeeze_excite(std::size_t channels, std::size_t squeezed, generator& g,
                                squeeze_excite_options o = {})
        : fc1(channels, squeezed, g, o.bias), fc2(squeezed, channels, g, o.bias) {
        if (!o.bias) return;
        init::kaiming_normal_(fc1.weight.value, g, init::fan::out);
        init::kaiming_normal_(fc2.weight.value, g, init::fan::out);
    }
    template <class X> X operator()(const X& x) const {
        return op::gate(x, op::hard_sigmoid(fc2(op::relu(fc1(op::mean_over_time(x))))));
    }
    static void visit(auto& self, auto&& member) {
        member("fc1", self.fc1);
        member("fc2", self.fc2);
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif

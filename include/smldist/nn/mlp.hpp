// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_NN_MLP_HPP
#define SMLDIST_NN_MLP_HPP

#include "smldist/nn/linear.hpp"
#include "smldist/op/pointwise.hpp"

namespace smldist::inline SMLDIST_ABI::nn {

/// Classifier with one hidden layer.
///
///     z = up(hswish(down(f)))
///
/// Shapes     f (B, D) · hidden (B, r) · z (B, N)
/// Init       down Kaiming-normal, up N(0, 0.01²), biases 0.
template <class T> struct mlp {
    linear<T> down, up;

    mlp() = default;
    mlp(std::size_t features, std::size_t hidden, std::size_t classes, generator& g)
        : down(features, hidden, g), up(hidden, classes, g) {
        if (features == 0 || hidden == 0 || classes == 0)
            raise<usage_error>("nn::mlp", "features, hidden, classes are ", features, ", ", hidden, ", ", classes,
                               ", expected at least 1");
        init::kaiming_normal_(down.weight.value, g);
    }
    template <class X> X operator()(const X& f) const { return up(op::hard_swish(down(f))); }
    static void visit(auto& self, auto&& member) {
        member("down", self.down);
        member("up", self.up);
    }
};

} // namespace smldist::inline SMLDIST_ABI::nn

#endif

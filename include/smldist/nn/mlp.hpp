// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_NN_MLP_HPP
#define SMLDIST_NN_MLP_HPP

#include <string_view>

#include "smldist/nn/linear.hpp"
#include "smldist/op/pointwise.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

/// Classifier with one hidden layer.
///
///     z = up(hswish(down(f)))
///
/// Shapes     f (B, D) · hidden (B, r) · z (B, N)
/// Init       down Kaiming-normal, up N(0, 0.01²), biases 0.
template <class T> struct mlp {
    linear<T> down, up;

    mlp() = default;
    SMLDIST_COLD mlp(std::size_t features, std::size_t hidden, std::size_t classes, generator& g)
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

/// Describes the mlp head of a network (model/heads.hpp).
struct mlp_options {
    static constexpr std::string_view name = "mlp", path = "mlp";
    std::size_t hidden = 32; ///< r, width of the hidden layer

    static void visit(auto& self, auto&& f) { f("hidden", self.hidden); }
    /// Throws usage_error for a value out of range.
    void check() const {
        if (hidden == 0) raise<usage_error>("nn::mlp", "hidden is 0, expected at least 1");
    }
    void sizes(double D, double N, auto&& f) const {
        const double r = double(hidden);
        f(r * D), f(r), f(N * r), f(N);
    }
    template <class T> mlp<T> make(std::size_t features, std::size_t classes, generator& g) const {
        return mlp<T>(features, hidden, classes, g);
    }
    friend bool operator==(const mlp_options&, const mlp_options&) = default;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif

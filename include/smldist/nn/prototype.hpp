// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_NN_PROTOTYPE_HPP
#define SMLDIST_NN_PROTOTYPE_HPP

#include <string_view>

#include <cmath>

#include "smldist/core/parameter.hpp"
#include "smldist/nn/init.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/pointwise.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

/// Cosine classifier: one prototype per class.
///
///     z_n = s <f/‖f‖, c_n/‖c_n‖>,   s learned as ln s within [0, ln 100]
///
/// Shapes     f (B, D) · weight (N, D), the prototypes · z (B, N)
/// Init       prototypes N(0, 1), s = 10.
/// Source     Gidaris and Komodakis 2018 (arXiv 1804.09458), sec. 3.2.
template <class T> struct prototype {
    parameter<T> weight;    ///< (N, D)
    parameter<T> log_scale; ///< (1)

    prototype() = default;
    SMLDIST_COLD prototype(std::size_t features, std::size_t classes, generator& g) {
        if (features == 0 || classes == 0)
            raise<usage_error>("nn::prototype", "features and classes are ", features, ", ", classes,
                               ", expected at least 1");
        weight.value = tensor<T>(shape{classes, features});
        init::normal_(weight.value, g);
        log_scale.value = tensor<T>(shape{1}, static_cast<T>(std::log(10.0)));
        log_scale.decay = 0;
    }
    template <class X> X operator()(const X& f) const {
        const X cosine =
            op::matmul(op::l2_normalize(f), op::l2_normalize(op::lift(f, weight)), {.transpose_b = true});
        return op::mul(cosine, op::exp(op::clamp(op::lift(f, log_scale), 0, std::log(100.0))));
    }
    static void visit(auto& self, auto&& member) {
        member("weight", self.weight);
        member("log_scale", self.log_scale);
    }
};

/// Describes the prototype head of a network (model/heads.hpp).
struct prototype_options {
    static constexpr std::string_view name = "prototype", path = "prototype";

    static void visit(auto&, auto&&) {}
    void sizes(double D, double N, auto&& f) const { f(N * D), f(1); }
    template <class T> prototype<T> make(std::size_t features, std::size_t classes, generator& g) const {
        return prototype<T>(features, classes, g);
    }
    friend bool operator==(const prototype_options&, const prototype_options&) = default;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif

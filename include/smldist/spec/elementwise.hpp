// SPDX-License-Identifier: BSD-3-Clause
/// Descriptions of the ops that map each element: activations, exp and log, powers, clamping, scaling, dropout.
#ifndef SMLDIST_SPEC_ELEMENTWISE_HPP
#define SMLDIST_SPEC_ELEMENTWISE_HPP

#include <string_view>

#include "smldist/core/activation.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/shape.hpp"

namespace smldist::spec {
SMLDIST_NAMESPACE_BEGIN

/// y = f(x), element by element, for each f of core/activation.hpp other than none.
///
/// Shapes     x any · y as x
/// Cost       one pass over x; counted as 0 MACs.
template <activation F> struct elementwise {
    static constexpr std::string_view name = name_of(F);
    shape infer(const shape& x) const { return x; }
};

/// y = min(high, max(low, x)), element by element.
///
/// Shapes     x any · y as x
/// Throws     usage_error unless low ≤ high.
/// Source     torch.clamp.
struct clamp {
    double low, high;

    static constexpr std::string_view name = "clamp";
    static void visit(auto& self, auto&& f) {
        f("low", self.low);
        f("high", self.high);
    }
    shape infer(const shape& x) const {
        if (!(low <= high))
            raise<usage_error>("op::clamp", "bounds are ", low, " and ", high, ", expected low <= high");
        return x;
    }
};

/// y = x for x > 0, slope x otherwise, element by element.
///
/// Shapes     x any · y as x
/// Cost       one pass; counted as 0 MACs.
/// Source     torch.nn.functional.leaky_relu.
struct leaky_relu {
    double slope = 0.01;

    static constexpr std::string_view name = "leaky_relu";
    static void visit(auto& self, auto&& f) { f("slope", self.slope); }
    shape infer(const shape& x) const { return x; }
};

/// y = xᵖ with a constant p, element by element. As IEEE 754's pow: x⁰ = 1 for every x; NaN for x < 0 unless p is whole.
///
/// Shapes     x any · y as x
/// Cost       one pass; products for a whole p of −8 to 8, otherwise a call of std::pow per element; counted as 0 MACs.
/// Source     torch.pow with a number.
struct pow {
    double exponent = 1; ///< p

    static constexpr std::string_view name = "pow";
    static void visit(auto& self, auto&& f) { f("exponent", self.exponent); }
    shape infer(const shape& x) const { return x; }
};

/// y = scale x + offset with two constants.
///
/// Shapes     x any · y as x
/// Cost       one pass; counted as 0 MACs.
struct affine {
    double scale = 1, offset = 0;

    static constexpr std::string_view name = "affine";
    static void visit(auto& self, auto&& f) {
        f("scale", self.scale);
        f("offset", self.offset);
    }
    shape infer(const shape& x) const { return x; }
};

/// Inverted dropout: y = x m, each m independently 0 with probability p and 1/(1−p) otherwise.
///
/// Shapes     x any · y as x
/// Cost       one pass over x and 32 random bits per element; counted as 0 MACs.
/// Source     torch.nn.functional.dropout; Srivastava et al. 2014.
struct dropout {
    double p = 0.5; ///< probability that an element is dropped

    static constexpr std::string_view name = "dropout";
    static void visit(auto& self, auto&& f) { f("p", self.p); }
    shape infer(const shape& x) const { return x; }
};

/// Removes patterns from an association: y = x, or x - 20 with probability p, so that the softmax nearly ignores them.
///
/// Shapes     x any · y as x
/// Cost       one pass over x; counted as 0 MACs.
struct pattern_dropout {
    double p = 0.5; ///< probability that an element is dropped

    static constexpr std::string_view name = "pattern_dropout";
    static void visit(auto& self, auto&& f) { f("p", self.p); }
    shape infer(const shape& x) const { return x; }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif

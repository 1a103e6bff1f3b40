// SPDX-License-Identifier: BSD-3-Clause
/// Descriptions of sum, difference, product and quotient with broadcasting, and of the gate of squeeze-excite.
#ifndef SMLDIST_SPEC_ARITHMETIC_HPP
#define SMLDIST_SPEC_ARITHMETIC_HPP

#include <string_view>

#include "smldist/spec/shapes.hpp"

namespace smldist::spec {
SMLDIST_NAMESPACE_BEGIN

/// y = a + b with NumPy's broadcasting.
///
/// Shapes     a, b: extents equal or 1 from the last axis on, missing axes count as 1 · y the larger extents
/// Cost       one pass; counted as 0 MACs. Fast for equal shapes, (…, C) with (C), and one element.
/// Throws     shape_error if the shapes do not broadcast.
struct add {
    static constexpr std::string_view name = "add";
    shape infer(const shape& a, const shape& b) const { return broadcast("op::add", a, b); }
};
/// y = a − b; shapes, cost and errors as add.
struct sub {
    static constexpr std::string_view name = "sub";
    shape infer(const shape& a, const shape& b) const { return broadcast("op::sub", a, b); }
};
/// y = a b, element by element; shapes, cost and errors as add.
struct mul {
    static constexpr std::string_view name = "mul";
    shape infer(const shape& a, const shape& b) const { return broadcast("op::mul", a, b); }
};
/// y = a / b, element by element; shapes, cost and errors as add. A zero in b gives ±inf or NaN, as IEEE 754 says.
struct div {
    static constexpr std::string_view name = "div";
    shape infer(const shape& a, const shape& b) const { return broadcast("op::div", a, b); }
};

/// Channel gate of squeeze-excite.
///
///     y[b,t,c] = x[b,t,c] * g[b,c]
///
/// Shapes     x (B, L, C) or (B, H, W, C) · g (B, C) · y as x
/// Cost       one pass; counted as 0 MACs.
/// Throws     shape_error if x is not of these shapes or g not (B, C).
/// Source     Hu et al. 2018.
struct gate {
    static constexpr std::string_view name = "gate";
    shape infer(const shape& x, const shape& g) const {
        if (x.rank() < 3 || !(g == shape{x[0], x.back()}))
            raise<shape_error>("op::gate", "shapes of x and g are ", x.text(), " and ", g.text(),
                               ", expected (B, L, C) or (B, H, W, C), and (B, C)");
        return x;
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Descriptions of the ops that move elements: reshape, flatten, concat, slice.
#ifndef SMLDIST_SPEC_RESHAPE_HPP
#define SMLDIST_SPEC_RESHAPE_HPP

#include <cstddef>
#include <string_view>

#include "smldist/spec/shapes.hpp"

namespace smldist::spec {
SMLDIST_NAMESPACE_BEGIN

/// The same elements, in row-major order, under another shape.
///
/// Shapes     x any · y the given shape
/// Cost       a copy; counted as 0 MACs.
/// Throws     shape_error if the number of elements differs.
struct reshape {
    smldist::shape target;

    static constexpr std::string_view name = "reshape";
    static void visit(auto& self, auto&& f) { f("shape", self.target); }
    smldist::shape infer(const smldist::shape& x) const {
        if (x.size() != target.size())
            raise<shape_error>("op::reshape", "shape is ", x.text(), ", expected as many elements as ",
                               target.text());
        return target;
    }
};

/// (B, …) → (B, product of the rest); unlike reshape it fits any batch.
/// Throws     shape_error on a scalar.
struct flatten {
    static constexpr std::string_view name = "flatten";
    shape infer(const shape& x) const {
        if (x.rank() == 0) raise<shape_error>("op::flatten", "shape is (), expected at least one axis");
        return {x[0], x.product(1, x.rank())};
    }
};

/// a followed by b along one axis.
///
/// Shapes     a, b equal except for the axis · y the same, with the sum of both extents at the axis
/// Cost       a copy; counted as 0 MACs.
/// Throws     shape_error if the axis does not exist or another extent differs.
struct concat {
    std::ptrdiff_t axis = -1; ///< negative: from the back

    static constexpr std::string_view name = "concat";
    static void visit(auto& self, auto&& f) { f("axis", self.axis); }
    shape infer(const shape& a, const shape& b) const {
        const std::size_t along = resolve_axis("op::concat", a, axis);
        if (a.rank() != b.rank() || !(a.with(along, 0) == b.with(along, 0)))
            raise<shape_error>("op::concat", "shape of b is ", b.text(), ", expected that of a, ", a.text(),
                               ", except for axis ", along);
        return a.with(along, a[along] + b[along]);
    }
};

/// The part [begin, end) of x along one axis.
///
/// Shapes     x any · y as x, with end − begin at the axis
/// Cost       a copy; counted as 0 MACs.
/// Throws     shape_error if the axis does not exist or not begin ≤ end ≤ its extent.
struct slice {
    std::ptrdiff_t axis = -1; ///< negative: from the back
    std::size_t begin = 0, end = 0;

    static constexpr std::string_view name = "slice";
    static void visit(auto& self, auto&& f) {
        f("axis", self.axis);
        f("begin", self.begin);
        f("end", self.end);
    }
    shape infer(const shape& x) const {
        const std::size_t along = resolve_axis("op::slice", x, axis);
        if (begin > end || end > x[along])
            raise<shape_error>("op::slice", "part is [", begin, ", ", end, "), expected inside [0, ", x[along],
                               ") of axis ", along, "; got shape ", x.text());
        return x.with(along, end - begin);
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif

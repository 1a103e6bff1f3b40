// SPDX-License-Identifier: BSD-3-Clause
/// Descriptions of the ops that move elements: reshape, flatten, concat, slice, permute, pad.
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

/// The axes in another order: axis i of y is axis axes[i] of x.
///
/// Shapes     x any · y the extents of x in the order of axes
/// Cost       a copy; counted as 0 MACs.
/// Throws     shape_error unless axes names every axis of x once.
/// Source     torch.permute.
struct permute {
    smldist::shape axes; ///< numbers from the front

    static constexpr std::string_view name = "permute";
    static void visit(auto& self, auto&& f) { f("axes", self.axes); }
    shape infer(const shape& x) const {
        shape y;
        bool seen[shape::max_rank] = {}, ok = axes.rank() == x.rank();
        for (std::size_t i = 0; ok && i < axes.rank(); ++i) {
            ok = axes[i] < x.rank() && !seen[axes[i]];
            if (!ok) break;
            seen[axes[i]] = true;
            y.push_back(x[axes[i]]);
        }
        if (!ok)
            raise<shape_error>("op::permute", "axes are ", axes.text(), ", expected each axis of ", x.text(),
                               " once");
        return y;
    }
};

/// x between elements of a constant value. The amounts are listed as in PyTorch, of the last axis first; further axes are
/// not padded.
///
/// Shapes     x any · y as x, with before + extent + after at each padded axis
/// Cost       a copy; counted as 0 MACs.
/// Throws     shape_error if there are more amounts than axes.
/// Source     torch.nn.functional.pad with mode "constant".
struct pad {
    smldist::shape before, after; ///< amounts of the last axis, of the one before it, …
    double value = 0;

    static constexpr std::string_view name = "pad";
    static void visit(auto& self, auto&& f) {
        f("before", self.before);
        f("after", self.after);
        f("value", self.value);
    }
    shape infer(const shape& x) const {
        if (before.rank() != after.rank() || before.rank() > x.rank())
            raise<shape_error>("op::pad", "amounts are ", before.text(), " before and ", after.text(),
                               " after, expected at most one of each per axis of ", x.text());
        shape y;
        for (std::size_t a = 0; a < x.rank(); ++a) y.push_back(first(x.rank(), a) + x[a] + last(x.rank(), a));
        return y;
    }
    /// The amounts of an axis of x, from the front.
    std::size_t first(std::size_t rank, std::size_t axis) const { return amount(before, rank - 1 - axis); }
    std::size_t last(std::size_t rank, std::size_t axis) const { return amount(after, rank - 1 - axis); }

private:
    static std::size_t amount(const shape& of, std::size_t i) { return i < of.rank() ? of[i] : 0; }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Descriptions of the ops that choose elements by a mask or by indices: where, embedding, gather.
///
/// A mask or an index is an input like any other, of any type: a tensor of integers or bool, or a value of the world that
/// the op runs in, in its type. It has no gradient. On a tape and in a program it is of floating-point type, so indices
/// are whole numbers below 2²⁴.
#ifndef SMLDIST_SPEC_SELECT_HPP
#define SMLDIST_SPEC_SELECT_HPP

#include <cstddef>
#include <string_view>

#include "smldist/spec/shapes.hpp"

namespace smldist::spec {
SMLDIST_NAMESPACE_BEGIN

/// y = a where the mask is not 0, else b; element by element, with broadcasting. A NaN in the mask counts as not 0.
///
/// Shapes     mask, a, b: extents equal or 1 from the last axis on, missing axes count as 1 · y the larger extents
/// Cost       one pass; counted as 0 MACs.
/// Throws     shape_error if the shapes do not broadcast.
/// Source     torch.where.
struct where {
    static constexpr std::string_view name = "where";
    shape infer(const shape& mask, const shape& a, const shape& b) const {
        return broadcast("op::where", mask, broadcast("op::where", a, b));
    }
};

/// Rows of a table.
///
///     y[…,d] = weight[index[…],d]
///
/// Shapes     index any · weight (N, D) · y (…, D)
/// Cost       one pass over y; counted as 0 MACs.
/// Throws     shape_error if weight is not a matrix of at most 2²⁴ rows.
/// Source     torch.nn.functional.embedding.
struct embedding {
    static constexpr std::string_view name = "embedding";
    shape infer(const shape& index, const shape& weight) const {
        if (weight.rank() != 2 || weight[0] > std::size_t(1) << 24)
            raise<shape_error>("op::embedding", "shape of weight is ", weight.text(),
                               ", expected (N, D) with N at most 2^24");
        shape y = index;
        y.push_back(weight[1]);
        return y;
    }
};

/// Elements of x at given places along one axis. For axis 1 of three:
///
///     y[i,j,k] = x[i, index[i,j,k], k]
///
/// Shapes     x any · index of the same rank, its other extents at most those of x · y as index
/// Cost       one pass over y; counted as 0 MACs.
/// Throws     shape_error if the axis does not exist or has more than 2²⁴ elements, or if index does not fit x.
/// Source     torch.gather.
struct gather {
    std::ptrdiff_t axis = -1; ///< negative: from the back

    static constexpr std::string_view name = "gather";
    static void visit(auto& self, auto&& f) { f("axis", self.axis); }
    shape infer(const shape& x, const shape& index) const {
        const std::size_t along = resolve_axis("op::gather", x, axis);
        bool fits = index.rank() == x.rank() && x[along] <= std::size_t(1) << 24;
        for (std::size_t a = 0; fits && a < x.rank(); ++a) fits = a == along || index[a] <= x[a];
        if (!fits)
            raise<shape_error>("op::gather", "shape of index is ", index.text(), ", expected extents of at most ",
                               x.text(), " except for axis ", along);
        return index;
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif

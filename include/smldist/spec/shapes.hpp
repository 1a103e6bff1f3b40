// SPDX-License-Identifier: BSD-3-Clause
/// What the descriptions of ops share: axes, broadcasting and the checks of a normalisation's vectors.
#ifndef SMLDIST_SPEC_SHAPES_HPP
#define SMLDIST_SPEC_SHAPES_HPP

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "smldist/core/error.hpp"
#include "smldist/core/shape.hpp"

namespace smldist::spec {
SMLDIST_NAMESPACE_BEGIN

/// The axis meant by `axis`; a negative one counts from the back.
/// Throws     shape_error if x has no such axis.
[[nodiscard]] inline std::size_t resolve_axis(std::string_view where, const shape& x, std::ptrdiff_t axis) {
    const auto rank = static_cast<std::ptrdiff_t>(x.rank());
    if (axis < -rank || axis >= rank)
        raise<shape_error>(where, "axis is ", axis, ", expected one of ", rank, " axes; got shape ", x.text());
    return static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
}

/// The common shape of two operands: axes are matched from the back, an extent of 1 or a missing axis is repeated.
/// Throws     shape_error if two extents differ and neither is 1.
[[nodiscard]] inline shape broadcast(std::string_view where, const shape& a, const shape& b) {
    if (a == b) return a;
    const std::size_t rank = std::max(a.rank(), b.rank());
    shape y;
    for (std::size_t i = 0; i < rank; ++i) {
        const std::size_t ea = i + a.rank() < rank ? 1 : a[i + a.rank() - rank];
        const std::size_t eb = i + b.rank() < rank ? 1 : b[i + b.rank() - rank];
        if (ea != eb && ea != 1 && eb != 1)
            raise<shape_error>(where, "shapes are ", a.text(), " and ", b.text(),
                               ", expected extents that are equal or 1, from the last axis on");
        y.push_back(ea == 1 ? eb : ea);
    }
    return y;
}

/// Throws     shape_error unless x is (…, N) with N >= 1.
inline void check_last_axis(std::string_view where, const shape& x) {
    if (x.rank() == 0 || x.back() == 0)
        raise<shape_error>(where, "shape is ", x.text(), ", expected (…, N) with N >= 1");
}

/// The shape of x, whose channels `weight` and `bias` must fit.
/// Throws     shape_error if x has no rows or fewer axes than `least_rank`, or if a vector does not fit it.
inline shape infer_norm(std::string_view where, const shape& x, const shape& weight, const shape& bias,
                        std::size_t least_rank = 1) {
    if (x.rank() < least_rank || x.size() == 0)
        raise<shape_error>(where, "shape of x is ", x.text(), ", expected (…, C) with at least one row");
    for (const shape* s : {&weight, &bias})
        if (!(*s == shape{x.back()}))
            raise<shape_error>(where, "shape of weight or bias is ", s->text(), ", expected (", x.back(), ") for x ",
                               x.text());
    return x;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif

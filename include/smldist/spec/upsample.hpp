// SPDX-License-Identifier: BSD-3-Clause
/// Description of resampling in time or of images.
#ifndef SMLDIST_SPEC_UPSAMPLE_HPP
#define SMLDIST_SPEC_UPSAMPLE_HPP

#include <cmath>
#include <cstddef>
#include <string_view>

#include "smldist/core/error.hpp"
#include "smldist/core/shape.hpp"

namespace smldist::spec {
SMLDIST_NAMESPACE_BEGIN

/// Resampling to another number of positions, larger or smaller: time steps of (B, L, C), or rows and columns of (B, H, W, C).
///
/// Position i of an output axis with n' positions reads the input axis with n positions at
///
///     nearest                   floor(i * r),   r = n/n', or 1/scale if a scale is given
///     linear                    max(0, (i + 1/2) * r - 1/2)
///     linear, align_corners     i * (n - 1)/(n' - 1), or 0 for n' = 1
///
/// linear takes the mean of the two neighbours of that place, weighted by their distances (of an image, of four neighbours:
/// bilinear). align_corners maps first to first and last to last positions. No filter is applied when the result is smaller.
///
/// Shapes     x (B, L, C) · y (B, L', C), or x (B, H, W, C) · y (B, H', W', C); n' as in size, or floor(n * scale)
/// Cost       one pass over y; counted as 0 MACs.
/// Throws     usage_error unless either size or a scale in (0, 1024] is given, or for align_corners without linear; shape_error if
///            x is neither, is empty, does not fit size, or if the result has no positions.
/// Source     torch.nn.functional.interpolate with modes nearest, linear and bilinear. PyTorch computes nearest in float, and so
///            rarely takes the neighbour.
struct upsample {
    shape size = {};  ///< (L') or (H', W')
    double scale = 0; ///< of every axis; or 0 with a size
    bool linear = false;
    bool align_corners = false;

    static constexpr std::string_view name = "upsample";
    static void visit(auto& self, auto&& f) {
        f("size", self.size);
        f("scale", self.scale);
        f("linear", self.linear);
        f("align_corners", self.align_corners);
    }
    shape infer(const shape& x) const {
        constexpr std::string_view where = "op::upsample";
        const bool sized = size.rank() > 0;
        if (sized ? scale != 0 : !(scale > 0 && scale <= 1024))
            raise<usage_error>(where, "size and scale are ", size.text(), " and ", scale,
                               ", expected either a size or a scale above 0 and at most 1024");
        if (align_corners && !linear)
            raise<usage_error>(where, "align_corners is true without linear, expected both or neither");
        if ((x.rank() != 3 && x.rank() != 4) || x.size() == 0)
            raise<shape_error>(where, "shape of x is ", x.text(), ", expected (B, L, C) or (B, H, W, C)");
        if (sized && size.rank() != x.rank() - 2)
            raise<shape_error>(where, "size is ", size.text(), ", expected one extent for each of the ", x.rank() - 2,
                               " axes between the first and the last of x ", x.text());
        shape y = x;
        for (std::size_t a = 1; a + 1 < x.rank(); ++a)
            y = y.with(a, sized ? size[a - 1] : static_cast<std::size_t>(std::floor(double(x[a]) * scale)));
        if (y.size() == 0)
            raise<shape_error>(where, "shape of the result is ", y.text(), ", expected at least one position");
        return y;
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif

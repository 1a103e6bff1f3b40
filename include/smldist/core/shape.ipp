// SPDX-License-Identifier: BSD-3-Clause
/// The functions of core/shape.hpp, which includes this file; see SMLDIST_BASE_BODIES.
#include <cstddef>
#include <limits>
#include <string>

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

void shape::push_back(std::size_t extent) {
    if (rank_ == max_rank) raise<shape_error>("shape", "rank is more than ", max_rank, ", expected at most that");
    if (extent != 0 && size_ > std::numeric_limits<std::size_t>::max() / 16 / extent)
        raise<shape_error>("shape", "the number of elements overflows at extent ", extent);
    extents_[rank_++] = extent;
    size_ *= extent;
}

std::string shape::text() const {
    std::string s = "(";
    for (std::size_t a = 0; a < rank_; ++a) (s += a ? ", " : "") += std::to_string(extents_[a]);
    return s += ')';
}

SMLDIST_NAMESPACE_END
} // namespace smldist

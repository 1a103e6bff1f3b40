// SPDX-License-Identifier: BSD-3-Clause
/// Fitting the normaliser, on training subjects only, and applying it to tensors.
#ifndef SMLDIST_DATA_NORMALISER_HPP
#define SMLDIST_DATA_NORMALISER_HPP

#include <cstddef>

#include "smldist/core/normaliser.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/core/tensor.hpp"
#include "smldist/data/window.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// Normalises x (…, C) in place. Throws shape_error when C is not n.channels(); kind none accepts any x.
SMLDIST_FUNCTION void normalise(tensor<float>& x, const normaliser& n);
[[nodiscard]] inline windows normalised(windows w, const normaliser& n) {
    normalise(w.x, n);
    return w;
}

namespace detail {

struct moments {
    double mean = 0, variance = 0, square = 0; ///< of one channel, divided by n
};

SMLDIST_FUNCTION moments channel_moments(const tensor<float>& x, std::size_t c);

} // namespace detail

/// Statistics of `w`, which must hold training subjects only: sums in double, quartiles by linear interpolation
/// (numpy's default). `clip_minmax`: minmax clips to the range of `w`, as the public code does, so that any sample
/// comes to lie in [0, 1]. Cost O(N L C).
/// Throws     what windows::check throws; data_error naming a channel whose values are so large, near 1e38, that bounds or
///            normalised values would be infinite.
[[nodiscard]] SMLDIST_COLD SMLDIST_FUNCTION normaliser fit_normaliser(const windows& w,
                                                                      normaliser_kind kind = normaliser_kind::shared,
                                                                      bool clip_minmax = false);

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/normaliser.ipp"
#endif

#endif

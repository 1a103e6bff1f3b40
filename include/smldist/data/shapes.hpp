// SPDX-License-Identifier: BSD-3-Clause
/// Made-up images of geometric shapes, for examples and tests without a download.
#ifndef SMLDIST_DATA_SHAPES_HPP
#define SMLDIST_DATA_SHAPES_HPP

#include <cstddef>
#include <cstdint>

#include "smldist/data/window.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

struct shapes_options {
    std::size_t train = 800, test = 400; ///< images
    std::size_t height = 32, width = 32; ///< pixels
    std::size_t channels = 1;            ///< each with brightnesses of its own
    double noise = 0.1;                  ///< standard deviation; shape and background differ by at least 0.3
    std::uint64_t seed = 0;
};

/// Images of one disc, square, triangle or cross each, the four classes in turn, as windows (see data::images).
///
/// A shape has a random place, size (18 to 36 % of the shorter extent from its centre to its farthest point), angle and
/// brightness; it is lighter or darker than the background. It lies inside the image. Edges are smoothed by four samples per
/// pixel. Image i, counted through training and test, is a function of only (seed, i, extents, channels, noise).
///
/// Throws     usage_error for fewer than 4 images in either part, extents below 8 or above 4096, channels not from 1 to 64,
///            and noise that is negative or not finite.
[[nodiscard]] SMLDIST_FUNCTION train_test shapes(const shapes_options& o = {});

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/shapes.ipp"
#endif

#endif

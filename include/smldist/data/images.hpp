// SPDX-License-Identifier: BSD-3-Clause
/// Images as windows, so that loaders, normalisers, trainings and model files take them.
#ifndef SMLDIST_DATA_IMAGES_HPP
#define SMLDIST_DATA_IMAGES_HPP

#include <string>
#include <vector>

#include "smldist/core/tensor.hpp"
#include "smldist/data/window.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// Images as windows: the pixels of an image, row by row, are the samples of a window. A network of images
/// (model::network2d) reads the windows as images again, by the height and width of its configuration.
///
///     const data::windows digits = data::images(pixels, labels, {"zero", "one"});
///     const data::hold_out parts = data::hold_out_subjects(digits, 100, 0); // 100 images for validation
///
/// `group` takes the place of the subject: images of one person or one object share a number, and a split keeps them together.
/// Empty: each image is a group of its own.
///
/// Of the augmentations, scaling (of the brightness of each channel) and jitter suit images, and rotation does nothing without
/// triples of sensors. Time warp, which would move pixels from one row into another, and mask, which would level a channel,
/// must stay off, as they are in train::training_options and augment_options::none().
///
/// Shapes     x (N, H, W, C) · label (N) · group (N) or empty · windows (N, H·W, C)
/// Throws     shape_error if x is of another rank or has an extent of 0; as windows::check.
[[nodiscard]] SMLDIST_FUNCTION windows images(tensor<float> x, std::vector<int> label,
                                              std::vector<std::string> classes, std::vector<int> group = {});

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/images.ipp"
#endif

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// UCI HAR: 30 people, a phone at the waist, six activities, 10299 windows of 128 samples at 50 Hz.
#ifndef SMLDIST_DATA_DATASET_UCI_HAR_HPP
#define SMLDIST_DATA_DATASET_UCI_HAR_HPP

#include <filesystem>

#include "smldist/data/split.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// Reads the published folder "UCI HAR Dataset", or the folder that holds it, with its official split by subject.
///
/// Channels   body_acc x y z (g, gravity removed), body_gyro x y z (rad/s), total_acc x y z (g); labels in the order of
///            activity_labels.txt, from 0.
/// Cost       about 1 s for the whole set.
/// Throws     data_error, naming file, line and column: a file is missing or truncated; a line does not have 128
///            columns; a field is not a finite number; a label is outside 1 … 6 or a subject outside 1 … 30; files
///            differ in their number of lines; a subject is in both parts. io_error when the system cannot read a file.
/// Source     Anguita et al. 2013, https://archive.ics.uci.edu/dataset/240 (to be cited; no commercial use).
[[nodiscard]] SMLDIST_FUNCTION train_test uci_har(const std::filesystem::path& path);

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/dataset/uci_har.ipp"
#endif

#endif

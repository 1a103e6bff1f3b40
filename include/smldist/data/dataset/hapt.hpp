// SPDX-License-Identifier: BSD-3-Clause
/// HAPT: 30 people, a phone at the waist, six activities and six postural transitions, recorded without interruption.
#ifndef SMLDIST_DATA_DATASET_HAPT_HPP
#define SMLDIST_DATA_DATASET_HAPT_HPP

#include <array>
#include <filesystem>

#include "smldist/data/recording.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// The subjects of the published test part, the same people as in UCI HAR's.
inline constexpr std::array hapt_test_subjects{2, 4, 9, 10, 12, 13, 18, 20, 24};

/// Reads the published folder "HAPT Data Set", or the folder that holds it: one recording per experiment, in the order
/// of their numbers. 27 % of the samples are unlabelled (-1). labels.txt says which experiments there are; those without
/// both their files are left out.
///
/// `cut(…, {128, 64, label_rule::constant})` gives the 10929 windows of the published Train and Test parts, in their
/// order; `hapt_test_subjects` is the published split.
/// Channels   total_acc x y z (g, with gravity), gyro x y z (rad/s); unfiltered, 50 Hz, phone at the waist. Labels in
///            the order of activity_labels.txt, from 0: six activities, six transitions.
/// Repairs    "people of the published set without files (…), left out" · "experiments of the published set without
///            files, left out", of the people that are read.
/// Cost       about 1 s for the whole set.
/// Throws     data_error, naming file, line and column: labels.txt or every other file is missing; a file is
///            truncated or empty; a line of samples does not have three numbers; acc and gyro differ in length; a
///            range of labels lies outside its experiment or overlaps another one, or its experiment has two users.
///            io_error when the system cannot read a file.
/// Tested     on the published files and on files made by the test.
/// Source     Reyes-Ortiz et al. 2016, https://archive.ics.uci.edu/dataset/341 (to be cited), CC BY 4.0. The people
///            are those of UCI HAR: do not present the two as independent datasets.
[[nodiscard]] SMLDIST_FUNCTION recording_set hapt(const std::filesystem::path& path);

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/dataset/hapt.ipp"
#endif

#endif

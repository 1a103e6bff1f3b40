// SPDX-License-Identifier: BSD-3-Clause
/// MotionSense: 24 people, a phone in the front pocket, six activities at 50 Hz.
#ifndef SMLDIST_DATA_DATASET_MOTION_SENSE_HPP
#define SMLDIST_DATA_DATASET_MOTION_SENSE_HPP

#include <filesystem>
#include <vector>

#include "smldist/data/recording.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

struct motion_sense_options {
    std::vector<int> subjects; ///< of 1 … 24; empty: all that are there
};

/// Reads <activity>_<trial>/sub_N.csv in the published folder "A_DeviceMotion_data", or in the folder that holds it:
/// one recording per file, the fifteen trials of each person. In the published set sit_13/sub_1.csv equals
/// sit_5/sub_1.csv, byte by byte; both are read.
///
/// Columns    row number from 0, attitude roll pitch yaw, gravity, rotation rate, user acceleration.
/// Channels   user_acc x y z (g, gravity removed), gyro x y z (rad/s), gravity x y z (g); 50 Hz, no stamps. The
///            attitude is left out: its angles wrap, and their reference direction changes with each recording.
/// Repairs    "people of the published set without files (…), left out" · "trials of the published set without
///            files", of the people that are read · "recordings that equal an earlier one of the same person, kept".
/// Throws     data_error, naming file, line and column: a listed subject, or every subject, has no files; a file is
///            truncated; a wrong header; a row number is not consecutive; a line does not have 13 fields; a field is
///            not a finite number. io_error when the system cannot read a file.
/// Cost       about 2 s for the whole set.
/// Tested     on the published files and on files made by the test.
/// Source     Malekzadeh et al. 2019, https://github.com/mmalekzadeh/motion-sense (to be cited; the repository states
///            the terms).
[[nodiscard]] SMLDIST_FUNCTION recording_set motion_sense(const std::filesystem::path& path,
                                                          const motion_sense_options& o = {});

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/dataset/motion_sense.ipp"
#endif

#endif

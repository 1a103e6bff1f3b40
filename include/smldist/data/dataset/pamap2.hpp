// SPDX-License-Identifier: BSD-3-Clause
/// PAMAP2: 9 people, sensors at hand, chest and ankle, twelve activities of a protocol at 100 Hz.
#ifndef SMLDIST_DATA_DATASET_PAMAP2_HPP
#define SMLDIST_DATA_DATASET_PAMAP2_HPP

#include <filesystem>
#include <vector>

#include "smldist/data/recording.hpp"
#include "smldist/data/resample.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

struct pamap2_options {
    bool optional_activities = false; ///< also read the folder Optional, with six further activities
    bool heart_rate = false;          ///< keep it as the last channel; it is sampled at 9 Hz and interpolated
    /// Values missing for at most max_gap seconds are interpolated; a longer gap of any sensor splits the recording.
    resample_options resampling{.rate_hz = 100, .max_gap = 0.2};
    std::vector<int> subjects; ///< of 101 … 109; empty: all that are there
};

/// Reads Protocol/subject1NN.dat in the published folder "PAMAP2_Dataset", or in the folder that holds it; with
/// `optional_activities` also those of Optional that exist. In a recording all three sensors have samples.
///
/// Columns    1 stamp (s), 2 activity, 3 heart rate, then 17 each of hand, chest and ankle: temperature, acc ±16 g,
///            acc ±6 g (saturates, not used), gyro, mag, orientation (invalid in this collection, not used).
/// Channels   hand_acc x y z (m/s², with gravity), hand_gyro x y z (rad/s), hand_mag x y z (uT), the same of chest_…
///            and ankle_…; by option heart_rate (1/min). Labels: the twelve activities of the protocol; transient
///            activities (0) and, without the option, the six others are -1.
/// Repairs    "people of the published set without files (…), left out" · "people of whom only the optional
///            activities are there" · "rows without values of the hand" (chest, ankle) ", interpolated or split" ·
///            "gaps, split".
/// Throws     data_error, naming file, line and column: a listed subject, or every subject, has no file; a file is
///            truncated; a line does not have 54 fields; a field is neither a number nor NaN; an unknown activity;
///            time runs backwards; the median step between stamps is not within a factor of 2 of 10 ms; recordings
///            that take more memory than their files allow (SECURITY.md); a file in which the sensors share no time.
///            io_error when the system cannot read a file. usage_error as resample.
/// Tested     on files made by the test, in the publisher's format.
/// Source     Reiss and Stricker 2012, https://archive.ics.uci.edu/dataset/231, CC BY 4.0.
[[nodiscard]] SMLDIST_FUNCTION recording_set pamap2(const std::filesystem::path& path, const pamap2_options& o = {});

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/dataset/pamap2.ipp"
#endif

#endif

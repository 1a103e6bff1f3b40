// SPDX-License-Identifier: BSD-3-Clause
/// DSADS, Daily and Sports Activities: 8 people, sensors at five places of the body, nineteen activities at 25 Hz.
#ifndef SMLDIST_DATA_DATASET_DSADS_HPP
#define SMLDIST_DATA_DATASET_DSADS_HPP

#include <cstdint>
#include <filesystem>
#include <vector>

#include "smldist/data/recording.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

enum class dsads_limb : std::uint8_t { torso, right_arm, left_arm, right_leg, left_leg };

struct dsads_options {
    std::vector<dsads_limb> limbs; ///< whose channels to keep, in any order; empty: all five
    bool magnetometer = true;      ///< keep its three channels of each limb
    std::vector<int> subjects;     ///< of 1 … 8; empty: all that are there
};

/// Reads aNN/pN/sNN.txt in the published folder "data", or in the folder that holds it. The publisher cut the 5
/// minutes of each activity and person into 60 segments of 5 s; consecutive segments are joined to one recording, and
/// a missing number splits it.
///
/// Segments are joined only if the signals go on from one to the next. For each activity and person the loader
/// compares the steps across borders with those between neighbouring samples within segments: median step to mean
/// step, averaged over all 45 columns whatever the options. In segments 1 to 30 this ratio is 0.5 to 1.8 in 133 of
/// 152 cases; in the other 19, mostly stairs, which were recorded flight by flight, it is 2.2 to 18. Above 2 each
/// segment is a recording of its own.
///
/// Columns    45, separated by commas: of torso, right arm, left arm, right leg and left leg each acc x y z, gyro x y
///            z, mag x y z.
/// Channels   torso_acc x y z (m/s², with gravity), torso_gyro x y z (rad/s), torso_mag x y z ("a.u.", relative to
///            the earth's field), the same of right_arm_…, left_arm_…, right_leg_… and left_leg_…; 25 Hz, no stamps.
///            Each limb is a device. Labels: the publisher's nineteen activities in their order, by short names:
///            walking is that in a parking lot, treadmill walking at 4 km/h, running that on a treadmill at 8 km/h.
/// Repairs    "people of the published set without files (…), left out" · "segments of the published set without
///            files", of the people that are read · "borders at which a segment does not continue the one before,
///            split".
/// Cost       about 2 s for half of the set.
/// Throws     data_error, naming file, line and column: a listed subject, or every subject, has no files; a file does
///            not have 125 lines of 45 fields; a field is not a finite number. io_error when the system cannot read a
///            file.
/// Tested     on half of the published files (segments 1 to 30 of all people and activities) and on files made by the
///            test.
/// Source     Altun, Barshan and Tuncel 2010, Pattern Recognition 43 (10), https://archive.ics.uci.edu/dataset/256,
///            CC BY 4.0.
[[nodiscard]] SMLDIST_FUNCTION recording_set dsads(const std::filesystem::path& path, const dsads_options& o = {});

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/dataset/dsads.ipp"
#endif

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// sp_sw_har: 23 people who stand up, walk, turn and sit down with a phone in the pocket and a watch at the wrist.
#ifndef SMLDIST_DATA_DATASET_SP_SW_HAR_HPP
#define SMLDIST_DATA_DATASET_SP_SW_HAR_HPP

#include <cstdint>
#include <filesystem>

#include "smldist/data/recording.hpp"
#include "smldist/data/resample.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

enum class sp_sw_har_devices : std::uint8_t { phone, watch, both };

struct sp_sw_har_options {
    sp_sw_har_devices devices = sp_sw_har_devices::phone;
    /// The devices sample evenly at 102.5 Hz (phone) and 104.3 Hz (watch), but stamp in bursts: 50 stamps on either side
    /// are averaged. No sample was lost; the longest delay is 188 ms.
    resample_options resampling{.rate_hz = 100, .max_gap = 0.5, .smooth = 50};
};

/// Reads the published folder "DATA", or the folder that holds it: the executions of every person, resampled to an
/// even rate; with both devices, side by side on one clock. subjects_info.csv says how many executions there are;
/// those without files are left out.
///
/// Channels   phone_acc x y z (m/s², with gravity), phone_gyro x y z (rad/s), then the same of watch_…; by option
///            only those of one device. Labels SEATED, STANDING_UP, WALKING, TURNING, SITTING_DOWN. Where the two
///            devices' labels differ (0.3 % of the samples), there is none.
/// Repairs    "people of the published set without files (…), left out" · "executions of the published set without
///            files, left out", of the people that are read, where a file of a device in use is missing · "executions
///            split at a gap" counts further recordings of an execution; "executions whose devices share no time,
///            left out".
/// Cost       about 1 s for the whole set.
/// Throws     data_error, naming file, line and column: subjects_info.csv or every other file is missing; a file is
///            truncated; a wrong header; a line does not have eight fields; a field is not a finite number; an
///            unknown label; time runs backwards; the median step between stamps is not within a factor of 2 of 1/103
///            s; a subject listed twice; recordings that take more memory than their files allow (SECURITY.md).
///            io_error when the system cannot read a file. usage_error as resample.
/// Tested     on the published files and on files made by the test.
/// Source     Matey-Sanz et al. 2023, https://doi.org/10.5281/zenodo.8398688, CC BY 4.0.
[[nodiscard]] SMLDIST_FUNCTION recording_set sp_sw_har(const std::filesystem::path& path,
                                                       const sp_sw_har_options& o = {});

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/dataset/sp_sw_har.ipp"
#endif

#endif

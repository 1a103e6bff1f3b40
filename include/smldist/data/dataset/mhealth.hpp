// SPDX-License-Identifier: BSD-3-Clause
/// MHEALTH: 10 people, sensors at chest, left ankle and right wrist, twelve activities at 50 Hz.
#ifndef SMLDIST_DATA_DATASET_MHEALTH_HPP
#define SMLDIST_DATA_DATASET_MHEALTH_HPP

#include <filesystem>
#include <vector>

#include "smldist/data/recording.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

struct mhealth_options {
    bool ecg = false;          ///< keep the two leads of the chest's electrocardiogram, as the last two channels
    std::vector<int> subjects; ///< of 1 … 10; empty: all that are there
};

/// Reads mHealth_subjectN.log in the published folder "MHEALTHDATASET", or in the folder that holds it: one recording
/// per person. Label 0 of the files, no activity, is -1 here.
///
/// Columns    1-3 chest acc, 4-5 ECG, 6-14 left ankle acc, gyro, mag, 15-23 right wrist the same, 24 label.
/// Channels   chest_acc x y z (m/s²), ankle_acc x y z (m/s²), ankle_gyro x y z (deg/s), ankle_mag x y z ("local", as the
///            publisher says), the same of wrist_…; by option chest_ecg_1 and 2 (mV). With gravity; 50 Hz, no stamps.
/// Repairs    "people of the published set without files (…), left out".
/// Throws     data_error, naming file, line and column: a listed subject's file, or every file, is missing; a file is
///            truncated; a line does not have 24 fields; a field is not a finite number; a label is outside 0 … 12.
///            io_error when the system cannot read a file.
/// Tested     on files made by the test, in the publisher's format.
/// Source     Banos et al. 2014, https://archive.ics.uci.edu/dataset/319, CC BY 4.0.
[[nodiscard]] SMLDIST_FUNCTION recording_set mhealth(const std::filesystem::path& path,
                                                     const mhealth_options& o = {});

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/dataset/mhealth.ipp"
#endif

#endif

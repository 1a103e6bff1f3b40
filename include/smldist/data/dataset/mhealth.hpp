// SPDX-License-Identifier: BSD-3-Clause
/// MHEALTH: 10 people, sensors at chest, left ankle and right wrist, twelve activities at 50 Hz.
#ifndef SMLDIST_DATA_DATASET_MHEALTH_HPP
#define SMLDIST_DATA_DATASET_MHEALTH_HPP

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/data/dataset/folder.hpp"
#include "smldist/data/recording.hpp"
#include "smldist/data/text_reader.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

struct mhealth_options {
    bool ecg = false; ///< keep the two leads of the chest's electrocardiogram, as the last two channels
    std::vector<int> subjects{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
};

namespace detail {

inline signal_info mhealth_info(bool ecg) {
    signal_info info;
    info.labels = {"standing still",
                   "sitting and relaxing",
                   "lying down",
                   "walking",
                   "climbing stairs",
                   "waist bends forward",
                   "frontal elevation of arms",
                   "knees bending",
                   "cycling",
                   "jogging",
                   "running",
                   "jump front and back"};
    info.rate_hz = 50;
    const auto triple = [&](const std::string& name, const std::string& unit, std::size_t device) {
        const std::size_t first = info.channels.size();
        for (const char* axis : {"_x", "_y", "_z"}) {
            info.channels.push_back(name + axis);
            info.units.push_back(unit);
        }
        info.triples.push_back({first, first + 1, first + 2});
        info.devices.push_back(device);
    };
    triple("chest_acc", "m/s^2", 0);
    for (const std::size_t device : {1u, 2u}) {
        const std::string place = device == 1 ? "ankle" : "wrist";
        triple(place + "_acc", "m/s^2", device);
        triple(place + "_gyro", "deg/s", device);
        triple(place + "_mag", "local", device);
    }
    if (ecg)
        for (const char* lead : {"chest_ecg_1", "chest_ecg_2"}) {
            info.channels.push_back(lead);
            info.units.push_back("mV");
        }
    return info;
}

} // namespace detail

/// Reads mHealth_subjectN.log in the published folder "MHEALTHDATASET", or in the folder that holds it: one recording
/// per person. Label 0 of the files, no activity, is -1 here.
///
/// Columns    1-3 chest acc, 4-5 ECG, 6-14 left ankle acc, gyro, mag, 15-23 right wrist the same, 24 label.
/// Channels   chest_acc x y z (m/s²), ankle_acc x y z (m/s²), ankle_gyro x y z (deg/s), ankle_mag x y z ("local", as the
///            publisher says), the same of wrist_…; by option chest_ecg_1 and 2 (mV). With gravity; 50 Hz, no stamps.
/// Throws     data_error, naming file, line and column: a listed subject's file is missing or truncated; a line does
///            not have 24 fields; a field is not a finite number; a label is outside 0 … 12. io_error when the system
///            cannot read a file. usage_error when no subject is listed.
/// Tested     on files made by the test, in the publisher's format.
/// Source     Banos et al. 2014, https://archive.ics.uci.edu/dataset/319, CC BY 4.0.
[[nodiscard]] inline recording_set mhealth(const std::filesystem::path& path, const mhealth_options& o = {}) {
    const dataset_folder set("mhealth", path, "MHEALTHDATASET", "https://archive.ics.uci.edu/dataset/319");
    if (o.subjects.empty()) raise<usage_error>("mhealth", "number of subjects is 0, expected at least one");
    recording_set result;
    result.info = detail::mhealth_info(o.ecg);
    const int activities = static_cast<int>(result.info.labels.size());
    for (const int subject : o.subjects) {
        text_reader in = set.open("mHealth_subject" + std::to_string(subject) + ".log");
        const budget::lease text(set.room(), in.size(), "its text");
        recording r = make_recording(in.lines_left(), result.info.channels.size(), subject, set.room());
        float* to = r.samples.data();
        std::size_t count = 0;
        for (; in.next_line(); ++count) {
            float ecg[2] = {};
            for (std::size_t c = 0; c < 23; ++c) {
                const float value = in.number();
                if (c == 3 || c == 4)
                    ecg[c - 3] = value;
                else
                    *to++ = value;
            }
            if (o.ecg) to = std::copy_n(ecg, 2, to);
            r.labels[count] = in.integer("label", 0, activities) - 1;
            in.finish_line(24);
        }
        if (count == 0) in.fail("number of samples is 0, expected at least one");
        result.recordings.push_back(std::move(r));
    }
    return result;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/dataset/mhealth.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>

#include "smldist/core/error.hpp"
#include "smldist/data/dataset/folder.hpp"
#include "smldist/data/text_reader.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

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

recording_set mhealth(const std::filesystem::path& path, const mhealth_options& o) {
    const dataset_folder set("mhealth", path, "MHEALTHDATASET", "https://archive.ics.uci.edu/dataset/319");
    recording_set result;
    result.info = detail::mhealth_info(o.ecg);
    const int activities = static_cast<int>(result.info.labels.size());
    const auto file_of = [](int subject) {
        return std::vector<std::string>{"mHealth_subject" + std::to_string(subject) + ".log"};
    };
    for (const int subject : set.people(o.subjects, 1, 10, file_of, result)) {
        text_reader in = set.open(file_of(subject)[0]);
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

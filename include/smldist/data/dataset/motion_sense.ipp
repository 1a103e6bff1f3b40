// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/dataset/motion_sense.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/data/dataset/folder.hpp"
#include "smldist/data/text_reader.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// A folder of the set and the label of all its recordings.
struct motion_sense_trial {
    const char* folder;
    int label;
};
inline constexpr std::array<motion_sense_trial, 15> motion_sense_trials{{{"dws_1", 0},
                                                                         {"dws_2", 0},
                                                                         {"dws_11", 0},
                                                                         {"ups_3", 1},
                                                                         {"ups_4", 1},
                                                                         {"ups_12", 1},
                                                                         {"wlk_7", 2},
                                                                         {"wlk_8", 2},
                                                                         {"wlk_15", 2},
                                                                         {"jog_9", 3},
                                                                         {"jog_16", 3},
                                                                         {"sit_5", 4},
                                                                         {"sit_13", 4},
                                                                         {"std_6", 5},
                                                                         {"std_14", 5}}};

inline signal_info motion_sense_info() {
    return {{"user_acc_x", "user_acc_y", "user_acc_z", "gyro_x", "gyro_y", "gyro_z", "gravity_x", "gravity_y",
             "gravity_z"},
            {"downstairs", "upstairs", "walking", "jogging", "sitting", "standing"},
            {"g", "g", "g", "rad/s", "rad/s", "rad/s", "g", "g", "g"},
            50,
            {{0, 1, 2}, {3, 4, 5}, {6, 7, 8}},
            {}};
}

inline recording motion_sense_recording(const dataset_folder& set, const std::string& file, int label, int subject) {
    text_reader in = set.open(file, ',');
    in.header({"", "attitude.roll", "attitude.pitch", "attitude.yaw", "gravity.x", "gravity.y", "gravity.z",
               "rotationRate.x", "rotationRate.y", "rotationRate.z", "userAcceleration.x", "userAcceleration.y",
               "userAcceleration.z"});
    const budget::lease text(set.room(), in.size(), "its text");
    recording r = make_recording(in.lines_left(), 9, subject, set.room());
    float* to = r.samples.data();
    int count = 0;
    while (in.next_line()) {
        if (const int row = in.integer("row number", 0, std::numeric_limits<int>::max()); row != count)
            in.refuse("row number is ", row, ", expected ", count, ": rows are missing");
        ++count;
        std::array<float, 12> values;
        for (float& v : values) v = in.number();
        for (const std::size_t first : {9u, 6u, 3u}) to = std::copy_n(values.data() + first, 3, to);
        in.finish_line(13);
    }
    if (count == 0) in.fail("number of samples is 0, expected at least one");
    std::fill(r.labels.begin(), r.labels.end(), label);
    return r;
}

} // namespace detail

recording_set motion_sense(const std::filesystem::path& path, const motion_sense_options& o) {
    const dataset_folder set("motion_sense", path, "A_DeviceMotion_data",
                             "https://github.com/mmalekzadeh/motion-sense");
    recording_set result;
    result.info = detail::motion_sense_info();
    const auto files_of = [](int subject) {
        std::vector<std::string> files;
        for (const auto& trial : detail::motion_sense_trials)
            files.push_back(std::string(trial.folder) + "/sub_" + std::to_string(subject) + ".csv");
        return files;
    };
    for (const int subject : set.people(o.subjects, 1, 24, files_of, result)) {
        const std::vector<std::string> files = files_of(subject);
        const auto first = static_cast<std::ptrdiff_t>(result.recordings.size());
        for (std::size_t trial = 0; trial < files.size(); ++trial) {
            if (!set.has(files[trial])) {
                result.note("trials of the published set without files");
                continue;
            }
            recording r =
                detail::motion_sense_recording(set, files[trial], detail::motion_sense_trials[trial].label, subject);
            const auto same = [&](const recording& earlier) { return identical(earlier.samples, r.samples); };
            if (std::any_of(result.recordings.begin() + first, result.recordings.end(), same))
                result.note("recordings that equal an earlier one of the same person, kept");
            result.recordings.push_back(std::move(r));
        }
    }
    return result;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/dataset/hapt.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <cstddef>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/data/dataset/folder.hpp"
#include "smldist/data/text_reader.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

inline std::string hapt_file(std::string_view sensor, int experiment, int user) {
    const auto two = [](int n) { return (n < 10 ? "0" : "") + std::to_string(n); };
    return "RawData/" + std::string(sensor) + "_exp" + two(experiment) + "_user" + two(user) + ".txt";
}

inline signal_info hapt_info() {
    return {{"total_acc_x", "total_acc_y", "total_acc_z", "gyro_x", "gyro_y", "gyro_z"},
            {"WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING", "STAND_TO_SIT",
             "SIT_TO_STAND", "SIT_TO_LIE", "LIE_TO_SIT", "STAND_TO_LIE", "LIE_TO_STAND"},
            {"g", "g", "g", "rad/s", "rad/s", "rad/s"},
            50,
            {{0, 1, 2}, {3, 4, 5}},
            {}};
}

/// Reads the rows of three numbers of a file into columns [first, first + 3) of the samples, as far as samples exist;
/// returns the number of rows of the file.
inline std::size_t hapt_rows(text_reader& in, recording& r, std::size_t first) {
    std::size_t row = 0;
    for (; in.next_line(); ++row) {
        for (std::size_t axis = 0; axis < 3; ++axis) {
            const float value = in.number();
            if (row < r.labels.size()) r.samples(row, first + axis) = value;
        }
        in.finish_line(3);
    }
    return row;
}

/// One experiment, unlabelled; without samples when one of its files is missing.
inline recording hapt_experiment(const dataset_folder& set, int experiment, int user) {
    const std::string acc_file = hapt_file("acc", experiment, user), gyro_file = hapt_file("gyro", experiment, user);
    if (!set.has(acc_file) || !set.has(gyro_file)) return {{}, {}, user};
    text_reader acc = set.open(acc_file), gyro = set.open(gyro_file);
    const budget::lease text(set.room(), acc.size() + gyro.size(), "its text");
    const std::size_t n = acc.lines_left();
    if (n == 0) acc.fail("number of samples is 0, expected at least one");
    recording r = make_recording(n, 6, user, set.room());
    hapt_rows(acc, r, 0);
    if (const std::size_t rows = hapt_rows(gyro, r, 3); rows != n)
        raise<data_error>(gyro.name(), "number of lines is ", rows, ", expected ", n, " as in '", acc_file, "'");
    return r;
}

} // namespace detail

recording_set hapt(const std::filesystem::path& path) {
    const dataset_folder set("hapt", path, "HAPT Data Set", "https://archive.ics.uci.edu/dataset/341");
    recording_set result;
    result.info = detail::hapt_info();
    const int activities = static_cast<int>(result.info.labels.size());
    std::map<int, recording> experiments;
    text_reader in = set.open("RawData/labels.txt");
    const budget::lease text(set.room(), in.size(), "its text");
    while (in.next_line()) {
        const int experiment = in.integer("experiment", 1, 99), user = in.integer("user", 1, 30);
        if (!experiments.count(experiment))
            experiments.emplace(experiment, detail::hapt_experiment(set, experiment, user));
        recording& r = experiments.at(experiment);
        if (r.subject != user)
            in.refuse("user of experiment ", experiment, " is ", user, ", expected ", r.subject, " as before");
        const bool absent = r.labels.empty();
        const int activity = in.integer("activity", 1, activities),
                  samples = absent ? std::numeric_limits<int>::max() : static_cast<int>(r.labels.size());
        const int start = in.integer("start", 1, samples), end = in.integer("end", start, samples);
        in.finish_line(5);
        for (int t = start; !absent && t <= end; ++t) {
            int& label = r.labels[static_cast<std::size_t>(t) - 1];
            if (label != -1) in.refuse("range overlaps another one at sample ", t, ", expected disjoint ranges");
            label = activity - 1;
        }
    }
    if (experiments.empty()) in.fail("number of ranges is 0, expected at least one");

    std::map<int, std::size_t> lost; // experiments without files of each person
    std::set<int> there;
    for (auto& [number, r] : experiments) {
        if (r.labels.empty()) {
            ++lost[r.subject];
            continue;
        }
        there.insert(r.subject);
        result.recordings.push_back(std::move(r));
    }
    if (there.empty()) { // throws
        const auto& [number, r] = *experiments.begin();
        for (const std::string sensor : {"acc", "gyro"})
            static_cast<void>(set.file(detail::hapt_file(sensor, number, r.subject)));
    }
    std::vector<int> absent;
    for (const auto& [person, count] : lost)
        if (there.count(person))
            result.note("experiments of the published set without files, left out", count);
        else
            absent.push_back(person);
    note_people_without_files(result, absent);
    return result;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/dataset/sp_sw_har.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "smldist/data/dataset/folder.hpp"
#include "smldist/data/text_reader.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// Rate of the devices, and the samples over which stamps are averaged before their steps are compared with it.
inline constexpr double sp_sw_har_hz = 103;
inline constexpr std::size_t sp_sw_har_burst = 50;

inline signal_info sp_sw_har_info(const sp_sw_har_options& o) {
    signal_info info;
    info.labels = {"SEATED", "STANDING_UP", "WALKING", "TURNING", "SITTING_DOWN"};
    info.rate_hz = o.resampling.rate_hz;
    for (const std::string device : {"phone", "watch"}) {
        if (o.devices == (device == "phone" ? sp_sw_har_devices::watch : sp_sw_har_devices::phone)) continue;
        for (const std::string sensor : {"acc", "gyro"}) {
            const std::size_t first = info.channels.size();
            info.devices.push_back(device == "phone" ? 0 : 1);
            info.triples.push_back({first, first + 1, first + 2});
            for (const std::string axis : {"x", "y", "z"}) {
                info.channels.push_back(device + "_" + sensor + "_" + axis);
                info.units.push_back(sensor == "acc" ? "m/s^2" : "rad/s");
            }
        }
    }
    return info;
}

/// The file of one device and execution; stamps in seconds after `origin`, which the first file sets.
inline stamped_signal sp_sw_har_signal(const dataset_folder& set, const std::string& file,
                                       const std::vector<std::string>& labels, double& origin) {
    text_reader in = set.open(file, ',');
    const std::size_t n = in.lines_left();
    const budget::lease text(set.room(), in.size() + 5 * n * sizeof(double),
                             "its text"); // and for processing the stamps
    in.header({"x_acc", "y_acc", "z_acc", "x_gyro", "y_gyro", "z_gyro", "timestamp", "label"});
    stamped_signal s;
    s.channels = 6;
    s.samples.reserve(n * s.channels);
    s.stamps.reserve(n);
    s.labels.reserve(n);
    while (in.next_line()) {
        for (std::size_t c = 0; c < s.channels; ++c) s.samples.push_back(in.number());
        const double stamp = in.real() / 1000;
        if (origin == 0) origin = stamp;
        if (!s.stamps.empty() && stamp - origin < s.stamps.back())
            in.refuse("timestamp is before the previous one, expected ascending ones");
        s.stamps.push_back(stamp - origin);
        s.labels.push_back(in.choice("label", labels));
        in.finish_line(8);
    }
    if (s.size() == 0) in.fail("number of samples is 0, expected at least one");
    check_steps(in.name(), smooth_stamps(s.stamps, sp_sw_har_burst, 0.5), sp_sw_har_hz, 2);
    return s;
}

} // namespace detail

recording_set sp_sw_har(const std::filesystem::path& path, const sp_sw_har_options& o) {
    const dataset_folder set("sp_sw_har", path, "DATA", "https://doi.org/10.5281/zenodo.8398688");
    recording_set result;
    result.info = detail::sp_sw_har_info(o);
    text_reader people = set.open("subjects_info.csv", ',');
    const budget::lease text(set.room(), people.size(), "its text");
    people.header({"subject_id", "age", "gender", "height", "weight", "dominant_hand", "executions"});
    std::vector<std::string> ids;
    for (int n = 1; n <= 99; ++n) ids.push_back((n < 10 ? "s0" : "s") + std::to_string(n));
    std::vector<bool> seen(ids.size() + 1, false);
    std::vector<int> absent;
    std::string lost; // a missing file
    resample_options resampling = o.resampling;
    resampling.device_hz = detail::sp_sw_har_hz;
    while (people.next_line()) {
        const int subject = people.choice("subject", ids) + 1;
        if (seen[static_cast<std::size_t>(subject)]) people.refuse("subject is listed twice, expected once");
        seen[static_cast<std::size_t>(subject)] = true;
        people.skip(5);
        const int executions = people.integer("number of executions", 1, 99);
        people.finish_line(7);
        const std::string& id = ids[static_cast<std::size_t>(subject) - 1];
        int without_files = 0;
        for (int execution = 1; execution <= executions; ++execution) {
            const std::string stem = id + "/" + id + (execution < 10 ? "_0" : "_") + std::to_string(execution);
            std::vector<std::string> files;
            if (o.devices != sp_sw_har_devices::watch) files.push_back(stem + "_sp.csv");
            if (o.devices != sp_sw_har_devices::phone) files.push_back(stem + "_sw.csv");
            const auto gone =
                std::find_if(files.begin(), files.end(), [&](const auto& file) { return !set.has(file); });
            if (gone != files.end()) {
                lost = *gone;
                ++without_files;
                continue;
            }
            double origin = 0;
            std::vector<stamped_signal> devices;
            std::size_t taken = 0;
            for (const std::string& file : files) {
                devices.push_back(detail::sp_sw_har_signal(set, file, result.info.labels, origin));
                set.room().take(devices.back().bytes(), "its samples");
                taken += devices.back().bytes();
            }
            auto parts = detail::resample_within(devices, resampling, subject, set.room());
            set.room().give_back(taken);
            if (parts.empty()) result.note("executions whose devices share no time, left out");
            if (parts.size() > 1) result.note("executions split at a gap", parts.size() - 1);
            std::move(parts.begin(), parts.end(), std::back_inserter(result.recordings));
        }
        if (without_files == executions)
            absent.push_back(subject);
        else
            result.note("executions of the published set without files, left out",
                        static_cast<std::size_t>(without_files));
    }
    note_people_without_files(result, absent);
    if (result.recordings.empty() && !lost.empty()) static_cast<void>(set.file(lost)); // throws
    if (result.recordings.empty()) people.fail("number of recordings is 0, expected at least one");
    return result;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

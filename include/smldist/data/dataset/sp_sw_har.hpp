// SPDX-License-Identifier: BSD-3-Clause
/// sp_sw_har: 23 people who stand up, walk, turn and sit down with a phone in the pocket and a watch at the wrist.
#ifndef SMLDIST_DATA_DATASET_SP_SW_HAR_HPP
#define SMLDIST_DATA_DATASET_SP_SW_HAR_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "smldist/data/dataset/folder.hpp"
#include "smldist/data/recording.hpp"
#include "smldist/data/resample.hpp"
#include "smldist/data/text_reader.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

enum class sp_sw_har_devices : std::uint8_t { phone, watch, both };

struct sp_sw_har_options {
    sp_sw_har_devices devices = sp_sw_har_devices::phone;
    /// The devices sample evenly at 102.5 Hz (phone) and 104.3 Hz (watch), but stamp in bursts: 50 stamps on either side
    /// are averaged. No sample was lost; the longest delay is 188 ms.
    resample_options resampling{.rate_hz = 100, .max_gap = 0.5, .smooth = 50};
};

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

/// Reads the published folder "DATA", or the folder that holds it: the executions of every person, resampled to an even
/// rate; with both devices, side by side on one clock. subjects_info.csv says how many executions there are.
///
/// Channels   phone_acc x y z (m/s², with gravity), phone_gyro x y z (rad/s), then the same of watch_…; by option
///            only those of one device. Labels SEATED, STANDING_UP, WALKING, TURNING, SITTING_DOWN. Where the two
///            devices' labels differ (0.3 % of the samples), there is none.
/// Repairs    "executions split at a gap" counts further recordings of an execution; "executions whose devices share no
///            time, left out".
/// Cost       about 1 s for the whole set.
/// Throws     data_error, naming file, line and column: a file is missing or truncated; a wrong header; a line does
///            not have eight fields; a field is not a finite number; an unknown label; time runs backwards; the median
///            step between stamps is not within a factor of 2 of 1/103 s; a subject listed twice; recordings that take
///            more memory than their files allow (SECURITY.md). io_error when the system cannot read a file.
///            usage_error as resample.
/// Tested     on the published files and on files made by the test.
/// Source     Matey-Sanz et al. 2023, https://doi.org/10.5281/zenodo.8398688, CC BY 4.0.
[[nodiscard]] inline recording_set sp_sw_har(const std::filesystem::path& path, const sp_sw_har_options& o = {}) {
    const dataset_folder set("sp_sw_har", path, "DATA", "https://doi.org/10.5281/zenodo.8398688");
    recording_set result;
    result.info = detail::sp_sw_har_info(o);
    text_reader people = set.open("subjects_info.csv", ',');
    const budget::lease text(set.room(), people.size(), "its text");
    people.header({"subject_id", "age", "gender", "height", "weight", "dominant_hand", "executions"});
    std::vector<std::string> ids;
    for (int n = 1; n <= 99; ++n) ids.push_back((n < 10 ? "s0" : "s") + std::to_string(n));
    std::vector<bool> seen(ids.size() + 1, false);
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
        for (int execution = 1; execution <= executions; ++execution) {
            const std::string stem = id + "/" + id + (execution < 10 ? "_0" : "_") + std::to_string(execution);
            double origin = 0;
            std::vector<stamped_signal> devices;
            std::size_t taken = 0;
            for (const auto& [device, suffix] :
                 {std::pair(sp_sw_har_devices::phone, "_sp.csv"), std::pair(sp_sw_har_devices::watch, "_sw.csv")})
                if (o.devices == device || o.devices == sp_sw_har_devices::both) {
                    devices.push_back(detail::sp_sw_har_signal(set, stem + suffix, result.info.labels, origin));
                    set.room().take(devices.back().bytes(), "its samples");
                    taken += devices.back().bytes();
                }
            auto parts = detail::resample_within(devices, resampling, subject, set.room());
            set.room().give_back(taken);
            if (parts.empty()) result.note("executions whose devices share no time, left out");
            if (parts.size() > 1) result.note("executions split at a gap", parts.size() - 1);
            std::move(parts.begin(), parts.end(), std::back_inserter(result.recordings));
        }
    }
    if (result.recordings.empty()) people.fail("number of recordings is 0, expected at least one");
    return result;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/dataset/pamap2.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/data/dataset/folder.hpp"
#include "smldist/data/text_reader.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

struct pamap2_activity {
    int id;
    const char* name;
};
/// The activities of the protocol come first.
inline constexpr std::array<pamap2_activity, 18> pamap2_activities{{{1, "lying"},
                                                                    {2, "sitting"},
                                                                    {3, "standing"},
                                                                    {4, "walking"},
                                                                    {5, "running"},
                                                                    {6, "cycling"},
                                                                    {7, "Nordic walking"},
                                                                    {12, "ascending stairs"},
                                                                    {13, "descending stairs"},
                                                                    {16, "vacuum cleaning"},
                                                                    {17, "ironing"},
                                                                    {24, "rope jumping"},
                                                                    {9, "watching TV"},
                                                                    {10, "computer work"},
                                                                    {11, "car driving"},
                                                                    {18, "folding laundry"},
                                                                    {19, "house cleaning"},
                                                                    {20, "playing soccer"}}};
inline constexpr std::size_t pamap2_protocol = 12;
inline constexpr std::array pamap2_places{"hand", "chest", "ankle"};

/// Rate of the published files.
inline constexpr double pamap2_hz = 100;

inline signal_info pamap2_info(const pamap2_options& o) {
    signal_info info;
    for (std::size_t n = 0; n < (o.optional_activities ? pamap2_activities.size() : pamap2_protocol); ++n)
        info.labels.push_back(pamap2_activities[n].name);
    info.rate_hz = o.resampling.rate_hz;
    for (std::size_t device = 0; device < pamap2_places.size(); ++device)
        for (const auto& [sensor, unit] :
             {std::pair("_acc", "m/s^2"), std::pair("_gyro", "rad/s"), std::pair("_mag", "uT")}) {
            const std::size_t first = info.channels.size();
            for (const char* axis : {"_x", "_y", "_z"}) {
                info.channels.push_back(std::string(pamap2_places[device]) + sensor + axis);
                info.units.push_back(unit);
            }
            info.triples.push_back({first, first + 1, first + 2});
            info.devices.push_back(device);
        }
    if (o.heart_rate) {
        info.channels.push_back("heart_rate");
        info.units.push_back("1/min");
    }
    return info;
}

/// One file: each sensor as a separate device without the rows that lack its values, then the heart rate.
inline std::vector<stamped_signal> pamap2_signals(const dataset_folder& folder, const std::string& file,
                                                  recording_set& set) {
    text_reader in = folder.open(file);
    const std::size_t n = in.lines_left();
    std::vector<stamped_signal> devices(4);
    for (std::size_t d = 0; d < 3; ++d) devices[d].channels = 9;
    devices[3].channels = 1;
    const budget::lease text(folder.room(), in.size() + n * 3 * (9 * sizeof(float) + sizeof(double) + sizeof(int)),
                             "its text");
    for (std::size_t d = 0; d < 3; ++d) {
        devices[d].samples.reserve(n * 9);
        devices[d].stamps.reserve(n);
        devices[d].labels.reserve(n);
    }
    double before = 0;
    while (in.next_line()) {
        const double stamp = in.real();
        if (stamp < before)
            in.refuse("timestamp is ", stamp, ", expected at least ", before, ": time runs backwards");
        before = stamp;
        const int id = in.integer("activity", 0, 24);
        const auto activity = std::find_if(pamap2_activities.begin(), pamap2_activities.end(),
                                           [&](const pamap2_activity& a) { return a.id == id; });
        if (id != 0 && activity == pamap2_activities.end())
            in.refuse("activity is '", id, "', expected 0 or one of the 18 of the readme");
        const auto label = static_cast<std::size_t>(activity - pamap2_activities.begin());
        const float rate = in.number_or_nan();
        for (std::size_t d = 0; d < 3; ++d) {
            std::array<float, 17> values; // temperature, acc 16 g, acc 6 g, gyro, mag, orientation
            for (float& v : values) v = in.number_or_nan();
            std::array<float, 9> used;
            std::copy_n(values.begin() + 1, 3, used.begin());
            std::copy_n(values.begin() + 7, 6, used.begin() + 3);
            if (std::any_of(used.begin(), used.end(), [](float v) { return std::isnan(v); })) {
                set.note(std::string("rows without values of the ") + pamap2_places[d] + ", interpolated or split");
                continue;
            }
            devices[d].samples.insert(devices[d].samples.end(), used.begin(), used.end());
            devices[d].stamps.push_back(stamp);
            devices[d].labels.push_back(label < set.info.labels.size() ? static_cast<int>(label) : -1);
        }
        in.finish_line(54);
        if (std::isnan(rate)) continue;
        devices[3].samples.push_back(rate);
        devices[3].stamps.push_back(stamp);
    }
    if (in.line() == 0) in.fail("number of samples is 0, expected at least one");
    const auto shorter = [](const stamped_signal& a, const stamped_signal& b) { return a.size() < b.size(); };
    check_steps(in.name(), std::max_element(devices.begin(), devices.end() - 1, shorter)->stamps, pamap2_hz, 2);
    return devices;
}

} // namespace detail

recording_set pamap2(const std::filesystem::path& path, const pamap2_options& o) {
    const dataset_folder set("pamap2", path, "PAMAP2_Dataset", "https://archive.ics.uci.edu/dataset/231");
    recording_set result;
    result.info = detail::pamap2_info(o);
    const auto files_of = [&](int subject) {
        const std::string file = "/subject" + std::to_string(subject) + ".dat";
        std::vector<std::string> files{"Protocol" + file};
        if (o.optional_activities) files.push_back("Optional" + file);
        return files;
    };
    for (const int subject : set.people(o.subjects, 101, 109, files_of, result))
        for (const std::string& file : files_of(subject)) {
            if (!set.has(file)) {
                if (file.starts_with("Protocol"))
                    result.note("people of whom only the optional activities are there");
                continue;
            }
            auto devices = detail::pamap2_signals(set, file, result);
            if (!o.heart_rate) devices.pop_back();
            std::size_t taken = 0;
            for (const auto& device : devices) taken += device.bytes();
            set.room().take(taken, "its samples");
            resample_options resampling = o.resampling;
            resampling.device_hz = detail::pamap2_hz;
            auto parts = detail::resample_within(devices, resampling, subject, set.room());
            set.room().give_back(taken);
            if (parts.empty())
                raise<data_error>((set.path() / file).string(),
                                  "time covered by all sensors is 0 s, expected more than 0");
            result.note("gaps, split", parts.size() - 1);
            std::move(parts.begin(), parts.end(), std::back_inserter(result.recordings));
        }
    return result;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/recording.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

std::vector<std::size_t> signal_info::find_channels(std::span<const std::string> wanted) const {
    std::vector<bool> taken(channels.size(), false);
    for (const std::string& name : wanted) {
        const bool exact = std::find(channels.begin(), channels.end(), name) != channels.end();
        bool found = false;
        for (std::size_t c = 0; c < channels.size(); ++c)
            if (exact ? channels[c] == name : ("_" + channels[c] + "_").find("_" + name + "_") != name.npos)
                taken[c] = found = true;
        if (found) continue;
        std::string all;
        for (const std::string& channel : channels) all += (all.empty() ? "" : ", ") + channel;
        raise<usage_error>("find_channels", "name is \"", name, "\", expected a channel or words of its name: ",
                           all.empty() ? "the channels have no names" : all);
    }
    std::vector<std::size_t> chosen;
    for (std::size_t c = 0; c < channels.size(); ++c)
        if (taken[c]) chosen.push_back(c);
    return chosen;
}

signal_info signal_info::select_channels(std::span<const std::size_t> chosen) const {
    if (chosen.empty()) return *this;
    signal_info info;
    info.labels = labels;
    info.rate_hz = rate_hz;
    info.subjects = subjects;
    for (const std::size_t c : chosen) {
        info.channels.push_back(channel_name(c));
        if (c < units.size()) info.units.push_back(units[c]);
    }
    for (std::size_t i = 0; i < triples.size(); ++i) {
        std::array<std::size_t, 3> moved{};
        for (std::size_t axis = 0; axis < 3; ++axis)
            moved[axis] =
                static_cast<std::size_t>(std::find(chosen.begin(), chosen.end(), triples[i][axis]) - chosen.begin());
        if (std::find(moved.begin(), moved.end(), chosen.size()) != moved.end()) continue;
        info.triples.push_back(moved);
        if (i < devices.size()) info.devices.push_back(devices[i]);
    }
    return info;
}

std::string signal_info::sensor_name(std::size_t triple) const {
    const auto& axes = triples[triple];
    std::string name = channels.empty() ? "" : channels[axes[0]];
    for (const std::size_t c : axes) {
        const std::string other = channels.empty() ? "" : channels[c];
        std::size_t same = 0;
        while (same < name.size() && same < other.size() && name[same] == other[same]) ++same;
        name.resize(same);
    }
    name.resize(name.find_last_not_of(" _-.(") + 1);
    return name.empty() ? "sensor " + std::to_string(triple) : name;
}

void signal_info::check(std::size_t columns) const {
    const auto fits = [&](const char* what, std::size_t got, std::size_t wanted) {
        if (got != 0 && got != wanted)
            raise<data_error>("signal_info", "number of ", what, " is ", got, ", expected ", wanted, " or none");
    };
    fits("channel names", channels.size(), columns);
    fits("units", units.size(), columns);
    fits("devices", devices.size(), triples.size());
    if (labels.empty()) raise<data_error>("signal_info", "number of class labels is 0, expected at least one");
    if (!std::isfinite(rate_hz) || rate_hz < 0)
        raise<data_error>("signal_info", "sampling rate is ", rate_hz, " Hz, expected a positive number or 0");
    std::vector<bool> used(columns, false);
    for (const auto& triple : triples)
        for (const std::size_t c : triple) {
            if (c >= columns || used[c])
                raise<data_error>("signal_info", "column of a sensor triple is ", c, ", expected one of ", columns,
                                  " columns, each in one triple at most");
            used[c] = true;
        }
}

recording make_recording(std::size_t n, std::size_t channels, int subject, budget& room) {
    constexpr std::size_t blocks = 4 * memory::alignment; // of samples and labels
    room.take(sizeof(recording) + blocks + n * (channels * sizeof(float) + sizeof(int)), "the samples");
    return {tensor<float>::uninitialized({n, channels}), std::vector<int>(n, -1), subject};
}

recording make_recording(const std::vector<float>& rows, std::size_t channels, std::vector<int> labels, int subject) {
    if (channels == 0 || rows.size() != channels * labels.size())
        raise<data_error>("make_recording", "number of values is ", rows.size(), ", expected ", channels,
                          " channels of ", labels.size(), " labelled samples");
    recording r{tensor<float>::uninitialized({labels.size(), channels}), std::move(labels), subject};
    std::copy(rows.begin(), rows.end(), r.samples.begin());
    return r;
}

void recording_set::note(std::string_view what, std::size_t count) {
    if (count == 0) return;
    const auto same = [&](const repair& r) { return r.what == what; };
    const auto at = std::find_if(repairs.begin(), repairs.end(), same);
    if (at != repairs.end())
        at->count += count;
    else
        repairs.push_back({std::string(what), count});
}

std::size_t recording_set::repaired(std::string_view what) const {
    std::size_t n = 0;
    for (const repair& r : repairs)
        if (r.what == what) n = r.count;
    return n;
}

void recording_set::drop_shorter(std::size_t samples) {
    const auto longer = [&](const recording& r) { return r.labels.size() >= samples; };
    const auto first = std::stable_partition(recordings.begin(), recordings.end(), longer);
    std::size_t lost = 0;
    for (auto r = first; r != recordings.end(); ++r) lost += r->labels.size();
    note("samples in recordings shorter than " + std::to_string(samples) + ", left out", lost);
    recordings.erase(first, recordings.end());
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

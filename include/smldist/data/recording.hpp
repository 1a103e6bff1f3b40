// SPDX-License-Identifier: BSD-3-Clause
/// Continuous recordings, and the facts that are common to all signals of a dataset.
#ifndef SMLDIST_DATA_RECORDING_HPP
#define SMLDIST_DATA_RECORDING_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/budget.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/memory.hpp"
#include "smldist/core/tensor.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// What the columns and labels of a dataset mean. Only `labels` is required; the rest may stay empty (0: unknown).
struct signal_info {
    std::vector<std::string> channels; ///< names, one per column
    std::vector<std::string> labels;   ///< class names; label n is labels[n]. Without classes: names of the targets
    std::vector<std::string> units;    ///< one per column: "g", "rad/s"
    double rate_hz = 0;
    std::vector<std::array<std::size_t, 3>> triples; ///< columns x, y, z of each 3-axis sensor
    std::vector<std::size_t> devices; ///< rigid body of each triple, turned as one; empty: all on one device

    std::size_t device(std::size_t triple) const { return devices.empty() ? 0 : devices[triple]; }
    /// "body_acc_x", or "channel 3" when the columns have no names.
    std::string channel_name(std::size_t c) const {
        return c < channels.size() ? channels[c] : "channel " + std::to_string(c);
    }

    /// The channels that `wanted` names, ascending, each once. A name takes the channel of that name; if there is none,
    /// all channels whose names contain it as whole words: "total_acc", "acc" and "x" take total_acc_x, "tot" does not.
    /// Throws usage_error, listing the known names, for a name that takes no channel.
    std::vector<std::size_t> find_channels(std::span<const std::string> wanted) const {
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
    /// The facts of only these channels, in that order; empty: of all. A triple remains if its three axes remain.
    signal_info select_channels(std::span<const std::size_t> chosen) const {
        if (chosen.empty()) return *this;
        signal_info info;
        info.labels = labels;
        info.rate_hz = rate_hz;
        for (const std::size_t c : chosen) {
            info.channels.push_back(channel_name(c));
            if (c < units.size()) info.units.push_back(units[c]);
        }
        for (std::size_t i = 0; i < triples.size(); ++i) {
            std::array<std::size_t, 3> moved{};
            for (std::size_t axis = 0; axis < 3; ++axis)
                moved[axis] = static_cast<std::size_t>(std::find(chosen.begin(), chosen.end(), triples[i][axis]) -
                                                       chosen.begin());
            if (std::find(moved.begin(), moved.end(), chosen.size()) != moved.end()) continue;
            info.triples.push_back(moved);
            if (i < devices.size()) info.devices.push_back(devices[i]);
        }
        return info;
    }

    /// Throws data_error unless the lists fit `columns` channels and each other.
    void check(std::size_t columns) const {
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
                    raise<data_error>("signal_info", "column of a sensor triple is ", c, ", expected one of ",
                                      columns, " columns, each in one triple at most");
                used[c] = true;
            }
    }

    friend bool operator==(const signal_info&, const signal_info&) = default;
};

/// One uninterrupted recording of one person.
struct recording {
    tensor<float> samples;   ///< (n, C), evenly spaced in time
    std::vector<int> labels; ///< one per sample; -1: unlabelled
    int subject = 0;
};

/// An unlabelled recording of n samples for the caller to fill; its memory is taken from a budget.
/// Throws     data_error when the budget is exceeded.
[[nodiscard]] inline recording make_recording(std::size_t n, std::size_t channels, int subject, budget& room) {
    constexpr std::size_t blocks = 4 * memory::alignment; // of samples and labels
    room.take(sizeof(recording) + blocks + n * (channels * sizeof(float) + sizeof(int)), "the samples");
    return {tensor<float>::uninitialized({n, channels}), std::vector<int>(n, -1), subject};
}

/// A recording from its rows. `rows` is row-major (n, C); labels are one per row.
/// Throws     data_error when the numbers of values, channels and labels do not fit.
[[nodiscard]] inline recording make_recording(const std::vector<float>& rows, std::size_t channels,
                                              std::vector<int> labels, int subject) {
    if (channels == 0 || rows.size() != channels * labels.size())
        raise<data_error>("make_recording", "number of values is ", rows.size(), ", expected ", channels,
                          " channels of ", labels.size(), " labelled samples");
    recording r{tensor<float>::uninitialized({labels.size(), channels}), std::move(labels), subject};
    std::copy(rows.begin(), rows.end(), r.samples.begin());
    return r;
}

/// Something in the files that a loader repaired or left out, and how often.
struct repair {
    std::string what;
    std::size_t count = 0;

    friend bool operator==(const repair&, const repair&) = default;
};

/// A dataset as its loader returns it: continuous recordings, and what the loader did to them.
struct recording_set {
    std::vector<recording> recordings;
    signal_info info;
    std::vector<repair> repairs; ///< what occurred at least once; nothing is dropped silently

    void note(std::string_view what, std::size_t count = 1) {
        if (count == 0) return;
        const auto same = [&](const repair& r) { return r.what == what; };
        const auto at = std::find_if(repairs.begin(), repairs.end(), same);
        if (at != repairs.end())
            at->count += count;
        else
            repairs.push_back({std::string(what), count});
    }
    /// How often `what` was noted.
    std::size_t repaired(std::string_view what) const {
        std::size_t n = 0;
        for (const repair& r : repairs)
            if (r.what == what) n = r.count;
        return n;
    }
    /// Removes the recordings with fewer than `samples` samples, which `cut` refuses, and notes what was lost.
    void drop_shorter(std::size_t samples) {
        const auto longer = [&](const recording& r) { return r.labels.size() >= samples; };
        const auto first = std::stable_partition(recordings.begin(), recordings.end(), longer);
        std::size_t lost = 0;
        for (auto r = first; r != recordings.end(); ++r) lost += r->labels.size();
        note("samples in recordings shorter than " + std::to_string(samples) + ", left out", lost);
        recordings.erase(first, recordings.end());
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#endif

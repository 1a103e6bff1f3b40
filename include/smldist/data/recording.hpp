// SPDX-License-Identifier: BSD-3-Clause
/// Continuous recordings, and the facts that are common to all signals of a dataset.
#ifndef SMLDIST_DATA_RECORDING_HPP
#define SMLDIST_DATA_RECORDING_HPP

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/core/budget.hpp"
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
    /// Names of the people: subject n is subjects[n]. Empty: subjects are numbers of the publisher.
    std::vector<std::string> subjects = {};

    std::size_t device(std::size_t triple) const { return devices.empty() ? 0 : devices[triple]; }
    /// "body_acc_x", or "channel 3" when the columns have no names.
    std::string channel_name(std::size_t c) const {
        return c < channels.size() ? channels[c] : "channel " + std::to_string(c);
    }
    /// "anna", or "3" when the people have no names.
    std::string subject_name(int subject) const {
        const auto s = static_cast<std::size_t>(subject);
        return subject >= 0 && s < subjects.size() ? subjects[s] : std::to_string(subject);
    }
    /// "body_acc" of body_acc_x, body_acc_y, body_acc_z; "sensor 2" when the names of a triple have no beginning in common.
    SMLDIST_FUNCTION std::string sensor_name(std::size_t triple) const;

    /// The channels that `wanted` names, ascending, each once. A name takes the channel of that name; if there is none,
    /// all channels whose names contain it as whole words: "total_acc", "acc" and "x" take total_acc_x, "tot" does not.
    /// Throws usage_error, listing the known names, for a name that takes no channel.
    SMLDIST_FUNCTION std::vector<std::size_t> find_channels(std::span<const std::string> wanted) const;
    /// The facts of only these channels, in that order; empty: of all. A triple remains if its three axes remain.
    SMLDIST_FUNCTION signal_info select_channels(std::span<const std::size_t> chosen) const;

    /// Throws data_error unless the lists fit `columns` channels and each other.
    SMLDIST_FUNCTION void check(std::size_t columns) const;

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
[[nodiscard]] SMLDIST_FUNCTION recording make_recording(std::size_t n, std::size_t channels, int subject,
                                                        budget& room);

/// A recording from its rows. `rows` is row-major (n, C); labels are one per row.
/// Throws     data_error when the numbers of values, channels and labels do not fit.
[[nodiscard]] SMLDIST_FUNCTION recording make_recording(const std::vector<float>& rows, std::size_t channels,
                                                        std::vector<int> labels, int subject);

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

    SMLDIST_FUNCTION void note(std::string_view what, std::size_t count = 1);
    /// How often `what` was noted.
    SMLDIST_FUNCTION std::size_t repaired(std::string_view what) const;
    /// Removes the recordings with fewer than `samples` samples, which `cut` refuses, and notes what was lost.
    SMLDIST_FUNCTION void drop_shorter(std::size_t samples);
};

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/recording.ipp"
#endif

#endif

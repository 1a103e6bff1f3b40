// SPDX-License-Identifier: BSD-3-Clause
/// Continuous recordings and the facts that all signals of a dataset share.
#ifndef SMLDIST_DATA_RECORDING_HPP
#define SMLDIST_DATA_RECORDING_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/core/tensor.hpp"

namespace smldist::inline SMLDIST_ABI::data {

/// What the columns and labels of a dataset mean. Only `labels` is required; the rest may stay empty (0: unknown).
struct signal_info {
    std::vector<std::string> channels; ///< names, one a column
    std::vector<std::string> labels;   ///< class names; label n is labels[n]
    std::vector<std::string> units;    ///< one a column: "g", "rad/s"
    double rate_hz = 0;
    std::vector<std::array<std::size_t, 3>> triples; ///< columns x, y, z of each 3-axis sensor
    std::vector<std::size_t> devices; ///< rigid body of each triple, turned as one; empty: all on one device

    std::size_t device(std::size_t triple) const { return devices.empty() ? 0 : devices[triple]; }
    /// "body_acc_x", or "channel 3" when the columns have no names.
    std::string channel_name(std::size_t c) const {
        return c < channels.size() ? channels[c] : "channel " + std::to_string(c);
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
    std::vector<int> labels; ///< one a sample; -1: unlabelled
    int subject = 0;
};

} // namespace smldist::inline SMLDIST_ABI::data

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// From stamped samples of one or several devices to evenly spaced recordings on one clock.
#ifndef SMLDIST_DATA_RESAMPLE_HPP
#define SMLDIST_DATA_RESAMPLE_HPP

#include <cstddef>
#include <string_view>
#include <vector>

#include "smldist/core/budget.hpp"
#include "smldist/core/tensor.hpp"
#include "smldist/data/recording.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// The samples of one device with a time stamp each.
struct stamped_signal {
    std::size_t channels = 0;
    std::vector<float> samples; ///< row-major (n, channels)
    std::vector<double> stamps; ///< seconds, one per sample, never decreasing
    std::vector<int> labels;    ///< one per sample, -1: unlabelled; empty: the device has no labels

    std::size_t size() const { return stamps.size(); }
    /// Lower bound of its memory in bytes.
    std::size_t bytes() const {
        return samples.size() * sizeof(float) + stamps.size() * sizeof(double) + labels.size() * sizeof(int);
    }
};

struct resample_options {
    double rate_hz = 50;
    double max_gap = 0.5; ///< seconds; a longer step between stamps splits the recording
    /// Samples on either side over which smooth_stamps averages; 0: stamps are used unchanged. For devices that sample
    /// evenly but stamp on delivery, in bursts.
    std::size_t smooth = 0;
    /// Rate at which the devices take samples, in Hz; 0: unknown. Steps between stamps that do not fit it are refused.
    double device_hz = 0;
};

/// Throws data_error when the median step between stamps is more than `factor` times as long or as short as at `hz`, a
/// sign of stamps in another unit. Ignores samples that share a stamp; with fewer than eight steps nothing is checked.
SMLDIST_FUNCTION void check_steps(std::string_view where, const std::vector<double>& stamps, double hz,
                                  double factor);

/// The times at which evenly spaced samples were taken, from stamps that arrive late and in bursts.
///
///     t[i] = a + b * i,   (a, b) the least-squares line through (j, stamps[j]), j in W(i)
///
/// W(i) holds the 2 * smooth + 1 samples around i, shifted to lie within the stretch of i, or the whole of a shorter
/// stretch; a stretch is a run of stamps with steps of at most `max_gap`. Away from the ends t[i] is the mean of the
/// stamps in W(i), so the delays of bursts average out; even stamps stay as they are. Times keep within the stamps of
/// their stretch and never decrease where stamps do not.
/// Cost       O(n).
[[nodiscard]] SMLDIST_FUNCTION std::vector<double> smooth_stamps(const std::vector<double>& stamps,
                                                                 std::size_t smooth, double max_gap);

namespace detail {

/// resample within a budget, without a check of the unit of the stamps: for loaders, which check it themselves. A rate
/// above `device_hz` is the caller's choice: recordings are counted as if at that rate. `begins` receives the time of the
/// first sample of each recording.
SMLDIST_FUNCTION std::vector<recording> resample_within(const std::vector<stamped_signal>& devices,
                                                        const resample_options& o, int subject, budget& room,
                                                        std::vector<double>* begins = nullptr);

} // namespace detail

/// Even recordings of all devices side by side, on the clock of the stamps.
///
///     y[k,c] = (1 - w) * x[i,c] + w * x[i+1,c],   T = begin + k / rate,   t[i] <= T < t[i+1],
///     w = (T - t[i]) / (t[i+1] - t[i])
///
/// with t = smooth_stamps(stamps). A recording spans a time in which no device has a gap; a gap longer than `max_gap` in
/// any device ends it. Columns are those of the devices in their order. A sample's label is that of the nearest sample
/// of each labelled device; -1 where the devices disagree. Of samples with equal times the last one counts.
/// There is no low-pass filter: a rate far below the devices' own rate causes aliasing.
///
/// Stamps in other units than seconds are refused: their median step must be within a factor of 2 of the step of
/// `device_hz` or, if that is unknown, within a factor of 200 of the step of `rate_hz`.
/// Cost       O(samples in and out).
/// Throws     usage_error when a rate or `max_gap` is not positive; data_error when stamps run backwards, their steps do
///            not fit the rate, or sizes do not fit.
[[nodiscard]] SMLDIST_FUNCTION std::vector<recording> resample(const std::vector<stamped_signal>& devices,
                                                               const resample_options& o, int subject);

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/resample.ipp"
#endif

#endif

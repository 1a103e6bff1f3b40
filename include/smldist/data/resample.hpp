// SPDX-License-Identifier: BSD-3-Clause
/// From stamped samples of one or several devices to evenly spaced recordings on one clock.
#ifndef SMLDIST_DATA_RESAMPLE_HPP
#define SMLDIST_DATA_RESAMPLE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/budget.hpp"
#include "smldist/core/error.hpp"
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
inline void check_steps(std::string_view where, const std::vector<double>& stamps, double hz, double factor) {
    std::vector<double> steps;
    for (std::size_t i = 1; i < stamps.size() && steps.size() < 65536; ++i)
        if (stamps[i] > stamps[i - 1]) steps.push_back(stamps[i] - stamps[i - 1]);
    if (steps.size() < 8) return;
    const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
    std::nth_element(steps.begin(), middle, steps.end());
    const double ratio = *middle * hz, most = factor * (1 + 1e-6); // rounding
    if (ratio <= most && ratio * most >= 1) return;
    raise<data_error>(where, "median step between stamps is ", *middle, " s, expected about ", 1 / hz, " s, as at ",
                      hz, " Hz: ", ratio > 1 ? ratio : 1 / ratio, " times as ", ratio > 1 ? "long" : "short",
                      "; are the stamps in another unit?");
}

namespace detail {

/// Samples [first, last) of a device without a gap between them.
struct stretch {
    std::size_t first, last;
};

/// A time interval in which every device has samples; `at` names the stretch of each device.
struct overlap {
    double begin, end;
    std::vector<stretch> at;
};

inline void check_stamped(const stamped_signal& s, std::size_t device) {
    const auto where = [&] { return "resample: device " + std::to_string(device); };
    if (s.channels == 0 || s.samples.size() != s.channels * s.size())
        raise<data_error>(where(), "number of values is ", s.samples.size(), ", expected ", s.channels,
                          " channels of ", s.size(), " stamped samples");
    if (!s.labels.empty() && s.labels.size() != s.size())
        raise<data_error>(where(), "number of labels is ", s.labels.size(), ", expected ", s.size(), " or none");
    for (std::size_t i = 0; i < s.size(); ++i)
        if (!std::isfinite(s.stamps[i]) || (i > 0 && s.stamps[i] < s.stamps[i - 1]))
            raise<data_error>(where(), "stamp of sample ", i, " is ", s.stamps[i],
                              " s, expected a finite time not before the previous one");
}

inline std::vector<stretch> stretches(const std::vector<double>& stamps, double max_gap) {
    std::vector<stretch> found;
    for (std::size_t first = 0, last; first < stamps.size(); first = last) {
        for (last = first + 1; last < stamps.size() && stamps[last] - stamps[last - 1] <= max_gap;) ++last;
        found.push_back({first, last});
    }
    return found;
}

/// Intersects the overlaps of the devices so far with the stretches of one more. Both are in order of time.
inline std::vector<overlap> intersect(const std::vector<overlap>& shared, const std::vector<stretch>& next,
                                      const std::vector<double>& times) {
    std::vector<overlap> both;
    for (std::size_t i = 0, k = 0; i < shared.size() && k < next.size();) {
        const double end = times[next[k].last - 1];
        overlap o{std::max(shared[i].begin, times[next[k].first]), std::min(shared[i].end, end), shared[i].at};
        if (o.begin <= o.end) {
            o.at.push_back(next[k]);
            both.push_back(std::move(o));
        }
        if (shared[i].end < end)
            ++i;
        else
            ++k;
    }
    return both;
}

} // namespace detail

/// The times at which evenly spaced samples were taken, from stamps that arrive late and in bursts.
///
///     t[i] = a + b * i,   (a, b) the least-squares line through (j, stamps[j]), j in W(i)
///
/// W(i) holds the 2 * smooth + 1 samples around i, shifted to lie within the stretch of i, or the whole of a shorter
/// stretch; a stretch is a run of stamps with steps of at most `max_gap`. Away from the ends t[i] is the mean of the
/// stamps in W(i), so the delays of bursts average out; even stamps stay as they are. Times keep within the stamps of
/// their stretch and never decrease where stamps do not.
/// Cost       O(n).
[[nodiscard]] inline std::vector<double> smooth_stamps(const std::vector<double>& stamps, std::size_t smooth,
                                                       double max_gap) {
    std::vector<double> times = stamps, sum(stamps.size() + 1), moment(stamps.size() + 1);
    if (smooth == 0) return times;
    for (const auto [first, last] : detail::stretches(stamps, max_gap)) {
        const double origin = stamps[first]; // keeps the sums small and exact
        sum[first] = moment[first] = 0;
        for (std::size_t i = first; i < last; ++i) {
            sum[i + 1] = sum[i] + (stamps[i] - origin);
            moment[i + 1] = moment[i] + double(i - first) * (stamps[i] - origin);
        }
        const std::size_t m = std::min(last - first, 2 * smooth + 1); // samples in a window
        for (std::size_t i = first; i < last; ++i) {
            const std::size_t begin = std::min(i - std::min(i - first, smooth), last - m), end = begin + m;
            const double total = sum[end] - sum[begin], n = double(m);
            const double centre = double(begin - first) + (n - 1) / 2;
            const double spread = n * (n * n - 1) / 12; // sum of (j - centre)^2
            const double slope = m > 1 ? (moment[end] - moment[begin] - centre * total) / spread : 0;
            const double t = origin + total / n + slope * (double(i - first) - centre);
            times[i] = std::clamp(t, i == first ? origin : times[i - 1], stamps[last - 1]);
        }
    }
    return times;
}

namespace detail {

/// resample within a budget, without a check of the unit of the stamps: for loaders, which check it themselves. A rate
/// above `device_hz` is the caller's choice: recordings are counted as if at that rate.
inline std::vector<recording> resample_within(const std::vector<stamped_signal>& devices, const resample_options& o,
                                              int subject, budget& room) {
    if (!(o.rate_hz > 0 && std::isfinite(o.rate_hz)) || !(o.max_gap > 0))
        raise<usage_error>("resample", "rate is ", o.rate_hz, " Hz and longest gap ", o.max_gap,
                           " s, expected both positive");
    if (devices.empty()) raise<usage_error>("resample", "number of devices is 0, expected at least one");
    std::size_t channels = 0, working = 0;
    for (std::size_t d = 0; d < devices.size(); ++d) {
        check_stamped(devices[d], d);
        const std::vector<double>& t = devices[d].stamps;
        std::size_t parts = 1;
        for (std::size_t i = 1; i < t.size(); ++i) parts += !(t[i] - t[i - 1] <= o.max_gap);
        // Smoothing keeps three numbers per stamp; stretches and overlaps grow by doubling.
        working += 3 * sizeof(double) * t.size() + 3 * parts * (2 * sizeof(overlap) + 3 * sizeof(stretch) + 32);
        channels += devices[d].channels;
    }
    const budget::lease work(room, working, "the stamps");
    std::vector<std::vector<double>> times;
    std::vector<overlap> spans;
    for (std::size_t d = 0; d < devices.size(); ++d) {
        times.push_back(smooth_stamps(devices[d].stamps, o.smooth, o.max_gap));
        const auto parts = stretches(devices[d].stamps, o.max_gap);
        if (d > 0)
            spans = intersect(spans, parts, times[d]);
        else
            for (const auto s : parts) spans.push_back({times[0][s.first], times[0][s.last - 1], {s}});
    }

    const double wished = o.device_hz > 0 ? std::max(1.0, o.rate_hz / o.device_hz) : 1;
    std::vector<recording> recordings;
    for (const auto& span : spans) {
        // Rounding must not cost the last sample: a millionth of a step counts as on the grid.
        const double steps = (span.end - span.begin) * o.rate_hz + 1e-6;
        if (!(steps < 1e12))
            raise<data_error>("resample", "number of samples is ", steps, " at ", o.rate_hz,
                              " Hz, expected less than 1e12");
        const auto n = static_cast<std::size_t>(steps) + 1;
        const double bytes = double(n) * double(channels * sizeof(float) + sizeof(int)) / wished;
        make_room(recordings, room, "the recordings");
        room.take(static_cast<std::size_t>(bytes) + 4 * memory::alignment, "the resampled samples");
        recording r{tensor<float>::uninitialized({n, channels}), std::vector<int>(n, -1), subject};
        std::size_t column = 0;
        bool labelled = false;
        for (std::size_t d = 0; d < devices.size(); ++d) {
            const stamped_signal& from = devices[d];
            const std::vector<double>& t = times[d];
            const std::size_t last = span.at[d].last - 1;
            std::size_t i = span.at[d].first;
            for (std::size_t k = 0; k < n; ++k) {
                const double at = span.begin + double(k) / o.rate_hz;
                while (i < last && t[i + 1] <= at) ++i;
                const std::size_t next = std::min(i + 1, last);
                const double w = next == i ? 0 : std::max(0.0, (at - t[i]) / (t[next] - t[i]));
                const float *a = from.samples.data() + i * from.channels, *b = a + (next - i) * from.channels;
                float* y = r.samples.data() + k * channels + column;
                for (std::size_t c = 0; c < from.channels; ++c)
                    y[c] = static_cast<float>((1 - w) * double(a[c]) + w * double(b[c]));
                if (from.labels.empty()) continue;
                const int label = from.labels[w < 0.5 ? i : next];
                r.labels[k] = !labelled || r.labels[k] == label ? label : -1;
            }
            column += from.channels;
            labelled = labelled || !from.labels.empty();
        }
        recordings.push_back(std::move(r));
    }
    return recordings;
}

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
[[nodiscard]] inline std::vector<recording> resample(const std::vector<stamped_signal>& devices,
                                                     const resample_options& o, int subject) {
    if (!(o.device_hz >= 0 && std::isfinite(o.device_hz)))
        raise<usage_error>("resample", "rate of the devices is ", o.device_hz, " Hz, expected a positive one or 0");
    budget unlimited;
    auto recordings = detail::resample_within(devices, o, subject, unlimited);
    for (std::size_t d = 0; d < devices.size(); ++d)
        check_steps("resample: device " + std::to_string(d), smooth_stamps(devices[d].stamps, o.smooth, o.max_gap),
                    o.device_hz > 0 ? o.device_hz : o.rate_hz, o.device_hz > 0 ? 2 : 200);
    return recordings;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#endif

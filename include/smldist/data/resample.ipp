// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/resample.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

void check_steps(std::string_view where, const std::vector<double>& stamps, double hz, double factor) {
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

std::vector<double> smooth_stamps(const std::vector<double>& stamps, std::size_t smooth, double max_gap) {
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

std::vector<recording> resample_within(const std::vector<stamped_signal>& devices, const resample_options& o,
                                       int subject, budget& room, std::vector<double>* begins) {
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
        if (begins) begins->push_back(span.begin);
    }
    return recordings;
}

} // namespace detail

std::vector<recording> resample(const std::vector<stamped_signal>& devices, const resample_options& o, int subject) {
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

// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/inspect.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/data/normaliser.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

std::size_t recording_report::samples_of_class(std::size_t n) const {
    std::size_t sum = 0;
    for (const std::size_t of_person : class_by_person[n]) sum += of_person;
    return sum;
}

std::size_t recording_report::people_of_class(std::size_t n) const {
    const auto& row = class_by_person[n];
    return row.size() - static_cast<std::size_t>(std::count(row.begin(), row.end(), std::size_t(0)));
}

namespace detail {

inline constexpr double earth_gravity = 9.81; ///< gravity in m/s²

/// Throws unless `inspect` can read the set with these options.
inline void check_inspectable(const recording_set& set, const inspect_options& o) {
    const auto positive = [](const char* name, double value) {
        if (!(value > 0 && std::isfinite(value)))
            raise<usage_error>("inspect", name, " is ", value, ", expected a positive number");
    };
    positive("rest_seconds", o.rest_seconds);
    positive("stuck_seconds", o.stuck_seconds);
    positive("saturated_share", o.saturated_share);
    positive("class_minutes", o.class_minutes);
    std::size_t samples = 0, C = 0;
    for (const recording& r : set.recordings) {
        const shape& s = r.samples.shape();
        if (s.rank() != 2 || s[0] != r.labels.size())
            raise<data_error>("inspect", "number of labels of a recording is ", r.labels.size(), ", expected ",
                              s.rank() == 2 ? s[0] : 0, ", one for each of its samples (n, C)");
        if (samples == 0) C = s[1];
        if (s[0] > 0 && s[1] != C)
            raise<data_error>("inspect", "number of channels of a recording is ", s[1], ", expected ", C,
                              " as of the first");
        samples += s[0];
        for (const int n : r.labels)
            if (n < -1 || n >= static_cast<int>(set.info.labels.size()))
                raise<data_error>("inspect", "label is ", n, ", expected -1 to ",
                                  static_cast<int>(set.info.labels.size()) - 1);
    }
    if (samples == 0) raise<data_error>("inspect", "number of samples is 0, expected at least one");
    set.info.check(C);
}

/// Counts what the labels say. Fills `people`, `class_by_person` and the totals.
inline void count_labels(recording_report& report, const recording_set& set) {
    std::map<int, person_figures> people;
    for (const recording& r : set.recordings) people[r.subject].subject = r.subject;
    report.class_by_person.assign(set.info.labels.size(), std::vector<std::size_t>(people.size(), 0));
    report.recordings = set.recordings.size();
    report.shortest = std::numeric_limits<std::size_t>::max();
    for (const recording& r : set.recordings) {
        const auto who = people.find(r.subject);
        const auto column = static_cast<std::size_t>(std::distance(people.begin(), who));
        std::size_t labelled = 0;
        for (const int n : r.labels)
            if (n >= 0) {
                ++report.class_by_person[static_cast<std::size_t>(n)][column];
                ++labelled;
            }
        ++who->second.recordings;
        who->second.samples += r.labels.size();
        who->second.labelled += labelled;
        report.samples += r.labels.size();
        report.labelled += labelled;
        report.shortest = std::min(report.shortest, r.labels.size());
        report.longest = std::max(report.longest, r.labels.size());
    }
    for (const auto& [subject, figures] : people) report.people.push_back(figures);
}

/// One column while its samples go by, in runs of equal ones.
struct column_pass {
    double origin = 0, sum = 0, squares = 0; ///< of the samples minus the first, so that a large mean costs no digits
    std::size_t finite = 0, not_finite = 0;
    float smallest = std::numeric_limits<float>::infinity(), largest = -smallest;
    std::size_t low = 0, high = 0; ///< samples at the extremes in runs of at least 3
    float value = 0;               ///< of the current run
    std::size_t run = 0, longest = 0;

    void add(float v) {
        if (!std::isfinite(v)) {
            end_run();
            ++not_finite;
            return;
        }
        if (finite == 0) origin = double(v);
        ++finite;
        const double d = double(v) - origin;
        sum += d;
        squares += d * d;
        if (v != value) end_run();
        value = v;
        ++run;
    }
    void end_run() {
        if (run == 0) return;
        const std::size_t stays = run >= 3 ? run : 0;
        if (value <= smallest) {
            low = value < smallest ? stays : low + stays;
            smallest = value;
        }
        if (value >= largest) {
            high = value > largest ? stays : high + stays;
            largest = value;
        }
        longest = std::max(longest, run);
        run = 0;
    }
};

inline std::vector<channel_figures> channel_figures_of(const recording_set& set, std::size_t C, std::size_t rest) {
    std::vector<column_pass> columns(C);
    std::vector<channel_figures> channels(C);
    for (std::size_t i = 0; i < set.recordings.size(); ++i) {
        const recording& r = set.recordings[i];
        const std::size_t n = r.labels.size();
        const float* row = r.samples.data();
        for (std::size_t t = 0; t < n; ++t, row += C)
            for (std::size_t c = 0; c < C; ++c) columns[c].add(row[c]);
        for (std::size_t c = 0; c < C; ++c) {
            columns[c].end_run();
            if (columns[c].longest == n && n >= rest)
                channels[c].constant_in.push_back(i);
            else
                channels[c].longest_constant = std::max(channels[c].longest_constant, columns[c].longest);
            columns[c].longest = 0;
        }
    }
    for (std::size_t c = 0; c < C; ++c) {
        const column_pass& p = columns[c];
        channel_figures& f = channels[c];
        f.not_finite = p.not_finite;
        if (p.finite == 0) continue;
        const double n = static_cast<double>(p.finite), mean = p.sum / n;
        f.smallest = p.smallest;
        f.largest = p.largest;
        f.mean = p.origin + mean;
        f.deviation = std::sqrt(std::max(0.0, p.squares / n - mean * mean));
        if (f.constant()) continue;
        f.at_smallest = static_cast<double>(p.low) / n;
        f.at_largest = static_cast<double>(p.high) / n;
    }
    return channels;
}

enum class known_unit : std::uint8_t { other, g, metres, radians, degrees };

inline known_unit known_unit_of(const signal_info& info, std::size_t triple) {
    if (info.units.empty()) return known_unit::other;
    const std::string& unit = info.units[info.triples[triple][0]];
    const auto is_one_of = [&](std::initializer_list<std::string_view> names) {
        return std::find(names.begin(), names.end(), unit) != names.end();
    };
    if (is_one_of({"g", "G"})) return known_unit::g;
    if (is_one_of({"m/s²", "m/s^2", "m/s2", "m/s/s"})) return known_unit::metres;
    if (is_one_of({"rad/s"})) return known_unit::radians;
    if (is_one_of({"deg/s", "°/s", "dps"})) return known_unit::degrees;
    return known_unit::other;
}

inline sensor_kind sensor_kind_of(std::string name, known_unit unit) {
    for (char& c : name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (name.find("gyr") != name.npos || name.find("rotation") != name.npos) return sensor_kind::gyroscope;
    if (name.find("acc") != name.npos) return sensor_kind::accelerometer;
    if (unit == known_unit::g || unit == known_unit::metres) return sensor_kind::accelerometer;
    if (unit == known_unit::radians || unit == known_unit::degrees) return sensor_kind::gyroscope;
    return sensor_kind::other;
}

inline sensor_look sensor_look_of(const sensor_figures& f, known_unit unit) {
    if (f.kind == sensor_kind::gyroscope) return f.large > 35 ? sensor_look::turns_in_degrees : sensor_look::unknown;
    if (f.kind != sensor_kind::accelerometer || f.rest_windows == 0) return sensor_look::unknown;
    if (std::abs(f.at_rest / earth_gravity - 1) <= 0.1) return sensor_look::gravity_in_metres;
    if (std::abs(f.at_rest - 1) <= 0.1) return sensor_look::gravity_in_g;
    return f.at_rest < (unit == known_unit::metres ? earth_gravity / 10 : 0.1) ? sensor_look::no_gravity
                                                                               : sensor_look::unknown;
}

/// The length of a vector of floats, which may exceed the largest float.
inline float length_as_float(double length) {
    return static_cast<float>(std::min(length, double(std::numeric_limits<float>::max())));
}

inline sensor_figures sensor_figures_of(const recording_set& set, std::size_t triple, std::size_t C,
                                        std::size_t rest) {
    struct window {
        double deviation, length;
    };
    const auto [x, y, z] = set.info.triples[triple];
    std::vector<float> lengths;
    std::vector<window> windows;
    for (const recording& r : set.recordings)
        for (std::size_t from = 0; from < r.labels.size(); from += rest) {
            const std::size_t n = std::min(rest, r.labels.size() - from);
            const float* row = r.samples.data() + from * C;
            const std::array<double, 3> first{double(row[x]), double(row[y]), double(row[z])};
            std::array<double, 3> sum{}; // of the samples minus the first
            double squares = 0;
            bool zero = true;
            for (std::size_t t = 0; t < n; ++t, row += C) {
                const std::array<double, 3> v{double(row[x]), double(row[y]), double(row[z])};
                double length = 0;
                for (std::size_t axis = 0; axis < 3; ++axis) {
                    const double d = v[axis] - first[axis];
                    sum[axis] += d;
                    squares += d * d;
                    length += v[axis] * v[axis];
                }
                zero = zero && length == 0;
                if (std::isfinite(length)) lengths.push_back(length_as_float(std::sqrt(length)));
            }
            double length = 0, of_means = 0;
            for (std::size_t axis = 0; axis < 3; ++axis) {
                const double mean = sum[axis] / static_cast<double>(n);
                length += (first[axis] + mean) * (first[axis] + mean);
                of_means += mean * mean;
            }
            if (n == rest && !zero && std::isfinite(squares))
                windows.push_back({squares / static_cast<double>(n) - of_means, std::sqrt(length)});
        }

    sensor_figures f;
    f.name = set.info.sensor_name(triple);
    const known_unit unit = known_unit_of(set.info, triple);
    f.kind = sensor_kind_of(f.name, unit);
    if (!lengths.empty()) f.large = quantile(lengths, 0.999);
    if (!windows.empty()) {
        f.rest_windows = (windows.size() + 9) / 10;
        std::nth_element(windows.begin(), windows.begin() + static_cast<std::ptrdiff_t>(f.rest_windows - 1),
                         windows.end(), [](const window& a, const window& b) { return a.deviation < b.deviation; });
        lengths.clear();
        for (std::size_t i = 0; i < f.rest_windows; ++i) lengths.push_back(length_as_float(windows[i].length));
        f.at_rest = quantile(lengths, 0.5);
    }
    f.look = sensor_look_of(f, unit);
    return f;
}

inline std::vector<std::pair<std::size_t, std::size_t>> duplicates_of(const recording_set& set) {
    std::vector<std::pair<std::size_t, std::size_t>> found;
    std::multimap<std::uint64_t, std::size_t> seen;
    for (std::size_t i = 0; i < set.recordings.size(); ++i) {
        const tensor<float>& x = set.recordings[i].samples;
        if (x.size() == 0) continue;
        std::uint64_t hash = x.size();
        for (std::size_t k = 0; k < x.size(); ++k) {
            std::uint32_t bits;
            std::memcpy(&bits, x.data() + k, sizeof bits);
            hash = (hash ^ bits) * 0x9E3779B97F4A7C15u;
            hash ^= hash >> 32;
        }
        const auto [begin, end] = seen.equal_range(hash);
        const auto same = std::find_if(begin, end, [&](const auto& other) {
            const tensor<float>& y = set.recordings[other.second].samples;
            return y.shape() == x.shape() && std::memcmp(y.data(), x.data(), x.size() * sizeof(float)) == 0;
        });
        if (same != end)
            found.emplace_back(same->second, i);
        else
            seen.emplace(hash, i);
    }
    return found;
}

inline bool contradicts_unit(const sensor_figures& f, known_unit unit) {
    return (unit == known_unit::metres && f.look == sensor_look::gravity_in_g) ||
           (unit == known_unit::g && f.look == sensor_look::gravity_in_metres) ||
           (unit == known_unit::radians && f.look == sensor_look::turns_in_degrees) ||
           (unit == known_unit::degrees && f.kind == sensor_kind::gyroscope && f.large > 0 && f.large < 20);
}

inline std::vector<remark> remarks_on(const recording_report& r, const signal_info& info, const inspect_options& o) {
    std::vector<remark> remarks;
    const auto note = [&](remark_kind kind, std::size_t index = 0) { remarks.push_back({kind, index}); };
    if (!(r.rate_hz > 0)) note(remark_kind::unknown_rate);
    for (std::size_t c = 0; c < r.channels.size(); ++c) {
        const channel_figures& f = r.channels[c];
        if (f.not_finite > 0) note(remark_kind::not_finite, c);
        if (f.not_finite == r.samples) continue;
        if (f.constant())
            note(remark_kind::constant_channel, c);
        else if (!f.constant_in.empty())
            note(remark_kind::constant_in_recordings, c);
        if (!f.constant() && r.minutes(f.longest_constant) * 60 >= o.stuck_seconds)
            note(remark_kind::stuck_channel, c);
        if (std::max(f.at_smallest, f.at_largest) >= o.saturated_share) note(remark_kind::saturated_channel, c);
    }
    for (std::size_t i = 0; i < r.sensors.size(); ++i) {
        const sensor_figures& f = r.sensors[i];
        const bool is_accelerometer = f.kind == sensor_kind::accelerometer && f.rest_windows > 0;
        if (contradicts_unit(f, known_unit_of(info, i))) note(remark_kind::wrong_unit, i);
        if (is_accelerometer && f.look == sensor_look::unknown) note(remark_kind::odd_rest, i);
    }
    for (std::size_t i = 0; i < r.duplicates.size(); ++i) note(remark_kind::duplicate, i);
    if (r.labelled == 0) note(remark_kind::unlabelled);
    if (r.people.size() < o.people) note(remark_kind::few_people);
    std::vector<bool> lacks(r.people.size(), false);
    for (std::size_t n = 0; n < r.class_by_person.size() && r.labelled > 0; ++n) {
        const std::size_t people = r.people_of_class(n), samples = r.samples_of_class(n);
        if (people == 0) note(remark_kind::absent_class, n);
        if (people == 0) continue;
        if (r.rate_hz > 0 && r.minutes(samples) < o.class_minutes) note(remark_kind::short_class, n);
        if (people == 1 && r.people.size() > 1) note(remark_kind::class_of_one_person, n);
        for (std::size_t p = 0; p < lacks.size(); ++p)
            if (r.class_by_person[n][p] == 0) lacks[p] = true;
    }
    for (std::size_t p = 0; p < lacks.size(); ++p)
        if (lacks[p]) note(remark_kind::person_without_class, p);
    std::stable_sort(remarks.begin(), remarks.end(),
                     [](const remark& a, const remark& b) { return a.kind < b.kind; });
    return remarks;
}

} // namespace detail

recording_report inspect(const recording_set& set, const inspect_options& o) {
    detail::check_inspectable(set, o);
    recording_report report;
    report.rate_hz = set.info.rate_hz;
    const auto longest =
        std::max_element(set.recordings.begin(), set.recordings.end(),
                         [](const recording& a, const recording& b) { return a.labels.size() < b.labels.size(); });
    const std::size_t C = longest->samples.shape()[1];
    const double window = report.rate_hz > 0 ? o.rest_seconds * report.rate_hz : 50;
    const auto rest = static_cast<std::size_t>(std::clamp(std::round(window), 2.0, 1e9));
    detail::count_labels(report, set);
    report.channels = detail::channel_figures_of(set, C, rest);
    for (std::size_t i = 0; i < set.info.triples.size(); ++i)
        report.sensors.push_back(detail::sensor_figures_of(set, i, C, rest));
    report.duplicates = detail::duplicates_of(set);
    report.remarks = detail::remarks_on(report, set.info, o);
    return report;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/csv/timestamps.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// Reads a text of digits and marks from left to right.
struct time_scanner {
    std::string_view rest;

    bool take(char c) {
        if (!rest.starts_with(c)) return false;
        rest.remove_prefix(1);
        return true;
    }
    /// A whole number of low to high digits.
    std::optional<int> number(std::size_t low, std::size_t high) {
        std::size_t n = 0;
        int value = 0;
        for (; n < rest.size() && n < high && rest[n] >= '0' && rest[n] <= '9'; ++n)
            value = 10 * value + (rest[n] - '0');
        if (n < low) return std::nullopt;
        rest.remove_prefix(n);
        return value;
    }
    /// The digits of a fraction of a second.
    double fraction() {
        double value = 0, place = 0.1;
        for (; !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; rest.remove_prefix(1), place /= 10)
            value += place * (rest[0] - '0');
        return value;
    }
};

/// Days since 1970-01-01 in the Gregorian calendar; nothing for a date that there is not.
inline std::optional<std::int64_t> days_since_1970(int year, int month, int day) {
    constexpr std::array<int, 12> length{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (year < 1 || month < 1 || month > 12 || day < 1) return std::nullopt;
    if (day > length[static_cast<std::size_t>(month) - 1] + (month == 2 && leap ? 1 : 0)) return std::nullopt;
    const std::int64_t before = year - 1;
    std::int64_t days = 365 * before + before / 4 - before / 100 + before / 400 - 719162;
    for (int m = 1; m < month; ++m) days += length[static_cast<std::size_t>(m) - 1] + (m == 2 && leap ? 1 : 0);
    return days + day - 1;
}

/// hh:mm:ss with a fraction, to the end or to an offset, which is subtracted.
inline std::optional<double> time_of_day(time_scanner& in, bool offset) {
    const auto hour = in.number(1, 2);
    if (!hour || *hour > 24 || !in.take(':')) return std::nullopt;
    const auto minute = in.number(2, 2);
    if (!minute || *minute > 59) return std::nullopt;
    double seconds = 60.0 * (60 * *hour + *minute);
    if (in.take(':')) {
        const auto second = in.number(2, 2);
        if (!second || *second > 60) return std::nullopt;
        seconds += *second;
        if (in.take('.') || in.take(',') || in.take(':')) seconds += in.fraction();
    }
    for (const std::string_view half : {" AM", " PM", " am", " pm", "AM", "PM", "am", "pm"})
        if (in.rest.starts_with(half)) {
            if (*hour < 1 || *hour > 12) return std::nullopt;
            in.rest.remove_prefix(half.size());
            const bool after_noon = half.find_first_of("Pp") != half.npos;
            seconds += 3600.0 * ((*hour == 12 ? -12 : 0) + (after_noon ? 12 : 0));
            break;
        }
    if (offset && in.take('Z')) return in.rest.empty() ? std::optional(seconds) : std::nullopt;
    if (offset && (in.rest.starts_with(" +") || in.rest.starts_with(" -"))) in.take(' ');
    const bool ahead = offset && in.rest.starts_with('+');
    if (offset && (in.take('+') || in.take('-'))) {
        const auto hours = in.number(2, 2);
        in.take(':');
        const auto minutes = in.rest.empty() ? std::optional(0) : in.number(2, 2);
        if (!hours || !minutes) return std::nullopt;
        seconds -= (ahead ? 60.0 : -60.0) * (60 * *hours + *minutes);
    }
    return in.rest.empty() ? std::optional(seconds) : std::nullopt;
}

} // namespace detail

std::optional<double> read_time_text(std::string_view text) {
    detail::time_scanner in{text};
    if (text.size() > 64) return std::nullopt;
    const std::size_t mark = text.find_first_not_of("0123456789");
    if (mark == text.npos) return std::nullopt;
    if (text[mark] == ':') return detail::time_of_day(in, false);
    if (text[mark] != '-' && text[mark] != '/' && text[mark] != '.') return std::nullopt;
    const bool iso = mark == 4;
    auto first = in.number(1, 4);
    const char between = text[mark];
    if (!first || !in.take(between)) return std::nullopt;
    auto second = in.number(1, 2);
    if (!second || !in.take(between)) return std::nullopt;
    auto third = in.number(iso ? 1 : 4, iso ? 2 : 4);
    if (!third || (!iso && between == '-')) return std::nullopt;
    const int year = iso ? *first : *third;
    const bool day_first = !iso && (between == '.' || *first > 12);
    const int month = iso || day_first ? *second : *first, day = iso ? *third : day_first ? *first : *second;
    const auto days = detail::days_since_1970(year, month, day);
    if (!days) return std::nullopt;
    if (in.rest.empty()) return 86400.0 * double(*days);
    if (!in.take('T') && !in.take(' ')) return std::nullopt;
    const auto time = detail::time_of_day(in, true);
    if (!time) return std::nullopt;
    return 86400.0 * double(*days) + *time;
}

std::string iso_time(double seconds) {
    double whole = std::floor(seconds);
    auto milliseconds = static_cast<int>(std::lround((seconds - whole) * 1000));
    if (milliseconds == 1000) {
        milliseconds = 0;
        ++whole;
    }
    auto days = static_cast<std::int64_t>(std::floor(whole / 86400));
    const auto second = static_cast<int>(whole - 86400.0 * double(days));
    int year = 1970 + static_cast<int>(days / 366), month = 1;
    while (*detail::days_since_1970(year + 1, 1, 1) <= days) ++year;
    while (*detail::days_since_1970(year, 1, 1) > days) --year;
    while (month < 12 && *detail::days_since_1970(year, month + 1, 1) <= days) ++month;
    const auto day = static_cast<int>(days - *detail::days_since_1970(year, month, 1)) + 1;
    char text[64];
    std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, day, second / 3600,
                  second / 60 % 60, second % 60, milliseconds);
    return text;
}

time_unit recognise_time_unit(const std::vector<double>& stamps) {
    constexpr std::array units{time_unit::seconds, time_unit::milliseconds, time_unit::microseconds,
                               time_unit::nanoseconds};
    if (stamps.size() < 2) return time_unit::automatic;
    std::vector<double> steps;
    bool counts = stamps[0] == 0 || stamps[0] == 1;
    for (std::size_t i = 1; i < stamps.size(); ++i) {
        const double step = stamps[i] - stamps[i - 1];
        counts = counts && step == 1;
        if (step > 0) steps.push_back(step);
    }
    if (steps.empty() || counts) return time_unit::automatic;
    const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
    std::nth_element(steps.begin(), middle, steps.end());
    constexpr double year_2000 = 946684800, year_2100 = 4102444800;
    for (const bool epoch : {true, false})
        for (const time_unit unit : units) {
            const double time = stamps[0] * seconds_in(unit), hz = 1 / (*middle * seconds_in(unit));
            if (hz >= 1.5 && hz <= (epoch ? 20000 : 1500) && (!epoch || (time > year_2000 && time < year_2100)))
                return unit;
        }
    return time_unit::automatic;
}

double rate_without_gaps(const std::vector<double>& stamps, double max_gap) {
    struct sums {
        double time = 0;
        std::size_t steps = 0;
    };
    /// Of steps that are longer than `low` and at most `high`.
    const auto between = [&](double low, double high) {
        sums s;
        for (std::size_t i = 1; i < stamps.size(); ++i)
            if (const double step = stamps[i] - stamps[i - 1]; step > low && step <= high) {
                s.time += step;
                ++s.steps;
            }
        return s;
    };
    const sums all = between(-1, max_gap);
    if (!(all.time > 0)) return 0;
    const double mean = all.time / double(all.steps);
    const sums lost = between(1.8 * mean, max_gap), rest{all.time - lost.time, all.steps - lost.steps};
    const double step = rest.time / double(rest.steps);
    const bool regular = 10 * between(0.5 * step, 1.5 * step).steps >= 9 * rest.steps;
    return regular && 4 * lost.time <= all.time ? 1 / step : 1 / mean;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

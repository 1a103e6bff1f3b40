// SPDX-License-Identifier: BSD-3-Clause
/// Time stamps as exports write them: dates, times of day, and numbers in a unit that has to be found.
#ifndef SMLDIST_DATA_CSV_TIMESTAMPS_HPP
#define SMLDIST_DATA_CSV_TIMESTAMPS_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/core/enum_names.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// What a time stamp counts.
enum class time_unit : std::uint8_t {
    automatic,    ///< found from the name of the column and from the stamps
    seconds,      ///< as numbers, since any origin
    milliseconds, ///< as numbers, since any origin
    microseconds, ///< as numbers, since any origin
    nanoseconds,  ///< as numbers, since any origin
    text          ///< dates and times of day, see read_time_text
};
constexpr auto enum_names(time_unit) { return enum_table("time unit", "auto", "s", "ms", "us", "ns", "text"); }

/// Seconds in one step of a unit of numbers; 1 for the others.
[[nodiscard]] constexpr double seconds_in(time_unit unit) {
    return unit == time_unit::milliseconds   ? 1e-3
           : unit == time_unit::microseconds ? 1e-6
           : unit == time_unit::nanoseconds  ? 1e-9
                                             : 1;
}

/// Seconds of a time in words, or nothing if it is none:
///
///     2014-05-07T16:29:30.96+02:00    ISO 8601, since 1970; blank or T before the time, any number of decimals, with a
///                                     point or comma; Z or an offset, with or without a
///                                     blank before it, or neither, which counts as Z
///     5/7/2014 16:29:30.960           the same with month/day/year, or day/month/year if the first number is above 12
///     7.5.2014 16:29:30,960           the same with day.month.year
///     16:29:30.960, 16:29:30:960      since midnight
///     4:29:30.960 PM                  the same in two halves of a day, also behind a date
[[nodiscard]] SMLDIST_FUNCTION std::optional<double> read_time_text(std::string_view text);

/// The date and time in UTC of seconds since 1970, as ISO 8601 with milliseconds: "2014-05-07T16:29:30.960Z".
[[nodiscard]] SMLDIST_FUNCTION std::string iso_time(double seconds);

/// The unit of stamps that are numbers: the one in which their median step, of those above 0, gives a rate of 1.5 to 1500
/// Hz. At most one unit does. A unit in which the first stamp is a time between 2000 and 2100 since 1970 comes first, and
/// may give up to 20 kHz. Stamps that only count rows (steps of exactly 1 from 0 or 1) have no unit.
/// Returns    automatic when no unit fits.
[[nodiscard]] SMLDIST_FUNCTION time_unit recognise_time_unit(const std::vector<double>& stamps);

/// Samples per second of ascending stamps, without steps longer than `max_gap` seconds. Where steps are regular, so that nine
/// of ten lie within half of their mean, those of nearly two samples and more are samples lost and do not count either; in
/// stamps that come in bursts they do.
/// 0 when there is no step.
[[nodiscard]] SMLDIST_FUNCTION double rate_without_gaps(const std::vector<double>& stamps, double max_gap);

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/csv/timestamps.ipp"
#endif

#endif

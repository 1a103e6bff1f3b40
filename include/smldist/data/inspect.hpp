// SPDX-License-Identifier: BSD-3-Clause
/// What recordings hold, and what looks wrong with them: to be read before the first training.
#ifndef SMLDIST_DATA_INSPECT_HPP
#define SMLDIST_DATA_INSPECT_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "smldist/core/enum_names.hpp"
#include "smldist/data/recording.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

struct inspect_options {
    double rest_seconds = 1;       ///< window in which a sensor is at rest or not
    double stuck_seconds = 2;      ///< a channel that changes, but not for so long, is remarked
    double saturated_share = 1e-3; ///< of the samples at an extreme value, from which it is remarked
    double class_minutes = 1;      ///< a class with less is remarked
    std::size_t people = 3;        ///< fewer are remarked: training, validation and test need one each
};

struct person_figures {
    int subject = 0;
    std::size_t recordings = 0, samples = 0, labelled = 0;
};

/// Of one column over all recordings. Samples that are NaN or infinite are only counted.
struct channel_figures {
    float smallest = 0, largest = 0; ///< 0 when no sample is finite
    double mean = 0, deviation = 0;  ///< standard deviation, divided by the number of samples
    /// Share of the samples that equal `smallest` (`largest`) and stand in runs of at least 3 equal samples. A sensor that
    /// saturates stays at its limit for some samples; a movement passes its peak. 0 for a channel that never changes.
    double at_smallest = 0, at_largest = 0;
    std::size_t not_finite = 0;           ///< samples that are NaN or infinite
    std::vector<std::size_t> constant_in; ///< recordings of at least rest_seconds in which all samples are equal
    std::size_t longest_constant = 0;     ///< samples in the longest run of equal ones in all other recordings

    /// Whether it has one value in the whole set.
    bool constant() const { return smallest == largest; }
};

enum class sensor_kind : std::uint8_t { other, accelerometer, gyroscope };
constexpr auto enum_names(sensor_kind) {
    return enum_table("data::sensor_kind", "other", "accelerometer", "gyroscope");
}

/// What the values of a sensor look like, whatever its unit is said to be.
enum class sensor_look : std::uint8_t { unknown, no_gravity, gravity_in_g, gravity_in_metres, turns_in_degrees };
constexpr auto enum_names(sensor_look) {
    return enum_table("data::sensor_look", "unknown", "no gravity", "g with gravity", "m/s² with gravity", "deg/s");
}

/// Of one triple of signal_info, v = (x, y, z).
struct sensor_figures {
    std::string name; ///< what the names of its channels begin with: "body_acc"
    sensor_kind kind = sensor_kind::other;
    /// Median length of the mean vector over the quietest tenth of all windows of rest_seconds (of 50 samples when the
    /// rate is unknown): those whose standard deviation, of all axes together, is smallest. The mean of an accelerometer is
    /// near gravity in regular movement too, so a set without any rest is read correctly. Windows with a sample that is not
    /// finite and windows of zeros do not count. 0 without windows.
    double at_rest = 0;
    std::size_t rest_windows = 0; ///< how many windows the median is of
    double large = 0;             ///< 99.9 % quantile of |v|
    sensor_look look = sensor_look::unknown;
};

enum class remark_kind : std::uint8_t {
    unknown_rate,           ///< info.rate_hz is 0
    not_finite,             ///< channel `index` has samples that are NaN or infinite, which `cut` refuses
    constant_channel,       ///< channel `index` has one value in the whole set
    constant_in_recordings, ///< channel `index` has one value in each recording of its constant_in
    stuck_channel,          ///< channel `index` keeps one value for stuck_seconds or more
    saturated_channel,      ///< channel `index` stays at an extreme value
    wrong_unit,             ///< the look of sensor `index` contradicts its unit in info.units
    odd_rest,               ///< accelerometer `index` has at rest neither the length of gravity nor none
    duplicate,              ///< duplicates[index]
    unlabelled,             ///< no sample has a label
    few_people,             ///< fewer than inspect_options::people
    absent_class,           ///< class `index` has no sample
    short_class,            ///< class `index` lasts less than class_minutes
    class_of_one_person,    ///< class `index` has samples of one person only
    person_without_class    ///< people[index] lack a class that others have
};
constexpr auto enum_names(remark_kind) {
    return enum_table("data::remark_kind", "unknown_rate", "not_finite", "constant_channel", "constant_in_recordings",
                      "stuck_channel", "saturated_channel", "wrong_unit", "odd_rest", "duplicate", "unlabelled",
                      "few_people", "absent_class", "short_class", "class_of_one_person", "person_without_class");
}

/// Something to look at. It is no error: a set may be meant to be so.
struct remark {
    remark_kind kind{};
    std::size_t index = 0; ///< of what `kind` says, else 0

    friend bool operator==(const remark&, const remark&) = default;
};

struct recording_report {
    double rate_hz = 0;
    std::size_t recordings = 0, samples = 0, labelled = 0;
    std::size_t shortest = 0, longest = 0; ///< samples in a recording
    std::vector<person_figures> people;    ///< ascending
    /// Samples of each class (row) and person (column, as in `people`).
    std::vector<std::vector<std::size_t>> class_by_person;
    std::vector<channel_figures> channels;
    std::vector<sensor_figures> sensors; ///< of info.triples, in their order
    /// Recordings whose samples equal, bit by bit, those of an earlier one: (earlier, later). Labels and people may differ.
    std::vector<std::pair<std::size_t, std::size_t>> duplicates;
    std::vector<remark> remarks; ///< in the order of remark_kind

    /// How long so many samples last; 0 when the rate is unknown.
    double minutes(std::size_t n) const { return rate_hz > 0 ? static_cast<double>(n) / rate_hz / 60 : 0; }
    SMLDIST_FUNCTION std::size_t samples_of_class(std::size_t n) const;
    SMLDIST_FUNCTION std::size_t people_of_class(std::size_t n) const;
    bool has(remark_kind kind, std::size_t index = 0) const {
        for (const remark& r : remarks)
            if (r == remark{kind, index}) return true;
        return false;
    }
};

/// The figures of a set, and remarks on what looks wrong.
///
/// A sensor is an accelerometer or a gyroscope by its name (acc; gyr, rotation), else by its unit. What it looks like:
///
///     gravity_in_metres   accelerometer with 9.81 ± 10 % at rest
///     gravity_in_g        accelerometer with 1 ± 10 % at rest
///     no_gravity          accelerometer with less than a tenth of gravity, in its unit in info.units (without one: in g)
///     turns_in_degrees    gyroscope whose `large` is above 35: the usual full scale, 2000 deg/s, is 34.9 rad/s
///
/// wrong_unit is remarked when the unit is m/s² and the look gravity_in_g, or the reverse; when it is rad/s and the look
/// turns_in_degrees; when it is deg/s and `large` is below 20, which people exceed whenever they move.
/// Cost       two passes over the samples, one over the bits; 4 bytes for each sample.
/// Throws     data_error when there is no sample, or when a recording does not fit `set.info` or a label is out of range;
///            usage_error when an option is not a positive number.
[[nodiscard]] SMLDIST_FUNCTION recording_report inspect(const recording_set& set, const inspect_options& o = {});

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/inspect.ipp"
#endif

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// What the columns of an exported table mean, recognised from their names.
#ifndef SMLDIST_DATA_CSV_COLUMNS_HPP
#define SMLDIST_DATA_CSV_COLUMNS_HPP

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/core/config.hpp"
#include "smldist/data/csv/dialect.hpp"
#include "smldist/data/csv/timestamps.hpp"
#include "smldist/data/csv/units.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// A three-axis sensor in a table.
struct csv_sensor {
    std::string name; ///< "acc", "gyro", "mag", "gravity", "user_acc", with what precedes: "watch_acc"
    std::array<std::size_t, 3> columns; ///< of x, y, z
    std::string unit = {};              ///< as the names state it, in our spelling; empty: not stated
};

/// The columns of a table that mean something here.
struct csv_columns {
    std::vector<csv_sensor> sensors; ///< in the order of their first columns
    std::optional<std::size_t> time, label, subject;
    time_unit unit = time_unit::automatic; ///< of the time, if its name states it
    std::string_view
        form; ///< the program whose export this is, as far as its names show it; empty: none of those known
    bool guessed = false; ///< the table has no names: the first three numbers are taken for an accelerometer
};

/// Recognises the columns of a table. `file` is the name of its file without folder and extension: the columns x, y, z of
/// Gyroscope.csv are a gyroscope.
///
/// Words      Names are read as words without case: "userAcceleration.x", "Acceleration x (m/s^2)", "x_acc", "ax", "gFx",
///            "wx", "field.angular_velocity.x". A unit stands in brackets or as the last word. A sensor needs all three
///            axes; other columns are left out.
/// Sensors    acc (accelerometer, acceleration, total acceleration, force in g; in messages of ROS also linear
///            acceleration, which there includes gravity), user_acc (user or linear acceleration, without gravity), gravity,
///            gyro (gyroscope, rotation rate, angular velocity), mag (magnetometer, magnetic field). Other words of a name
///            precede: "watch_acc". Uncalibrated readings are left out beside calibrated ones.
/// Programs   Names that are typical of Sensor Logger, phyphox, Physics Toolbox, Core Motion, ROS and ActiGraph give the
///            units that these programs use where the names state none. Sensor Logger writes the acceleration without gravity
///            to Accelerometer.csv, which is user_acc here.
/// Time       of several columns the stamp of the sensor comes before that of the message, and time since 1970 before
///            elapsed time.
/// No names   The first column is the time if it has times in words or a unit by recognise_time_unit; the next three are
///            taken for the sensor that the file is named after, or an accelerometer, three more for a gyroscope.
[[nodiscard]] SMLDIST_FUNCTION csv_columns recognise_columns(const csv_dialect& d, std::string_view file);

namespace detail {

/// The words of a name, in small letters, without the unit in its brackets.
SMLDIST_FUNCTION std::vector<std::string> column_words(std::string_view name);

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/csv/columns.ipp"
#endif

#endif

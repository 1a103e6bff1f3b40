// SPDX-License-Identifier: BSD-3-Clause
/// Recordings of one's own: exports of phone and watch applications, loggers and scripts, as evenly spaced recordings.
#ifndef SMLDIST_DATA_CSV_RECORDINGS_HPP
#define SMLDIST_DATA_CSV_RECORDINGS_HPP

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "smldist/data/csv/options.hpp"
#include "smldist/data/recording.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// What was found in the samples of one sensor of one file.
struct csv_stream {
    std::string file, sensor;
    std::size_t rows = 0;
    double begin = 0, end = 0; ///< of its stamps, seconds
    double rate_hz = 0;        ///< samples per second, without gaps and lost samples; 0: unknown
    std::size_t gaps = 0;      ///< steps longer than max_gap
    double longest_gap = 0;    ///< seconds
    std::size_t repeated = 0;  ///< stamps equal to the one before
    std::size_t unordered = 0; ///< rows that had to be moved to their time
    std::size_t missing = 0;   ///< rows in which an axis is empty
};

/// Where a recording comes from.
struct csv_origin {
    std::string name; ///< path of its file, or of what its files share
    double begin = 0; ///< stamp of its first sample, seconds
};

/// Recordings, and how their files were understood.
struct csv_recording_set : recording_set {
    csv_options understood;
    std::vector<csv_origin> origins; ///< one per recording
    std::vector<csv_stream> streams;
    std::string program;              ///< that wrote the files, as far as their form shows it
    bool since_1970 = false;          ///< stamps are times since 1970
    std::vector<std::string> remarks; ///< guesses that a person should look at

    /// The rate of the fastest sensor, the median over its files, in Hz; 0: unknown.
    SMLDIST_FUNCTION double rate_found() const;
};

/// Reads recordings from CSV files: `path` is a file, a folder or a folder with a pattern behind it ("walks/*/acc*.csv").
///
/// Form       of each file by recognise_dialect and recognise_columns: separator, decimal comma, preamble, header, sensors,
///            time, label, person. Exports of Sensor Logger, phyphox, Physics Toolbox, Core Motion, Axivity, ActiGraph, ROS and
///            pandas need no options.
/// Label      a column, {label} in the pattern, a segments file, else the last folder of a recording of several files or
///            the file name, without the number or date at its end. Classes are sorted, numbers by value.
/// Person     a column, {subject} in the pattern, else the first folder, else nobody: all are one person. People whose names
///            are whole numbers keep them; others are numbered in the order of their names (signal_info::subjects).
/// Segments   a file with columns start, end and label; without an end each lasts until the next one. It belongs to the
///            recordings with equal captures in its pattern, or in its folder and the folders below it; a column "file" or
///            "recording" names one of them.
/// Time       in words, or in numbers whose unit is stated or recognised. A step back of more than max_gap and a change of the
///            person begin a new recording; rows that are less out of order are moved. Times of day may pass midnight.
/// Samples    Rows in which an axis of a sensor is empty are no samples of that sensor. All sensors are resampled to one
///            grid, see resample. Recordings that lack a channel, and files that are no tables of sensors, are left out.
/// Returns    everything left out or mended is in `repairs`, everything guessed in `remarks`.
/// Memory     at most 12 times the bytes of the files, plus 64 MiB.
/// Throws     usage_error for options that do not fit each other; data_error, naming file, line and column: a field is not
///            a number, a row has another number of fields, the unit of the time is unknown, a column is not there, the files
///            of a recording share no time; data_error when no recording remains; io_error.
[[nodiscard]] SMLDIST_FUNCTION csv_recording_set csv_recordings(const std::filesystem::path& path,
                                                                const csv_options& o = {});

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/csv_recordings.ipp"
#endif

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// How a person's own recordings stand in CSV files.
#ifndef SMLDIST_DATA_CSV_OPTIONS_HPP
#define SMLDIST_DATA_CSV_OPTIONS_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "smldist/core/enum_names.hpp"
#include "smldist/data/csv/timestamps.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// What the stamps of the files of one recording count from.
enum class csv_clock : std::uint8_t {
    shared, ///< the same moment
    own     ///< each file from its own first sample: all files began together
};
constexpr auto enum_names(csv_clock) { return enum_table("clock", "shared", "own"); }

/// What the rows of a segments file count.
enum class segment_unit : std::uint8_t {
    automatic, ///< samples, if the names of its columns have the word sample or index; otherwise time
    time,      ///< the recording's stamps, in their unit or as text; or seconds since the recording began
    samples    ///< rows of the recording's file from 0; the end is excluded
};
constexpr auto enum_names(segment_unit) { return enum_table("segment unit", "auto", "time", "samples"); }

/// How recordings stand in files. What is left empty is recognised, and returned in csv_recording_set::understood.
struct csv_options {
    /// Pattern of the paths below the folder, see path_pattern: "{subject}/{label}_*.csv". Empty: all files that end in .csv,
    /// .tsv or .txt. Files whose paths differ only in {sensor} or {device} are one recording. Without these places, files
    /// of one folder are one recording if each has other sensors in every folder.
    std::string files = {};

    // One entry per channel in each list that is not empty.
    std::vector<std::string> channels = {}; ///< names; NAME_x, NAME_y, NAME_z are the axes of one sensor
    /// Names in the header, or "column 3" without one; empty: recognised by `channels`.
    std::vector<std::string> columns = {};
    /// Name of the file without extension, or {sensor}; "": any file with the column.
    std::vector<std::string> tables = {};
    std::vector<std::string> units = {}; ///< wanted: known units are converted, "g" to "m/s^2"; "": as stated
    /// Name of the rigid body that carries the sensor; empty: by {device} and the names.
    std::vector<std::string> bodies = {};

    std::string time = {};                 ///< column; "none": rows are evenly spaced at rate_hz
    time_unit unit = time_unit::automatic; ///< of the time
    csv_clock clock = csv_clock::shared;   ///< of several files of a recording
    std::string label = {};                ///< "column NAME", "folder N", "file name", "pattern", "segments", "none"
    std::string segments = {};             ///< pattern of files with start, end, label
    segment_unit segment = segment_unit::automatic; ///< of start and end
    std::string subject = {};                       ///< "column NAME", "folder N", "pattern", "none": one person
    std::vector<std::string> label_map = {};        ///< "jog=run" renames or merges, "unknown=" makes unlabelled
    double rate_hz = 0;     ///< to resample to; 0: the rate found, that of the fastest sensor, rounded
    double max_gap = 0.5;   ///< seconds; see resample_options
    std::size_t smooth = 0; ///< see resample_options

    friend bool operator==(const csv_options&, const csv_options&) = default;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#endif

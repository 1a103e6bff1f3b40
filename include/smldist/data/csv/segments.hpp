// SPDX-License-Identifier: BSD-3-Clause
/// Files that say when an activity begins and ends, beside the recordings that they label.
#ifndef SMLDIST_DATA_CSV_SEGMENTS_HPP
#define SMLDIST_DATA_CSV_SEGMENTS_HPP

#include <filesystem>
#include <string>
#include <vector>

#include "smldist/data/csv/import.hpp"
#include "smldist/data/csv/options.hpp"
#include "smldist/data/csv/table.hpp"
#include "smldist/data/resample.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// A time with one label; the end is excluded.
struct csv_segment {
    double begin = 0, end = 0; ///< seconds, or samples
    int label = -1;            ///< number of the word
};

struct csv_segments {
    std::vector<csv_segment> rows; ///< in order of time, none overlaps another
    bool samples = false;          ///< they count samples
    bool of_day = false;           ///< they are times of day
};

/// The segments file of a group. Throws data_error unless exactly one fits.
SMLDIST_FUNCTION std::string segments_file(const csv_folder& folder, const csv_group& group,
                                           const std::string& pattern);

/// The first file, of 20 that were left out, with columns start, end and label; empty: there is none.
SMLDIST_FUNCTION std::string unused_segments(const csv_folder& folder);

/// Reads the rows that belong to a group. `unit`: of the recording's stamps, in which numbers count.
/// Throws data_error, naming file, line and column, when a column is missing, an end is before its start, or segments overlap.
SMLDIST_FUNCTION csv_segments read_segments(const csv_folder& folder, const std::string& path, const csv_group& group,
                                            segment_unit how, time_unit unit, csv_words& labels);

/// Labels the samples of a device. Segments that all lie outside its time count from its first sample, or
/// from the midnight before it if they are times of day that lie in it then.
/// Throws data_error when no segment labels a sample.
SMLDIST_FUNCTION void label_by(const csv_segments& segments, stamped_signal& device, const std::string& path);

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/csv/segments.ipp"
#endif

#endif

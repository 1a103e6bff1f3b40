// SPDX-License-Identifier: BSD-3-Clause
/// The steps of csv_recordings: which files there are, which of them are one recording, and where its channels stand.
#ifndef SMLDIST_DATA_CSV_IMPORT_HPP
#define SMLDIST_DATA_CSV_IMPORT_HPP

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/data/csv/columns.hpp"
#include "smldist/data/csv/dialect.hpp"
#include "smldist/data/csv/options.hpp"
#include "smldist/data/csv/path_pattern.hpp"
#include "smldist/data/recording.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// Where a label or a person stands, as csv_options writes it.
struct csv_place {
    enum class kind : unsigned char { automatic, column, folder, file_name, pattern, segments, none };
    kind what = kind::automatic;
    std::string column;     ///< its name; empty: as recognised in each file
    std::size_t folder = 0; ///< its level below the path, from 1
};

/// Throws usage_error that begins with `option`.
SMLDIST_FUNCTION csv_place read_place(const std::string& option, const std::string& text, bool label);

/// The inverse of read_place.
SMLDIST_FUNCTION std::string text_of(const csv_place& place);

/// A file that holds sensors, or a column of another one that was asked for.
struct csv_file {
    std::string path; ///< below the folder, with / between its parts
    path_captures captures;
    csv_dialect dialect;
    csv_columns columns;

    std::string stem() const { return std::filesystem::path(path).stem().string(); }
    std::string folder() const { return std::filesystem::path(path).parent_path().generic_string(); }
    /// What {sensor} stands for, or the name of the file.
    std::string table() const {
        const auto at = captures.find("sensor");
        return at == captures.end() ? stem() : at->second.text;
    }
    /// "watch_" for a sensor of this file, if {device} says so.
    std::string prefix() const {
        const auto at = captures.find("device");
        return at == captures.end() ? "" : at->second.text + "_";
    }
    /// The place of a column by its name; columns() if there is none.
    std::size_t column(std::string_view name) const {
        std::size_t k = 0;
        while (k < dialect.columns() && dialect.names[k] != name) ++k;
        return k;
    }
    /// The next place of the same name; columns() if there is none.
    std::size_t column_after(std::size_t k) const {
        const std::string& name = dialect.names[k];
        for (++k; k < dialect.columns() && dialect.names[k] != name;) ++k;
        return k;
    }
};

/// All files below a path that may hold recordings, and what was left out.
struct csv_folder {
    std::filesystem::path root;
    std::vector<csv_file> files;            ///< in the order of their paths
    std::vector<std::string> segment_files; ///< paths
    std::vector<std::string> left_out;      ///< paths of files without sensors
};

SMLDIST_FUNCTION csv_folder find_csv_files(const std::filesystem::path& path, const csv_options& o);

/// Files that are one recording.
struct csv_group {
    std::string name; ///< the path of its file, or what the paths of its files share
    std::vector<std::size_t> files;
    std::string path = {}; ///< that names it: of its folder, or of its file without extension
};

SMLDIST_FUNCTION std::vector<csv_group> group_files(const csv_folder& folder, const csv_options& o);

/// What the path of a group says of the whole of it; "" where it says nothing.
/// Throws data_error when the path has fewer folders than `place` asks for.
SMLDIST_FUNCTION std::string place_in_path(const csv_folder& folder, const csv_group& group, const csv_place& place,
                                           const std::string& capture);

/// A channel of the result.
struct csv_channel {
    std::string name, table, column, unit, body;

    /// "acc" of "acc_x"; the whole name without an axis.
    SMLDIST_FUNCTION std::string sensor() const;
    /// 0, 1, 2 for x, y, z; -1 without an axis.
    SMLDIST_FUNCTION int axis() const;
};

/// The channels that are read: those of the options, or those of the sensors that at least half of the groups have.
/// Throws usage_error when the lists of the options do not fit each other.
SMLDIST_FUNCTION std::vector<csv_channel> choose_channels(const csv_folder& folder,
                                                          const std::vector<csv_group>& groups, const csv_options& o);

/// Where a channel of a group stands.
struct csv_source {
    std::size_t file = 0, column = 0;
    std::string unit; ///< that the file states
};

/// The places of all channels, or the name of the first channel that the group lacks.
/// Throws data_error when a channel stands in two files.
SMLDIST_FUNCTION std::pair<std::vector<csv_source>, std::string>
find_channels(const csv_folder& folder, const csv_group& group, const std::vector<csv_channel>& channels);

/// The facts of these channels: triples of x, y, z, and a device for each body, unless all are on one. No units if none has one.
SMLDIST_FUNCTION signal_info info_of(const std::vector<csv_channel>& channels, double rate_hz);

/// A name without the number or date at its end: "walking-2024-05-07_10-11-12" and "walking_1" are "walking".
SMLDIST_FUNCTION std::string without_number(std::string name);

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/csv/import.ipp"
#endif

#endif

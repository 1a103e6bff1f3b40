// SPDX-License-Identifier: BSD-3-Clause
/// The rows of one file of csv_recordings: samples, stamps in seconds, labels, people.
#ifndef SMLDIST_DATA_CSV_TABLE_HPP
#define SMLDIST_DATA_CSV_TABLE_HPP

#include <cstddef>
#include <filesystem>
#include <optional>
#include <vector>

#include "smldist/core/budget.hpp"
#include "smldist/data/csv/import.hpp"
#include "smldist/data/csv/names.hpp"
#include "smldist/data/csv/timestamps.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// The columns to read, by their places in the table.
struct csv_request {
    std::vector<std::size_t> samples;
    std::optional<std::size_t> time, label, person;
    time_unit unit = time_unit::automatic; ///< of the time
};

/// A table as it stands in its file.
struct csv_rows {
    std::size_t width = 0, size = 0;
    std::vector<float> values;             ///< (size, width); NaN: missing
    std::vector<double> stamps;            ///< seconds; empty: no time
    std::vector<int> label, person;        ///< numbers of words; empty: no such column
    time_unit unit = time_unit::automatic; ///< in which the stamps are written
    bool cut_off = false;                  ///< the last line ended within its row and was left out

    std::size_t bytes() const {
        return values.capacity() * sizeof(float) + stamps.capacity() * sizeof(double) +
               (label.capacity() + person.capacity()) * sizeof(int);
    }
};

/// Takes bytes() from `room`. Throws data_error, naming file, line and column, for a field that is neither a number nor missing,
/// a row with another number of fields, and a time whose unit is unknown.
SMLDIST_FUNCTION csv_rows read_csv_rows(const std::filesystem::path& path, const csv_file& file,
                                        const csv_request& wanted, csv_words& labels, csv_words& people,
                                        budget& room);

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/csv/table.ipp"
#endif

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// How an exported table of numbers is written, recognised from its first lines.
#ifndef SMLDIST_DATA_CSV_DIALECT_HPP
#define SMLDIST_DATA_CSV_DIALECT_HPP

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/core/config.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// The form of a CSV file.
struct csv_dialect {
    char separator = ',';           ///< ends a field: ';' ',' TAB, or ' ' for a run of blanks
    char decimal = '.';             ///< point or comma in numbers
    std::size_t preamble = 0;       ///< lines before the header or, without a header, before the first row
    bool header = false;            ///< whether a line of names precedes the rows
    std::vector<std::string> names; ///< of the columns; "column 1", "column 2", … without a header
    double rate_hz = 0;             ///< the sampling rate that the preamble states, "at 30 Hz"; 0: none
    std::string title = {};         ///< the first line of the preamble
    /// The fields of a line of units between the names and the rows, or empty. It and blank lines there count as preamble.
    std::vector<std::string> units = {};
    /// Fields of the first rows, at most 32, without quotes.
    std::vector<std::vector<std::string>> rows = {};

    std::size_t columns() const { return names.size(); }
};

/// Recognises the form of a table from the beginning of its text, which may end within a line.
///
/// Separator  the one of ; , TAB and blanks that cuts the last lines of `text` into equally many fields with most columns
///            of numbers, at least one; the first of several.
/// Rows       begin with the first line that has as many fields as the last ones and numbers in at least half of their
///            columns of numbers. The line before them is the header if it has a name for every column, except perhaps the
///            first, an index as R and pandas write it, and those without numbers; a row of units may follow it. All lines
///            above are a preamble, as ActiGraph writes it.
/// Decimal    comma, if the separator is another character and a field of numbers has one.
/// Cost       linear in `text`.
/// Throws     data_error `name: …` when no line is a row of numbers; data_error of line_reader (UTF-16, only CR).
[[nodiscard]] SMLDIST_FUNCTION csv_dialect recognise_dialect(const std::string& name, std::string_view text);

/// The same for the first 64 KiB of a file. Throws also io_error.
[[nodiscard]] SMLDIST_FUNCTION csv_dialect recognise_dialect(const std::filesystem::path& path);

namespace detail {

/// The fields of a line, without surrounding blanks and quotes.
SMLDIST_FUNCTION std::vector<std::string> csv_fields(std::string_view line, char separator);

/// Whether a text is a number in this notation.
SMLDIST_FUNCTION bool csv_number(std::string_view text, char decimal, double& value);

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/csv/dialect.ipp"
#endif

#endif

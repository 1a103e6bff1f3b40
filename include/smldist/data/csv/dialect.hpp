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
#include "smldist/data/csv_reader.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

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

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/csv/dialect.ipp"
#endif

#endif

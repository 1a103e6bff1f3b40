// SPDX-License-Identifier: BSD-3-Clause
/// A reader of exported tables of numbers, line by line: strict, with file:line:column in every error.
#ifndef SMLDIST_DATA_CSV_READER_HPP
#define SMLDIST_DATA_CSV_READER_HPP

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/data/text_reader.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// The form of a CSV file; see recognise_dialect in data/csv/dialect.hpp.
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

/// A source of bytes: writes at most n of them to `to` as soon as there are some and returns how many; 0 at the end.
/// Throws io_error.
using byte_source = std::function<std::size_t(char* to, std::size_t n)>;

/// The bytes of a file. Throws io_error when it cannot be opened or read.
[[nodiscard]] SMLDIST_FUNCTION byte_source read_from(const std::filesystem::path& path);

/// The lines of a text of any length, read as its bytes arrive.
///
/// A line ends with LF or CRLF, the last one with or without; a UTF-8 byte-order mark is skipped.
/// Cost       linear in the bytes; memory for one line and one chunk.
/// Throws     data_error `name:line:column: …` for UTF-16, for classic Mac OS (only CR) and for a line that is longer
///            than longest_line; io_error by the source.
class line_reader {
public:
    static constexpr std::size_t longest_line = std::size_t(1) << 20; ///< bytes

    /// `name` stands for the source in messages.
    line_reader(std::string name, byte_source source)
        : name_(std::move(name)), source_(std::move(source)), chunk_(std::size_t(1) << 16) {}
    line_reader(line_reader&&) = default; // a copy would take bytes from the same source
    line_reader& operator=(line_reader&&) = default;

    /// Advances to the next line; false after the last.
    SMLDIST_FUNCTION bool next();

    /// The line without its end; valid until next().
    std::string_view line() const { return std::string_view(buffer_).substr(line_begin_, line_size_); }
    /// Whether the source ended without an end of this line.
    bool unfinished() const { return ended_ && begin_ == buffer_.size() && !buffer_.ends_with('\n'); }
    /// Its number, from 1; 0 before the first.
    std::size_t number() const { return number_; }
    const std::string& name() const { return name_; }

    /// Throws data_error `name:line:column: part part …` with the place of byte `at` of the line.
    template <class... P> [[noreturn]] void fail(std::size_t at, const P&... parts) const {
        fail_in(number_, at, parts...);
    }
    /// The same for the given line.
    template <class... P> [[noreturn]] void fail_in(std::size_t line, std::size_t at, const P&... parts) const {
        raise<data_error>(name_ + ":" + std::to_string(line) + ":" + std::to_string(at + 1), parts...);
    }

private:
    static constexpr std::string_view utf8_mark = "\xEF\xBB\xBF";

    /// Checks the bytes from `from` to `to` of the line that begins at begin_ and may continue after `to`.
    SMLDIST_FUNCTION void check(std::size_t from, std::size_t to) const;

    std::string name_;
    byte_source source_;
    std::vector<char> chunk_;
    std::string buffer_;    ///< starts at the beginning of a line
    std::size_t begin_ = 0; ///< of the next line in buffer_
    bool ended_ = false;    ///< the source has ended
    std::size_t line_begin_ = 0, line_size_ = 0, number_ = 0;
};

namespace detail {

/// Whether a text is a number in this notation.
SMLDIST_FUNCTION bool csv_number(std::string_view text, char decimal, double& value);

} // namespace detail

/// Reads chosen columns of a CSV file, one row at a time.
///
///     data::csv_reader in("walk.csv", {"acc_x", "acc_y", "acc_z"});
///     while (in.next_row())
///         use(in.number(0), in.number(1), in.number(2));
///
/// Header     The first line is a header if it holds names and no number (NaN is a number here), or the names of all
///            requested columns. Columns are then found by name, in any order; others are ignored(), whatever their
///            fields hold. Every column needs a name, except the first, which may be a row index as pandas writes it.
///            Without a header each line has exactly the requested columns, in that order.
/// Separator  The first of ; , TAB that the first line holds outside quotes, otherwise blanks; the same for the whole
///            file. It ends exactly one field, also an empty one at the end of a line; a run of blanks counts as one
///            separator. Blanks around a field are ignored. A field may be quoted, with each quote in it doubled; it
///            ends in its line.
/// Numbers    are decimal, with a point, in any locale; a leading + is allowed, 1e-400 is 0. A value that is not finite
///            in float (nan, inf, 1e39) is an error, and so is an empty field.
/// Lines      as line_reader; blank lines only after the last row.
/// Cost       linear in the bytes; memory for one line and one chunk.
/// Throws     data_error `name:line:column: …`; io_error by the source; usage_error when no column is requested.
class csv_reader {
public:
    /// `name` stands for the source in messages.
    csv_reader(std::string name, byte_source source, std::vector<std::string> columns)
        : lines_(std::move(name), std::move(source)), columns_(std::move(columns)) {
        if (columns_.empty()) raise<usage_error>("csv_reader", "number of columns is 0, expected at least one");
    }
    csv_reader(const std::filesystem::path& path, std::vector<std::string> columns)
        : csv_reader(path.string(), read_from(path), std::move(columns)) {}
    /// Reads columns by their places in a table of known form. A last line that ends within its row is left out: see
    /// cut_off(). Throws usage_error for a place that is not below d.columns().
    SMLDIST_FUNCTION csv_reader(const std::filesystem::path& path, const csv_dialect& d,
                                std::vector<std::size_t> places);

    /// Advances to the next row; false after the last.
    SMLDIST_FUNCTION bool next_row();

    /// The field of column c, in the requested order, as a number.
    SMLDIST_FUNCTION float number(std::size_t c) const;
    /// The same in double precision, for time stamps.
    SMLDIST_FUNCTION double real(std::size_t c) const;
    /// Whether the field of column c is empty or a word for a missing value: nan, na, n/a, null, none.
    SMLDIST_FUNCTION bool missing(std::size_t c) const;
    /// The field of column c as text, without its quotes.
    std::string text(std::size_t c) const { return text(fields_[places_[c]]); }
    /// Throws data_error with the place of column c in this row.
    template <class... P> [[noreturn]] void fail(std::size_t c, const P&... parts) const {
        lines_.fail(fields_[places_[c]].begin, parts...);
    }

    /// The names in the header that were not requested; known after the first next_row().
    const std::vector<std::string>& ignored() const { return ignored_; }
    /// Whether the last line, which no line end closes, has too few fields and was left out: what a program writes when it
    /// dies. Only for a table of known form.
    bool cut_off() const { return cut_off_; }
    /// The number of the line that was read last, from 1; 0 before the first.
    std::size_t line() const { return lines_.number(); }
    const std::string& name() const { return lines_.name(); }

private:
    /// A field without surrounding blanks and quotes.
    struct field {
        std::size_t begin, end; ///< in the line
        bool quoted;
    };

    std::string_view content(const field& f) const { return lines_.line().substr(f.begin, f.end - f.begin); }
    SMLDIST_FUNCTION std::string text(const field& f) const;

    SMLDIST_FUNCTION void recognise_separator();

    /// Cuts the line into fields_; `may_be_cut`: it may end within a field.
    SMLDIST_FUNCTION void split(bool may_be_cut);
    SMLDIST_FUNCTION std::size_t closing_quote(std::size_t open, bool may_be_cut) const;
    bool is_blank(char c) const { return c == ' ' || (c == '\t' && separator_ != '\t'); }

    /// Whether the first line is a header; consumes it then. Finds the columns either way.
    SMLDIST_FUNCTION bool read_header();
    [[noreturn]] SMLDIST_FUNCTION void refuse_names(std::size_t missing) const;
    /// Whether a field stands for a value: a number, or a word for a missing value.
    SMLDIST_FUNCTION static bool is_value(std::string word);
    /// Whether a word in small letters stands for a missing value.
    SMLDIST_FUNCTION static bool is_missing(const std::string& word);
    /// Whether a text is a number once its comma is a point.
    SMLDIST_FUNCTION static bool has_decimal_comma(std::string_view text);
    SMLDIST_FUNCTION bool is_name(const field& f) const;

    SMLDIST_FUNCTION double value(const field& f) const;
    SMLDIST_FUNCTION void check_count() const;
    /// Throws an error that says why a field is not a number.
    [[noreturn]] SMLDIST_FUNCTION void refuse(const field& f) const;
    std::string separator_name() const {
        return separator_ == ' ' ? "a blank" : separator_ == '\t' ? "a TAB" : std::string("'") + separator_ + "'";
    }

    static constexpr std::string_view marks = ";,\t";

    line_reader lines_;
    std::vector<std::string> columns_, ignored_;
    std::vector<std::size_t> places_; ///< of each column: its field
    std::size_t expected_ = 0;        ///< fields in a line
    char separator_ = ' ', decimal_ = '.';
    std::size_t to_skip_ = 0;              ///< lines before the first row of a table of known form
    bool known_ = false, cut_off_ = false; ///< the form is known; the last line was left out
    bool begun_ = false;                   ///< the first line that is not blank was read
    std::size_t blank_ = 0;                ///< number of the first blank line after the last row; 0: none
    std::vector<field> fields_;            ///< of the line
};

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/csv_reader.ipp"
#endif

#endif

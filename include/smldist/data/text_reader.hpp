// SPDX-License-Identifier: BSD-3-Clause
/// A strict reader of blank- or comma-separated text files whose errors carry file:line:column.
#ifndef SMLDIST_DATA_TEXT_READER_HPP
#define SMLDIST_DATA_TEXT_READER_HPP

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/decimal.hpp"
#include "smldist/core/error.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// A field of a file as a message quotes it: shortened and printable.
SMLDIST_FUNCTION std::string excerpt(std::string_view f);

/// Reads the decimal number that fills `f`, with or without sign, in any locale; false when none does. "nan" and "inf"
/// are numbers. One that is too large for double is infinite, one that is too small is 0.
SMLDIST_FUNCTION bool parse_real(std::string_view f, double& value);

} // namespace detail

/// The bytes of a file. Throws io_error when it cannot be read.
[[nodiscard]] SMLDIST_FUNCTION std::string read_text(const std::filesystem::path& path);

/// Reads a file line by line, field by field. Independent of the locale; accepts CRLF, a byte-order mark and blank lines
/// at the end. A last line without an end is refused, since the file may be truncated within its last number.
///
/// The separator ' ' stands for any run of blanks and tabs. Any other separator ends exactly one field, which may be
/// empty; blanks around a field are ignored.
class text_reader {
public:
    /// Throws io_error when the file cannot be read.
    explicit text_reader(const std::filesystem::path& path, char separator = ' ')
        : text_reader(path.string(), read_text(path), separator) {}
    /// `line` is the number of the line before the text, for messages.
    text_reader(std::string name, std::string text, char separator = ' ', std::size_t line = 0)
        : name_(std::move(name)), text_(std::move(text)), separator_(separator), line_(line) {
        if (text_.starts_with("\xEF\xBB\xBF")) next_ = 3;
    }

    /// Advances to the next line; false after the last. Throws data_error at a blank line before the end and at a last
    /// line without an end.
    SMLDIST_FUNCTION bool next_line();

    /// Skips blank lines that are followed by a further line; returns their number.
    SMLDIST_FUNCTION std::size_t skip_blank_lines();

    /// Number of lines that next_line will still return, if none of them is blank.
    SMLDIST_FUNCTION std::size_t lines_left() const;

    /// Confines reading to the next part of the current line, which `mark` or the line's end closes; false after the
    /// last part. For files with several records on a line.
    SMLDIST_FUNCTION bool next_part(char mark);
    /// Whether the mark closed the current part.
    bool marked() const { return marked_; }

    /// Whether only blanks follow in the line or part.
    bool blank() { return skip_blanks() == part_end_; }
    /// Whether the current line or part has no further field.
    bool at_end() { return separator_ == ' ' ? blank() : !more_; }
    /// Whether the next field is missing or empty.
    bool empty_field() { return at_end() || field("a field").empty(); }

    /// The next field as a finite number. Throws data_error when there is none.
    SMLDIST_FUNCTION double real();
    /// The next field as a finite number in the range of float. Throws data_error when there is none.
    SMLDIST_FUNCTION float number();
    /// number(), or a NaN that the file writes as "NaN". Throws data_error for anything else.
    SMLDIST_FUNCTION float number_or_nan();

    /// The next field as an integer in [low, high]; `what` names it in messages. Throws data_error otherwise.
    SMLDIST_FUNCTION int integer(std::string_view what, int low, int high);

    /// The position of the next field in `names`. Throws data_error when it is none of them.
    SMLDIST_FUNCTION int choice(std::string_view what, const std::vector<std::string>& names);

    /// Reads a line of exactly these fields, as a CSV's header. Throws data_error when it differs.
    SMLDIST_FUNCTION void header(const std::vector<std::string>& names);

    /// Skips `count` fields. Throws data_error when there are fewer.
    SMLDIST_FUNCTION void skip(std::size_t count);

    /// Throws data_error when the current line continues; `columns` is what was expected.
    void finish_line(std::size_t columns) {
        if (!at_end()) fail("line has more fields, expected ", columns);
    }

    /// Throws data_error with the place of the reader: `file:line:column: part part …`.
    template <class... P> [[noreturn]] void fail(const P&... parts) const { raise<data_error>(place(at_), parts...); }
    /// As fail, with the place of the field that was read last.
    template <class... P> [[noreturn]] void refuse(const P&... parts) const {
        raise<data_error>(place(last_), parts...);
    }

    const std::string& name() const { return name_; }
    /// Bytes of the text.
    std::size_t size() const { return text_.size(); }
    std::size_t line() const { return line_; }

private:
    std::string place(std::size_t at) const {
        return name_ + ":" + std::to_string(line_) + ":" + std::to_string(at - line_begin_ + 1);
    }
    static bool is_blank(char c) { return c == ' ' || c == '\t'; }
    std::size_t skip_blanks() {
        while (at_ < part_end_ && is_blank(text_[at_])) ++at_;
        return at_;
    }
    /// The next field, without advancing. Throws data_error when the line has none.
    SMLDIST_FUNCTION std::string_view field(std::string_view what);
    /// Skips the field that field() returned and its separator.
    SMLDIST_FUNCTION void advance();
    /// The field as a number; infinite when it is out of the range of double. Throws data_error if it is not a number.
    SMLDIST_FUNCTION double parsed(std::string_view f) const;
    [[noreturn]] void refuse_number(std::string_view wanted) const {
        fail("field is '", detail::excerpt(std::string_view(text_).substr(at_, field_end_ - at_)), "', expected ",
             wanted);
    }

    std::string name_, text_;
    char separator_ = ' ';
    std::size_t line_ = 0;
    bool more_ = false, marked_ = false; // another field follows; a mark closed the part
    std::size_t next_ = 0, line_begin_ = 0, line_end_ = 0, at_ = 0;
    std::size_t part_ = 0, part_end_ = 0;  // begin of the next part, end of this one
    std::size_t field_end_ = 0, last_ = 0; // end of the field, begin of the last one read
};

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/text_reader.ipp"
#endif

#endif

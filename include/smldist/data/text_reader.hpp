// SPDX-License-Identifier: BSD-3-Clause
/// A strict reader of blank- or comma-separated text files whose errors carry file:line:column.
#ifndef SMLDIST_DATA_TEXT_READER_HPP
#define SMLDIST_DATA_TEXT_READER_HPP

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "smldist/core/decimal.hpp"
#include "smldist/core/error.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// A field of a file as a message quotes it: shortened and printable.
inline std::string excerpt(std::string_view f) {
    std::string s(f.substr(0, 24));
    for (char& c : s)
        if (c < ' ' || c > '~') c = '?';
    return f.size() > 24 ? s + "..." : s;
}

/// Reads the decimal number that fills `f`, with or without sign, in any locale; false when none does. "nan" and "inf"
/// are numbers. One that is too large for double is infinite, one that is too small is 0.
inline bool parse_real(std::string_view f, double& value) {
    if (f.size() > 1 && f[0] == '+' && f[1] != '-') f.remove_prefix(1);
    const auto [end, status] = smldist::from_chars(f.data(), f.data() + f.size(), value);
    if (status == std::errc::invalid_argument || end != f.data() + f.size()) return false;
    if (status == std::errc()) return true;
    const bool negative = f.starts_with('-');
    f.remove_prefix(negative ? 1 : 0);
    const std::size_t e = std::min(f.find_first_of("eE"), f.size());
    value = decimal_exponent(f.substr(0, e), f.substr(e)) > 0 ? std::numeric_limits<double>::infinity() : 0;
    if (negative) value = -value;
    return true;
}

} // namespace detail

/// The bytes of a file. Throws io_error when it cannot be read.
[[nodiscard]] inline std::string read_text(const std::filesystem::path& path) {
    std::error_code status;
    const auto size = std::filesystem::file_size(path, status);
    std::ifstream in(path, std::ios::binary);
    if (status || !in) raise<io_error>(path.string(), "cannot be opened for reading");
    std::string text;
    text.reserve(static_cast<std::size_t>(size) + 1); // room for one more line end without reallocation
    text.resize(static_cast<std::size_t>(size));
    in.read(text.data(), static_cast<std::streamsize>(size));
    if (in.gcount() != static_cast<std::streamsize>(size))
        raise<io_error>(path.string(), "cannot be read to its end");
    return text;
}

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
    bool next_line() {
        const std::size_t begin = next_;
        if (text_.find_first_not_of(" \t\r\n", begin) == std::string::npos) return false;
        ++line_;
        line_begin_ = at_ = part_ = begin;
        const std::size_t end = text_.find('\n', begin);
        if (end == std::string::npos) {
            at_ = text_.size();
            fail("file ends within a line, expected a line end: is the file truncated?");
        }
        next_ = end + 1;
        line_end_ = part_end_ = end > begin && text_[end - 1] == '\r' ? end - 1 : end;
        more_ = true;
        if (blank()) fail("line is blank, expected data");
        return true;
    }

    /// Skips blank lines that are followed by a further line; returns their number.
    std::size_t skip_blank_lines() {
        std::size_t skipped = 0;
        const std::size_t data = text_.find_first_not_of(" \t\r\n", next_);
        if (data == std::string::npos) return skipped;
        for (std::size_t end = text_.find('\n', next_); end < data; end = text_.find('\n', next_)) {
            next_ = end + 1;
            ++line_;
            ++skipped;
        }
        return skipped;
    }

    /// Number of lines that next_line will still return, if none of them is blank.
    std::size_t lines_left() const {
        const std::size_t last = text_.find_last_not_of(" \t\r\n");
        if (last == std::string::npos || last < next_) return 0;
        const char* const text = text_.data();
        return 1 + static_cast<std::size_t>(std::count(text + next_, text + last, '\n'));
    }

    /// Confines reading to the next part of the current line, which `mark` or the line's end closes; false after the
    /// last part. For files with several records on a line.
    bool next_part(char mark) {
        if (part_ >= line_end_) return false;
        at_ = part_;
        const std::size_t end =
            std::string_view(text_).substr(part_, line_end_ - part_).find(mark); // not beyond the line
        marked_ = end != std::string_view::npos;
        part_end_ = marked_ ? part_ + end : line_end_;
        part_ = marked_ ? part_end_ + 1 : line_end_;
        more_ = true;
        return true;
    }
    /// Whether the mark closed the current part.
    bool marked() const { return marked_; }

    /// Whether only blanks follow in the line or part.
    bool blank() { return skip_blanks() == part_end_; }
    /// Whether the current line or part has no further field.
    bool at_end() { return separator_ == ' ' ? blank() : !more_; }
    /// Whether the next field is missing or empty.
    bool empty_field() { return at_end() || field("a field").empty(); }

    /// The next field as a finite number. Throws data_error when there is none.
    double real() {
        const double value = parsed(field("a number"));
        if (!std::isfinite(value)) refuse_number("a finite number");
        advance();
        return value;
    }
    /// The next field as a finite number in the range of float. Throws data_error when there is none.
    float number() {
        const auto value = static_cast<float>(parsed(field("a number")));
        if (!std::isfinite(value)) refuse_number("a finite number in the range of float");
        advance();
        return value;
    }
    /// number(), or a NaN that the file writes as "NaN". Throws data_error for anything else.
    float number_or_nan() {
        const std::string_view f = field("a number or NaN");
        if (f != "NaN" && f != "nan") return number();
        advance();
        return std::numeric_limits<float>::quiet_NaN();
    }

    /// The next field as an integer in [low, high]; `what` names it in messages. Throws data_error otherwise.
    int integer(std::string_view what, int low, int high) {
        int value = 0;
        const std::string_view f = field(what);
        const auto [end, status] = std::from_chars(f.data(), f.data() + f.size(), value);
        if (status != std::errc() || end != f.data() + f.size() || value < low || value > high)
            fail(what, " is '", detail::excerpt(f), "', expected ", low, " to ", high);
        advance();
        return value;
    }

    /// The position of the next field in `names`. Throws data_error when it is none of them.
    int choice(std::string_view what, const std::vector<std::string>& names) {
        const std::string_view f = field(what);
        for (std::size_t n = 0; n < names.size(); ++n)
            if (f == names[n]) {
                advance();
                return static_cast<int>(n);
            }
        std::string list;
        for (const auto& name : names) list += (list.empty() ? "" : ", ") + name;
        fail(what, " is '", detail::excerpt(f), "', expected one of ", list);
    }

    /// Reads a line of exactly these fields, as a CSV's header. Throws data_error when it differs.
    void header(const std::vector<std::string>& names) {
        if (!next_line()) fail("file is empty, expected a header");
        for (const auto& name : names) {
            if (const std::string_view f = field("column " + name); f != name)
                fail("column is '", detail::excerpt(f), "', expected '", name, "'");
            advance();
        }
        finish_line(names.size());
    }

    /// Skips `count` fields. Throws data_error when there are fewer.
    void skip(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            field("a field");
            advance();
        }
    }

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
    std::string_view field(std::string_view what) {
        if (at_end()) fail("line ends, expected ", what);
        std::size_t end = skip_blanks();
        if (separator_ == ' ')
            while (end < part_end_ && !is_blank(text_[end])) ++end;
        else {
            while (end < part_end_ && text_[end] != separator_) ++end;
            while (end > at_ && is_blank(text_[end - 1])) --end;
        }
        field_end_ = end;
        return std::string_view(text_).substr(at_, end - at_);
    }
    /// Skips the field that field() returned and its separator.
    void advance() {
        last_ = at_;
        at_ = field_end_;
        if (separator_ == ' ') return;
        more_ = skip_blanks() < part_end_;
        if (more_) ++at_;
    }
    /// The field as a number; infinite when it is out of the range of double. Throws data_error if it is not a number.
    double parsed(std::string_view f) const {
        double value = 0;
        if (!detail::parse_real(f, value)) fail("field is '", detail::excerpt(f), "', expected a number");
        return value;
    }
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

#endif

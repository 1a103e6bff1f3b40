// SPDX-License-Identifier: BSD-3-Clause
/// A strict reader of blank-separated text files whose errors carry file:line:column.
#ifndef SMLDIST_DATA_TEXT_READER_HPP
#define SMLDIST_DATA_TEXT_READER_HPP

#include <charconv>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "smldist/core/error.hpp"

namespace smldist::inline SMLDIST_ABI::data {

/// Reads a file line by line, field by field. Independent of the locale; accepts CRLF, a byte-order mark and blank lines
/// at the end. A last line without an end is refused: so looks a truncated file, whose last number may be cut.
class text_reader {
public:
    /// Throws io_error when the file cannot be read.
    explicit text_reader(const std::filesystem::path& path) : text_reader(path.string(), contents(path)) {}
    text_reader(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)) {
        if (text_.starts_with("\xEF\xBB\xBF")) next_ = 3;
    }

    /// Goes to the next line; false after the last. Throws data_error at a blank line before the end and at a last line
    /// without an end.
    bool next_line() {
        const std::size_t begin = next_;
        if (text_.find_first_not_of(" \t\r\n", begin) == std::string::npos) return false;
        ++line_;
        line_begin_ = at_ = begin;
        const std::size_t end = text_.find('\n', begin);
        if (end == std::string::npos) {
            at_ = text_.size();
            fail("file ends within a line, expected a line end: is the file truncated?");
        }
        next_ = end + 1;
        line_end_ = end > begin && text_[end - 1] == '\r' ? end - 1 : end;
        if (skip_blanks() == line_end_) fail("line is blank, expected data");
        return true;
    }

    /// Whether the current line has no further field.
    bool at_end() { return skip_blanks() == line_end_; }

    /// The next field as a finite number. Throws data_error when there is none.
    float number() {
        double value = 0;
        const std::string_view f = field("a number");
        const auto [end, status] = std::from_chars(f.data(), f.data() + f.size(), value);
        const bool parsed = status != std::errc::invalid_argument && end == f.data() + f.size();
        if (!parsed) fail("field is '", excerpt(f), "', expected a number");
        const auto result = static_cast<float>(value);
        if (status != std::errc() || !std::isfinite(result))
            fail("field is '", excerpt(f), "', expected a finite number in the range of float");
        at_ += f.size();
        return result;
    }

    /// The next field as an integer in [low, high]; `what` names it in messages. Throws data_error otherwise.
    int integer(std::string_view what, int low, int high) {
        int value = 0;
        const std::string_view f = field(what);
        const auto [end, status] = std::from_chars(f.data(), f.data() + f.size(), value);
        if (status != std::errc() || end != f.data() + f.size() || value < low || value > high)
            fail(what, " is '", excerpt(f), "', expected ", low, " to ", high);
        at_ += f.size();
        return value;
    }

    /// Throws data_error when the current line goes on; `columns` is what was expected.
    void finish_line(std::size_t columns) {
        if (!at_end()) fail("line has more fields, expected ", columns);
    }

    /// Throws data_error with the place of the reader: `file:line:column: part part …`.
    template <class... P> [[noreturn]] void fail(const P&... parts) const {
        raise<data_error>(name_ + ":" + std::to_string(line_) + ":" + std::to_string(at_ - line_begin_ + 1),
                          parts...);
    }

    const std::string& name() const { return name_; }
    std::size_t line() const { return line_; }

private:
    static std::string contents(const std::filesystem::path& path) {
        std::error_code status;
        const auto size = std::filesystem::file_size(path, status);
        std::ifstream in(path, std::ios::binary);
        if (status || !in) raise<io_error>(path.string(), "cannot be opened for reading");
        std::string text(static_cast<std::size_t>(size), '\0');
        in.read(text.data(), static_cast<std::streamsize>(size));
        if (in.gcount() != static_cast<std::streamsize>(size))
            raise<io_error>(path.string(), "cannot be read to its end");
        return text;
    }

    static bool blank(char c) { return c == ' ' || c == '\t'; }
    /// Long or unprintable fields must not flood the message.
    static std::string excerpt(std::string_view f) {
        std::string s(f.substr(0, 24));
        for (char& c : s)
            if (c < ' ' || c > '~') c = '?';
        return f.size() > 24 ? s + "..." : s;
    }
    std::size_t skip_blanks() {
        while (at_ < line_end_ && blank(text_[at_])) ++at_;
        return at_;
    }
    std::string_view field(std::string_view what) {
        if (at_end()) fail("line ends, expected ", what);
        std::size_t end = at_;
        while (end < line_end_ && !blank(text_[end])) ++end;
        return std::string_view(text_).substr(at_, end - at_);
    }

    std::string name_, text_;
    std::size_t next_ = 0, line_begin_ = 0, line_end_ = 0, at_ = 0, line_ = 0;
};

} // namespace smldist::inline SMLDIST_ABI::data

#endif

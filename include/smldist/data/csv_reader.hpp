// SPDX-License-Identifier: BSD-3-Clause
/// A reader of exported tables of numbers, line by line: strict, with file:line:column in every error.
#ifndef SMLDIST_DATA_CSV_READER_HPP
#define SMLDIST_DATA_CSV_READER_HPP

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/data/text_reader.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// A source of bytes: writes at most n of them to `to` as soon as there are some and returns how many; 0 at the end.
/// Throws io_error.
using byte_source = std::function<std::size_t(char* to, std::size_t n)>;

/// The bytes of a file. Throws io_error when it cannot be opened or read.
[[nodiscard]] inline byte_source read_from(const std::filesystem::path& path) {
    const auto file = std::make_shared<std::ifstream>(path, std::ios::binary);
    const auto refuse = [name = path.string()](const char* what) {
        raise<io_error>(name, what, std::generic_category().message(errno != 0 ? errno : EIO));
    };
    if (!*file) refuse("cannot be opened for reading: ");
    return [file, refuse](char* to, std::size_t n) {
        errno = 0;
        file->read(to, static_cast<std::streamsize>(n));
        if (file->bad()) refuse("cannot be read: ");
        return static_cast<std::size_t>(file->gcount());
    };
}

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
    bool next() {
        std::size_t end = buffer_.find('\n', begin_);
        for (std::size_t checked = 0; end == std::string::npos && !ended_;) {
            buffer_.erase(0, std::exchange(begin_, 0));
            const std::size_t old = buffer_.size(), n = source_(chunk_.data(), chunk_.size());
            buffer_.append(chunk_.data(), n);
            ended_ = n == 0;
            end = buffer_.find('\n', old);
            if (end == std::string::npos && n > 0) {
                check(checked, buffer_.size());
                checked = buffer_.size() - 1;
            }
        }
        if (end == std::string::npos && begin_ == buffer_.size()) return false;
        const std::size_t stop = std::min(end, buffer_.size());
        check(begin_, stop);
        std::string_view line = std::string_view(buffer_).substr(begin_, stop - begin_);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (++number_ == 1 && line.starts_with(utf8_mark)) line.remove_prefix(utf8_mark.size());
        line_begin_ = static_cast<std::size_t>(line.data() - buffer_.data());
        line_size_ = line.size();
        begin_ = end == std::string::npos ? stop : end + 1;
        return true;
    }

    /// The line without its end; valid until next().
    std::string_view line() const { return std::string_view(buffer_).substr(line_begin_, line_size_); }
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
    void check(std::size_t from, std::size_t to) const {
        const std::string_view line = std::string_view(buffer_).substr(begin_, to - begin_);
        from -= begin_;
        if (number_ == 0 && (line.starts_with("\xFF\xFE") || line.starts_with("\xFE\xFF")))
            fail_in(1, 0, "text is UTF-16, expected UTF-8 or ASCII");
        const std::size_t zero = number_ == 0 ? line.find('\0', from) : line.npos;
        std::size_t lone = line.find('\r', from);
        if (lone + 1 == line.size()) lone = line.npos; // its LF may follow
        if (zero < lone) fail_in(1, zero, "byte is 0, expected text in UTF-8 or ASCII: is this UTF-16?");
        if (lone != line.npos)
            fail_in(number_ + 1, lone, "line ends with only CR, as on a classic Mac, expected LF or CRLF");
        if (line.size() > longest_line)
            fail_in(number_ + 1, longest_line, "line is too long, expected at most ", longest_line, " bytes");
    }

    std::string name_;
    byte_source source_;
    std::vector<char> chunk_;
    std::string buffer_;    ///< starts at the beginning of a line
    std::size_t begin_ = 0; ///< of the next line in buffer_
    bool ended_ = false;    ///< the source has ended
    std::size_t line_begin_ = 0, line_size_ = 0, number_ = 0;
};

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

    /// Advances to the next row; false after the last.
    bool next_row() {
        while (lines_.next()) {
            if (lines_.line().find_first_not_of(" \t") == std::string_view::npos) {
                if (blank_ == 0) blank_ = lines_.number();
                continue;
            }
            if (blank_ != 0) lines_.fail_in(blank_, 0, "line is blank, expected data");
            const bool first = !std::exchange(begun_, true);
            if (first) recognise_separator();
            split();
            if (!first || !read_header()) return check_count(), true;
        }
        return false;
    }

    /// The field of column c, in the requested order, as a number.
    float number(std::size_t c) const {
        const field& f = fields_[places_[c]];
        double value = 0;
        if (!detail::parse_real(content(f), value)) refuse(f);
        const auto v = static_cast<float>(value);
        if (!std::isfinite(v))
            lines_.fail(f.begin, "field is '", detail::excerpt(content(f)),
                        "', expected a finite number in the range of float");
        return v;
    }
    /// The field of column c as text, without its quotes.
    std::string text(std::size_t c) const { return text(fields_[places_[c]]); }
    /// Throws data_error with the place of column c in this row.
    template <class... P> [[noreturn]] void fail(std::size_t c, const P&... parts) const {
        lines_.fail(fields_[places_[c]].begin, parts...);
    }

    /// The names in the header that were not requested; known after the first next_row().
    const std::vector<std::string>& ignored() const { return ignored_; }
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
    std::string text(const field& f) const {
        std::string s(content(f));
        if (f.quoted)
            for (std::size_t at = s.find('"'); at != s.npos; at = s.find('"', at + 1)) s.erase(at, 1); // one of two
        return s;
    }

    void recognise_separator() {
        std::array<bool, 3> found{};
        bool quoted = false;
        for (const char c : lines_.line()) {
            quoted = quoted != (c == '"');
            if (const std::size_t at = marks.find(c); at != marks.npos && !quoted) found[at] = true;
        }
        const auto at = static_cast<std::size_t>(std::find(found.begin(), found.end(), true) - found.begin());
        separator_ = at < found.size() ? marks[at] : ' ';
    }

    /// Cuts the line into fields_.
    void split() {
        const std::string_view line = lines_.line();
        const auto skip_blanks = [&](std::size_t at) {
            while (at < line.size() && is_blank(line[at])) ++at;
            return at;
        };
        fields_.clear();
        for (std::size_t at = 0;; ++at) { // steps over the separator
            at = skip_blanks(at);
            if (separator_ == ' ' && at == line.size()) return; // a run of blanks ends the line
            field f{at, std::min(line.find(separator_, at), line.size()), false};
            if (at < line.size() && line[at] == '"') {
                f = {at + 1, closing_quote(at), true};
                at = separator_ == ' ' ? f.end + 1 : skip_blanks(f.end + 1);
                if (at < line.size() && line[at] != separator_)
                    lines_.fail(at, "field continues after its closing quote, expected ", separator_name());
            } else {
                at = f.end;
                while (f.end > f.begin && is_blank(line[f.end - 1])) --f.end;
            }
            fields_.push_back(f);
            if (at == line.size()) return;
        }
    }
    std::size_t closing_quote(std::size_t open) const {
        const std::string_view line = lines_.line();
        for (std::size_t at = line.find('"', open + 1); at != line.npos; at = line.find('"', at + 2))
            if (line.substr(at + 1, 1) != "\"") return at;
        lines_.fail(open, "quote is not closed, expected '\"' in the same line");
    }
    bool is_blank(char c) const { return c == ' ' || (c == '\t' && separator_ != '\t'); }

    /// Whether the first line is a header; consumes it then. Finds the columns either way.
    bool read_header() {
        std::vector<std::string> names;
        bool has_name = false, has_number = false;
        for (const field& f : fields_) {
            names.push_back(text(f));
            const bool number = is_value(names.back());
            has_number = has_number || number;
            has_name = has_name || (!number && is_name(f));
        }
        places_.clear();
        for (const auto& column : columns_)
            places_.push_back(
                static_cast<std::size_t>(std::find(names.begin(), names.end(), column) - names.begin()));
        const auto missing =
            static_cast<std::size_t>(std::find(places_.begin(), places_.end(), names.size()) - places_.begin());
        if (missing < places_.size() && (has_number || !has_name)) { // no header
            for (std::size_t c = 0; c < places_.size(); ++c) places_[c] = c;
            expected_ = columns_.size();
            return false;
        }
        for (std::size_t i = 1; i < names.size(); ++i)
            if (names[i].empty())
                lines_.fail(fields_[i].begin, "name of column ", i + 1, " is empty, expected a name");
        if (missing < places_.size()) refuse_names(missing);
        for (std::size_t c = 0; c < columns_.size(); ++c)
            if (std::find(columns_.begin(), columns_.begin() + static_cast<std::ptrdiff_t>(c), columns_[c]) !=
                columns_.begin() + static_cast<std::ptrdiff_t>(c))
                lines_.fail(0, "names of the columns are a header, but '", detail::excerpt(columns_[c]),
                            "' is requested twice, expected numbers in the order of the columns");
        for (std::size_t i = 0; i < names.size(); ++i) {
            const auto c = std::find(columns_.begin(), columns_.end(), names[i]);
            if (c == columns_.end())
                ignored_.push_back(names[i]);
            else if (places_[static_cast<std::size_t>(c - columns_.begin())] != i)
                lines_.fail(fields_[i].begin, "column '", detail::excerpt(names[i]),
                            "' occurs twice, expected it once");
        }
        expected_ = names.size();
        return true;
    }
    [[noreturn]] void refuse_names(std::size_t missing) const {
        std::string list;
        for (std::size_t c = 0; c < columns_.size() && list.size() < 200; ++c)
            list += (c == 0 ? "'" : ", '") + detail::excerpt(columns_[c]) + "'";
        lines_.fail(0, "names of the columns lack '", detail::excerpt(columns_[missing]), "', expected ",
                    columns_.size(), ": ", list, list.size() < 200 ? "" : ", ...");
    }
    /// Whether a field stands for a value: a number, or a word for a missing value.
    static bool is_value(std::string word) {
        double value = 0;
        if (detail::parse_real(word, value) || has_decimal_comma(word)) return true;
        for (char& c : word)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        return word == "na" || word == "n/a" || word == "null" || word == "none";
    }
    /// Whether a text is a number once its comma is a point.
    static bool has_decimal_comma(std::string_view text) {
        std::string pointed(text.substr(0, 64));
        std::replace(pointed.begin(), pointed.end(), ',', '.');
        double value = 0;
        return text.size() < 64 && detail::parse_real(pointed, value);
    }
    bool is_name(const field& f) const {
        if (f.begin == f.end) return false;
        const char c = lines_.line()[f.begin];
        return f.quoted || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '#' ||
               static_cast<unsigned char>(c) >= 0x80;
    }

    void check_count() const {
        const std::size_t n = fields_.size();
        if (n == expected_) return;
        for (const field& f : fields_)
            if (f.begin == f.end && !f.quoted)
                lines_.fail(f.begin, "field is empty, and number of fields is ", n, ", expected ", expected_);
        if (n < expected_)
            lines_.fail(lines_.line().size(), "line ends, number of fields is ", n, ", expected ", expected_);
        lines_.fail(fields_[expected_].begin, "number of fields is ", n, ", expected ", expected_);
    }
    /// Throws an error that says why a field is not a number.
    [[noreturn]] void refuse(const field& f) const {
        const std::string_view s = content(f);
        if (s.empty()) lines_.fail(f.begin, "field is empty, expected a number");
        const std::string got = "field is '" + detail::excerpt(s) + "', expected a number";
        if (has_decimal_comma(s)) lines_.fail(f.begin, got, " with a decimal point, not a comma");
        if (!f.quoted && s.find_first_of(";,\t ") != s.npos)
            lines_.fail(f.begin, got, ": what separates fields is ", separator_name(), ", as in the first line");
        lines_.fail(f.begin, got);
    }
    std::string separator_name() const {
        return separator_ == ' ' ? "a blank" : separator_ == '\t' ? "a TAB" : std::string("'") + separator_ + "'";
    }

    static constexpr std::string_view marks = ";,\t";

    line_reader lines_;
    std::vector<std::string> columns_, ignored_;
    std::vector<std::size_t> places_; ///< of each column: its field
    std::size_t expected_ = 0;        ///< fields in a line
    char separator_ = ' ';
    bool begun_ = false;        ///< the first line that is not blank was read
    std::size_t blank_ = 0;     ///< number of the first blank line after the last row; 0: none
    std::vector<field> fields_; ///< of the line
};

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#endif

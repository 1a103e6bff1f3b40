// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/csv_reader.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <ios>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

byte_source read_from(const std::filesystem::path& path) {
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

bool line_reader::next() {
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

void line_reader::check(std::size_t from, std::size_t to) const {
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

namespace detail {

bool csv_number(std::string_view text, char decimal, double& value) {
    if (decimal == '.') return parse_real(text, value);
    std::string pointed(text);
    if (text.size() > 64 || text.find('.') != text.npos) return false;
    std::replace(pointed.begin(), pointed.end(), ',', '.');
    return parse_real(pointed, value);
}

} // namespace detail

csv_reader::csv_reader(const std::filesystem::path& path, const csv_dialect& d, std::vector<std::size_t> places)
    : csv_reader(path, std::vector<std::string>(places.size())) {
    for (const std::size_t place : places)
        if (place >= d.columns())
            raise<usage_error>("csv_reader", "place of a column is ", place, ", expected less than ", d.columns());
    places_ = std::move(places);
    expected_ = d.columns();
    separator_ = d.separator;
    decimal_ = d.decimal;
    to_skip_ = d.preamble + (d.header ? 1 : 0);
    known_ = begun_ = true;
}

bool csv_reader::next_row() {
    while (lines_.next()) {
        if (to_skip_ > 0) {
            --to_skip_;
            continue;
        }
        if (lines_.line().find_first_not_of(" \t") == std::string_view::npos) {
            if (blank_ == 0) blank_ = lines_.number();
            continue;
        }
        if (blank_ != 0) lines_.fail_in(blank_, 0, "line is blank, expected data");
        const bool first = !std::exchange(begun_, true);
        if (first) recognise_separator();
        const bool last = known_ && lines_.unfinished();
        split(last);
        cut_off_ = last && fields_.size() < expected_;
        if (cut_off_) return false;
        if (!first || !read_header()) return check_count(), true;
    }
    return false;
}

double csv_reader::value(const field& f) const {
    double value = 0;
    if (!detail::csv_number(content(f), decimal_, value)) refuse(f);
    return value;
}

float csv_reader::number(std::size_t c) const {
    const field& f = fields_[places_[c]];
    const auto v = static_cast<float>(value(f));
    if (!std::isfinite(v))
        lines_.fail(f.begin, "field is '", detail::excerpt(content(f)),
                    "', expected a finite number in the range of float");
    return v;
}

double csv_reader::real(std::size_t c) const {
    const field& f = fields_[places_[c]];
    const double v = value(f);
    if (!std::isfinite(v))
        lines_.fail(f.begin, "field is '", detail::excerpt(content(f)), "', expected a finite number");
    return v;
}

bool csv_reader::missing(std::size_t c) const {
    std::string word(content(fields_[places_[c]]));
    for (char& letter : word)
        if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    return word.empty() || word == "nan" || is_missing(word);
}

std::string csv_reader::text(const field& f) const {
    std::string s(content(f));
    if (f.quoted)
        for (std::size_t at = s.find('"'); at != s.npos; at = s.find('"', at + 1)) s.erase(at, 1); // one of two
    return s;
}

void csv_reader::recognise_separator() {
    std::array<bool, 3> found{};
    bool quoted = false;
    for (const char c : lines_.line()) {
        quoted = quoted != (c == '"');
        if (const std::size_t at = marks.find(c); at != marks.npos && !quoted) found[at] = true;
    }
    const auto at = static_cast<std::size_t>(std::find(found.begin(), found.end(), true) - found.begin());
    separator_ = at < found.size() ? marks[at] : ' ';
}

void csv_reader::split(bool may_be_cut) {
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
            f = {at + 1, closing_quote(at, may_be_cut), true};
            if (f.end == line.size()) return; // cut off within the quotes
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

std::size_t csv_reader::closing_quote(std::size_t open, bool may_be_cut) const {
    const std::string_view line = lines_.line();
    for (std::size_t at = line.find('"', open + 1); at != line.npos; at = line.find('"', at + 2))
        if (line.substr(at + 1, 1) != "\"") return at;
    if (may_be_cut) return line.size();
    lines_.fail(open, "quote is not closed, expected '\"' in the same line");
}

bool csv_reader::read_header() {
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
        places_.push_back(static_cast<std::size_t>(std::find(names.begin(), names.end(), column) - names.begin()));
    const auto missing =
        static_cast<std::size_t>(std::find(places_.begin(), places_.end(), names.size()) - places_.begin());
    if (missing < places_.size() && (has_number || !has_name)) { // no header
        for (std::size_t c = 0; c < places_.size(); ++c) places_[c] = c;
        expected_ = columns_.size();
        return false;
    }
    for (std::size_t i = 1; i < names.size(); ++i)
        if (names[i].empty()) lines_.fail(fields_[i].begin, "name of column ", i + 1, " is empty, expected a name");
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
            lines_.fail(fields_[i].begin, "column '", detail::excerpt(names[i]), "' occurs twice, expected it once");
    }
    expected_ = names.size();
    return true;
}

void csv_reader::refuse_names(std::size_t missing) const {
    std::string list;
    for (std::size_t c = 0; c < columns_.size() && list.size() < 200; ++c)
        list += (c == 0 ? "'" : ", '") + detail::excerpt(columns_[c]) + "'";
    lines_.fail(0, "names of the columns lack '", detail::excerpt(columns_[missing]), "', expected ", columns_.size(),
                ": ", list, list.size() < 200 ? "" : ", ...");
}

bool csv_reader::is_value(std::string word) {
    double value = 0;
    if (detail::parse_real(word, value) || has_decimal_comma(word)) return true;
    for (char& c : word)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return is_missing(word);
}

bool csv_reader::is_missing(const std::string& word) {
    return word == "na" || word == "n/a" || word == "null" || word == "none";
}

bool csv_reader::has_decimal_comma(std::string_view text) {
    std::string pointed(text.substr(0, 64));
    std::replace(pointed.begin(), pointed.end(), ',', '.');
    double value = 0;
    return text.size() < 64 && detail::parse_real(pointed, value);
}

bool csv_reader::is_name(const field& f) const {
    if (f.begin == f.end) return false;
    const char c = lines_.line()[f.begin];
    return f.quoted || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '#' ||
           static_cast<unsigned char>(c) >= 0x80;
}

void csv_reader::check_count() const {
    const std::size_t n = fields_.size();
    if (n == expected_) return;
    for (const field& f : fields_)
        if (f.begin == f.end && !f.quoted)
            lines_.fail(f.begin, "field is empty, and number of fields is ", n, ", expected ", expected_);
    if (n < expected_)
        lines_.fail(lines_.line().size(), "line ends, number of fields is ", n, ", expected ", expected_);
    lines_.fail(fields_[expected_].begin, "number of fields is ", n, ", expected ", expected_);
}

void csv_reader::refuse(const field& f) const {
    const std::string_view s = content(f);
    if (s.empty()) lines_.fail(f.begin, "field is empty, expected a number");
    const std::string got = "field is '" + detail::excerpt(s) + "', expected a number";
    if (decimal_ == '.' && has_decimal_comma(s)) lines_.fail(f.begin, got, " with a decimal point, not a comma");
    if (!f.quoted && s.find_first_of(";,\t ") != s.npos)
        lines_.fail(f.begin, got, ": what separates fields is ", separator_name(), ", as in the first line");
    lines_.fail(f.begin, got);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

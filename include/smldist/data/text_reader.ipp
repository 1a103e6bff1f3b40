// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/text_reader.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <ios>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

std::string excerpt(std::string_view f) {
    std::string s(f.substr(0, 24));
    for (char& c : s)
        if (c < ' ' || c > '~') c = '?';
    return f.size() > 24 ? s + "..." : s;
}

bool parse_real(std::string_view f, double& value) {
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

std::string read_text(const std::filesystem::path& path) {
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

bool text_reader::next_line() {
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

std::size_t text_reader::skip_blank_lines() {
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

std::size_t text_reader::lines_left() const {
    const std::size_t last = text_.find_last_not_of(" \t\r\n");
    if (last == std::string::npos || last < next_) return 0;
    const char* const text = text_.data();
    return 1 + static_cast<std::size_t>(std::count(text + next_, text + last, '\n'));
}

bool text_reader::next_part(char mark) {
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

double text_reader::real() {
    const double value = parsed(field("a number"));
    if (!std::isfinite(value)) refuse_number("a finite number");
    advance();
    return value;
}

float text_reader::number() {
    const auto value = static_cast<float>(parsed(field("a number")));
    if (!std::isfinite(value)) refuse_number("a finite number in the range of float");
    advance();
    return value;
}

float text_reader::number_or_nan() {
    const std::string_view f = field("a number or NaN");
    if (f != "NaN" && f != "nan") return number();
    advance();
    return std::numeric_limits<float>::quiet_NaN();
}

int text_reader::integer(std::string_view what, int low, int high) {
    int value = 0;
    const std::string_view f = field(what);
    const auto [end, status] = std::from_chars(f.data(), f.data() + f.size(), value);
    if (status != std::errc() || end != f.data() + f.size() || value < low || value > high)
        fail(what, " is '", detail::excerpt(f), "', expected ", low, " to ", high);
    advance();
    return value;
}

int text_reader::choice(std::string_view what, const std::vector<std::string>& names) {
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

void text_reader::header(const std::vector<std::string>& names) {
    if (!next_line()) fail("file is empty, expected a header");
    for (const auto& name : names) {
        if (const std::string_view f = field("column " + name); f != name)
            fail("column is '", detail::excerpt(f), "', expected '", name, "'");
        advance();
    }
    finish_line(names.size());
}

void text_reader::skip(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        field("a field");
        advance();
    }
}

std::string_view text_reader::field(std::string_view what) {
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

void text_reader::advance() {
    last_ = at_;
    at_ = field_end_;
    if (separator_ == ' ') return;
    more_ = skip_blanks() < part_end_;
    if (more_) ++at_;
}

double text_reader::parsed(std::string_view f) const {
    double value = 0;
    if (!detail::parse_real(f, value)) fail("field is '", detail::excerpt(f), "', expected a number");
    return value;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

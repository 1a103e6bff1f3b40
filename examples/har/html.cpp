// SPDX-License-Identifier: BSD-3-Clause
#include "html.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "smldist/core/printable.hpp"

namespace har {

namespace {

constexpr std::string_view dash = "–";

/// Columns of the character that begins with this byte: 2 from U+3000 on, where characters are wide; 0 for the further
/// bytes of a character.
std::size_t display_columns(char first) {
    const auto byte = static_cast<unsigned char>(first);
    return (byte & 0xC0) == 0x80 ? 0 : byte >= 0xE3 ? 2 : 1;
}

/// The offset of the first character of valid UTF-8 that does not fit `room` columns.
std::size_t offset(std::string_view text, std::size_t room) {
    std::size_t i = 0;
    for (; i < text.size() && display_columns(text[i]) <= room; ++i) room -= display_columns(text[i]);
    while (i < text.size() && display_columns(text[i]) == 0) ++i;
    return i;
}

std::string with_entities(std::string_view printable) {
    std::string out;
    for (const char c : printable) switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        case '\'':
            out += "&#39;";
            break;
        default:
            out += c;
        }
    return out;
}

std::string number(double value, std::chars_format format, int digits) {
    if (!std::isfinite(value)) return std::string(dash);
    std::array<char, 400> buffer; // the largest double has 309 digits before the point
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format, digits).ptr;
    std::string out(buffer.data(), end);
    if (out.find_first_not_of("-0.") == out.npos) std::erase(out, '-'); // no negative zero
    for (std::size_t at = 0; (at = out.find('-', at)) != out.npos;) out.replace(at, 1, "−");
    return out;
}

} // namespace

std::string escaped(std::string_view text) { return with_entities(smldist::printable(text)); }

std::string escaped_within(std::string_view text, std::size_t room) {
    std::string shown = smldist::printable(text);
    if (offset(shown, room) < shown.size()) shown = shown.substr(0, offset(shown, room - 1)) + "…";
    return with_entities(shown);
}

std::size_t shown_length(std::string_view text) {
    std::size_t sum = 0;
    for (const char c : smldist::printable(text)) sum += display_columns(c);
    return sum;
}

std::string fixed(double value, int digits) { return number(value, std::chars_format::fixed, digits); }
std::string significant(double value, int digits) { return number(value, std::chars_format::general, digits); }
std::string percent(double fraction) { return fixed(100 * fraction, 1); }

std::string grouped(std::uint64_t value) {
    std::string out = std::to_string(value);
    for (std::size_t at = out.size(); at > 3;) out.insert(at -= 3, 1, ',');
    return out;
}

std::string duration(double seconds) {
    if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e12) return std::string(dash);
    if (seconds < 59.95) return fixed(seconds, 1) + " s";
    const auto two = [](std::uint64_t n) { return std::string(n < 10 ? "0" : "").append(std::to_string(n)); };
    const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
    if (whole < 3600) return std::to_string(whole / 60) + " min " + two(whole % 60) + " s";
    return grouped(whole / 3600) + " h " + two(whole / 60 % 60) + " min";
}

std::string counted(std::uint64_t n, std::string_view singular, std::string_view plural) {
    return (grouped(n) + " ").append(n == 1 ? singular : plural);
}

html_table::html_table(const std::string& caption, const std::vector<std::string>& headings)
    : text_("<div class=\"scroll\"><table><caption>" + caption + "</caption>\n<thead><tr>") {
    for (const std::string& heading : headings) text_ += "<th scope=\"col\">" + heading + "</th>";
    text_ += "</tr></thead>\n<tbody>\n";
}

void html_table::row(const std::string& heading, const std::vector<std::string>& cells) {
    text_ += "<tr><th scope=\"row\">" + heading + "</th>";
    for (const std::string& cell : cells) text_ += "<td>" + cell + "</td>";
    text_ += "</tr>\n";
}

std::string html_table::text() const { return text_ + "</tbody></table></div>\n"; }

std::string folded(const std::string& summary, const std::string& body) {
    return "<details><summary>" + summary + "</summary>\n" + body + "</details>\n";
}

} // namespace har

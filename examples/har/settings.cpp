// SPDX-License-Identifier: BSD-3-Clause
#include "settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "smldist/core/decimal.hpp"
#include "smldist/core/error.hpp"
#include "smldist/io/json_scanner.hpp"

namespace har {

using namespace smldist;

namespace {

[[noreturn]] void refuse(const std::string& option, std::string_view word, const std::string& expected) {
    raise<usage_error>("--" + option, "value is ", io::quote(word), ", expected ", expected);
}

/// The kind of a value in words.
std::string text(value_kind kind, bool list, std::size_t values) {
    const std::string one = kind == value_kind::flag     ? "true or false"
                            : kind == value_kind::number ? "number"
                                                         : "string";
    if (list) return "a list of " + one + "s";
    if (values > 1) return "a list of " + std::to_string(values) + " " + one + "s";
    return kind == value_kind::flag ? one : "a " + one;
}

const setting& find(const std::string& file, const config_section& section, const config_entry& entry,
                    const std::vector<setting>& settings, const std::string& explained_by) {
    for (const setting& s : settings)
        if (s.name == entry.name) return s;
    raise<usage_error>(file + ":" + std::to_string(entry.line), "option is ", io::quote(entry.name),
                       ", expected one of `har ", explained_by.empty() ? section.name : explained_by, " --help`");
}

} // namespace

std::string text(double value) {
    char digits[32];
    return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

std::string text(const bounds& b) {
    const auto plain = [](double v) {
        return v == std::floor(v) ? std::to_string(static_cast<long long>(v)) : text(v);
    };
    return (b.above_low ? "above " : "") + plain(b.low) +
           (b.below_high ? (b.above_low ? ", below " : " to below ") : (b.above_low ? ", at most " : " to ")) +
           plain(b.high);
}

std::uint64_t read_whole(const std::string& option, std::string_view word, std::uint64_t low, std::uint64_t high) {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (code != std::errc() || end != word.data() + word.size() || value < low || value > high)
        refuse(option, word, "a whole number, " + std::to_string(low) + " to " + std::to_string(high));
    return value;
}

double read_real(const std::string& option, std::string_view word, const bounds& b) {
    const std::string expected = "a number, " + text(b);
    std::string_view digits = word;
    if (digits.starts_with('+')) digits.remove_prefix(1);
    // from_chars knows inf, nan and, behind a + that is gone, a minus.
    if (digits.find_first_not_of("0123456789.+-eE") != digits.npos || (word != digits && digits.starts_with('-')))
        refuse(option, word, expected);
    double value = 0;
    const auto [end, code] = from_chars(digits.data(), digits.data() + digits.size(), value);
    if (code != std::errc() || end != digits.data() + digits.size() || !std::isfinite(value))
        refuse(option, word, expected);
    if (value < b.low || (b.above_low && value == b.low) || value > b.high || (b.below_high && value == b.high))
        refuse(option, word, expected);
    return value;
}

config_entry setting::entry() const {
    config_entry e{name, 0, list || values > 1, {}};
    for (const std::string& value : now()) e.values.push_back({kind, value});
    return e;
}

void check_names(const std::string& file, const config_section& section, const std::vector<setting>& settings) {
    for (const config_entry& e : section.entries) find(file, section, e, settings, "");
}

void apply(const std::string& file, const config_section& section, const std::vector<setting>& settings,
           const std::string& explained_by) {
    for (const config_entry& e : section.entries) {
        const setting& s = find(file, section, e, settings, explained_by);
        const std::string where = file + ":" + std::to_string(e.line);
        const bool fits =
            std::all_of(e.values.begin(), e.values.end(), [&](const auto& v) { return v.kind == s.kind; });
        if (!fits || (!s.list && e.values.size() != s.values))
            raise<usage_error>(where, "value of ", e.name, " is of another kind, expected ",
                               text(s.kind, s.list, s.values));
        if (s.given()) continue;
        std::vector<std::string> words;
        for (const config_value& v : e.values) words.push_back(v.text);
        try {
            s.assign(words);
        } catch (const usage_error& error) { raise<usage_error>(where, error.what()); }
    }
}

std::string to_config(const std::string& section, const std::vector<setting>& settings) {
    std::string out = "[" + section + "]\n";
    for (const setting& s : settings) out += config_line(s.entry());
    if (out.size() > most_config_bytes)
        raise<usage_error>("options", "have ", out.size(), " bytes in config.toml, expected at most ",
                           most_config_bytes);
    return out;
}

bool decides(const setting& s) {
    constexpr std::array<std::string_view, 6> others{"out", "threads", "quiet", "json", "checkpoint-every", "log"};
    return std::find(others.begin(), others.end(), s.name) == others.end();
}

} // namespace har

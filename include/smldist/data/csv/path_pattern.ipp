// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/csv/path_pattern.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

constexpr std::string_view date_characters = "0123456789-_.: T";

/// Whether a text is digits, or a date such as 2024-05-01_10-11-12: at least eight digits, the first ones those of a year, with
/// marks between them.
inline bool is_number_or_date(std::string_view text) {
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto digits = std::count_if(text.begin(), text.end(), digit);
    if (static_cast<std::size_t>(digits) == text.size()) return true;
    return digits >= 8 && (text.starts_with("19") || text.starts_with("20")) && digit(text.back());
}

} // namespace detail

path_pattern::path_pattern(std::string_view text) : text_(text) {
    static constexpr std::array<std::string_view, 5> names{"subject", "label", "recording", "sensor", "device"};
    const auto fail = [&](const auto&... parts) { raise<usage_error>("file pattern \"" + text_ + "\"", parts...); };
    if (text.empty()) fail("pattern is empty, expected a path with * and {names}");
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (text.substr(at).starts_with("**/")) {
            pieces_.push_back({kind::folders, ""});
            at += 2;
        } else if (c == '*') {
            pieces_.push_back({kind::any, ""});
        } else if (c == '?') {
            pieces_.push_back({kind::one, ""});
        } else if (c == '{') {
            const std::size_t end = text.find('}', at);
            if (end == text.npos) fail("{ at character ", at + 1, " is not closed, expected }");
            std::string name(text.substr(at + 1, end - at - 1));
            const bool digits = name.ends_with('#');
            if (digits) name.pop_back();
            if (std::find(names.begin(), names.end(), name) == names.end())
                fail("place is {", name, "}, expected {subject}, {label}, {recording}, {sensor} or {device}");
            if (has(name)) fail("place {", name, "} occurs twice, expected once");
            const kind what = !digits ? kind::capture : name == "recording" ? kind::number : kind::digits;
            pieces_.push_back({what, std::move(name)});
            at = end;
        } else {
            if (pieces_.empty() || pieces_.back().what != kind::text) pieces_.push_back({kind::text, ""});
            pieces_.back().text += c;
        }
    }
}

bool path_pattern::has(std::string_view name) const {
    return std::any_of(pieces_.begin(), pieces_.end(),
                       [&](const piece& p) { return p.captures() && p.text == name; });
}

std::optional<path_captures> path_pattern::match(std::string_view path) const {
    std::vector<path_captures> found;
    path_captures captured;
    std::size_t steps = 0;
    search(path, 0, 0, captured, found, steps);
    if (found.empty()) return std::nullopt;
    if (found.size() > 1)
        for (const auto& [name, value] : found[0])
            if (found[1].at(name) != value)
                raise<data_error>(path, "fits the file pattern \"", text_, "\" in two ways, {", name, "} is \"",
                                  value.text, "\" or \"", found[1].at(name).text, "\", expected one way: {", name,
                                  "#} stands for digits only");
    return found[0];
}

void path_pattern::search(std::string_view path, std::size_t at, std::size_t next, path_captures& captured,
                          std::vector<path_captures>& found, std::size_t& steps) const {
    if (++steps > 100000)
        raise<data_error>(path, "does not fit the file pattern \"", text_, "\" within 100000 steps");
    const bool numbered =
        std::any_of(pieces_.begin(), pieces_.end(), [](const piece& p) { return p.what == kind::number; });
    if (found.size() > 1 && !numbered) return;
    if (next == pieces_.size()) {
        if (at != path.size()) return;
        if (numbered && !found.empty()) {
            const std::size_t size = captured.at("recording").text.size();
            const std::size_t longest = found[0].at("recording").text.size();
            if (size > longest) found.clear();
            if (size < longest) return;
        }
        if (found.empty() || (found.size() == 1 && found[0] != captured)) found.push_back(captured);
        return;
    }
    const piece& p = pieces_[next];
    const std::string_view rest = path.substr(at);
    if (p.what == kind::text) {
        if (rest.starts_with(p.text)) search(path, at + p.text.size(), next + 1, captured, found, steps);
        return;
    }
    if (p.what == kind::folders) {
        search(path, at, next + 1, captured, found, steps);
        for (std::size_t slash = rest.find('/'); slash != rest.npos; slash = rest.find('/', slash + 1))
            search(path, at + slash + 1, next + 1, captured, found, steps);
        return;
    }
    std::size_t most = std::min(rest.find('/'), rest.size());
    if (p.what == kind::digits) most = std::min(most, std::min(rest.find_first_not_of("0123456789"), rest.size()));
    if (p.what == kind::number)
        most = std::min(most, std::min(rest.find_first_not_of(detail::date_characters), rest.size()));
    if (p.what == kind::one) most = std::min<std::size_t>(most, 1);
    for (std::size_t n = p.what == kind::any ? 0 : 1; n <= most; ++n) {
        if (p.what == kind::number && !detail::is_number_or_date(rest.substr(0, n))) continue;
        if (p.captures()) captured[p.text] = {std::string(rest.substr(0, n)), at};
        search(path, at + n, next + 1, captured, found, steps);
        if (p.captures()) captured.erase(p.text);
    }
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/csv/names.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/core/printable.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

std::string utf8_of(std::string text) {
    if (valid_utf8_prefix(text) == text.size()) return text;
    std::string all;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80)
            all += c;
        else if (byte < 0xA0)
            all += "\xEF\xBF\xBD"; // U+FFFD: control characters there, others in Windows-1252
        else
            (all += static_cast<char>(0xC0 | byte >> 6)) += static_cast<char>(0x80 | (byte & 0x3F));
    }
    return all;
}

inline std::optional<int> whole_number(const std::string& text) {
    int value = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (status != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

/// Sorts names and removes repetitions and the empty one.
inline std::vector<std::string> sorted_names(std::vector<std::string> names) {
    std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
        const auto x = whole_number(a), y = whole_number(b);
        if (x && y && *x != *y) return *x < *y;
        if (x.has_value() != y.has_value()) return x.has_value();
        return a < b;
    });
    names.erase(std::unique(names.begin(), names.end()), names.end());
    names.erase(std::remove(names.begin(), names.end(), ""), names.end());
    return names;
}

inline int place_of(const std::vector<std::string>& names, const std::string& name) {
    return name.empty() ? -1 : static_cast<int>(std::find(names.begin(), names.end(), name) - names.begin());
}

std::pair<std::string, std::string> spelled_alike(const std::vector<std::string>& names) {
    std::map<std::string, std::string> seen; // by small letters
    for (const std::string& name : names) {
        std::string small = name;
        for (char& c : small)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        const auto [at, fresh] = seen.emplace(small, name);
        if (!fresh) return {at->second, name};
    }
    return {};
}

csv_numbering number_labels(const csv_words& words, const std::vector<std::string>& rules) {
    std::vector<std::string> renamed = words.texts();
    for (const std::string& rule : rules) {
        const std::size_t equals = rule.find('=');
        if (equals == rule.npos || equals == 0)
            raise<usage_error>("label map", "rule is \"", rule, "\", expected \"OLD=NEW\", or \"OLD=\" for no label");
        const auto old = static_cast<std::size_t>(place_of(words.texts(), rule.substr(0, equals)));
        std::string known;
        for (const auto& word : sorted_names(words.texts())) known += (known.empty() ? "" : ", ") + word;
        if (old == renamed.size())
            raise<usage_error>("label map", "label is \"", rule.substr(0, equals), "\", expected one of ", known);
        renamed[old] = rule.substr(equals + 1);
    }
    csv_numbering n{sorted_names(renamed), {}};
    for (const std::string& name : renamed) n.number.push_back(place_of(n.names, name));
    return n;
}

csv_numbering number_people(const csv_words& words) {
    csv_numbering n{sorted_names(words.texts()), {}};
    const bool numbers =
        std::all_of(n.names.begin(), n.names.end(), [](const std::string& name) { return whole_number(name); });
    for (const std::string& word : words.texts())
        n.number.push_back(numbers ? *whole_number(word) : place_of(n.names, word));
    if (numbers) n.names.clear();
    return n;
}

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::data

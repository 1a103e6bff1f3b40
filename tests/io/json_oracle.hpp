// SPDX-License-Identifier: BSD-3-Clause
/// The verdict of nlohmann-json on a text, beside ours.
#ifndef SMLDIST_TESTS_IO_JSON_ORACLE_HPP
#define SMLDIST_TESTS_IO_JSON_ORACLE_HPP

#include <cstddef>
#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "json_check.hpp"

/// Whether two values are equal, with the same order of members and the same bits of numbers.
inline bool same_value(const smldist::io::json& mine, const nlohmann::ordered_json& theirs) {
    if (theirs.is_null()) return mine.is_null();
    if (theirs.is_boolean()) return mine == smldist::io::json(theirs.get<bool>());
    if (mine.is_string() != theirs.is_string()) return false;
    if (theirs.is_string()) return mine == smldist::io::json(theirs.get<std::string>());
    if (theirs.is_number_float()) return same_bits(mine.as_double(), theirs.get<double>());
    if (theirs.is_number_unsigned() && theirs.get<std::uint64_t>() > INT64_MAX)
        return same_bits(mine.as_double(), static_cast<double>(theirs.get<std::uint64_t>()));
    if (theirs.is_number()) return mine.as_int() == theirs.get<std::int64_t>();
    if (theirs.is_array()) {
        const auto& items = mine.as_array();
        if (items.size() != theirs.size()) return false;
        for (std::size_t i = 0; i < items.size(); ++i)
            if (!same_value(items[i], theirs[i])) return false;
        return true;
    }
    const auto& members = mine.as_object();
    if (members.size() != theirs.size()) return false;
    std::size_t i = 0;
    for (const auto& [key, value] : theirs.items()) {
        if (members[i].first != key || !same_value(members[i].second, value)) return false;
        ++i;
    }
    return true;
}

enum class verdict { both_accept, both_reject, mine_only, theirs_only, values_differ };

inline verdict compare(const std::string& text) {
    smldist::io::json mine;
    smldist::io::parse_error error;
    const bool good = smldist::io::json::parse(text, mine, error);
    if (!good && (error.what.empty() || error.offset > text.size())) return verdict::values_differ;
    const nlohmann::ordered_json theirs = nlohmann::ordered_json::parse(text, nullptr, false);
    if (theirs.is_discarded()) return good ? verdict::mine_only : verdict::both_reject;
    if (!good) return verdict::theirs_only;
    return same_value(mine, theirs) ? verdict::both_accept : verdict::values_differ;
}

#endif

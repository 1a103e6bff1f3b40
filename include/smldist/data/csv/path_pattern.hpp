// SPDX-License-Identifier: BSD-3-Clause
/// Patterns of file names with places for what the name says: "{subject}/{label}_*/{sensor}.csv".
#ifndef SMLDIST_DATA_CSV_PATH_PATTERN_HPP
#define SMLDIST_DATA_CSV_PATH_PATTERN_HPP

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/core/config.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// A part of a path that a place of a pattern stands for.
struct path_part {
    std::string text;
    std::size_t at = 0; ///< where it begins in the path

    friend bool operator==(const path_part&, const path_part&) = default;
};

/// What the places of a pattern stand for in a path, by their names.
using path_captures = std::map<std::string, path_part>;

/// A pattern that a path fits or not.
///
///     text        itself
///     *           any run of characters except /, also none
///     ?           one character except /
///     **/         any number of folders, also none
///     {name}      a run of at least one character except /, which is captured under that name
///     {name#}     the same of digits only; {recording#} is also a date such as 2024-05-01_10-11-12, and takes all of it
///
/// Names are subject, label, recording, sensor and device, each at most once.
class path_pattern {
public:
    /// Throws usage_error for a pattern that is not of this form.
    SMLDIST_FUNCTION explicit path_pattern(std::string_view text);

    /// What a path with / between its parts captures; nothing if it does not fit.
    /// Throws data_error, naming both, when it fits in two ways that capture different texts: {name#} can decide.
    SMLDIST_FUNCTION std::optional<path_captures> match(std::string_view path) const;

    /// Whether the pattern has a place of that name.
    SMLDIST_FUNCTION bool has(std::string_view name) const;

private:
    enum class kind : unsigned char { text, any, one, folders, capture, digits, number };
    struct piece {
        kind what;
        std::string text; ///< the text itself, or the name of a capture

        bool captures() const { return what == kind::capture || what == kind::digits || what == kind::number; }
    };

    /// Tries to fit path[at…] to the pieces from `next` on; adds what fits to `found`: at most two different ones, of those
    /// with the longest {recording#}.
    SMLDIST_FUNCTION void search(std::string_view path, std::size_t at, std::size_t next, path_captures& captured,
                                 std::vector<path_captures>& found, std::size_t& steps) const;

    std::string text_;
    std::vector<piece> pieces_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/csv/path_pattern.ipp"
#endif

#endif

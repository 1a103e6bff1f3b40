// SPDX-License-Identifier: BSD-3-Clause
/// From the words that files use for labels and people to numbers, in an order that does not depend on the files.
#ifndef SMLDIST_DATA_CSV_NAMES_HPP
#define SMLDIST_DATA_CSV_NAMES_HPP

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "smldist/core/config.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// A text as UTF-8: one that is something else is taken for Latin-1, as older programs of Windows write it.
SMLDIST_FUNCTION std::string utf8_of(std::string text);

/// Texts and their numbers, in the order in which they were met; "" is -1.
class csv_words {
public:
    int number(const std::string& text) {
        if (text.empty()) return -1;
        const auto [at, fresh] = numbers_.emplace(text, static_cast<int>(texts_.size()));
        if (fresh) texts_.push_back(text);
        return at->second;
    }
    const std::vector<std::string>& texts() const { return texts_; }

private:
    std::map<std::string, int> numbers_;
    std::vector<std::string> texts_;
};

/// Names, and for every word the number that stands for it.
struct csv_numbering {
    std::vector<std::string> names; ///< sorted: whole numbers by value, then others by text
    std::vector<int> number;        ///< of each word; -1: none
};

/// The classes of the words for labels. A rule "OLD=NEW" renames or merges, "OLD=" makes unlabelled.
/// Throws usage_error for a rule of another form, or whose OLD is no label.
SMLDIST_FUNCTION csv_numbering number_labels(const csv_words& words, const std::vector<std::string>& rules);

/// Two names that are equal except for capitals, such as "Walking" and "walking"; empty: there are none.
SMLDIST_FUNCTION std::pair<std::string, std::string> spelled_alike(const std::vector<std::string>& names);

/// The people. If all words are whole numbers, these are their numbers and `names` is empty.
SMLDIST_FUNCTION csv_numbering number_people(const csv_words& words);

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/csv/names.ipp"
#endif

#endif

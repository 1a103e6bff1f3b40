// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/csv/names.hpp"

#include <doctest/doctest.h>
#include <initializer_list>
#include <string>
#include <vector>

#include "../../raises.hpp"
#include "smldist/core/error.hpp"

using namespace smldist;
using data::detail::csv_words;
using data::detail::number_labels;
using data::detail::number_people;

namespace {

using strings = std::vector<std::string>;

csv_words words_of(std::initializer_list<const char*> texts) {
    csv_words words;
    for (const char* const text : texts) words.number(text);
    return words;
}

} // namespace

TEST_CASE("csv names: words get numbers in the order in which they are met, none has -1") {
    csv_words words;
    CHECK(words.number("b") == 0);
    CHECK(words.number("a") == 1);
    CHECK(words.number("b") == 0);
    CHECK(words.number("") == -1);
    CHECK(words.texts() == strings{"b", "a"});
}

TEST_CASE("csv names: classes are sorted, numbers by value and before words") {
    auto n = number_labels(words_of({"run", "10", "Walk", "2", "1", "02", "walk"}), {});
    CHECK(n.names == strings{"1", "02", "2", "10", "Walk", "run", "walk"});
    CHECK(n.number == std::vector<int>{5, 3, 4, 2, 0, 1, 6});
    n = number_labels(words_of({}), {});
    CHECK(n.names.empty());
    CHECK(n.number.empty());
}

TEST_CASE("csv names: a map renames, merges and drops labels") {
    const csv_words words = words_of({"walk", "jog", "run", "unknown", "a=b"});
    auto n = number_labels(words, {"jog=run", "unknown="});
    CHECK(n.names == strings{"a=b", "run", "walk"});
    CHECK(n.number == std::vector<int>{2, 1, 1, -1, 0});
    n = number_labels(words, {"walk=run", "run=walk"}); // rules rename the words of the files, not of each other
    CHECK(n.names == strings{"a=b", "jog", "run", "unknown", "walk"});
    CHECK(n.number == std::vector<int>{2, 1, 4, 3, 0});
    CHECK_RAISES(usage_error, "label map: rule is \"jog\", expected \"OLD=NEW\", or \"OLD=\" for no label",
                 number_labels(words, {"jog"}));
    CHECK_RAISES(usage_error, "label map: rule is \"=x\"", number_labels(words, {"=x"}));
    CHECK_RAISES(usage_error, "label map: label is \"jump\", expected one of a=b, jog, run, unknown, walk",
                 number_labels(words, {"jump=run"}));
    CHECK_RAISES(usage_error, "label is \"a\", expected", number_labels(words, {"a=b=c"}));
}

TEST_CASE("csv names: people whose names are all whole numbers keep them") {
    auto n = number_people(words_of({"12", "3", "07"}));
    CHECK(n.names.empty());
    CHECK(n.number == std::vector<int>{12, 3, 7});
    n = number_people(words_of({"s12", "3", "anna"}));
    CHECK(n.names == strings{"3", "anna", "s12"});
    CHECK(n.number == std::vector<int>{2, 0, 1});
    n = number_people(words_of({"-1", "1"}));
    CHECK(n.names == strings{"1", "-1"});
    n = number_people(words_of({"99999999999", "1"}));
    CHECK(n.names == strings{"1", "99999999999"});
}

// SPDX-License-Identifier: BSD-3-Clause
#include "../../examples/har/text.hpp"

#include <doctest/doctest.h>

TEST_CASE("har: a text is cut at a character and not within its bytes") {
    CHECK(har::characters("größer ± 1") == 10);
    CHECK(har::shortened("größer", 6) == "größer");
    CHECK(har::shortened("größer", 5) == "größ…");
    CHECK(har::shortened("größer", 1) == "…");
    CHECK(har::shortened("", 3).empty());
}

TEST_CASE("har: a text is aligned by its characters; a longer one is whole") {
    CHECK(har::left_aligned("±1", 4) == "±1  ");
    CHECK(har::right_aligned("±1", 4) == "  ±1");
    CHECK(har::right_aligned("walking", 4) == "walking");
}

TEST_CASE("har: a number has digits and nothing else") {
    CHECK(har::is_number("007"));
    CHECK_FALSE(har::is_number(""));
    CHECK_FALSE(har::is_number("-1"));
    CHECK_FALSE(har::is_number("1 "));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/printable.hpp"

#include <doctest/doctest.h>

#include <string>

#include "smldist/core/error.hpp"

using namespace smldist;

TEST_CASE("printable: control characters and bytes that are not UTF-8 become visible, all else stays") {
    CHECK(printable("") == "");
    CHECK(printable("walking, \"fast\" \\ gr\xC3\xB6\xC3\x9F"
                    "er \xE2\x82\xAC") == "walking, \"fast\" \\ gr\xC3\xB6\xC3\x9F"
                                          "er \xE2\x82\xAC");
    CHECK(printable("a\x1B[31mred\r\n\tb") == "a\\x1B[31mred\\x0D\\x0A\\x09"
                                              "b");
    CHECK(printable(std::string("\0\x7F", 2)) == "\\x00\\x7F");
    CHECK(printable("\xC2\x9B"
                    "2J") == "\\xC2\\x9B"
                             "2J"); // U+009B begins an escape sequence, too
    CHECK(printable("\xC2\xA0") == "\xC2\xA0");
    CHECK(printable("\x9B"
                    "2J\xFF\xC3") == "\\x9B"
                                     "2J\\xFF\\xC3");
    CHECK(printable(std::string(3, '\xFE') + "x") == "\\xFE\\xFE\\xFEx");
}

TEST_CASE("control_prefix: the length of a control character") {
    CHECK(control_prefix("\x1F") == 1);
    CHECK(control_prefix("\x7F") == 1);
    CHECK(control_prefix("\xC2\x80") == 2);
    CHECK(control_prefix("\xC2\x9F") == 2);
    CHECK(control_prefix("\xC2\xA0") == 0);
    CHECK(control_prefix("\xC2") == 0);
    CHECK(control_prefix(" ") == 0);
    CHECK(control_prefix("") == 0);
}

TEST_CASE("raise: a message is printable and short whatever the bytes of its parts") {
    const auto message = [](const std::string& text) {
        try {
            raise<data_error>("file\n", "word is \"", text, "\", expected another");
        } catch (const data_error& e) { return std::string(e.what()); }
    };
    CHECK(message("\x1B[2J\xFF") == "file\\x0A: word is \"\\x1B[2J\\xFF\", expected another");
    CHECK(message(std::string(1000, 'y')).size() == 1000 + 38);
    const std::string cut = message(std::string(5'000'000, 'y'));
    CHECK(cut.size() == 1000 + 3 + 38);
    CHECK(cut.ends_with("yyy...\", expected another"));
}

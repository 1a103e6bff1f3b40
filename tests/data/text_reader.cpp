// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/text_reader.hpp"

#include <clocale>
#include <cmath>
#include <doctest/doctest.h>

using namespace smldist;
using data::text_reader;

namespace {

/// What reading "f" as rows of two numbers complains about; "" when nothing.
std::string complaint(const std::string& text) {
    try {
        text_reader in("f", text);
        while (in.next_line()) {
            in.number();
            in.number();
            in.finish_line(2);
        }
    } catch (const data_error& e) { return e.what(); }
    return "";
}

} // namespace

TEST_CASE("text_reader: numbers, CRLF, byte-order mark, blank lines at the end") {
    text_reader in("f", "\xEF\xBB\xBF  1.8085150e-004\t-2\r\n3 4 \n\r\n \n");
    REQUIRE(in.next_line());
    CHECK(in.number() == 1.8085150e-4f);
    CHECK(!in.at_end());
    CHECK(in.number() == -2);
    CHECK(in.at_end());
    REQUIRE(in.next_line());
    CHECK(in.line() == 2);
    CHECK(in.integer("place", 3, 3) == 3);
    CHECK(in.integer("place", 0, 9) == 4);
    in.finish_line(2);
    CHECK(!in.next_line());
    CHECK(!in.next_line());
    CHECK(!text_reader("f", "").next_line());
    CHECK(!text_reader("f", "\xEF\xBB\xBF").next_line());
}

TEST_CASE("text_reader: the lines that are left") {
    const auto left = [](const std::string& text) { return text_reader("f", text).lines_left(); };
    CHECK(left("") == 0);
    CHECK(left("\xEF\xBB\xBF") == 0);
    CHECK(left(" \n\r\n") == 0);
    CHECK(left("1\n") == 1);
    CHECK(left("1") == 1);
    CHECK(left("\xEF\xBB\xBF"
               "1\r\n2\r\n3\n\n \n") == 3);
    text_reader in("f", "1\n2\n3\n");
    for (std::size_t n = 3; n > 0; --n) {
        CHECK(in.lines_left() == n);
        CHECK(in.next_line());
    }
    CHECK(in.lines_left() == 0);
}

TEST_CASE("text_reader: errors carry file, line and column") {
    CHECK(complaint("1 2\n3 4\n") == "");
    CHECK(complaint("1 2\n3 x4\n") == "f:2:3: field is 'x4', expected a number");
    CHECK(complaint("1 2\n3 4.5.6\n") == "f:2:3: field is '4.5.6', expected a number");
    CHECK(complaint("1 1,5\n") == "f:1:3: field is '1,5', expected a number");
    CHECK(complaint("1 nan\n") == "f:1:3: field is 'nan', expected a finite number in the range of float");
    CHECK(complaint("-inf 2\n") == "f:1:1: field is '-inf', expected a finite number in the range of float");
    CHECK(complaint("1e39 2\n").starts_with("f:1:1: field is '1e39', expected a finite"));
    CHECK(complaint("1e999 2\n").starts_with("f:1:1: field is '1e999', expected a finite"));
    CHECK(complaint("1\n") == "f:1:2: line ends, expected a number");
    CHECK(complaint("1 2 3\n") == "f:1:5: line has more fields, expected 2");
    CHECK(complaint("1 2\n\n3 4\n").starts_with("f:2:1: line is blank"));
    CHECK(complaint("1 2\n3 4").starts_with("f:2:4: file ends within a line"));
    CHECK(complaint(std::string("1 \0\x01\n", 5)) == "f:1:3: field is '?\?', expected a number");
    CHECK(complaint("1 " + std::string(1000, 'y') + "\n") ==
          "f:1:3: field is '" + std::string(24, 'y') + "...', expected a number");
}

TEST_CASE("text_reader: a leading plus; numbers too small for double are 0, too large are an error") {
    text_reader in("f", "+1.5 1e-400 -1e-400 +.5e+1 0.1e-99999999999999999999\n");
    REQUIRE(in.next_line());
    CHECK(in.number() == 1.5f);
    CHECK(in.number() == 0);
    CHECK(in.real() == 0);
    CHECK(in.number() == 5);
    CHECK(in.number() == 0);
    CHECK(in.at_end());
    CHECK(complaint("1 +-2\n") == "f:1:3: field is '+-2', expected a number");
    CHECK(complaint("1 ++2\n") == "f:1:3: field is '++2', expected a number");
    CHECK(complaint("1 +\n") == "f:1:3: field is '+', expected a number");
    CHECK(complaint("1 -1e400\n") == "f:1:3: field is '-1e400', expected a finite number in the range of float");
}

TEST_CASE("text_reader: integers in their range") {
    for (const std::string text : {"0\n", "7\n", "2.0\n", "x\n", "99999999999\n"}) {
        CAPTURE(text);
        text_reader in("f", text);
        REQUIRE(in.next_line());
        CHECK_THROWS_AS(in.integer("label", 1, 6), data_error);
    }
    text_reader in("f", "7\n");
    in.next_line();
    CHECK_THROWS_WITH_AS(in.integer("label", 1, 6), "f:1:1: label is '7', expected 1 to 6", data_error);
}

TEST_CASE("text_reader: fields between commas") {
    text_reader in("f", "id, name ,\r\n1657533977813,walk ,nan\n1,,2\n1,2,\n", ',');
    in.header({"id", "name", ""});
    REQUIRE(in.next_line());
    CHECK(in.real() == 1657533977813.0);
    CHECK_THROWS_WITH_AS(in.refuse("no"), "f:2:1: no", data_error); // the field read last
    CHECK_THROWS_WITH_AS(in.fail("no"), "f:2:15: no", data_error);
    CHECK(in.choice("label", {"sit", "walk"}) == 1);
    CHECK(std::isnan(in.number_or_nan()));
    CHECK(in.at_end());
    CHECK(in.empty_field());
    REQUIRE(in.next_line());
    in.skip(1);
    CHECK(in.empty_field());
    CHECK_THROWS_WITH_AS(in.number(), "f:3:3: field is '', expected a number", data_error);
    in.skip(1);
    CHECK(in.number_or_nan() == 2);
    in.finish_line(3);
    CHECK_THROWS_WITH_AS(in.number(), "f:3:5: line ends, expected a number", data_error);
    REQUIRE(in.next_line());
    in.skip(2);
    CHECK(!in.at_end());
    CHECK(in.blank());
    CHECK_THROWS_WITH_AS(in.finish_line(2), "f:4:5: line has more fields, expected 2", data_error);
}

TEST_CASE("text_reader: refuses malformed CSV") {
    const auto refused = [](const std::string& text, const std::string& message, auto read) {
        text_reader in("f", text, ',');
        CHECK_THROWS_WITH_AS(read(in), message.c_str(), data_error);
    };
    const auto header = [](text_reader& in) { in.header({"a", "b"}); };
    refused("", "f:0:1: file is empty, expected a header", header);
    refused("a,c\n", "f:1:3: column is 'c', expected 'b'", header);
    refused("a\n", "f:1:2: line ends, expected column b", header);
    refused("a,b,c\n", "f:1:5: line has more fields, expected 2", header);
    const auto label = [](text_reader& in) {
        in.next_line();
        in.choice("label", {"sit", "walk"});
    };
    refused("run\n", "f:1:1: label is 'run', expected one of sit, walk", label);
    const auto number = [](text_reader& in) {
        in.next_line();
        in.skip(1);
        in.real();
    };
    refused("1,nan\n", "f:1:3: field is 'nan', expected a finite number", number);
    refused("1, 1e999\n", "f:1:4: field is '1e999', expected a finite number", number);
    refused("1\n", "f:1:2: line ends, expected a number", number);
    const auto skipped = [](text_reader& in) {
        in.next_line();
        in.skip(3);
    };
    refused("1,2\n", "f:1:4: line ends, expected a field", skipped);
    text_reader in("f", "inf\n", ',');
    in.next_line();
    CHECK_THROWS_AS(in.number_or_nan(), data_error);
}

TEST_CASE("text_reader: several records on a line, blank lines between lines") {
    text_reader in("f", "\n \r\n1,2;3,4;;5,6\n\n7,8;\n\n", ',');
    CHECK(in.skip_blank_lines() == 2);
    REQUIRE(in.next_line());
    CHECK(in.line() == 3);
    REQUIRE(in.next_part(';'));
    CHECK(in.number() == 1);
    CHECK(in.number() == 2);
    CHECK(in.at_end());
    CHECK(in.marked());
    REQUIRE(in.next_part(';')); // left unread
    REQUIRE(in.next_part(';'));
    CHECK(in.blank());
    CHECK(in.marked());
    REQUIRE(in.next_part(';'));
    CHECK(!in.marked());
    CHECK(in.number() == 5);
    in.number();
    CHECK_THROWS_WITH_AS(in.number(), "f:3:13: line ends, expected a number", data_error);
    CHECK(!in.next_part(';'));
    CHECK(in.skip_blank_lines() == 1);
    REQUIRE(in.next_line());
    CHECK(in.line() == 5);
    REQUIRE(in.next_part(';'));
    CHECK(!in.next_part(';'));
    CHECK(in.skip_blank_lines() == 0); // those at the end are no dirt
    CHECK(!in.next_line());
}

TEST_CASE("text_reader: a locale with decimal commas changes nothing") {
    const std::string before = std::setlocale(LC_ALL, nullptr);
    if (!std::setlocale(LC_ALL, "de_DE.UTF-8")) MESSAGE("de_DE.UTF-8 is not installed: checked in the C locale");
    CHECK(complaint("1.5 2\n") == "");
    CHECK(complaint("1,5 2\n") != "");
    std::setlocale(LC_ALL, before.c_str());
}

TEST_CASE("text_reader: a file that cannot be read is an io_error") {
    const std::filesystem::path missing = "/nonexistent/file", folder = std::filesystem::temp_directory_path();
    CHECK_THROWS_AS(text_reader{missing}, io_error);
    CHECK_THROWS_AS(text_reader{folder}, io_error);
}

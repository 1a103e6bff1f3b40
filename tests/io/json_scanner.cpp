// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/io/json_scanner.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace io = smldist::io;
using namespace std::string_view_literals;

TEST_CASE("valid_utf8_prefix accepts exactly the code points of Unicode but surrogates, in their shortest form") {
    // Every sequence of up to four bytes that the bit pattern of UTF-8 can form, against the rule on its code point.
    std::size_t valid = 0;
    const auto check = [&](const std::string& bytes, std::uint32_t point, std::uint32_t least) {
        const bool wanted = point >= least && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
        const bool got = io::valid_utf8_prefix(bytes) == bytes.size();
        valid += got;
        if (got != wanted) FAIL("code point ", point, " in ", bytes.size(), " bytes");
    };
    const auto tail = [](std::uint32_t point, int shift) {
        return static_cast<char>(0x80 | (point >> shift & 0x3F));
    };
    for (std::uint32_t p = 0; p < 0x80; ++p) check({static_cast<char>(p)}, p, 0);
    for (std::uint32_t p = 0; p < 0x800; ++p) check({static_cast<char>(0xC0 | p >> 6), tail(p, 0)}, p, 0x80);
    for (std::uint32_t p = 0; p < 0x10000; ++p)
        check({static_cast<char>(0xE0 | p >> 12), tail(p, 6), tail(p, 0)}, p, 0x800);
    for (std::uint32_t p = 0; p < 0x200000; ++p)
        check({static_cast<char>(0xF0 | p >> 18), tail(p, 12), tail(p, 6), tail(p, 0)}, p, 0x10000);
    CHECK(valid == 0x110000 - 0x800);
}

TEST_CASE("valid_utf8_prefix stops at the first bad byte") {
    CHECK(io::valid_utf8_prefix("") == 0);
    CHECK(io::valid_utf8_prefix("ab\x80") == 2);               // continuation without lead
    CHECK(io::valid_utf8_prefix("a\xC3") == 1);                // cut short
    CHECK(io::valid_utf8_prefix("a\xE2\x82") == 1);            // cut short
    CHECK(io::valid_utf8_prefix("a\xF0\x9F\x98") == 1);        // cut short
    CHECK(io::valid_utf8_prefix("\xE2\x82\x28") == 0);         // third byte is none
    CHECK(io::valid_utf8_prefix("\xF0\x9F\x98\x28") == 0);     // fourth byte is none
    CHECK(io::valid_utf8_prefix("\xF8\x88\x80\x80\x80") == 0); // five bytes
    CHECK(io::valid_utf8_prefix("\xFF") == 0);
    CHECK(io::valid_utf8_prefix("\xC3\xA9\xFE") == 2);
}

TEST_CASE("valid_utf8_prefix at every position of a longer text") {
    for (std::size_t at = 0; at < 40; ++at)
        for (const std::string_view bad : {"\x80", "\xC3",
                                           "\xC3"
                                           "a",
                                           "\xF0\x9F\x98", "\xED\xA0\x80"}) {
            const std::string text = std::string(at, 'a') + std::string(bad) + std::string(40 - at, 'a');
            REQUIRE(io::valid_utf8_prefix(text) == at);
            REQUIRE(io::valid_utf8_prefix(std::string(at, 'a') + "\xC3\xA9" + text) == at + 2 + at);
        }
}

TEST_CASE("append_quoted escapes what JSON forbids in a string, control characters that it allows, nothing else") {
    std::string out = "x";
    io::append_quoted(out, "a\"b\\c/\b\f\n\r\t\x01\x1F\x7F\xC2\x9B\xC2\xA0\xC3\xA9\0z"sv);
    CHECK(out == "x\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\\u009b\xC2\xA0\xC3\xA9\\u0000z\"");
}

TEST_CASE("in_quotes shortens to 80 bytes of valid UTF-8") {
    CHECK(io::in_quotes("abc") == "\"abc\"");
    CHECK(io::in_quotes(std::string(100, 'a')) == '"' + std::string(80, 'a') + '"');
    CHECK(io::in_quotes(std::string(79, 'a') + "\xC3\xA9") == '"' + std::string(79, 'a') + '"');
}

TEST_CASE("json_scanner::number keeps integers exactly and tells overflow from underflow") {
    const auto scan = [](std::string_view text, io::json_number& n) { return io::json_scanner(text).number(n); };
    io::json_number n;
    REQUIRE(scan("9007199254740993", n)); // 2^53 + 1
    CHECK(n.integral);
    CHECK(n.integer == 9007199254740993);
    REQUIRE(scan("-9223372036854775808", n));
    CHECK(n.integer == INT64_MIN);
    REQUIRE(scan("9223372036854775808", n)); // 2^63
    CHECK_FALSE(n.integral);
    CHECK(n.real == 0x1p63);
    REQUIRE(scan("1.0", n));
    CHECK_FALSE(n.integral);
    REQUIRE(scan("1e2", n));
    CHECK_FALSE(n.integral);
    CHECK(n.real == 100);

    const std::string zeros(400, '0');
    for (const std::string& small :
         {std::string("1e-400"), "0." + zeros + "1", "0." + zeros + "1e50", "1" + zeros + "e-900",
          std::string("2e-324"), std::string("1e-99999999999999999999")}) {
        CAPTURE(small);
        REQUIRE(scan(small, n));
        CHECK((n.real == 0 && !std::signbit(n.real)));
        REQUIRE(scan("-" + small, n));
        CHECK((n.real == 0 && std::signbit(n.real)));
    }
    for (const std::string& large : {std::string("1e400"), "1" + zeros, "1" + zeros + "e-50", "0." + zeros + "1e900",
                                     std::string("1.7976931348623159e308"), std::string("1e99999999999999999999")}) {
        CAPTURE(large);
        CHECK_FALSE(scan(large, n));
        CHECK_FALSE(scan("-" + large, n));
    }
    REQUIRE(scan("0e99999999999999999999", n));
    CHECK(n.real == 0);
    REQUIRE(scan("4.9406564584124654e-324", n));
    CHECK(n.real == 0x1p-1074);
}

TEST_CASE("json_scanner::more visits the items and reports wrong separators") {
    const auto digits = [](std::string_view text, std::string& seen) -> std::string {
        io::json_scanner scanner(text);
        for (scanner.enter('['); scanner.more(']');) {
            const char c = scanner.peek();
            if (c < '0' || c > '9' || !scanner.expect({&c, 1})) {
                scanner.fail("expected a digit");
                break;
            }
            seen += c;
        }
        return scanner.good() ? "" : scanner.error().what + " at " + std::to_string(scanner.error().offset);
    };
    std::string seen;
    CHECK(digits(" [ 1 ,2, 3 ] ", seen).empty());
    CHECK(seen == "123");
    CHECK(digits("[]", seen).empty());
    CHECK(seen == "123");
    CHECK(digits("[1 2]", seen) == "expected ',' or ']' at 3");
    CHECK(digits("[1,]", seen) == "expected a digit at 3");
    CHECK(digits("[1", seen) == "expected ',' or ']' at 2");
    CHECK(digits("1]", seen) == "expected '[' at 0");
}

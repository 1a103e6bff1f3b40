// SPDX-License-Identifier: BSD-3-Clause
// Texts that are JSON and texts that are not, with the verdict of nlohmann-json.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "json_check.hpp"
#include "json_oracle.hpp"

using namespace std::string_literals;

TEST_CASE("json accepts what nlohmann-json accepts, with the same values") {
    const std::vector<std::string> corpus{"null",
                                          "true",
                                          "false",
                                          "0",
                                          "-0",
                                          "-1",
                                          "0.5",
                                          "-0.0",
                                          "1e5",
                                          "1E+5",
                                          "1e-5",
                                          "1.25e2",
                                          "123456789012345678",
                                          "9223372036854775807",
                                          "-9223372036854775808",
                                          "9223372036854775808",
                                          "18446744073709551615",
                                          "18446744073709551616",
                                          "-9223372036854775809",
                                          "0.1",
                                          "0.30000000000000004",
                                          "5e-324",
                                          "2.2250738585072011e-308",
                                          "1.7976931348623157e308",
                                          "3.14159265358979323846264338327950288",
                                          "0e1",
                                          "0E0",
                                          "\"\"",
                                          "\"a\"",
                                          "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                          "\"\\u0041\\u00e9\\u20AC\\uD83D\\uDE00\"",
                                          "\"\\u0000\"",
                                          "\"\x7F\"",
                                          "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"",
                                          "\"\xF4\x8F\xBF\xBF\"",
                                          "[]",
                                          "{}",
                                          " [ ] ",
                                          "\t{\r}\n",
                                          "[1,2,3]",
                                          "[[[]]]",
                                          "[null,true,\"x\",{}]",
                                          "{\"a\":1}",
                                          "{\"a\":{\"b\":[1,{\"c\":null}]},\"d\":\"e\"}",
                                          "{\"\":0}",
                                          "{\"b\":1,\"a\":2}",
                                          "{\"a\\u0062\":1,\"ac\":2}",
                                          "[1 , 2]"};
    for (const auto& text : corpus) {
        CAPTURE(text);
        CHECK(compare(text) == verdict::both_accept);
    }
}

TEST_CASE("json rejects what nlohmann-json rejects") {
    const std::vector<std::string> corpus{"",
                                          " ",
                                          "nul",
                                          "nulll",
                                          "True",
                                          "NaN",
                                          "Infinity",
                                          "-Infinity",
                                          "-",
                                          "+1",
                                          "01",
                                          "-01",
                                          "1.",
                                          ".5",
                                          "-.5",
                                          "1e",
                                          "1e+",
                                          "1.e5",
                                          "0x10",
                                          "1_000",
                                          "1,",
                                          "1 2",
                                          "--1",
                                          "1e5.5",
                                          "\"",
                                          "\"a",
                                          "\"\\\"",
                                          "\"\\",
                                          "'a'",
                                          "\"\\x\"",
                                          "\"\\u12\"",
                                          "\"\\u12G4\"",
                                          "\"\\u+123\"",
                                          "\"\\u 123\"",
                                          "\"\\uD800\"",
                                          "\"\\uDC00\"",
                                          "\"\\uD800\\u0041\"",
                                          "\"\\uD800\\uD800\"",
                                          "\"\\uD800x\"",
                                          "\"\\uD83D\\\"",
                                          "\"\\uD83D\\uDE0\"",
                                          "\"a\nb\"",
                                          "\"a\tb\"",
                                          "\"\x01\"",
                                          "[",
                                          "]",
                                          "[1",
                                          "[1,",
                                          "[1,]",
                                          "[,1]",
                                          "[,]",
                                          "[1 2]",
                                          "[1}",
                                          "{",
                                          "}",
                                          "{\"a\"",
                                          "{\"a\":",
                                          "{\"a\":1",
                                          "{\"a\":1,",
                                          "{\"a\":1,}",
                                          "{,}",
                                          "{a:1}",
                                          "{1:1}",
                                          "{\"a\" 1}",
                                          "{\"a\"::1}",
                                          "{\"a\":1 \"b\":2}",
                                          "{\"a\",\"b\"}",
                                          "[]]",
                                          "{}{}",
                                          "[] x",
                                          "// c\n1",
                                          "/**/1",
                                          "[1,/**/2]",
                                          "\xA0",
                                          "\xC2\xA0"
                                          "1",
                                          "1e400",
                                          "-1e400",
                                          "tru e",
                                          "\"\x80\"",
                                          "\"\xC0\xAF\"",
                                          "\"\xED\xA0\x80\"",
                                          "\"\xF4\x90\x80\x80\"",
                                          "\"\xE0\x80\x80\"",
                                          "\"\xC3\"",
                                          "\"\xFF\"",
                                          "\xFF"};
    for (const auto& text : corpus) {
        CAPTURE(text);
        CHECK(compare(text) == verdict::both_reject);
    }
}

TEST_CASE("json is stricter than nlohmann-json where the file comment says so") {
    CHECK(compare("{\"a\":1,\"a\":2}") == verdict::theirs_only);
    CHECK(compare("\xEF\xBB\xBF"
                  "1") == verdict::theirs_only); // byte order mark
    CHECK(compare(std::string(33, '[') + std::string(33, ']')) == verdict::theirs_only);
    CHECK(error_of("1\0"s) == "expected the end of the text at byte 1");
}

// SPDX-License-Identifier: BSD-3-Clause
// Texts are bounded in depth, number of values and memory.
#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "json_check.hpp"
#include "memory_limit.hpp"

using smldist::io::json;
using smldist::io::json_limits;
using smldist::io::parse_error;

TEST_CASE("depth and number of values are bounded") {
    const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
    CHECK(error_of(nested(32)).empty());
    CHECK(error_of(nested(33)) == "arrays and objects are nested too deeply at byte 32");
    CHECK(error_of(nested(100'000)) == "arrays and objects are nested too deeply at byte 32");
    CHECK(error_of(std::string(100'000, '[')) == "arrays and objects are nested too deeply at byte 32");
    CHECK(error_of("[[1]]", {.depth = 1}) == "arrays and objects are nested too deeply at byte 1");

    CHECK(error_of("[1,2,3]", {.values = 4}).empty());
    CHECK(error_of("[1,2,3]", {.values = 3}) == "there are too many values at byte 5");
    std::string zeros = "[0";
    for (int i = 0; i < 1'000'000; ++i) zeros += ",0";
    CHECK(error_of(zeros + "]") == "there are too many values at byte 199999");
}

TEST_CASE("large objects: many keys, long keys") {
    std::string text = "{";
    for (int i = 0; i < 50'000; ++i) text += (i ? ",\"" : "\"") + std::to_string(i) + "\":" + std::to_string(i);
    const json j = json::parse(text + "}");
    CHECK(j.as_object().size() == 50'000);
    CHECK(j.as_int("49999") == 49'999);
    CHECK(error_of(text + ",\"25000\":0}") == "key \"25000\" occurs twice in the object at byte 0");
    const std::string key(1'000'000, 'k');
    CHECK(error_of("{\"" + key + "\":1,\"" + key + "\":2}").size() < 200);
}

TEST_CASE("a value takes at most the size of its text + 16 MiB") {
    const auto fits = [](std::string_view what, const std::string& text, bool wanted) {
        CAPTURE(what);
        CHECK(run_within(text.size() + (16U << 20), [&] {
                  json out;
                  parse_error error;
                  return json::parse(text, out, error) == wanted;
              }) == ending::as_wanted);
    };
    const auto repeat = [](std::size_t n, std::string_view part) {
        std::string text;
        for (std::size_t i = 0; i < n; ++i) text += part;
        return text;
    };
    fits("numbers", "[" + repeat(99'998, "0,") + "0]", true);
    fits("empty arrays", "[" + repeat(99'998, "[],") + "0]", true);
    fits("arrays of one", "[" + repeat(49'999, "[0],") + "0]", true);
    fits("short strings", "[" + repeat(99'998, "\"0123456789abcdef\",") + "0]", true);
    fits("a long string", "[\"" + std::string(50'000'000, 's') + "\"]", true);
    fits("a long string of escapes", "[\"" + repeat(5'000'000, "\\n") + "\"]", true);
    fits("many numbers", "[" + repeat(10'000'000, "0,") + "0]", false);
    fits("objects of one", "[" + repeat(49'999, "{\"\":0},") + "0]", true);
    std::string members = "{";
    for (int i = 0; i < 99'999; ++i)
        members += (i ? ",\"" : "\"") + std::to_string(1'000'000'000'000'000 + i) + "\":0";
    fits("an object of many", members + "}", true);
}

TEST_CASE("several texts share their limits") {
    json_limits left{.values = 10, .memory = 4000};
    json out;
    parse_error error;
    CHECK(json::parse_one_of_several("[1,2,3]", out, error, left));
    CHECK(left.values == 6);
    CHECK(left.memory < 4000);
    CHECK(json::parse_one_of_several("[1,2,3,4]", out, error, left));
    CHECK(!json::parse_one_of_several("[1]", out, error, left));
    CHECK(error.what == "there are too many values");

    left = {.memory = 1000};
    const std::size_t before = left.memory;
    CHECK(json::parse_one_of_several(R"({"a":["b","c"]})", out, error, left));
    CHECK(before - left.memory >= 2 * sizeof(json) + 2 * sizeof(std::string) + sizeof(json::object::value_type));
    CHECK(!json::parse_one_of_several("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", out, error, left));
    CHECK(error.what == "its values take too much memory");
}

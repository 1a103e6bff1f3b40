// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/io/json.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include "json_check.hpp"

using smldist::data_error;
using smldist::usage_error;
using smldist::io::json;

TEST_CASE("errors carry the byte offset") {
    CHECK(error_of("[1, 2, x]") == "expected a value at byte 7");
    CHECK(error_of("  [1} ") == "expected ',' or ']' at byte 4");
    CHECK(error_of("{\"a\": nul}") == "expected 'null' at byte 6");
    CHECK(error_of("{\"a\" 1}") == "expected ':' at byte 5");
    CHECK(error_of("[\"ab\\q\"]") == "this escape is not valid at byte 4");
    CHECK(error_of("[\"ab") == "this string has no end at byte 1");
    CHECK(error_of("[\"a\nb\"]") == "a control character in a string at byte 3");
    CHECK(error_of("[007]") == "a number begins with 0 at byte 1");
    CHECK(error_of("[1.]") == "a number has no digit after its point at byte 1");
    CHECK(error_of("[1e]") == "a number has no digit in its exponent at byte 1");
    CHECK(error_of("[1e999]") == "a number is too large at byte 1");
    CHECK(error_of("[] []") == "expected the end of the text at byte 3");
    CHECK(error_of("[\"\xC3\xA9\", \"\xC3\"]") == "the text is not valid UTF-8 at byte 8");
    CHECK_THROWS_WITH_AS((void)json::parse("[1,"), "json: expected a value at byte 3", data_error);
}

TEST_CASE("duplicate keys are errors at any level, also behind an escape") {
    CHECK(error_of(R"({"a":1,"b":2,"a":3})") == "key \"a\" occurs twice in the object at byte 0");
    CHECK(error_of(R"([{"a":1,"\u0061":3}])") == "key \"a\" occurs twice in the object at byte 1");
    CHECK(error_of(R"({"":1,"":3})") == "key \"\" occurs twice in the object at byte 0");
    CHECK(error_of(R"([{"a":1},{"a":1}])").empty());
    CHECK(error_of(R"({"a":{"a":1}})").empty());
}

TEST_CASE("accessors return the value or name key, type and expectation") {
    const json j =
        json::parse(R"({"i": 3, "n": -3, "r": 2.5, "s": "x", "b": true, "z": null, "a": [1, 2], "o": {"k": 1}})");
    CHECK(j.as_int("i") == 3);
    CHECK(j.as_size("i") == 3);
    CHECK(j.as_double("i") == 3.0);
    CHECK(j.as_int("n") == -3);
    CHECK(j.as_double("r") == 2.5);
    CHECK(j.as_string("s") == "x");
    CHECK(j.as_bool("b"));
    CHECK(j.at("z").is_null());
    CHECK(j.as_array("a").size() == 2);
    CHECK(j.as_array("a")[1].as_size() == 2);
    CHECK(j.as_object("o").front().first == "k");
    CHECK(j.at("o").as_int("k") == 1);
    CHECK(j.find("absent") == nullptr);
    CHECK(j.at("a").find("k") == nullptr);

    CHECK_THROWS_WITH_AS((void)j.at("shape"), "json: key \"shape\" is missing in an object", data_error);
    CHECK_THROWS_WITH_AS((void)j.at("a").at("shape"), "json: key \"shape\" is missing in an array", data_error);
    CHECK_THROWS_WITH_AS((void)j.as_int("absent"), "json: key \"absent\" is missing in an object", data_error);
    CHECK_THROWS_WITH_AS((void)j.as_int("s"), "json: value of \"s\" is a string, expected a number", data_error);
    CHECK_THROWS_WITH_AS((void)j.as_int("r"), "json: value of \"r\" is 2.5, expected an integer of 64 bits",
                         data_error);
    CHECK_THROWS_WITH_AS((void)j.as_size("n"), "json: value of \"n\" is -3, expected 0 to 9223372036854775807",
                         data_error);
    CHECK_THROWS_WITH_AS((void)j.as_double("b"), "json: value of \"b\" is a boolean, expected a number", data_error);
    CHECK_THROWS_WITH_AS((void)j.as_string("i"), "json: value of \"i\" is a number, expected a string", data_error);
    CHECK_THROWS_WITH_AS((void)j.as_bool("z"), "json: value of \"z\" is null, expected a boolean", data_error);
    CHECK_THROWS_WITH_AS((void)j.as_array("o"), "json: value of \"o\" is an object, expected an array", data_error);
    CHECK_THROWS_WITH_AS((void)j.as_object("a"), "json: value of \"a\" is an array, expected an object", data_error);
    CHECK_THROWS_WITH_AS((void)j.as_int(), "json: value is an object, expected a number", data_error);
    CHECK_THROWS_AS((void)json("x").as_bool(), data_error);
    CHECK_THROWS_AS((void)json(1).as_string(), data_error);
    CHECK_THROWS_AS((void)json(1).as_array(), data_error);
    CHECK_THROWS_AS((void)json(1).as_object(), data_error);
    CHECK_THROWS_AS((void)json("1").as_double(), data_error);
    CHECK_THROWS_AS((void)json(-1).as_size(), data_error);
}

TEST_CASE("values are built from C++ values and dumped without white space") {
    json j;
    j.set("name", "stem");
    j.set("stride", std::size_t{2});
    j.set("eps", 1e-5);
    j.set("scale", 1.0F);
    j.set("flag", true);
    j.set("none", nullptr);
    j.set("shape", json::array{3, -1});
    j.set("nested", json::object{{"k", "\xC3\xA9\n"}});
    j.set("empty", json::array{});
    j.set("void", json::object{});
    j.set("stride", 1); // replaces in place
    CHECK(j.dump() == "{\"name\":\"stem\",\"stride\":1,\"eps\":1e-05,\"scale\":1.0,\"flag\":true,\"none\":null,"
                      "\"shape\":[3,-1],\"nested\":{\"k\":\"\xC3\xA9\\n\"},\"empty\":[],\"void\":{}}");
    CHECK(json::parse(j.dump()) == j);

    CHECK_THROWS_AS((void)json(json::object{{"a", 1}, {"b", 1}, {"a", 2}}), usage_error);
    CHECK_THROWS_AS((void)json(std::numeric_limits<std::uint64_t>::max()), usage_error);
    CHECK_THROWS_AS(json(1).set("a", 1), usage_error);
    CHECK_THROWS_AS((void)json(std::nan("")).dump(), usage_error);
    CHECK_THROWS_AS((void)json(std::numeric_limits<double>::infinity()).dump(), usage_error);
    CHECK_THROWS_AS((void)json("\xFF").dump(), usage_error);
    CHECK_THROWS_AS((void)json(json::object{{"\xC3", 1}}).dump(), usage_error);
}

TEST_CASE("numbers survive dump and parse bit for bit") {
    std::mt19937_64 random(7);
    for (int i = 0; i < 20'000; ++i) {
        const auto bits = random();
        const auto real = std::bit_cast<double>(bits);
        if (std::isfinite(real) && !same_bits(json::parse(json(real).dump()).as_double(), real)) FAIL(real);
        const auto integer = static_cast<std::int64_t>(bits) >> (i % 64);
        if (json::parse(json(integer).dump()).as_int() != integer) FAIL(integer);
    }
    for (const double real : {0.0, -0.0, 1.0, -1.0, 1e15, 1e16, 1e22, 1e300, 5e-324, 0.1, 2.5}) {
        const json back = json::parse(json(real).dump());
        CHECK(same_bits(back.as_double(), real));
        CHECK(back == json(real)); // a real number, even 1.0
    }
    CHECK(json(INT64_MIN).dump() == "-9223372036854775808");
    CHECK(json(1e300).dump() == "1e+300");
    CHECK(json(-0.0).dump() == "-0.0");
}

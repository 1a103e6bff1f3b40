// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/io/json.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "memory_limit.hpp"

using smldist::data_error;
using smldist::usage_error;
using smldist::io::json;
using smldist::io::json_limits;
using smldist::io::parse_error;
using oracle = nlohmann::ordered_json;
using namespace std::string_literals;

namespace {

bool same(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

bool same(const json& mine, const oracle& theirs) {
    if (theirs.is_null()) return mine.is_null();
    if (theirs.is_boolean()) return mine == json(theirs.get<bool>());
    if (mine.is_string() != theirs.is_string()) return false;
    if (theirs.is_string()) return mine == json(theirs.get<std::string>());
    if (theirs.is_number_float()) return same(mine.as_double(), theirs.get<double>());
    if (theirs.is_number_unsigned() && theirs.get<std::uint64_t>() > INT64_MAX)
        return same(mine.as_double(), static_cast<double>(theirs.get<std::uint64_t>()));
    if (theirs.is_number()) return mine.as_int() == theirs.get<std::int64_t>();
    if (theirs.is_array()) {
        const auto& items = mine.as_array();
        if (items.size() != theirs.size()) return false;
        for (std::size_t i = 0; i < items.size(); ++i)
            if (!same(items[i], theirs[i])) return false;
        return true;
    }
    const auto& members = mine.as_object();
    if (members.size() != theirs.size()) return false;
    std::size_t i = 0;
    for (const auto& [key, value] : theirs.items()) {
        if (members[i].first != key || !same(members[i].second, value)) return false;
        ++i;
    }
    return true;
}

enum class verdict { both_accept, both_reject, mine_only, theirs_only, values_differ };

verdict compare(const std::string& text) {
    json mine;
    parse_error error;
    const bool good = json::parse(text, mine, error);
    if (!good && (error.what.empty() || error.offset > text.size())) return verdict::values_differ;
    const oracle theirs = oracle::parse(text, nullptr, false);
    if (theirs.is_discarded()) return good ? verdict::mine_only : verdict::both_reject;
    if (!good) return verdict::theirs_only;
    return same(mine, theirs) ? verdict::both_accept : verdict::values_differ;
}

std::string error_of(const std::string& text, json_limits limits = {}) {
    json out("not reset");
    parse_error error;
    if (json::parse(text, out, error, limits)) return "";
    CHECK(out.is_null());
    return error.what + " at byte " + std::to_string(error.offset);
}

/// A random valid text, with white space, escapes and nesting.
class generator {
public:
    explicit generator(unsigned seed) : random_(seed) {}
    std::string value(int depth) {
        switch (depth > 0 ? pick(8) : pick(6)) {
        case 0:
            return "null";
        case 1:
            return pick(2) ? "true" : "false";
        case 2:
            return std::to_string(static_cast<std::int64_t>(random_()) >> pick(64));
        case 3:
            return number();
        case 4:
        case 5:
            return string(std::to_string(pick(1000)));
        case 6:
            return list('[', ']', depth, [&](std::size_t) { return ""s; });
        default:
            return list('{', '}', depth, [&](std::size_t i) { return string(std::to_string(i)) + space() + ":"; });
        }
    }
    std::size_t pick(std::size_t n) { return static_cast<std::size_t>(random_() % n); }

private:
    std::string space() { return std::string(pick(2), " \t\n\r"[pick(4)]); }
    std::string number() {
        std::string text = (pick(2) ? "-" : "") + std::to_string(pick(10'000));
        if (pick(2)) text += "." + std::to_string(random_());
        if (pick(2)) text += (pick(2) ? "e" : "E+") + std::to_string(pick(290));
        return text;
    }
    std::string string(const std::string& unique) {
        static const std::vector<std::string> parts{"a",        "\\n",     "\\u00e9", "\\ud83d\\ude00",
                                                    "\xC3\xA9", "\\\"",    "\\\\",    "\xF0\x9F\x98\x80",
                                                    "\\/",      "\\u0000", " ",       "]}"};
        std::string text = "\"" + unique;
        for (std::size_t i = pick(5); i > 0; --i) text += parts[pick(parts.size())];
        return text + "\"";
    }
    template <class F> std::string list(char open, char close, int depth, F prefix) {
        std::string text = open + space();
        const std::size_t n = pick(5);
        for (std::size_t i = 0; i < n; ++i)
            text += (i ? "," + space() : "") + prefix(i) + space() + value(depth - 1) + space();
        return text + close;
    }
    std::mt19937_64 random_;
};

} // namespace

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

TEST_CASE("random texts and their mutations: same verdict and values as nlohmann-json") {
    generator generate(20240);
    std::size_t accepted = 0, rejected = 0;
    for (int round = 0; round < 4000; ++round) {
        std::string text = generate.value(4);
        if (compare(text) != verdict::both_accept) FAIL(text);
        for (int i = 0; i < 5; ++i) {
            static constexpr std::string_view pool = "{}[]:,\"\\0e.-+ u\x80\xC3\xED\x01t1";
            const char c = pool[generate.pick(pool.size())];
            const std::size_t at = generate.pick(text.size());
            switch (generate.pick(3)) {
            case 0:
                text[at] = c;
                break;
            case 1:
                text.insert(at, 1, c);
                break;
            default:
                text.erase(at, 1);
                break;
            }
            if (text.empty()) break;
            const verdict v = compare(text);
            accepted += v == verdict::both_accept;
            rejected += v == verdict::both_reject;
            const bool duplicate =
                v == verdict::theirs_only && error_of(text).find("occurs twice") != std::string::npos;
            if (v != verdict::both_accept && v != verdict::both_reject && !duplicate) FAIL(text);
        }
    }
    CHECK(accepted > 1000);
    CHECK(rejected > 1000);
}

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
        if (std::isfinite(real) && !same(json::parse(json(real).dump()).as_double(), real)) FAIL(real);
        const auto integer = static_cast<std::int64_t>(bits) >> (i % 64);
        if (json::parse(json(integer).dump()).as_int() != integer) FAIL(integer);
    }
    for (const double real : {0.0, -0.0, 1.0, -1.0, 1e15, 1e16, 1e22, 1e300, 5e-324, 0.1, 2.5}) {
        const json back = json::parse(json(real).dump());
        CHECK(same(back.as_double(), real));
        CHECK(back == json(real)); // a real number, even 1.0
    }
    CHECK(json(INT64_MIN).dump() == "-9223372036854775808");
    CHECK(json(1e300).dump() == "1e+300");
    CHECK(json(-0.0).dump() == "-0.0");
}

TEST_CASE("dump is read back by nlohmann-json with the same values") {
    generator generate(99);
    for (int round = 0; round < 1000; ++round) {
        const json mine = json::parse(generate.value(5));
        const std::string text = mine.dump();
        if (!same(mine, oracle::parse(text)) || json::parse(text) != mine || json::parse(text).dump() != text)
            FAIL(text);
    }
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

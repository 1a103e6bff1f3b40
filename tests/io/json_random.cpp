// SPDX-License-Identifier: BSD-3-Clause
// Random texts are parsed and written as by nlohmann-json.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "json_check.hpp"
#include "json_oracle.hpp"

using smldist::io::json;
using namespace std::string_literals;

namespace {

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

TEST_CASE("dump is read back by nlohmann-json with the same values") {
    generator generate(99);
    for (int round = 0; round < 1000; ++round) {
        const json mine = json::parse(generate.value(5));
        const std::string text = mine.dump();
        if (!same_value(mine, nlohmann::ordered_json::parse(text)) || json::parse(text) != mine ||
            json::parse(text).dump() != text)
            FAIL(text);
    }
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/decimal.hpp"

#include <doctest/doctest.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <locale.h>
#include <string>
#include <string_view>
#include <system_error>

#include "smldist/core/random.hpp"

using smldist::decimal_exponent;
using smldist::detail::from_chars_by_strtod;

/// Stands in front of the C library's, and counts.
static int calls = 0, points = 0;
extern "C" double strtod(const char* text, char** end) noexcept {
    static const locale_t plain = ::newlocale(LC_ALL_MASK, "C", nullptr);
    ++calls;
    points += std::strchr(text, '.') != nullptr ? 1 : 0;
    return ::strtod_l(text, end, plain);
}

namespace {

struct outcome {
    double value = 12.5;
    std::size_t length;
    std::errc code;
    template <class F> outcome(F f, std::string_view text) {
        const auto [end, status] = f(text.data(), text.data() + text.size(), value);
        length = static_cast<std::size_t>(end - text.data());
        code = status;
    }
    friend bool operator==(const outcome& a, const outcome& b) {
        return std::memcmp(&a.value, &b.value, sizeof a.value) == 0 && a.length == b.length && a.code == b.code;
    }
};

/// Whether both read the same value, end and error.
bool agree(std::string_view text) {
    const auto standard = [](const char* a, const char* b, double& v) { return std::from_chars(a, b, v); };
    return outcome(from_chars_by_strtod, text) == outcome(standard, text);
}

} // namespace

TEST_CASE("from_chars_by_strtod: as std::from_chars, to the last bit, for any double in any spelling") {
    smldist::generator g(7);
    char text[400];
    for (int i = 0; i < 100'000; ++i) {
        std::uint64_t bits = 0;
        std::uint32_t words[2];
        g.bits(2, words);
        std::memcpy(&bits, words, sizeof bits);
        double v = 0;
        std::memcpy(&v, &bits, sizeof v);
        if (!std::isfinite(v)) continue;
        const auto check = [&](const std::to_chars_result& r) {
            const std::string_view written(text, static_cast<std::size_t>(r.ptr - text));
            INFO(written);
            REQUIRE(agree(written));
        };
        check(std::to_chars(text, text + sizeof text, v));
        check(
            std::to_chars(text, text + sizeof text, v, std::chars_format::scientific, static_cast<int>(g.below(30))));
        const double small = std::ldexp(v, -std::ilogb(v) + static_cast<int>(g.below(120)) - 60);
        check(
            std::to_chars(text, text + sizeof text, small, std::chars_format::fixed, static_cast<int>(g.below(60))));
        check(std::to_chars(text, text + sizeof text, static_cast<float>(small)));
    }
}

TEST_CASE("from_chars_by_strtod: halfway cases, borders and long texts") {
    const std::string zeros(2000, '0'), nines(2000, '9');
    // 2^-1074 and half of it, whose exact decimal expansion has 751 digits
    char exact[1200];
    const double least = std::numeric_limits<double>::denorm_min();
    const std::string tiny(exact,
                           std::to_chars(exact, exact + sizeof exact, least, std::chars_format::fixed, 1074).ptr);
    std::string half = tiny; // 0.…: half of an even number of digits is found by dividing each
    for (int rest = 0; char& c : half)
        if (c != '.') {
            const int d = rest * 10 + (c - '0');
            c = static_cast<char>('0' + d / 2);
            rest = d % 2;
        }
    half += '5';
    for (const std::string& text : {std::string("0"),
                                    std::string("-0"),
                                    std::string("0.000e5"),
                                    std::string("-0e-999999999999"),
                                    std::string("1e400"),
                                    std::string("-1e400"),
                                    std::string("1e-400"),
                                    std::string("1e99999999999999999999"),
                                    std::string("1e-99999999999999999999"),
                                    std::string("1.7976931348623157e308"),
                                    std::string("1.7976931348623158e308"),
                                    std::string("1.7976931348623159e308"),
                                    std::string("4.9e-324"),
                                    std::string("2.4703282292062328e-324"),
                                    std::string("2.4703282292062327e-324"),
                                    std::string("2e-324"),
                                    std::string("2.2250738585072011e-308"),
                                    std::string("9007199254740993"),
                                    std::string("9007199254740992.9"),
                                    std::string("9007199254740993.0000000000000000000000000001"),
                                    std::string("9007199254740993") + "." + zeros,
                                    std::string("9007199254740993") + "." + zeros + "1",
                                    zeros + "1." + zeros,
                                    "1" + zeros,
                                    "1" + zeros + "e-1990",
                                    "0." + zeros + "1",
                                    "0." + zeros + "1e2001",
                                    nines,
                                    nines + "e-1700",
                                    "0." + nines,
                                    tiny,
                                    half,
                                    half + "1",
                                    std::string("5."),
                                    std::string(".5"),
                                    std::string("."),
                                    std::string("-"),
                                    std::string(""),
                                    std::string("e5"),
                                    std::string("1e"),
                                    std::string("1e+"),
                                    std::string("1e-x"),
                                    std::string("1.2.3"),
                                    std::string("1,5"),
                                    std::string("--1"),
                                    std::string("+1"),
                                    std::string(" 1"),
                                    std::string("1E5"),
                                    std::string("0x10"),
                                    std::string("12abc")}) {
        INFO(text);
        CHECK(agree(text));
    }
}

TEST_CASE("from_chars_by_strtod: strtod never sees a decimal point, which a locale may write otherwise") {
    points = calls = 0;
    for (const char* text : {"0.5", "1234.5678e-3", "-0.001"}) CHECK(agree(text));
    CHECK(calls == 3);
    CHECK(points == 0);
}

TEST_CASE("decimal_exponent: where the first digit stands") {
    CHECK(decimal_exponent("1", "") == 1);
    CHECK(decimal_exponent("123.4", "") == 3);
    CHECK(decimal_exponent("0.1", "") == 0);
    CHECK(decimal_exponent(".001", "") == -2);
    CHECK(decimal_exponent("1.5", "e400") == 401);
    CHECK(decimal_exponent("1", "E-400") == -399);
    CHECK(decimal_exponent("0.01", "e+5") == 4);
    CHECK(decimal_exponent("0." + std::string(400, '0') + "1", "") == -400);
    CHECK(decimal_exponent("1" + std::string(400, '0'), "") == 401);
    CHECK(decimal_exponent("1", "e99999999999999999999") > 0);
    CHECK(decimal_exponent("1", "e-99999999999999999999") < 0);
}

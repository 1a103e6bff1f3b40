// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/error.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>

using namespace smldist;

namespace {
template <class E> std::string message_of() {
    try {
        raise<E>("op::relu", "rank is ", 3, ", expected ", std::string("2"), " or ", true);
    } catch (const error& e) { // every library error is one
        CHECK(dynamic_cast<const E*>(&e) != nullptr);
        CHECK(dynamic_cast<const std::runtime_error*>(&e) != nullptr);
        return e.what();
    }
}
} // namespace

TEST_CASE("raise: where, then the parts as they are; one root for all types") {
    const std::string wanted = "op::relu: rank is 3, expected 2 or true";
    CHECK(message_of<error>() == wanted);
    CHECK(message_of<shape_error>() == wanted);
    CHECK(message_of<usage_error>() == wanted);
    CHECK(message_of<data_error>() == wanted);
    CHECK(message_of<io_error>() == wanted);
    CHECK(message_of<numeric_error>() == wanted);
}

TEST_CASE("raise: numbers in their shortest form") {
    const auto text = [](auto number) {
        try {
            raise<error>("n", number);
        } catch (const error& e) { return std::string(e.what()).substr(3); }
    };
    CHECK(text(0.1) == "0.1");
    CHECK(text(1e-5) == "1e-05");
    CHECK(text(2.5f) == "2.5");
    CHECK(text(-7) == "-7");
    CHECK(text(std::numeric_limits<double>::quiet_NaN()) == "nan");
    CHECK(text(-std::numeric_limits<double>::infinity()) == "-inf");
    CHECK(text(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
    CHECK(text(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
}

TEST_CASE("message parts: passed on through a function that does not know their types") {
    const message_part parts[]{"rank is ", 3, std::string_view(", expected "), 2.5, " or ", true};
    std::string text = "got: ";
    append_parts(text, parts, std::size(parts));
    CHECK(text == "got: rank is 3, expected 2.5 or true");
    append_parts(text, parts, 0);
    CHECK(text == "got: rank is 3, expected 2.5 or true");
    CHECK_THROWS_WITH_AS(raise_parts<io_error>("here", parts, 2), "here: rank is 3", io_error);

    text.clear();
    message_part(std::string_view("abc"), [](std::string& out, const message_part& p) {
        out.append(p.text().rbegin(), p.text().rend());
    }).append_to(text);
    CHECK(text == "cba");
    text.clear();
    const std::string longest(1001, 'x');
    message_part(longest).append_to(text);
    CHECK(text == std::string(1000, 'x') + "...");
}

TEST_CASE("raise: the types are told apart") {
    CHECK_THROWS_AS(raise<shape_error>("a", "b"), shape_error);
    bool other = false;
    try {
        raise<data_error>("a", "b");
    } catch (const usage_error&) { other = true; } catch (const data_error&) {
    }
    CHECK_FALSE(other);
}

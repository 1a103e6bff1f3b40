// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/error.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace smldist;

namespace {
template <class E> std::string message_of() {
    try {
        raise<E>("op::relu", "rank is ", 3, ", expected ", std::string("2"), ' ', "or ", true);
    } catch (const error& e) { // every library error is one
        CHECK(dynamic_cast<const E*>(&e) != nullptr);
        CHECK(dynamic_cast<const std::runtime_error*>(&e) != nullptr);
        return e.what();
    }
}
} // namespace

TEST_CASE("raise: where, then the parts as they are; one root for all types") {
    const std::string wanted = "op::relu: rank is 3, expected 2" + std::to_string(' ') + "or true";
    CHECK(message_of<error>() == wanted);
    CHECK(message_of<shape_error>() == wanted);
    CHECK(message_of<usage_error>() == wanted);
    CHECK(message_of<data_error>() == wanted);
    CHECK(message_of<io_error>() == wanted);
    CHECK(message_of<numeric_error>() == wanted);
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

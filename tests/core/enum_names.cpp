// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/enum_names.hpp"

#include <cstdint>
#include <doctest/doctest.h>
#include <string>

using namespace smldist;

namespace house {

enum class colour : std::uint8_t { red, green, blue };
constexpr auto enum_names(colour) { return enum_table("house::colour", "red", "green", "blue"); }

enum class answer { yes };
constexpr auto enum_names(answer) { return enum_table("house::answer", "yes"); }

enum class nameless { one };

} // namespace house

using house::colour;

TEST_CASE("enum_names: a name for each enumerator, at compile time") {
    static_assert(named_enum<colour>);
    static_assert(!named_enum<house::nameless>);
    static_assert(!named_enum<int>);
    static_assert(name_of(colour::green) == "green");
    static_assert(names_of<colour>().size() == 3);
    CHECK(names_of<colour>()[2] == "blue");
}

TEST_CASE("enum_names: back from the name") {
    for (const auto c : {colour::red, colour::green, colour::blue}) {
        CHECK(parse_enum<colour>(name_of(c)) == c);
        CHECK(find_enum<colour>(name_of(c)) == c);
    }
    for (const char* word : {"", "Red", "red ", "blu"}) CHECK_FALSE(find_enum<colour>(word));
}

TEST_CASE("enum_names: an unknown name is refused with the names there are") {
    CHECK_THROWS_WITH_AS(static_cast<void>(parse_enum<colour>("pink")),
                         "house::colour: name is \"pink\", expected red, green or blue", usage_error);
    CHECK_THROWS_WITH_AS(static_cast<void>(parse_enum<colour>("", "--colour")),
                         "--colour: name is \"\", expected red, green or blue", usage_error);
    CHECK_THROWS_WITH_AS(static_cast<void>(parse_enum<house::answer>("no")),
                         "house::answer: name is \"no\", expected yes", usage_error);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/csv/units.hpp"

#include <doctest/doctest.h>
#include <string>
#include <vector>

using namespace smldist;
using data::spelled_unit;
using data::unit_factor;

TEST_CASE("csv units: every spelling of a unit becomes ours") {
    for (const std::string text :
         {"m/s^2", "m/s2", "m/s²", "m s-2", "ms^-2", "m/s/s", "m/(s^2)", "(m/s²)", "[m/s^2]", "m / s^2", "m*s-2"})
        CHECK_MESSAGE(spelled_unit(text) == "m/s^2", text);
    for (const std::string text : {"g", "G", "(g)", "[G]"}) CHECK_MESSAGE(spelled_unit(text) == "g", text);
    for (const std::string text : {"rad/s", "rads/s", "rad s-1", "radians/s", "rad/sec"})
        CHECK_MESSAGE(spelled_unit(text) == "rad/s", text);
    for (const std::string text : {"deg/s", "°/s", "dps", "degrees/s"})
        CHECK_MESSAGE(spelled_unit(text) == "deg/s", text);
    for (const std::string text : {"µT", "μT", "uT", "microtesla"}) CHECK_MESSAGE(spelled_unit(text) == "uT", text);
    for (const std::string text : {"µs", "us", "microseconds"}) CHECK_MESSAGE(spelled_unit(text) == "us", text);
    CHECK(spelled_unit("hPa") == "hPa");
    CHECK(spelled_unit("") == "");
    CHECK(spelled_unit("()") == "()");
    CHECK(spelled_unit("(g") == "(g");
}

TEST_CASE("csv units: factors between units of one kind") {
    CHECK(*unit_factor("g", "m/s^2") == doctest::Approx(9.80665).epsilon(1e-15));
    CHECK(*unit_factor("m/s^2", "g") == doctest::Approx(1 / 9.80665).epsilon(1e-15));
    CHECK(*unit_factor("mg", "g") == doctest::Approx(1e-3).epsilon(1e-15));
    CHECK(*unit_factor("deg/s", "rad/s") == doctest::Approx(0.017453292519943295).epsilon(1e-15));
    CHECK(*unit_factor("T", "uT") == doctest::Approx(1e6).epsilon(1e-15));
    CHECK(*unit_factor("mT", "uT") == doctest::Approx(1e3).epsilon(1e-15));
    CHECK(*unit_factor("hPa", "hPa") == 1);
    CHECK(!unit_factor("g", "rad/s"));
    CHECK(!unit_factor("hPa", "g"));
    CHECK(!unit_factor("", "g"));
}

TEST_CASE("csv units: a word is a known unit or not") {
    for (const std::string unit : {"m/s^2", "g", "mg", "rad/s", "deg/s", "uT", "mT", "T", "s", "ms", "us", "ns"})
        CHECK_MESSAGE(data::is_known_unit(unit), unit);
    for (const std::string unit : {"", "x", "hPa", "acc", "seconds"}) CHECK_MESSAGE(!data::is_known_unit(unit), unit);
}

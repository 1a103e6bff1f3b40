// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/csv/timestamps.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <string>
#include <utility>
#include <vector>

using namespace smldist;
using data::read_time_text;
using data::recognise_time_unit;
using data::time_unit;

namespace {

/// n stamps from `first` with even steps.
std::vector<double> even(double first, double step, int n = 20) {
    std::vector<double> stamps;
    for (int i = 0; i < n; ++i) stamps.push_back(first + i * step);
    return stamps;
}

} // namespace

TEST_CASE("timestamps: dates and times of day in all their forms") {
    const double day = 1399420800; // 2014-05-07
    const double time = 59370.96;  // 16:29:30.96
    for (const auto& [text, seconds] :
         std::vector<std::pair<std::string, double>>{{"1970-01-01T00:00:00Z", 0},
                                                     {"2014-05-07", day},
                                                     {"2014-05-07T16:29:30.96Z", day + time},
                                                     {"2014-05-07T16:29:30.96", day + time},
                                                     {"2014-05-07 16:29:30.960", day + time},
                                                     {"2014-05-07 16:29:30,960", day + time},
                                                     {"2014-05-07 16:29:30:960", day + time},
                                                     {"2014-05-07T16:29:30.960000000Z", day + time},
                                                     {"2014-05-07T16:29:30.96+02:00", day + time - 7200},
                                                     {"2014-05-07T16:29:30.96-0530", day + time + 19800},
                                                     {"2014-05-07 16:29:30.96 +02", day + time - 7200},
                                                     {"2014/05/07 16:29:30.96", day + time},
                                                     {"5/7/2014 16:29:30.960", day + time},
                                                     {"05/07/2014 4:29:30.960 PM", day + time},
                                                     {"5/7/2014 4:29:30.960PM", day + time},
                                                     {"17/5/2014 16:29:30.960", day + 864000 + time},
                                                     {"7.5.2014 16:29:30,960", day + time},
                                                     {"07.05.2014", day},
                                                     {"2014-05-07 16:29", day + 59340},
                                                     {"16:29:30.960", time},
                                                     {"16:29:30:960", time},
                                                     {"4:29:30.960 PM", time},
                                                     {"04:29:30.960 pm", time},
                                                     {"04:29:30 am", 16170},
                                                     {"12:00:00 AM", 0},
                                                     {"12:00:01 PM", 43201},
                                                     {"6:05", 21900},
                                                     {"00:00:00", 0},
                                                     {"23:59:60", 86400},
                                                     {"2024-02-29", 1709164800},
                                                     {"2000-02-29", 951782400},
                                                     {"2000-03-01", 951868800},
                                                     {"1969-12-31", -86400}}) {
        const std::string form = text;
        CAPTURE(form);
        REQUIRE(read_time_text(text).has_value());
        CHECK(*read_time_text(text) == doctest::Approx(seconds).epsilon(1e-15));
    }
}

TEST_CASE("timestamps: what is no time is none") {
    for (const std::string text :
         {"",
          " ",
          "1",
          "1.5",
          "-1",
          "2014",
          "2014-",
          "2014-05",
          "2014-13-01",
          "2014-00-01",
          "2014-02-30",
          "2014-05-32",
          "2023-02-29",
          "1900-02-29",
          "0000-01-01",
          "25:00:00",
          "16:60:00",
          "16:29:61",
          "16:2:30",
          "16:29:30x",
          "16:",
          "16:29:30+02:00",
          "2014-05-07T",
          "2014-05-07X16:29:30",
          "2014-05-07T16:29:30Q",
          "2014-05-07T16:29:30Zx",
          "2014-05-07T16:29:30+",
          "2014-05-07T16:29:30+2",
          "5-7-2014 16:29:30",
          "32/5/2014",
          "13/13/2014",
          "5/7/14",
          "13:00:00 PM",
          "0:00:00 AM",
          "4:29 XM",
          "walk",
          "nan",
          "06.05",
          "6.13.2014",
          "T16:29:30",
          "2014-05-07T16:29:30.0000000000000000000000000000000000000000000000000000000000000000000000"})
        CHECK_MESSAGE(!read_time_text(text), text);
}

TEST_CASE("timestamps: a time as ISO 8601") {
    CHECK(data::iso_time(0) == "1970-01-01T00:00:00.000Z");
    CHECK(data::iso_time(-0.5) == "1969-12-31T23:59:59.500Z");
    CHECK(data::iso_time(1399480170.96) == "2014-05-07T16:29:30.960Z");
    CHECK(data::iso_time(1709164799.9996) == "2024-02-29T00:00:00.000Z");
    CHECK(data::iso_time(4102444799) == "2099-12-31T23:59:59.000Z");
    for (double t = -3e9; t < 5e9; t += 123456789.125) {
        CAPTURE(t);
        CHECK(*read_time_text(data::iso_time(t)) == t);
    }
}

TEST_CASE("timestamps: the unit that gives a rate of people") {
    for (const double hz : {2.0, 20.0, 50.0, 100.0, 400.0, 1000.0}) {
        CAPTURE(hz);
        CHECK(recognise_time_unit(even(12.25, 1 / hz)) == time_unit::seconds);
        CHECK(recognise_time_unit(even(12250.5, 1e3 / hz)) == time_unit::milliseconds);
        CHECK(recognise_time_unit(even(12250500, 1e6 / hz)) == time_unit::microseconds);
        CHECK(recognise_time_unit(even(12250500000, 1e9 / hz)) == time_unit::nanoseconds);
        CHECK(recognise_time_unit(even(1714990000, 1 / hz)) == time_unit::seconds);
        CHECK(recognise_time_unit(even(1714990000e3, 1e3 / hz)) == time_unit::milliseconds);
        CHECK(recognise_time_unit(even(1714990000e6, 1e6 / hz)) == time_unit::microseconds);
        CHECK(recognise_time_unit(even(1714990000e9, 1e9 / hz)) == time_unit::nanoseconds);
    }
    CHECK(recognise_time_unit(even(1714990000e3, 0.1)) == time_unit::milliseconds); // 10 kHz, since 1970
}

TEST_CASE("timestamps: gaps, repetitions and steps back do not count; numbers of rows have no unit") {
    std::vector<double> stamps = even(0, 20);
    stamps.insert(stamps.begin() + 5, 3, 80.0);
    stamps.push_back(1e6);
    stamps.push_back(3);
    CHECK(recognise_time_unit(stamps) == time_unit::milliseconds);
    CHECK(recognise_time_unit(even(0, 1)) == time_unit::automatic);
    CHECK(recognise_time_unit(even(1, 1)) == time_unit::automatic);
    CHECK(recognise_time_unit(even(7, 1)) == time_unit::milliseconds); // 1 kHz
    CHECK(recognise_time_unit({}) == time_unit::automatic);
    CHECK(recognise_time_unit({1}) == time_unit::automatic);
    CHECK(recognise_time_unit({1, 1, 1}) == time_unit::automatic);
    CHECK(recognise_time_unit({3, 2, 1}) == time_unit::automatic);
    CHECK(recognise_time_unit(even(0, 10)) == time_unit::milliseconds);
    CHECK(recognise_time_unit(even(0, 1e-5)) == time_unit::automatic);
}

TEST_CASE("timestamps: the rate, with lost samples, gaps, jitter and bursts") {
    using data::rate_without_gaps;
    CHECK(rate_without_gaps(even(5, 0.02), 0.5) == doctest::Approx(50));
    std::vector<double> stamps = even(0, 0.02, 100);
    stamps.erase(stamps.begin() + 50);
    stamps.erase(stamps.begin() + 20, stamps.begin() + 23);
    CHECK(rate_without_gaps(stamps, 0.5) == doctest::Approx(50));
    for (std::size_t i = 40; i < stamps.size(); ++i) stamps[i] += 10;
    CHECK(rate_without_gaps(stamps, 0.5) == doctest::Approx(50));
    std::vector<double> jitter, bursts, sixty;
    for (int i = 0; i < 1000; ++i) {
        jitter.push_back(0.01 * i + (i % 2 == 0 ? 0.005 : 0)); // steps of 5 and 15 ms
        bursts.push_back(0.2 * (i / 10));
        sixty.push_back(std::floor(1000 * i / 60.0) / 1000); // whole milliseconds
    }
    CHECK(rate_without_gaps(jitter, 0.5) == doctest::Approx(100).epsilon(1e-3));
    CHECK(rate_without_gaps(bursts, 0.5) == doctest::Approx(50).epsilon(1e-2));
    CHECK(rate_without_gaps(sixty, 0.5) == doctest::Approx(60).epsilon(1e-3));
    std::vector<double> mixed; // bursts of up to four samples, as the published files of SP-SW-HAR
    for (int i = 0; i < 1000; ++i) mixed.push_back(0.01 * (i % 8 < 4 ? i / 8 * 8 + 4 : i));
    CHECK(rate_without_gaps(mixed, 0.5) == doctest::Approx(100).epsilon(1e-2));
    CHECK(rate_without_gaps({}, 0.5) == 0);
    CHECK(rate_without_gaps({1}, 0.5) == 0);
    CHECK(rate_without_gaps({1, 2, 3}, 0.5) == 0);
    CHECK(rate_without_gaps({1, 1, 1}, 0.5) == 0);
}

TEST_CASE("timestamps: units by name and by length") {
    CHECK(name_of(time_unit::automatic) == "auto");
    CHECK(name_of(time_unit::microseconds) == "us");
    CHECK(data::seconds_in(time_unit::seconds) == 1);
    CHECK(data::seconds_in(time_unit::milliseconds) == 1e-3);
    CHECK(data::seconds_in(time_unit::microseconds) == 1e-6);
    CHECK(data::seconds_in(time_unit::nanoseconds) == 1e-9);
    CHECK(data::seconds_in(time_unit::text) == 1);
}

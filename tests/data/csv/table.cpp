// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/csv/table.hpp"

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "../../raises.hpp"
#include "exports.hpp"
#include "smldist/data/csv_recordings.hpp"

using namespace smldist;
using data::csv_options;
using data::csv_recordings;
using data::time_unit;
using exports::axes;
using exports::number;
using exports::plain;
using exports::table;

namespace {

using strings = std::vector<std::string>;
const std::string header = "time,acc_x,acc_y,acc_z";

data::csv_recording_set read(const std::string& text, const csv_options& o = {}) {
    const scratch_folder at;
    at.write("walk.csv", text);
    return csv_recordings(at.path(), o);
}

/// What reading complains about, without the folder.
std::string refusal(const std::string& text, const csv_options& o = {}) {
    std::string message = complaint([&] { static_cast<void>(read(text, o)); });
    const std::size_t at = message.find("walk.csv");
    return at == message.npos ? message : message.substr(at);
}

/// A plain table with its line `n` (from 1) replaced.
std::string with_line(std::size_t n, const std::string& line, std::size_t rows = 100) {
    std::string text = plain(rows);
    std::size_t at = 0;
    for (std::size_t i = 1; i < n; ++i) at = text.find('\n', at) + 1;
    return text.replace(at, text.find('\n', at) - at, line);
}

} // namespace

TEST_CASE("csv rows: a wrong field or row is an error with file, line and column, wherever it stands") {
    for (const std::size_t line : {2u, 3u, 50u, 101u}) {
        const std::string where = "walk.csv:" + std::to_string(line) + ":";
        CAPTURE(line);
        CHECK(refusal(with_line(line, "60,1,abc,3")) == where + "6: field is 'abc', expected a number");
        CHECK(refusal(with_line(line, "60,1,2,3,4")) == where + "10: number of fields is 5, expected 4");
        CHECK(refusal(with_line(line, "60,1,1e39,3")) ==
              where + "6: field is '1e39', expected a finite number in the range of float");
        CHECK(refusal(with_line(line, "60,1,-inf,3")) ==
              where + "6: field is '-inf', expected a finite number in the range of float");
        CHECK(refusal(with_line(line, "late,1,2,3")) == where + "1: field is 'late', expected a number");
        CHECK(refusal(with_line(line, ",1,2,3")) == where + "1: field is empty, expected a number");
        CHECK(refusal(with_line(line, "60,1,\"2")).starts_with(where + "6: quote is not closed"));
        if (line < 101) { // else the file ends within its row
            CHECK(refusal(with_line(line, "60,1,2")) == where + "7: line ends, number of fields is 3, expected 4");
        }
        if (line == 2) { // below the names
            CHECK(read(with_line(line, "# marker")).recordings[0].labels.size() == 99);
            CHECK(read(with_line(line, "")).recordings[0].labels.size() == 99);
        } else if (line < 101) {
            CHECK(refusal(with_line(line, "# marker")) == where + "9: line ends, number of fields is 1, expected 4");
            CHECK(refusal(with_line(line, "")) == where + "1: line is blank, expected data");
        }
    }
    CHECK(refusal(with_line(70, "60,\"1,5\",2,3")) ==
          "walk.csv:70:5: field is '1,5', expected a number with a decimal point, not a comma");
    CHECK(refusal(table(header, 10, [](std::size_t i) { return "10:00:0" + std::to_string(i) + ",1,2,3"; }) +
                  "soon,1,2,3\n") == "walk.csv:12:1: time is 'soon', expected a date or time of day");
}

TEST_CASE("csv rows: a last line that ends within its row is left out and counted") {
    const std::string text = plain(100);
    for (std::size_t cut = 1; cut < 12; ++cut) {
        const auto set = read(text.substr(0, text.size() - cut));
        const bool within = cut > 6, empty = cut == 6; // "1980,-0.625,-0.125,0.375\n"
        CAPTURE(cut);
        CHECK(set.recordings[0].labels.size() == (within || empty ? 99 : 100));
        CHECK(set.repaired("last lines that end within a row, left out") == (within ? 1 : 0));
    }
    const std::string quoted = plain(100, header + ",\"label\"", ",\"walk, slow\"");
    const auto set = read(quoted.substr(0, quoted.size() - 4));
    CHECK(set.recordings[0].labels.size() == 99);
    CHECK(set.info.labels == strings{"walk, slow"});
}

TEST_CASE("csv rows: rows in which an axis is empty are no samples of that sensor") {
    for (const std::string word : {"", "nan", "NaN", "NA", "n/a", "null", "None"}) {
        const auto set = read(with_line(50, "960,1," + word + ",3"));
        CAPTURE(word);
        CHECK(set.repaired("rows without a value of acc") == 1);
        CHECK(set.streams[0].missing == 1);
        CHECK(set.recordings[0].labels.size() == 100);
    }
    // A log into which two sensors write alternately, on their own clocks.
    const auto set = read(table("time,ax,ay,az,gx,gy,gz", 400, [](std::size_t i) {
        return std::to_string(10 * i) + (i % 2 == 0 ? axes(i / 2) + ",,," : ",,," + axes(i / 2, 1));
    }));
    CHECK(set.info.rate_hz == 50);
    CHECK(set.repaired("rows without a value of acc") == 200);
    CHECK(set.repaired("rows without a value of gyro") == 200);
    REQUIRE(set.recordings.size() == 1);
    REQUIRE(set.recordings[0].labels.size() == 199); // 10 to 3980 ms
    CHECK(set.recordings[0].samples(0, 3) == float(exports::wave(0, 0, 1)));
    CHECK(set.recordings[0].samples(0, 0) == doctest::Approx((exports::wave(0, 0) + exports::wave(1, 0)) / 2));
    CHECK(
        has(complaint([] {
                static_cast<void>(
                    read(table(header, 50, [](std::size_t i) { return std::to_string(20 * i) + ",nan,1,2"; })));
            }),
            ": number of recordings with all channels is 0 of 1, expected at least one: walk.csv has no row with all "
            "axes of a sensor"));
}

TEST_CASE("csv rows: units of the time, stated, recognised or given") {
    const auto ms = [](const std::string& name, double step) {
        return table(name + ",acc_x,acc_y,acc_z", 100,
                     [&](std::size_t i) { return number(step * double(i), '.', "%.9f") + axes(i); });
    };
    CHECK(read(ms("time", 0.02)).understood.unit == time_unit::seconds);
    CHECK(read(ms("time", 20)).understood.unit == time_unit::milliseconds);
    CHECK(read(ms("time_us", 20000)).understood.unit == time_unit::microseconds);
    CHECK(read(ms("time", 20000)).understood.unit == time_unit::microseconds);
    CHECK(read(ms("time [ns]", 20000000)).understood.unit == time_unit::nanoseconds);
    CHECK(read(ms("time (s)", 1), {.max_gap = 2}).info.rate_hz == 1); // stated
    CHECK(has(complaint([&] { static_cast<void>(read(ms("time (s)", 1))); }),
              ": no step in time is within the longest gap of 0.5 s (one is 1 s), expected a longer one"));
    CHECK(read(ms("time", 5), {.unit = time_unit::seconds, .max_gap = 10}).info.rate_hz == 0.2);
    CHECK(refusal(ms("time", 1)) == "walk.csv: unit of the time \"time\" is unknown (first stamps 0, 1), expected "
                                    "steps as of 1.5 to 1500 samples per "
                                    "second in s, ms, us or ns: give the unit");
    CHECK(refusal(table(header, 100, [](std::size_t i) {
              return "7," + axes(i).substr(1);
          })).starts_with("walk.csv: unit of the time \"time\" is unknown (first stamps 7, 7)"));
    CHECK(read(ms("zz", 20), {.time = "zz"}).info.rate_hz == 50);
    CHECK(refusal(ms("zz", 20), {.time = "yy"}) == "walk.csv: columns lack the time \"yy\"");
    CHECK(read(ms("time", 20), {.time = "none", .rate_hz = 25}).info.rate_hz == 25);
    CHECK(refusal(ms("time", 20), {.time = "none"}).starts_with("walk.csv: no column is a time"));
}

TEST_CASE("csv rows: time that steps back, is out of order, stands still, has gaps, passes midnight") {
    const auto rows = [](std::size_t n, auto time) {
        return table(header, n, [&](std::size_t i) { return std::to_string(time(i)) + axes(i); });
    };
    auto set = read(rows(200, [](std::size_t i) { return 20 * (i % 100); }));
    CHECK(set.recordings.size() == 2);
    CHECK(set.repaired("recordings begun at a step back in time") == 1);
    set = read(rows(200, [](std::size_t i) { return 20 * (i ^ 1u); }));
    REQUIRE(set.recordings.size() == 1);
    CHECK(set.repaired("rows moved to their time") == 200);
    CHECK(set.streams[0].unordered == 200);
    for (std::size_t i = 0; i < 200; ++i)
        REQUIRE(set.recordings[0].samples(i, 0) == doctest::Approx(exports::wave(i ^ 1u, 0)).epsilon(1e-4));
    set = read(rows(200, [](std::size_t i) { return 20 * i + (i >= 100 ? 481 : 0); })); // 501 ms
    CHECK(set.recordings.size() == 2);
    CHECK(set.streams[0].gaps == 1);
    CHECK(set.streams[0].longest_gap == doctest::Approx(0.501));
    CHECK(set.repaired("steps in time longer than the longest gap") == 1);
    CHECK(set.origins[1].begin == doctest::Approx(2.481));
    CHECK(read(rows(200, [](std::size_t i) { return 20 * i + (i >= 100 ? 481 : 0); }), {.max_gap = 0.6})
              .recordings.size() == 1);
    set = read(rows(2000, [](std::size_t i) { return 100 * (i / 5); })); // bursts of five
    CHECK(set.streams[0].repeated == 1600);
    CHECK(set.info.rate_hz == 50);
    CHECK(set.understood.smooth == 50);
    CHECK(set.remarks.back() ==
          "stamps come in bursts, 80 % equal the one before: smooth = 50 spreads the samples evenly");
    set = read(table(header, 200, [](std::size_t i) {
        const std::size_t t = 86398000 + 20 * i, s = t / 1000 % 60, m = t / 60000 % 60, h = t / 3600000 % 24;
        char text[32];
        std::snprintf(text, sizeof text, "%02zu:%02zu:%02zu.%03zu", h, m, s, t % 1000);
        return text + axes(i);
    }));
    REQUIRE(set.recordings.size() == 1);
    CHECK(set.recordings[0].labels.size() == 200);
    CHECK(set.origins[0].begin == 86398);
}

TEST_CASE("csv rows: labels that are missing, numbers or words with commas") {
    const auto rows = [](const std::string& name, const strings& words) {
        return table(header + "," + name, 50 * words.size(),
                     [&](std::size_t i) { return std::to_string(20 * i) + axes(i) + "," + words[i / 50]; });
    };
    auto set = read(rows("label", {"10", "2", "1"}));
    CHECK(set.info.labels == strings{"1", "2", "10"});
    CHECK(set.recordings[0].labels[0] == 2);
    CHECK(set.recordings[0].labels[149] == 0);
    set = read(rows("activity", {"walk", "", "NaN", "\"go, slowly\"", "null"}));
    CHECK(set.info.labels == strings{"go, slowly", "null", "walk"});
    CHECK(set.recordings[0].labels[0] == 2);
    CHECK(set.recordings[0].labels[60] == -1);
    CHECK(set.recordings[0].labels[120] == -1);
    CHECK(set.recordings[0].labels[160] == 0);
    set = read(rows("user", {"5", "3", "5"}));
    CHECK(set.info.subjects.empty());
    REQUIRE(set.recordings.size() == 3);
    CHECK(set.recordings[0].subject == 5);
    CHECK(set.recordings[1].subject == 3);
    set = read(rows("user", {"anna", "", "anna"}));
    REQUIRE(set.recordings.size() == 3);
    CHECK(set.info.subjects == strings{"anna", "unknown"});
    CHECK(set.recordings[1].subject == 1);
}

TEST_CASE("csv rows: memory stays within the promise for the shortest rows, and work is linear") {
    std::string text = "x,y,z\n";
    while (text.size() < (std::size_t(24) << 20)) text += "1,2,3\n";
    const scratch_folder at;
    at.write("walk.csv", text);
    const cost c = measured([&] {
        return csv_recordings(at.path(), {.rate_hz = 50}).recordings[0].labels.size() == (text.size() - 6) / 6;
    });
    CHECK(c.end == ending::as_wanted);
    CHECK_MESSAGE(c.bytes <= 12 * text.size() + (std::size_t(64) << 20), (c.bytes >> 20), " MiB of ",
                  (text.size() >> 20));
    CHECK_MESSAGE(c.seconds < 60, c.seconds);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/csv_recordings.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "../raises.hpp"
#include "csv/exports.hpp"
#include "smldist/data/dataset/motion_sense.hpp"
#include "smldist/data/dataset/sp_sw_har.hpp"
#include "smldist/data/resample.hpp"
#include "smldist/data/window.hpp"

using namespace smldist;
using data::csv_options;
using data::csv_recording_set;
using data::csv_recordings;
using data::time_unit;
using exports::axes;
using exports::number;
using exports::plain;
using exports::table;
using exports::wave;

namespace {

using strings = std::vector<std::string>;

/// The names of the axes of sensors.
strings channels(const strings& sensors) {
    strings names;
    for (const auto& sensor : sensors)
        for (const char* const axis : {"_x", "_y", "_z"}) names.push_back(sensor + axis);
    return names;
}

/// The units of sensors, three times each.
strings units(const strings& of) {
    strings all;
    for (const auto& unit : of) all.insert(all.end(), 3, unit);
    return all;
}

/// Checks one recording of n samples whose three columns from `first` on are those of sensor s, sample by sample.
void check_wave(const data::recording& r, std::size_t n, std::size_t first, std::size_t s, std::size_t offset = 0) {
    REQUIRE(r.samples.shape()[0] == n);
    double worst = 0;
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t a = 0; a < 3; ++a)
            worst = std::max(worst, std::abs(double(r.samples(i, first + a)) - wave(i + offset, a, s)));
    CHECK(worst < 1e-4); // stamps since 1970 are exact to 0.24 us
}

/// Checks a set of one recording of an accelerometer, read without options.
void check_single(const csv_recording_set& set, std::size_t n, double rate_hz, time_unit unit,
                  const std::string& of) {
    CHECK(set.info.channels == channels({"acc"}));
    CHECK(set.info.units == (of.empty() ? strings{} : units({of})));
    CHECK(set.info.rate_hz == rate_hz);
    CHECK(set.understood.unit == unit);
    CHECK(set.info.triples.size() == 1);
    CHECK(set.info.devices.empty());
    REQUIRE(set.recordings.size() == 1);
    CHECK(set.recordings[0].labels.size() == n);
    check_wave(set.recordings[0], n, 0, 0);
    REQUIRE(set.streams.size() == 1);
    CHECK(set.streams[0].rows == n);
    CHECK(set.streams[0].gaps == 0);
    CHECK(set.repairs.empty());
    CHECK_NOTHROW(set.info.check(3));
}

} // namespace

TEST_CASE("csv_recordings: Sensor Logger, a folder for each recording") {
    const scratch_folder at;
    exports::sensor_logger(at, "anna/walking-2024-05-06_10-06-40");
    exports::sensor_logger(at, "ben/Sitting_1-2024-05-06_11-06-40", 100);
    const auto set = csv_recordings(at.path());
    CHECK(set.program == "Sensor Logger");
    CHECK(set.info.channels == channels({"acc", "user_acc", "gyro", "gravity", "mag"}));
    CHECK(set.info.units == units({"m/s^2", "m/s^2", "rad/s", "m/s^2", "uT"}));
    CHECK(set.info.rate_hz == 100);
    CHECK(set.info.labels == strings{"Sitting", "walking"});
    CHECK(set.info.subjects == strings{"anna", "ben"});
    CHECK(set.since_1970);
    CHECK(set.understood.unit == time_unit::nanoseconds);
    CHECK(set.understood.time == "time");
    CHECK(set.understood.label == "file name");
    CHECK(set.understood.subject == "folder 1");
    CHECK(set.repaired("files without motion sensors, left out: anna/walking-2024-05-06_10-06-40/"
                       "AccelerometerUncalibrated.csv, anna/walking-2024-05-06_10-06-40/Annotation.csv, "
                       "anna/walking-2024-05-06_10-06-40/GyroscopeUncalibrated.csv, "
                       "anna/walking-2024-05-06_10-06-40/Metadata.csv, "
                       "anna/walking-2024-05-06_10-06-40/Orientation.csv, ...") == 10);
    REQUIRE(set.recordings.size() == 2);
    const auto& r = set.recordings[0];
    CHECK(r.subject == 0);
    CHECK(r.labels[0] == 1);
    CHECK(set.recordings[1].subject == 1);
    CHECK(set.recordings[1].labels[0] == 0);
    // From 3 ms, when the gyroscope begins, to 3980 ms, when the others end.
    CHECK(r.samples.shape() == shape{398, 15});
    CHECK(set.origins[0].name == "anna/walking-2024-05-06_10-06-40");
    CHECK(set.origins[0].begin == doctest::Approx(1714990000.126456).epsilon(1e-15));
    check_wave(r, 398, 6, 3); // the gyroscope is on the grid
    CHECK_NOTHROW(set.info.check(15));
    // The recording's own folder as the path.
    const auto own = csv_recordings(at.path() / "anna/walking-2024-05-06_10-06-40");
    CHECK(own.info.labels == strings{"walking"});
    REQUIRE(own.recordings.size() == 1);
    CHECK(std::equal(own.recordings[0].samples.begin(), own.recordings[0].samples.end(), r.samples.begin()));
    // Its annotations as segments.
    const auto labelled = csv_recordings(at.path(), {.segments = "**/Annotation.csv"});
    CHECK(labelled.info.labels == strings{"run", "walk"});
    CHECK(labelled.recordings[0].labels[0] == -1);
    CHECK(labelled.recordings[0].labels[98] == -1); // 983 ms; the label is that of the nearest sample, of 980 ms
    CHECK(labelled.recordings[0].labels[101] == 1);
    CHECK(labelled.recordings[0].labels[197] == 1);
    CHECK(labelled.recordings[0].labels[201] == 0);
    CHECK(labelled.recordings[0].labels[397] == 0);
}

TEST_CASE("csv_recordings: two clocks and rates on one grid, bit by bit as resample") {
    const scratch_folder at;
    exports::sensor_logger(at, "walk");
    const auto set = csv_recordings(
        at.path(), {.channels = {"gyro_x", "gyro_y", "gyro_z", "acc_x", "acc_y", "acc_z"}, .rate_hz = 64});
    data::stamped_signal gyro{3, {}, {}, {}}, acc{3, {}, {}, {}};
    for (std::size_t i = 0; i < 400; ++i) {
        const auto t = exports::sensor_logger_start + 3000000 + static_cast<long long>(i) * 10000000;
        gyro.stamps.push_back(double(t) * 1e-9);
        for (std::size_t a = 0; a < 3; ++a) gyro.samples.push_back(float(wave(i, a, 3)));
    }
    for (std::size_t i = 0; i < 200; ++i) {
        acc.stamps.push_back(double(exports::sensor_logger_start + static_cast<long long>(i) * 20000000) * 1e-9);
        for (std::size_t a = 0; a < 3; ++a) acc.samples.push_back(float(wave(i, a, 0)));
    }
    const auto expected = data::resample({gyro, acc}, {64, 0.5, 0, 0}, 0);
    REQUIRE(expected.size() == 1);
    REQUIRE(set.recordings.size() == 1);
    REQUIRE(set.recordings[0].samples.shape() == expected[0].samples.shape());
    CHECK(std::equal(expected[0].samples.begin(), expected[0].samples.end(), set.recordings[0].samples.begin()));
    // Channels in another order than the files are read in.
    const auto mixed = csv_recordings(at.path(), {.channels = {"acc_z", "gyro_x", "acc_x"}, .rate_hz = 64});
    REQUIRE(mixed.recordings[0].samples.shape() == shape{expected[0].samples.shape()[0], 3});
    for (std::size_t i = 0; i < expected[0].samples.shape()[0]; ++i) {
        REQUIRE(mixed.recordings[0].samples(i, 0) == expected[0].samples(i, 5));
        REQUIRE(mixed.recordings[0].samples(i, 1) == expected[0].samples(i, 0));
        REQUIRE(mixed.recordings[0].samples(i, 2) == expected[0].samples(i, 3));
    }
}

TEST_CASE("csv_recordings: phyphox with every separator and decimal comma, a file for each sensor") {
    for (const auto& marks :
         std::vector<std::pair<char, char>>{{',', '.'}, {';', '.'}, {'\t', '.'}, {';', ','}, {'\t', ','}}) {
        const char separator = marks.first, decimal = marks.second;
        CAPTURE(separator);
        CAPTURE(decimal);
        const scratch_folder at;
        exports::phyphox(at, "walk 1", separator, decimal);
        const auto set = csv_recordings(at.path());
        CHECK(set.program == "phyphox");
        CHECK(set.info.channels == channels({"acc", "user_acc", "gyro"}));
        CHECK(set.info.units == units({"m/s^2", "m/s^2", "rad/s"}));
        CHECK(set.info.rate_hz == 100);
        CHECK(set.info.labels == strings{"walk"});
        CHECK(!set.since_1970);
        CHECK(set.understood.time == "Time (s)");
        REQUIRE(set.recordings.size() == 1);
        CHECK(set.recordings[0].samples.shape() == shape{399, 9});
        check_wave(set.recordings[0], 399, 6, 3);
        for (std::size_t i = 0; i < 200; ++i)
            CHECK(set.recordings[0].samples(2 * i, 4) == doctest::Approx(wave(i, 1, 1)));
    }
}

TEST_CASE("csv_recordings: phyphox, \"Raw Data.csv\" in a folder for each recording") {
    const scratch_folder at;
    const auto raw =
        table("\"Time (s)\",\"Linear Acceleration x (m/s^2)\",\"Linear Acceleration y (m/s^2)\",\"Linear "
              "Acceleration z (m/s^2)\",\"Absolute acceleration (m/s^2)\"",
              200, [](std::size_t i) {
                  return number(double(i) / 50, '.', "%.9E") + axes(i, 1, ',', '.', "%.9E") + ",1.0E0";
              });
    at.write("walk 2024-05-06 10-06-40/Raw Data.csv", raw);
    at.write("walk 2024-05-06 10-16-40/Raw Data.csv", raw);
    at.write("run 2024-05-06 10-26-40/Raw Data.csv", raw);
    at.write("run 2024-05-06 10-26-40/meta/device.csv", "\"property\",\"value\"\n\"deviceRelease\",\"13\"\n");
    const auto set = csv_recordings(at.path());
    CHECK(set.info.labels == strings{"run", "walk"});
    CHECK(set.info.subjects.empty());
    CHECK(set.info.channels == channels({"user_acc"}));
    REQUIRE(set.recordings.size() == 3);
    CHECK(set.recordings[0].labels[0] == 0);
    check_wave(set.recordings[2], 200, 0, 1);
    CHECK(set.understood.subject == "none");
}

TEST_CASE("csv_recordings: Physics Toolbox, elapsed seconds, dates and times of day") {
    const auto read = [](const std::string& text) {
        const scratch_folder at;
        at.write("walk_1.csv", text);
        return csv_recordings(at.path());
    };
    auto set = read(table("time,gFx,gFy,gFz,TgF", 200,
                          [](std::size_t i) { return number(double(i) / 50) + axes(i) + ",1.000"; }));
    CHECK(set.program == "Physics Toolbox");
    check_single(set, 200, 50, time_unit::seconds, "g");
    CHECK(set.info.labels == strings{"walk"});
    set = read(table("time;gFx;gFy;gFz;TgF", 200,
                     [](std::size_t i) { return number(double(i) / 50, ',') + axes(i, 0, ';', ',') + ";1,000"; }));
    check_single(set, 200, 50, time_unit::seconds, "g");
    const auto clock = [](std::size_t i, const char* form) {
        return exports::number(double(5 + i / 50), '.', "%02.0f") + form +
               exports::number(double(i % 50 * 20), '.', "%03.0f");
    };
    set = read(
        table("time,gFx,gFy,gFz,TgF", 200, [&](std::size_t i) { return "10:24:" + clock(i, ":") + axes(i) + ",1"; }));
    check_single(set, 200, 50, time_unit::text, "g");
    CHECK(!set.since_1970);
    CHECK(set.origins[0].begin == 37445);
    set = read(table("time,gFx,gFy,gFz,TgF", 200,
                     [&](std::size_t i) { return "2024-05-06 10:24:" + clock(i, ".") + axes(i) + ",1"; }));
    check_single(set, 200, 50, time_unit::text, "g");
    CHECK(set.since_1970);
    set = read(table("time,gFx,gFy,gFz,ax,ay,az,wx,wy,wz,Bx,By,Bz,Azimuth,Pitch,Roll", 200, [](std::size_t i) {
        return number(double(i) / 50) + axes(i) + axes(i, 1) + axes(i, 2) + axes(i, 3) + ",1,2,3";
    }));
    CHECK(set.info.channels == channels({"acc", "gyro", "mag"}));
    CHECK(set.info.units == units({"g", "rad/s", "uT"}));
    check_wave(set.recordings[0], 200, 0, 0);
    check_wave(set.recordings[0], 200, 3, 2);
    check_wave(set.recordings[0], 200, 6, 3);
}

TEST_CASE("csv_recordings: Core Motion, with stamps and with only numbers of rows") {
    const std::string names =
        "attitude.roll,attitude.pitch,attitude.yaw,gravity.x,gravity.y,gravity.z,rotationRate.x,"
        "rotationRate.y,rotationRate.z,userAcceleration.x,userAcceleration.y,userAcceleration.z";
    const auto rest = [](std::size_t i) { return ",0.1,0.2,0.3" + axes(i, 2) + axes(i, 3) + axes(i, 1); };
    const scratch_folder at;
    at.write("a/jog_1.csv", table("timestamp," + names, 100, [&](std::size_t i) {
                 return number(1714990000.25 + double(i) / 50, '.', "%.6f") + rest(i);
             }));
    auto set = csv_recordings(at.path() / "a");
    CHECK(set.program == "Core Motion");
    CHECK(set.info.channels == channels({"user_acc", "gyro", "gravity"}));
    CHECK(set.info.units == units({"g", "rad/s", "g"}));
    CHECK(set.info.rate_hz == 50);
    CHECK(set.info.labels == strings{"jog"});
    CHECK(set.since_1970);
    check_wave(set.recordings[0], 100, 0, 1);
    check_wave(set.recordings[0], 100, 3, 3);
    check_wave(set.recordings[0], 100, 6, 2);
    at.write("b/jog_1.csv", table("," + names, 100, [&](std::size_t i) { return std::to_string(i) + rest(i); }));
    CHECK_RAISES(data_error,
                 "jog_1.csv: no column is a time, expected one such as \"timestamp\", or the rate of the rows in Hz",
                 csv_recordings(at.path() / "b"));
    set = csv_recordings(at.path() / "b", {.rate_hz = 50});
    CHECK(set.understood.time == "none");
    check_wave(set.recordings[0], 100, 0, 1);
    CHECK(set.info.rate_hz == 50);
}

TEST_CASE("csv_recordings: Axivity without header, dates with a blank") {
    const scratch_folder at;
    at.write("P01.csv", table("", 500, [](std::size_t i) {
                 return "2014-05-07 16:29:" + number(30 + double(i) / 100, '.', "%06.3f") +
                        axes(i, 0, ',', '.', "%.6f");
             }));
    const auto set = csv_recordings(at.path());
    check_single(set, 500, 100, time_unit::text, "");
    CHECK(set.since_1970);
    CHECK(set.understood.time == "column 1");
    CHECK(
        std::count(set.remarks.begin(), set.remarks.end(),
                   "columns have no names: the first three numbers are taken for an accelerometer, three more for a "
                   "gyroscope") == 1);
    CHECK(std::count(set.remarks.begin(), set.remarks.end(), "no file states the units of its columns") == 1);
}

TEST_CASE("csv_recordings: ActiGraph, ten lines of preamble with the rate") {
    const auto read = [](const std::string& text) {
        const scratch_folder at;
        at.write("walk.csv", exports::actigraph_preamble() + text);
        return csv_recordings(at.path());
    };
    const auto row = [](std::size_t i) { return axes(i).substr(1); };
    for (const std::string header : {"", "Accelerometer X,Accelerometer Y,Accelerometer Z"}) {
        const auto set = read(table(header, 200, row));
        check_single(set, 200, 30, time_unit::automatic, "g");
        CHECK(set.program == "ActiGraph");
        CHECK(set.understood.time == "none");
    }
    auto set = read(table("Timestamp,Accelerometer X,Accelerometer Y,Accelerometer Z", 200, [](std::size_t i) {
        return "3/28/2017 16:35:" + number(double(i) / 30, '.', "%06.3f") + axes(i);
    }));
    CHECK(set.info.rate_hz == 30);
    CHECK(set.since_1970);
    CHECK(set.origins[0].begin == 1490718900);
    set = read(table("Timestamp,Accelerometer X,Accelerometer Y,Accelerometer Z,Temperature,Gyroscope X,Gyroscope "
                     "Y,Gyroscope Z,Magnetometer X,Magnetometer Y,Magnetometer Z",
                     300, [](std::size_t i) {
                         return "2017-03-28T16:35:" + number(double(i) / 100, '.', "%010.7f") + axes(i) + ",25.1" +
                                axes(i, 1) + axes(i, 2);
                     }));
    CHECK(set.info.rate_hz == 100);
    CHECK(set.info.units == units({"g", "deg/s", "uT"}));
    check_wave(set.recordings[0], 300, 3, 1);
}

TEST_CASE("csv_recordings: rostopic echo -p") {
    const scratch_folder at;
    at.write("walk.csv",
             table("%time,field.header.seq,field.header.stamp,field.header.frame_id,field.orientation.x,"
                   "field.orientation.y,field.orientation.z,field.orientation.w,"
                   "field.orientation_covariance0,field.angular_velocity.x,field.angular_velocity.y,"
                   "field.angular_velocity.z,field.angular_velocity_covariance0,field.linear_acceleration.x,"
                   "field.linear_acceleration.y,field.linear_acceleration.z,"
                   "field.linear_acceleration_covariance0",
                   200, [](std::size_t i) {
                       const auto t = exports::sensor_logger_start + static_cast<long long>(i) * 10000000;
                       return std::to_string(t + static_cast<long long>(i % 7) * 900000) + "," + std::to_string(i) +
                              "," + std::to_string(t) + ",imu_link,0,0,0,1,-1" + axes(i, 1) + ",0" + axes(i) + ",0";
                   }));
    const auto set = csv_recordings(at.path());
    CHECK(set.program == "ROS");
    CHECK(set.understood.time == "field.header.stamp");
    CHECK(set.understood.unit == time_unit::nanoseconds);
    CHECK(set.info.channels == channels({"acc", "gyro"}));
    CHECK(set.info.units == units({"m/s^2", "rad/s"}));
    CHECK(set.info.rate_hz == 100);
    check_wave(set.recordings[0], 200, 0, 0);
    check_wave(set.recordings[0], 200, 3, 1);
}

TEST_CASE("csv_recordings: pandas, with index, labels and people in columns; CRLF, byte-order mark and TAB") {
    const scratch_folder at;
    at.write("a/data.csv",
             table(",timestamp,acc_x,acc_y,acc_z,gyr_x,gyr_y,gyr_z,activity,subject", 400, [](std::size_t i) {
                 return std::to_string(i) + "," + std::to_string(1714990000000 + 20 * i) + axes(i) + axes(i, 1) +
                        (i % 200 < 100 ? ",walk" : ",run") + (i < 200 ? ",s2" : ",s1");
             }));
    auto set = csv_recordings(at.path() / "a");
    CHECK(set.info.channels == channels({"acc", "gyro"}));
    CHECK(set.understood.label == "column activity");
    CHECK(set.understood.subject == "column subject");
    CHECK(set.understood.unit == time_unit::milliseconds);
    CHECK(set.info.labels == strings{"run", "walk"});
    CHECK(set.info.subjects == strings{"s1", "s2"});
    REQUIRE(set.recordings.size() == 2);
    CHECK(set.recordings[0].subject == 1);
    CHECK(set.recordings[1].subject == 0);
    CHECK(set.recordings[0].labels[99] == 1);
    CHECK(set.recordings[0].labels[100] == 0);
    check_wave(set.recordings[1], 200, 3, 1, 200);
    CHECK(set.repaired("recordings begun at a change of the person") == 1);
    std::string text = "\xEF\xBB\xBFtime (ms)\tax\tay\taz\r\n";
    for (std::size_t i = 0; i < 200; ++i) text += std::to_string(20 * i) + axes(i, 0, '\t') + "\r\n";
    at.write("b/walk.csv", text);
    check_single(csv_recordings(at.path() / "b"), 200, 50, time_unit::milliseconds, "");
}

TEST_CASE("csv_recordings: other common forms") {
    const auto read = [](const std::string& text) {
        const scratch_folder at;
        at.write("walk.csv", text);
        return csv_recordings(at.path());
    };
    const auto ms = [](std::size_t i) { return std::to_string(20 * i); };
    // A row of units.
    check_single(read("time,acc_x,acc_y,acc_z\nms,g,g,g\n" + plain(100).substr(23)), 100, 50, time_unit::milliseconds,
                 "g");
    // Microseconds since 1970, the time in the last column, units in brackets.
    check_single(read(table("acc_x [g],acc_y [g],acc_z [g],Timestamp", 100,
                            [](std::size_t i) {
                                return axes(i).substr(1) + "," + std::to_string(1714990000000000 + 20000 * i);
                            })),
                 100, 50, time_unit::microseconds, "g");
    check_single(
        read(table("Time (ms),Ax (m/s2),Ay (m/s2),Az (m/s2)", 100, [&](std::size_t i) { return ms(i) + axes(i); })),
        100, 50, time_unit::milliseconds, "m/s^2");
    // Two halves of a day.
    check_single(read(table("Time,acc_x,acc_y,acc_z", 100,
                            [](std::size_t i) {
                                return "5/6/2024 01:24:" + number(double(i) / 50, '.', "%06.3f") + " PM" + axes(i);
                            })),
                 100, 50, time_unit::text, "");
    // Separators at the end of lines, comments above the names.
    check_single(
        read(table("time;acc_x;acc_y;acc_z;", 100, [&](std::size_t i) { return ms(i) + axes(i, 0, ';') + ";"; })),
        100, 50, time_unit::milliseconds, "");
    check_single(read("# made by hand\n# of a phone\n" + plain(100)), 100, 50, time_unit::milliseconds, "");
    check_single(read(table("# time acc_x acc_y acc_z", 100, [&](std::size_t i) { return ms(i) + axes(i, 0, ' '); })),
                 100, 50, time_unit::milliseconds, "");
    // A German spreadsheet.
    check_single(read(table("Zeit;Beschleunigung x (m/s²);Beschleunigung y (m/s²);Beschleunigung z (m/s²)", 100,
                            [](std::size_t i) {
                                return "06.05.2024 10:00:" + number(double(i) / 50, ',', "%06.3f") +
                                       axes(i, 0, ';', ',');
                            })),
                 100, 50, time_unit::text, "m/s^2");
    // MetaWear.
    check_single(read(table("epoc (ms),timestamp (+0200),elapsed (s),x-axis (g),y-axis (g),z-axis (g)", 100,
                            [](std::size_t i) {
                                return std::to_string(1714990000000 + 20 * i) +
                                       ",2024-05-06T12:06:" + number(40 + double(i) / 50, '.', "%06.3f") + "," +
                                       number(double(i) / 50) + axes(i);
                            })),
                 100, 50, time_unit::text, "g");
}

TEST_CASE("csv_recordings: SP-SW-HAR, read as own files, is what its loader reads" *
          doctest::test_suite("real data")) {
    const auto base = published("sp_sw_har");
    if (base.empty()) return;
    const auto own = csv_recordings(base / "DATA",
                                    {.files = "{subject}/*_{recording#}_{device}.csv", .rate_hz = 100, .smooth = 50});
    const auto set = data::sp_sw_har(base, {.devices = data::sp_sw_har_devices::both});
    REQUIRE(own.recordings.size() == set.recordings.size());
    CHECK(own.info.channels.size() == set.info.channels.size());
    CHECK(own.info.rate_hz == set.info.rate_hz);
    CHECK(own.info.devices == set.info.devices);
    CHECK(own.info.subjects.size() == 23);
    CHECK(own.info.subjects[0] == "s01");
    double worst = 0;
    std::size_t samples = 0, labels = 0, other = 0, far = 0;
    for (std::size_t i = 0; i < own.recordings.size(); ++i) {
        const auto &a = own.recordings[i], &b = set.recordings[i];
        CHECK(a.subject + 1 == b.subject);
        const std::size_t n = std::min(a.labels.size(), b.labels.size());
        other += a.labels.size() != b.labels.size();
        REQUIRE(std::max(a.labels.size(), b.labels.size()) <= n + 1);
        for (std::size_t t = 0; t < n; ++t) {
            const auto name = [t](const data::recording& r, const data::signal_info& info) {
                return r.labels[t] < 0 ? std::string() : info.labels[static_cast<std::size_t>(r.labels[t])];
            };
            labels += name(a, own.info) != name(b, set.info);
            for (std::size_t c = 0; c < 12; ++c) {
                const double d = std::abs(double(a.samples(t, c)) - double(b.samples(t, c)));
                far += d > 1e-3; // m/s^2 and rad/s
                worst = std::max(worst, d);
            }
        }
        samples += a.labels.size();
    }
    CHECK(samples > 248000);
    // The loader counts from the beginning of each execution; stamps since 1970 are exact to 0.24 us, and where a smoothed
    // step of time is near zero that decides between two samples.
    CHECK(other <= 1);
    CHECK(labels <= 1);
    CHECK(far <= 10);
    CHECK(worst < 0.2);
}

TEST_CASE("csv_recordings: MotionSense, read as own files, is what its loader reads" *
          doctest::test_suite("real data")) {
    const auto base = published("motion_sense");
    if (base.empty()) return;
    const auto folder = base / "motion-sense-master/data/A_DeviceMotion_data";
    const auto own = csv_recordings(folder, {.files = "{label}_{recording#}/sub_{subject#}.csv", .rate_hz = 50});
    const auto set = data::motion_sense(folder);
    CHECK(own.program == "Core Motion");
    CHECK(own.info.channels == set.info.channels);
    CHECK(own.info.units == set.info.units);
    CHECK(own.info.labels == strings{"dws", "jog", "sit", "std", "ups", "wlk"});
    CHECK(own.info.subjects.empty());
    REQUIRE(own.recordings.size() == 360);
    REQUIRE(set.recordings.size() == 360);
    for (const auto& a : own.recordings) {
        // sit_13/sub_1 and sit_5/sub_1 are equal: one of them is enough.
        const auto same = [&](const data::recording& b) {
            return a.subject == b.subject && a.samples.shape() == b.samples.shape() &&
                   std::equal(a.samples.begin(), a.samples.end(), b.samples.begin());
        };
        const auto found = std::find_if(set.recordings.begin(), set.recordings.end(), same);
        REQUIRE(found != set.recordings.end());
        const std::string& label = set.info.labels[static_cast<std::size_t>(found->labels[0])];
        const std::string& ours = own.info.labels[static_cast<std::size_t>(a.labels[0])];
        CHECK((ours == "dws" ? label.find("down") != label.npos
                             : ours[0] == label[0] || label.find("up") != label.npos));
    }
    CHECK_RAISES(
        data_error,
        "dws_1/sub_1.csv: no column is a time, expected one such as \"timestamp\", or the rate of the rows in Hz",
        csv_recordings(folder));
}

TEST_CASE("csv_recordings: HAPT and DSADS, which have no names and no times" * doctest::test_suite("real data")) {
    if (const auto base = published("hapt"); !base.empty()) {
        const auto folder = base / "HAPT Data Set/RawData";
        CHECK_RAISES(data_error, "no column is a time", csv_recordings(folder));
        const auto set = csv_recordings(
            folder, {.files = "{sensor}_exp{recording#}_user{subject#}.txt", .label = "none", .rate_hz = 50});
        CHECK(set.recordings.size() == 61);
        CHECK(set.info.channels == channels({"acc", "gyro"}));
        CHECK(set.recordings[0].subject == 1);
        CHECK(set.recordings[0].samples(0, 0) == doctest::Approx(0.918056));
    }
    if (const auto base = published("dsads"); !base.empty()) {
        CHECK_RAISES(data_error, "no column is a time", csv_recordings(base / "data"));
        const auto set = csv_recordings(base / "data/a{label}/p{subject#}/s{recording#}.txt",
                                        {.channels = {"torso_acc_x", "torso_acc_y", "torso_acc_z"},
                                         .columns = {"column 1", "column 2", "column 3"},
                                         .rate_hz = 25});
        CHECK(set.recordings.size() % (19 * 60) == 0);
        CHECK(set.recordings.size() > 0);
        CHECK(set.info.labels.size() == 19);
        CHECK(set.info.labels[1] == "02");
        CHECK(set.recordings[0].labels.size() == 125);
        CHECK(set.recordings[0].samples(0, 0) == doctest::Approx(8.1305));
    }
}

TEST_CASE("files of several forms are each recognised, and what is understood reads them again") {
    const scratch_folder at;
    at.write("anna/walk_1.csv", table("time,acc_x,acc_y,acc_z,activity", 100, [](std::size_t i) {
                 return std::to_string(1700000000000 + 20 * i) + axes(i) + ",walk";
             }));
    at.write("ben/day_2.csv", table("t [s],acc_x,acc_y,acc_z,class", 100,
                                    [](std::size_t i) { return number(0.02 * double(i)) + axes(i) + ",run"; }));
    at.write("ben/day_3.csv",
             table("t [s],acc_x,acc_y,acc_z", 100, [](std::size_t i) { return number(0.02 * double(i)) + axes(i); }));
    const auto set = data::csv_recordings(at.path());
    CHECK(set.info.labels == std::vector<std::string>{"run", "walk"});
    REQUIRE(set.recordings.size() == 3);
    CHECK(set.recordings[0].labels[5] == 1);
    CHECK(set.recordings[1].labels[5] == 0);
    CHECK(set.recordings[2].labels[5] == -1);
    CHECK(set.repaired("recordings without the column of the label, unlabelled") == 1);
    CHECK(set.understood.time == "");
    CHECK(set.understood.unit == data::time_unit::automatic);
    CHECK(set.understood.label == "");
    const auto again = data::csv_recordings(at.path(), set.understood);
    REQUIRE(again.recordings.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        CAPTURE(i);
        CHECK(identical(again.recordings[i].samples, set.recordings[i].samples));
        CHECK(again.recordings[i].labels == set.recordings[i].labels);
    }
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/csv/columns.hpp"

#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <string>
#include <vector>

using namespace smldist;
using data::csv_columns;
using data::csv_dialect;
using data::recognise_columns;
using data::time_unit;

namespace {

using strings = std::vector<std::string>;

csv_columns of(const strings& names, const std::string& file = "data") {
    csv_dialect d;
    d.header = true;
    d.names = names;
    return recognise_columns(d, file);
}

/// "acc 1 2 3 g; gyro 4 5 6" of the sensors found.
std::string sensors(const csv_columns& c) {
    std::string all;
    for (const auto& s : c.sensors) {
        all += (all.empty() ? "" : "; ") + s.name;
        for (const std::size_t k : s.columns) all += " " + std::to_string(k);
        if (!s.unit.empty()) all += " " + s.unit;
    }
    return all;
}

std::string sensors(const strings& names, const std::string& file = "data") { return sensors(of(names, file)); }

/// The names of three axes, with @ for x, y, z.
strings axes(const std::string& form, const std::string& letters = "xyz") {
    strings names;
    for (const char letter : letters) {
        std::string name = form;
        name[name.find('@')] = letter;
        names.push_back(name);
    }
    return names;
}

} // namespace

TEST_CASE("csv columns: ways to write a sensor") {
    for (const std::string form : {"acc_@", "acc@", "Acc.@", "a@", "A@", "@_acc", "accelerometer_@", "accel-@",
                                   "Accelerometer @", "acceleration.@", "Acceleration @", "totalAcceleration.@",
                                   "Total Acceleration @", "raw_acc_@", "imu.accel.@", "gF@", "acc_@-axis"}) {
        CAPTURE(form);
        CHECK(sensors(axes(form)).starts_with("acc 0 1 2"));
    }
    for (const std::string form : {"userAcceleration.@", "user_acc_@", "linear_acceleration_@",
                                   "Linear Acceleration @", "linearAcceleration.@", "LinearAccelerometer@"})
        CHECK_MESSAGE(sensors(axes(form)) == "user_acc 0 1 2", form);
    for (const std::string form : {"gyro_@", "g@", "w@", "gyr@", "Gyroscope @", "rotationRate.@", "rotation_rate_@",
                                   "angular_velocity.@", "omega@", "motionRotationRate.@"})
        CHECK_MESSAGE(sensors(axes(form)) == "gyro 0 1 2", form);
    for (const std::string form : {"mag_@", "m@", "Magnetometer @", "magneticField.@", "b@"})
        CHECK_MESSAGE(sensors(axes(form)) == "mag 0 1 2", form);
    CHECK(sensors(axes("gravity.@")) == "gravity 0 1 2");
    CHECK(sensors(axes("watch_acc_@")) == "watch_acc 0 1 2");
    CHECK(sensors(axes("left wrist gyro @")) == "left_wrist_gyro 0 1 2");
    CHECK(sensors(axes("Beschleunigung @ (m/s^2)")) == "acc 0 1 2 m/s^2");
    CHECK(sensors(axes("Lineare Beschleunigung @ (m/s^2)")) == "user_acc 0 1 2 m/s^2");
    CHECK(sensors(axes("Gyroskop @ (rad/s)")) == "gyro 0 1 2 rad/s");
    CHECK(sensors(axes("Magnetfeld @ (µT)")) == "mag 0 1 2 uT");
    CHECK(sensors(axes("S_Accel_LN_@_CAL")) == "s_ln_acc 0 1 2");
}

TEST_CASE("csv columns: any order of the axes; all three are needed; the first of equal names counts") {
    CHECK(sensors(axes("acc_@", "zyx")) == "acc 2 1 0");
    CHECK(sensors({"gz", "ax", "gy", "az", "gx", "ay"}) == "gyro 4 2 0; acc 1 5 3");
    CHECK(sensors({"acc_x", "acc_y"}) == "");
    CHECK(sensors({"acc_x", "acc_y", "acc_z", "acc_x"}) == "acc 0 1 2");
    CHECK(sensors({"pressure", "light", "temperature"}) == "");
    CHECK(sensors(axes("orientation_@")) == "");
    CHECK(sensors(axes("acc_uncalibrated_@")) == "");
}

TEST_CASE("csv columns: plain axes are those of the sensor that names the file") {
    const strings xyz{"t", "x", "y", "z"};
    CHECK(sensors(xyz, "data") == "acc 1 2 3");
    CHECK(sensors(xyz, "Gyroscope") == "gyro 1 2 3");
    CHECK(sensors(xyz, "watch_accelerometer") == "watch_acc 1 2 3");
    CHECK(sensors(xyz, "Magnetometer") == "mag 1 2 3");
    for (const std::string file : {"Orientation", "Compass", "Location", "AccelerometerUncalibrated",
                                   "GyroscopeUncalibrated", "RotationVector"})
        CHECK_MESSAGE(sensors(xyz, file) == "", file);
}

TEST_CASE("csv columns: units in brackets, behind the name and in a row of their own") {
    CHECK(sensors(axes("acc_@ (m/s^2)")) == "acc 0 1 2 m/s^2");
    CHECK(sensors(axes("A@ [g]")) == "acc 0 1 2 g");
    CHECK(sensors(axes("A@ (m/s2)")) == "acc 0 1 2 m/s^2");
    CHECK(sensors(axes("acc_@_mg")) == "acc 0 1 2 mg");
    CHECK(sensors(axes("gyro_@_dps")) == "gyro 0 1 2 deg/s");
    CHECK(sensors(axes("@-axis (deg/s)"), "Gyroscope") == "gyro 0 1 2 deg/s");
    csv_dialect d;
    d.header = true;
    d.names = {"time", "acc_x", "acc_y", "acc_z"};
    d.units = {"(ms)", "m/(s^2)", "m/(s^2)", "m/(s^2)"};
    CHECK(sensors(recognise_columns(d, "data")) == "acc 1 2 3 m/s^2");
    CHECK(recognise_columns(d, "data").unit == time_unit::milliseconds);
}

TEST_CASE("csv columns: programs, and the units that they use") {
    auto c = of({"time", "seconds_elapsed", "z", "y", "x"}, "Accelerometer");
    CHECK(c.form == "Sensor Logger");
    CHECK(sensors(c) == "user_acc 4 3 2 m/s^2");
    CHECK(c.time == 0);
    CHECK(sensors({"time", "seconds_elapsed", "z", "y", "x"}, "TotalAcceleration") == "acc 4 3 2 m/s^2");
    CHECK(sensors({"time", "seconds_elapsed", "z", "y", "x"}, "Gyroscope") == "gyro 4 3 2 rad/s");
    CHECK(sensors({"time", "seconds_elapsed", "z", "y", "x"}, "Magnetometer") == "mag 4 3 2 uT");
    c = of({"Time (s)", "Acceleration x (m/s^2)", "Acceleration y (m/s^2)", "Acceleration z (m/s^2)"});
    CHECK(c.form == "phyphox");
    CHECK(c.unit == time_unit::seconds);
    CHECK(sensors(c) == "acc 1 2 3 m/s^2");
    c = of({"time", "gFx", "gFy", "gFz", "TgF"});
    CHECK(c.form == "Physics Toolbox");
    CHECK(sensors(c) == "acc 1 2 3 g");
    c = of({"time", "gFx", "gFy", "gFz", "wx", "wy", "wz", "ax", "ay", "az"});
    CHECK(sensors(c) == "acc 1 2 3 g; gyro 4 5 6 rad/s");
    c = of({"", "gravity.x", "gravity.y", "gravity.z", "rotationRate.x", "rotationRate.y", "rotationRate.z",
            "userAcceleration.x", "userAcceleration.y", "userAcceleration.z"});
    CHECK(c.form == "Core Motion");
    CHECK(!c.time);
    CHECK(sensors(c) == "gravity 1 2 3 g; gyro 4 5 6 rad/s; user_acc 7 8 9 g");
    c = of({"%time", "field.header.seq", "field.header.stamp", "field.orientation.x", "field.orientation.y",
            "field.orientation.z", "field.angular_velocity.x", "field.angular_velocity.y", "field.angular_velocity.z",
            "field.linear_acceleration.x", "field.linear_acceleration.y", "field.linear_acceleration.z"});
    CHECK(c.form == "ROS");
    CHECK(c.time == 2);
    CHECK(sensors(c) == "gyro 6 7 8 rad/s; acc 9 10 11 m/s^2");
    CHECK(of({"time", "ax", "ay", "az"}).form == "");
    CHECK(of({"time (s)", "ax", "ay", "az"}).form == "");
    c = of({"loggingTime(txt)", "accelerometerTimestamp_sinceReboot(s)", "accelerometerAccelerationX(G)",
            "accelerometerAccelerationY(G)", "accelerometerAccelerationZ(G)", "motionUserAccelerationX(G)",
            "motionUserAccelerationY(G)", "motionUserAccelerationZ(G)", "gyroRotationX(rad/s)",
            "gyroRotationY(rad/s)", "gyroRotationZ(rad/s)"});
    CHECK(sensors(c) == "acc 2 3 4 g; user_acc 5 6 7 g; gyro 8 9 10 rad/s");
}

TEST_CASE("csv columns: the best column of time, label and person") {
    auto c = of({"label", "elapsed (s)", "epoc (ms)", "timestamp", "ax", "ay", "az", "Subject ID"});
    CHECK(c.label == 0);
    CHECK(c.time == 3);
    CHECK(c.unit == time_unit::automatic);
    CHECK(c.subject == 7);
    for (const auto& [name, unit] :
         std::vector<std::pair<std::string, time_unit>>{{"time", time_unit::automatic},
                                                        {"time (s)", time_unit::seconds},
                                                        {"Time [ms]", time_unit::milliseconds},
                                                        {"time_us", time_unit::microseconds},
                                                        {"timestamp_ns", time_unit::nanoseconds},
                                                        {"Timestamp (µs)", time_unit::microseconds},
                                                        {"t", time_unit::automatic},
                                                        {"seconds_elapsed", time_unit::automatic},
                                                        {"SampleTimeFine", time_unit::automatic},
                                                        {"Zeit (s)", time_unit::seconds}}) {
        const std::string form = name;
        CAPTURE(form);
        c = of({"ax", "ay", "az", name});
        CHECK(c.time == 3);
        CHECK(c.unit == unit);
    }
    for (const std::string name : {"label", "Activity", "class", "target", "activity_name"})
        CHECK_MESSAGE(of({"ax", "ay", "az", name}).label == 3, name);
    for (const std::string name : {"subject", "user", "participant", "person_id", "userId"})
        CHECK_MESSAGE(of({"ax", "ay", "az", name}).subject == 3, name);
    CHECK(!of({"ax", "ay", "az"}).time);
    CHECK(!of({"ax", "ay", "az"}).label);
}

TEST_CASE("csv columns: a table without names") {
    const auto guess = [](std::vector<strings> rows, const std::string& file = "data") {
        csv_dialect d;
        for (std::size_t k = 1; k <= rows[0].size(); ++k) d.names.push_back("column " + std::to_string(k));
        d.rows = std::move(rows);
        return recognise_columns(d, file);
    };
    auto c = guess({{"2014-05-07 16:29:30.960", "1", "2", "3"}, {"2014-05-07 16:29:30.970", "1", "2", "3"}});
    CHECK(c.guessed);
    CHECK(c.time == 0);
    CHECK(sensors(c) == "acc 1 2 3");
    c = guess({{"0.00", "1", "2", "3", "4", "5", "6"}, {"0.02", "1", "2", "3", "4", "5", "6"}});
    CHECK(c.time == 0);
    CHECK(sensors(c) == "acc 1 2 3; gyro 4 5 6");
    c = guess({{"0", "1", "2", "3"}, {"1", "1", "2", "3"}, {"2", "1", "2", "3"}}); // numbers of the rows
    CHECK(!c.time);
    CHECK(sensors(c) == "acc 1 2 3");
    c = guess({{"0.3", "1", "2"}, {"-0.1", "1", "2"}, {"0.2", "1", "2"}});
    CHECK(!c.time);
    CHECK(sensors(c) == "acc 0 1 2");
    c = guess({{"0.3", "1", "2"}, {"-0.1", "1", "2"}}, "gyro_exp01_user01");
    CHECK(sensors(c) == "gyro 0 1 2");
    c = guess({{"0.00", "1", "2", "walk"}, {"0.02", "1", "2", "walk"}});
    CHECK(c.sensors.empty());
}

TEST_CASE("csv columns: words of a name") {
    using data::detail::column_words;
    CHECK(column_words("userAcceleration.x") == strings{"user", "acceleration", "x"});
    CHECK(column_words("Acceleration x (m/s^2)") == strings{"acceleration", "x"});
    CHECK(column_words("acc-X_2") == strings{"acc", "x", "2"});
    CHECK(column_words("") == strings{});
    CHECK(column_words("(x)") == strings{"x"});
    CHECK(column_words("Länge") == strings{"länge"});
}

// SPDX-License-Identifier: BSD-3-Clause
/// Small exports in the form of well-known programs, made for the tests of data/csv_recordings.hpp.
#ifndef TESTS_DATA_CSV_EXPORTS_HPP
#define TESTS_DATA_CSV_EXPORTS_HPP

#include <cstddef>
#include <cstdio>
#include <initializer_list>
#include <string>
#include <vector>

#include "../dataset/scratch.hpp"

namespace exports {

/// The value of axis a (0, 1, 2) of sensor s in its sample i. Exact with three decimals and in float.
inline double wave(std::size_t i, std::size_t a, std::size_t s = 0) {
    return double(i % 16) / 8 - 1 + double(a) / 2 + 4 * double(s);
}

inline std::string number(double v, char decimal = '.', const char* form = "%.3f") {
    char text[64];
    std::snprintf(text, sizeof text, form, v);
    std::string s = text;
    if (const std::size_t at = s.find('.'); at != s.npos) s[at] = decimal;
    return s;
}

/// The three axes of a sensor in one sample, each with `separator` before it.
inline std::string axes(std::size_t i, std::size_t s = 0, char separator = ',', char decimal = '.',
                        const char* form = "%.3f") {
    std::string text;
    for (std::size_t a = 0; a < 3; ++a) text += separator + number(wave(i, a, s), decimal, form);
    return text;
}

/// `header` and n rows.
template <class Row> std::string table(const std::string& header, std::size_t n, Row row) {
    std::string text = header + (header.empty() ? "" : "\n");
    for (std::size_t i = 0; i < n; ++i) text += row(i) + "\n";
    return text;
}

/// A plain table: time in ms at 50 Hz and an accelerometer; `rest` follows each row, with its comma.
inline std::string plain(std::size_t n, const std::string& header = "time,acc_x,acc_y,acc_z",
                         const std::string& rest = "", std::size_t first_ms = 0) {
    return table(header, n, [&](std::size_t i) { return std::to_string(first_ms + 20 * i) + axes(i) + rest; });
}

constexpr long long sensor_logger_start = 1714990000123456000; // ns since 1970: 2024-05-06T10:06:40.123Z

/// A recording of Sensor Logger: a folder with a file for each sensor, axes in the order z, y, x. The accelerometer is
/// sampled at 50 Hz, the gyroscope at 100 Hz from 3 ms later on. Annotations: walk from 1 s, run from 2 s.
inline void sensor_logger(const scratch_folder& at, const std::string& folder, std::size_t n = 200) {
    const std::string header = "time,seconds_elapsed,z,y,x";
    const auto file = [&](const std::string& name, std::size_t s, std::size_t rows, long long first, long long step) {
        at.write(folder + "/" + name + ".csv", table(header, rows, [&](std::size_t i) {
                     const long long t = first + static_cast<long long>(i) * step;
                     return std::to_string(sensor_logger_start + t) + "," + number(double(t) * 1e-9, '.', "%.9f") +
                            "," + number(wave(i, 2, s)) + "," + number(wave(i, 1, s)) + "," + number(wave(i, 0, s));
                 }));
    };
    file("TotalAcceleration", 0, n, 0, 20000000);
    file("Accelerometer", 1, n, 0, 20000000);
    file("Gravity", 2, n, 0, 20000000);
    file("Gyroscope", 3, 2 * n, 3000000, 10000000);
    file("Magnetometer", 4, n, 0, 20000000);
    file("AccelerometerUncalibrated", 5, n, 0, 20000000);
    file("GyroscopeUncalibrated", 6, n, 0, 20000000);
    at.write(folder + "/Orientation.csv",
             table("time,seconds_elapsed,qz,qy,qx,qw,roll,pitch,yaw", n, [](std::size_t i) {
                 return std::to_string(sensor_logger_start + static_cast<long long>(i) * 20000000) + "," +
                        number(0.02 * double(i)) + ",0,0,0,1,0.1,0.2,0.3";
             }));
    at.write(
        folder + "/Metadata.csv",
        "version,device name,recording epoch time,recording time,recording timezone,platform,appVersion,device id,"
        "sensors,sampleRateMs,standardisation,platform version\n"
        "3,iPhone 13,1714990000123,2024-05-06_10-06-40,Europe/Berlin,ios,1.30.0,ABC,Accelerometer|Gyroscope,20|10,"
        "false,17.4\n");
    at.write(folder + "/Annotation.csv", "time,seconds_elapsed,text,millisecond_press_duration\n" +
                                             std::to_string(sensor_logger_start + 1000000000) + ",1.0,walk,120\n" +
                                             std::to_string(sensor_logger_start + 2000000000) + ",2.0,run,130\n");
}

/// An experiment of phyphox: quoted names with units, 1.234500000E0. The accelerometer at 50 Hz, the gyroscope at 100 Hz.
inline void phyphox(const scratch_folder& at, const std::string& folder, char separator = ',', char decimal = '.',
                    std::size_t n = 200) {
    const auto file = [&](const std::string& name, const std::string& sensor, const std::string& unit, std::size_t s,
                          std::size_t rows, double hz) {
        std::string header = "\"Time (s)\"";
        for (const char axis : {'x', 'y', 'z'})
            header += separator + ("\"" + sensor + " " + axis + " (" + unit + ")\"");
        at.write(folder + "/" + name + ".csv", table(header, rows, [&](std::size_t i) {
                     return number(double(i) / hz, decimal, "%.9E") + axes(i, s, separator, decimal, "%.9E");
                 }));
    };
    file("Accelerometer", "Acceleration", "m/s^2", 0, n, 50);
    file("Linear Accelerometer", "Linear Acceleration", "m/s^2", 1, n, 50);
    file("Gyroscope", "Gyroscope", "rad/s", 3, 2 * n, 100);
    at.write(folder + "/meta/device.csv",
             "\"property\",\"value\"\n\"deviceModel\",\"Pixel 6\"\n\"deviceRelease\",\"13\"\n"
             "\"accelerometer Range\",\"156.9064\"\n");
    at.write(folder + "/meta/time.csv",
             "\"event\",\"experiment time\",\"system time\",\"system time text\"\n"
             "\"START\",0.000000000E0,1.714990000123E9,\"2024-05-06 10:06:40.123 UTC+02:00\"\n"
             "\"PAUSE\",4.100000000E0,1.714990004223E9,\"2024-05-06 10:06:44.223 UTC+02:00\"\n");
}

/// The preamble of ActiGraph at 30 Hz.
inline std::string actigraph_preamble() {
    return "------------ Data File Created By ActiGraph GT3X+ ActiLife v6.13.3 Firmware v1.9.2 date format M/d/yyyy "
           "at 30 Hz "
           " Filter Normal -----------\n"
           "Serial Number: MOS2D16160581\nStart Time 16:35:00\nStart Date 3/28/2017\n"
           "Epoch Period (hh:mm:ss) 00:00:00\nDownload Time 12:11:10\nDownload Date 3/30/2017\n"
           "Current Memory Address: 0\nCurrent Battery Voltage: 4.11     Mode = 12\n"
           "--------------------------------------------------\n";
}

} // namespace exports

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Recordings in the forms in which applications of phones export them, with activities that are easy to tell apart.
#ifndef TESTS_HAR_PHONE_EXPORTS_HPP
#define TESTS_HAR_PHONE_EXPORTS_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <numbers>
#include <string>
#include <vector>

#include "program.hpp"

namespace har_tests {

/// A movement: three sines of one frequency and amplitude on a pair of sensors.
struct movement {
    std::string name;
    double hz = 1, acceleration = 1, rotation = 1; ///< amplitudes in m/s² and rad/s

    /// Axis `axis` at t seconds, around 0, with a little noise that depends on `seed`.
    double value(double amplitude, std::size_t axis, double t, unsigned seed) const {
        const double noise = std::sin(997.0 * t * double(axis + 2) + double(seed));
        return amplitude * std::sin(2 * std::numbers::pi * hz * t + double(axis) + double(seed)) + 0.02 * noise;
    }
};

inline const std::vector<movement>& movements() {
    static const std::vector<movement> all{{"running", 3, 9, 5}, {"sitting", 0.3, 0.1, 0.05}, {"walking", 2, 3, 1}};
    return all;
}

/// One recording: who moves how, from `first` to `first` + `seconds` on a clock that begins at start_of_clock, without the
/// samples between the two times of the gap.
struct phone_recording {
    movement what;
    double seconds = 10;
    unsigned seed = 0;
    std::array<double, 2> gap{-1, -1};
    double acc_hz = 50, gyro_hz = 40, gyro_late = 0.13; ///< the gyroscope begins so many seconds later
    bool has(double t) const { return !(t > gap[0] && t < gap[1]); }
};

inline constexpr long long start_of_clock = 1709280000; // 2024-03-01T08:00:00Z

inline std::string print(const char* format, double v) {
    char text[64];
    std::snprintf(text, sizeof text, format, v);
    return text;
}

/// Rows of a table: the time, and what `fields` makes of it.
inline std::string rows(const phone_recording& r, double hz, double first,
                        const std::function<std::string(double)>& fields) {
    std::string text;
    const auto n = static_cast<std::size_t>(std::lround((r.seconds - first) * hz));
    for (std::size_t i = 0; i < n; ++i) {
        const double t = first + double(i) / hz;
        if (r.has(t)) text += fields(t) + "\n";
    }
    return text;
}

/// Sensor Logger: one file per sensor, nanoseconds since 1970, axes in the order z, y, x; the accelerometer is without gravity.
inline void write_sensor_logger(const std::filesystem::path& at, const phone_recording& r) {
    const auto table = [&](double hz, double first, double amplitude) {
        return "time,seconds_elapsed,z,y,x\n" + rows(r, hz, first, [&](double t) {
                   std::string line =
                       std::to_string(start_of_clock * 1000000000 + std::llround(t * 1e9)) + print(",%.7f", t);
                   for (const std::size_t axis : {2u, 1u, 0u})
                       line += print(",%.6f", r.what.value(amplitude, axis, t, r.seed));
                   return line;
               });
    };
    write(at / "Accelerometer.csv", table(r.acc_hz, 0, r.what.acceleration));
    write(at / "Gyroscope.csv", table(r.gyro_hz, r.gyro_late, r.what.rotation));
    write(at / "Metadata.csv", "version,device name,recording time\n3,phone,2024-03-01_08-00-00\n");
}

/// phyphox: quoted names with units, seconds since the beginning, here with decimal commas and semicolons.
inline void write_phyphox(const std::filesystem::path& at, const phone_recording& r, bool comma = true) {
    const auto number = [&](double v) {
        std::string text = print("%.9E", v);
        if (comma) text.replace(text.find('.'), 1, ",");
        return text;
    };
    const std::string between = comma ? ";" : ",";
    const auto table = [&](const std::string& name, const std::string& unit, double hz, double first,
                           double amplitude) {
        std::string head = "\"Time (s)\"";
        for (const char* axis : {"x", "y", "z"}) head += between + "\"" + name + " " + axis + " (" + unit + ")\"";
        return head + "\n" + rows(r, hz, first, [&](double t) {
                   std::string line = number(t);
                   for (const std::size_t axis : {0u, 1u, 2u})
                       line += between + number(r.what.value(amplitude, axis, t, r.seed));
                   return line;
               });
    };
    write(at / "Linear Acceleration.csv", table("Linear Acceleration", "m/s^2", r.acc_hz, 0, r.what.acceleration));
    write(at / "Gyroscope.csv", table("Gyroscope", "rad/s", r.gyro_hz, r.gyro_late, r.what.rotation));
}

/// One table with the columns of another program: an index, other columns between, acceleration in g, rotation in degrees,
/// dates as words.
inline std::string one_table(const phone_recording& r, double hz = 50) {
    return ",battery,rotationRate.z (deg/s),rotationRate.y (deg/s),rotationRate.x (deg/s),timestamp,"
           "userAcceleration.y (g),userAcceleration.x (g),userAcceleration.z (g)\n" +
           rows(r, hz, 0, [&](double t) {
               const auto acc = [&](std::size_t axis) {
                   return print(",%.7f", r.what.value(r.what.acceleration, axis, t, r.seed) / 9.80665);
               };
               const auto turn = [&](std::size_t axis) {
                   return print(",%.5f", r.what.value(r.what.rotation, axis, t, r.seed) * 180 / std::numbers::pi);
               };
               const auto ms = std::llround(t * 1000);
               char date[64];
               std::snprintf(date, sizeof date, ",2024-03-01T08:00:%02lld.%03lldZ", ms / 1000, ms % 1000);
               return std::to_string(std::llround(t * hz)) + ",98" + turn(2) + turn(1) + turn(0) + date + acc(1) +
                      acc(0) + acc(2);
           });
}

inline const std::vector<std::string> six_people{"anna", "ben", "carl", "dora", "eve", "finn"};

/// A folder in which people have folders, with a recording of each movement in every one.
template <class Write>
void make_people(const std::filesystem::path& at, const std::vector<std::string>& names, const Write& write_one,
                 double seconds = 10) {
    unsigned seed = 0;
    for (const auto& person : names)
        for (const movement& m : movements()) {
            phone_recording r{m, seconds};
            r.seed = seed++;
            write_one(at / person / (m.name + "-2024-03-01_08-0" + std::to_string(seed % 10) + "-00"), r);
        }
}

/// Ten epochs of milliseconds.
inline const std::string learn = "train --preset har_nano --epochs 10 --batch 16 --threads 1 --csv-window 64 ";

/// A folder with recordings of six people as Sensor Logger writes them in `phone`, and a model in `run`, trained on them once.
inline const folder& trained_place() {
    static const folder at;
    static const answer done = [] {
        make_people(at.path / "phone", six_people, [](const auto& to, const auto& r) { write_sensor_logger(to, r); });
        return run(at, learn + "--data csv=phone --quiet --out run");
    }();
    REQUIRE_MESSAGE(done.code == 0, done.err);
    return at;
}
inline const std::string ask_model = "predict --model run/model.safetensors ";

} // namespace har_tests

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/csv/columns.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <numbers>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// A name as words in lower case, and the unit in its brackets.
struct column_name {
    std::vector<std::string> words;
    std::string unit;
};

inline column_name read_column_name(std::string_view name) {
    column_name n;
    if (const std::size_t open = name.find_last_of("(["); open != name.npos && open > 0) {
        const std::size_t close = name.find_first_of(")]", open);
        n.unit = spelled_unit(name.substr(open + 1, close == name.npos ? close : close - open - 1));
        name = name.substr(0, open);
    }
    const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    bool inside = false;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const char c = name[i];
        const bool letter = lower(c) || upper(c) || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
        // A capital begins a word after a small letter: userAcceleration, accX.
        const bool begins = letter && (!inside || (i > 0 && upper(c) && lower(name[i - 1])));
        if (begins) n.words.emplace_back();
        if (letter) n.words.back() += upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
        inside = letter;
    }
    return n;
}

std::vector<std::string> column_words(std::string_view name) { return read_column_name(name).words; }

/// A way to write a sensor: its words, and what it is called here.
struct sensor_words {
    std::vector<std::string> words;
    const char* name;
};

/// Longer ones come first.
inline const std::vector<sensor_words>& known_sensors() {
    static const std::vector<sensor_words> known{{{"acceleration", "without", "g"}, "user_acc"},
                                                 {{"user", "acceleration"}, "user_acc"},
                                                 {{"user", "acc"}, "user_acc"},
                                                 {{"user", "accel"}, "user_acc"},
                                                 {{"linear", "acceleration"}, "user_acc"},
                                                 {{"linear", "accelerometer"}, "user_acc"},
                                                 {{"linear", "accel"}, "user_acc"},
                                                 {{"linear", "acc"}, "user_acc"},
                                                 {{"lineare", "beschleunigung"}, "user_acc"},
                                                 {{"accelerometer", "acceleration"}, "acc"},
                                                 {{"total", "acceleration"}, "acc"},
                                                 {{"g", "force"}, "acc"},
                                                 {{"rotation", "rate"}, "gyro"},
                                                 {{"gyro", "rotation"}, "gyro"},
                                                 {{"angular", "velocity"}, "gyro"},
                                                 {{"angular", "rate"}, "gyro"},
                                                 {{"magnetic", "field"}, "mag"},
                                                 {{"useracceleration"}, "user_acc"},
                                                 {{"linearacceleration"}, "user_acc"},
                                                 {{"totalacceleration"}, "acc"},
                                                 {{"rotationrate"}, "gyro"},
                                                 {{"accelerometer"}, "acc"},
                                                 {{"acceleration"}, "acc"},
                                                 {{"accel"}, "acc"},
                                                 {{"acc"}, "acc"},
                                                 {{"beschleunigung"}, "acc"},
                                                 {{"gyroscope"}, "gyro"},
                                                 {{"gyroskop"}, "gyro"},
                                                 {{"gyro"}, "gyro"},
                                                 {{"gyr"}, "gyro"},
                                                 {{"magnetometer"}, "mag"},
                                                 {{"magnetfeld"}, "mag"},
                                                 {{"mag"}, "mag"},
                                                 {{"gravity"}, "gravity"}};
    return known;
}

/// The sensor of a name without axis: known words become ours, others precede them. Empty when none is known.
inline std::string sensor_name(std::vector<std::string> words, bool ros) {
    for (const auto& known : known_sensors()) {
        const auto at = std::search(words.begin(), words.end(), known.words.begin(), known.words.end());
        if (at == words.end()) continue;
        std::string name = known.name;
        if (ros && name == "user_acc" && known.words[0] == "linear") name = "acc";
        words.erase(at, at + static_cast<std::ptrdiff_t>(known.words.size()));
        std::string before;
        for (const std::string& word : words) {
            static const std::vector<std::string> noise{
                "field",   "imu",     "data", "raw",        "sensor", "value", "values", "vector",
                "reading", "phyphox", "in",   "calibrated", "motion", "on",    "axis",   "cal"};
            if (word == "uncalibrated") return "";
            if (std::find(noise.begin(), noise.end(), word) == noise.end()) before += word + "_";
        }
        return before + name;
    }
    return "";
}

/// Whether a file is named after something with three axes that is no motion sensor.
inline bool no_motion(const std::vector<std::string>& words) {
    static const std::vector<std::string> others{"uncalibrated", "orientation", "rotation", "compass",
                                                 "quaternion",   "location",    "gps",      "euler"};
    return std::find_first_of(words.begin(), words.end(), others.begin(), others.end()) != words.end();
}

inline int axis_of(std::string_view word) { return word == "x" ? 0 : word == "y" ? 1 : word == "z" ? 2 : -1; }

/// The axis of a name, which is taken out of it; -1: none.
inline int take_axis(std::vector<std::string>& words) {
    while (words.size() > 1 && (words.back() == "axis" || words.back() == "cal")) words.pop_back(); // x-axis
    if (words.empty()) return -1;
    if (const int axis = axis_of(words.back()); axis >= 0) {
        words.pop_back();
        return axis;
    }
    if (const int axis = axis_of(words.front()); axis >= 0) {
        words.erase(words.begin());
        return axis;
    }
    // A short name that ends in its axis: ax, wx, mx, gFx (g fx), accx.
    std::string& last = words.back();
    const int axis = axis_of(std::string_view(last).substr(last.size() - 1));
    if (axis < 0) return -1;
    const std::string stem = last.substr(0, last.size() - 1);
    const char* const meaning = stem == "a"                                                             ? "acc"
                                : stem == "w" || stem == "omega"                                        ? "gyro"
                                : stem == "m" || stem == "b"                                            ? "mag"
                                : stem == "g"                                                           ? "gyro"
                                : stem == "gf" || (stem == "f" && words.size() == 2 && words[0] == "g") ? "acc"
                                                                                                        : nullptr;
    if (meaning != nullptr) {
        if (stem == "f") words.erase(words.begin());
        words.back() = meaning;
        return axis;
    }
    for (const auto& known : known_sensors())
        if (known.words.size() == 1 && known.words[0] == stem) {
            last = stem;
            return axis;
        }
    return -1;
}

/// The unit at the end of a name, as in "time_ms" or "acc_x_m/s^2"; it is taken out of the words.
inline std::string take_unit(std::vector<std::string>& words) {
    static const std::vector<std::string> units{"ms",          "us",           "ns",     "seconds",
                                                "sec",         "milliseconds", "millis", "microseconds",
                                                "nanoseconds", "mg",           "g",      "dps"};
    if (words.size() < 2 || std::find(units.begin(), units.end(), words.back()) == units.end()) return "";
    const std::string unit = spelled_unit(words.back());
    words.pop_back();
    return unit;
}

inline std::string joined_words(const std::vector<std::string>& words) {
    std::string all;
    for (const auto& word : words) all += (all.empty() ? "" : " ") + word;
    return all;
}

/// How well a name suits a column of time; 0: not at all.
inline int time_rank(const std::string& words) {
    static const std::vector<std::vector<std::string>> ranks{
        {"t", "zeit", "elapsed time", "elapsed", "seconds elapsed", "relative time", "header seq"},
        {"date", "clock"},
        {"time", "epoch", "epoc", "unix", "unixtime", "sample time fine", "datetime", "date time", "local time",
         "loggingtime", "logging time", "rostime", "ros time"},
        {"timestamp", "time stamp", "timestamps", "unix timestamp", "epoch time", "unix time", "utc time",
         "header time stamp", "s timestamp unix cal", "motiontimestamp since reboot",
         "accelerometertimestamp since reboot"},
        {"field header stamp", "header stamp"}};
    for (std::size_t r = 0; r < ranks.size(); ++r)
        if (std::find(ranks[r].begin(), ranks[r].end(), words) != ranks[r].end()) return static_cast<int>(r) + 1;
    return 0;
}

inline bool one_of(const std::string& words, std::initializer_list<const char*> list) {
    return std::find(list.begin(), list.end(), words) != list.end();
}

inline time_unit stated_time_unit(const std::string& unit) {
    return unit == "s"    ? time_unit::seconds
           : unit == "ms" ? time_unit::milliseconds
           : unit == "us" ? time_unit::microseconds
           : unit == "ns" ? time_unit::nanoseconds
                          : time_unit::automatic;
}

/// The program that writes such names; empty: unknown.
inline std::string_view program_of(const csv_dialect& d, const std::vector<column_name>& names) {
    const auto any = [&](auto is) { return std::any_of(names.begin(), names.end(), is); };
    const auto called = [&](const char* words) {
        return any([&](const column_name& n) { return joined_words(n.words) == words; });
    };
    if (d.title.find("ActiGraph") != std::string::npos) return "ActiGraph";
    if (called("seconds elapsed")) return "Sensor Logger";
    if (called("linear acceleration x") || called("field linear acceleration x"))
        if (called("angular velocity x") || called("field angular velocity x")) return "ROS";
    if (called("user acceleration x") && called("rotation rate x")) return "Core Motion";
    if (called("g fx") || (called("wx") && called("ax"))) return "Physics Toolbox";
    if (!d.names.empty() && (d.names[0] == "Time (s)" || d.names[0] == "Zeit (s)")) return "phyphox";
    return "";
}

/// The unit of a sensor in the exports of a program.
inline std::string usual_unit(std::string_view program, const std::string& sensor, bool g_force) {
    if (program.empty() || program == "phyphox") return "";
    const bool acceleration = sensor.ends_with("acc") || sensor.ends_with("gravity");
    if (acceleration) return g_force || program == "Core Motion" || program == "ActiGraph" ? "g" : "m/s^2";
    if (sensor.ends_with("gyro")) return program == "ActiGraph" ? "deg/s" : "rad/s";
    return program == "ROS" ? "T" : "uT";
}

/// The columns of a table without names.
inline csv_columns guessed_columns(const csv_dialect& d) {
    csv_columns c;
    c.guessed = true;
    std::size_t at = 0;
    std::vector<double> stamps;
    bool text = !d.rows.empty();
    bool counts = d.rows.size() > 1;
    for (const auto& row : d.rows) {
        double value = 0;
        if (csv_number(row[0], d.decimal, value)) {
            counts = counts && (stamps.empty() || value - stamps.back() == 1);
            stamps.push_back(value);
        }
        text = text && read_time_text(row[0]).has_value();
    }
    if (stamps.size() == d.rows.size() && counts && recognise_time_unit(stamps) == time_unit::automatic)
        at = 1; // numbers of the rows
    else if (text || (stamps.size() == d.rows.size() && recognise_time_unit(stamps) != time_unit::automatic &&
                      std::is_sorted(stamps.begin(), stamps.end())))
        c.time = at++;
    for (const char* const name : {"acc", "gyro"}) {
        bool numbers = at + 3 <= d.columns();
        for (std::size_t k = at; k < at + 3 && numbers; ++k)
            numbers = std::any_of(d.rows.begin(), d.rows.end(), [&](const auto& row) {
                double value = 0;
                return csv_number(row[k], d.decimal, value);
            });
        if (!numbers) break;
        c.sensors.push_back({name, {at, at + 1, at + 2}});
        at += 3;
    }
    return c;
}

} // namespace detail

csv_columns recognise_columns(const csv_dialect& d, std::string_view file) {
    csv_columns c;
    if (!d.header) {
        c = detail::guessed_columns(d);
        if (c.sensors.size() == 1) {
            std::vector<std::string> words = detail::read_column_name(file).words;
            std::erase_if(words, [](const std::string& w) { return w.find_first_of("0123456789") != w.npos; });
            if (const std::string name = detail::sensor_name(words, false); !name.empty()) c.sensors[0].name = name;
        }
        c.form = detail::program_of(d, {});
        for (csv_sensor& sensor : c.sensors) sensor.unit = detail::usual_unit(c.form, sensor.name, false);
        return c;
    }
    std::vector<detail::column_name> names;
    for (const auto& name : d.names) names.push_back(detail::read_column_name(name));
    for (std::size_t k = 0; k < d.units.size(); ++k)
        if (names[k].unit.empty()) names[k].unit = spelled_unit(d.units[k]);
    c.form = detail::program_of(d, names);
    const bool ros = c.form == "ROS";
    // Columns x, y, z are those of the sensor that the file is named after, or of an accelerometer.
    const std::vector<std::string> stem = detail::read_column_name(file).words;
    std::string of_file = detail::sensor_name(stem, false);
    if (of_file.empty() && !detail::no_motion(stem)) of_file = "acc";
    if (c.form == "Sensor Logger" && stem == std::vector<std::string>{"accelerometer"}) of_file = "user_acc";
    struct axes {
        std::string name, unit;
        std::array<std::size_t, 3> columns;
        std::array<bool, 3> found{};
    };
    std::vector<axes> found;
    int best = 0;
    for (std::size_t k = 0; k < names.size(); ++k) {
        auto [words, unit] = names[k];
        if (const std::string whole = detail::joined_words(words);
            detail::one_of(whole, {"label", "labels", "activity", "activity name", "class", "class label",
                                   "activity label", "target", "annotation"}) &&
            !c.label) {
            c.label = k;
            continue;
        } else if (detail::one_of(whole,
                                  {"subject", "subject id", "subjectid", "user", "user id", "userid", "participant",
                                   "participant id", "person", "person id", "volunteer", "subj"}) &&
                   !c.subject) {
            c.subject = k;
            continue;
        } else if (unit.empty() && whole != "g") {
            unit = detail::take_unit(words);
        }
        const std::string whole = detail::joined_words(words);
        if (const int rank = detail::time_rank(whole); rank > best) {
            best = rank;
            c.time = k;
            c.unit = detail::stated_time_unit(unit);
            continue;
        } else if (rank > 0) {
            continue;
        }
        const int axis = detail::take_axis(words);
        if (axis < 0) continue;
        const std::string name = words.empty() ? of_file : detail::sensor_name(words, ros);
        if (name.empty()) continue;
        auto at = std::find_if(found.begin(), found.end(), [&](const axes& a) { return a.name == name; });
        if (at == found.end()) at = found.insert(found.end(), {name, unit, {}, {}});
        const auto a = static_cast<std::size_t>(axis);
        if (at->found[a]) continue;
        at->found[a] = true;
        at->columns[a] = k;
    }
    for (const axes& a : found)
        if (a.found[0] && a.found[1] && a.found[2]) {
            const bool g_force = detail::joined_words(names[a.columns[0]].words) == "g fx";
            c.sensors.push_back(
                {a.name, a.columns, a.unit.empty() ? detail::usual_unit(c.form, a.name, g_force) : a.unit});
        }
    return c;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

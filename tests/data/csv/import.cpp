// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/csv/import.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "../../raises.hpp"
#include "exports.hpp"
#include "smldist/data/csv_recordings.hpp"
#include "smldist/data/window.hpp"

using namespace smldist;
using data::csv_options;
using data::csv_recording_set;
using data::csv_recordings;
using exports::axes;
using exports::plain;
using exports::table;

namespace {

using strings = std::vector<std::string>;

/// "anna walk; ben run" of the recordings.
std::string contents(const csv_recording_set& set) {
    std::string all;
    for (const auto& r : set.recordings)
        all += (all.empty() ? "" : "; ") + set.info.subject_name(r.subject) + " " +
               (r.labels[0] < 0 ? "-" : set.info.labels[static_cast<std::size_t>(r.labels[0])]);
    return all;
}

strings names(const csv_recording_set& set) {
    strings all;
    for (const auto& o : set.origins) all.push_back(o.name);
    return all;
}

bool remarked(const csv_recording_set& set, const std::string& part) {
    return std::any_of(set.remarks.begin(), set.remarks.end(), [&](const auto& r) { return has(r, part); });
}

} // namespace

TEST_CASE("csv import: places of labels and people") {
    using data::detail::read_place;
    using data::detail::text_of;
    for (const std::string text :
         {"column a b", "folder 1", "folder 12", "file name", "pattern", "segments", "none", ""})
        CHECK(text_of(read_place("label", text, true)) == text);
    for (const std::string text : {"column", "column ", "folder", "folder 0", "folder -1", "folder 1x", "folder ",
                                   "file", "None", "columns x", "folder 99999999999999999999999"})
        CHECK_RAISES(usage_error,
                     "label: place is \"" + text +
                         "\", expected \"column NAME\", \"folder N\" with N from 1, \"file name\", \"segments\", "
                         "\"pattern\" or \"none\"",
                     read_place("label", text, true));
    for (const std::string text : {"file name", "segments"})
        CHECK_RAISES(usage_error,
                     "subject: place is \"" + text +
                         "\", expected \"column NAME\", \"folder N\" with N from 1, \"pattern\" or \"none\"",
                     read_place("subject", text, false));
}

TEST_CASE("csv import: names without the number or date at their end") {
    using data::detail::without_number;
    for (const auto& [whole, name] :
         std::vector<std::pair<std::string, std::string>>{{"walking", "walking"},
                                                          {"walking_1", "walking"},
                                                          {"walking-2024-05-07_10-11-12", "walking"},
                                                          {"walk 2024-05-06T10:06:40Z", "walk"},
                                                          {"walk (2)", "walk"},
                                                          {"slow walk 3", "slow walk"},
                                                          {"WALT", "WALT"},
                                                          {"T", "T"},
                                                          {"JAZZ_1", "JAZZ"},
                                                          {"2024-05-06", "2024-05-06"},
                                                          {"1", "1"},
                                                          {"", ""}})
        CHECK(whole + ": " + without_number(whole) == whole + ": " + name);
}

TEST_CASE("csv import: patterns say labels, people, recordings, sensors and devices") {
    const scratch_folder at;
    for (const std::string person : {"anna", "ben"})
        for (const std::string walk : {"walk_1", "walk_2", "run_1"})
            for (const std::string device : {"phone", "watch"})
                for (const std::string sensor : {"acc", "gyro"})
                    at.write(person + "/" + walk + "/" + device + "_" + sensor + ".csv",
                             table("time,x,y,z", 100, [&](std::size_t i) {
                                 return std::to_string(20 * i) +
                                        axes(i, (device == "watch" ? 2u : 0u) + (sensor == "gyro" ? 1u : 0u));
                             }));
    const std::string pattern = "{subject}/{label}_{recording#}/{device}_{sensor}.csv";
    auto set = csv_recordings(at.path(), {.files = pattern});
    CHECK(contents(set) == "anna run; anna walk; anna walk; ben run; ben walk; ben walk");
    CHECK(set.info.channels == strings{"phone_acc_x", "phone_acc_y", "phone_acc_z", "phone_gyro_x", "phone_gyro_y",
                                       "phone_gyro_z", "watch_acc_x", "watch_acc_y", "watch_acc_z", "watch_gyro_x",
                                       "watch_gyro_y", "watch_gyro_z"});
    CHECK(set.info.devices == std::vector<std::size_t>{0, 0, 1, 1});
    CHECK(set.understood.bodies[0] == "phone");
    CHECK(set.origins[0].name == "anna/run_1/{device}_{sensor}.csv");
    CHECK(set.recordings[0].samples(0, 9) == float(exports::wave(0, 0, 3)));
    CHECK(set.understood.label == "pattern");
    CHECK(set.understood.subject == "pattern");
    CHECK(set.remarks.size() == 1); // no units
    // The pattern behind the folder; what understood says leads to the same.
    CHECK(contents(csv_recordings(at.path() / pattern)) == contents(set));
    CHECK(contents(csv_recordings(at.path(), set.understood)) == contents(set));
    CHECK_RAISES(usage_error, "path has a pattern, \"*/*/*.csv\", and so have the options, \"x\", expected one",
                 csv_recordings(at.path() / "*/*/*.csv", {.files = "x"}));
    // Without a pattern the files of a folder are one recording; the devices are read from their names.
    set = csv_recordings(at.path());
    CHECK(contents(set) == "anna run; anna walk; anna walk; ben run; ben walk; ben walk");
    CHECK(set.info.channels.size() == 12);
    CHECK(remarked(set, "sensors of several devices are taken from the names of the files"));
    // Only some channels and bodies.
    set = csv_recordings(at.path(), {.files = pattern,
                                     .channels = {"watch_acc_x", "watch_acc_y", "watch_acc_z", "phone_gyro_z"},
                                     .units = {"g", "g", "g", ""},
                                     .bodies = {"wrist", "wrist", "wrist", "hip"}});
    CHECK(set.info.units == strings{"g", "g", "g", ""});
    CHECK(set.info.triples.size() == 1);
    CHECK(set.recordings[0].samples(0, 0) == float(exports::wave(0, 0, 2)));
    CHECK(set.recordings[0].samples(0, 3) == float(exports::wave(0, 2, 1)));
}

TEST_CASE("csv import: labels and people by folder, file name and column") {
    const scratch_folder at;
    const std::string header = "time,acc_x,acc_y,acc_z,state,who";
    at.write("g1/anna/walk_1.csv", plain(100, header, ",still,p2"));
    at.write("g1/ben/run-2024-05-06.csv", plain(100, header, ",moving,p1"));
    CHECK(contents(csv_recordings(at.path())) == "g1 walk; g1 run");
    CHECK(contents(csv_recordings(at.path(), {.subject = "folder 2"})) == "anna walk; ben run");
    CHECK(contents(csv_recordings(at.path(), {.label = "folder 2", .subject = "none"})) == "1 anna; 1 ben");
    CHECK(contents(csv_recordings(at.path(), {.label = "column state", .subject = "column who"})) ==
          "p2 still; p1 moving");
    CHECK(contents(csv_recordings(at.path(), {.label = "none", .subject = "folder 2"})) == "anna -; ben -");
    CHECK(csv_recordings(at.path(), {.label = "none"}).info.labels == strings{"unlabelled"});
    CHECK(contents(csv_recordings(at.path(), {.label_map = {"run=walk"}})) == "g1 walk; g1 walk");
    CHECK(contents(csv_recordings(at.path(), {.label_map = {"run="}})) == "g1 walk; g1 -");
    CHECK_RAISES(usage_error, "label map: label is \"jog\", expected one of run, walk",
                 csv_recordings(at.path(), {.label_map = {"jog=run"}}));
    CHECK_RAISES(data_error, "g1/anna/walk_1.csv: subject is expected in folder 3 of its path, but it has 2",
                 csv_recordings(at.path(), {.subject = "folder 3"}));
    CHECK_RAISES(data_error, ": column of the label is \"nothing\", which no file has",
                 csv_recordings(at.path(), {.label = "column nothing"}));
    CHECK_RAISES(data_error, ": column of the subject is \"nobody\", which no file has",
                 csv_recordings(at.path(), {.subject = "column nobody"}));
    CHECK_RAISES(usage_error, "label: place is \"pattern\", expected {label} in the pattern of the files",
                 csv_recordings(at.path(), {.label = "pattern"}));
    CHECK_RAISES(usage_error, "label: place is \"segments\", expected a pattern of the segments files",
                 csv_recordings(at.path(), {.label = "segments"}));
    // Names of people that are numbers stay.
    const scratch_folder b;
    b.write("s07/walk.csv", plain(100));
    b.write("s12/walk.csv", plain(100));
    const auto set = csv_recordings(b.path(), {.files = "s{subject#}/*.csv"});
    CHECK(set.recordings[0].subject == 7);
    CHECK(set.recordings[1].subject == 12);
    CHECK(set.info.subjects.empty());
}

TEST_CASE("csv import: channels, columns, tables and units by list") {
    const scratch_folder at;
    at.write("rec/first.csv", table("time,u,v,w,acc_x,acc_y,acc_z", 100,
                                    [](std::size_t i) { return std::to_string(20 * i) + axes(i, 1) + axes(i); }));
    at.write("rec/second.csv", table("time,u (g),hr", 100, [](std::size_t i) {
                 return std::to_string(20 * i) + ",0.5," + std::to_string(i);
             }));
    const std::string pattern = "{recording}/{sensor}.csv";
    auto set = csv_recordings(at.path(), {.files = pattern,
                                          .channels = {"hand_x", "hand_y", "hand_z", "pulse"},
                                          .columns = {"u", "v", "w", "hr"},
                                          .tables = {"first", "first", "first", "second"}});
    CHECK(set.info.channels == strings{"hand_x", "hand_y", "hand_z", "pulse"});
    CHECK(set.info.triples.size() == 1);
    CHECK(set.recordings[0].samples(7, 1) == doctest::Approx(exports::wave(7, 1, 1)));
    CHECK(set.recordings[0].samples(7, 3) == doctest::Approx(7));
    CHECK_RAISES(
        data_error,
        "rec/{sensor}.csv: channel a stands in rec/first.csv and rec/second.csv, expected one file: say which in "
        "tables",
        csv_recordings(at.path(), {.files = pattern, .channels = {"a"}, .columns = {"time"}}));
    CHECK_RAISES(usage_error, "csv_recordings: number of columns is 1, expected one per channel: 2",
                 csv_recordings(at.path(), {.channels = {"a", "b"}, .columns = {"u"}}));
    CHECK_RAISES(usage_error, "csv_recordings: number of tables is 1, expected one per channel: 0",
                 csv_recordings(at.path(), {.tables = {"u"}}));
    CHECK_RAISES(usage_error, "csv_recordings: number of units is 3, expected one per channel: 1",
                 csv_recordings(at.path(), {.channels = {"a"}, .units = {"g", "g", "g"}}));
    CHECK_RAISES(usage_error, "csv_recordings: number of bodies is 2, expected one per channel: 1",
                 csv_recordings(at.path(), {.channels = {"a"}, .bodies = {"g", "g"}}));
    CHECK_RAISES(usage_error, "csv_recordings: channel a is listed twice, expected once",
                 csv_recordings(at.path(), {.channels = {"a", "a"}}));
    CHECK_RAISES(data_error, "number of recordings with all channels is 0 of ",
                 csv_recordings(at.path(), {.channels = {"acc_x", "nothing"}}));
    CHECK_RAISES(data_error, "lacks nothing", csv_recordings(at.path(), {.channels = {"acc_x", "nothing"}}));
}

TEST_CASE("csv import: units are converted to those wanted, or to those of the first file") {
    const scratch_folder at;
    const std::string rows = plain(100).substr(23);
    at.write("a/walk.csv", "time,acc_x (g),acc_y (g),acc_z (g)\n" + rows);
    at.write("b/walk.csv", "time,acc_x (m/s^2),acc_y (m/s^2),acc_z (m/s^2)\n" + rows);
    auto set = csv_recordings(at.path());
    CHECK(set.info.units == strings{"g", "g", "g"});
    CHECK(set.recordings[1].samples(0, 0) == doctest::Approx(-1 / 9.80665));
    CHECK(set.repaired("files whose acc_x was converted from m/s^2 to g") == 1);
    set = csv_recordings(at.path(), {.channels = {"acc_x", "acc_y", "acc_z"}, .units = {"m/s²", "m/s2", "mg"}});
    CHECK(set.info.units == strings{"m/s^2", "m/s^2", "mg"});
    CHECK(set.recordings[0].samples(0, 0) == doctest::Approx(-9.80665));
    CHECK(set.recordings[1].samples(0, 0) == doctest::Approx(-1));
    CHECK(set.recordings[1].samples(2, 2) == doctest::Approx(250 / 9.80665));
    CHECK_RAISES(data_error, "a/walk.csv: unit of acc_x is g, expected rad/s or one that can be converted to it",
                 csv_recordings(at.path(), {.channels = {"acc_x"}, .units = {"rad/s"}}));
}

TEST_CASE("csv import: options that are wrong, and paths that are not there") {
    const scratch_folder at;
    at.write("walk.csv", plain(100));
    CHECK_RAISES(usage_error, "csv_recordings: longest gap is 0 s, expected more than 0",
                 csv_recordings(at.path(), {.max_gap = 0}));
    CHECK_RAISES(usage_error, "csv_recordings: rate is -1 Hz, expected a positive one or 0",
                 csv_recordings(at.path(), {.rate_hz = -1}));
    CHECK_RAISES(usage_error, "file pattern \"{who}\"", csv_recordings(at.path(), {.files = "{who}"}));
    CHECK_RAISES(usage_error, "file pattern \"{who}\"", csv_recordings(at.path(), {.segments = "{who}"}));
    CHECK_RAISES(data_error, "none: file or folder is missing", csv_recordings(at.path() / "none"));
    CHECK_RAISES(data_error, "file or folder is missing", csv_recordings(at.path() / "none" / "*.csv"));
    CHECK_RAISES(data_error,
                 "number of files with motion sensors is 0 of 0 files that fit the pattern, expected at least one",
                 csv_recordings(at.path(), {.files = "*.dat"}));
    CHECK_RAISES(data_error, "", csv_recordings(""));
}

TEST_CASE("csv import: a folder with junk: what is no table of sensors is left out and counted") {
    const scratch_folder at;
    at.write("walk, slow Übung 1.csv", plain(100));
    at.write("b/empty.csv", "");
    at.write("b/only names.csv", "time,acc_x,acc_y,acc_z\n");
    at.write("b/notes.txt", "walked around the house\n");
    at.write("b/numbers.csv", "pressure,light\n1,2\n3,4\n");
    at.write("b/binary.csv", std::string("\x00\x01\x02\xff\n", 5));
    at.write("b/picture.jpg", "x");
    at.write("b/.hidden.csv", plain(100));
    at.write("b/._walk.csv", std::string("\x00\x05\x16\x07", 4)); // of macOS
    at.write("b/wide.csv", std::string(1 << 21, ','));
    std::filesystem::create_directory(at.path() / "x.csv");
    std::filesystem::create_directory_symlink(at.path(), at.path() / "b/loop");
    std::filesystem::create_symlink("nowhere", at.path() / "b/dangling.csv");
    const auto set = csv_recordings(at.path());
    CHECK(names(set) == strings{"walk, slow Übung 1.csv"});
    CHECK(set.info.labels == strings{"walk, slow Übung"});
    CHECK(
        set.repaired("files without motion sensors, left out: b/binary.csv, b/empty.csv, b/notes.txt, b/numbers.csv, "
                     "b/only names.csv, ...") == 6);
    CHECK_RAISES(data_error, "number of files with motion sensors is 0 of 6 tables", csv_recordings(at.path() / "b"));
    CHECK_RAISES(data_error, "empty.csv: file is empty, expected a table of numbers",
                 csv_recordings(at.path() / "b/empty.csv"));
    CHECK_RAISES(data_error, "only names.csv: first lines hold no row of numbers",
                 csv_recordings(at.path() / "b/only names.csv"));
}

TEST_CASE("csv import: files and folders that may not be read are an error") {
    if (::geteuid() == 0) {
        MESSAGE("skipped: root may read all files");
        return;
    }
    using std::filesystem::perms;
    const scratch_folder at;
    at.write("a.csv", plain(100));
    at.write("b/c.csv", plain(100));
    std::filesystem::permissions(at.path() / "b", perms::none);
    CHECK_RAISES(io_error, "folder cannot be read: Permission denied", csv_recordings(at.path()));
    std::filesystem::permissions(at.path() / "b", perms::owner_all);
    std::filesystem::permissions(at.path() / "b/c.csv", perms::none);
    CHECK_RAISES(io_error, "c.csv: cannot be opened for reading: Permission denied", csv_recordings(at.path()));
}

TEST_CASE("csv import: recordings of few samples") {
    const scratch_folder at;
    at.write("a.csv", plain(100));
    at.write("b.csv", plain(1));
    at.write("c.csv", plain(2));
    auto set = csv_recordings(at.path());
    REQUIRE(set.recordings.size() == 3);
    CHECK(set.recordings[1].labels.size() == 1);
    CHECK(set.recordings[2].labels.size() == 2);
    set.drop_shorter(50);
    CHECK(set.recordings.size() == 1);
    CHECK_RAISES(data_error, "sampling rate cannot be found from so few samples, expected a rate in Hz",
                 csv_recordings(at.path() / "b.csv"));
    CHECK(csv_recordings(at.path() / "b.csv", {.unit = data::time_unit::milliseconds, .rate_hz = 50})
              .recordings.size() == 1);
}

TEST_CASE("csv import: clocks of the files of a recording") {
    const scratch_folder at;
    at.write("walk/acc.csv",
             table("time,x,y,z", 100, [](std::size_t i) { return std::to_string(20 * i) + axes(i); }));
    at.write("walk/gyro.csv",
             table("time,x,y,z", 100, [](std::size_t i) { return std::to_string(5000000 + 20 * i) + axes(i, 1); }));
    CHECK_RAISES(data_error, "walk: its files share no time, from 0 to 1.98 s and from 5000 to 5001.98",
                 csv_recordings(at.path()));
    CHECK_RAISES(data_error, " s, expected overlapping ones: clock \"own\" counts from the first sample of each file",
                 csv_recordings(at.path()));
    const auto set = csv_recordings(at.path(), {.clock = data::csv_clock::own});
    REQUIRE(set.recordings.size() == 1);
    CHECK(set.recordings[0].labels.size() == 100);
    CHECK(set.recordings[0].samples(9, 3) == doctest::Approx(exports::wave(9, 0, 1)));
    at.write("walk/acc.csv",
             table("time,x,y,z", 100, [](std::size_t i) { return std::to_string(20 * (i % 50)) + axes(i); }));
    CHECK_RAISES(
        data_error,
        "walk/acc.csv: time steps back, or the person changes, within a file, expected one recording: walk has "
        "several files",
        csv_recordings(at.path(), {.max_gap = 0.3}));
}

TEST_CASE("csv import: columns of equal names: the first is read, and said") {
    const scratch_folder at;
    at.write("walk.csv", plain(100, "time,acc_x,acc_y,acc_z,acc_x", ",77"));
    const auto set = csv_recordings(at.path());
    CHECK(set.repaired("columns whose name occurs again, of which the first is read") == 1);
    CHECK(set.recordings[0].samples(1, 0) == float(exports::wave(1, 0)));
}

TEST_CASE("csv import: names of people before those of sensors look like devices: said") {
    const scratch_folder at;
    for (const std::string person : {"anna", "ben"})
        for (const std::string sensor : {"accelerometer", "gyroscope"})
            at.write(person + "_walk_" + sensor + ".csv", plain(100, "time,x,y,z"));
    auto set = csv_recordings(at.path());
    CHECK(remarked(set, "if these name people, say so by {subject} in the pattern of the files"));
    set = csv_recordings(at.path(), {.files = "{subject}_{label}_{sensor}.csv"});
    CHECK(contents(set) == "anna walk; ben walk");
    CHECK(set.info.channels == strings{"acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"});
    CHECK(names(set) == strings{"anna_walk_{sensor}.csv", "ben_walk_{sensor}.csv"});
    set = csv_recordings(at.path(), {.files = "*_walk_{sensor}.csv"});
    CHECK(contents(set) == "1 anna_walk; 1 ben_walk");
}

TEST_CASE("csv import: time and memory for many files are linear") {
    const scratch_folder at;
    const auto seconds = [&](std::size_t n) {
        for (std::size_t i = 0; i < n; ++i)
            at.write(std::to_string(n) + "/p" + std::to_string(i % 50) + "/walk_" + std::to_string(i) + ".csv",
                     plain(50));
        const cost c = measured([&] { return csv_recordings(at.path() / std::to_string(n)).recordings.size() == n; });
        CHECK(c.end == ending::as_wanted);
        return c.seconds;
    };
    const double few = seconds(200), many = seconds(1600);
    CHECK_MESSAGE(many < 8 * 3 * few + 0.5, few, " s, ", many, " s");
}

// SPDX-License-Identifier: BSD-3-Clause
// har inspect --data csv=PATH, and the file recordings.toml that it writes.
#include "../../examples/har/config_file.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "phone_exports.hpp"
#include "program.hpp"

namespace {

using namespace har_tests;
namespace fs = std::filesystem;

/// A folder with recordings of two people in `phone`, one of which has a gap.
struct two_people : folder {
    two_people() {
        make_people(path / "phone", {"anna", "ben"}, [](const auto& to, phone_recording r) {
            if (r.seed == 2) r.gap = {4, 6};
            write_sensor_logger(to, r);
        });
    }
};

} // namespace

TEST_CASE("inspect says how it understood a folder of Sensor Logger") {
    const two_people at;
    const auto r = run(at, "inspect --json --data csv=phone");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    CHECK(has(r.out, "files     12, as Sensor Logger writes them\n"));
    CHECK(has(r.out,
              "time      column \"time\", nanoseconds since 1970, 2024-03-01T08:00:00 to 2024-03-01T08:00:09 UTC\n"));
    CHECK(has(r.out, "sensor    gyro: 40 Hz, "));
    CHECK(has(r.out, "sensor    user_acc: 50 Hz, 2901 rows, 1 gap of 2 s\n"));
    CHECK(has(r.out, "rate      all are resampled to 50 Hz\n"));
    CHECK(has(r.out, "labels    by file name: running, sitting, walking\n"));
    CHECK(has(r.out, "people    by folder 1: anna, ben\n"));
    CHECK(has(r.out, "2 people, 3 classes, 7 recordings of "));
    CHECK(has(r.out, "minutes      all  people   anna   ben\n"));
    CHECK(has(r.out,
              "\n- Record more people: training, validation and test need people of their own, and there are 2.\n"));
    CHECK(has(r.out, "\nwrote phone/recordings.toml: change there what was misunderstood\n"));
    CHECK(
        has(r.err, "data: 6 files without motion sensors, left out: anna/running-2024-03-01_08-01-00/Metadata.csv"));
    CHECK(has(r.err, "data: people are taken from the first folder of each path\n"));
    CHECK(has(r.err,
              "data: labels are taken from the names of the recordings, without the number or date at their end\n"));
    const auto j = r.last();
    CHECK(j["people"][1]["person"] == "ben");
    CHECK(j["classes"][2]["class"] == "walking");
    CHECK(j["files"]["program"] == "Sensor Logger");
    CHECK(j["files"]["label"] == "file name");
    CHECK(j["files"]["subject"] == "folder 1");
    REQUIRE(j["files"]["streams"].size() == 12);
    CHECK(j["files"]["streams"][0]["file"] == "anna/running-2024-03-01_08-01-00/Accelerometer.csv");
    CHECK(j["files"]["streams"][0]["sensor"] == "user_acc");
    CHECK(j["files"]["streams"][0]["rows"] == 500);
    CHECK(j["files"]["streams"][0]["rate_hz"] == doctest::Approx(50).epsilon(1e-3));
    CHECK(j["files"]["streams"][1]["begin"] == doctest::Approx(double(start_of_clock) + 0.13).epsilon(1e-12));
    CHECK(j["files"]["guesses"].size() == 2);
}

TEST_CASE("inspect says how it understood a folder of phyphox") {
    for (const bool comma : {true, false}) {
        const folder at;
        make_people(at.path / "lab", {"7", "12"},
                    [&](const auto& to, const auto& r) { write_phyphox(to, r, comma); });
        const auto r = run(at, "inspect --quiet --data csv=lab");
        REQUIRE_MESSAGE(r.code == 0, r.err);
        CHECK(r.err == "");
        CHECK(has(r.out, "files     12, as phyphox writes them\n"));
        CHECK(has(r.out, "time      column \"Time (s)\", seconds since some moment\n"));
        CHECK(has(r.out, "sensor    user_acc: 50 Hz, 3000 rows\n"));
        CHECK(has(r.out, "people    by folder 1: 7, 12\n"));
        CHECK(has(r.out, "gyro_z      rad/s "));
    }
}

TEST_CASE("inspect writes a file that every command reads, with options that there are, and leaves it as it is") {
    const two_people at;
    REQUIRE(run(at, "inspect --quiet --data csv=phone").code == 0);
    const fs::path file = at / "phone/recordings.toml";
    const std::string first = contents(file);
    const auto sections = har::parse_config("recordings.toml", first);
    REQUIRE(sections.size() == 1);
    CHECK(sections[0].name == "csv");
    const std::string help = run(at, "train --help").out;
    CHECK(sections[0].entries.size() == 20);
    for (const auto& entry : sections[0].entries) CHECK_MESSAGE(has(help, "--csv-" + entry.name + " "), entry.name);
    CHECK(has(first,
              "\nchannels=[\"user_acc_x\", \"user_acc_y\", \"user_acc_z\", \"gyro_x\", \"gyro_y\", \"gyro_z\"]\n"));
    CHECK(has(first, "\nunit=\"ns\"\n"));
    CHECK(has(first, "\nsubject=\"folder 1\"\n"));
    CHECK_FALSE(has(first, "--csv-")); // in the file options have no such names

    const auto again = run(at, "inspect --data csv=phone");
    REQUIRE_MESSAGE(again.code == 0, again.err);
    CHECK(has(again.out, "\nphone/recordings.toml was read, and is left as it is\n"));
    CHECK_FALSE(has(again.err, "labels are taken from")); // no guess any more
    CHECK(contents(file) == first);
}

TEST_CASE("recordings.toml wins over what is recognised; command line and --config win over it") {
    const two_people at;
    const fs::path file = at / "phone/recordings.toml";
    const auto people_and_rate = [&](const std::string& options, const std::string& before = "") {
        const auto r = run(at, before + "inspect --quiet --json --data csv=phone " + options);
        REQUIRE_MESSAGE(r.code == 0, r.err);
        const auto j = r.last();
        return std::to_string(j["people"].size()) + " people, " + std::to_string(j["rate_hz"].get<int>()) + " Hz";
    };
    CHECK(people_and_rate("--toml none") == "2 people, 50 Hz");
    CHECK_FALSE(fs::exists(file));
    write(file, "[csv]\nsubject=\"none\"\nrate=25\n");
    CHECK(people_and_rate("") == "1 people, 25 Hz");
    CHECK(people_and_rate("--csv-rate 20") == "1 people, 20 Hz");
    CHECK(people_and_rate("--csv-rate 0") == "1 people, 50 Hz"); // given, though it is the default
    write(at / "mine.toml", "[inspect]\ncsv-rate=10\n");
    CHECK(people_and_rate("", "--config mine.toml ") == "1 people, 10 Hz");
    CHECK(people_and_rate("--csv-rate 20 --csv-subject \"folder 1\"", "--config mine.toml ") == "2 people, 20 Hz");
    write(at / "mine.toml", "[inspect]\ndata=\"csv=phone\"\n"); // says which data, beside which a file stands
    const auto r = run(at, "--config mine.toml inspect --quiet --json");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    CHECK(r.last()["rate_hz"] == 25);
}

TEST_CASE("inspect --toml writes elsewhere, and says when a file cannot be written") {
    const two_people at;
    auto r = run(at, "inspect --quiet --data csv=phone --toml mine.toml");
    CHECK(has(r.out, "\nwrote mine.toml: "));
    CHECK(fs::exists(at / "mine.toml"));
    CHECK_FALSE(fs::exists(at / "phone/recordings.toml"));
    r = run(at, "inspect --quiet --data csv=phone --toml mine.toml");
    CHECK(r.code == 0);
    CHECK(has(r.out, "\nmine.toml is there already, and is left as it is\n"));
    r = run(at, "inspect --quiet --data csv=phone --toml no/such/folder.toml");
    CHECK(r.code == 6);
    CHECK(has(r.err, "har: no/such/folder.toml: cannot be written: No such file or directory\n"));

    // Even root cannot write where this link points to. The report comes in any case.
    fs::create_symlink(at / "no/such/folder", at / "phone/recordings.toml");
    r = run(at, "inspect --quiet --data csv=phone");
    CHECK(r.code == 0);
    CHECK(has(r.out, "2 people, 3 classes"));
    CHECK(
        has(r.out,
            "\nphone/recordings.toml cannot be written, No such file or directory: --toml FILE writes elsewhere\n"));
}

TEST_CASE("the file beside a table has its name, that of a pattern stands in the folder before it") {
    const two_people at;
    write(at / "walk.csv", one_table({movements()[2]}));
    auto r = run(at, "inspect --quiet --data csv=walk.csv");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    CHECK(has(r.out, "\nwrote walk.toml: "));
    CHECK(has(r.out, "labels    by file name: walk\n"));
    r = run(at, "inspect --quiet --data 'csv=phone/*/walk*/*.csv'");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    CHECK(has(r.out, "labels    by file name: walking\n"));
    CHECK(has(r.out, "\nwrote phone/recordings.toml: "));
    r = run(at, "inspect --quiet --data 'csv=phone/{subject}/{label}-2024*/{sensor}.csv' --toml none");
    CHECK(r.code == 0);
    CHECK(has(r.out, "labels    by pattern: running, sitting, walking\npeople    by pattern: anna, ben\n"));
    fs::copy(at / "phone", at / "my {best} walks=all", fs::copy_options::recursive);
    r = run(at, "inspect --quiet --data 'csv=my {best} walks=all'");
    CHECK_MESSAGE(r.code == 0, r.err);
    CHECK(has(r.out, "\nmy {best} walks=all/recordings.toml was read"));
}

TEST_CASE("recordings.toml: what is wrong is refused with file and line") {
    const two_people at;
    const auto refused = [&](const std::string& text, const std::string& what) {
        write(at / "phone/recordings.toml", text);
        for (const std::string command : {"inspect", "train --preset har_nano"}) {
            const auto r = run(at, command + " --data csv=phone");
            CHECK_MESSAGE(r.code == 2, r.err);
            CHECK(r.err == "har: " + what + "\n");
            CHECK(r.out == "");
        }
    };
    const std::string file = "phone/recordings.toml:";
    refused("# mine\n[csv]\ncolour=\"red\"\n", file + "3: option is \"colour\", expected one of `har train --help`");
    refused("[csv]\n[inspect]\n", file + "2: section is [inspect], expected [csv]");
    refused("[csv]\nrate=\"fast\"\n", file + "2: value of rate is of another kind, expected a number");
    refused("[csv]\nrate=-1\n", file + "2: --csv-rate: value is \"-1\", expected a number, 0 to 100000");
    refused("rate=50\n",
            file + "1: option \"rate\" stands in no section, expected a subcommand such as [distill] above it");
    fs::remove(at / "phone/recordings.toml");
    fs::create_directory(at / "phone/recordings.toml");
    const auto r = run(at, "inspect --data csv=phone");
    CHECK(r.code == 6);
    CHECK(r.err == "har: phone/recordings.toml: configuration file cannot be read\n");
}

TEST_CASE("inspect finds labels in a column and in a file of segments, and maps them") {
    // Tabs, BOM, Windows line ends; then commas with a quoted label.
    for (const std::string separator : {"\t", ","}) {
        const folder at;
        const std::string odd = separator == "," ? "\"odd \"\"one\"\", twice\"" : "odd \"one\", twice";
        std::string text = "\xEF\xBB\xBF" + joined({"t", "ax", "ay", "az", "what"}, separator) + "\r\n";
        for (int i = 0; i < 500; ++i)
            text += joined({print("%.2f", 0.02 * i), print("%.3f", std::sin(0.4 * i)), "0", "9.8",
                            i < 200   ? "jog"
                            : i < 300 ? "run"
                                      : odd},
                           separator) +
                    "\r\n";
        for (const std::string name : {"anna", "ben", "carl"}) write(at / "set" / (name + ".csv"), text);
        const std::string inspect = "inspect --quiet --json --toml none --data csv=set --csv-files '{subject}.csv' ";
        const auto classes = [&](const std::string& options) {
            const auto done = run(at, inspect + options);
            REQUIRE_MESSAGE(done.code == 0, done.err);
            const auto report = done.last();
            std::string all;
            for (const auto& c : report["classes"])
                all += c["class"].get<std::string>() + " " + std::to_string(c["samples"].get<int>()) + "; ";
            return all;
        };
        const std::string column = "--csv-label 'column what' ";
        CHECK(classes(column) == "jog 600; odd \"one\", twice 600; run 300; ");
        CHECK(classes(column + "--csv-label-map jog=run --csv-label-map run=quick") ==
              "odd \"one\", twice 600; quick 300; run 600; ");
        CHECK(classes("--csv-label none") == "unlabelled 0; ");
        write(at / "set/times.txt", "start;end;label\n0;3;slow\n3;9;fast\n");
        CHECK(classes("--csv-segments times.txt") == "fast 900; slow 450; ");
        const auto r = run(at, inspect + column + "--csv-label-map hop=run");
        CHECK(r.code == 2);
        CHECK_MESSAGE(has(r.err, "hop"), r.err);
    }
}

// SPDX-License-Identifier: BSD-3-Clause
// har predict --input of recordings with a time.
#include <doctest/doctest.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "phone_exports.hpp"
#include "program.hpp"

namespace {

using namespace har_tests;
using nlohmann::json;
namespace fs = std::filesystem;

/// Lines of a CSV without its header, as fields; no field here has a comma.
std::vector<std::vector<std::string>> table_of(const answer& a) {
    REQUIRE_MESSAGE(a.code == 0, a.err);
    std::vector<std::vector<std::string>> all;
    std::istringstream lines(a.out.substr(a.out.find('\n') + 1));
    for (std::string line; std::getline(lines, line);) {
        all.emplace_back();
        std::istringstream fields(line);
        for (std::string field; std::getline(fields, field, ',');) all.back().push_back(field);
    }
    return all;
}

std::string header_of(const answer& a) { return a.out.substr(0, a.out.find('\n')); }

/// Times in seconds since start_of_clock of column k, written in nanoseconds.
std::vector<double> seconds_of(const std::vector<std::vector<std::string>>& rows, std::size_t k) {
    std::vector<double> t;
    for (const auto& row : rows) t.push_back(double(std::stoll(row[k]) - start_of_clock * 1000000000) * 1e-9);
    return t;
}

const phone_recording walk{movements()[2]};

/// 20 s of walking, then 20 s of sitting, in one table with dates as words.
std::string walk_and_sit() {
    phone_recording first = walk, second{movements()[1], 40};
    first.seconds = 20;
    const std::string before = one_table(first);
    std::istringstream lines(one_table(second));
    std::string text = before, line;
    for (std::size_t i = 0; std::getline(lines, line); ++i)
        if (i > 1000) text += line + "\n"; // behind the header and 20 s
    return text;
}

} // namespace

TEST_CASE("predict answers a folder of Sensor Logger: its times, and no window across a gap") {
    const folder& at = trained_place();
    phone_recording r = walk;
    r.seconds = 12;
    r.gap = {5, 7};
    write_sensor_logger(at / "gus", r);
    const auto a = run(at, ask_model + "--input gus");
    CHECK(header_of(a) == "time,label,running,sitting,walking");
    CHECK(has(a.err, "gus: 1 files without motion sensors, left out: Metadata.csv\n"));
    CHECK(has(a.err, "gus: 2 steps in time longer than the longest gap\n"));
    const auto rows = table_of(a);
    const auto t = seconds_of(rows, 0);
    REQUIRE(rows.size() == 12); // 4.85 s and 4.95 s: windows of 1.28 s every 0.64 s
    for (std::size_t i = 0; i < rows.size(); ++i) {
        CHECK(rows[i][1] == "walking");
        if (i < 6)
            CHECK(t[i] + 1.26 < 5.02); // before the gap
        else
            CHECK(t[i] > 6.98); // behind it
        if (i > 0 && i != 6) CHECK(t[i] - t[i - 1] == doctest::Approx(0.64).epsilon(1e-6));
    }
    CHECK(t[0] == doctest::Approx(0.13).epsilon(1e-6)); // the gyroscope begins
    CHECK(run(at, ask_model + "--quiet --input gus").err == "");

    const auto segments = run(at, ask_model + "--quiet --segments --input gus");
    CHECK(header_of(segments) == "begin,end,label,probability");
    const auto merged = table_of(segments);
    REQUIRE(merged.size() == 2);
    CHECK(seconds_of(merged, 0)[1] > 6.98);
    CHECK(seconds_of(merged, 1)[0] < 5.02);
    CHECK(merged[0][2] == "walking");
    CHECK(std::stod(merged[0][3]) > 0.5);
}

TEST_CASE("predict answers other forms of the same movement alike") {
    const folder& at = trained_place();
    phone_recording r = walk;
    write_sensor_logger(at / "form/logger", r);
    write_phyphox(at / "form/comma", r);
    write_phyphox(at / "form/point", r, false);
    write(at / "form/table.csv", one_table(r));
    std::string tabs = one_table(r), lines = "\xEF\xBB\xBF";
    for (const char c : tabs) lines += c == ',' ? "\t" : c == '\n' ? "\r\n" : std::string(1, c);
    write(at / "form/table.tsv", lines);
    const auto wanted = table_of(run(at, ask_model + "--quiet --input form/logger"));
    for (const std::string form : {"comma", "point", "table.csv", "table.tsv"}) {
        CAPTURE(form);
        const auto got = table_of(run(at, ask_model + "--quiet --input form/" + form));
        REQUIRE(got.size() >= wanted.size());
        // The table begins 0.13 s before the others, the moment at which their gyroscope does.
        const double allowed = form == "comma" || form == "point" ? 2e-4 : 0.2;
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            CHECK(got[i][1] == "walking");
            for (std::size_t k = 2; k < 5; ++k)
                CHECK(std::abs(std::stod(got[i][k]) - std::stod(wanted[i][k])) <= allowed);
        }
    }
    // Times are written as in the input.
    CHECK(table_of(run(at, ask_model + "--quiet --input form/comma"))[1][0] == "0.770");
    CHECK(table_of(run(at, ask_model + "--quiet --input form/table.csv"))[1][0] == "2024-03-01T08:00:00.640Z");
}

TEST_CASE("predict says on stderr that a rate does not fit") {
    const folder& at = trained_place();
    write(at / "fast.csv", one_table(walk, 100));
    write(at / "slow.csv", one_table(walk, 10));
    write(at / "same.csv", one_table(walk, 50));
    const std::string fast = "fast.csv: samples come at 100 Hz and were resampled to the model's 50 Hz\n",
                      slow =
                          "slow.csv: samples come at 10 Hz, too few for a model of 50 Hz: its answers may be wrong\n";
    CHECK(run(at, ask_model + "--input fast.csv").err.ends_with(fast));
    CHECK(run(at, ask_model + "--input slow.csv").err.ends_with(slow));
    CHECK_FALSE(has(run(at, ask_model + "--input same.csv").err, " Hz"));
    CHECK(table_of(run(at, ask_model + "--input fast.csv")).size() ==
          table_of(run(at, ask_model + "--input same.csv")).size());
    // A file beside the input that inspect wrote does not change rate and units for the model.
    REQUIRE(run(at, "inspect --quiet --data csv=fast.csv").code == 0);
    CHECK(has(contents(at / "fast.toml"), "\nrate=100\n"));
    const auto rows = table_of(run(at, ask_model + "--quiet --input fast.csv"));
    CHECK(rows.size() == table_of(run(at, ask_model + "--input same.csv")).size());
    for (const auto& row : rows) CHECK(row[1] == "walking");
}

TEST_CASE("predict reads rows without a time at the rate that is given") {
    const folder& at = trained_place();
    std::string text = "user_acc_x,user_acc_y,user_acc_z,gyro_x,gyro_y,gyro_z\n", half = text;
    for (int i = 0; i < 1000; ++i) {
        std::string line;
        for (const std::size_t axis : {0u, 1u, 2u, 3u, 4u, 5u})
            line += (axis == 0 ? "" : ",") +
                    print("%.6f", walk.what.value(axis < 3 ? walk.what.acceleration : walk.what.rotation, axis % 3,
                                                  i / 100.0, 0));
        text += line + "\n";
        if (i % 2 == 0) half += line + "\n";
    }
    write(at / "none/fast.csv", text);
    write(at / "none/half.csv", half);
    const auto plain =
        table_of(run(at, ask_model + "--input none/half.csv")); // lines are samples at the model's rate
    REQUIRE(plain.size() == 14);
    const auto a = run(at, ask_model + "--csv-rate 100 --input none/fast.csv");
    const auto resampled = table_of(a);
    REQUIRE(resampled.size() == plain.size());
    for (std::size_t i = 0; i < plain.size(); ++i) {
        CHECK(resampled[i][1] == plain[i][1]);
        for (std::size_t k = 2; k < 5; ++k)
            CHECK(std::stod(resampled[i][k]) == doctest::Approx(std::stod(plain[i][k])).epsilon(1e-4));
    }
    CHECK(resampled[1][0] == "0.640");
}

TEST_CASE("predict --subject, --from and --to choose a part of the input, in each kind of time") {
    const folder& at = trained_place();
    make_people(at.path / "new", {"gus", "hanna"}, [](const auto& to, const auto& r) { write_sensor_logger(to, r); });
    const auto all = run(at, ask_model + "--quiet --input new");
    CHECK(header_of(all) == "recording,time,label,running,sitting,walking");
    CHECK(table_of(all).size() == 2 * 3 * 14);
    const auto hanna = table_of(run(at, ask_model + "--quiet --input new --subject hanna"));
    REQUIRE(hanna.size() == 3 * 14);
    for (const auto& row : hanna) {
        CHECK(row[0].starts_with("hanna/"));
        CHECK(row[0].substr(6, row[0].find('-') - 6) == row[2]); // the name of the recording is what it shows
    }
    auto r = run(at, ask_model + "--quiet --input new --subject finn");
    CHECK(r.code == 3);
    CHECK(r.err == "har: --subject: person is \"finn\", expected one of gus, hanna\n");
    write(at / "walk.csv", one_table(walk));
    r = run(at, ask_model + "--quiet --input walk.csv --subject finn");
    CHECK(r.code == 3);
    CHECK_MESSAGE(has(r.err, "no column or folder of walk.csv names people"), r.err);

    const auto times = [&](const std::string& input, const std::string& part) {
        const auto rows = table_of(run(at, ask_model + "--quiet --input " + input + " " + part));
        return rows.front()[0] + " " + rows.back()[0];
    };
    write_sensor_logger(at / "one", walk);
    write_phyphox(at / "elapsed", walk);
    const std::string ns = " 1709280005650000000";
    CHECK(times("one", "--from 1709280005010000000 --to 1709280006930000000") == "1709280005010000000" + ns);
    CHECK(times("one", "--from 08:00:05.010 --to 2024-03-01T08:00:06.930Z") == "1709280005010000000" + ns);
    CHECK(times("elapsed", "--from 5.01 --to 6.93") == "5.010 5.650");
    const std::string dates = "2024-03-01T08:00:05.000Z 2024-03-01T08:00:05.640Z";
    CHECK(times("walk.csv", "--from 2024-03-01T08:00:05Z --to 2024-03-01T08:00:06.920Z") == dates);
    CHECK(times("walk.csv", "--from 2024-03-01T10:00:05+02:00 --to 08:00:06.920") == dates);
    r = run(at, ask_model + "--quiet --input elapsed --from 5 --to 5.5");
    CHECK(r.code == 3);
    CHECK_MESSAGE(has(r.err, "number of windows of 1.28 s without a gap is 0"), r.err);
    r = run(at, ask_model + "--quiet --input elapsed --from 50");
    CHECK(r.code == 3);
    CHECK_MESSAGE(has(r.err, "number of samples from --from to --to is 0, expected times in 0.130 to 9.9"), r.err);
    r = run(at, ask_model + "--quiet --input elapsed --from soon");
    CHECK(r.code == 2);
    CHECK_MESSAGE(has(r.err, "--from: value is \"soon\""), r.err);
}

TEST_CASE("predict --segments merges equal neighbours, in CSV and JSON") {
    const folder& at = trained_place();
    write(at / "two.csv", walk_and_sit());
    const auto rows = table_of(run(at, ask_model + "--segments --input two.csv"));
    REQUIRE(rows.size() >= 2);
    CHECK(rows.front()[0] == "2024-03-01T08:00:00.000Z");
    CHECK(rows.front()[2] == "walking");
    CHECK(rows.back()[2] == "sitting");
    CHECK(rows.back()[0] > "2024-03-01T08:00:18.500Z");
    CHECK(rows.back()[0] < "2024-03-01T08:00:21.500Z");
    CHECK(rows.back()[1] > "2024-03-01T08:00:38.500Z");
    for (std::size_t i = 1; i < rows.size(); ++i) {
        CHECK(rows[i][0] == rows[i - 1][1]); // without a hole between
        CHECK(rows[i][2] != rows[i - 1][2]);
    }
    const json j = run(at, ask_model + "--segments --json --input two.csv").last();
    REQUIRE(j["segments"].size() == rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        CHECK(j["segments"][i]["begin"] == rows[i][0]);
        CHECK(j["segments"][i]["end"] == rows[i][1]);
        CHECK(j["segments"][i]["label"] == rows[i][2]);
        CHECK(j["segments"][i]["probability"].get<double>() == doctest::Approx(std::stod(rows[i][3])).epsilon(1e-5));
        CHECK_FALSE(j["segments"][i].contains("recording"));
    }
    const json windows = run(at, ask_model + "--json --input two.csv").last();
    CHECK(windows["windows"][1]["time"] == "2024-03-01T08:00:00.640Z");
    CHECK(windows["windows"][1]["first_sample"] == 32);

    make_people(at.path / "several", {"gus"}, [](const auto& to, const auto& r) { write_sensor_logger(to, r); });
    const auto several = run(at, ask_model + "--quiet --segments --input several");
    CHECK(header_of(several) == "recording,begin,end,label,probability");
    CHECK(table_of(several).size() == 3);
    CHECK(run(at, ask_model + "--quiet --segments --json --input several").last()["segments"][2]["recording"] ==
          table_of(several)[2][0]);
}

TEST_CASE("predict --segments of a file without a time counts samples") {
    const folder& at = trained_place();
    std::string text;
    for (int i = 0; i < 640; ++i) {
        const movement& m = i < 320 ? movements()[2] : movements()[1];
        for (const std::size_t axis : {0u, 1u, 2u, 3u, 4u, 5u})
            text += (axis == 0 ? "" : ",") +
                    print("%.6f", m.value(axis < 3 ? m.acceleration : m.rotation, axis % 3, i / 50.0, 0));
        text += "\n";
    }
    write(at / "plain.csv", text);
    const auto plain = run(at, ask_model + "--input plain.csv");
    CHECK(header_of(plain) == "first_sample,label,running,sitting,walking");
    CHECK(table_of(plain).size() == 19);
    const auto rows = table_of(run(at, ask_model + "--segments --input plain.csv"));
    REQUIRE(rows.size() >= 2);
    CHECK(rows.front()[0] == "0");
    CHECK(rows.front()[2] == "walking");
    CHECK(rows.back()[1] == "640");
    CHECK(rows.back()[2] == "sitting");
    CHECK(std::abs(std::stoi(rows.back()[0]) - 320) <= 64);
    const auto part = run(at, ask_model + "--from 320 --to 512 --input plain.csv");
    CHECK(table_of(part).front()[0] == "320");
    CHECK(table_of(part).back()[0] == "448");
    const auto whole = table_of(plain);
    for (const auto& row : table_of(part))
        CHECK(std::find(whole.begin(), whole.end(), row) != whole.end()); // the same answers
    CHECK(run(at, ask_model + "--from 700 --input plain.csv").code == 3);
    CHECK(run(at, ask_model + "--from -1 --input plain.csv").code == 2);
    CHECK(run(at, ask_model + "--subject anna --input plain.csv").code == 2);
}

TEST_CASE("predict says what a recording lacks, and refuses what does not go together") {
    const folder& at = trained_place();
    write_sensor_logger(at / "gus", walk);
    auto r = run(at, ask_model + "--input gus/Accelerometer.csv"); // one sensor of two
    CHECK(r.code == 3);
    CHECK_MESSAGE(has(r.err, "Accelerometer.csv lacks gyro_x"), r.err);
    fs::create_directory(at / "empty");
    r = run(at, ask_model + "--input empty");
    CHECK(r.code == 3);
    CHECK_MESSAGE(has(r.err, "number of files with motion sensors is 0"), r.err);
    r = run(at, ask_model + "--input gus --csv-channels acc_x --csv-columns x");
    CHECK(r.code == 2);
    CHECK_MESSAGE(has(r.err, "--csv-channels: channels are acc_x, expected also user_acc_x of the model"), r.err);
    for (const std::string option : {"--segments", "--from 1", "--to 1", "--subject anna"})
        CHECK(run(at, ask_model + "--stream " + option + " </dev/null").code == 2);
    CHECK(run(at, ask_model + "--stream --csv-rate 20 </dev/null").code == 2);
    CHECK(run(at, ask_model + "--input gus --csv-label none").code == 2); // predict reads no labels
}

TEST_CASE("names with quotes, control characters and other bytes leave CSV and JSON valid") {
    const folder& at = trained_place();
    const std::string name = "odd\n\x01\"name\",\xFF";
    write_sensor_logger(at.path / "odd" / name / "walking", walk);
    write_sensor_logger(at.path / "odd" / name / ("sitting" + name), {movements()[1]});
    const auto csv = run(at, ask_model + "--segments --quiet --input odd");
    REQUIRE_MESSAGE(csv.code == 0, csv.err);
    CHECK(has(csv.out, "\n\"odd\\x0A\\x01\"\"name\"\",\\xFF/walking\",1709280000130000000,"));
    const json segments = run(at, ask_model + "--segments --json --quiet --input odd").last();
    CHECK(segments["segments"][1]["recording"] == "odd\\x0A\\x01\"name\",\\xFF/walking");
    const auto inspected = run(at, "inspect --json --toml none --data csv=odd");
    REQUIRE_MESSAGE(inspected.code == 0, inspected.err);
    const json j = inspected.last();
    CHECK(j["people"][0]["person"] == "odd\\x0A\\x01\"name\",\\xFF");
    CHECK(j["classes"][0]["class"] == "sittingodd\\x0A\\x01\"name\",\\xFF");
    CHECK(inspected.out.find('\x01') == inspected.out.npos);
    CHECK(inspected.err.find('\x01') == inspected.err.npos);
}

TEST_CASE("a pipe is read once, as lines of samples") {
    const folder& at = trained_place();
    std::string text = "user_acc_x,user_acc_y,user_acc_z,gyro_x,gyro_y,gyro_z\n";
    for (int i = 0; i < 128; ++i) text += "0.1,0.2,0.3,0.1,0.2,0.3\n";
    write(at / "pipe.csv", text);
    const auto file = run(at, ask_model + "--input pipe.csv");
    const auto fifo = run(at, ask_model + "--input fifo", "rm -f fifo && mkfifo fifo && (cat pipe.csv >fifo &)");
    REQUIRE_MESSAGE(fifo.code == 0, fifo.err);
    CHECK(fifo.out == file.out);
    const auto refused = run(at, ask_model + "--csv-max-gap 2 --input fifo"); // which nobody writes to
    CHECK(refused.code == 2);
    CHECK_MESSAGE(has(refused.err, "--input: fifo is no file but a pipe or device"), refused.err);
}

// SPDX-License-Identifier: BSD-3-Clause
// har inspect.
#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>

#include "program.hpp"
#include "small_sets.hpp"

namespace {

using namespace har_tests;
using nlohmann::json;

/// No line of the report is wider than 100 characters, whatever their bytes.
void check_width(const std::string& report) {
    std::istringstream lines(report);
    for (std::string line; std::getline(lines, line);) {
        if (line.rfind('{', 0) == 0) continue;
        const auto characters = std::count_if(line.begin(), line.end(),
                                              [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
        CHECK_MESSAGE(characters <= 100, line);
    }
}

std::multiset<std::string> kinds(const json& report) {
    std::multiset<std::string> names;
    for (const auto& remark : report["remarks"]) names.insert(remark["kind"].get<std::string>());
    return names;
}

} // namespace

TEST_CASE("inspect reports the synthetic set without a remark and without files") {
    const folder at;
    const auto r = run(at, "inspect --json");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    CHECK(r.err == "");
    check_width(r.out);
    CHECK(has(r.out, "22 people, 6 classes, 22 recordings of 240.0 s\n88.0 min at 50 Hz, labelled 100 %\n"));
    CHECK(has(r.out, "nothing to remark\n"));
    CHECK(has(r.out, "stairs up "));
    const json j = r.last();
    CHECK(j["rate_hz"] == 50);
    CHECK(j["samples"] == 264000);
    CHECK(j["people"].size() == 22);
    CHECK(j["people"][21]["person"] == "22");
    CHECK(j["people"][21]["minutes"] == 4);
    REQUIRE(j["classes"].size() == 6);
    for (const auto& each : j["classes"]) {
        CHECK(each["people"] == 22);
        CHECK(each["samples"] == 44000);
        CHECK(each["samples_by_person"] == std::vector<int>(22, 2000));
    }
    REQUIRE(j["channels"].size() == 9);
    CHECK(j["channels"][6]["channel"] == "total_acc_x");
    CHECK(j["channels"][6]["unit"] == "g");
    CHECK(j["channels"][6]["min"] < j["channels"][6]["mean"]);
    CHECK(j["channels"][6]["mean"] < j["channels"][6]["max"]);
    CHECK(j["sensors"][0]["looks_like"] == "no gravity");
    CHECK(j["sensors"][2]["looks_like"] == "g with gravity");
    CHECK(j["remarks"].empty());
    CHECK(run(at, "inspect").out + j.dump() != r.out); // without --json no JSON, but the same report
    CHECK(r.out.rfind(run(at, "inspect").out, 0) == 0);
    CHECK(run(at, "inspect --seed 1").out != run(at, "inspect").out);
}

TEST_CASE("inspect begins each remark with what to do, and is no failure") {
    const folder at;
    make_wisdm(at.path / "set"); // y is constant; a few seconds of two classes of six
    const auto r = run(at, "inspect --json --data wisdm=set");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    CHECK(r.err == "data: 1 empty lines, ignored\n");
    check_width(r.out);
    CHECK(has(r.out, "6 people, 6 classes, 6 recordings of 12.0 s\n1.2 min at 20 Hz, labelled 100 %\n"));
    CHECK(has(r.out, "acc_y    m/s^2       1.000      1.000      1.000      0.000  constant\n"));
    CHECK(has(r.out, "acc     accelerometer m/s^2         9.055         19.03  m/s² with gravity\n"));
    CHECK(has(r.out, "Walking         0.6       6    0.1   0.1   0.1   0.1   0.1   0.1\n"));
    CHECK(has(r.out, "Jogging           -       0      -     -     -     -     -     -\n"));
    CHECK(has(r.out, "\n- Leave out channel acc_y: it is 1 m/s^2 throughout.\n"));
    CHECK(has(r.out, "\n- Record class Jogging or leave it out: no sample has it.\n"));
    CHECK(has(r.out, "\n- Record more of class Walking: there are only 36.0 s of it.\n"));
    const json j = r.last();
    CHECK(j["repairs"] == json::parse(R"([{"what": "empty lines, ignored", "count": 1}])"));
    CHECK(kinds(j).count("absent_class") == 4);
    CHECK(kinds(j).count("short_class") == 2);
    CHECK(kinds(j).count("constant_channel") == 1);
    for (const auto& remark : j["remarks"]) // the report has each, in lines
        CHECK(has(r.out, "\n- " + remark["text"].get<std::string>().substr(0, 40)));

    const auto quiet = run(at, "inspect --quiet --json --data wisdm=set");
    CHECK(quiet.code == 0);
    CHECK(quiet.err == "");
    CHECK(quiet.out == r.out);
    CHECK(run(at, "inspect --data wisdm=nowhere").code == 3);
    CHECK(run(at, "inspect --data imagenet=set").code == 2);
}

TEST_CASE("inspect joins windows of UCI HAR that share half their samples to recordings") {
    const folder at;
    const auto inspected = [&](std::size_t windows, bool overlapping) {
        make_uci_har(at.path / "set", windows, overlapping);
        const auto r = run(at, "inspect --json --data uci_har=set");
        REQUIRE_MESSAGE(r.code == 0, r.err);
        check_width(r.out);
        return r.last();
    };
    json j = inspected(3, true); // 8 people, 6 classes
    CHECK(j["recordings"] == 48);
    CHECK(j["samples"] == 48 * 256);
    CHECK(j["shortest_samples"] == 256);
    CHECK(j["classes"][3]["samples_by_person"] == std::vector<int>(8, 256));
    j = inspected(3, false);
    CHECK(j["recordings"] == 144);
    CHECK(j["samples"] == 144 * 128);
}

TEST_CASE("inspect names recordings with equal samples and the only person of a class") {
    const folder at;
    make_uci_har(at.path / "set", 2, true);
    for (const auto& entry : std::filesystem::directory_iterator(at.path / "set/train/Inertial Signals")) {
        std::string text =
            contents(entry.path()); // the first recording, of two windows, once more in place of the second
        std::size_t end = 0;
        for (int line = 0; line < 2; ++line) end = text.find('\n', end) + 1;
        std::size_t next = end;
        for (int line = 0; line < 2; ++line) next = text.find('\n', next) + 1;
        write(entry.path(), text.substr(0, end) + text.substr(0, end) + text.substr(next));
    }
    for (const std::string part : {"train", "test"}) { // LAYING becomes STANDING for all but person 1
        std::string labels = contents(at.path / "set" / part / ("y_" + part + ".txt"));
        std::replace(labels.begin() + (part == "train" ? 24 : 0), labels.end(), '6', '5');
        write(at.path / "set" / part / ("y_" + part + ".txt"), labels);
    }
    const auto r = run(at, "inspect --json --data uci_har=set");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    CHECK(r.last()["duplicates"][0] == json::parse("[1, 2]")); // the files for test repeat those for training
    CHECK(
        has(r.out,
            "\n- Leave out recording 2 (person 1, WALKING_UPSTAIRS, 3.8 s): its samples equal those of recording 1\n"
            "  (person 1, WALKING, 3.8 s), but its labels do not.\n"));
    CHECK(has(r.out,
              "\n- Record class LAYING with more people: only person 1 has it, so it cannot be both learned and\n"
              "  tested.\n"));
}

TEST_CASE("inspect shows a few remarks of a kind, the JSON all") {
    const folder at;
    make_uci_har(at.path / "set", 2, true);
    std::string people; // 1, 3, …, 15 have nine windows in turn, and so not all classes
    for (int i = 0; i < 72; ++i) people += std::to_string(1 + 2 * (i / 9)) + "\n";
    write(at.path / "set/train/subject_train.txt", people);
    const auto r = run(at, "inspect --json --data uci_har=set");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    check_width(r.out);
    const json j = r.last();
    const std::size_t all = kinds(j).count("person_without_class");
    CHECK(all == 8);
    CHECK(has(r.out, "\n- … and 2 more like this (--json has all).\n"));
    const std::string report = r.out.substr(0, r.out.find("\n{"));
    std::size_t shown = 0;
    for (std::size_t from = 0; (from = report.find("- Mind that person", from)) != report.npos; ++from) ++shown;
    CHECK(shown == 6);
    CHECK(has(report, "remarks:\n"));
}

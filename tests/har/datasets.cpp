// SPDX-License-Identifier: BSD-3-Clause
// --data: which sets there are, and what is wrong with one.
#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "program.hpp"
#include "small_sets.hpp"

namespace {

using namespace har_tests;
namespace fs = std::filesystem;
using nlohmann::json;

} // namespace

TEST_CASE("--data takes each dataset by name and says where to download a missing one") {
    const folder at;
    for (const std::string name : {"uci_har", "hapt", "sp_sw_har", "sp_sw_har_watch", "sp_sw_har_both", "wisdm",
                                   "mhealth", "pamap2", "motion_sense", "dsads"}) {
        CAPTURE(name);
        const auto r = run(at, "train --preset har_nano --data " + name + "=nowhere");
        CHECK(r.code == 3);
        CHECK(has(r.err, "folder is missing: 'nowhere'"));
        CHECK(has(r.err, "https://"));
    }
    const auto unknown = run(at, "train --preset har_nano --data imagenet=nowhere");
    CHECK(unknown.code == 2);
    CHECK(has(unknown.err, "sp_sw_har_both, wisdm"));
}

TEST_CASE("--data of a set without an official split takes every third person for test and reports repairs") {
    const folder at;
    make_wisdm(at.path / "set");
    const auto r = run(at, "train --preset har_nano --epochs 1 --validation-subjects 2 --data wisdm=set --out o");
    CHECK(r.code == 0);
    CHECK(has(r.err, "data: 1 empty lines, ignored"));
    // 240 samples a person: 9 windows of 48 with hop 24; persons 3 and 6 are for test.
    CHECK(has(r.err, "data: 18 training windows, 18 of validation subjects"));
    CHECK(has(r.err, "18 of test subjects"));
    CHECK(run(at, "evaluate --model o/model.safetensors --data wisdm=set").code == 0);
}

TEST_CASE("--data reads a published set with the people who are there and says who is missing") {
    const folder at;
    std::string rows, labels; // two activities of three windows for people 1 to 4, of whom 2 and 4 are for test
    for (int t = 0; t < 512; ++t)
        rows += std::to_string(t % 7) + " " + (t < 256 ? std::to_string(t % 20) : "9") + " 0." +
                std::to_string(t % 5) + "\n";
    for (int person = 1; person <= 4; ++person) {
        const std::string n = std::to_string(person);
        labels += n + " " + n + " 1 1 256\n" + n + " " + n + " 4 257 512\n";
        for (const std::string sensor : {"acc", "gyro"})
            if (person != 2) write(at.path / "set/RawData" / (sensor + "_exp0" + n + "_user0" + n + ".txt"), rows);
    }
    write(at.path / "set/RawData/labels.txt", labels);
    const std::string train =
        "train --preset har_nano --epochs 1 --validation-subjects 1 --force --out o --data hapt=set";
    const auto r = run(at, train);
    CHECK_MESSAGE(r.code == 0, r.err);
    CHECK_MESSAGE(has(r.err, "data: 1 people of the published set without files (2), left out\n"), r.err);
    CHECK(has(r.err, "data: 6 training windows, 6 of validation subjects"));
    CHECK(has(r.err, "6 of test subjects"));
    for (const std::string sensor : {"acc", "gyro"})
        fs::remove(at.path / "set/RawData" / (sensor + "_exp04_user04.txt"));
    const auto nobody = run(at, train);
    CHECK(nobody.code == 3);
    CHECK_MESSAGE(has(nobody.err,
                      "number of test windows left is 0, expected at least one: the people on that side of the "
                      "split are none"),
                  nobody.err);
}

TEST_CASE("wrong data end har with exit code 3 and a message that names the place") {
    const folder at;
    const fs::path set = at.path / "set", part = set / "train",
                   signal = part / "Inertial Signals/body_acc_x_train.txt";
    make_uci_har(set);
    const std::string command =
        "train --preset har_nano --epochs 1 --quiet --validation-subjects 2 --out o --force --data uci_har=set";
    REQUIRE(run(at, command).code == 0);
    const auto refuse = [&](const std::string& what, const std::string& options = "") {
        const auto bad = run(at, command + options);
        CHECK_MESSAGE(bad.code == 3, bad.err);
        CHECK_MESSAGE(has(bad.err, what), bad.err);
        make_uci_har(set);
    };
    SUBCASE("missing folder") {
        fs::remove_all(set);
        refuse("set");
    }
    SUBCASE("missing file") {
        fs::remove(signal);
        refuse("body_acc_x_train.txt");
    }
    SUBCASE("truncated signal file") {
        write(signal, contents(signal).substr(0, 5000));
        refuse("body_acc_x_train.txt:");
    }
    SUBCASE("wrong column count") {
        edit(signal, "\r\n", " 1.0\r\n");
        refuse("body_acc_x_train.txt:1:");
    }
    SUBCASE("text in a number") {
        edit(signal, "e-0", "x-0");
        refuse("body_acc_x_train.txt:1:");
    }
    SUBCASE("NaN") {
        edit(signal, " -5.0000000e-01", " NaN");
        refuse("body_acc_x_train.txt:1:");
    }
    SUBCASE("infinity") {
        edit(signal, " -5.0000000e-01", " 1e999");
        refuse("body_acc_x_train.txt:1:");
    }
    SUBCASE("label out of range") {
        edit(part / "y_train.txt", "6\n", "7\n");
        refuse("y_train.txt:11:");
    }
    SUBCASE("subject missing") {
        const std::string people = contents(part / "subject_train.txt");
        write(part / "subject_train.txt", people.substr(people.find('\n') + 1));
        refuse("subject_train.txt");
    }
    SUBCASE("empty data") {
        write(part / "y_train.txt", "");
        refuse("y_train.txt");
    }
    SUBCASE("one class only") {
        std::string labels;
        for (int i = 0; i < 72; ++i) labels += "3\n";
        write(part / "y_train.txt", labels);
        refuse("two classes");
    }
}

TEST_CASE("one warning names the classes that one side of the split lacks unless --quiet is given") {
    const folder at;
    make_uci_har(at.path / "set");
    const auto without = [&](const std::string& name) {
        const fs::path file = at.path / "set/train" / name;
        std::string labels = contents(file);
        std::replace(labels.begin(), labels.end(), '6', '5');
        std::replace(labels.begin(), labels.end(), '3', '1');
        write(file, labels);
    };
    const std::string train = "train --preset har_nano --epochs 1 --validation-subjects 2 --data uci_har=set --out ";
    auto r = run(at, train + "o");
    CHECK(r.code == 0);
    CHECK(r.err.find("warning") == std::string::npos);
    without("y_train.txt");
    r = run(at, train + "p");
    CHECK(r.code == 0);
    CHECK(has(r.err, "warning: no training window of WALKING_DOWNSTAIRS, LAYING; no validation window of "
                     "WALKING_DOWNSTAIRS, LAYING\n"));
    CHECK(r.err.find("warning") == r.err.rfind("warning"));
    r = run(at, train + "q --quiet");
    CHECK(r.code == 0);
    CHECK(r.err == "");
}

TEST_CASE("macro-F1 leaves out classes without label and prediction and says how many") {
    const folder at;
    make_uci_har(at.path / "set");
    const auto first_two = [](const std::string& text) {
        return text.substr(0, text.find('\n', text.find('\n') + 1) + 1);
    };
    for (const auto& entry : fs::recursive_directory_iterator(at.path / "set/test"))
        if (entry.is_regular_file()) write(entry.path(), first_two(contents(entry.path()))); // two windows of class 1
    const auto r =
        run(at, "train --preset har_nano --epochs 1 --validation-subjects 2 --json --out run --data uci_har=set");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    const json figures = r.last()["model"];
    const int absent = figures["absent_classes"];
    CHECK(absent >= 3); // of six: two windows have a label and at most two predictions
    const double right = 2 * double(figures["accuracy"]); // F1 of class 1 is 2 TP / (2 TP + FN), all others are 0
    CHECK(double(figures["macro_f1"]) == doctest::Approx(2 * right / (2 + right) / (6 - absent)));
    const auto again = run(at, "evaluate --model run/model.safetensors --json --data uci_har=set");
    REQUIRE_MESSAGE(again.code == 0, again.err);
    CHECK(again.last()["macro_f1"] == figures["macro_f1"]);
    for (const std::string& out : {r.out, again.out})
        CHECK_MESSAGE(has(out, "macro-F1 leaves out " + std::to_string(absent) + " of 6 classes"), out);
}

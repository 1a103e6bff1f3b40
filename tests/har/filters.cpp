// SPDX-License-Identifier: BSD-3-Clause
// --subjects, --exclude, --classes, --max-minutes and --balanced: which part of a dataset is used.
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <string>

#include "program.hpp"
#include "running.hpp"

namespace {

using namespace har_tests;

const std::string fast = "train --preset har_nano --epochs 1 --threads 1 --validation-subjects 1 --out run --force ";

/// "18 training windows, 9 of validation subjects, 9 of test subjects", without the names of the validation subjects.
std::string windows_of(const answer& a) {
    const std::size_t from = a.err.find("training windows"), begin = a.err.rfind("data: ", from) + 6;
    if (from == a.err.npos) return a.err;
    std::string text = a.err.substr(begin, a.err.find(';', begin) - begin);
    const std::size_t names = text.find("subjects ") + 8;
    return text.erase(names, text.find(',', names) - names);
}

} // namespace

TEST_CASE("--subjects and --exclude choose people on both sides of the split") {
    const small_set at; // 9 windows of each of six people, of whom 3 and 6 are for test
    const auto with = [&](const std::string& given) { return run(at, fast + given + " --data wisdm=set"); };
    CHECK(windows_of(with("")) == "27 training windows, 9 of validation subjects, 18 of test subjects");
    CHECK(windows_of(with("--subjects 1,3,5")) == "9 training windows, 9 of validation subjects, 9 of test subjects");
    CHECK(windows_of(with("--subjects 1,5 --subjects 2,3 --exclude 5")) ==
          "9 training windows, 9 of validation subjects, 9 of test subjects");
    CHECK(windows_of(with("--exclude 6")) == "27 training windows, 9 of validation subjects, 9 of test subjects");

    REQUIRE(with("--subjects 1,3,5").code == 0);
    const std::string config = contents(at / "run/config.toml");
    CHECK(has(config, "\nsubjects=[\"1\", \"3\", \"5\"]\n"));
    CHECK(has(config, "\nexclude=[]\n"));
    CHECK(windows_of(run(at, "--config run/config.toml train --force")) ==
          "9 training windows, 9 of validation subjects, 9 of test subjects");
}

TEST_CASE("--subjects: unknown names and a side without people are refused") {
    const small_set at;
    const auto refused = [&](const std::string& command, int code, const std::string& what) {
        const auto a = run(at, command + " --data wisdm=set");
        CHECK_MESSAGE(a.code == code, a.err);
        CHECK_MESSAGE(has(a.err, what), a.err);
    };
    refused(fast + "--subjects 1,9", 2, "har: window_filter: subject is \"9\", expected one of 1, 2, 3, 4, 5, 6");
    refused(fast + "--exclude anna", 2, "excluded subject is \"anna\", expected one of 1, 2, 3, 4, 5, 6");
    refused(fast + "--classes Walking,Flying", 2,
            "class is \"Flying\", expected one of Walking, Jogging, Upstairs, Downstairs, Sitting, Standing");
    refused(fast + "--subjects 1,2,4", 3,
            "number of test windows left is 0, expected at least one: the people on that side of the split are 3, 6");
    refused(
        fast + "--exclude 1,2,4,5", 3,
        "number of train windows left is 0, expected at least one: the people on that side of the split are 1, 2, "
        "4, 5");
    refused(fast + "--max-minutes 0.001", 3, "number of windows left is 0");

    REQUIRE(run(at, fast + "--data wisdm=set").code == 0);
    const std::string evaluate = "evaluate --model run/model.safetensors ";
    CHECK(run(at, evaluate + "--subjects 3 --data wisdm=set").code == 0); // only its own side must have people
    refused(evaluate + "--split train --subjects 3", 3, "number of train windows left is 0");
    refused(evaluate + "--balanced", 2, "--balanced");
    const std::string listed = run(at, evaluate + "--subjects 3,6 --json --data wisdm=set").last().dump();
    CHECK(listed == run(at, evaluate + "--json --data wisdm=set").last().dump());
}

TEST_CASE("--classes makes a network of these classes, in the order of the set") {
    const folder at;
    make_uci_har(at.path / "set");
    const std::string data = " --data uci_har=set";
    const auto done = run(at, fast + "--classes LAYING,WALKING" + data);
    REQUIRE_MESSAGE(done.code == 0, done.err);
    CHECK(windows_of(done) == "20 training windows, 4 of validation subjects, 8 of test subjects");
    const std::string evaluate = "evaluate --model run/model.safetensors";
    const auto same = run(at, evaluate + " --classes WALKING,LAYING" + data);
    REQUIRE_MESSAGE(same.code == 0, same.err);
    CHECK(has(same.out, "WALKING"));
    CHECK_FALSE(has(same.out, "SITTING"));
    const auto other = run(at, evaluate + data);
    CHECK(other.code == 4);
    CHECK_MESSAGE(has(other.err, "the model is for windows of 128 × 9 and 2 labels, the data has 128 × 9 and 6"),
                  other.err);
    const auto one = run(at, fast + "--classes WALKING" + data);
    CHECK(one.code == 3);
    CHECK_MESSAGE(has(one.err, "two classes"), one.err);
}

TEST_CASE("--max-minutes limits each class of each person") {
    const folder at;
    make_uci_har(at.path / "set", 3); // three windows of each class: 2.56, 3.84 and 5.12 s
    const std::string data = " --data uci_har=set";
    for (const auto& row : {std::pair("0.05", 1), std::pair("0.064", 2), std::pair("1", 3)}) {
        const int each = 6 * row.second;
        CHECK(windows_of(run(at, fast + "--max-minutes " + row.first + data)) ==
              std::to_string(5 * each) + " training windows, " + std::to_string(each) + " of validation subjects, " +
                  std::to_string(2 * each) + " of test subjects");
    }
}

TEST_CASE("--balanced draws the classes of teacher and student equally often") {
    const folder at;
    make_uci_har(at.path / "set");
    std::string labels; // the first class has twice as many windows as the others, the second none
    for (const char c : contents(at.path / "set/train/y_train.txt")) labels += c == '2' ? '1' : c;
    write(at.path / "set/train/y_train.txt", labels);
    const std::string data = " --quiet --data uci_har=set";
    REQUIRE(run(at, fast + data).code == 0);
    const std::string plain = contents(at / "run/model.safetensors");
    CHECK(has(contents(at / "run/config.toml"), "\nbalanced=false\n"));
    REQUIRE(run(at, fast + "--balanced" + data).code == 0);
    CHECK(has(contents(at / "run/config.toml"), "\nbalanced=true\n"));
    CHECK(contents(at / "run/model.safetensors") != plain);
    CHECK(run(at, "distill --help").out.find("--balanced") != std::string::npos);
}

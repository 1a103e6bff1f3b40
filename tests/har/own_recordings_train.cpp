// SPDX-License-Identifier: BSD-3-Clause
// har train and har evaluate with --data csv=PATH.
#include <doctest/doctest.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "phone_exports.hpp"
#include "program.hpp"
#include "small_sets.hpp"

namespace {

using namespace har_tests;
namespace fs = std::filesystem;

const std::string quiet = "--quiet --json ";
const std::string ask_figures = "evaluate --model run/model.safetensors --quiet --json --data csv=";

/// The rows of the confusion table of evaluate: labels with their numbers of windows.
std::size_t windows_in(const answer& a) {
    std::size_t n = 0;
    for (const std::string label : {"running", "sitting", "walking"}) {
        const std::size_t at = a.out.find("\n" + label);
        REQUIRE(at != a.out.npos);
        std::istringstream numbers(a.out.substr(at + 1 + label.size()));
        for (int column = 0; column < 3; ++column) {
            std::size_t each = 0;
            numbers >> each;
            n += each;
        }
    }
    return n;
}

} // namespace

TEST_CASE("train learns to tell activities apart from a folder of phone exports, and keeps how it read them") {
    const folder& at = trained_place();
    const auto metrics = nlohmann::json::parse(contents(at / "run/metrics.json"));
    CHECK(metrics["model"]["accuracy"] == 1);
    const std::string config = contents(at / "run/config.toml");
    for (const std::string line : {"data=\"csv=phone\"", "csv-window=64", "csv-hop=0", "csv-label=\"\"", "csv-rate=0",
                                   "csv-label-rule=\"majority\""})
        CHECK_MESSAGE(has(config, "\n" + line + "\n"), line);
    const std::string model = contents(at / "run/model.safetensors");
    const auto again = run(at, "--config run/config.toml train --out again");
    REQUIRE_MESSAGE(again.code == 0, again.err);
    CHECK(contents(at / "again/model.safetensors") == model);
    const auto figures = run(at, ask_figures + "phone");
    REQUIRE_MESSAGE(figures.code == 0, figures.err);
    CHECK(figures.last()["accuracy"] == 1);
    CHECK(windows_in(figures) == 2 * 3 * 14); // carl and finn; 494 samples, 64 every 32
    CHECK(has(figures.out, "worst subject carl with 1.0000"));
}

TEST_CASE("train holds out a third of few people for validation, and names them") {
    const folder& at = trained_place();
    const std::string few = "train --preset har_nano --epochs 1 --csv-window 64 ";
    auto r = run(at, few + "--out few --force --data csv=phone");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    const std::size_t begin = r.err.find("of validation subjects ");
    REQUIRE(begin != r.err.npos);
    const std::string name = r.err.substr(begin + 23, r.err.find(',', begin) - begin - 23);
    CHECK(std::set<std::string>{"anna", "ben", "dora", "eve"}.count(name) == 1); // carl and finn are for test
    CHECK(has(r.err, "data: 126 training windows, 42 of validation subjects " + name + ", 84 of test subjects"));
    r = run(at, few + "--out few --force --validation-subjects 2 --data csv=phone");
    CHECK(has(r.err, "data: 84 training windows, 84 of validation subjects "));
    r = run(at, few + "--out few --force --validation-subjects 4 --data csv=phone");
    CHECK(r.code == 2);
    CHECK(has(r.err, "number of subjects to hold out is 4, expected 1 to 3 of 4"));
}

TEST_CASE("windows of own recordings: length, hop, rule and label map") {
    const folder& at = trained_place();
    const auto windows = [&](const std::string& options) {
        const auto r = run(at, "train --preset har_nano --epochs 1 --out cut --force --data csv=phone " + options);
        REQUIRE_MESSAGE(r.code == 0, r.err);
        const std::size_t from = r.err.find(" training windows"), begin = r.err.rfind(' ', from - 1) + 1;
        return std::stoul(r.err.substr(begin, from - begin));
    };
    // 10 s less 0.13 s at 50 Hz are 494 samples of each of three activities; three people train.
    CHECK(windows("") == 9 * 6); // 128 every 64
    CHECK(windows("--csv-window 100") == 9 * 8);
    CHECK(windows("--csv-window 100 --csv-hop 100") == 9 * 4);
    CHECK(windows("--csv-hop 494") == 9);
    CHECK(windows("--csv-rate 25") == 9 * 6); // 247 samples, 64 every 32
    CHECK(windows("--csv-label-map running=") == 6 * 6);
    CHECK(windows("--csv-label-rule constant") == 9 * 6);
    CHECK(windows("--classes walking,sitting") == 6 * 6);
    CHECK(windows("--subjects anna,ben,carl,dora") == 6 * 6); // two train, one is for validation
    CHECK(windows("--exclude anna,finn") == 6 * 6);
    CHECK(windows("--max-minutes 0.1") < 9 * 6);

    auto r = run(at, "train --preset har_nano --epochs 1 --out cut --force --data csv=phone --csv-label-map "
                     "running=fast,walking=fast --quiet");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    CHECK(has(r.out, "\nfast "));
    CHECK_FALSE(has(r.out, "running"));
    r = run(at, "train --preset har_nano --data csv=phone --out cut --force --subjects anna,greta");
    CHECK(r.code == 2);
    CHECK_MESSAGE(has(r.err, "subject is \"greta\", expected one of anna, ben, carl, dora, eve, finn"), r.err);
    r = run(at, "train --preset har_nano --data csv=phone --out cut --force --csv-window 500");
    CHECK(r.code == 3);
    CHECK_MESSAGE(has(r.err, "number of recordings of at least 500 samples is 0, expected one"), r.err);
}

TEST_CASE("train says what to do about too few people, labels or classes") {
    const folder at;
    const auto refused = [&](const std::string& options, int code, const std::string& what) {
        const auto r = run(at, learn + "--quiet --out none " + options);
        CHECK(r.code == code);
        CHECK_MESSAGE(has(r.err, what), r.err);
    };
    const auto logger = [](const auto& to, const auto& r) { write_sensor_logger(to, r); };
    make_people(at.path / "one", {"anna"}, logger);
    make_people(at.path / "two", {"anna", "ben"}, logger);
    make_people(at.path / "three", {"anna", "ben", "carl"}, logger);
    refused("--data csv=one", 3,
            "har: --data: number of people is 1, expected at least 3, of whom every third is for test: record more "
            "people");
    refused("--data csv=two", 3, "number of people is 2, expected at least 3");
    refused("--data csv=one/anna", 3, "--csv-subject says where the files name people");
    refused("--data csv=three --csv-label none", 3,
            "--data: number of labelled samples is 0, expected some: --csv-label or --csv-segments says where labels "
            "stand");
    refused("--data csv=three --classes walking", 3, "two classes");
    const auto r = run(at, learn + "--quiet --json --out three-run --data csv=three");
    CHECK_MESSAGE(r.code == 0, r.err); // one for each side
}

TEST_CASE("evaluate reads other forms as the model needs them, and all people when it is asked to") {
    const folder& at = trained_place();
    // Two people in three programs' forms: other orders of columns, other units, other rates, decimal commas.
    const std::vector<std::string> names{"gus", "hanna"};
    make_people(at.path / "logger", names, [](const auto& to, const auto& r) { write_sensor_logger(to, r); });
    make_people(at.path / "phyphox", names, [](const auto& to, const auto& r) { write_phyphox(to, r); });
    make_people(at.path / "table", names,
                [](const auto& to, const auto& r) { write(fs::path(to.string() + ".csv"), one_table(r, 100)); });
    for (const std::string form : {"logger", "phyphox", "table"}) {
        CAPTURE(form);
        auto r = run(at, ask_figures + form);
        CHECK(r.code == 3);
        CHECK_MESSAGE(has(r.err, "evaluate --split all takes everybody"), r.err);
        r = run(at, ask_figures + form + " --split all");
        REQUIRE_MESSAGE(r.code == 0, r.err);
        CHECK(r.last()["accuracy"] == 1);
        CHECK(windows_in(r) == 2 * 3 * 14);
    }
    const auto faster = run(at, "evaluate --model run/model.safetensors --split all --data csv=table");
    CHECK(has(faster.err, "data: samples come at 100 Hz and were resampled to the model's 50 Hz\n"));

    // What inspect wrote for the other form does not keep the model from its own channels, units and rate.
    REQUIRE(run(at, "inspect --quiet --data csv=table").code == 0);
    CHECK(has(contents(at / "table/recordings.toml"), "\nrate=100\n"));
    CHECK(has(contents(at / "table/recordings.toml"), "\"g\""));
    auto r = run(at, ask_figures + "table --split all");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    CHECK(r.last()["accuracy"] == 1);

    // Some of the model's activities, in another numbering; then one that it does not know.
    for (const std::string& person : names) {
        for (const auto& entry : fs::directory_iterator(at.path / "logger" / person))
            if (entry.path().filename().string().starts_with("running")) fs::remove_all(entry.path());
    }
    r = run(at, ask_figures + "logger --split all");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    CHECK(r.last()["accuracy"] == 1);
    CHECK(windows_in(r) == 2 * 2 * 14);
    r = run(at, ask_figures + "logger --split all --csv-label-map walking=strolling");
    CHECK(r.code == 4);
    CHECK_MESSAGE(has(r.err, "the model knows no label strolling: "), r.err);
    CHECK(run(at, ask_figures + "logger --split all --csv-label-map walking=strolling --classes sitting").code == 0);
}

TEST_CASE("evaluate --split all takes the windows of both sides of a published split") {
    const folder at;
    make_uci_har(at.path / "set"); // 12 windows of each of six people for training, two for test
    REQUIRE(run(at, "train --preset har_nano --epochs 1 --validation-subjects 1 --quiet --out run --data uci_har=set")
                .code == 0);
    const auto windows = [&](const std::string& split) {
        const auto r = run(at, "evaluate --model run/model.safetensors --data uci_har=set --split " + split);
        REQUIRE_MESSAGE(r.code == 0, r.err);
        std::istringstream lines(r.out.substr(r.out.find("\nWALKING ")));
        std::size_t n = 0;
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line);
            std::string label;
            words >> label;
            for (std::size_t column = 0, each = 0; column < 6 && words >> each; ++column) n += each;
        }
        return n;
    };
    CHECK(windows("test") == 24);
    CHECK(windows("train") == 72);
    CHECK(windows("all") == 96);
}

TEST_CASE("options on own recordings are refused for other datasets") {
    const folder at;
    for (const std::string command : {"inspect", "train --preset har_nano", "distill", "evaluate --model m"})
        for (const std::string option :
             {"--csv-window 64", "--csv-rate 0", "--csv-label none", "--csv-label-map a=b"}) {
            if (command == "inspect" && option == "--csv-label-map a=b") continue;
            const auto r = run(at, command + " " + option);
            CHECK(r.code == 2);
            CHECK(r.err == "har: " + option.substr(0, option.find(' ')) + ": works only with --data csv=PATH\n");
        }
    CHECK(run(at, "inspect --toml x.toml").err == "har: --toml: works only with --data csv=PATH\n");
    CHECK(run(at, "inspect --data csv=").code == 2);
    const auto r = run(at, "inspect --data csv=nowhere");
    CHECK(r.code == 3);
    CHECK(r.err == "har: nowhere: file or folder is missing\n");
    // A configuration may hold them: it may be that of a run on own recordings.
    write(at / "c.toml", "[inspect]\ncsv-rate=20\n");
    CHECK(run(at, "--config c.toml inspect --quiet").code == 0);
}

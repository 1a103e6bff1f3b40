// SPDX-License-Identifier: BSD-3-Clause
// --log: the logs of a run, what else a run writes without them, and what becomes of event files.
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <set>
#include <string>

#include "program.hpp"
#include "running.hpp"

namespace {

using namespace har_tests;
namespace fs = std::filesystem;

std::size_t times(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size()) ++n;
    return n;
}

/// The only file in a folder, which must be an event file.
std::string event_file(const fs::path& board) {
    const auto names = names_in(board);
    REQUIRE(names.size() == 1);
    CHECK(names.begin()->starts_with("events.out.tfevents."));
    return contents(board / *names.begin());
}

} // namespace

TEST_CASE("--log says which logs a run writes and pictures and report do not depend on it") {
    const small_set at;
    const std::string command = train + "--epochs 3 --quiet --out ";
    REQUIRE(run_in(at, command + "both").code == 0);
    REQUIRE(run_in(at, command + "csv --log csv").code == 0);
    REQUIRE(run_in(at, command + "jsonl --log jsonl").code == 0);
    const auto board = run_in(at, command + "board --log tensorboard");
    REQUIRE_MESSAGE(board.code == 0, board.err);
    auto without = names_in(at / "both");
    CHECK(without.erase("model.log.csv") == 1);
    CHECK(without.erase("model.log.jsonl") == 1);
    CHECK(names_in(at / "board") == without);
    auto with_csv = without, with_jsonl = without;
    with_csv.insert("model.log.csv");
    with_jsonl.insert("model.log.jsonl");
    CHECK(names_in(at / "csv") == with_csv);
    CHECK(names_in(at / "jsonl") == with_jsonl);
    CHECK(contents(at / "both/plot.gp") == contents(at / "board/plot.gp")); // and so the curves
    CHECK(has(contents(at / "board/plot.gp"), "$curve0 << END\n1,"));
    CHECK_FALSE(fs::exists(at / "both/tensorboard"));

    const std::string events = event_file(at / "board/tensorboard/model");
    CHECK(times(events, "brain.Event:2") == 1);
    CHECK(times(events, "loss/hard") == 3);
    CHECK(times(events, "validation/macro_f1") == 3);
    CHECK(times(events, "validation/confusion") >= 1);

    const auto all = run_in(at, train + "--epochs 1 --quiet --log csv,tensorboard --log jsonl --out all");
    REQUIRE_MESSAGE(all.code == 0, all.err);
    for (const std::string name : {"model.log.csv", "model.log.jsonl", "tensorboard/model"})
        CHECK_MESSAGE(fs::exists(at / ("all/" + name)), name);
    CHECK(has(contents(at / "all/config.toml"), "log=[\"csv\", \"tensorboard\", \"jsonl\"]"));

    const auto wrong = run_in(at, train + "--log yaml --out wrong");
    CHECK(wrong.code == 2);
    CHECK_MESSAGE(has(wrong.err, "--log"), wrong.err);
    CHECK_MESSAGE(has(wrong.err, "\"yaml\", expected csv, jsonl or tensorboard"), wrong.err);
    CHECK(run_in(at, "evaluate --model x --log csv").code == 2);
}

TEST_CASE("event files belong to the run: they are refused and replaced with it and others beside them are kept") {
    const small_set at;
    REQUIRE(run_in(at, distill + "--epochs 1 --teacher-epochs 1 --quiet --log tensorboard --out run").code == 0);
    for (const std::string name : {"teacher", "student"}) event_file(at / "run/tensorboard" / name);
    write(at / "run/tensorboard/mine/events.out.tfevents.1", "mine");
    write(at / "run/tensorboard/student/notes.txt", "mine");
    fs::create_directory_symlink(at / "elsewhere", at / "run/tensorboard/student_alone");
    write(at / "elsewhere/events.out.tfevents.2", "mine");

    REQUIRE(run_in(at, train + "--epochs 1 --quiet --log tensorboard --out run --force").code == 0);
    CHECK_FALSE(fs::exists(at / "run/tensorboard/teacher"));
    CHECK(names_in(at / "run/tensorboard/student") == std::set<std::string>{"notes.txt"});
    CHECK(contents(at / "run/tensorboard/mine/events.out.tfevents.1") == "mine");
    CHECK(contents(at / "elsewhere/events.out.tfevents.2") == "mine");
    event_file(at / "run/tensorboard/model");

    // Event files without anything else of a run are one too.
    write(at / "only/tensorboard/model/events.out.tfevents.1.host.2", "x");
    const auto refused = run_in(at, train + "--epochs 1 --quiet --out only");
    CHECK(refused.code == 2);
    CHECK_MESSAGE(has(refused.err, "folder only holds a run (tensorboard/model/events.out.tfevents.1.host.2)"),
                  refused.err);
    REQUIRE(run_in(at, train + "--epochs 1 --quiet --out only --force").code == 0);
    CHECK_FALSE(fs::exists(at / "only/tensorboard"));
}

TEST_CASE("validate passes --log on and removes event files of an earlier validation") {
    const small_set at;
    const std::string command = "validate --quiet --threads 1 --preset har_nano --validation-subjects 1 "
                                "--epochs 2 --data wisdm=set --out all ";
    const auto first = run_in(at, command + "--folds 2 --log tensorboard");
    REQUIRE_MESSAGE(first.code == 0, first.err);
    for (const std::string fold : {"fold01_seed0", "fold02_seed0"}) {
        CHECK(times(event_file(at / "all/labels" / fold / "tensorboard/model"), "loss/hard") == 2);
        CHECK_FALSE(fs::exists(at / "all/labels" / fold / "model.log.csv"));
    }
    REQUIRE(run_in(at, command + "--log csv --folds 3 --force").code == 0);
    for (const std::string fold : {"fold01_seed0", "fold02_seed0", "fold03_seed0"}) {
        CHECK_FALSE(fs::exists(at / "all/labels" / fold / "tensorboard"));
        CHECK(fs::exists(at / "all/labels" / fold / "model.log.csv"));
    }
}

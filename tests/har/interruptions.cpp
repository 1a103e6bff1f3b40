// SPDX-License-Identifier: BSD-3-Clause
// What becomes of a run that a signal ends or kills.
#include <chrono>
#include <csignal>
#include <doctest/doctest.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <sys/stat.h>
#include <thread>

#include "program.hpp"
#include "running.hpp"

namespace {

using namespace har_tests;
namespace fs = std::filesystem;
using nlohmann::json;

/// Kills runs at random moments; each leaves nothing or complete files, and the next run starts in the same folder.
void kill_at_random(std::size_t times, unsigned seed) {
    const small_set at;
    std::mt19937 random(seed);
    std::size_t models = 0;
    for (std::size_t k = 0; k < times; ++k) {
        CAPTURE(k);
        // Half of the kills fall anywhere from the start on, half between the writes of the epochs.
        child c(at, train + "--epochs 100000 --ema 0.5 --out run --force");
        if (k % 2 == 1) c.said("epoch 1/");
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 60000));
        c.send(SIGKILL);
        CHECK(c.wait() == 1000 + SIGKILL);
        models += check_complete(at, "run");
    }
    CHECK(models >= times); // after the first kill of the second kind there are always two
    const auto last = run_in(at, train + "--epochs 2 --out run --force --quiet");
    REQUIRE_MESSAGE(last.code == 0, last.err);
    for (const auto& name : names_in(at / "run")) CHECK_FALSE(has(name, ".tmp-"));
}

} // namespace

TEST_CASE("a signal ends har while it waits for its configuration") {
    const small_set at;
    REQUIRE(::mkfifo((at.path / "pipe").c_str(), 0600) == 0);
    child c(at, "--config pipe train");
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    c.send(SIGTERM);
    CHECK(c.wait() == 1000 + SIGTERM);
}

TEST_CASE("a signal ends a run after its step with models and marked figures and exit code 128 + n") {
    const small_set at;
    for (const int number : {SIGHUP, SIGINT, SIGTERM}) {
        const std::string name = number == SIGHUP ? "SIGHUP" : number == SIGINT ? "SIGINT" : "SIGTERM";
        CAPTURE(name);
        child c(at, train + "--epochs 1000000 --json --out " + name);
        c.said("epoch 3/");
        c.send(number);
        CHECK(c.wait() == 128 + number);
        CHECK_MESSAGE(has(c.err(), "stopped by " + name + " in epoch"), c.err());
        const json figures = json::parse(contents(at / name / "metrics.json"));
        CHECK(figures.at("interrupted") == true);
        CHECK(figures.at("signal") == name);
        CHECK(figures.at("stopped_in") == "model");
        CHECK(figures.at("stopped_at_epoch") >= 3);
        CHECK(figures.at("stopped_at_epoch") == figures.at("model").at("epochs"));
        CHECK(figures.at("model").contains("macro_f1"));
        CHECK(check_complete(at, name) == 2);
        CHECK_FALSE(fs::exists(at / name / ".har.lock"));
    }
    // The same where the figures are of several networks.
    for (const std::string network : {"teacher", "student_alone", "student"}) {
        CAPTURE(network);
        child c(at, distill + (network == "student" ? "" : "--baseline ") + "--epochs 1000000 --teacher-epochs " +
                        (network == "teacher" ? "1000000" : "2") + " --out " + network);
        c.said(network + " epoch 2/");
        c.send(SIGTERM);
        CHECK(c.wait() == 128 + SIGTERM);
        const json figures = json::parse(contents(at / network / "metrics.json"));
        CHECK(figures.at("interrupted") == true);
        CHECK(figures.at("stopped_in") == network);
        CHECK(figures.contains("teacher"));
        CHECK(figures.contains("student_alone") == (network == "student_alone"));
        CHECK(figures.contains("student") == (network == "student"));
        check_complete(at, network);
    }
    child stage(at, distill + "--compat ref2021 --augment none --teacher-epochs 1 --epochs 1000000 --out stage");
    stage.said("student_stage0 epoch 2/");
    stage.send(SIGINT);
    CHECK(stage.wait() == 128 + SIGINT);
    const json figures = json::parse(contents(at / "stage/metrics.json"));
    CHECK(figures.at("stopped_in") == "student_stage0");
    CHECK_FALSE(figures.contains("student_stage1"));
    CHECK_FALSE(figures.contains("student"));
    CHECK(check_complete(at, "stage") == 4);

    // A run that ends by itself has no mark.
    REQUIRE(run_in(at, train + "--epochs 2 --out whole").code == 0);
    CHECK_FALSE(json::parse(contents(at / "whole/metrics.json")).contains("interrupted"));
}

TEST_CASE("signals that are ignored when a run starts stay ignored") {
    const small_set at;
    child c(at, train + "--epochs 60 --out run", [] {
        for (const int s : {SIGHUP, SIGINT}) std::signal(s, SIG_IGN);
    });
    c.said("epoch 2/");
    c.send(SIGHUP);
    c.send(SIGINT);
    CHECK(c.wait() == 0);
    const json figures = json::parse(contents(at / "run/metrics.json"));
    CHECK(figures.at("model").at("epochs") == 60);
    CHECK_FALSE(figures.contains("interrupted"));
}

TEST_CASE("a run killed at any moment leaves nothing or complete files") { kill_at_random(20, 1); }

TEST_CASE("many runs killed at any moment leave nothing or complete files" * doctest::test_suite("slow")) {
    kill_at_random(400, 2);
}

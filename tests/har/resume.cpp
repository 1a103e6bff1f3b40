// SPDX-License-Identifier: BSD-3-Clause
// Runs that end before their time and go on with --resume.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <doctest/doctest.h>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <sys/resource.h>
#include <thread>

#include "program.hpp"
#include "running.hpp"

namespace {

using namespace har_tests;
namespace fs = std::filesystem;
using nlohmann::json;

/// Without what measures time.
json timeless(json j) {
    if (j.is_object()) j.erase("seconds");
    for (auto& part : j)
        if (part.is_structured()) part = timeless(part);
    return j;
}

/// The lines of a log without their times.
std::string timeless_lines(const std::string& log) {
    std::string out;
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) out += timeless(json::parse(line)).dump() + "\n";
    return out;
}

/// Models, confusion matrices, logs and figures, without times.
std::map<std::string, std::string> outcome(const fs::path& at) {
    std::map<std::string, std::string> files;
    for (const auto& [name, bytes] : files_in(at)) {
        if (name.ends_with(".safetensors") || name.starts_with("confusion.")) files[name] = bytes;
        if (name.ends_with(".jsonl")) files[name] = timeless_lines(bytes);
        if (name == "metrics.json" || name == "validation.json") files[name] = timeless(json::parse(bytes)).dump();
        if (name.ends_with(".checkpoint")) files[name] = "left";
    }
    return files;
}

void check_same(const fs::path& a, const fs::path& b) {
    const auto x = outcome(a), y = outcome(b);
    for (const auto& file : x) {
        const std::string& name = file.first;
        REQUIRE_MESSAGE(y.contains(name), name);
        CHECK_MESSAGE(y.at(name) == file.second, name);
    }
    CHECK(x.size() == y.size());
}

/// Starts a run with --resume again and again and ends each start by a signal after a random time below `longest`
/// microseconds, at most `times` times; then lets it end by itself. Returns how many starts were ended by the signal.
std::size_t interrupt(const folder& at, const std::string& arguments, int signal, std::size_t times,
                      unsigned longest) {
    std::mt19937 random(5);
    std::size_t ended = 0;
    for (std::size_t k = 0; k < times; ++k) {
        child c(at, arguments + " --resume");
        std::this_thread::sleep_for(std::chrono::microseconds(random() % longest));
        c.send(signal);
        const int code = c.wait();
        if (code == 0) return ended;
        CHECK_MESSAGE((code == 128 + signal || code == 1000 + signal), code, ": ", c.err());
        ++ended;
    }
    const auto last = run_in(at, arguments + " --resume");
    CHECK_MESSAGE(last.code == 0, last.err);
    return ended;
}

const std::string brief = "--epochs 30 --quiet --checkpoint-every 1steps ";

} // namespace

TEST_CASE("a run that is killed and resumed ends with the bits of one that was not") {
    const small_set at;
    const std::map<std::string, std::string> runs{
        {"train", train + brief + "--ema 0.5"},
        {"swa", train + brief + "--swa 5 --optimiser ranger --schedule plateau"},
        {"search", train + brief + "--head search"},
        {"distill", distill + "--teacher-epochs 20 --baseline " + brief},
        {"teachers", distill + "--teachers 2 --teacher-epochs 10 " + brief},
        {"simkd", distill + "--teacher-epochs 20 --method simkd " + brief},
        {"ref2021", distill + "--compat ref2021 --augment none --teacher-epochs 10 --epochs 10 --quiet "
                              "--checkpoint-every 1steps "}};
    for (const auto& run : runs) {
        const std::string &name = run.first, &arguments = run.second;
        CAPTURE(name);
        REQUIRE(run_in(at, arguments + " --out whole-" + name).code == 0);
        interrupt(at, arguments + " --out " + name, SIGKILL, 12, 400000);
        check_same(at / ("whole-" + name), at / name);
    }
}

TEST_CASE("a run that a signal ends goes on with it; the number of threads may change") {
    const small_set at;
    REQUIRE(run_in(at, train + "--epochs 200 --quiet --out whole").code == 0);
    for (const int number : {SIGHUP, SIGINT, SIGTERM}) {
        const std::string out = "run" + std::to_string(number);
        child c(at, train + "--epochs 200 --out " + out);
        c.said("epoch 3/");
        c.send(number);
        REQUIRE(c.wait() == 128 + number);
        CHECK(fs::exists(at / out / "model.checkpoint"));
        CHECK(json::parse(contents(at / out / "metrics.json")).at("interrupted") == true);
        // Options that are not given are those of the run.
        const auto rest = run_in(at, "train --resume --threads 2 --quiet --out " + out);
        REQUIRE_MESSAGE(rest.code == 0, rest.err);
        check_same(at / "whole", at / out);
    }
}

TEST_CASE("a validation that is killed and resumed gives the figures of one that was not") {
    const small_set at;
    const std::string validation = "validate --preset har_nano --teacher-preset har_nano --data wisdm=set --folds 2 "
                                   "--validation-subjects 1 --methods labels,smldist --epochs 4 --teacher-epochs 3 "
                                   "--threads 1 --quiet --checkpoint-every 1steps ";
    REQUIRE(run_in(at, validation + "--out whole").code == 0);
    interrupt(at, validation + "--out run", SIGKILL, 8, 900000);
    check_same(at / "whole", at / "run");
    write(at / "run/labels/fold01_seed0/model.checkpoint", "left by a kill at the very end");
    REQUIRE(run_in(at, validation + "--out run --resume").code == 0);
    for (const std::string method : {"teacher", "labels", "smldist"})
        for (const std::string place : {"/fold01_seed0", "/fold02_seed0"})
            check_same(at / "whole" / (method + place), at / "run" / (method + place));
}

TEST_CASE("--resume begins where there is no run and leaves a complete one as it is") {
    const small_set at;
    REQUIRE(run_in(at, train + "--epochs 2 --out run --resume --quiet").code == 0);
    const auto before = files_in(at / "run");
    CHECK_FALSE(before.contains("model.checkpoint"));
    const auto again = run_in(at, train + "--epochs 2 --out run --resume --json");
    CHECK(again.code == 0);
    CHECK_MESSAGE(has(again.err, "the run in run is complete"), again.err);
    CHECK(again.last() == json::parse(before.at("metrics.json")));
    CHECK(files_in(at / "run") == before);
}

TEST_CASE("--resume refuses other options, --force and a folder whose run is not known") {
    const small_set at;
    REQUIRE(run_in(at, train + "--epochs 2 --out run --quiet").code == 0);
    const auto refused = [&](const std::string& arguments, const std::string& what) {
        const auto before = files_in(at / "run");
        const auto r = run_in(at, arguments + " --out run --resume");
        CHECK(r.code == 2);
        CHECK_MESSAGE(has(r.err, what), r.err);
        CHECK(files_in(at / "run") == before);
    };
    refused("train --epochs 3", "option is epochs=3, expected epochs=2 as in run/config.toml");
    refused("train --preset har_student", "expected preset=\"har_nano\"");
    refused("train --force", "expected without --force");
    refused("distill", "expected one for distill");
    REQUIRE(fs::remove(at / "run/config.toml"));
    REQUIRE(fs::remove(at / "run/metrics.json"));
    refused(train + "--epochs 2", "holds a run without config.toml");
    const auto every = run_in(at, train + "--epochs 2 --out other --checkpoint-every often");
    CHECK(every.code == 2);
    CHECK_MESSAGE(has(every.err, "--checkpoint-every: value is \"often\", expected never"), every.err);
}

TEST_CASE("--resume with other logs leaves no old ones") {
    const small_set at;
    child c(at, train + "--epochs 200 --out run");
    c.said("epoch 3/");
    c.send(SIGTERM);
    REQUIRE(c.wait() == 128 + SIGTERM);
    REQUIRE(fs::exists(at / "run/model.log.jsonl"));
    REQUIRE(run_in(at, "train --resume --quiet --out run --log csv").code == 0);
    CHECK_FALSE(fs::exists(at / "run/model.log.jsonl"));
    const std::string log = contents(at / "run/model.log.csv");
    CHECK(std::count(log.begin(), log.end(), '\n') == 201);
}

TEST_CASE("--resume says that the data have changed, and takes damaged figures for those of an unfinished run") {
    const small_set at;
    child c(at, train + "--epochs 200 --out run");
    c.said("epoch 3/");
    c.send(SIGTERM);
    REQUIRE(c.wait() == 128 + SIGTERM);
    write(at / "run/metrics.json", "{}");
    change_wisdm(at / "set");
    const auto refused = run_in(at, "train --resume --quiet --out run");
    CHECK(refused.code == 2);
    CHECK_MESSAGE(has(refused.err, "are not those of the saved training"), refused.err);
    change_wisdm(at / "set", "0.050000", "0.030000");
    write(at / "run/metrics.json", "");
    REQUIRE(run_in(at, "train --resume --quiet --out run").code == 0);
    REQUIRE(run_in(at, train + "--epochs 200 --quiet --out whole").code == 0);
    check_same(at / "whole", at / "run");
}

TEST_CASE("--resume refuses a checkpoint that is damaged or of another run") {
    const small_set at;
    const auto stopped = [&](const std::string& out, const std::string& options) {
        child c(at, train + "--epochs 100000 --out " + out + options);
        c.said("epoch 2/");
        c.send(SIGTERM);
        REQUIRE(c.wait() == 128 + SIGTERM);
    };
    stopped("run", "");
    stopped("other", " --seed 1");
    const std::string mine = contents(at / "run/model.checkpoint"), theirs = contents(at / "other/model.checkpoint");
    write(at / "run/model.checkpoint", mine.substr(0, mine.size() / 2));
    const auto damaged = run_in(at, "train --resume --quiet --out run");
    CHECK(damaged.code == 4);
    CHECK_MESSAGE(has(damaged.err, "run/model.checkpoint"), damaged.err);
    write(at / "run/model.checkpoint", theirs);
    const auto mixed = run_in(at, "train --resume --quiet --out run");
    CHECK(mixed.code == 2);
    CHECK_MESSAGE(has(mixed.err, "configuration is"), mixed.err);
}

TEST_CASE("no room for a checkpoint ends the run with exit code 6; the last one and the models stay") {
    const small_set at;
    REQUIRE(run_in(at, train + "--epochs 1 --quiet --out small").code == 0);
    const auto model = fs::file_size(at / "small/model.safetensors");
    const auto r = run_in(at, train + "--epochs 50 --quiet --out run --checkpoint-every 2", [=] {
        const rlimit limit{model + 1000, model + 1000};
        setrlimit(RLIMIT_FSIZE, &limit);
    });
    CHECK(r.code == 6);
    CHECK_MESSAGE(has(r.err, "run/model.checkpoint"), r.err);
    CHECK(check_complete(at, "run") == 2);
    CHECK_FALSE(fs::exists(at / "run/model.checkpoint"));
    for (const auto& name : names_in(at / "run")) CHECK_FALSE(has(name, ".tmp-"));
    const auto rest = run_in(at, "train --resume --quiet --out run");
    CHECK_MESSAGE(rest.code == 0, rest.err);
    REQUIRE(run_in(at, train + "--epochs 50 --quiet --out whole").code == 0);
    check_same(at / "whole", at / "run");
}

TEST_CASE("a run killed very often ends with the bits of one that was not" * doctest::test_suite("slow")) {
#ifdef SMLDIST_QUICK_TESTS
    const std::size_t kills = 200;
#else
    const std::size_t kills = 1000;
#endif
    const small_set at;
    const std::string run = train + "--epochs " + std::to_string(4 * kills) + " --quiet --checkpoint-every 1steps ";
    REQUIRE(run_in(at, run + "--out whole").code == 0);
    // A fast machine completes a run before it was killed so often; then the next one begins.
    std::size_t killed = 0, runs = 0;
    while (killed < kills) {
        const std::string out = "run" + std::to_string(++runs);
        const std::size_t more = interrupt(at, run + "--out " + out, SIGKILL, kills - killed, 120000);
        REQUIRE(more > 0);
        killed += more;
        check_same(at / "whole", at / out);
    }
    MESSAGE(killed << " kills, " << runs << " runs");
    CHECK(killed == kills);
}

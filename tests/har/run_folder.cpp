// SPDX-License-Identifier: BSD-3-Clause
// The folder of a run: what it may hold before, and what it holds at any moment.
#include <chrono>
#include <csignal>
#include <doctest/doctest.h>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "program.hpp"
#include "running.hpp"

namespace {

using namespace har_tests;
namespace fs = std::filesystem;

} // namespace

TEST_CASE("--out that holds a run is refused before any work and --force replaces only the files of that run") {
    const small_set at;
    REQUIRE(run_in(at, distill + "--epochs 1 --teacher-epochs 1 --compat ref2021 --augment none --out run").code ==
            0);
    REQUIRE(run_in(at, train + "--epochs 1 --out fresh").code == 0);
    for (const std::string name : {"notes.txt", "student.onnx", "my.safetensors", "student_stage.log.csv",
                                   "student_stage1x.safetensors", "confusion.mine.csv", "old/model.safetensors"})
        write(at / "run" / name, "mine");
    const auto before = files_in(at / "run");

    for (const std::string& command : {train_on, distill_on}) {
        const auto again = run_in(at, command + "wisdm=nowhere --out run");
        CHECK(again.code == 2);
        CHECK_MESSAGE(has(again.err, "folder run holds a run"), again.err);
        CHECK_MESSAGE(has(again.err, "--force"), again.err);
        CHECK_FALSE(has(again.err, "nowhere"));
        CHECK(files_in(at / "run") == before);
    }

    REQUIRE(run_in(at, train + "--epochs 1 --out run --force").code == 0);
    auto wanted = names_in(at / "fresh");
    wanted.insert({"notes.txt", "student.onnx", "my.safetensors", "student_stage.log.csv",
                   "student_stage1x.safetensors", "confusion.mine.csv"});
    CHECK(names_in(at / "run") == wanted);
    CHECK(contents(at / "run/model.safetensors") == contents(at / "fresh/model.safetensors"));
    CHECK(contents(at / "run/my.safetensors") == "mine");
    CHECK(contents(at / "run/old/model.safetensors") == "mine");

    // The run's own configuration does not ask to replace the run that it describes.
    CHECK(run_in(at, "--config run/config.toml train").code == 2);
    CHECK(run_in(at, "--config run/config.toml train --out other").code == 0);
    CHECK(contents(at / "other/model.safetensors") == contents(at / "run/model.safetensors"));
}

TEST_CASE(
    "--force leaves the earlier run as it is when the new one fails or is interrupted before its first models") {
    const small_set at;
    REQUIRE(run_in(at, train + "--epochs 2 --out run --quiet").code == 0);
    const auto before = files_in(at / "run");
    const auto unchanged = [&](const std::string& options, int code, const std::string& what) {
        const auto r = run_in(at, train_on + options + " --out run --force");
        CHECK(r.code == code);
        CHECK_MESSAGE(has(r.err, what), r.err);
        CHECK(files_in(at / "run") == before);
    };
    unchanged("wisdm=nowhere", 3, "nowhere");
    unchanged("wisdm=set --lr -1", 2, "lr");
    unchanged("wisdm=set --lr 1e4 --head linear --epochs 3", 5, "epoch 1");

    child c(at, "train --preset har_teacher --epochs 2 --out run --force");
    c.said("data:");
    c.send(SIGTERM);
    CHECK(c.wait() == 128 + SIGTERM);
    CHECK_MESSAGE(has(c.err(), "ended by SIGTERM in the first epoch of model; the folder keeps the earlier run"),
                  c.err());
    CHECK(files_in(at / "run") == before);

    // A teacher in the folder that is replaced is not lost before its copy is there.
    REQUIRE(run_in(at, distill + "--epochs 1 --teacher-epochs 1 --out both --quiet").code == 0);
    const std::string teacher = contents(at / "both/teacher.safetensors");
    const auto again =
        run_in(at, distill + "--epochs 1 --alpha 1 --teacher both/teacher.best.safetensors --out both --force");
    REQUIRE_MESSAGE(again.code == 0, again.err);
    CHECK(contents(at / "both/teacher.safetensors") == teacher); // of one epoch: the last is the best
    CHECK_FALSE(fs::exists(at / "both/teacher.best.safetensors"));
    CHECK(fs::exists(at / "both/stage_bands.csv"));
    CHECK(run_in(at, "evaluate --data wisdm=set --model both/student.safetensors").code == 0);
}

TEST_CASE("a start that fails leaves no folder and a folder that cannot be written is an error before any work") {
    const small_set at;
    CHECK(run_in(at, train_on + "wisdm=nowhere --out a/b/c").code == 3);
    CHECK_FALSE(fs::exists(at / "a"));
    write(at / "kept/notes.txt", "mine");
    CHECK(run_in(at, train_on + "wisdm=nowhere --out kept").code == 3);
    CHECK(names_in(at / "kept") == std::set<std::string>{"notes.txt"});

    write(at / "file", "x");
    std::vector<std::string> wrong{"file", "file/below", "/dev/null", "/proc"};
    if (geteuid() != 0) {
        fs::create_directory(at / "closed");
        fs::permissions(at / "closed", fs::perms::owner_read | fs::perms::owner_exec);
        wrong.push_back("closed");
    }
    for (const auto& folder : wrong) {
        const auto r = run_in(at, train_on + "wisdm=nowhere --out " + folder);
        CHECK(r.code == 6);
        CHECK_MESSAGE(has(r.err, folder), r.err);
    }
    CHECK(contents(at / "file") == "x");
    fs::create_directories(at / "odd/metrics.json"); // which could not be replaced in the end
    const auto r = run_in(at, train_on + "wisdm=nowhere --out odd");
    CHECK(r.code == 2);
    CHECK_MESSAGE(has(r.err, "holds a folder metrics.json"), r.err);
}

TEST_CASE("a second run in a folder is refused even with --force until the first has ended") {
    const small_set at;
    child first(
        at, train + "--epochs 1000000 --out run", [] {}, "first ");
    first.said("epoch 1/");
    for (const std::string options : {"", "--force"}) {
        const auto second = run_in(at, train_on + "wisdm=nowhere --out run " + options);
        CHECK(second.code == 2);
        CHECK_MESSAGE(
            has(second.err, "folder run is in use by another run (process " + std::to_string(first.id()) + ")"),
            second.err);
    }
    REQUIRE(run_in(at, train + "--epochs 1 --out elsewhere").code == 0); // the lock is of the folder
    first.send(SIGKILL);
    CHECK(first.wait() == 1000 + SIGKILL);
    REQUIRE(fs::exists(at / "run/model.safetensors"));
    REQUIRE(run_in(at, train + "--epochs 1 --out run --force").code == 0);
    CHECK(names_in(at / "run") == names_in(at / "elsewhere"));
}

TEST_CASE("half-written files of killed runs are removed and files of similar names are kept") {
    const small_set at;
    const std::set<std::string> killed{"student.safetensors.tmp-123-4", "metrics.json.tmp-1-0",
                                       "validation.json.tmp-1-0", "report.html.tmp-7-2",
                                       "model.best.safetensors.tmp-99999-12"},
        others{"notes.txt.tmp-123-4", "model.safetensors.tmp-1", "model.safetensors.tmp-a-1", "weights.tmp-1-2",
               "model.safetensors.tmp-1-2.old"};
    for (const auto& name : killed) write(at / "run" / name, "half");
    for (const auto& name : others) write(at / "run" / name, "mine");
    REQUIRE(run_in(at, train + "--epochs 1 --out run").code == 0); // they do not make it a folder that holds a run
    for (const auto& name : killed) CHECK_FALSE_MESSAGE(fs::exists(at / "run" / name), name);
    for (const auto& name : others) CHECK_MESSAGE(contents(at / "run" / name) == "mine", name);
}

TEST_CASE("the last and the best model are on disk after every epoch") {
    const small_set at;
    child c(at, train + "--epochs 1000000 --schedule constant --out run");
    c.said("epoch 1/");
    CHECK(check_complete(at, "run") == 2);
    const std::string early = contents(at / "run/model.safetensors");
    bool newer = false; // epochs take milliseconds: `early` may be that of a later one
    for (int i = 0; i < 6000 && !newer; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        newer = contents(at / "run/model.safetensors") != early;
    }
    CHECK(newer);
    c.send(SIGKILL);
    CHECK(c.wait() == 1000 + SIGKILL);
    const auto left = names_in(at / "run");
    for (const std::string name :
         {"config.toml", "model.safetensors", "model.best.safetensors", "model.log.csv", "model.log.jsonl"})
        CHECK_MESSAGE(left.contains(name), name);
    CHECK_FALSE(left.contains("metrics.json"));
    CHECK_FALSE(left.contains("report.html"));
    CHECK(check_complete(at, "run") == 2);
    CHECK(run_in(at, "evaluate --data wisdm=set --model run/model.best.safetensors").code == 0);
}

TEST_CASE("a network under search is on disk after every epoch") {
    const small_set at;
    child c(at, train + "--head search --epochs 1000000 --out run");
    c.said("epoch 2/");
    c.send(SIGKILL);
    CHECK(c.wait() == 1000 + SIGKILL);
    CHECK(check_complete(at, "run") == 2);
    CHECK(run_in(at, "evaluate --data wisdm=set --model run/model.safetensors").code == 0);
}

TEST_CASE("demo replaces the run in its own folder and in no other") {
    const small_set at;
    for (const std::string folder : {"har-demo", "mine"})
        REQUIRE(run_in(at, train + "--epochs 1 --out " + folder).code == 0);
    const auto before = files_in(at / "mine");
    const auto refused = run_in(at, "demo --out mine");
    CHECK(refused.code == 2);
    CHECK_MESSAGE(has(refused.err, "folder mine holds a run"), refused.err);
    for (const std::string command : {"demo", "demo --out mine --force"}) {
        child again(at, command);
        again.said("data:"); // it is not refused
        again.send(SIGTERM);
        CHECK(again.wait() == 128 + SIGTERM);
    }
    CHECK(files_in(at / "mine") == before);
}

TEST_CASE("evaluate and predict and summary write no files") {
    const small_set at;
    REQUIRE(run_in(at, train + "--epochs 1 --out run --quiet").code == 0);
    std::string csv;
    for (int t = 0; t < 100; ++t) csv += "1,2,3\n";
    write(at / "in.csv", csv);
    const auto all = [&] {
        std::map<std::string, std::string> files;
        for (const auto& entry : fs::recursive_directory_iterator(at.path))
            if (entry.is_regular_file() && !entry.path().filename().string().ends_with("t.txt"))
                files[entry.path().string()] = contents(entry.path());
        return files;
    };
    const auto before = all();
    for (const std::string command : {"evaluate --data wisdm=set --json --noise 0.1 --model run/model.safetensors",
                                      "predict --input in.csv --model run/model.safetensors",
                                      "summary --model run/model.safetensors", "summary --dot"})
        CHECK_MESSAGE(run_in(at, command).code == 0, command);
    CHECK(all() == before);
}

// SPDX-License-Identifier: BSD-3-Clause
// Several teachers: --teachers and --teacher.
#include <doctest/doctest.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "program.hpp"
#include "running.hpp"
#include "small_sets.hpp"
#include "sweeping.hpp"

namespace {

using namespace har_tests;
namespace fs = std::filesystem;
using nlohmann::json;

std::string model(const folder& at, const std::string& name) { return contents(at.path / (name + ".safetensors")); }

} // namespace

TEST_CASE("distill --teachers trains networks that differ, and a student that follows all of them") {
    const folder at;
    const auto done = run(at, "distill --teachers 2 --json --out two" + quick);
    REQUIRE_MESSAGE(done.code == 0, done.err);
    const json j = done.last();
    const json &one = j["teacher"], &other = j["teacher_2"], &both = j["teachers"];
    CHECK(model(at, "two/teacher") != model(at, "two/teacher_2"));
    CHECK(both["members"] == 2);
    CHECK(has(done.err, "teachers: 2, led by " + both["leader"].get<std::string>()));
    for (const char* size : {"parameters", "macs"})
        CHECK(both[size].get<int>() == one[size].get<int>() + other[size].get<int>());
    for (const char* file :
         {"teacher.safetensors", "teacher_2.safetensors", "teacher_2.best.safetensors", "teacher_2.log.csv",
          "confusion.teacher_2.csv", "confusion.teachers.csv", "student.safetensors"})
        CHECK_MESSAGE(fs::file_size(at.path / "two" / file) > 0, file);
    CHECK_FALSE(fs::exists(at.path / "two/teachers.safetensors"));
    CHECK(has(done.out, "\nteachers "));
    CHECK(has(contents(at.path / "two/report.html"), "teachers"));

    REQUIRE(run(at, "distill --quiet --out single" + quick).code == 0);
    CHECK(model(at, "single/teacher") == model(at, "two/teacher"));
    CHECK(model(at, "single/student") != model(at, "two/student"));

    // Given as files they teach the same student.
    REQUIRE(
        run(at, "distill --teacher two/teacher.safetensors --teacher two/teacher_2.safetensors --quiet --out given" +
                    quick)
            .code == 0);
    CHECK(model(at, "given/student") == model(at, "two/student"));
    CHECK(model(at, "given/teacher_2") == model(at, "two/teacher_2"));

    // Of three teachers, two equal ones are nearer to the mean of all than the third, wherever they are in the list.
    const std::string a = " --teacher two/teacher.safetensors", b = " --teacher two/teacher_2.safetensors";
    const auto leader = [&](const std::string& teachers) {
        const auto r = run(at, "distill --quiet --json --out led --force" + quick + teachers);
        REQUIRE_MESSAGE(r.code == 0, r.err);
        return r.last()["teachers"]["leader"].get<std::string>();
    };
    CHECK(leader(a + a + b) == "teacher");
    CHECK(leader(b + a + a) == "teacher_2");
    CHECK(leader(a + b + b) == "teacher_2");
    CHECK(leader(b + b + a) == "teacher");

    REQUIRE(run(at, "distill --quiet --out two --force" + quick).code == 0);
    CHECK_FALSE(fs::exists(at.path / "two/teacher_2.safetensors")); // --force removes all files of the earlier run
    CHECK_FALSE(fs::exists(at.path / "two/confusion.teachers.csv"));
}

TEST_CASE("two equal teachers answer as one of them and teach what it teaches") {
    const folder at;
    REQUIRE(run(at, "distill --json --out one" + quick).code == 0);
    const std::string teacher = " --teacher one/teacher.safetensors";
    for (const std::string method : {"smldist", "hinton", "simkd"}) {
        const std::string with = " --method " + method + quick;
        const auto single = run(at, "distill --json --out single --force" + teacher + with);
        const auto twice = run(at, "distill --json --out twice --force" + teacher + teacher + with);
        REQUIRE_MESSAGE(twice.code == 0, twice.err);
        for (const char* figure : {"accuracy", "macro_f1", "worst_subject_f1", "calibration_error"})
            CHECK(twice.last()["teachers"][figure] == single.last()["teacher"][figure]);
        CHECK(twice.last()["teachers"]["leader"] == "teacher");
        CHECK(model(at, "twice/student") == model(at, "single/student")); // (z + z) / 2 is z to the bit
    }
}

TEST_CASE("validate --teachers tests what the teachers answer together, in each fold") {
    const small_set at;
    const std::string validation = "validate --preset har_nano --teacher-preset har_nano --data wisdm=set --folds 2 "
                                   "--validation-subjects 1 --methods hinton --epochs 1 --teacher-epochs 2 --json ";
    const auto two = run_in(at, validation + "--teachers 2 --out two"), one = run_in(at, validation + "--out one");
    REQUIRE_MESSAGE(two.code == 0, two.err);
    REQUIRE(one.code == 0);
    const auto method = [](const json& j, const std::string& name) {
        for (const json& m : j["methods"])
            if (m["name"] == name) return m;
        FAIL("no method " << name);
        return json();
    };
    const json teachers = method(two.last(), "teacher"), teacher = method(one.last(), "teacher");
    CHECK(has(contents(at / "two/report.html"), "2 har_nano trained with labels"));
    CHECK(teachers["parameters"].get<int>() == 2 * teacher["parameters"].get<int>());
    CHECK(method(two.last(), "hinton")["parameters"] == method(one.last(), "hinton")["parameters"]);
    for (const std::string place : {"fold01_seed0", "fold02_seed0"}) {
        CHECK(model(at, "two/teacher/" + place + "/model") == model(at, "one/teacher/" + place + "/model"));
        CHECK(model(at, "two/teacher/" + place + "/model_2") != model(at, "one/teacher/" + place + "/model"));
        CHECK(model(at, "two/hinton/" + place + "/student") != model(at, "one/hinton/" + place + "/student"));
    }
}

TEST_CASE("a sweep over --teachers trains each number of them once") {
    const grid_folder at(small_runs + "method = \"hinton\"\n[grid]\nteachers = [1, 2]\n");
    const auto swept = run_in(at, sweep_on + "sweep --keep-models");
    REQUIRE_MESSAGE(swept.code == 0, swept.err);
    const auto rows = rows_of(at, "sweep");
    REQUIRE(rows.size() == 4);
    std::set<std::string> figures;
    for (const auto& [id, row] : rows) figures.insert(row.at("fold").dump() + row.at("teacher").dump());
    CHECK(figures.size() == 4); // one and two teachers, in two folds
    std::size_t second = 0;
    for (const auto& entry : fs::directory_iterator(at / "sweep/runs"))
        second += fs::exists(entry.path() / "model_2.safetensors") ? 1u : 0u;
    CHECK(second == 2);
}

TEST_CASE("teachers that cannot teach together are refused") {
    const folder at;
    const auto refused = [&](const std::string& arguments, int code, const std::string& what) {
        const auto r = run(at, "distill --out no" + quick + arguments);
        CHECK(r.code == code);
        CHECK_MESSAGE(has(r.err, what), r.err);
        CHECK_FALSE(fs::exists(at.path / "no"));
    };
    refused("--teachers 0", 2, "--teachers");
    refused("--teachers 65", 2, "--teachers");
    refused("--teachers 2 --compat ref2021", 2, "number of teachers is 2, expected 1 with --compat ref2021");
    REQUIRE(run(at, "train --quiet --out one --preset har_nano --epochs 1").code == 0);
    REQUIRE(run(at, "train --quiet --out other --preset har_nano --epochs 1 --normaliser zscore").code == 0);
    const std::string teacher = "--teacher one/model.safetensors ";
    refused("--teachers 2 " + teacher, 2, "value is 2, expected 1 with --teacher");
    refused(teacher + teacher + "--compat ref2021", 2, "number of teachers is 2");
    refused(teacher + "--teacher missing.safetensors", 6, "missing.safetensors");
    const auto unlike = run(at, "distill --out no" + quick + teacher + "--teacher other/model.safetensors");
    CHECK(unlike.code == 4);
    CHECK_MESSAGE(has(unlike.err, "other/model.safetensors: the teacher's normaliser differs"), unlike.err);
}

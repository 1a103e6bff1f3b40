// SPDX-License-Identifier: BSD-3-Clause
// har distill for a student that sees some of the channels.
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

TEST_CASE("distill --student-channels trains students on some channels with a teacher that sees all") {
    const folder at;
    const std::string command = "distill --json --student-channels total_acc,body_gyro_x" + quick;
    const auto first = run(at, command + "--baseline --out run");
    REQUIRE_MESSAGE(first.code == 0, first.err);
    const json j = first.last(), seen{"body_gyro_x", "total_acc_x", "total_acc_y", "total_acc_z"};
    CHECK(j["student_channels"] == seen);
    // The same preset, but a smaller first convolution.
    CHECK(j["student"]["parameters"].get<int>() < j["teacher"]["parameters"].get<int>());
    CHECK(j["student"]["macs"].get<int>() < j["teacher"]["macs"].get<int>());
    const auto evaluates_to = [&](const std::string& model, const json& figures) {
        CAPTURE(model);
        const auto again = run(at, "evaluate --json --model " + model);
        REQUIRE_MESSAGE(again.code == 0, again.err);
        for (const char* key : {"accuracy", "macro_f1", "worst_subject_f1", "parameters", "macs", "head"})
            CHECK(again.last()[key] == figures[key]);
    };
    for (const std::string name : {"teacher", "student_alone", "student"})
        evaluates_to("run/" + name + ".safetensors", j[name]);

    // The same from the run's config file, and with the names in another order.
    const std::string given = " --teacher run/teacher.safetensors";
    const std::string student = contents(at.path / "run/student.safetensors");
    REQUIRE(run(at, "--config run/config.toml distill --out two --quiet" + given).code == 0);
    CHECK(contents(at.path / "two/student.safetensors") == student);
    const std::string reordered = "distill --student-channels body_gyro_x --student-channels total_acc_z,total_acc";
    REQUIRE(run(at, reordered + " --out three" + given + quick).code == 0);
    CHECK(contents(at.path / "three/student.safetensors") == student);

    for (const std::string& more :
         {"--method fitnets" + given, "--method simkd" + given, std::string("--head search --baseline")}) {
        CAPTURE(more);
        const auto other = run(at, command + more + " --out other --force");
        REQUIRE_MESSAGE(other.code == 0, other.err);
        CHECK(other.last()["student_channels"] == seen);
        evaluates_to("other/student.safetensors", other.last()["student"]);
    }

    std::string csv = "body_gyro_x,total_acc_x,total_acc_y,total_acc_z\n";
    for (int t = 0; t < 128; ++t) csv += "0.1,1.0,0.02,0.01\n";
    write(at.path / "in.csv", csv);
    const auto p = run(at, "predict --model run/student.safetensors --input in.csv --json");
    REQUIRE_MESSAGE(p.code == 0, p.err);
    CHECK(p.last()["windows"].size() == 1);
    CHECK(run(at, "predict --model run/teacher.safetensors --input in.csv").code == 3);

    // A student is no teacher for more channels, and no model for data that lack its own.
    CHECK(run(at, "distill --teacher run/student.safetensors" + quick).code == 4);
    edit(at.path / "run/student.safetensors", "body_gyro_x", "body_gyro_w"); // the digest covers only the tensors
    const auto missing = run(at, "evaluate --model run/student.safetensors");
    CHECK(missing.code == 4);
    CHECK_MESSAGE(has(missing.err, "body_gyro_w is missing"), missing.err);
}

TEST_CASE("--student-channels that the data lack are refused before anything is trained") {
    const folder at;
    const auto r = run(at, "distill --student-channels total_acc,phone --out o" + quick);
    CHECK(r.code == 2);
    CHECK_MESSAGE(has(r.err, "name is \"phone\""), r.err);
    CHECK_MESSAGE(has(r.err, "total_acc_y"), r.err);
    CHECK_FALSE(fs::exists(at.path / "o/teacher.log.csv"));
}

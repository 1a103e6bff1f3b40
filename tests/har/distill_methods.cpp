// SPDX-License-Identifier: BSD-3-Clause
// har distill by baselines, in the form of the public code, and from a compressed memory.
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

TEST_CASE("distill by a baseline names the method and evaluate reproduces its figures") {
    const folder at;
    REQUIRE(run(at, "distill --json --out smldist" + quick).code == 0);
    CHECK(json::parse(contents(at.path / "smldist/metrics.json"))["method"] == "smldist");
    const auto distilled = [&](const std::string& name, const std::string& options) {
        const auto done = run(at, "distill --json --teacher smldist/teacher.safetensors --method " + name + options +
                                      " --out " + name + quick);
        REQUIRE_MESSAGE(done.code == 0, done.err);
        CHECK(done.last()["method"] == name);
        const auto again = run(at, "evaluate --json --model " + name + "/student.safetensors");
        REQUIRE_MESSAGE(again.code == 0, again.err);
        for (const char* key : {"accuracy", "macro_f1", "parameters", "macs", "head"})
            CHECK(again.last()[key] == done.last()["student"][key]);
        return done.last();
    };
    const json hinton = distilled("hinton", " --logit-norm zscore --method-weight 9");
    CHECK(hinton["method_weight"] == 9);
    const json simkd = distilled("simkd", "");
    CHECK(simkd["method_weight"] == 1);
    // Projector and borrowed classifier count.
    CHECK(simkd["student"]["parameters"] > hinton["student"]["parameters"]);
    CHECK(simkd["student"]["macs"] > hinton["student"]["macs"]);
}

TEST_CASE("distill --compat ref2021 reports each training and marks its models") {
    const folder at;
    const auto r = run(at, "distill --compat ref2021 --augment none --json --out run" + quick);
    REQUIRE_MESSAGE(r.code == 0, r.err);
    const json result = r.last();
    for (const char* name : {"teacher", "student_stage0", "student_stage1", "student"}) {
        CAPTURE(name);
        REQUIRE(result.contains(name));
        CHECK(result[name]["head"] == "blended");
        CHECK(result[name]["epochs"] == 1);
    }
    CHECK(result["method"] == "ref2021");
    CHECK_FALSE(result.contains("student_stage2")); // the last of three anchors
    CHECK(r.err.find("projector") == std::string::npos);
    CHECK(contents(at / "run/student.safetensors").find("\\\"gate_before_activation\\\":true") != std::string::npos);
    const auto again = run(at, "evaluate --model run/student.safetensors --json");
    REQUIRE_MESSAGE(again.code == 0, again.err);
    CHECK(again.last()["macro_f1"] == result["student"]["macro_f1"]);

    const auto unlike = run(at, "distill --compat ref2021 --out other --preset har_nano --teacher-preset har_student "
                                "--epochs 1 --teacher-epochs 1");
    REQUIRE_MESSAGE(unlike.code == 0, unlike.err);
    CHECK(has(unlike.err, "the features have widths 96 and 48: the head is not copied"));
    CHECK(has(unlike.err, "stage 1: other channels, a projector is trained along"));
    for (const std::string wrong :
         {"--compat 2021", "--compat ref2021 --method hinton", "--head blended",
          "--compat ref2021 --student-channels total_acc", "--compat ref2021 --mixup 0.2"}) {
        const auto refused = run(at, "distill " + wrong + quick);
        CHECK(refused.code == 2);
        CHECK(has(refused.err, "compat"));
    }
}

TEST_CASE("distill compresses a memory placed by k-means for the student and refuses sizes that do not fit") {
    const folder at;
    make_uci_har(at.path / "set");
    const std::string small = "distill --data uci_har=set --preset har_nano --teacher-preset har_nano --epochs 2 "
                              "--teacher-epochs 2 --json ";
    const auto done = run(at, small + "--patterns 4 --memory-heads 2 --memory-dropout 0.1 --memory-init kmeans "
                                      "--student-patterns 2 --out run");
    REQUIRE_MESSAGE(done.code == 0, done.err);
    const json j = done.last();
    CHECK(j["teacher"]["parameters"].get<int>() - j["student"]["parameters"].get<int>() == 6 * 2 * 32);
    const auto again = run(at, "evaluate --json --data uci_har=set --model run/student.safetensors");
    REQUIRE_MESSAGE(again.code == 0, again.err);
    CHECK(again.last()["macro_f1"] == j["student"]["macro_f1"]);

    std::string csv;
    for (int t = 0; t < 128; ++t) csv += "0.01,0.02,0,0.1,-0.1,0,1.0,0.02,0.01\n";
    write(at.path / "in.csv", csv);
    const auto p = run(at, "predict --model run/student.safetensors --input in.csv --json");
    REQUIRE(p.code == 0);
    CHECK(p.last()["windows"][0]["energy"].get<double>() > 0);

    const auto refused = [&](const std::string& options, const std::string& what) {
        const auto bad = run(at, small + options + " --out bad");
        CHECK(bad.code == 2);
        CHECK_MESSAGE(has(bad.err, what), bad.err);
        CHECK_FALSE(fs::exists(at.path / "bad/student_alone.safetensors")); // before any student was trained
        CHECK_FALSE(fs::exists(at.path / "bad/student.safetensors"));
    };
    refused("--patterns 4 --student-patterns 5", "expected at most 4, the teacher's");
    refused("--teacher run/teacher.safetensors --baseline --student-patterns 5", "expected at most 4, the teacher's");
    refused("--student-patterns 2 --memory-transfer none", "where no memory is taken over");
    refused("--student-patterns 2 --method hinton", "where no memory is taken over");
    refused("--student-patterns 2 --head linear", "where no memory is taken over");
    refused("--patterns 500 --memory-init kmeans", "expected at least 500, one per pattern");
    refused("--head linear --memory-init kmeans", "network has no memory head");
    refused("--memory-init centres", "expected random or kmeans");
    refused("--memory-heads 3", "heads is 3, expected a divisor of the width 32");
}

// SPDX-License-Identifier: BSD-3-Clause
// har distill: its files and figures, and that evaluate and predict agree with them.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "program.hpp"
#include "small_sets.hpp"

namespace {

using namespace har_tests;
namespace fs = std::filesystem;
using nlohmann::json;

/// Checks that two rows of a CSV have the same text, and numbers that differ only by rounding.
void check_same_rows(const std::string& a, const std::string& b) {
    std::istringstream left(a), right(b);
    for (std::string x, y; std::getline(left, x, ',') && std::getline(right, y, ',');) {
        char *end_x = nullptr, *end_y = nullptr;
        const double u = std::strtod(x.c_str(), &end_x), v = std::strtod(y.c_str(), &end_y);
        if (end_x == x.c_str())
            CHECK(x == y);
        else
            CHECK(std::abs(u - v) < 1e-5);
        CHECK(std::string(end_x) == end_y); // a row ends and the next begins between commas
    }
    CHECK(left.eof());
    CHECK(std::count(a.begin(), a.end(), ',') == std::count(b.begin(), b.end(), ','));
}

} // namespace

TEST_CASE("distill writes models and figures that evaluate and predict reproduce") {
    const folder at;
    const auto done = run(at, "distill --baseline --json --out run" + quick);
    REQUIRE(done.code == 0);
    const json j = done.last();
    CHECK(j["seed"] == 0);
    CHECK(j["seconds"].get<double>() > 0);
    for (const char* name : {"teacher", "student_alone", "student"})
        for (const char* key : {"accuracy", "macro_f1", "worst_subject_f1", "parameters", "macs", "head"})
            CHECK(j[name].contains(key));
    CHECK(j["student"]["head"] == "memory");
    for (const char* file :
         {"config.toml", "metrics.json", "report.html", "teacher.safetensors", "student.safetensors",
          "student_alone.safetensors", "student.best.safetensors", "student.log.csv", "student.log.jsonl",
          "teacher.log.csv", "confusion.student.csv", "plot.gp"})
        CHECK_MESSAGE(fs::file_size(at.path / "run" / file) > 0, file);
    CHECK(json::parse(contents(at.path / "run" / "metrics.json")) == j);

    const auto again = run(at, "evaluate --json --model run/student.safetensors");
    REQUIRE(again.code == 0);
    for (const char* key : {"accuracy", "macro_f1", "worst_subject_f1", "parameters", "macs", "head"})
        CHECK(again.last()[key] == j["student"][key]);

    SUBCASE("the same seed gives the same files for another number of threads, and with the config file") {
        REQUIRE(run(at, "distill --threads 1 --json --out one" + quick).code == 0);
        CHECK(contents(at.path / "one/student.safetensors") == contents(at.path / "run/student.safetensors"));
        REQUIRE(run(at, "--config run/config.toml distill --out two --quiet").code == 0);
        CHECK(contents(at.path / "two/student.safetensors") == contents(at.path / "run/student.safetensors"));
    }
    SUBCASE("evaluate on corrupted sensors") {
        const std::string evaluate = "evaluate --json --model run/student.safetensors ";
        CHECK(run(at, evaluate + "--rate 50").last() == again.last()); // the data's own rate
        const auto noisy = run(at, evaluate + "--noise 5 --rotation 40 --rate 10 --missing body_gyro,total_acc_x");
        REQUIRE(noisy.code == 0);
        CHECK(noisy.last()["accuracy"] != again.last()["accuracy"]);
        CHECK(run(at, evaluate + "--missing heart").code == 2);
        CHECK(run(at, evaluate + "--rate 51").code == 2);
    }
    SUBCASE("a given teacher is used and not changed") {
        const std::string before = contents(at.path / "run/teacher.safetensors");
        REQUIRE(run(at, "distill --teacher run/teacher.safetensors --out given --json" + quick).code == 0);
        CHECK(contents(at.path / "run/teacher.safetensors") == before);
        CHECK(contents(at.path / "given/student.safetensors") == contents(at.path / "run/student.safetensors"));
    }
    SUBCASE("predict") {
        std::string csv =
            "body_acc_x,body_acc_y,body_acc_z,body_gyro_x,body_gyro_y,body_gyro_z,total_acc_x,total_acc_y,"
            "total_acc_z\n";
        for (int t = 0; t < 192; ++t) csv += "0.01,0.02,0,0.1,-0.1,0,1.0,0.02,0.01\n";
        write(at.path / "in.csv", csv);
        const auto p = run(at, "predict --model run/student.safetensors --input in.csv --json");
        REQUIRE(p.code == 0);
        const json windows = p.last()["windows"];
        REQUIRE(windows.size() == 2);
        double sum = 0;
        for (const auto& v : windows[1]["probabilities"]) sum += v.get<double>();
        CHECK(sum == doctest::Approx(1));
        CHECK(windows[1]["first_sample"] == 64);
        const auto table = run(at, "predict --model run/student.safetensors --input in.csv");
        CHECK(table.out.find("first_sample,label,walking") == 0);

        const auto stream = run(at, "predict --model run/student.safetensors --stream --hop 32 <in.csv");
        CHECK(stream.code == 0);
        const auto whole = run(at, "predict --model run/student.safetensors --input in.csv --hop 32");
        CHECK(std::count(whole.out.begin(), whole.out.end(), '\n') == 4);
        check_same_rows(stream.out, whole.out); // a program and a network
        const auto smooth =
            run(at, "predict --model run/student.safetensors --stream --smoothing 0.5 --json <in.csv");
        CHECK(std::count(smooth.out.begin(), smooth.out.end(), '\n') == 2);
        CHECK(smooth.last()["first_sample"] == 64);
        CHECK(run(at, "predict --model run/student.safetensors --stream --input in.csv").code == 2);
        CHECK(run(at, "predict --model run/student.safetensors --stream --smoothing 1 <in.csv").code == 2);
        CHECK(run(at, "predict --model run/student.safetensors").code == 2);
        write(at.path / "cut.csv", csv + "0.01,0.02\n");
        const auto cut = run(at, "predict --model run/student.safetensors --stream <cut.csv");
        CHECK(cut.code == 3);
        CHECK(std::count(cut.out.begin(), cut.out.end(), '\n') == 3); // decisions before the fault stand
        CHECK_MESSAGE(has(cut.err, "standard input:194:10: line ends"), cut.err);

        const auto refuse = [&](const std::string& text, const std::string& what) {
            write(at.path / "bad.csv", text);
            const auto bad = run(at, "predict --model run/student.safetensors --input bad.csv");
            CHECK(bad.code == 3);
            CHECK_MESSAGE(has(bad.err, what), bad.err);
        };
        refuse("", "empty");
        refuse("0.01,0.02,0,0.1,-0.1,0,1.0,0.02,0.01\n", "one window of 128");
        refuse("1,2,3\n", "bad.csv:1:");
        refuse(csv.substr(0, csv.find('\n') + 1) + "0,0,x,0,0,0,0,0,0\n", "bad.csv:2:5");
        refuse("0,0,nan,0,0,0,0,0,0\n", "bad.csv:1:");
        refuse("a,b,c\n1,2,3\n", "names of the columns");
        CHECK(run(at, "predict --model run/student.safetensors --input missing.csv").code == 6);
    }
    SUBCASE("model files that are no models") {
        const std::string model = contents(at.path / "run/student.safetensors");
        const auto refuse = [&](const std::string& bytes) {
            write(at.path / "bad.safetensors", bytes);
            const auto bad = run(at, "evaluate --model bad.safetensors");
            CHECK(bad.code == 4);
            CHECK_MESSAGE(has(bad.err, "bad.safetensors"), bad.err);
        };
        refuse("");
        refuse("PK\x03\x04 this is no model");
        refuse(model.substr(0, model.size() / 2));
        std::string flipped = model;
        flipped[flipped.size() - 100] = static_cast<char>(flipped[flipped.size() - 100] ^ 1);
        refuse(flipped);
        CHECK(run(at, "evaluate --model missing.safetensors").code == 6);
    }
}

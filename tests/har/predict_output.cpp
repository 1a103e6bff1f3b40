// SPDX-License-Identifier: BSD-3-Clause
// har predict: what it prints of a model file, and the memory that it takes.
#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "predicting.hpp"
#include "program.hpp"

namespace {

using namespace har_tests;
namespace fs = std::filesystem;

} // namespace

TEST_CASE("predict quotes labels as CSV fields and makes their control characters visible") {
    edit_model("odd.safetensors", {{R"(stairs down)", R"(\\u001b[m,x)"}, // in JSON within JSON
                                   {R"(sitting)", R"(a\\\"bc)"},
                                   {R"(standing)", R"(\\u009bJ)"}});
    write(place().path / "in.csv", table(128));
    const answer csv = run(place(), "predict --model odd.safetensors --input in.csv");
    REQUIRE_MESSAGE(csv.code == 0, csv.err);
    CHECK(csv.out.substr(0, csv.out.find('\n')) ==
          R"(first_sample,label,walking,stairs up,"\x1B[m,x","a""bc",\xC2\x9BJ,lying)");
    const answer json = run(place(), "predict --model odd.safetensors --json --input in.csv");
    REQUIRE(json.code == 0);
    const answer stream = run(place(), "predict --model odd.safetensors --stream <in.csv");
    REQUIRE(stream.code == 0);
    CHECK(stream.out.substr(0, stream.out.find('\n')) == csv.out.substr(0, csv.out.find('\n')));
    // whichever label the window gets
    edit_model("odd.safetensors", {{R"(\"walking\")", R"(\"a,\\\"c\")"},
                                   {R"(\"stairs up\")", R"(\"\\u007f,z\")"},
                                   {R"(\"stairs down\")", R"(\"\\u009b,zzz\")"},
                                   {R"(\"sitting\")", R"(\"\\n,zzz\")"},
                                   {R"(\"standing\")", R"(\"\\t,zzzz\")"},
                                   {R"(\"lying\")", R"(\"\\r,z\")"}});
    for (const std::string use : {"--input in.csv", "--stream <in.csv"}) {
        const answer rows = run(place(), "predict --model odd.safetensors " + use);
        REQUIRE_MESSAGE(rows.code == 0, rows.err);
        CHECK(is_printable(rows.out));
        CHECK(std::count(rows.out.begin(), rows.out.end(), '\n') == 2);
        CHECK(has(rows.out, "\n0,\"")); // quoted, since there is a comma
        CHECK(std::count(rows.out.begin(), rows.out.end(), ',') == 13 + 8);
        const answer object = run(place(), "predict --model odd.safetensors --json " + use);
        REQUIRE_MESSAGE(object.code == 0, object.err);
        CHECK(is_printable(object.out));
        const auto j = nlohmann::json::parse(object.out);
        const std::string label = j.contains("windows") ? j["windows"][0]["label"] : j["label"];
        CHECK(has(label, ",")); // the label itself
    }
}

TEST_CASE("har makes control characters of a model file visible in messages") {
    write(place().path / "in.csv", "a,b\n1,2\n");
    const auto refuse = [](const std::string& from, const std::string& to, const std::string& command, int code) {
        edit_model("odd.safetensors", {{from, to}});
        const answer a = run(place(), command);
        CHECK(a.code == code);
        CHECK_MESSAGE(is_printable(a.err), a.err);
        CHECK(a.err.size() < 600);
        CHECK(a.err.find("[2J") != std::string::npos);
    };
    refuse("body_gyro_x", R"(\\u001b[2Jx)", "predict --model odd.safetensors --input in.csv", 3);
    for (const std::string use : {"evaluate --model odd.safetensors", "summary --model odd.safetensors",
                                  "predict --input in.csv --model odd.safetensors"}) {
        refuse("5,16,16,-,RE", R"(\\u001b[2J-H)", use, 4);
    }
}

TEST_CASE("predict --hop 1 takes memory only for the samples and one batch") {
    const folder at;
    fs::copy_file(place().path / "run/model.safetensors", at.path / "model");
    {
        std::ofstream csv(at.path / "in.csv");
        for (std::size_t t = 0; t < 40'000; t += 100) csv << table(100);
    }
    for (const char* json : {"--quiet", "--json"}) {
        piped_child har(at, {"predict", "--model", "model", "--input", "in.csv", "--hop", "1", json}, -1, -1);
        CHECK(har.finish() == 0);
        MESSAGE("peak " << har.peak_bytes() / 1e6 << " MB");
        if (!sanitized) CHECK(har.peak_bytes() < 48e6); // all windows at once: 184 MB
    }
}

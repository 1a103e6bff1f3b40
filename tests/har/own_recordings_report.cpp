// SPDX-License-Identifier: BSD-3-Clause
// From a folder of phone exports to report.html with two commands: inspect, validate.
#include <doctest/doctest.h>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "phone_exports.hpp"
#include "program.hpp"

namespace {

using namespace har_tests;
namespace fs = std::filesystem;

/// Six people, every recording with a gap of 2 s, acceleration and rotation at other rates from other moments on.
void make_exports(const fs::path& at, const std::function<void(const fs::path&, const phone_recording&)>& write_one) {
    make_people(
        at, six_people,
        [&](const fs::path& to, phone_recording r) {
            r.gap = {6, 8};
            r.gyro_late = 0.37;
            write_one(to, r);
        },
        14);
}

void check_two_commands(const folder& at, const std::string& data) {
    const auto inspected = run(at, "inspect --data csv=" + data);
    REQUIRE_MESSAGE(inspected.code == 0, inspected.err);
    for (const std::string& person : six_people) CHECK_MESSAGE(has(inspected.out, person), inspected.out);
    for (const auto& m : movements()) CHECK_MESSAGE(has(inspected.out, m.name), inspected.out);
    CHECK_MESSAGE(has(inspected.out, "gap"), inspected.out);
    CHECK(fs::exists(at / (data + "/recordings.toml")));

    const auto validated = run(at, "validate --preset har_nano --epochs 40 --batch 16 --folds 3 --data csv=" + data +
                                       " --out run-" + data);
    REQUIRE_MESSAGE(validated.code == 0, validated.err);
    const auto figures = nlohmann::json::parse(contents(at / ("run-" + data + "/validation.json")));
    CHECK(figures["folds"].size() == 3);
    bool labels = false;
    for (const auto& method : figures["methods"])
        if (method["name"] == "labels") {
            labels = true;
            CHECK(method["macro_f1"]["mean"] > 0.9);
        }
    CHECK(labels);
    const std::string page = contents(at / ("run-" + data + "/report.html"));
    for (const std::string& person : six_people) CHECK_MESSAGE(has(page, person), person);
    CHECK(has(page, "</html>"));
    CHECK(has(page, "<svg"));
}

} // namespace

TEST_CASE("a folder of Sensor Logger becomes report.html with two commands") {
    const folder at;
    make_exports(at / "walks", [](const fs::path& to, const phone_recording& r) { write_sensor_logger(to, r); });
    check_two_commands(at, "walks");
}

TEST_CASE("a folder of phyphox becomes report.html with two commands") {
    const folder at;
    make_exports(at / "walks", [](const fs::path& to, const phone_recording& r) { write_phyphox(to, r); });
    check_two_commands(at, "walks");
}

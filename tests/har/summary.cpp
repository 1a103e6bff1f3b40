// SPDX-License-Identifier: BSD-3-Clause
// har summary.
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <string>

#include "program.hpp"

namespace {

using namespace har_tests;
using nlohmann::json;

} // namespace

TEST_CASE("summary prints the layers as a table or a Graphviz graph and its figures as JSON") {
    const folder at;
    struct row {
        const char* preset;
        std::size_t parameters, macs;
    };
    for (const row& r :
         {row{"har_teacher", 1165454, 6428672}, row{"har_student", 25510, 212800}, row{"har_nano", 8302, 100512},
          row{"mobilenet_v3_small", 883814, 2598720}, row{"mobilenet_v3_large", 2906966, 9410752}}) {
        const auto s =
            run(at, std::string("summary --channels 9 --length 128 --classes 6 --json --preset ") + r.preset);
        REQUIRE(s.code == 0);
        const json j = s.last();
        CHECK(j["preset"] == r.preset);
        CHECK(j["parameters"] == r.parameters);
        CHECK(j["macs"] == r.macs);
        std::size_t parameters = 0, macs = 0;
        for (const auto& layer : j["layers"]) {
            parameters += layer["parameters"].get<std::size_t>();
            macs += layer["macs"].get<std::size_t>();
        }
        CHECK(parameters == r.parameters);
        CHECK(macs == r.macs);
    }
    CHECK(run(at, "summary --dot").out.find("digraph network {") == 0);
    const auto rows = run(at, "summary --json --rows '3,16,16,SE,RE,2,A;5,48,24,-,HS,2,A'");
    REQUIRE(rows.code == 0);
    CHECK(rows.last()["parameters"].get<std::size_t>() > 1000);
}

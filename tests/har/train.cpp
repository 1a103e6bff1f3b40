// SPDX-License-Identifier: BSD-3-Clause
// har train: other recipes, a training that diverges, and data that the model does not fit.
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <string>

#include "program.hpp"
#include "small_sets.hpp"

namespace {

using namespace har_tests;
using nlohmann::json;

} // namespace

TEST_CASE("train takes another optimiser and schedule and mixup and averaged weights") {
    const folder at;
    make_uci_har(at.path / "set");
    const std::string common = "train --preset har_nano --data uci_har=set --json --quiet --epochs 2 ";
    const auto usual = run(at, common + "--out a");
    const auto other = run(at, common + "--out b --optimiser ranger --schedule constant --mixup 0.2 --swa 2");
    REQUIRE(usual.code == 0);
    REQUIRE(other.code == 0);
    CHECK(other.last()["model"]["epochs"] == 2);
    CHECK(contents(at / "a/model.safetensors") != contents(at / "b/model.safetensors"));
    const std::string config = contents(at / "b/config.toml");
    for (const char* word : {"optimiser=\"ranger\"", "schedule=\"constant\"", "mixup=0.2", "swa=2"})
        CHECK_MESSAGE(has(config, word), word);
}

TEST_CASE("a training that diverges ends with exit code 5 and names the step and keeps the last good model") {
    const folder at;
    const auto done = run(at, "train --preset har_nano --head linear --epochs 3 --lr 1e7 --out o");
    CHECK(done.code == 5);
    CHECK_MESSAGE(has(done.err, "step"), done.err);
    CHECK(run(at, "evaluate --model o/model.last_good.safetensors").code == 0);
}

TEST_CASE("train --compat ref2021 has no dropout and clips min-max and rounds the widths of given rows") {
    const folder at;
    make_uci_har(at.path / "set");
    const std::string command =
        "train --preset har_nano --compat ref2021 --augment none --epochs 2 --validation-subjects 2 --quiet "
        "--data uci_har=set --rows 3,20,12,SE,HS,2,A --normaliser minmax";
    for (const std::string dropout : {"0", "0.9"}) {
        const auto r = run(at, command + " --out d" + dropout + " --dropout " + dropout);
        REQUIRE_MESSAGE(r.code == 0, r.err);
    }
    const std::string file = contents(at.path / "d0/model.safetensors");
    CHECK(file == contents(at.path / "d0.9/model.safetensors")); // whatever --dropout says
    REQUIRE(file.size() > 8);
    std::size_t length = 0;
    for (std::size_t i = 8; i-- > 0;) length = 256 * length + static_cast<unsigned char>(file[i]);
    const json header = json::parse(file.substr(8, length));
    CHECK(header["backbone.blocks.0.expand.conv.weight"]["shape"] == json({24, 16, 1})); // 20 and 9 channels
    CHECK(header["backbone.blocks.0.project.conv.weight"]["shape"] == json({16, 24, 1}));
    const std::string facts = header["__metadata__"].dump();
    CHECK(has(facts, "minmax"));
    CHECK(has(facts, "\\\"low\\\":[-"));
}

TEST_CASE("a model for other channels or labels than the data's ends har with exit code 4") {
    const folder at;
    make_uci_har(at.path / "set");
    REQUIRE(run(at, "train --preset har_nano --epochs 1 --quiet --out o").code == 0);
    const auto other = run(at, "evaluate --model o/model.safetensors --data uci_har=set");
    CHECK(other.code == 4);
    CHECK_MESSAGE(has(other.err, "labels"), other.err);
    CHECK(run(at, "distill --teacher o/model.safetensors --data uci_har=set" + quick).code == 4);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/options.hpp"

#include <doctest/doctest.h>

#include "smldist/deploy/compile.hpp"
#include "smldist/model/network.hpp"

using namespace smldist;

TEST_CASE("options: defaults come from the network and only the logits are computed") {
    const model::network<float> net(model::preset("har_nano"), generator(1));
    const auto program = deploy::compile(net, {.length = 64});
    CHECK(program.channels() == net.config.backbone.channels);
    CHECK(program.length() == 64);
    REQUIRE(program.outputs().size() == 1);
    CHECK(program.outputs()[0].name == "logits");
    CHECK_THROWS_AS(deploy::compile(net, {}), usage_error);
    CHECK_THROWS_AS(deploy::compile(net, {.batch = 0, .length = 64}), usage_error);
}

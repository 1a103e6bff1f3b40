// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/options.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/deploy/compile.hpp"
#include "smldist/model/network.hpp"
#include "smldist/op/conv2d.hpp"
#include "smldist/op/reduce.hpp"

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

TEST_CASE("options: the extents of an image") {
    const probe net([](const auto& x, const auto& w) { return op::global_avg_pool(op::conv2d(x, w[0], w[1])); },
                    {{3, 2, 3, 3}, {3}});
    const auto p = deploy::compile(net, {.height = 5, .width = 6, .channels = 2});
    CHECK(p.height() == 5);
    CHECK(p.length() == 30);
    CHECK(deploy::compile(net, {.length = 30, .height = 5, .width = 6, .channels = 2}).length() == 30);
    CHECK(deploy::input_shape({.length = 7, .channels = 2}) == shape{1, 7, 2});
    CHECK(deploy::input_shape({.height = 5, .width = 6, .channels = 2}) == shape{1, 5, 6, 2});
    const auto refuses = [&](const deploy::options& o) {
        CHECK_THROWS_WITH_AS(deploy::compile(net, o), doctest::Contains("expected a length of height * width or 0"),
                             usage_error);
    };
    refuses({.height = 5, .channels = 2});
    refuses({.width = 6, .channels = 2});
    refuses({.length = 29, .height = 5, .width = 6, .channels = 2});
    CHECK_THROWS_AS(deploy::compile(net, {.height = 5, .width = 6}), usage_error);
    CHECK_THROWS_AS(deploy::compile(net, {.length = 30, .channels = 2}), shape_error);
}

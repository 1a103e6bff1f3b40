// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/network.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/distill/distiller.hpp"
#include "smldist/model/network.hpp"

using namespace smldist;

TEST_CASE("network: a program is called as the network it was compiled from") {
    auto c = model::preset("har_nano");
    c.head = model::head_kind::memory;
    model::network<float> net(c, generator(1));
    disturb(net, 2);
    const deploy::network fast(deploy::compile(net, {.length = 64, .outputs = {"all"}}));
    const auto x = noise({3, 64, c.backbone.channels}, 3);
    const auto got = fast(x), want = net(x, mode::eval);
    REQUIRE(got.stages.size() == want.stages.size());
    const auto same = [](const tensor<float>& a, const tensor<float>& b) {
        CHECK(a.shape() == b.shape());
        CHECK(difference({a.begin(), a.end()}, b) < 1e-5);
    };
    for (std::size_t i = 0; i < want.stages.size(); ++i) same(got.stages[i], want.stages[i]);
    same(got.feature, want.feature);
    same(got.memory.scores, want.memory.scores);
    same(got.memory.retrieved, want.memory.retrieved);
    same(got.logits, want.logits);

    graph g;
    const auto traced = fast(symbol::input(g, "x", x.shape()));
    CHECK(traced.stages[1].shape() == want.stages[1].shape());
    CHECK(traced.logits.shape() == want.logits.shape());

    CHECK_THROWS_AS(fast(x, mode::train), usage_error);
    CHECK_THROWS_AS(fast(noise({3, 65, 9}, 3)), shape_error);
    CHECK_THROWS_AS(deploy::network(deploy::compile(net, {.length = 64, .outputs = {"feature"}})), usage_error);
    CHECK_THROWS_AS(deploy::network(deploy::compile(net, {.length = 64, .outputs = {"stages.1", "logits"}})),
                    usage_error);
}

TEST_CASE("network: a program teaches") {
    const model::network<float> teacher(model::preset("har_nano"), generator(1));
    const model::network<float> student(model::preset("har_nano", 0.5), generator(2));
    const deploy::network fast(deploy::compile(teacher, {.length = 64, .outputs = {"all"}}));
    const shape window{1, 64, 9};
    CHECK(distill::common_lengths(fast, student, window, window) ==
          distill::common_lengths(teacher, student, window, window));
}

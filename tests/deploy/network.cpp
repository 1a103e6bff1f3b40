// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/network.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/distill/distiller.hpp"
#include "smldist/model/network.hpp"

using namespace smldist;

TEST_CASE("network: a program is called like the network it was compiled from") {
    auto c = model::preset("har_nano");
    c.head = model::memory_head{};
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

TEST_CASE("network: a program teaches like its network on any number of threads") {
    model::network_config c = model::preset("har_nano");
    c.head = model::memory_head{};
    model::network<float> teacher(c, generator(1));
    disturb(teacher, 2);
    c = model::preset("har_nano", 0.5);
    c.head = model::memory_head{};
    model::network<float> student(c, generator(2));
    student.take_memory(teacher, model::memory_transfer::copy_slow);
    const deploy::network fast(deploy::compile(teacher, {.batch = 32, .length = 128, .outputs = {"all"}}));

    const data::train_test set = data::synthetic({.users = 2, .test_users = 1, .seconds = 20});
    const normaliser normal = data::fit_normaliser(set.train, normaliser_kind::zscore);
    data::loader_options o;
    o.batch = 32;
    data::loader loader(set.train, o, normal, generator(3));
    data::batch batch;
    REQUIRE(loader.next(batch));
    REQUIRE(batch.size() == 32);
    const shape window{32, 128, 9};
    CHECK(distill::common_lengths(fast, student, window, window) ==
          distill::common_lengths(teacher, student, window, window));

    const auto losses = [&](const auto& by) {
        distill::distiller objective(by, student, distill::calibrate(by, set.train, normal), {}, window,
                                     generator(4));
        tape<float> t;
        return objective(t, student(t.input(batch.x), mode::eval), batch, 0).terms;
    };
    const auto want = losses(teacher);
    REQUIRE(want["soft"] > 0);
    REQUIRE(want["stage"] > 0);
    REQUIRE(want["memory"] > 0);
    const std::size_t before = threads();
    std::vector<double> first;
    for (const std::size_t n : {1u, 2u, 3u}) {
        CAPTURE(n);
        set_threads(n);
        const auto got = losses(fast);
        CHECK(got["hard"] == doctest::Approx(want["hard"]).epsilon(1e-5));
        CHECK(got["soft"] == doctest::Approx(want["soft"]).epsilon(1e-5));
        CHECK(got["stage"] == doctest::Approx(want["stage"]).epsilon(1e-5));
        CHECK(got["memory"] == doctest::Approx(want["memory"]).epsilon(1e-5));
        if (first.empty()) first = {got["hard"], got["soft"], got["stage"], got["memory"]};
        CHECK(first == std::vector<double>{got["hard"], got["soft"], got["stage"], got["memory"]});
    }
    set_threads(before);
}

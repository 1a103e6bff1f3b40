// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/plan.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/op/linear.hpp"

using namespace smldist;

namespace {

/// x (1, 8, 6) → one op → logits.
deploy::source one_op(graph::node op) {
    deploy::source s;
    graph::node x;
    x.what = graph::kind::input;
    x.name = "x";
    x.shape = {1, 8, 6};
    s.graph.nodes = {x, std::move(op)};
    s.graph.outputs = {{"logits", 1}};
    s.values.resize(2);
    return s;
}

} // namespace

TEST_CASE("plan: the error names an op that programs do not support") {
    graph::node op;
    op.name = "fourier";
    op.shape = {1, 8, 6};
    op.inputs = {0};
    const deploy::options o{.length = 8, .channels = 6};
    CHECK_THROWS_WITH_AS(deploy::plan(one_op(op), o),
                         "deploy::compile: node 1 is the op \"fourier\", which programs do not know", usage_error);
    auto s = one_op(op);
    s.from_file = true;
    CHECK_THROWS_WITH_AS(deploy::plan(std::move(s), o),
                         "model file: graph: node 1 is the op \"fourier\", which programs do not know", data_error);
}

TEST_CASE("plan: a graph whose shapes or inputs or outputs do not fit is refused") {
    const deploy::options o{.length = 8, .channels = 6};
    graph::node op;
    op.name = "relu";
    op.shape = {1, 8, 6};
    op.inputs = {0};
    CHECK(deploy::plan(one_op(op), o).outputs()[0].size == 48);
    const auto throws = [&](auto edit, const deploy::options& with) {
        auto s = one_op(op);
        s.from_file = true;
        edit(s);
        CHECK_THROWS_AS(deploy::plan(std::move(s), with), data_error);
    };
    throws([](auto& s) { s.graph.nodes[1].shape = {1, 8, 7}; }, o);
    throws([](auto& s) { s.graph.nodes[1].shape = {2, 8, 6}; }, o);
    throws([](auto& s) { s.graph.nodes[1].inputs = {}; }, o);
    throws([](auto& s) { s.graph.nodes[1].inputs = {1}; }, o);
    throws([](auto& s) { s.graph.nodes[1].inputs = {7}; }, o);
    throws([](auto& s) { s.graph.nodes[1].name = "conv1d"; }, o);
    throws([](auto& s) { s.graph.nodes[1].name = "clamp"; }, o);
    throws([](auto& s) { s.graph.nodes[0].what = graph::kind::parameter; }, o);
    throws([](auto& s) { s.graph.outputs[0].second = 2; }, o);
    throws([](auto& s) { s.graph.outputs[0].first = "feature"; }, o);
    throws([](auto&) {}, {.length = 9, .channels = 6});
    throws([](auto&) {}, {.length = 8, .channels = 5});
}

TEST_CASE("plan: a normaliser is its own step unless a convolution follows") {
    const probe net([](const auto& x, const auto& w) { return op::linear(x, w[0], w[1]); }, {{5, 6}, {5}});
    const normaliser n{normaliser_kind::zscore, {1, 2, 3, 4, 5, 6}, {2, 2, 2, 2, 2, 0}, {}, {}};
    const auto x = noise({3, 8, 6}, 1);
    auto normal = x;
    n.apply(normal.data(), 24);
    const auto p = deploy::compile(net, {.batch = 2, .length = 8, .channels = 6, .normaliser = n});
    CHECK(p.report().rows[0].step == "normalise");
    same_outputs(p, x, net(normal, mode::eval));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/plan.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"

using namespace smldist;

namespace {

template <class F> void refuses(F f, std::string_view what, const std::vector<shape>& weights = {}) {
    try {
        deploy::compile(probe<F>(f, weights), {.length = 8, .channels = 6});
        FAIL("expected a usage_error about ", what);
    } catch (const usage_error& e) {
        CHECK_MESSAGE(std::string_view(e.what()).find(what) != std::string::npos, e.what());
    }
}

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

TEST_CASE("plan: what depends on constants alone is computed once") {
    const auto p = check_op(
        [](const auto& x, const auto& w) {
            const auto a = op::exp(op::clamp(op::lift(x, w[0]), -1, 1));
            return op::matmul(x, op::mul(a, op::lift(x, w[1])));
        },
        8, 6, {{6, 4}, {4}});
    const auto r = p.report();
    REQUIRE(r.rows.size() == 1);
    CHECK(r.rows[0].ops == "matmul");
    CHECK(r.weight_bytes == kernel::packed_size<float>(4, 6) * sizeof(float));
}

TEST_CASE("plan: ops that mix the windows of a batch are refused") {
    refuses([](const auto& x, const auto&) { return op::sum(x); }, "(sum): it mixes the windows");
    refuses([](const auto& x, const auto&) { return op::mean(x, {.axis = 0}); }, "(mean): it mixes");
    refuses([](const auto& x, const auto&) { return op::slice(x, 0, 0, 1); }, "(slice): it mixes");
    refuses([](const auto& x, const auto&) { return op::reshape(x, {8, 6}); }, "(reshape): it mixes");
    refuses([](const auto& x, const auto&) { return op::add(x, op::mean_over_time(x)); }, "(add): it mixes");
    refuses([](const auto& x, const auto& w) { return op::add(x, w[0]); }, "(add): it mixes", {{2, 8, 6}});
    refuses([](const auto& x, const auto&) { return op::matmul(op::mean_over_time(x), x, {.transpose_b = true}); },
            "(matmul): it mixes");
}

TEST_CASE("plan: an op that programs do not know is named") {
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

TEST_CASE("plan: a graph whose shapes, inputs or outputs do not fit is refused") {
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

TEST_CASE("plan: a normaliser before anything but a convolution is a step of its own") {
    const probe net([](const auto& x, const auto& w) { return op::linear(x, w[0], w[1]); }, {{5, 6}, {5}});
    const normaliser n{normaliser_kind::zscore, {1, 2, 3, 4, 5, 6}, {2, 2, 2, 2, 2, 0}, {}, {}};
    const auto x = noise({3, 8, 6}, 1);
    auto normal = x;
    n.apply(normal.data(), 24);
    const auto p = deploy::compile(net, {.batch = 2, .length = 8, .channels = 6, .normaliser = n});
    CHECK(p.report().rows[0].step == "normalise");
    same_outputs(p, x, net(normal, mode::eval));
}

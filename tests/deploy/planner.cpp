// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/planner.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/op/pointwise.hpp"

using namespace smldist;

TEST_CASE("planner: a chain of maps runs in place, and its arena is one value") {
    const auto p = check_op([](const auto& x, const auto&) { return op::relu(op::exp(op::tanh(x))); }, 8, 16);
    CHECK(p.arena_size() == 8 * 128);
    CHECK(p.slice() == 8);
    const auto one = check_op([](const auto& x, const auto&) { return op::relu(x); }, 8, 16);
    CHECK(one.arena_size() == p.arena_size());
}

TEST_CASE("planner: slices are as many windows as fit the cache, 8 to 32, and never more than the batch") {
    const probe net([](const auto& x, const auto&) { return op::relu(x); }, {});
    const auto slice = [&](std::size_t batch, std::size_t length) {
        return deploy::compile(net, {.batch = batch, .length = length, .channels = 16}).slice();
    };
    CHECK(slice(1, 16) == 1);
    CHECK(slice(5, 16) == 5);
    CHECK(slice(500, 16) == 32);
    CHECK(slice(500, 256) == 24);
    CHECK(slice(500, 65536) == 8);
}

TEST_CASE("planner: attributes are read as whole numbers and reals, and must be there") {
    const auto made = [](bool from_file) {
        deploy::source s;
        s.graph.nodes.resize(2);
        s.graph.nodes[0].what = graph::kind::input;
        s.graph.nodes[1].name = "op";
        s.graph.nodes[1].inputs = {0};
        s.graph.nodes[1].attributes = {{"a", std::int64_t(3)}, {"b", 2.0}, {"c", 2.5}, {"d", -1.0}};
        s.graph.outputs = {{"logits", 1}};
        s.from_file = from_file;
        return deploy::detail::planner(std::move(s), {});
    };
    const auto p = made(false);
    CHECK(p.size(1, "a") == 3);
    CHECK(p.size(1, "b") == 2);
    CHECK(p.number(1, "c") == 2.5);
    CHECK_THROWS_AS(p.size(1, "c"), usage_error);
    CHECK_THROWS_AS(p.size(1, "d"), usage_error);
    CHECK_THROWS_AS(p.number(1, "e"), usage_error);
    CHECK_THROWS_AS(made(true).number(1, "e"), data_error);
}

TEST_CASE("planner: the graph of a file must have logits, whatever outputs are wanted") {
    const auto made = [](bool from_file) {
        deploy::source s;
        s.graph.nodes.resize(1);
        s.graph.nodes[0].what = graph::kind::input;
        s.graph.outputs = {{"feature", 0}};
        s.from_file = from_file;
        return deploy::detail::planner(std::move(s), {.outputs = {"feature"}});
    };
    CHECK_NOTHROW(made(false));
    CHECK_THROWS_AS(made(true), data_error);
}

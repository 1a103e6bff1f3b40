// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/builder.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/op/pointwise.hpp"

using namespace smldist;

TEST_CASE("builder: a chain of maps runs in place with an arena of one value") {
    const auto p = check_op([](const auto& x, const auto&) { return op::relu(op::exp(op::tanh(x))); }, 8, 16);
    CHECK(p.arena_size() == 8 * 128);
    CHECK(p.slice() == 8);
    const auto one = check_op([](const auto& x, const auto&) { return op::relu(x); }, 8, 16);
    CHECK(one.arena_size() == p.arena_size());
}

TEST_CASE("builder: a constant is copied into the weights once when a step first reads it") {
    deploy::source s;
    s.graph.nodes.resize(3);
    s.graph.nodes[0].what = s.graph.nodes[1].what = graph::kind::input;
    s.graph.nodes[0].shape = s.graph.nodes[1].shape = {1, 2, 3};
    s.graph.nodes[2].what = graph::kind::constant;
    s.graph.nodes[2].shape = {2};
    const std::vector<float> values{5, 7};
    s.values = {{}, {}, values};
    deploy::annotated_graph g{std::move(s), std::vector<deploy::note>(3), {}, {}};
    g.notes[2].constant = true;
    deploy::builder b(g, {});
    const auto first = b.read(2);
    CHECK(first.where == runtime::place::weights);
    CHECK(first.step == 0); // one value serves all samples
    CHECK(b.read(2) == first);
    CHECK(b.weight_block().size() == 2);
    CHECK(*b.data(first) == 5);
    const auto next = b.weights(std::vector<float>{1});
    CHECK(next.offset == 16); // a cache line of its own
    CHECK_FALSE(b.weights(std::vector<float>{}));
    const auto x = b.fresh(6), own = b.scratch(4);
    CHECK(x.step == 6);
    CHECK(own.step == 0);
    CHECK(b.sizes() == std::vector<std::size_t>{6, 4});
    b.define(0, x);
    g.notes[0].last_use = 5;
    CHECK(b.over(5, 0) == x);
    CHECK_FALSE(b.over(4, 0) == x); // node 5 reads it later
    b.define(1, x);                 // the same value under another shape, which node 7 reads
    g.notes[1].last_use = 7;
    CHECK_FALSE(b.over(5, 0) == x);
}

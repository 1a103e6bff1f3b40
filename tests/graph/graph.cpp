// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/graph/graph.hpp"

#include <doctest/doctest.h>

using namespace smldist;

TEST_CASE("graph: an empty one costs nothing, a symbol is empty until it belongs to a graph") {
    const graph g;
    CHECK(g.nodes.empty());
    CHECK(g.macs() == 0);
    const symbol s;
    CHECK(s.empty());
}

TEST_CASE("symbol: inputs and appended nodes, in order") {
    graph g;
    const auto x = symbol::input(g, "samples", {1, 128, 9});
    CHECK(x.id == 0);
    CHECK_FALSE(x.empty());
    CHECK(x.shape() == shape{1, 128, 9});
    CHECK(g.nodes[0].what == graph::kind::input);
    CHECK(g.nodes[0].name == "samples");

    graph::node n;
    n.name = "conv1d";
    n.shape = {1, 64, 16};
    n.inputs = {x.id};
    n.macs = 1000;
    n.attributes = {{"stride", std::int64_t(2)}, {"eps", 1e-5}, {"shape", std::string("(4)")}};
    const auto y = symbol::append(g, n);
    CHECK(y.id == 1);
    CHECK(y.owner == &g);
    CHECK(y.shape() == shape{1, 64, 16});
    CHECK(g.nodes[1].what == graph::kind::op);
    CHECK(g.nodes[1].attributes[0].value.number == 2);
    n.macs = 234;
    symbol::append(g, n);
    CHECK(g.macs() == 1234);
}

TEST_CASE("symbol: a parameter or buffer has one node, found by its address") {
    graph g;
    const int weight = 0, mean = 0;
    const auto a = symbol::reference(g, graph::kind::parameter, &weight, {4, 3});
    const auto b = symbol::reference(g, graph::kind::buffer, &mean, {4});
    const auto again = symbol::reference(g, graph::kind::parameter, &weight, {4, 3});
    CHECK(again.id == a.id);
    CHECK(b.id != a.id);
    CHECK(g.nodes.size() == 2);
    CHECK(g.nodes[a.id].address == &weight);
    CHECK(g.nodes[b.id].what == graph::kind::buffer);
    // an input has no address and is never mistaken for a reference
    symbol::input(g, "x", {4});
    CHECK(symbol::reference(g, graph::kind::buffer, &mean, {4}).id == b.id);
}

TEST_CASE("graph: a copy is independent") {
    graph g;
    symbol::input(g, "x", {2});
    g.outputs.emplace_back("logits", 0u);
    graph copy = g;
    symbol::input(copy, "y", {3});
    CHECK(g.nodes.size() == 1);
    CHECK(copy.outputs[0].first == "logits");
}

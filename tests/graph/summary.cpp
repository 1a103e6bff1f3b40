// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/graph/summary.hpp"

#include <doctest/doctest.h>

using namespace smldist;

namespace {

/// x (2, 4) → a (2, 8) with weight w → b (2, 8) → c = b + a
struct sample {
    graph g;
    int w = 0;

    sample() {
        const auto x = symbol::input(g, "x", {2, 4});
        const auto weight = symbol::reference(g, graph::kind::parameter, &w, {8, 4});
        g.nodes[weight.id].tensor = "first.weight";
        const auto op = [&](std::string name, shape s, std::vector<std::uint32_t> inputs, std::uint64_t macs) {
            graph::node n;
            n.name = std::move(name);
            n.shape = s;
            n.inputs = std::move(inputs);
            n.macs = macs;
            return symbol::append(g, std::move(n));
        };
        const auto a = op("linear", {2, 8}, {x.id, weight.id}, 64);
        const auto b = op("relu", {2, 8}, {a.id}, 0);
        const auto c = op("linear", {2, 8}, {b.id, weight.id}, 64);
        g.outputs.emplace_back("y", op("add", {2, 8}, {c.id, a.id}, 0).id);
    }
};

} // namespace

TEST_CASE("a summary counts a shared parameter once and every MAC") {
    const sample s;
    const summary t = summarise(s.g);
    REQUIRE(t.rows.size() == 4);
    CHECK(t.parameters == 32);
    CHECK(t.macs == 128);
    CHECK(t.rows[0].parameters == 32);
    CHECK(t.rows[2].parameters == 0);
    CHECK(t.rows[0].layer == "first");
    CHECK(t.rows[1].op == "relu");
    CHECK(t.rows[1].bytes == 64);
    CHECK(t.macs == s.g.macs());
}

TEST_CASE("peak bytes follow the lifetimes") {
    const sample s;
    // a (64) lives to the end; while c is made, a, b and c are alive: 192 bytes. x (32) dies with a.
    CHECK(summarise(s.g).peak_bytes == 192);
    CHECK(summarise(s.g, 1).peak_bytes == 48);
}

TEST_CASE("the table and the drawing name every op") {
    const sample s;
    const std::string table = text(summarise(s.g));
    for (const char* word : {"layer", "first", "linear", "relu", "add", "(2, 8)", "total", "peak 192"})
        CHECK_MESSAGE(table.find(word) != std::string::npos, word);
    const std::string dot = to_dot(s.g);
    for (const char* word : {"digraph network {", "n0 -> n2", "n2 -> n3", "n2 -> n5", "n5 -> \"y\"", "first"})
        CHECK_MESSAGE(dot.find(word) != std::string::npos, word);
}

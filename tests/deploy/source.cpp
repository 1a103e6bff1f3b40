// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/source.hpp"

#include <doctest/doctest.h>

using namespace smldist;

TEST_CASE("source: an error in a graph is a data_error for a file and otherwise a usage_error") {
    deploy::source s;
    s.graph.nodes.resize(1);
    s.graph.nodes[0].name = "relu";
    CHECK_NOTHROW(s.require(true, 0, "it is too large"));
    CHECK_THROWS_WITH_AS(s.require(false, 0, "it is too large"), "deploy::compile: node 0 (relu): it is too large",
                         usage_error);
    s.from_file = true;
    CHECK_THROWS_WITH_AS(s.fail("number of nodes is ", 3), "model file: graph: number of nodes is 3", data_error);
}

TEST_CASE("source: values that it owns are taken from the budget") {
    budget room("model file", 0, 4000);
    deploy::source s;
    s.room = &room;
    float* const values = s.allocate(100);
    values[99] = 1;
    CHECK(s.own.size() == 1);
    CHECK(room.used() >= 400);
    CHECK_THROWS_AS(s.allocate(1000), data_error);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/graph/json.hpp"

#include "../raises.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"

using namespace smldist;

namespace {

io::json sample() {
    graph g;
    const parameter<float> p{tensor<float>(shape{3})};
    const auto x = symbol::input(g, "x", {1, 4, 3});
    const auto y = op::mul(op::mean(op::clamp(x, -0.5, 2), {.axis = 1}), p);
    g.nodes[y.id - 1].tensor = "scale";
    g.outputs.emplace_back("logits", op::reshape(y, {1, 3, 1}).id);
    return to_json(g);
}

std::string edited(const std::string& from, const std::string& to) {
    std::string text = sample().dump();
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

graph read(const std::string& text, std::size_t memory = 1 << 20) {
    budget room("file", 0, memory);
    return read_graph(io::json::parse(text), room);
}

} // namespace

TEST_CASE("json: a graph is read as it was written") {
    const io::json j = sample();
    const graph g = read(j.dump());
    CHECK(io::json::parse(j.dump()).at("nodes").as_array().size() == g.nodes.size());
    REQUIRE(g.nodes[1].attributes.size() == 2);
    CHECK(g.nodes[1].attributes[0].name == "low");
    CHECK(g.nodes[1].attributes[0].value.number == -0.5);
    CHECK(g.nodes[2].attributes[0].value.number == 1); // a whole number may come back as either kind
    CHECK(g.nodes[2].inputs == std::vector<std::uint32_t>{1});
    CHECK(g.nodes[5].attributes[0].value.text == "(1, 3, 1)");
    REQUIRE(g.nodes.size() == 6);
    CHECK(g.nodes[0].name == "x");
    CHECK(g.nodes[3].what == graph::kind::parameter);
    CHECK(g.nodes[3].tensor == "scale");
    CHECK(g.nodes[5].shape == shape{1, 3, 1});
    CHECK(g.outputs[0] == std::pair<std::string, std::uint32_t>("logits", 5));
}

TEST_CASE("json: errors name what is wrong with a graph") {
    CHECK_RAISES(data_error, "kind of node 0 is", read(edited("\"kind\":\"input\"", "\"kind\":\"door\"")));
    CHECK_RAISES(data_error, "a shape is out of range", read(edited("[1,4,3]", "[1,16777217,3]")));
    CHECK_RAISES(data_error, "a shape is out of range", read(edited("[1,4,3]", "[0,16777216,2]")));
    CHECK_RAISES(data_error, "an input of node 1 is 1, expected a node before it",
                 read(edited("\"inputs\":[0]", "\"inputs\":[1]")));
    CHECK_RAISES(data_error, "number of inputs of node 1 is 17",
                 read(edited("\"inputs\":[0]", "\"inputs\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]")));
    CHECK_RAISES(data_error, "an output is node 6, expected less than 6", read(edited("\"node\":5", "\"node\":6")));
    CHECK_RAISES(data_error, "memory with its graph", read(sample().dump(), 600));
    std::string nodes;
    for (std::size_t i = 0; i <= graph::most_nodes; ++i) nodes += (i ? ",{}" : "{}");
    CHECK_RAISES(data_error, "number of nodes is 16385", read("{\"nodes\":[" + nodes + "],\"outputs\":[]}"));
}

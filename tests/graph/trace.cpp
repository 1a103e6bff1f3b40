// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/graph/trace.hpp"

#include <doctest/doctest.h>

#include "smldist/nn/linear.hpp"
#include "smldist/op/reduce.hpp"

using namespace smldist;

namespace {

struct net {
    nn::linear<float> first, second;
    net() {
        generator g(1);
        first = nn::linear<float>(3, 4, g);
        second = nn::linear<float>(4, 2, g);
    }
    template <class X> outputs<X> operator()(const X& x, mode) const {
        outputs<X> out;
        out.stages.push_back(first(x));
        out.feature = op::mean_over_time(out.stages[0]);
        out.logits = second(out.feature);
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("first", self.first);
        member("second", self.second);
    }
};

} // namespace

TEST_CASE("trace: outputs that the network has, and the paths of its tensors") {
    const net n;
    const graph g = trace(n, {1, 8, 3});
    std::string outputs, tensors;
    for (const auto& [name, id] : g.outputs) outputs += name + g.nodes[id].shape.text() + " ";
    for (const auto& node : g.nodes) tensors += node.tensor.empty() ? "" : node.tensor + " ";
    CHECK(outputs == "stages.0(1, 8, 4) feature(1, 4) logits(1, 2) ");
    CHECK(tensors == "first.weight first.bias second.weight second.bias ");
    const net copy;
    graph other = g;
    for (auto& node : other.nodes) node.tensor.clear();
    name_tensors(other, copy); // of another network
    for (const auto& node : other.nodes) CHECK(node.tensor.empty());
}

TEST_CASE("shapes_of: what the network returns, of a head under search and of a memory too") {
    const auto own = shapes_of(net(), shape{2, 8, 3});
    REQUIRE(own.stages.size() == 1);
    CHECK(own.stages[0] == shape{2, 8, 4});
    CHECK(own.feature == shape{2, 4});
    CHECK(own.memory.scores.rank() == 0);
    CHECK(own.logits == shape{2, 2});

    const auto all = [](const symbol& x, mode) {
        outputs<symbol> out;
        out.memory = {op::mean_over_time(x), x};
        out.candidates = {x, op::mean_over_time(x)};
        return out;
    };
    const auto others = shapes_of(all, shape{2, 8, 3});
    CHECK(others.stages.empty());
    CHECK(others.memory.scores == shape{2, 3});
    CHECK(others.memory.retrieved == shape{2, 8, 3});
    CHECK(others.candidates.logits == shape{2, 8, 3});
    CHECK(others.candidates.weights == shape{2, 3});
    CHECK(others.logits.rank() == 0);
}

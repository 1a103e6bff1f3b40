// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/graph/visit.hpp"

#include "../raises.hpp"
#include "smldist/op/conv1d.hpp"
#include "smldist/op/hopfield.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"

using namespace smldist;

namespace {

/// A backend: the graph as text, one line per op. An op without overload is left to `unknown`.
struct printer {
    std::string text;
    template <class S> void operator()(const S&) { text += std::string(S::name) + "\n"; }
    void operator()(const spec::conv1d& s) {
        text += "conv1d with stride " + std::to_string(s.stride) + (s.causal ? ", causal\n" : "\n");
    }
    template <activation F> void operator()(const spec::elementwise<F>&) {
        text += "y = " + std::string(name_of(F)) + "(x)\n";
    }
};

} // namespace

TEST_CASE("visit: a set of overloads prints a graph") {
    graph g;
    const tensor<float> w(shape{4, 3, 5}), none;
    const auto x = symbol::input(g, "x", {1, 16, 3});
    const auto y = op::relu(op::conv1d(x, w, none, {.stride = 2, .causal = true}));
    static_cast<void>(op::mean(op::flatten(y), {.axis = 1}));
    printer p;
    for (std::size_t id = 0; id < g.nodes.size(); ++id)
        if (g.nodes[id].what == graph::kind::op) CHECK(visit(g, id, p));
    CHECK(p.text == "conv1d with stride 2, causal\ny = relu(x)\nflatten\nmean\n");
    g.nodes.back().name = "fourier";
    CHECK_FALSE(visit(g, g.nodes.size() - 1, p));
}

TEST_CASE("visit: shape and cost of a node are those of the description for its inputs") {
    graph g;
    const tensor<float> w(shape{4, 3, 5}), none, keys(shape{7, 4}), beta{1};
    const auto y = op::conv1d(symbol::input(g, "x", {1, 16, 3}), w, none, {.padding = 2});
    static_cast<void>(op::hopfield(y, keys, beta, {.updates = 2}));
    for (std::size_t id = 0; id < g.nodes.size(); ++id)
        if (g.nodes[id].what == graph::kind::op)
            CHECK(visit(g, id, [&](const auto& s) {
                CHECK(infer_node(s, g, id) == g.nodes[id].shape);
                CHECK(macs_of_node(s, g, id) == g.nodes[id].macs);
            }));
    CHECK(g.nodes.back().macs > 0);
    const auto s = describe<spec::hopfield>(g, g.nodes.size() - 1);
    CHECK(s.updates == 2);
    g.nodes.back().inputs.pop_back();
    CHECK_RAISES(data_error, "(hopfield): number of inputs is 2, expected 3", infer_node(s, g, g.nodes.size() - 1));
}

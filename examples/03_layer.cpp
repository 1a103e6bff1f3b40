// SPDX-License-Identifier: BSD-3-Clause
/// 03: a layer is a plain value with one generic call. It works in three worlds and cannot tell in which one it is.
#include <cstdio>
#include <string>

#include "smldist/graph/summary.hpp"
#include "smldist/model/load.hpp"
#include "smldist/nn/conv1d.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"

using namespace smldist;

/// A classifier of windows (B, L, 6) of our own: members, a call, and a visit that names the members.
struct tiny_classifier {
    nn::conv1d<float> conv;
    nn::linear<float> head;

    explicit tiny_classifier(generator g) : conv(6, 8, 5, g, {.stride = 2, .padding = 2}), head(8, 3, g) {}

    template <class X> X operator()(const X& x) const { return head(op::mean_over_time(op::relu(conv(x)))); }

    static void visit(auto& self, auto&& member) {
        member("conv", self.conv);
        member("head", self.head);
    }
};

int main() {
    const tiny_classifier net(generator(0));
    tensor<float> x(shape{4, 64, 6});
    generator noise(1);
    for (float& v : x) v = static_cast<float>(noise.normal());

    const tensor<float> computed = net(x); // tensor: inference
    tape<float> t;
    const var<float> recorded = net(t.input(x)); // var: computes the same and records
    graph g;
    const symbol traced = net(symbol::input(g, "x", x.shape())); // symbol: computes nothing, writes the graph

    const bool same = identical(computed, recorded.value());
    std::printf("tensor and var agree bit for bit: %s; shape %s, traced %s\n", same ? "yes" : "no",
                computed.shape().text().c_str(), traced.shape().text().c_str());

    name_tensors(g, net);
    // The trace knows shapes, parameters and multiply-accumulates of the batch.
    std::printf("\n%s\n", text(summarise(g)).c_str());

    // visit gives every parameter a name, the one it has in a model file.
    walk(net, [](const std::string& path, const auto& leaf) {
        std::printf("%-12s %s\n", path.c_str(), leaf.shape().text().c_str());
    });

    const std::size_t expected_macs = 4 * (32 * 8 * 6 * 5 + 8 * 3);
    return same && traced.shape() == computed.shape() && g.macs() == expected_macs ? 0 : 1;
}

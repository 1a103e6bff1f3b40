// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/fuse.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/nn/conv_norm.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/conv1d.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"

using namespace smldist;

namespace {

/// Two convolutions with batch-norm, and a function that joins them.
template <class F> struct two {
    nn::conv_norm<float> a, b;
    F f;

    two(F function, nn::activation act) : f(function) {
        generator g(1);
        a = nn::conv_norm<float>(4, 6, 3, g, {.activation = act});
        b = nn::conv_norm<float>(6, 6, 1, g, {.activation = act});
    }
    template <class X> outputs<X> operator()(const X& x, mode) const {
        outputs<X> out;
        out.logits = f(*this, x, out);
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("a", self.a);
        member("b", self.b);
    }
};

/// The ops of each step, after the outputs were compared.
template <class F> std::vector<std::string> steps_of(F f, nn::activation act = nn::activation::none) {
    two<F> net(f, act);
    disturb(net, 2);
    const auto x = noise({3, 12, 4}, 3);
    const auto p = deploy::compile(net, {.batch = 2, .length = 12, .channels = 4, .outputs = {"all"}});
    same_outputs(p, x, net(x, mode::eval));
    std::vector<std::string> ops;
    for (const auto& row : p.report().rows) ops.push_back(row.ops);
    return ops;
}

using list = std::vector<std::string>;

} // namespace

TEST_CASE("fuse: batch-norm and residual and activation are fused in the order of the graph") {
    CHECK(steps_of([](auto& n, const auto& x, auto&) { return n.b(n.a(x)); }, nn::activation::relu) ==
          list{"conv1d + batch_norm + relu", "conv1d + batch_norm + relu"});
    CHECK(steps_of([](auto& n, const auto& x, auto&) {
              const auto h = n.a(x);
              return op::hard_swish(op::add(n.b(h), h));
          }) == list{"conv1d + batch_norm", "conv1d + batch_norm + add + hard_swish"});
    CHECK(steps_of([](auto& n, const auto& x, auto&) {
              const auto h = n.a(x);
              return op::add(h, n.b(h));
          }) == list{"conv1d + batch_norm", "conv1d + batch_norm + add"});
    CHECK(steps_of(
              [](auto& n, const auto& x, auto&) {
                  const auto h = n.a(x);
                  return op::add(n.b(h), h);
              },
              nn::activation::relu) == list{"conv1d + batch_norm + relu", "conv1d + batch_norm + relu", "add"});
}

TEST_CASE("fuse: outputs and values read twice and later values are not fused") {
    CHECK(steps_of([](auto& n, const auto& x, auto& out) {
              out.feature = n.a.conv(x);
              return n.b(n.a.norm(out.feature));
          }) == list{"conv1d", "batch_norm", "conv1d + batch_norm"});
    CHECK(steps_of([](auto& n, const auto& x, auto&) {
              const auto h = n.a(x);
              return op::mul(op::relu(h), h);
          }) == list{"conv1d + batch_norm", "relu", "mul"});
    CHECK(steps_of([](auto& n, const auto& x, auto&) {
              const auto h = n.a(x);
              return op::add(h, h);
          }) == list{"conv1d + batch_norm", "add"});
    CHECK(steps_of([](auto& n, const auto& x, auto&) {
              const auto h = n.a(x), early = n.b(h), late = op::relu(h);
              return op::relu(op::add(early, late));
          }) == list{"conv1d + batch_norm", "conv1d + batch_norm", "relu", "add + relu"});
    CHECK(steps_of([](auto& n, const auto& x, auto&) { return op::relu(n.b.norm(op::scale(n.b(n.a(x)), 2))); }) ==
          list{"conv1d + batch_norm", "conv1d + batch_norm", "affine", "batch_norm + relu"});
}

TEST_CASE("fuse: linear maps fuse their activation") {
    const auto p = check_op([](const auto& x, const auto& w) { return op::relu(op::linear(x, w[0], w[1])); }, 5, 4,
                            {{6, 4}, {6}});
    CHECK(p.report().rows[0].ops == "linear + relu");
}

TEST_CASE("fuse: a pointwise convolution applies the gate and activation of its input") {
    const auto net = [](bool then_selu, std::size_t K, std::size_t stride) {
        return [=](const auto& x, const auto& w) {
            const auto gated = op::gate(op::exp(x), op::mean_over_time(x));
            const op::conv1d_options o{.stride = stride, .padding = K / 2};
            return op::relu(op::conv1d(then_selu ? op::selu(gated) : gated, w[0], w[1], o));
        };
    };
    for (const std::size_t length : {1u, 5u, 16u, 40u})
        for (const bool then_selu : {false, true}) {
            CAPTURE(then_selu);
            CAPTURE(length);
            const auto rows = check_op(net(then_selu, 1, 1), length, 5, {{6, 5, 1}, {6}}).report().rows;
            CHECK(rows.back().ops == (then_selu ? "gate + selu + conv1d + relu" : "gate + conv1d + relu"));
        }
    check_op(net(true, 1, 2), 9, 5, {{6, 5, 1}, {6}});
    CHECK(check_op(net(false, 3, 1), 9, 5, {{6, 5, 3}, {6}}).report().rows.back().ops == "conv1d + relu");
}

TEST_CASE("fuse: a gate that has another reader is computed") {
    const auto p = check_op(
        [](const auto& x, const auto& w) {
            const auto gated = op::gate(op::exp(x), op::mean_over_time(x));
            return op::concat(op::conv1d(gated, w[0], w[1]), gated, -1);
        },
        9, 5, {{6, 5, 1}, {6}});
    std::size_t gates = 0;
    for (const auto& row : p.report().rows) gates += row.step == "gate";
    CHECK(gates == 1);
}

TEST_CASE("fuse: the pass by itself assigns each op to a step") {
    two net(
        [](auto& n, const auto& x, auto&) {
            const auto h = n.a(x);
            return op::hard_swish(op::add(n.b(h), h));
        },
        nn::activation::none);
    deploy::source s;
    s.graph = trace(net, {1, 12, 4});
    walk(net, [&](const std::string&, const auto& leaf) {
        s.values.resize(s.graph.nodes.size());
        for (std::size_t id = 0; id < s.graph.nodes.size(); ++id)
            if (s.graph.nodes[id].address == &leaf) s.values[id] = {leaf.value.data(), leaf.value.size()};
    });
    const auto g = deploy::annotate(std::move(s), {.length = 12, .channels = 4});
    const auto all = deploy::fuse(g);
    std::vector<std::size_t> owners;
    for (std::size_t id = 0; id < g.size(); ++id)
        if (g.at(id).what == graph::kind::op && !all[id].absorbed) owners.push_back(id);
    REQUIRE(owners.size() == 2);
    const auto &first = all[owners[0]], &second = all[owners[1]];
    CHECK(first.taken.size() == 1);
    CHECK(first.residual == 0);
    CHECK(second.taken.size() == 3); // batch_norm, add, hard_swish
    CHECK(second.residual == first.taken[0]);
    CHECK(second.end == activation::hard_swish);
    CHECK(second.taken.back() == g.size() - 1);
}

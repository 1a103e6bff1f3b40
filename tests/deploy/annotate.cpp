// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/annotate.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/op/conv1d.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"

using namespace smldist;

TEST_CASE("annotate: finds readers and constants and nodes that no output needs") {
    graph g;
    const auto x = symbol::input(g, "x", {1, 8, 6});
    const auto unused = op::exp(x);
    const auto a = op::relu(x), b = op::mean_over_time(a);
    const auto c = op::exp(op::apply(op::pointwise_op<float, activation::tanh>{}, symbol::append(g, [] {
                                         graph::node n;
                                         n.what = graph::kind::constant;
                                         n.shape = {6};
                                         return n;
                                     }())));
    const auto y = op::add(op::add(b, c), b);
    g.outputs = {{"feature", a.id}, {"logits", y.id}};
    std::vector<float> six(6, 1.0F);
    deploy::source s{std::move(g)};
    s.values.resize(s.graph.nodes.size());
    s.values[4] = six;
    REQUIRE(s.graph.nodes[4].what == graph::kind::constant);
    const auto all = deploy::annotate(std::move(s), {.length = 8, .channels = 6, .outputs = {"all"}});
    CHECK(all.outputs == std::vector<std::size_t>{0, 1});
    CHECK_FALSE(all.needed(unused.id));
    CHECK(all.of(x.id).uses == 1);
    CHECK(all.sole_use(x.id) == a.id);
    CHECK(all.of(a.id).uses == 2);
    CHECK(all.of(a.id).last_use == all.size());
    CHECK(all.of(b.id).uses == 2);
    CHECK(all.of(b.id).last_use == y.id);
    CHECK(all.of(c.id).constant);
    CHECK_FALSE(all.of(y.id).constant);
    CHECK(all.of(a.id).what == deploy::role::activation);
    CHECK(all.of(a.id).f == activation::relu);
    CHECK(all.of(b.id).what == deploy::role::mean_over_time);
    CHECK(all.extents(a.id) == shape{8, 6});
    CHECK(all.extents(c.id) == shape{6});
}

TEST_CASE("annotate: tells the kinds of convolutions apart") {
    const auto role_of = [](const shape& w, op::conv1d_options o) {
        graph g;
        const auto x = symbol::input(g, "x", {1, 8, 6});
        const tensor<float> weight(w), bias;
        g.outputs.emplace_back("logits", op::conv1d(x, weight, bias, o).id);
        deploy::source s{std::move(g)};
        s.values.resize(4);
        s.values[1] = {weight.data(), weight.size()};
        const auto all = deploy::annotate(std::move(s), {.length = 8, .channels = 6});
        return std::pair(all.of(3).what, all.of(3).copies_input);
    };
    using enum deploy::role;
    CHECK(role_of({4, 6, 1}, {}) == std::pair(pointwise, false));
    CHECK(role_of({4, 6, 1}, {.stride = 2}).first == convolution);
    CHECK(role_of({6, 1, 3}, {.groups = 6}) == std::pair(depthwise, false));
    CHECK(role_of({12, 1, 3}, {.groups = 6}).first == convolution);
    CHECK(role_of({4, 6, 3}, {}) == std::pair(convolution, true));
    CHECK(role_of({4, 6, 3}, {.dilation = 2}) == std::pair(convolution, false));
}

TEST_CASE("annotate: the graph of a file must have logits for any wanted outputs") {
    const auto made = [](bool from_file) {
        deploy::source s;
        s.graph.nodes.resize(1);
        s.graph.nodes[0].what = graph::kind::input;
        s.graph.nodes[0].shape = {1, 8, 6};
        s.graph.outputs = {{"feature", 0}};
        s.from_file = from_file;
        return deploy::annotate(std::move(s), {.length = 8, .channels = 6, .outputs = {"feature"}});
    };
    CHECK_NOTHROW(made(false));
    CHECK_THROWS_AS(made(true), data_error);
}

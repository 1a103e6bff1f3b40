// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/emit.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/op/softmax.hpp"

using namespace smldist;

namespace {

template <class F> void refuses(F f, std::string_view what, const std::vector<shape>& weights = {}) {
    try {
        deploy::compile(probe<F>(f, weights), {.length = 8, .channels = 6});
        FAIL("expected a usage_error about ", what);
    } catch (const usage_error& e) {
        CHECK_MESSAGE(std::string_view(e.what()).find(what) != std::string::npos, e.what());
    }
}

} // namespace

TEST_CASE("emit: every activation works as its own step and as the end of a product") {
    for (std::size_t i = 0; i < names_of<activation>().size(); ++i) {
        CAPTURE(names_of<activation>()[i]);
        const auto f = static_cast<activation>(i);
        CAPTURE(name_of(f));
        const bool of_positive = f == activation::log || f == activation::sqrt;
        const float offset = of_positive ? 20 : 0;
        check_op([f](const auto& x, const auto&) { return op::activate(op::add_scalar(x, 0.25), f); }, 9, 5, {},
                 offset);
        if (of_positive) continue; // products have both signs
        check_op([f](const auto& x, const auto& w) { return op::activate(op::linear(x, w[0], w[1]), f); }, 3, 5,
                 {{7, 5}, {7}});
    }
}

TEST_CASE("emit: ops that mix the windows of a batch are refused") {
    refuses([](const auto& x, const auto&) { return op::sum(x); }, "(sum): it mixes the windows");
    refuses([](const auto& x, const auto&) { return op::mean(x, {.axis = 0}); }, "(mean): it mixes");
    refuses([](const auto& x, const auto&) { return op::sum(x, {op::all_axes, true}); }, "(sum): it mixes");
    refuses([](const auto& x, const auto&) { return op::slice(x, 0, 0, 1); }, "(slice): it mixes");
    refuses([](const auto& x, const auto&) { return op::reshape(x, {8, 6}); }, "(reshape): it mixes");
    refuses([](const auto& x, const auto&) { return op::add(x, op::mean_over_time(x)); }, "(add): it mixes");
    refuses([](const auto& x, const auto& w) { return op::add(x, w[0]); }, "(add): it mixes", {{2, 8, 6}});
    refuses([](const auto& x, const auto&) { return op::matmul(op::mean_over_time(x), x, {.transpose_b = true}); },
            "(matmul): it mixes");
    refuses([](const auto& x,
               const auto&) { return op::softmax(op::reshape(op::mean(op::mean_over_time(x), {.axis = 1}), {1})); },
            "(softmax): it mixes");
    refuses([](const auto& x, const auto&) { return op::concat(x, x, 0); }, "(concat): it mixes");
}

TEST_CASE("emit: the error names an op that has no step") {
    graph g;
    const auto x = symbol::input(g, "x", {1, 8, 6});
    g.outputs.emplace_back("logits", op::apply(op::dropout_op<float>{{0.5}}, x).id);
    CHECK_THROWS_WITH_AS(deploy::plan(deploy::source{std::move(g)}, {.length = 8, .channels = 6}),
                         "deploy::compile: node 1 is the op \"dropout\", which programs do not know", usage_error);
}

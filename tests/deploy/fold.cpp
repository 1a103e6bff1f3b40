// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/fold.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/op/softmax.hpp"

using namespace smldist;

TEST_CASE("fold: values that depend only on constants are computed once") {
    const auto p = check_op(
        [](const auto& x, const auto& w) {
            const auto a = op::exp(op::clamp(op::lift(x, w[0]), -1, 1));
            return op::matmul(x, op::mul(a, op::lift(x, w[1])));
        },
        8, 6, {{6, 4}, {4}});
    const auto r = p.report();
    REQUIRE(r.rows.size() == 1);
    CHECK(r.rows[0].ops == "matmul");
    CHECK(r.weight_bytes == kernel::packed_size<float>(4, 6) * sizeof(float));
}

TEST_CASE("fold: ops of constants become constants with the ops' values") {
    const auto f = [](const auto& x, const auto& w) {
        const auto a = op::softmax(op::lift(x, w[0]));
        const auto b = op::reshape(op::concat(a, op::lift(x, w[1]), 0), {12});
        return op::mul(x, op::slice(op::scale(b, 2), 0, 1, 7));
    };
    check_op(f, 8, 6, {{2, 4}, {1, 4}});
    const probe net(f, {{2, 4}, {1, 4}});
    deploy::source s;
    s.graph = trace(net, {1, 8, 6});
    s.values.resize(s.graph.nodes.size());
    for (std::size_t id = 0; id < s.values.size(); ++id)
        for (const auto& w : net.w)
            if (s.graph.nodes[id].address == &w) s.values[id] = {w.value.data(), w.value.size()};
    auto g = deploy::annotate(std::move(s), {.length = 8, .channels = 6});
    const std::size_t scaled = g.size() - 3;
    REQUIRE(g.at(scaled).name == "affine");
    CHECK(g.values(scaled).empty());
    deploy::fold(g);
    REQUIRE(g.values(scaled).size() == 12);
    const auto want = op::scale(op::reshape(op::concat(op::softmax(net.w[0].value), net.w[1].value, 0), {12}), 2);
    for (std::size_t i = 0; i < 12; ++i) CHECK(g.values(scaled)[i] == doctest::Approx(double(want[i])).epsilon(1e-6));
    CHECK(g.values(g.size() - 1).empty()); // depends on the window
}

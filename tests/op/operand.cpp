// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/operand.hpp"

#include "check.hpp"

using namespace smldist;

TEST_CASE("around: what lies before, at and behind an axis") {
    const auto v = op::detail::around({2, 3, 4, 5}, 1);
    CHECK(v.outer == 2);
    CHECK(v.n == 3);
    CHECK(v.inner == 20);
}

TEST_CASE("accumulate: writes into an empty sink, adds into another") {
    tensor<double> sink;
    const tensor<double> a{1, 2, 3}, b{10, 20, 30};
    const auto product = [](const auto& p, const auto& q) { return p * q; };
    op::detail::accumulate(sink, {3}, product, a, b);
    CHECK(identical(sink, tensor<double>{10, 40, 90}));
    op::detail::accumulate(sink, {3}, product, a, a);
    CHECK(identical(sink, tensor<double>{11, 44, 99}));
}

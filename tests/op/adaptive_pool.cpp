// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/adaptive_pool.hpp"

#include "check.hpp"

using namespace smldist;

TEST_CASE("adaptive_avg_pool1d: gradients, worlds, trace") {
    for (const auto& x : {shape{2, 7, 3}, shape{1, 1, 9}, shape{2, 8, 1}})
        for (const std::size_t length : {1u, 3u, 4u, 8u, 11u}) {
            CAPTURE(x.text());
            CAPTURE(length);
            check_op(x.text() + " to " + std::to_string(length), {normal(x)},
                     [length](const auto& in) { return op::adaptive_avg_pool1d(in[0], length); });
        }
}

TEST_CASE("adaptive_avg_pool1d: windows share a step where the lengths do not divide") {
    tensor<double> x(shape{1, 5, 2});
    for (std::size_t t = 0; t < 5; ++t) x(0, t, 0) = double(t), x(0, t, 1) = -double(t);
    // 0 ≤ t < 2, 1 ≤ t < 4, 3 ≤ t < 5, as torch.nn.functional.adaptive_avg_pool1d
    CHECK(difference(op::adaptive_avg_pool1d(x, 3), tensor<double>(shape{1, 3, 2}, {0.5, -0.5, 2, -2, 3.5, -3.5}),
                     1e-15) == "");
    CHECK(difference(op::adaptive_avg_pool1d(x, 5), x, 0) == "");
    CHECK(difference(
              op::adaptive_avg_pool1d(x, 10),
              tensor<double>(shape{1, 10, 2}, {0, 0, 0, 0, 1, -1, 1, -1, 2, -2, 2, -2, 3, -3, 3, -3, 4, -4, 4, -4}),
              1e-15) == "");
}

TEST_CASE("adaptive_avg_pool1d: errors") {
    CHECK_RAISES(usage_error, "length is 0", op::adaptive_avg_pool1d(normal({1, 4, 2}), 0));
    CHECK_RAISES(shape_error, "expected (B, L, C)", op::adaptive_avg_pool1d(normal({4, 2}), 2));
    CHECK_RAISES(shape_error, "L >= 1", op::adaptive_avg_pool1d(tensor<double>(shape{1, 0, 2}), 2));
}

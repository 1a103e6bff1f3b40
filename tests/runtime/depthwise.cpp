// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/runtime/depthwise.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/conv1d.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"

using namespace smldist;

TEST_CASE("depthwise: every length, taps and stride, with what follows and the mean over time") {
    for (const std::size_t K : {3u, 5u, 7u})
        for (const std::size_t stride : {1u, 2u, 3u})
            for (const std::size_t length : {1u, 2u, 3u, 4u, 11u, 32u}) {
                CAPTURE(K);
                CAPTURE(stride);
                CAPTURE(length);
                const op::conv1d_options o{.stride = stride, .padding = K / 2, .groups = 45};
                const auto squeeze = [o](auto f) {
                    return [o, f](const auto& x, const auto& w) {
                        const auto y = f(op::conv1d(x, w[0], w[1], o));
                        return op::gate(y, op::mean_over_time(y));
                    };
                };
                const std::vector<shape> weights{{45, 1, K}, {45}};
                const auto none = squeeze([](const auto& y) { return y; });
                CHECK(check_op(none, length, 45, weights).report().rows[0].ops == "conv1d + mean_over_time");
                check_op([o](const auto& x, const auto& w) { return op::conv1d(x, w[0], w[1], o); }, length, 45,
                         {{45, 1, K}, {0}});
                check_op(squeeze([](const auto& y) { return op::relu(y); }), length, 45, weights);
                check_op(squeeze([](const auto& y) { return op::hard_swish(y); }), length, 45, weights);
                check_op(squeeze([](const auto& y) { return op::selu(y); }), length, 45, weights);
            }
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/runtime/image_steps.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/conv2d.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/pool2d.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"

using namespace smldist;

namespace {

constexpr std::size_t H = 7, W = 18, C = 6;

template <class F> runtime::report check_images(F f, const std::vector<shape>& weights = {}) {
    return check_op([f](const auto& x, const auto& w) { return f(op::as_image(x, H, W), w); }, H * W, C, weights)
        .report();
}

} // namespace

TEST_CASE("image_steps: convolutions, dense, grouped, depthwise and pointwise") {
    for (const std::size_t stride : {1u, 2u})
        for (const std::size_t dilation : {1u, 2u})
            for (const std::size_t K : {1u, 3u})
                for (const std::size_t groups : {1u, 2u, 6u}) {
                    INFO("stride ", stride, " dilation ", dilation, " K ", K, " groups ", groups);
                    const op::conv2d_options o{{stride, 1}, K / 2, {1, K == 1 ? 1 : dilation}, groups};
                    const auto r =
                        check_images([o](const auto& x, const auto& w) { return op::conv2d(x, w[0], w[1], o); },
                                     {{6, 6 / groups, K, K}, {6}});
                    const bool pointwise = K == 1 && stride == 1 && groups == 1;
                    CHECK(r.rows[0].step == (pointwise ? "gemm" : groups == 6 ? "depthwise2d" : "conv2d"));
                }
}

TEST_CASE("image_steps: a residual and an activation that needs exp end the step of a convolution") {
    for (const std::size_t groups : {1u, 6u})
        for (const activation f : {activation::relu, activation::selu}) {
            CAPTURE(groups);
            const op::conv2d_options o{.padding = 1, .groups = groups};
            const auto r = check_images(
                [o, f](const auto& image, const auto& w) {
                    const auto x = op::relu(image); // the program's input cannot be a residual
                    return op::activate(op::add(op::conv2d(x, w[0], w[1], o), x), f);
                },
                {{6, 6 / groups, 3, 3}, {6}});
            CHECK(r.rows.size() == 2);
        }
}

TEST_CASE("image_steps: a depthwise convolution also computes the mean") {
    const auto r = check_images(
        [](const auto& x, const auto& w) {
            const auto y = op::hard_swish(op::conv2d(x, w[0], w[1], {.padding = 1, .groups = 6}));
            return op::gate(y, op::sigmoid(op::global_avg_pool(y)));
        },
        {{6, 1, 3, 3}, {6}});
    CHECK(r.rows.size() == 3);
    CHECK(r.rows[0].ops == "conv2d + hard_swish + mean_over_time");
}

TEST_CASE("image_steps: the product behind a gate takes the pixels of a large image in parts") {
    for (const std::size_t side : {16u, 17u}) { // 256 pixels at once, 289 in parts
        CAPTURE(side);
        const auto p = check_op(
            [side](const auto& pixels, const auto& w) {
                const auto x = op::relu(op::as_image(pixels, side, side));
                const auto y = op::conv2d(x, w[0], w[1], {.padding = 1, .groups = 6});
                const auto z = op::gate(y, op::sigmoid(op::global_avg_pool(y)));
                return op::add(op::conv2d(z, w[2], w[1]), x);
            },
            side * side, 6, {{6, 1, 3, 3}, {6}, {6, 6, 1, 1}});
        CHECK(p.report().rows.back().ops == "gate + conv2d + add");
    }
}

TEST_CASE("image_steps: pooling") {
    for (const std::size_t padding : {0u, 1u}) {
        const auto r = check_images([=](const auto& x, const auto&) {
            return op::max_pool2d(x, {3, {2, 1}, padding});
        });
        CHECK(r.rows[0].step == "pool2d");
        for (const bool count : {false, true})
            check_images([=](const auto& x, const auto&) { return op::avg_pool2d(x, {3, {2, 1}, padding, count}); });
    }
}

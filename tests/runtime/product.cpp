// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/runtime/product.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/conv1d.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"

using namespace smldist;

namespace {

template <class X> X convolve(const X& x, const std::vector<parameter<float>>& w, const op::conv1d_options& o) {
    return op::conv1d(x, w[0], w[1], o);
}

} // namespace

TEST_CASE("product: convolutions, dense, grouped, depthwise and pointwise") {
    for (const std::size_t stride : {1u, 2u})
        for (const std::size_t dilation : {1u, 2u})
            for (const std::size_t K : {1u, 3u, 5u, 7u})
                for (const std::size_t groups : {1u, 2u, 6u})
                    for (const bool causal : {false, true}) {
                        CAPTURE(causal);
                        const op::conv1d_options o{stride, causal ? 0 : (K - 1) / 2, dilation, groups, causal};
                        INFO("stride ", stride, " dilation ", dilation, " K ", K, " groups ", groups);
                        const auto p = check_op([o](const auto& x, const auto& w) { return convolve(x, w, o); }, 17,
                                                6, {{6, 6 / groups, K}, {6}});
                        const bool pointwise = K == 1 && stride == 1 && groups == 1;
                        CHECK(p.report().rows[0].step == (pointwise ? "gemm" : groups == 6 ? "depthwise" : "conv"));
                    }
}

TEST_CASE("product: padding that no output sees, one channel, more channels than a block, no bias") {
    const auto conv = [](op::conv1d_options o) {
        return [o](const auto& x, const auto& w) { return convolve(x, w, o); };
    };
    check_op(conv({.stride = 8, .padding = 5}), 9, 3, {{4, 3, 2}, {4}});
    check_op(conv({.padding = 1}), 9, 1, {{1, 1, 3}, {1}});
    check_op(conv({.padding = 2, .groups = 300}), 9, 300, {{300, 1, 5}, {300}});
    check_op(conv({.padding = 1}), 9, 3, {{4, 3, 3}, {0}});
    check_op(conv({.stride = 4, .padding = 9, .groups = 3}), 5, 3, {{3, 1, 3}, {0}});
}

TEST_CASE("product: few columns") {
    for (const std::size_t K : {63u, 64u, 100u})
        for (const std::size_t N : {1u, 6u, 8u, 9u}) {
            CAPTURE(K);
            CAPTURE(N);
            check_op([](const auto& x, const auto& w) { return op::linear(x, w[0], w[1]); }, 5, K, {{N, K}, {N}});
            check_op([](const auto& x, const auto& w) { return op::selu(op::linear(x, w[0], w[1])); }, 5, K,
                     {{N, K}, {0}});
            check_op([](const auto& x, const auto& w) { return op::matmul(x, op::lift(x, w[0])); }, 5, K, {{K, N}});
            check_op(
                [](const auto& x, const auto& w) {
                    const auto y = op::exp(x);
                    return op::relu(op::conv1d(op::gate(y, op::mean_over_time(y)), w[0], w[1]));
                },
                5, K, {{N, K, 1}, {N}});
        }
}

TEST_CASE("product: linear maps and matrix products") {
    check_op([](const auto& x, const auto& w) { return op::linear(x, w[0], w[1]); }, 5, 7, {{10, 7}, {10}});
    check_op([](const auto& x, const auto& w) { return op::matmul(x, op::lift(x, w[0])); }, 5, 7, {{7, 10}});
    for (const bool ta : {false, true})
        for (const bool tb : {false, true}) {
            CAPTURE(ta);
            CAPTURE(tb);
            const op::matmul_options o{ta, tb};
            check_op([o](const auto& x, const auto&) { return op::matmul(x, x, o); }, 6, 6);
            check_op([o](const auto& x, const auto& w) { return op::matmul(op::lift(x, w[0]), x, o); }, 6, 6,
                     {{6, 6}});
            check_op([o](const auto& x, const auto& w) { return op::matmul(x, op::lift(x, w[0]), o); }, 6, 6,
                     {{6, 6}});
            check_op(
                [o](const auto& x, const auto& w) {
                    return op::matmul(x, op::matmul(op::lift(x, w[0]), op::lift(x, w[0]), o));
                },
                6, 6, {{6, 6}});
        }
}

TEST_CASE("product: several matrix products in a sample") {
    // A reshape fits one window, so windows run one after the other.
    const auto check = [](auto f, const std::vector<shape>& weights = {}) {
        const probe<decltype(f)> net(f, weights);
        const auto p = deploy::compile(net, {.length = 6, .channels = 6});
        for (std::uint64_t seed = 1; seed < 4; ++seed) {
            const auto x = noise({1, 6, 6}, seed);
            CHECK(difference(run_all(p, x)[0], net(x, mode::eval).logits) < 1e-5);
        }
        return p;
    };
    for (const bool ta : {false, true})
        for (const bool tb : {false, true}) {
            CAPTURE(ta);
            CAPTURE(tb);
            const op::matmul_options o{ta, tb};
            const shape a = ta ? shape{1, 3, 4, 3} : shape{1, 3, 3, 4},
                        b = tb ? shape{1, 3, 3, 4} : shape{1, 3, 4, 3};
            const auto p = check(
                [&](const auto& x, const auto&) { return op::matmul(op::reshape(x, a), op::reshape(x, b), o); });
            CHECK(p.report().rows.back().step == "matmul");
            check([&](const auto& x, const auto& w) { return op::matmul(op::lift(x, w[0]), op::reshape(x, b), o); },
                  {ta ? shape{4, 5} : shape{5, 4}});
            check([&](const auto& x, const auto& w) { return op::matmul(op::reshape(x, a), op::lift(x, w[0]), o); },
                  {tb ? shape{1, 1, 5, 4} : shape{1, 1, 4, 5}});
            check(
                [&](const auto& x, const auto& w) {
                    return op::matmul(op::reshape(x, a),
                                      op::matmul(op::lift(x, w[0]), op::lift(x, w[1]), {.transpose_b = true}), o);
                },
                {shape{3, tb ? 5u : 4u, 2}, shape{1, tb ? 4u : 5u, 2}});
        }
    const auto refuses = [](std::string_view what, auto f, const std::vector<shape>& weights) {
        CHECK_THROWS_WITH_AS(deploy::compile(probe<decltype(f)>(f, weights), {.length = 6, .channels = 6}),
                             doctest::Contains(what.data()), usage_error);
    };
    refuses("repeated along some axes of its batch, but not along all",
            [](const auto& x, const auto& w) {
                return op::matmul(op::reshape(x, {1, 2, 3, 2, 3}), op::lift(x, w[0]));
            },
            {{2, 1, 3, 4}});
    refuses("(matmul): it mixes", [](const auto& x, const auto& w) { return op::matmul(x, op::lift(x, w[0])); },
            {{2, 6, 4}});
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/runtime/elementwise_steps.hpp"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "allocations.hpp"
#include "deploy/check.hpp"
#include "smldist/nn/hopfield.hpp"
#include "smldist/op/adaptive_pool.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/group_norm.hpp"
#include "smldist/op/mixture.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/op/softmax.hpp"
#include "smldist/op/upsample.hpp"

using namespace smldist;

TEST_CASE("elementwise_steps: element-wise functions") {
    check_op([](const auto& x, const auto&) { return op::relu(op::relu6(x)); }, 9, 5);
    check_op([](const auto& x, const auto&) { return op::hard_swish(op::hard_sigmoid(x)); }, 9, 5);
    check_op([](const auto& x, const auto&) { return op::selu(op::tanh(op::sigmoid(x))); }, 9, 5);
    check_op([](const auto& x, const auto&) { return op::log(op::exp(x)); }, 9, 5);
    check_op([](const auto& x, const auto&) { return op::gelu(x); }, 9, 5);
    check_op([](const auto& x, const auto&) { return op::silu(op::softplus(x)); }, 9, 5);
    check_op([](const auto& x, const auto&) { return op::sqrt(op::abs(x)); }, 9, 5);
    check_op([](const auto& x, const auto&) { return op::leaky_relu(x, 0.2) + x; }, 9, 5);
    for (const double p : {0.0, 2.0, -1.0, 3.0})
        check_op([p](const auto& x, const auto&) { return op::pow(x, p); }, 9, 5, {}, p < 0 ? 9.0f : 0.0f);
    check_op([](const auto& x, const auto&) { return op::pow(op::exp(x), 0.4); }, 9, 5);
    check_op([](const auto& x, const auto&) { return op::clamp(op::add_scalar(op::scale(x, 3), 0.5), -1, 1.5); }, 9,
             5);
}

TEST_CASE("elementwise_steps: sums, differences, products and quotients with every kind of broadcast") {
    const std::vector<shape> kinds{{5}, {1}, {9, 5}, {9, 1}, {1, 9, 5}, {1, 1, 5}, {1, 9, 1}};
    for (const auto& s : kinds) {
        CAPTURE(s.text());
        check_op([](const auto& x, const auto& w) { return op::add(x, w[0]); }, 9, 5, {s});
        check_op([](const auto& x, const auto& w) { return op::relu(op::sub(op::lift(x, w[0]), x)); }, 9, 5, {s});
        check_op([](const auto& x, const auto& w) { return op::mul(x, op::mul(op::lift(x, w[0]), w[0])); }, 9, 5,
                 {s});
        check_op([](const auto& x, const auto& w) { return op::lift(x, w[0]) / op::exp(x); }, 9, 5, {s});
        check_op([](const auto& x, const auto& w) { return x / op::exp(op::lift(x, w[0])); }, 9, 5, {s});
    }
    check_op([](const auto& x, const auto&) { return op::relu(1 / (x * x + 0.7)) / 3 - 2 * x; }, 9, 5);
    check_op([](const auto& x, const auto&) { return op::sub(op::mul(x, x), op::add(x, x)); }, 9, 5);
    check_op([](const auto& x, const auto& w) { return op::mul(x, op::lift(x, w[0])); }, 1, 5, {{9, 5}});
}

TEST_CASE("elementwise_steps: values that are read again are not overwritten") {
    check_op(
        [](const auto& x, const auto&) {
            const auto a = op::exp(x), b = op::scale(a, 2), c = op::relu(b);
            return op::add(op::mul(a, c), b);
        },
        9, 5);
    check_op(
        [](const auto& x, const auto&) {
            const auto a = op::exp(x);
            const auto view = op::flatten(a);
            const auto b = op::relu(op::scale(a, -1));
            return op::add(op::flatten(b), view);
        },
        9, 5);
}

TEST_CASE("elementwise_steps: gate, pools and reductions") {
    check_op([](const auto& x, const auto&) { return op::selu(op::gate(x, op::mean_over_time(x))); }, 9, 5);
    check_op([](const auto& x, const auto&) { return op::adaptive_avg_pool1d(x, 4); }, 9, 5);
    check_op([](const auto& x, const auto&) { return op::max_pool1d(x, {3, 2, 1}); }, 9, 5);
    for (const std::ptrdiff_t axis : {1, -1})
        for (const bool keep : {false, true}) {
            CAPTURE(axis);
            CAPTURE(keep);
            check_op([=](const auto& x, const auto&) { return op::sum(x, {axis, keep}); }, 9, 5);
            check_op([=](const auto& x, const auto&) { return op::mean(x, {axis, keep}); }, 9, 5);
        }
    check_op([](const auto& x, const auto& w) { return op::add(x, op::sum(op::lift(x, w[0]))); }, 9, 5, {{3, 4}});
}

TEST_CASE("elementwise_steps: resampling of signals and of images") {
    for (const op::upsample_options& o :
         std::vector<op::upsample_options>{{.scale = 2},
                                           {.scale = 0.6},
                                           {.size = {4}},
                                           {.scale = 2.5, .linear = true},
                                           {.size = {14}, .linear = true},
                                           {.size = {3}, .linear = true, .align_corners = true}}) {
        check_op([o](const auto& x, const auto&) { return op::upsample(op::exp(x), o); }, 9, 5);
        if (o.scale == 0) continue;
        check_op(
            [o](const auto& x, const auto&) {
                return op::upsample(op::reshape(x, {x.shape()[0], 3, 3, 5}), o);
            },
            9, 5);
    }
    check_op(
        [](const auto& x, const auto&) {
            return op::upsample(op::reshape(x, {x.shape()[0], 3, 3, 5}),
                                {.size = {6, 4}, .linear = true, .align_corners = true});
        },
        9, 5);
}

TEST_CASE("elementwise_steps: functions of rows") {
    check_op([](const auto& x, const auto&) { return op::softmax(x); }, 9, 21);
    check_op([](const auto& x, const auto&) { return op::log_softmax(x); }, 9, 21);
    check_op([](const auto& x, const auto&) { return op::log_sum_exp(x); }, 9, 21);
    check_op([](const auto& x, const auto&) { return op::l2_normalize(x); }, 9, 21);
    check_op([](const auto& x, const auto& w) { return op::layer_norm(x, w[0], w[1]); }, 9, 21, {{21}, {21}});
    check_op([](const auto& x, const auto& w) { return op::layer_norm(x, w[0], w[0]); }, 9, 21, {{0}});
    for (const std::size_t groups : {1u, 3u, 21u}) {
        CAPTURE(groups);
        const op::group_norm_options o{.groups = groups};
        check_op([o](const auto& x, const auto& w) { return op::group_norm(op::exp(x), w[0], w[1], o); }, 9, 21,
                 {{21}, {21}});
        check_op([o](const auto& x, const auto& w) { return op::group_norm(x, w[0], w[0], o); }, 9, 21, {{0}});
    }
    check_op(
        [](const auto& x, const auto& w) { return op::group_norm(op::mean_over_time(x), w[0], w[1], {.groups = 3}); },
        9, 21, {{21}, {21}});
    check_op([](const auto& x, const auto&) { return op::log_mean_exp(op::flatten(x), {.blocks = 3}); }, 9, 5);
    check_op([](const auto& x, const auto& w) { return op::mixture(op::flatten(x), op::lift(x, w[0])); }, 9, 5,
             {{3}});
}

TEST_CASE("elementwise_steps: slices and concatenations") {
    for (const std::ptrdiff_t axis : {1, 2, -1}) {
        CAPTURE(axis);
        check_op([=](const auto& x, const auto&) { return op::concat(op::slice(x, axis, 1, 4), op::relu(x), axis); },
                 9, 5);
    }
}

TEST_CASE("elementwise_steps: Hopfield retrieval over learned patterns, over the window, and from learned states") {
    check_op(
        [](const auto& x, const auto& w) {
            return op::hopfield(x, op::lift(x, w[0]), op::lift(x, w[1]), {.updates = 3, .eps = 0});
        },
        9, 5, {{7, 5}, {1}});
    check_op(
        [](const auto& x, const auto& w) { return op::hopfield(x, x, op::lift(x, w[0]), {.updates = 2, .eps = 0}); },
        9, 5, {{1}});
    check_op(
        [](const auto& x, const auto& w) {
            return op::hopfield(op::lift(x, w[0]), x, op::lift(x, w[1]), {.updates = 2, .eps = 0});
        },
        9, 5, {{3, 5}, {1}});
    // With a mask for all states, or for each.
    for (const shape& mask : {shape{7}, shape{1, 7}, shape{9, 7}, shape{1, 9, 7}})
        check_op(
            [](const auto& x, const auto& w) {
                return op::masked_hopfield(x, op::lift(x, w[0]), op::lift(x, w[1]), op::lift(x, w[2]), {3, 0.1});
            },
            9, 5, {{7, 5}, {1}, mask});
}

TEST_CASE("elementwise_steps: steps over long rows allocate nothing, not even in a thread's first run") {
    namespace rt = smldist::runtime;
    const std::size_t N = 70000; // several chunks of kernel::chunk_elements
    const std::vector<float> in(N, 0.5f);
    std::vector<float> out(N);
    const rt::frame f{in.data(), nullptr, out.data(), 1};
    const rt::operand x{rt::place::input, 0, N}, y{rt::place::arena, 0, N};
    std::size_t made = 0;
    const auto run = [&](const auto& step) {
        // The blocks that a thread keeps would hide an allocation: a new thread has none.
        std::thread([&] {
            const std::size_t before = allocations();
            step.run(f);
            made = allocations() - before;
        }).join();
        CHECK(made == 0);
    };
    run(rt::row_step{rt::row_function::l2_normalize, 1, N, x, y, 1e-12f});
    CHECK(out[N - 1] == doctest::Approx(1 / std::sqrt(double(N))));
    run(rt::sum_step{1, N, 1, 2, x, y});
    CHECK(out[0] == doctest::Approx(double(N)));
    run(rt::sum_step{1, N / 2, 2, 1, x, y});
    CHECK(out[1] == doctest::Approx(double(N) / 4));
    run(rt::sum_step{10, 100, 70, 1, x, y});
    CHECK(out[699] == doctest::Approx(50));
    run(rt::log_mean_exp_step{1, 7, N / 7, x, y});
    CHECK(out[0] == doctest::Approx(0.5));
    run(rt::max_pool_step{N / 7, 7, N / 7, 3, 1, 1, x, y});
    CHECK(out[0] == 0.5f);
}

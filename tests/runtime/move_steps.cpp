// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/runtime/move_steps.hpp"

#include <doctest/doctest.h>
#include <thread>

#include "allocations.hpp"
#include "deploy/check.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/op/select.hpp"

using namespace smldist;

TEST_CASE("move_steps: extremes, their indices and running sums") {
    for (const std::ptrdiff_t axis : {1, -1})
        for (const bool keep : {false, true}) {
            CAPTURE(axis);
            CAPTURE(keep);
            check_op([=](const auto& x, const auto&) { return op::max(x, {axis, keep}); }, 9, 5);
            check_op([=](const auto& x, const auto&) { return op::min(x, {axis, keep}); }, 9, 5);
            check_op([=](const auto& x, const auto&) { return op::argmax(x, {axis, keep}); }, 9, 5);
            check_op([=](const auto& x, const auto&) { return op::argmin(x, {axis, keep}); }, 9, 5);
        }
    check_op([](const auto& x, const auto& w) { return op::add(x, op::max(op::lift(x, w[0]))); }, 9, 5, {{3, 4}});
    for (const std::ptrdiff_t axis : {1, 2}) {
        check_op([=](const auto& x, const auto&) { return op::cumsum(x, axis); }, 9, 5);
        check_op([=](const auto& x, const auto&) { return op::add(op::cumsum(op::exp(x), axis), x); }, 9, 5);
    }
}

TEST_CASE("move_steps: axes in another order, and padding") {
    check_op([](const auto& x, const auto&) { return op::permute(x, {0, 2, 1}); }, 9, 5);
    check_op([](const auto& x, const auto&) { return op::transpose(op::exp(x), 1, 2); }, 40, 35);
    check_op(
        [](const auto& x, const auto&) {
            return op::permute(op::reshape(x, {x.shape()[0], 3, 3, 5}), {0, 3, 1, 2});
        },
        9, 5);
    check_op(
        [](const auto& x, const auto& w) {
            return op::add(x, op::permute(op::lift(x, w[0]), {1, 0}));
        },
        9, 5, {{5, 9}});
    check_op([](const auto& x, const auto&) { return op::pad(x, {{1, 2}, {3, 0}}, 0.5); }, 9, 5);
    check_op([](const auto& x, const auto&) { return op::pad(op::flatten(x), {{0, 2}}); }, 9, 5);
    check_op(
        [](const auto& x, const auto& w) {
            return op::add(x, op::pad(op::lift(x, w[0]), {{1, 1}}));
        },
        9, 5, {{3}});
}

TEST_CASE("move_steps: where with every kind of broadcast") {
    const std::vector<shape> kinds{{5}, {1}, {9, 5}, {9, 1}, {1, 9, 5}, {1, 1, 5}, {1, 9, 1}, {}};
    for (const auto& s : kinds) {
        CAPTURE(s.text());
        check_op([](const auto& x, const auto& w) { return op::where(op::relu(x), x, w[0]); }, 9, 5, {s});
        check_op([](const auto& x, const auto& w) { return op::where(op::relu(x), w[0], op::exp(x)); }, 9, 5, {s});
        check_op([](const auto& x, const auto& w) { return op::where(op::relu(op::lift(x, w[0])), x, op::exp(x)); },
                 9, 5, {s});
    }
    check_op([](const auto& x, const auto&) { return op::where(op::relu(x), -3, x); }, 9, 5);
    check_op(
        [](const auto& x, const auto&) {
            return op::where(tensor<bool>{true, false, true, true, false}, x, 0);
        },
        9, 5);
    check_op(
        [](const auto& x, const auto&) {
            return op::where(op::relu(x), op::max(x, {1, true}), op::min(x, {2, true}));
        },
        9, 5);
}

namespace {
/// A whole number from 0 to 3 for each step of x.
template <class X> X tokens(const X& x) { return op::argmax(op::slice(x, 2, 0, 4), {2}); }
} // namespace

TEST_CASE("move_steps: rows and elements by index") {
    check_op([](const auto& x, const auto& w) { return op::embedding(tokens(x), w[0]); }, 9, 5, {{4, 7}});
    check_op(
        [](const auto& x, const auto& w) {
            return op::add(x, op::embedding(tensor<std::int32_t>{1, 0, 1}, op::reshape(op::lift(x, w[0]), {2, 1})));
        },
        3, 5, {{2}});
    for (const std::ptrdiff_t axis : {1, 2})
        check_op([=](const auto& x, const auto&) { return op::gather(x, axis, op::argmin(x, {axis, true})); }, 9, 5);
    check_op(
        [](const auto& x, const auto& w) {
            return op::add(x, op::gather(op::lift(x, w[0]), 0, tensor<std::int32_t>{4, 0, 1, 1, 2}));
        },
        9, 5, {{6}});
}

TEST_CASE("move_steps: an index outside of the table gives NaN in a program") {
    const auto f = [](const auto& x, const auto& w) {
        return op::embedding(op::reshape(x, {x.shape()[0], 2}), w[0]);
    };
    const probe<decltype(f)> net(f, {{4, 3}});
    const auto p = deploy::compile(net, {.length = 2, .channels = 1});
    const std::vector<float> window{3, 4};
    std::vector<float> y(6);
    p.run(window.data(), y.data());
    CHECK(y[0] == net.w[0].value[9]);
    CHECK(std::isnan(y[3]));
    CHECK(std::isnan(y[5]));
}

TEST_CASE("move_steps: steps allocate nothing, not even in a thread's first run") {
    namespace rt = smldist::runtime;
    const std::size_t N = 70000; // several chunks of kernel::chunk_elements
    const std::vector<float> in(N, 0.5f);
    std::vector<float> out(2 * N);
    const rt::frame f{in.data(), in.data(), out.data(), 1};
    const rt::operand x{rt::place::input, 0, N}, y{rt::place::arena, 0, N}, scratch{rt::place::arena, N, 0};
    std::size_t made = 0;
    const auto run = [&](const auto& step) {
        // The blocks that a thread keeps would hide an allocation: a new thread has none.
        std::thread([&] {
            const serial_scope serial; // as a program does
            const std::size_t before = allocations();
            step.run(f);
            made = allocations() - before;
        }).join();
        CHECK(made == 0);
    };
    run(rt::extreme_step{true, true, 10, 100, 70, x, scratch, y});
    CHECK(out[0] == 0);
    run(rt::running_sum_step{1, N, 1, x, y});
    CHECK(out[N - 1] == doctest::Approx(double(N) / 2));
    kernel::strided layout;
    layout.add(700, 1), layout.add(100, 700);
    run(rt::strided_step{layout, x, y});
    run(rt::pad_step{{1, {N - 2}, {1}, {N}}, 7, x, y});
    CHECK(out[0] == 7);
    run(rt::where_step{N, {x, x, x}, {1, 1, 1}, y});
    run(rt::gather_step{{1, 0, N, {N}, {1}}, x, x, y});
    CHECK(std::isnan(out[0])); // 0.5 is no index
    run(rt::embedding_step{100, 700, 100, x, x, y});
    CHECK(std::isnan(out[0]));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/emit_moves.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/op/select.hpp"

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

TEST_CASE("emit_moves: ops that mix the windows of a batch are refused") {
    refuses([](const auto& x, const auto&) { return op::max(x); }, "(max): it mixes the windows");
    refuses([](const auto& x, const auto&) { return op::max(x, {op::all_axes, true}); }, "(max): it mixes");
    refuses([](const auto& x, const auto&) { return op::min(x, {0, true}); }, "(min): it mixes");
    refuses([](const auto& x, const auto&) { return op::argmax(x, {0, true}); }, "(argmax): it mixes");
    refuses([](const auto& x, const auto&) { return op::argmin(x, {-3, true}); }, "(argmin): it mixes");
    refuses([](const auto& x, const auto&) { return op::cumsum(x, 0); }, "(cumsum): it mixes");
    refuses([](const auto& x, const auto&) { return op::permute(x, {1, 0, 2}); }, "(permute): it mixes");
    refuses(
        [](const auto& x, const auto&) {
            return op::permute(op::max(x, {1, true}), {1, 0, 2});
        },
        "(permute): it mixes");
    refuses([](const auto& x, const auto&) { return op::pad(x, {{}, {}, {1, 0}}); }, "(pad): it mixes");
    refuses([](const auto& x, const auto& w) { return op::where(x, x, w[0]); }, "(where): it mixes", {{2, 8, 6}});
    refuses([](const auto& x, const auto&) { return op::where(x, x, op::max(x, {1})); }, "(where): it mixes");
    refuses(
        [](const auto& x, const auto&) {
            return op::gather(x, 0, op::argmax(x, {1, true}));
        },
        "(gather): it mixes");
}

TEST_CASE("emit_moves: tables must be constants, and an index of a value must be a value") {
    refuses(
        [](const auto& x, const auto&) {
            return op::embedding(op::max(x, {2}), op::reshape(x, {8, 6}));
        },
        "mixes");
    refuses(
        [](const auto& x, const auto& w) {
            return op::gather(op::lift(x, w[0]), 1, op::argmax(x, {1, true}));
        },
        "(gather): one input is a constant, the other is not", {{1, 8, 6}});
    refuses(
        [](const auto& x, const auto&) {
            return op::gather(x, 1, tensor<std::int32_t>(shape{1, 2, 6}));
        },
        "(gather): one input is a constant, the other is not");
    refuses([](const auto& x, const auto&) { return op::embedding(op::max(x, {2}), op::max(x, {1})); },
            "(embedding): its weight is not a constant");
}

TEST_CASE("emit_moves: a permute of constants is computed at compile time") {
    const auto p =
        check_op([](const auto& x, const auto& w) { return op::mul(x, op::transpose(op::lift(x, w[0]), 0, 1)); }, 9,
                 5, {{5, 9}});
    CHECK(p.report().rows.size() == 1);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/runtime/recurrent.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/op/recurrent.hpp"
#include "smldist/op/reduce.hpp"

using namespace smldist;

TEST_CASE("recurrent: the step of a GRU computes what the op does, over extents, directions and optional inputs") {
    for (const std::size_t L : {1u, 5u, 70u})
        for (const std::size_t H : {1u, 7u, 32u})
            for (const bool reverse : {false, true})
                for (const bool bias : {false, true}) {
                    CAPTURE(L);
                    CAPTURE(H);
                    CAPTURE(reverse);
                    CAPTURE(bias);
                    const op::gru_options o{.reverse = reverse};
                    const std::size_t n = bias ? 3 * H : 0;
                    const auto p = check_op(
                        [o](const auto& x, const auto& w) {
                            return op::gru(x, tensor<float>(), w[0], w[1], w[2], w[3], o);
                        },
                        L, 4, {{3 * H, 4}, {3 * H, H}, {n}, {n}});
                    REQUIRE(p.report().rows.size() == 1);
                    CHECK(p.report().rows[0].step == "recurrent");
                    CHECK(p.report().rows[0].ops == "gru");
                    CHECK(p.report().macs == L * 3 * H * (4 + H));
                }
}

TEST_CASE("recurrent: the step of an LSTM, with and without its last cells") {
    for (const bool cells : {false, true})
        for (const bool reverse : {false, true})
            for (const std::size_t L : {1u, 6u}) {
                const op::lstm_options o{.reverse = reverse, .cells = cells};
                check_op(
                    [o](const auto& x, const auto& w) {
                        return op::lstm(x, tensor<float>(), tensor<float>(), w[0], w[1], w[2], w[3], o);
                    },
                    L, 4, {{36, 4}, {36, 9}, {36}, {36}});
            }
}

TEST_CASE("recurrent: first states may depend on the window") {
    check_op([](const auto& x, const auto& w) { return op::gru(x, op::mean_over_time(x), w[0], w[1], w[2], w[3]); },
             6, 5, {{15, 5}, {15, 5}, {15}, {15}});
    check_op(
        [](const auto& x, const auto& w) {
            const auto mean = op::mean_over_time(x);
            return op::lstm(x, mean, mean, w[0], w[1], w[2], w[3]);
        },
        6, 5, {{20, 5}, {20, 5}, {20}, {20}});
}

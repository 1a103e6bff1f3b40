// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/scratch.hpp"

#include <cstdint>
#include <functional>
#include <new>
#include <string>
#include <utility>

#include "allocations.hpp"
#include "compare.hpp"
#include "smldist/kernel/conv.hpp"
#include "smldist/kernel/depthwise.hpp"
#include "smldist/kernel/gemm.hpp"
#include "smldist/kernel/normalise.hpp"
#include "smldist/kernel/normed_conv.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

TEST_CASE("scratch: aligned, and disjoint when nested") {
    const kernel::scratch<float> outer(1000);
    const kernel::scratch<double> inner(500);
    CHECK(reinterpret_cast<std::uintptr_t>(outer.data()) % 64 == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(inner.data()) % 64 == 0);
    CHECK(inner.size() == 500);
    std::fill_n(outer.data(), 1000, 1.0f);
    std::fill_n(inner.data(), 500, 2.0);
    CHECK(std::all_of(outer.data(), outer.data() + 1000, [](float v) { return v == 1.0f; }));
    CHECK(kernel::scratch<float>(0).data() == nullptr);
}

#if SMLDIST_RECYCLE_MEMORY
TEST_CASE("scratch: a block is used again") {
    const void* first = nullptr;
    {
        const kernel::scratch<float> block(1000);
        first = block.data();
    }
    const kernel::scratch<float> again(1000);
    CHECK(again.data() == first);
}

using work = std::function<void(std::vector<float>&)>;

/// The kernels whose chunks take working memory, in sizes that make several chunks. Each writes its results.
std::vector<std::pair<std::string, work>> kernels_with_scratch() {
    constexpr std::size_t B = 8, L = 96, C = 48, O = 32, K = 5, long_L = 5000, few = 16;
    static const auto x = values<float>(B * L * C, 1), dy = values<float>(B * L * C, 2),
                      w = values<float>(O * C * K, 3), map = values<float>(3 * C, 4), gate = values<float>(B * C, 5),
                      long_x = values<float>(2 * long_L * few, 6);
    static const auto f = kernel::rows_of<kernel::hard_swish, float>;
    return {
        {"conv_forward",
         [](auto& y) {
             y.resize(B * L * O);
             kernel::conv_forward(B, L, C, L, O, K, 1, 2, 1, 1, x.data(), w.data(), gate.data(), y.data());
         }},
        {"conv_backward_input, two groups",
         [](auto& y) {
             y.resize(B * L * C);
             kernel::conv_backward_input(B, L, C, L, O, K, 1, 2, 1, 2, dy.data(), w.data(), y.data(), false);
         }},
        {"conv_backward_weight",
         [](auto& y) {
             y.resize(O * C * K);
             kernel::conv_backward_weight(B, L, C, L, O, K, 1, 2, 1, 1, dy.data(), x.data(), y.data(), false);
         }},
        {"depthwise_forward",
         [](auto& y) {
             y.resize(B * L * C);
             kernel::depthwise_forward(B, L, C, L, K, 1, 2, 1, x.data(), w.data(), y.data());
         }},
        {"depthwise_backward_input",
         [](auto& y) {
             y.resize(B * L * C);
             kernel::depthwise_backward_input(B, L, C, L, K, 1, 2, 1, dy.data(), w.data(), y.data(), false);
         }},
        {"depthwise_backward_weight",
         [](auto& y) {
             y.resize(C * K);
             kernel::depthwise_backward_weight(B, L, C, L, K, 1, 2, 1, dy.data(), x.data(), y.data(), false);
         }},
        {"normed_pointwise_forward",
         [](auto& y) {
             y.resize(B * L * O);
             kernel::normed_pointwise_forward(f, B, L, C, O, x.data(), map.data(), gate.data(), w.data(), y.data());
         }},
        {"normed_pointwise_backward, of short and of long windows",
         [](auto& y) {
             y.resize(B * L * C + 2 * C + B * C + O * C);
             float *const sums = y.data() + B * L * C, *const dgate = sums + 2 * C, *const dw = dgate + B * C;
             kernel::normed_pointwise_backward(f, B, L, C, O, x.data(), map.data(), gate.data(), w.data(), dy.data(),
                                               y.data(), sums, dgate, dw, false);
             const std::size_t at = y.size();
             y.resize(at + 2 * long_L * few + 2 * few + few * few);
             float *const dx = y.data() + at, *const more = dx + 2 * long_L * few, *const last = more + 2 * few;
             kernel::normed_pointwise_backward<float>(f, 2, long_L, few, few, long_x.data(), map.data(), nullptr,
                                                      w.data(), long_x.data(), dx, more, nullptr, last, false);
         }},
        {"normed_depthwise_forward",
         [](auto& y) {
             y.resize(B * L * C);
             kernel::normed_depthwise_forward(f, B, L, C, L, K, 1, 2, 1, x.data(), map.data(), w.data(), y.data());
         }},
        {"normed_depthwise_backward",
         [](auto& y) {
             y.resize(B * L * C + 2 * C + C * K);
             float *const sums = y.data() + B * L * C, *const dw = sums + 2 * C;
             kernel::normed_depthwise_backward(f, B, L, C, L, K, 1, 2, 1, x.data(), map.data(), w.data(), dy.data(),
                                               y.data(), sums, dw, false);
         }},
        {"normalised_mean",
         [](auto& y) {
             y.resize(B * C);
             kernel::normalised_mean(f, B, L, C, x.data(), map.data(), y.data());
         }},
        {"gemm_tn, cut into parts",
         [](auto& y) {
             y.resize(few * few);
             kernel::gemm_tn(few, few, 2 * long_L, long_x.data(), few, long_x.data(), few, y.data(), few, false);
         }},
    };
}

/// No thread of the pool has a free block, nor has this one.
void forget_blocks() {
    set_threads(1);
    set_threads(3);
    memory::trim();
}

TEST_CASE("scratch: no chunk of a kernel allocates") {
    const std::size_t before = threads();
    for (const auto& one : kernels_with_scratch()) {
        const work& run = one.second;
        INFO(one.first);
        std::vector<float> y;
        for (int round = 0; round < 5; ++round) {
            CAPTURE(round);
            forget_blocks();
            const std::size_t made = allocations_in_chunks();
            run(y);
            CHECK(allocations_in_chunks() == made);
        }
    }
    set_threads(before);
}

TEST_CASE("scratch: each allocation of a kernel may fail, and the next call is right") {
    const std::size_t before = threads();
    for (const auto& one : kernels_with_scratch()) {
        const work& run = one.second;
        INFO(one.first);
        std::vector<float> want, got;
        run(want);
        got = want; // so that its room is there
        std::size_t failed = 0;
        for (std::size_t n = 0; n < 20; ++n) {
            forget_blocks();
            std::fill(got.begin(), got.end(), 0.0f);
            bool threw = false;
            {
                const failing_allocations after(n);
                try {
                    got.resize(0);
                    run(got);
                } catch (const std::bad_alloc&) { threw = true; }
            }
            failed += threw ? 1 : 0;
            if (threw) {
                got.resize(0);
                run(got);
            }
            REQUIRE(same_bits(got, want));
        }
        CHECK(failed > 0);
        CHECK(failed < 20);
    }
    set_threads(before);
}
#endif

} // namespace

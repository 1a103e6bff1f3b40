// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/depthwise2d.hpp"

#include "compare.hpp"
#include "smldist/kernel/conv2d.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

kernel::sliding_axis axis(std::size_t L, std::size_t K, std::size_t stride, std::size_t pad, std::size_t dilation) {
    const std::size_t span = dilation * (K - 1) + 1;
    return {L, L + 2 * pad < span ? 0 : (L + 2 * pad - span) / stride + 1, K, stride, pad, dilation};
}

/// The naive twin is that of a convolution with one group per channel.
template <class T> void compare(std::size_t B, const kernel::depthwise2d_shape& s) {
    if (s.height.Lo == 0 || s.width.Lo == 0) return;
    CAPTURE(s.height.L);
    CAPTURE(s.width.L);
    CAPTURE(s.height.K);
    CAPTURE(s.width.K);
    CAPTURE(s.height.stride);
    CAPTURE(s.width.stride);
    CAPTURE(s.height.pad);
    CAPTURE(s.width.pad);
    CAPTURE(s.height.dilation);
    CAPTURE(s.width.dilation);
    CAPTURE(s.C);
    const kernel::conv2d_shape dense{s.height, s.width, s.C, s.C, s.C};
    const std::size_t outputs = B * s.output_size(), inputs = B * s.input_size();
    const auto x = values<T>(inputs, 1), w = values<T>(s.taps() * s.C, 2), bias = values<T>(s.C, 3),
               dy = values<T>(outputs, 4);
    for (const T* v : {static_cast<const T*>(nullptr), bias.data()}) {
        std::vector<T> got(outputs), want(outputs);
        kernel::depthwise2d_forward(B, s, x.data(), w.data(), v, got.data());
        kernel::naive::conv2d_forward(B, dense, x.data(), w.data(), v, want.data());
        CHECK(close(got, want));
    }
    for (bool add : {false, true}) {
        CAPTURE(add);
        auto dx = values<T>(inputs, 5), dx_want = dx;
        kernel::depthwise2d_backward_input(B, s, dy.data(), w.data(), dx.data(), add);
        kernel::naive::conv2d_backward_input(B, dense, dy.data(), w.data(), dx_want.data(), add);
        CHECK(close(dx, dx_want));
        auto dw = values<T>(s.taps() * s.C, 6), dw_want = dw;
        kernel::depthwise2d_backward_weight(B, s, dy.data(), x.data(), dw.data(), add);
        kernel::naive::conv2d_backward_weight(B, dense, dy.data(), x.data(), dw_want.data(), add);
        CHECK(close(dw, dw_want));
    }
}

} // namespace

TEST_CASE_TEMPLATE("depthwise2d: every stride, dilation, padding and number of taps on either axis", T, float,
                   double) {
    struct one {
        std::size_t L, K, stride, pad, dilation;
    };
    const one kinds[] = {{7, 3, 1, 1, 1},  {8, 3, 2, 1, 1},  {5, 1, 1, 0, 1},  {6, 1, 2, 0, 1},
                         {9, 5, 2, 2, 1},  {13, 5, 1, 2, 1}, {7, 2, 1, 0, 1},  {9, 3, 1, 2, 2},
                         {11, 3, 3, 4, 2}, {4, 2, 3, 1, 3},  {2, 3, 1, 5, 1},  {1, 5, 1, 2, 1},
                         {17, 3, 1, 1, 1}, {1, 3, 7, 6, 3},  {12, 7, 4, 3, 1}, {3, 5, 2, 2, 1}};
    for (const auto& h : kinds)
        for (const auto& v : kinds)
            compare<T>(2,
                       {axis(h.L, h.K, h.stride, h.pad, h.dilation), axis(v.L, v.K, v.stride, v.pad, v.dilation), 9});
}

TEST_CASE_TEMPLATE("depthwise2d: every number of channels", T, float, double) {
    for (std::size_t C : counts{1, 3, 8, 9, 16, 17, 24, 40, 47, 72, 130})
        for (std::size_t K : counts{3, 4, 5})
            for (std::size_t stride : counts{1, 2})
                compare<T>(2, {axis(6, K, stride, K / 2, 1), axis(16, K, stride, K / 2, 1), C});
}

TEST_CASE("depthwise2d: activations at the end, and adding") {
    const kernel::depthwise2d_shape s{axis(5, 3, 1, 1, 1), axis(12, 3, 1, 1, 1), 21};
    const auto x = values<float>(s.input_size(), 1), wt = values<float>(9 * s.C, 2), bias = values<float>(s.C, 3);
    using ending = kernel::depthwise2d_ending<float>;
    std::vector<float> plain(s.output_size()), got(s.output_size());
    kernel::depthwise2d_with_taps(1, s, x.data(), wt.data(), plain.data(), ending{bias.data()});
    for (const auto f : {activation::relu, activation::hard_swish}) {
        CHECK(ending::has(f));
        kernel::depthwise2d_with_taps(1, s, x.data(), wt.data(), got.data(), ending{bias.data(), f});
        auto want = plain;
        for (float& v : want)
            v = f == activation::relu ? std::max(0.0f, v) : v * std::clamp(v / 6 + 0.5f, 0.0f, 1.0f);
        CHECK(close(got, want));
    }
    CHECK_FALSE(ending::has(activation::tanh));
    got = plain;
    std::vector<float> unbiased(s.output_size());
    kernel::depthwise2d_with_taps(1, s, x.data(), wt.data(), unbiased.data(), ending{});
    kernel::depthwise2d_with_taps(1, s, x.data(), wt.data(), got.data(), ending{nullptr, activation::none, true});
    auto want = plain;
    for (std::size_t i = 0; i < want.size(); ++i) want[i] += unbiased[i];
    CHECK(close(got, want));
}

TEST_CASE("depthwise2d: the same bits on any number of threads") {
    const kernel::depthwise2d_shape s{axis(24, 5, 2, 2, 1), axis(30, 5, 2, 2, 1), 72};
    const std::size_t B = 5;
    const auto x = values<float>(B * s.input_size(), 1), w = values<float>(25 * s.C, 2),
               dy = values<float>(B * s.output_size(), 3);
    CHECK(same_on_any_threads([&] {
        std::vector<float> y(B * s.output_size());
        kernel::depthwise2d_forward<float>(B, s, x.data(), w.data(), nullptr, y.data());
        return y;
    }));
    CHECK(same_on_any_threads([&] {
        std::vector<float> dx(B * s.input_size());
        kernel::depthwise2d_backward_input(B, s, dy.data(), w.data(), dx.data(), false);
        return dx;
    }));
    CHECK(same_on_any_threads([&] {
        std::vector<float> dw(25 * s.C);
        kernel::depthwise2d_backward_weight(B, s, dy.data(), x.data(), dw.data(), false);
        return dw;
    }));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/depthwise.hpp"

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

struct geometry {
    std::size_t K, stride, pad, dilation;
};

/// Output length with the same padding on both sides, 0 if nothing fits.
std::size_t output_length(std::size_t L, geometry g) {
    const std::size_t span = g.dilation * (g.K - 1) + 1;
    return L + 2 * g.pad < span ? 0 : (L + 2 * g.pad - span) / g.stride + 1;
}

template <class F> void for_geometries(F&& f) {
    for (std::size_t K = 1; K <= 7; ++K)
        for (std::size_t stride = 1; stride <= 4; ++stride)
            for (std::size_t dilation = 1; dilation <= 3; ++dilation)
                for (std::size_t pad :
                     counts{std::size_t(0), std::size_t(1), dilation * (K - 1) / 2, dilation * K + 1})
                    f(geometry{K, stride, pad, dilation});
}

template <class T> void compare(std::size_t B, std::size_t L, std::size_t C, geometry g) {
    const std::size_t Lo = output_length(L, g);
    if (Lo == 0) return;
    CAPTURE(L);
    CAPTURE(C);
    CAPTURE(g.K);
    CAPTURE(g.stride);
    CAPTURE(g.pad);
    CAPTURE(g.dilation);
    const auto x = values<T>(B * L * C, 1), w = values<T>(C * g.K, 2), dy = values<T>(B * Lo * C, 3);
    std::vector<T> got(B * Lo * C), want(B * Lo * C);
    kernel::depthwise_forward(B, L, C, Lo, g.K, g.stride, g.pad, g.dilation, x.data(), w.data(), got.data());
    kernel::naive::depthwise_forward(B, L, C, Lo, g.K, g.stride, g.pad, g.dilation, x.data(), w.data(), want.data());
    CHECK(close(got, want));
    for (bool add : {false, true}) {
        CAPTURE(add);
        auto dx = values<T>(B * L * C, 4), dx_want = dx;
        kernel::depthwise_backward_input(B, L, C, Lo, g.K, g.stride, g.pad, g.dilation, dy.data(), w.data(),
                                         dx.data(), add);
        kernel::naive::depthwise_backward_input(B, L, C, Lo, g.K, g.stride, g.pad, g.dilation, dy.data(), w.data(),
                                                dx_want.data(), add);
        CHECK(close(dx, dx_want));
        auto dw = values<T>(C * g.K, 5), dw_want = dw;
        kernel::depthwise_backward_weight(B, L, C, Lo, g.K, g.stride, g.pad, g.dilation, dy.data(), x.data(),
                                          dw.data(), add);
        kernel::naive::depthwise_backward_weight(B, L, C, Lo, g.K, g.stride, g.pad, g.dilation, dy.data(), x.data(),
                                                 dw_want.data(), add);
        CHECK(close(dw, dw_want));
    }
}

TEST_CASE_TEMPLATE("depthwise: every stride, dilation, padding and number of taps", T, float, double) {
    for_geometries([](geometry g) {
        for (std::size_t L : counts{1, 2, 5, 9, 16}) compare<T>(2, L, 9, g);
    });
}

TEST_CASE_TEMPLATE("depthwise: every number of channels", T, float, double) {
    for (std::size_t C : counts{1, 3, 8, 9, 16, 17, 24, 40, 47, 48, 72, 96, 130, 256, 300})
        for (std::size_t K : counts{3, 4, 5})
            for (std::size_t stride : counts{1, 2}) compare<T>(3, 8, C, {K, stride, K / 2, 1});
}

TEST_CASE("depthwise: padding on the right only, given by the output length") {
    const std::size_t B = 2, L = 7, C = 5, K = 5, Lo = 7;
    const auto x = values<float>(B * L * C, 1), w = values<float>(C * K, 2);
    std::vector<float> got(B * Lo * C), want(B * Lo * C);
    kernel::depthwise_forward(B, L, C, Lo, K, 1, 0, 1, x.data(), w.data(), got.data());
    kernel::naive::depthwise_forward(B, L, C, Lo, K, 1, 0, 1, x.data(), w.data(), want.data());
    CHECK(close(got, want));
}

TEST_CASE("depthwise: the same bits on any number of threads") {
    const std::size_t B = 67, L = 16, C = 72, K = 5;
    const auto x = values<float>(B * L * C, 1), w = values<float>(C * K, 2), dy = values<float>(B * L * C, 3);
    CHECK(same_on_any_threads([&] {
        std::vector<float> y(B * L * C);
        kernel::depthwise_forward(B, L, C, L, K, 1, 2, 1, x.data(), w.data(), y.data());
        return y;
    }));
    CHECK(same_on_any_threads([&] {
        std::vector<float> dx(B * L * C);
        kernel::depthwise_backward_input(B, L, C, L, K, 1, 2, 1, dy.data(), w.data(), dx.data(), false);
        return dx;
    }));
    CHECK(same_on_any_threads([&] {
        std::vector<float> dw(C * K);
        kernel::depthwise_backward_weight(B, L, C, L, K, 1, 2, 1, dy.data(), x.data(), dw.data(), false);
        return dw;
    }));
}

} // namespace

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/conv.hpp"

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

struct geometry {
    std::size_t C, O, K, stride, pad, dilation, groups;
};

template <class T> void compare(std::size_t B, std::size_t L, geometry g) {
    const std::size_t span = g.dilation * (g.K - 1) + 1;
    if (L + 2 * g.pad < span) return;
    const std::size_t Lo = (L + 2 * g.pad - span) / g.stride + 1, weights = g.O * (g.C / g.groups) * g.K;
    CAPTURE(L);
    CAPTURE(g.C);
    CAPTURE(g.O);
    CAPTURE(g.K);
    CAPTURE(g.stride);
    CAPTURE(g.pad);
    CAPTURE(g.dilation);
    CAPTURE(g.groups);
    const auto x = values<T>(B * L * g.C, 1), w = values<T>(weights, 2), bias = values<T>(g.O, 3),
               dy = values<T>(B * Lo * g.O, 4);
    for (const T* v : {static_cast<const T*>(nullptr), bias.data()}) {
        CAPTURE((v != nullptr));
        std::vector<T> got(B * Lo * g.O), want(B * Lo * g.O);
        kernel::conv_forward(B, L, g.C, Lo, g.O, g.K, g.stride, g.pad, g.dilation, g.groups, x.data(), w.data(), v,
                             got.data());
        kernel::naive::conv_forward(B, L, g.C, Lo, g.O, g.K, g.stride, g.pad, g.dilation, g.groups, x.data(),
                                    w.data(), v, want.data());
        CHECK(close(got, want));
    }
    for (bool add : {false, true}) {
        CAPTURE(add);
        auto dx = values<T>(B * L * g.C, 5), dx_want = dx;
        kernel::conv_backward_input(B, L, g.C, Lo, g.O, g.K, g.stride, g.pad, g.dilation, g.groups, dy.data(),
                                    w.data(), dx.data(), add);
        kernel::naive::conv_backward_input(B, L, g.C, Lo, g.O, g.K, g.stride, g.pad, g.dilation, g.groups, dy.data(),
                                           w.data(), dx_want.data(), add);
        CHECK(close(dx, dx_want));
        auto dw = values<T>(weights, 6), dw_want = dw;
        kernel::conv_backward_weight(B, L, g.C, Lo, g.O, g.K, g.stride, g.pad, g.dilation, g.groups, dy.data(),
                                     x.data(), dw.data(), add);
        kernel::naive::conv_backward_weight(B, L, g.C, Lo, g.O, g.K, g.stride, g.pad, g.dilation, g.groups, dy.data(),
                                            x.data(), dw_want.data(), add);
        CHECK(close(dw, dw_want));
    }
}

TEST_CASE_TEMPLATE("conv: every stride, dilation, padding, group and number of taps", T, float, double) {
    for (std::size_t K : counts{1, 2, 3, 5, 7})
        for (std::size_t stride = 1; stride <= 4; ++stride)
            for (std::size_t dilation = 1; dilation <= 3; ++dilation)
                for (std::size_t pad : counts{std::size_t(0), K / 2, dilation * K + 1})
                    for (std::size_t groups : counts{1, 2, 6})
                        for (std::size_t L : counts{1, 9, 16})
                            compare<T>(2, L, {6, 12, K, stride, pad, dilation, groups});
}

TEST_CASE_TEMPLATE("conv: every number of channels", T, float, double) {
    for (std::size_t C : counts{1, 3, 9, 17, 24})
        for (std::size_t O : counts{1, 8, 16, 24, 47, 72}) compare<T>(3, 20, {C, O, 3, 2, 1, 1, 1});
}

TEST_CASE("unfold: the matrix of a sample by its formula, as a view or with rows of its own") {
    for (const std::size_t K : counts{1, 3, 5})
        for (const std::size_t stride : counts{1, 2})
            for (const std::size_t dilation : counts{1, 2})
                for (const std::size_t pad : counts{0, 2, 11})
                    for (const std::size_t groups : counts{1, 2}) {
                        const std::size_t L = 9, C = 4, O = 6, Lo = 7;
                        const kernel::conv_shape s{L, C, Lo, O, K, stride, pad, dilation, groups};
                        CHECK(s.columns() == K * C / groups);
                        CHECK(s.macs() == Lo * O * K * C / groups);
                        CHECK(s.is_view() == (groups == 1 && dilation == 1));
                        const auto x = values<float>(L * C, 1);
                        for (std::size_t g = 0; g < groups; ++g) {
                            std::vector<float> matrix(s.matrix_size() + 1, 9.0f);
                            kernel::unfold(s, g, x.data(), matrix.data());
                            CHECK(matrix.back() == 9.0f);
                            bool same = true;
                            for (std::size_t t = 0; t < Lo; ++t)
                                for (std::size_t k = 0; k < K; ++k)
                                    for (std::size_t c = 0; c < C / groups; ++c) {
                                        const std::size_t i = t * stride + k * dilation;
                                        const bool inside = i >= pad && i - pad < L;
                                        const float want = inside ? x[(i - pad) * C + g * (C / groups) + c] : 0.0f;
                                        same = same && matrix[t * s.row_step() + k * (C / groups) + c] == want;
                                    }
                            CHECK(same);
                        }
                    }
}

TEST_CASE("conv: a sample's output has the same bits whatever the batch") {
    const std::size_t B = 40, L = 64, C = 9, O = 16, K = 3, Lo = 32;
    const auto x = values<float>(B * L * C, 1), w = values<float>(O * C * K, 2);
    std::vector<float> all(B * Lo * O), one(Lo * O);
    kernel::conv_forward<float>(B, L, C, Lo, O, K, 2, 1, 1, 1, x.data(), w.data(), nullptr, all.data());
    kernel::conv_forward<float>(1, L, C, Lo, O, K, 2, 1, 1, 1, x.data() + 39 * L * C, w.data(), nullptr, one.data());
    CHECK(std::memcmp(one.data(), all.data() + 39 * Lo * O, one.size() * sizeof(float)) == 0);
}

TEST_CASE("conv: the same bits on any number of threads") {
    const std::size_t B = 67, L = 64, C = 9, O = 16, K = 3, Lo = 32;
    const auto x = values<float>(B * L * C, 1), w = values<float>(O * C * K, 2), dy = values<float>(B * Lo * O, 3);
    CHECK(same_on_any_threads([&] {
        std::vector<float> y(B * Lo * O);
        kernel::conv_forward<float>(B, L, C, Lo, O, K, 2, 1, 1, 1, x.data(), w.data(), nullptr, y.data());
        return y;
    }));
    CHECK(same_on_any_threads([&] {
        std::vector<float> dx(B * L * C);
        kernel::conv_backward_input(B, L, C, Lo, O, K, 2, 1, 1, 1, dy.data(), w.data(), dx.data(), false);
        return dx;
    }));
    CHECK(same_on_any_threads([&] {
        std::vector<float> dw(O * C * K);
        kernel::conv_backward_weight(B, L, C, Lo, O, K, 2, 1, 1, 1, dy.data(), x.data(), dw.data(), false);
        return dw;
    }));
}

} // namespace

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/conv2d.hpp"

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

/// An axis with the same padding on both sides; Lo = 0 if nothing fits.
kernel::sliding_axis axis(std::size_t L, std::size_t K, std::size_t stride, std::size_t pad, std::size_t dilation) {
    const std::size_t span = dilation * (K - 1) + 1;
    return {L, L + 2 * pad < span ? 0 : (L + 2 * pad - span) / stride + 1, K, stride, pad, dilation};
}

template <class T> void compare(std::size_t B, const kernel::conv2d_shape& s) {
    if (s.height.Lo == 0 || s.width.Lo == 0) return;
    for (const auto& a : {s.height, s.width}) {
        CAPTURE(a.L);
        CAPTURE(a.K);
        CAPTURE(a.stride);
        CAPTURE(a.pad);
        CAPTURE(a.dilation);
    }
    CAPTURE(s.height.L);
    CAPTURE(s.width.L);
    CAPTURE(s.height.K);
    CAPTURE(s.width.K);
    CAPTURE(s.height.stride);
    CAPTURE(s.width.stride);
    CAPTURE(s.C);
    CAPTURE(s.O);
    CAPTURE(s.groups);
    const std::size_t outputs = B * s.height.Lo * s.width.Lo * s.O, inputs = B * s.input_size();
    const auto x = values<T>(inputs, 1), w = values<T>(s.weight_size(), 2), bias = values<T>(s.O, 3),
               dy = values<T>(outputs, 4);
    for (const T* v : {static_cast<const T*>(nullptr), bias.data()}) {
        std::vector<T> got(outputs), want(outputs);
        kernel::conv2d_forward(B, s, x.data(), w.data(), v, got.data());
        kernel::naive::conv2d_forward(B, s, x.data(), w.data(), v, want.data());
        CHECK(close(got, want));
    }
    for (bool add : {false, true}) {
        CAPTURE(add);
        auto dx = values<T>(inputs, 5), dx_want = dx;
        kernel::conv2d_backward_input(B, s, dy.data(), w.data(), dx.data(), add);
        kernel::naive::conv2d_backward_input(B, s, dy.data(), w.data(), dx_want.data(), add);
        CHECK(close(dx, dx_want));
        auto dw = values<T>(s.weight_size(), 6), dw_want = dw;
        kernel::conv2d_backward_weight(B, s, dy.data(), x.data(), dw.data(), add);
        kernel::naive::conv2d_backward_weight(B, s, dy.data(), x.data(), dw_want.data(), add);
        CHECK(close(dw, dw_want));
    }
}

} // namespace

TEST_CASE_TEMPLATE("conv2d: every stride, dilation, padding, group and number of taps on either axis", T, float,
                   double) {
    struct one {
        std::size_t L, K, stride, pad, dilation;
    };
    const one kinds[] = {{7, 3, 1, 1, 1}, {8, 3, 2, 1, 1}, {5, 1, 1, 0, 1},  {6, 1, 2, 0, 1}, {9, 5, 2, 2, 1},
                         {7, 2, 1, 0, 1}, {9, 3, 1, 2, 2}, {11, 3, 3, 4, 2}, {4, 2, 3, 1, 3}, {2, 3, 1, 5, 1}};
    for (const auto& h : kinds)
        for (const auto& v : kinds)
            for (std::size_t groups : counts{1, 2, 6})
                compare<T>(2, {axis(h.L, h.K, h.stride, h.pad, h.dilation),
                               axis(v.L, v.K, v.stride, v.pad, v.dilation), 6, 12, groups});
}

TEST_CASE_TEMPLATE("conv2d: wide images, whose matrix is a view, and every number of channels", T, float, double) {
    for (std::size_t C : counts{1, 3, 4, 9, 17, 24})
        for (std::size_t O : counts{1, 8, 17, 47})
            for (std::size_t stride : counts{1, 2})
                compare<T>(2, {axis(5, 3, stride, 1, 1), axis(37, 3, stride, 1, 1), C, O, 1});
    for (std::size_t groups : counts{2, 3}) compare<T>(2, {axis(6, 5, 1, 2, 2), axis(20, 3, 1, 1, 1), 6, 12, groups});
    compare<T>(1, {axis(40, 3, 1, 1, 1), axis(40, 3, 1, 1, 1), 16, 24, 1});
}

TEST_CASE("conv2d: unfold writes the matrix of its formula, as a view or in full") {
    for (const std::size_t W : counts{7, 40})
        for (const std::size_t stride : counts{1, 2})
            for (const std::size_t dilation : counts{1, 2})
                for (const std::size_t pad : counts{0, 2, 11})
                    for (const std::size_t groups : counts{1, 2}) {
                        const kernel::conv2d_shape s{axis(5, 3, stride, pad, 1), axis(W, 3, stride, pad, dilation), 4,
                                                     6, groups};
                        CHECK(s.is_view() == (dilation == 1 && s.width.Lo >= 16));
                        const auto x = values<float>(s.input_size(), 1);
                        const std::size_t n = s.group_inputs(), Kh = s.height.K;
                        for (std::size_t g = 0; g < groups; ++g)
                            for (std::size_t i = 0; i < s.height.Lo; ++i) {
                                std::vector<float> matrix(s.matrix_size() + 1, 9.0f);
                                kernel::unfold(s, g, i, x.data(), matrix.data());
                                CHECK(matrix.back() == 9.0f);
                                bool same = true;
                                for (std::size_t j = 0; j < s.width.Lo; ++j)
                                    for (std::size_t k = 0; k < Kh; ++k)
                                        for (std::size_t l = 0; l < s.width.K; ++l)
                                            for (std::size_t c = 0; c < n; ++c) {
                                                const auto row = s.height.at(i, k), column = s.width.at(j, l);
                                                const bool inside = s.height.inside(row) && s.width.inside(column);
                                                const float want =
                                                    inside ? x[(std::size_t(row) * W + std::size_t(column)) * s.C +
                                                               g * n + c]
                                                           : 0.0f;
                                                same =
                                                    same && matrix[j * s.row_step() + (l * Kh + k) * n + c] == want;
                                            }
                                CHECK(same);
                            }
                    }
}

TEST_CASE("conv2d: an image's output has the same bits whatever the batch and the number of threads") {
    for (const std::size_t W : counts{6, 40}) {
        const kernel::conv2d_shape s{axis(24, 3, 1, 1, 1), axis(W, 3, 1, 1, 1), 9, 16, 1};
        const std::size_t B = 7, size = s.height.Lo * s.width.Lo * s.O;
        const auto x = values<float>(B * s.input_size(), 1), w = values<float>(s.weight_size(), 2),
                   dy = values<float>(B * size, 3);
        std::vector<float> all(B * size), one(size);
        kernel::conv2d_forward<float>(B, s, x.data(), w.data(), nullptr, all.data());
        kernel::conv2d_forward<float>(1, s, x.data() + 6 * s.input_size(), w.data(), nullptr, one.data());
        CHECK(std::memcmp(one.data(), all.data() + 6 * size, size * sizeof(float)) == 0);
        CHECK(same_on_any_threads([&] {
            std::vector<float> y(B * size);
            kernel::conv2d_forward<float>(B, s, x.data(), w.data(), nullptr, y.data());
            return y;
        }));
        CHECK(same_on_any_threads([&] {
            std::vector<float> dx(B * s.input_size());
            kernel::conv2d_backward_input(B, s, dy.data(), w.data(), dx.data(), false);
            return dx;
        }));
        CHECK(same_on_any_threads([&] {
            std::vector<float> dw(s.weight_size());
            kernel::conv2d_backward_weight(B, s, dy.data(), x.data(), dw.data(), false);
            return dw;
        }));
    }
}

TEST_CASE("conv2d: a single large image is cut for threads") {
    const kernel::conv2d_shape s{axis(64, 3, 1, 1, 1), axis(64, 3, 1, 1, 1), 16, 32, 1};
    CHECK(s.height.Lo / s.chunk() > 8);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/pool2d.hpp"

#include <limits>

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

kernel::sliding_axis axis(std::size_t L, std::size_t K, std::size_t stride, std::size_t pad) {
    return {L, (L + 2 * pad - K) / stride + 1, K, stride, pad, 1};
}

template <class T> void compare(std::size_t B, const kernel::pool2d_shape& s) {
    const std::size_t inputs = B * s.input_size(), outputs = B * s.output_size();
    const auto x = values<T>(inputs, 1), dy = values<T>(outputs, 2);
    std::vector<T> largest(outputs, -std::numeric_limits<T>::infinity()), sums(outputs), counts_inside(outputs);
    kernel::naive::for_windows(B, s, [&](std::size_t y, std::size_t i) {
        largest[y] = std::max(largest[y], x[i]);
        sums[y] += x[i];
        counts_inside[y] += 1;
    });
    std::vector<T> got(outputs);
    std::vector<std::int32_t> winner(outputs);
    kernel::max_pool2d_forward<T>(B, s, x.data(), got.data(), nullptr);
    CHECK(got == largest);
    std::fill(got.begin(), got.end(), T(0));
    kernel::max_pool2d_forward(B, s, x.data(), got.data(), winner.data());
    CHECK(got == largest);
    auto dx = values<T>(inputs, 3), want = dx;
    std::vector<bool> met(outputs);
    kernel::naive::for_windows(B, s, [&](std::size_t y, std::size_t i) {
        if (met[y] || x[i] != largest[y]) return;
        met[y] = true;
        want[i] += dy[y];
    });
    kernel::max_pool2d_backward(B, s, dy.data(), winner.data(), dx.data());
    CHECK(close(dx, want));
    for (const bool inside_only : {false, true}) {
        const auto share = [&](std::size_t y) {
            return 1 / (inside_only ? counts_inside[y] : static_cast<T>(s.height.K * s.width.K));
        };
        auto mean = sums;
        for (std::size_t y = 0; y < outputs; ++y) mean[y] *= share(y);
        kernel::avg_pool2d_forward(B, s, inside_only, x.data(), got.data());
        CHECK(close(got, mean));
        dx = want = values<T>(inputs, 4);
        kernel::naive::for_windows(B, s, [&](std::size_t y, std::size_t i) { want[i] += dy[y] * share(y); });
        kernel::avg_pool2d_backward(B, s, inside_only, dy.data(), dx.data());
        CHECK(close(dx, want));
    }
}

} // namespace

TEST_CASE_TEMPLATE("pool2d: every window, stride and padding", T, float, double) {
    for (std::size_t K : counts{1, 2, 3})
        for (std::size_t stride : counts{1, 2, 3})
            for (std::size_t pad : counts{0, 1})
                for (std::size_t C : counts{1, 4, 19})
                    if (pad <= K / 2) compare<T>(3, {axis(7, K, stride, pad), axis(5, 3, 4 - stride, 1), C});
}

TEST_CASE("pool2d: a NaN wins, and the first of equal values") {
    const kernel::pool2d_shape s{axis(2, 2, 1, 0), axis(2, 2, 1, 0), 3};
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> x{1, 2, nan, 1, 3, 4, 1, 2, 9, 0, nan, 9};
    std::vector<float> y(3);
    std::vector<std::int32_t> winner(3);
    kernel::max_pool2d_forward(1, s, x.data(), y.data(), winner.data());
    CHECK(y[0] == 1);
    CHECK(std::isnan(y[1]));
    CHECK(std::isnan(y[2]));
    CHECK(winner == std::vector<std::int32_t>{0, 3, 0});
}

TEST_CASE("pool2d: the same bits on any number of threads") {
    const kernel::pool2d_shape s{axis(40, 3, 2, 1), axis(40, 3, 2, 1), 24};
    const std::size_t B = 5;
    const auto x = values<float>(B * s.input_size(), 1), dy = values<float>(B * s.output_size(), 2);
    CHECK(same_on_any_threads([&] {
        std::vector<float> y(B * s.output_size());
        kernel::avg_pool2d_forward(B, s, true, x.data(), y.data());
        return y;
    }));
    CHECK(same_on_any_threads([&] {
        std::vector<float> dx(B * s.input_size());
        kernel::avg_pool2d_backward(B, s, true, dy.data(), dx.data());
        return dx;
    }));
}

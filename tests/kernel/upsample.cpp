// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/upsample.hpp"

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

/// The weight of input position k at output position i, from the definition: 1 - distance for linear.
double weight(const kernel::resampled_axis& axis, std::size_t i, std::size_t k) {
    const double last = double(axis.n - 1),
                 ratio = axis.scale > 0 ? 1 / axis.scale : double(axis.n) / double(axis.count);
    if (!axis.linear) return double(k) == std::min(last, std::floor(double(i) * ratio + 1e-12)) ? 1 : 0;
    const double at = axis.align_corners ? (axis.count > 1 ? double(i) * last / double(axis.count - 1) : 0)
                                         : (double(i) + 0.5) * ratio - 0.5;
    return std::max(0.0, 1 - std::abs(std::min(last, std::max(0.0, at)) - double(k)));
}

template <class T>
void compare(const kernel::resampled_axis& rows, const kernel::resampled_axis& columns, std::size_t C) {
    CAPTURE(rows.n);
    CAPTURE(rows.count);
    CAPTURE(columns.n);
    CAPTURE(columns.count);
    CAPTURE(C);
    CAPTURE(rows.linear);
    CAPTURE(rows.align_corners);
    const std::size_t B = 2, in = rows.n * columns.n * C, out = rows.count * columns.count * C;
    const auto x = values<T>(B * in, 1), dy = values<T>(B * out, 2);
    const auto for_terms = [&](auto f) {
        for (std::size_t b = 0; b < B; ++b)
            for (std::size_t i = 0; i < rows.count; ++i)
                for (std::size_t j = 0; j < columns.count; ++j)
                    for (std::size_t h = 0; h < rows.n; ++h)
                        for (std::size_t w = 0; w < columns.n; ++w)
                            for (std::size_t c = 0; c < C; ++c)
                                f(b * out + (i * columns.count + j) * C + c, b * in + (h * columns.n + w) * C + c,
                                  static_cast<T>(weight(rows, i, h) * weight(columns, j, w)));
    };
    std::vector<T> y(B * out), y_want(B * out);
    kernel::upsample_forward(B, rows, columns, C, x.data(), y.data());
    for_terms([&](std::size_t to, std::size_t from, T k) { y_want[to] += k * x[from]; });
    CHECK(close(y, y_want));
    for (const bool add : {false, true}) {
        auto dx = values<T>(B * in, 3), dx_want = add ? dx : std::vector<T>(B * in);
        kernel::upsample_backward(B, rows, columns, C, dy.data(), dx.data(), add);
        for_terms([&](std::size_t from, std::size_t to, T k) { dx_want[to] += k * dy[from]; });
        CHECK(close(dx, dx_want));
    }
}

TEST_CASE_TEMPLATE("upsample: every size of signal and image, nearest and linear", T, float, double) {
    for (const bool linear : {false, true})
        for (const bool corners : {false, true}) {
            if (corners && !linear) continue;
            for (std::size_t n : counts{1, 2, 5})
                for (std::size_t count : counts{1, 2, 3, 5, 8, 11})
                    for (std::size_t C : counts{1, 3, 8, 17}) {
                        compare<T>({n, count, 0, linear, corners}, {}, C);
                        compare<T>({n, count, 0, linear, corners}, {3, 7, 0, linear, corners}, C);
                        compare<T>({4, 2, 0, linear, corners}, {n, count, 0, linear, corners}, C);
                    }
            for (const double scale : {0.4, 1.0, 1.5, 2.0, 3.3})
                compare<T>({5, static_cast<std::size_t>(5 * scale), scale, linear, corners},
                           {7, static_cast<std::size_t>(7 * scale), scale, linear, corners}, 3);
        }
}

TEST_CASE("upsample: a position that is read exactly ignores its neighbours") {
    const std::vector<float> x{1, HUGE_VALF, 3};
    std::vector<float> y(3);
    kernel::upsample_forward<float>(1, {3, 3, 0, true, false}, {}, 1, x.data(), y.data());
    CHECK(y == x);
}

TEST_CASE("upsample: the same bits on any number of threads") {
    const kernel::resampled_axis rows{20, 41, 0, true, false}, columns{30, 17, 0, true, false};
    const std::size_t B = 5, C = 24, in = 20 * 30 * C, out = 41 * 17 * C;
    const auto x = values<float>(B * in, 1), dy = values<float>(B * out, 2);
    CHECK(same_on_any_threads([&] {
        std::vector<float> all(B * (in + out));
        kernel::upsample_forward(B, rows, columns, C, x.data(), all.data());
        kernel::upsample_backward(B, rows, columns, C, dy.data(), all.data() + B * out, false);
        return all;
    }));
}

} // namespace

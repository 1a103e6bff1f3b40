// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/select.hpp"

#include <cstdint>
#include <limits>

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

TEST_CASE_TEMPLATE("is_index: whole numbers below n", I, float, double, std::int32_t, std::uint8_t, std::int64_t) {
    CHECK(kernel::is_index(I(0), 3));
    CHECK(kernel::is_index(I(2), 3));
    CHECK_FALSE(kernel::is_index(I(3), 3));
    CHECK_FALSE(kernel::is_index(I(0), 0));
    CHECK_FALSE(kernel::is_index(static_cast<I>(-1), 3));
    if constexpr (std::is_floating_point_v<I>) {
        CHECK_FALSE(kernel::is_index(I(1.5), 3));
        CHECK_FALSE(kernel::is_index(std::numeric_limits<I>::quiet_NaN(), 3));
        CHECK_FALSE(kernel::is_index(std::numeric_limits<I>::infinity(), 3));
    }
}

TEST_CASE_TEMPLATE("choose: equal to the plain loop, for arrays and single elements", T, float, double) {
    for (const std::size_t n : counts{1, 3, 8, 21, 100})
        for (std::size_t steps = 0; steps < 8; ++steps)
            for (const bool add : {false, true}) {
                CAPTURE(n);
                CAPTURE(steps);
                CAPTURE(add);
                const std::size_t dm = steps & 1, da = steps >> 1 & 1, db = steps >> 2;
                const auto a = values<T>(n, 1), b = values<T>(n, 2);
                auto y = values<T>(n, 3), want = y;
                std::vector<std::int32_t> mask(n);
                for (std::size_t i = 0; i < n; ++i) mask[i] = int(i * 7 % 3) - 1;
                for (std::size_t i = 0; i < n; ++i) {
                    const T v = mask[i * dm] != 0 ? a[i * da] : b[i * db];
                    want[i] = add ? y[i] + v : v;
                }
                if (add)
                    kernel::choose<true>(n, mask.data(), dm, a.data(), da, b.data(), db, y.data());
                else
                    kernel::choose<false>(n, mask.data(), dm, a.data(), da, b.data(), db, y.data());
                CHECK(same_bits(y, want));
            }
}

TEST_CASE_TEMPLATE("take_rows and add_rows_at: rows by index, NaN for an index outside", T, float, double) {
    const std::size_t N = 5, R = 9;
    const std::vector<T> index{4, 0, 2, 2, 4, 1, 0, 4, 3};
    for (const std::size_t D : counts{1, 7, 40}) {
        const auto w = values<T>(N * D, 1), dy = values<T>(R * D, 2);
        std::vector<T> y(R * D);
        kernel::take_rows(R, N, D, index.data(), w.data(), y.data());
        auto dw = values<T>(N * D, 3), want = dw;
        kernel::add_rows_at(R, D, index.data(), dy.data(), dw.data());
        for (std::size_t r = 0; r < R; ++r)
            for (std::size_t d = 0; d < D; ++d) {
                const std::size_t at = static_cast<std::size_t>(index[r]) * D + d;
                CHECK(y[r * D + d] == w[at]);
                want[at] += dy[r * D + d];
            }
        CHECK(same_bits(dw, want));
        const std::vector<T> outside{5, -1, T(0.5)};
        kernel::take_rows(3, N, D, outside.data(), w.data(), y.data());
        CHECK(std::all_of(y.begin(), y.begin() + std::ptrdiff_t(3 * D), [](T v) { return std::isnan(v); }));
    }
}

TEST_CASE_TEMPLATE("gather and add_at: places of x along each axis", T, float, double) {
    for (const std::size_t axis : counts{0, 1, 2}) {
        CAPTURE(axis);
        const std::array<std::size_t, 3> x_extent{3, 4, 5};
        kernel::places s{3, axis, x_extent[axis], {2, 3, 4}, {20, 5, 1}};
        s.extent[axis] = 6;
        const std::size_t n = s.extent[0] * s.extent[1] * s.extent[2];
        std::vector<T> index(n), y(n);
        for (std::size_t i = 0; i < n; ++i) index[i] = static_cast<T>(i * 7 % s.n);
        const auto x = values<T>(60, 1), dy = values<T>(n, 2);
        auto dx = values<T>(60, 3), want = dx;
        kernel::gather(s, index.data(), x.data(), y.data());
        kernel::add_at(s, index.data(), dy.data(), dx.data());
        for (std::size_t i = 0; i < n; ++i) {
            std::array<std::size_t, 3> at{i / (s.extent[1] * s.extent[2]), i / s.extent[2] % s.extent[1],
                                          i % s.extent[2]};
            at[axis] = static_cast<std::size_t>(index[i]);
            const std::size_t place = (at[0] * 4 + at[1]) * 5 + at[2];
            CHECK(y[i] == x[place]);
            want[place] += dy[i];
        }
        CHECK(same_bits(dx, want));
        index[7] = static_cast<T>(s.n);
        kernel::gather(s, index.data(), x.data(), y.data());
        CHECK(std::isnan(y[7]));
        CHECK_FALSE(std::isnan(y[8]));
    }
}

TEST_CASE("select: the same bits on any number of threads") {
    const std::size_t R = 3000, N = 50, D = 130;
    std::vector<std::int32_t> index(R);
    for (std::size_t r = 0; r < R; ++r) index[r] = static_cast<std::int32_t>(r * 37 % N);
    const auto dy = values<float>(R * D, 1);
    CHECK(same_on_any_threads([&] {
        std::vector<float> dw(N * D);
        kernel::add_rows_at(R, D, index.data(), dy.data(), dw.data());
        return dw;
    }));
}

} // namespace

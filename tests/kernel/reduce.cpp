// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/reduce.hpp"

#include <limits>

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

TEST_CASE_TEMPLATE("reduce: equal to the plain loops", T, float, double) {
    for (std::size_t C : counts{1, 3, 8, 9, 16, 17, 24, 40, 47, 48, 72, 96, 130})
        for (std::size_t R : counts{1, 2, 3, 4, 7, 33, 300})
            for (bool add : {false, true}) {
                CAPTURE(R);
                CAPTURE(C);
                CAPTURE(add);
                const auto x = values<T>(R * C, 1);
                auto columns = values<T>(C, 2), columns_want = columns, sums = values<T>(R, 3), sums_want = sums;
                kernel::column_sum(R, C, x.data(), columns.data(), add);
                kernel::naive::column_sum(R, C, x.data(), columns_want.data(), add);
                CHECK(close(columns, columns_want));
                kernel::row_sum(R, C, x.data(), sums.data(), add);
                kernel::naive::row_sum(R, C, x.data(), sums_want.data(), add);
                CHECK(close(sums, sums_want));
                const auto many = values<T>(3 * R * C, 4);
                std::vector<T> mean(3 * C), mean_want(3 * C);
                kernel::pool_mean(3, R, C, many.data(), mean.data());
                kernel::naive::pool_mean(3, R, C, many.data(), mean_want.data());
                CHECK(close(mean, mean_want));
                auto dx = values<T>(3 * R * C, 5), dx_want = dx;
                kernel::pool_mean_backward(3, R, C, mean.data(), dx.data(), add);
                kernel::naive::pool_mean_backward(3, R, C, mean.data(), dx_want.data(), add);
                CHECK(close(dx, dx_want));
                std::vector<T> largest(R);
                std::vector<std::size_t> where(R);
                kernel::row_max(R, C, x.data(), largest.data());
                kernel::row_argmax(R, C, x.data(), where.data());
                for (std::size_t r = 0; r < R; ++r) {
                    const auto want = std::max_element(x.data() + r * C, x.data() + (r + 1) * C);
                    CHECK(largest[r] == *want);
                    CHECK(where[r] == static_cast<std::size_t>(want - (x.data() + r * C)));
                }
            }
}

/// The first extreme of n elements that are `step` apart, a NaN before any number.
template <class T> std::size_t first_extreme(bool largest, std::size_t n, const T* x, std::size_t step) {
    std::size_t at = 0;
    for (std::size_t k = 0; k < n; ++k) {
        const T v = x[k * step], best = x[at * step];
        if (std::isnan(v)) return k;
        if (largest ? v > best : v < best) at = k;
    }
    return at;
}

TEST_CASE_TEMPLATE("extreme: equal to the plain loop, with ties and NaN", T, float, double) {
    for (std::size_t outer : counts{1, 3})
        for (std::size_t n : counts{1, 2, 5, 40})
            for (std::size_t inner : counts{1, 2, 8, 21})
                for (const bool largest : {false, true})
                    for (const bool broken : {false, true}) {
                        CAPTURE(outer);
                        CAPTURE(n);
                        CAPTURE(inner);
                        CAPTURE(largest);
                        CAPTURE(broken);
                        auto x = values<T>(outer * n * inner, 1);
                        for (T& v : x) v = std::round(3 * v); // ties
                        if (broken)
                            for (std::size_t i = 2; i < x.size(); i += 7) x[i] = std::numeric_limits<T>::quiet_NaN();
                        std::vector<T> y(outer * inner), at(outer * inner), alone(outer * inner);
                        const auto run = largest ? kernel::extreme<true, T, T> : kernel::extreme<false, T, T>;
                        run(outer, n, inner, x.data(), y.data(), at.data());
                        run(outer, n, inner, x.data(), alone.data(), nullptr);
                        CHECK(same_bits(y, alone));
                        for (std::size_t i = 0; i < y.size(); ++i) {
                            const T* from = x.data() + i / inner * n * inner + i % inner;
                            const std::size_t want = first_extreme(largest, n, from, inner);
                            CHECK(at[i] == static_cast<T>(want));
                            const T value = from[want * inner];
                            if (std::isnan(value))
                                CHECK(std::isnan(y[i]));
                            else
                                CHECK(y[i] == value);
                        }
                    }
}

TEST_CASE_TEMPLATE("running_sum: equal to the plain loop, in both directions and in place", T, float, double) {
    for (std::size_t outer : counts{1, 3})
        for (std::size_t n : counts{0, 1, 2, 40})
            for (std::size_t inner : counts{1, 2, 8, 21})
                for (const bool backwards : {false, true}) {
                    CAPTURE(outer);
                    CAPTURE(n);
                    CAPTURE(inner);
                    CAPTURE(backwards);
                    auto x = values<T>(outer * n * inner, 1), want = x, y = x;
                    for (std::size_t o = 0; o < outer; ++o)
                        for (std::size_t i = 0; i < inner; ++i) {
                            T sum(0);
                            for (std::size_t k = 0; k < n; ++k) {
                                const std::size_t row = o * n + (backwards ? n - 1 - k : k);
                                want[row * inner + i] = sum += x[row * inner + i];
                            }
                        }
                    const auto run = backwards ? kernel::running_sum<true, T> : kernel::running_sum<false, T>;
                    run(outer, n, inner, x.data(), y.data());
                    CHECK(same_bits(y, want));
                    run(outer, n, inner, x.data(), x.data());
                    CHECK(same_bits(x, want));
                }
}

TEST_CASE_TEMPLATE("add_partials: in ascending order, to what is there or not, also in place", T, float, double) {
    for (const std::size_t C : counts{1, 9, 40})
        for (const std::size_t chunks : counts{1, 2, 5})
            for (const bool add : {false, true}) {
                CAPTURE(C);
                CAPTURE(chunks);
                CAPTURE(add);
                const std::size_t step = C + 3;
                auto partial = values<T>(chunks * step, 1), y = values<T>(C, 2), want = y;
                for (std::size_t c = 0; c < C; ++c) {
                    T s = partial[c];
                    for (std::size_t i = 1; i < chunks; ++i) s += partial[i * step + c];
                    want[c] = add ? y[c] + s : s;
                }
                kernel::add_partials(chunks, C, step, partial.data(), y.data(), add);
                CHECK(same_bits(y, want));
                if (add) continue;
                kernel::add_partials(chunks, C, step, partial.data(), partial.data(), false);
                CHECK(same_bits(std::vector<T>(partial.begin(), partial.begin() + std::ptrdiff_t(C)), want));
            }
}

TEST_CASE("reduce: no rows give zero sums, ties the first column, all −∞ gives −∞") {
    std::vector<float> y{1, 2};
    const std::vector<float> x{3, 5, 5, 1};
    kernel::column_sum(0, 2, x.data(), y.data(), true);
    CHECK(y == std::vector<float>{1, 2});
    kernel::column_sum(0, 2, x.data(), y.data(), false);
    CHECK(y == std::vector<float>{0, 0});
    std::size_t at = 9;
    kernel::row_argmax(1, 4, x.data(), &at);
    CHECK(at == 1);
    const std::vector<float> low(19, -std::numeric_limits<float>::infinity());
    kernel::row_max(1, 19, low.data(), y.data());
    CHECK(y[0] == low[0]);
}

TEST_CASE("reduce: the same bits on any number of threads") {
    const std::size_t R = 5000, C = 40;
    const auto x = values<float>(R * C, 1);
    CHECK(same_on_any_threads([&] {
        std::vector<float> y(C);
        kernel::column_sum(R, C, x.data(), y.data(), false);
        return y;
    }));
    CHECK(same_on_any_threads([&] {
        std::vector<float> y(R);
        kernel::row_sum(R, C, x.data(), y.data(), false);
        return y;
    }));
    CHECK(same_on_any_threads([&] {
        std::vector<float> y(R / 10 * C), at(R / 10 * C);
        kernel::extreme<true>(R / 10, 10, C, x.data(), y.data(), at.data());
        y.insert(y.end(), at.begin(), at.end());
        return y;
    }));
    CHECK(same_on_any_threads([&] {
        std::vector<float> y(R * C);
        kernel::running_sum<false>(R / 10, 10, C, x.data(), y.data());
        return y;
    }));
    CHECK(same_on_any_threads([&] {
        std::vector<float> y(R / 10 * C);
        kernel::pool_mean(R / 10, 10, C, x.data(), y.data());
        return y;
    }));
}

} // namespace

TEST_CASE("reduce: windows of a pool cover all samples, each at least one") {
    for (std::size_t L = 1; L < 12; ++L)
        for (std::size_t count = 1; count < 15; ++count) {
            std::size_t reached = 0;
            for (std::size_t i = 0; i < count; ++i) {
                const kernel::pool_window w(i, L, count);
                CHECK(w.first < w.end);
                CHECK(w.first <= reached);
                reached = w.end;
                // first = floor(i L / count) and end = ceil((i + 1) L / count), as multiples of 1 / count
                CHECK(w.first * count <= i * L);
                CHECK(i * L < (w.first + 1) * count);
                CHECK((w.end - 1) * count < (i + 1) * L);
                CHECK((i + 1) * L <= w.end * count);
            }
            CHECK(reached == L);
        }
}

TEST_CASE_TEMPLATE("reduce: a row of a max-pool, at the borders, with equal elements and NaN", T, float, double) {
    constexpr T nan = std::numeric_limits<T>::quiet_NaN();
    const std::vector<T> x{1, 5, 3, 5, 2, nan, 4, 7}; // (4, 2)
    std::vector<T> y(2);
    std::vector<std::int32_t> at(2);
    const auto row = [&](std::size_t start) {
        kernel::max_pool_row(4, 2, 3, start, 1, x.data(), y.data(), at.data());
    };
    row(0);
    CHECK(y == std::vector<T>{3, 5});
    CHECK(at == std::vector<std::int32_t>{1, 0}); // of equal elements the first
    row(1);
    CHECK(y[0] == 3);
    CHECK(std::isnan(y[1]));
    CHECK(at == std::vector<std::int32_t>{1, 2});
    row(3);
    CHECK(y[0] == 4);
    CHECK(at[0] == 3);
    kernel::max_pool_row<T>(4, 2, 3, 3, 1, x.data(), y.data(), nullptr);
    CHECK(y[0] == 4);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/vector.hpp"

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

constexpr std::size_t sizes[] = {0, 1, 3, 8, 9, 16, 17, 24, 40, 47, 48, 72, 96, 130, 70000};

TEST_CASE_TEMPLATE("map: every element once, at any length", T, float, double) {
    for (std::size_t n : sizes) {
        CAPTURE(n);
        const auto a = values<T>(n, 1), b = values<T>(n, 2);
        auto y = values<T>(n, 3), want = y;
        const auto product = [](auto u, auto v) { return u * v; };
        kernel::map(n, product, y.data(), a.data(), b.data());
        for (std::size_t i = 0; i < n; ++i) want[i] = a[i] * b[i];
        CHECK(same_bits(y, want));
        kernel::map_add(n, product, y.data(), b.data(), b.data());
        for (std::size_t i = 0; i < n; ++i) want[i] += b[i] * b[i];
        CHECK(close(y, want));
        kernel::axpy(n, T(0.5), a.data(), y.data());
        for (std::size_t i = 0; i < n; ++i) want[i] += T(0.5) * a[i];
        CHECK(close(y, want));
        kernel::scale(n, T(-2), y.data());
        for (T& v : want) v *= T(-2);
        CHECK(close(y, want));
        kernel::copy(n, a.data(), y.data());
        CHECK(y == a);
        kernel::fill(n, T(4), y.data());
        CHECK(y == std::vector<T>(n, T(4)));
    }
}

TEST_CASE_TEMPLATE("map_columns and gate: equal to the plain loops", T, float, double) {
    for (std::size_t C : counts{1, 3, 8, 9, 16, 17, 24, 40, 47, 48, 72, 96, 130})
        for (std::size_t L : counts{1, 5, 16}) {
            CAPTURE(C);
            CAPTURE(L);
            const std::size_t B = 3, R = B * L;
            const auto x = values<T>(R * C, 1), v = values<T>(C, 2), g = values<T>(B * C, 3),
                       dy = values<T>(R * C, 4);
            auto y = values<T>(R * C, 5);
            std::vector<T> want(R * C);
            const auto sum = [](auto a, auto b) { return a + b; };
            const auto start = y;
            kernel::naive::map_columns(R, C, sum, want.data(), x.data(), v.data());
            kernel::map_columns_add(R, C, sum, y.data(), x.data(), v.data());
            for (std::size_t i = 0; i < R * C; ++i) want[i] += start[i];
            CHECK(close(y, want));
            kernel::map_columns(R, C, sum, y.data(), x.data(), v.data());
            kernel::naive::map_columns(R, C, sum, want.data(), x.data(), v.data());
            CHECK(close(y, want));
            kernel::gate_forward(B, L, C, x.data(), g.data(), y.data());
            kernel::naive::gate_forward(B, L, C, x.data(), g.data(), want.data());
            CHECK(close(y, want));
            for (bool add_dx : {false, true})
                for (bool add_dg : {false, true}) {
                    CAPTURE(add_dx);
                    CAPTURE(add_dg);
                    auto dx = values<T>(R * C, 6), dx_want = dx, dg = values<T>(B * C, 7), dg_want = dg;
                    kernel::gate_backward(B, L, C, dy.data(), x.data(), g.data(), dx.data(), add_dx, dg.data(),
                                          add_dg);
                    kernel::naive::gate_backward(B, L, C, dy.data(), x.data(), g.data(), dx_want.data(), add_dx,
                                                 dg_want.data(), add_dg);
                    CHECK(close(dx, dx_want));
                    CHECK(close(dg, dg_want));
                    T* const none = nullptr;
                    auto dx_alone = values<T>(R * C, 6), dg_alone = values<T>(B * C, 7);
                    kernel::gate_backward(B, L, C, dy.data(), x.data(), g.data(), dx_alone.data(), add_dx, none,
                                          add_dg);
                    kernel::gate_backward(B, L, C, dy.data(), x.data(), g.data(), none, add_dx, dg_alone.data(),
                                          add_dg);
                    CHECK(same_bits(dx, dx_alone));
                    CHECK(same_bits(dg, dg_alone));
                }
        }
}

TEST_CASE_TEMPLATE("copy_blocks: blocks go where the strides say, and nothing else is written", T, float, double) {
    const std::size_t rows = 3, n = 4, x_step = 6, y_step = 5;
    const auto x = values<T>(rows * x_step, 1);
    auto y = values<T>(rows * y_step, 2), want = y;
    kernel::copy_blocks(rows, n, x.data() + 1, x_step, y.data(), y_step);
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t i = 0; i < n; ++i) want[r * y_step + i] = x[r * x_step + 1 + i];
    CHECK(y == want);
}

TEST_CASE_TEMPLATE("row_total and chunked_total: the sum of the terms", T, float, double) {
    for (std::size_t n : sizes) {
        CAPTURE(n);
        const auto x = values<T>(n, 1);
        const auto square = [&](auto p, std::size_t i) {
            const auto v = p.load(x.data() + i);
            return v * v;
        };
        double want = 0;
        for (const T v : x) want += double(v) * double(v);
        const auto near = doctest::Approx(want).epsilon(tolerance<T>).scale(1 + std::sqrt(double(n)));
        CHECK(double(kernel::row_total<T>(n, square)) == near);
        const T total = kernel::chunked_total<T>(n, square);
        CHECK(double(total) == near);
        if (n <= kernel::chunk_elements) CHECK(total == kernel::row_total<T>(n, square));
    }
    const std::size_t n = 200001;
    const auto x = values<T>(n, 1);
    CHECK(same_on_any_threads([&] {
        const auto term = [&](auto p, std::size_t i) { return p.load(x.data() + i); };
        return std::vector<T>{kernel::chunked_total<T>(n, term)};
    }));
}

TEST_CASE_TEMPLATE("dot and sum: right, and the same on any number of threads", T, float, double) {
    for (std::size_t n : sizes) {
        CAPTURE(n);
        const auto a = values<T>(n, 1), b = values<T>(n, 2);
        double dot = 0, sum = 0;
        for (std::size_t i = 0; i < n; ++i) {
            dot += double(a[i]) * double(b[i]);
            sum += double(a[i]);
        }
        CHECK(double(kernel::dot(n, a.data(), b.data())) ==
              doctest::Approx(dot).epsilon(tolerance<T>).scale(1 + std::sqrt(double(n))));
        CHECK(double(kernel::sum(n, a.data())) ==
              doctest::Approx(sum).epsilon(tolerance<T>).scale(1 + std::sqrt(double(n))));
    }
    const std::size_t n = 200001;
    const auto a = values<T>(n, 1), b = values<T>(n, 2);
    CHECK(same_on_any_threads([&] {
        return std::vector<T>{kernel::dot(n, a.data(), b.data()), kernel::sum(n, a.data())};
    }));
}

} // namespace

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/softmax.hpp"

#include <limits>

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

template <class T> constexpr T minus_infinity = -std::numeric_limits<T>::infinity();

/// Rows of logits up to ±scale in which every third entry of odd rows, and all of row 2, is −∞.
template <class T> std::vector<T> logits(std::size_t R, std::size_t N, T scale) {
    auto x = values<T>(R * N, 1);
    for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] *= scale;
        const std::size_t r = i / N, n = i % N;
        if (r == 2 || (r % 2 == 1 && n % 3 == 1)) x[i] = minus_infinity<T>;
    }
    return x;
}

TEST_CASE_TEMPLATE("softmax: equal to the plain loops", T, float, double) {
    for (std::size_t N : counts{1, 3, 6, 8, 9, 16, 17, 24, 40, 47, 48, 72, 96, 130})
        for (T scale : {T(1), T(30), T(1000)})
            for (bool add : {false, true}) {
                const std::size_t R = 5;
                CAPTURE(N);
                CAPTURE(scale);
                CAPTURE(add);
                const auto x = logits<T>(R, N, scale), dy = values<T>(R * N, 2), row_dy = values<T>(R, 3);
                std::vector<T> y(R * N), want(R * N), lse(R), lse_want(R);
                kernel::log_sum_exp(R, N, x.data(), lse.data());
                kernel::naive::log_sum_exp(R, N, x.data(), lse_want.data());
                CHECK(close(lse, lse_want));
                auto dx = values<T>(R * N, 4), dx_want = dx;
                kernel::log_sum_exp_backward(R, N, row_dy.data(), x.data(), lse_want.data(), dx.data(), add);
                kernel::naive::log_sum_exp_backward(R, N, row_dy.data(), x.data(), lse_want.data(), dx_want.data(),
                                                    add);
                // exp(x − y) carries the rounding of x − y, |x| eps.
                CHECK(distance(dx, dx_want) <= tolerance<T> * std::max(1.0, double(scale) / 10));

                kernel::log_softmax(R, N, x.data(), y.data());
                kernel::naive::log_softmax(R, N, x.data(), want.data());
                CHECK(close(y, want));
                dx_want = dx = values<T>(R * N, 4);
                kernel::log_softmax_backward(R, N, dy.data(), want.data(), dx.data(), add);
                kernel::naive::log_softmax_backward(R, N, dy.data(), want.data(), dx_want.data(), add);
                CHECK(close(dx, dx_want));

                kernel::softmax(R, N, x.data(), y.data());
                kernel::naive::softmax(R, N, x.data(), want.data());
                CHECK(distance(y, want) <= tolerance<T> * std::max(1.0, double(scale) / 10));
                dx_want = dx = values<T>(R * N, 4);
                kernel::softmax_backward(R, N, dy.data(), want.data(), dx.data(), add);
                kernel::naive::softmax_backward(R, N, dy.data(), want.data(), dx_want.data(), add);
                CHECK(close(dx, dx_want));
            }
}

TEST_CASE_TEMPLATE("softmax: a row of only −∞ gives lse −∞ and weights and gradients 0, never NaN", T, float,
                   double) {
    for (std::size_t N : counts{1, 6, 19}) {
        CAPTURE(N);
        const std::vector<T> x(N, minus_infinity<T>), dy(N, T(1)), zeros(N, T(0));
        std::vector<T> y(N, T(7));
        T lse(0);
        kernel::log_sum_exp(1, N, x.data(), &lse);
        CHECK(lse == minus_infinity<T>);
        kernel::log_softmax(1, N, x.data(), y.data());
        CHECK(y == x);
        kernel::softmax(1, N, x.data(), y.data());
        CHECK(y == zeros);
        auto dx = dy;
        kernel::softmax_backward(1, N, dy.data(), y.data(), dx.data(), false);
        CHECK(dx == zeros);
        kernel::log_sum_exp_backward(1, N, dy.data(), x.data(), &lse, dx.data(), false);
        CHECK(dx == zeros);
    }
}

TEST_CASE("softmax: rows sum to 1 in place, and NaN is not hidden") {
    const std::size_t R = 3, N = 21;
    auto x = values<float>(R * N, 1);
    kernel::softmax(R, N, x.data(), x.data());
    for (std::size_t r = 0; r < R; ++r) {
        double s = 0;
        for (std::size_t n = 0; n < N; ++n) s += double(x[r * N + n]);
        CHECK(s == doctest::Approx(1).epsilon(1e-6));
    }
    x[N + 2] = std::numeric_limits<float>::quiet_NaN();
    float lse[3];
    kernel::log_sum_exp(R, N, x.data(), lse);
    CHECK(!std::isnan(lse[0]));
    CHECK(std::isnan(lse[1]));
}

TEST_CASE("softmax: the same bits on any number of threads") {
    const std::size_t R = 3000, N = 13;
    const auto x = values<float>(R * N, 1), dy = values<float>(R * N, 2);
    CHECK(same_on_any_threads([&] {
        std::vector<float> y(R * N);
        kernel::softmax(R, N, x.data(), y.data());
        kernel::softmax_backward(R, N, dy.data(), y.data(), y.data(), false);
        return y;
    }));
    CHECK(same_on_any_threads([&] {
        std::vector<float> y(R * N);
        kernel::log_softmax(R, N, x.data(), y.data());
        kernel::log_softmax_backward(R, N, dy.data(), y.data(), y.data(), false);
        return y;
    }));
}

} // namespace

TEST_CASE_TEMPLATE("softmax: log-mean-exp, log-sum-exp by class and mixtures follow their formulas", T, float,
                   double) {
    const std::size_t R = 3, J = 4, N = 5, M = J * N;
    const auto x = values<T>(R * M, 1), a = values<T>(J, 2), prior = values<T>(N, 3);
    std::vector<T> mean(R * N), mixed(R * N), by_class(R * N), top(N), share(R * M), log_p(R * M), log_weight(J);
    std::vector<int> label(M);
    for (std::size_t m = 0; m < M; ++m) label[m] = static_cast<int>(m % 7 < N ? m % 7 : 0);
    kernel::log_mean_exp(R, J, N, x.data(), mean.data());
    kernel::mixture(R, J, N, x.data(), a.data(), log_p.data(), log_weight.data(), mixed.data());
    kernel::class_log_sum_exp(R, M, N, x.data(), label.data(), prior.data(), top.data(), by_class.data(),
                              share.data());
    double weights = 0;
    for (const T v : a) weights += std::exp(double(v));
    for (std::size_t r = 0; r < R; ++r)
        for (std::size_t n = 0; n < N; ++n) {
            double sum = 0, p = 0, own = 0;
            for (std::size_t j = 0; j < J; ++j) {
                double all = 0;
                for (std::size_t i = 0; i < N; ++i) all += std::exp(double(x[r * M + j * N + i]));
                const double e = std::exp(double(x[r * M + j * N + n]));
                sum += e / double(J);
                p += std::exp(double(a[j])) / weights * e / all;
            }
            for (std::size_t m = 0; m < M; ++m) own += label[m] == int(n) ? std::exp(double(x[r * M + m])) : 0;
            CHECK(double(mean[r * N + n]) == doctest::Approx(std::log(sum)).epsilon(1e-6));
            CHECK(double(mixed[r * N + n]) == doctest::Approx(std::log(p)).epsilon(1e-6));
            CHECK(double(by_class[r * N + n]) == doctest::Approx(std::log(own) - double(prior[n])).epsilon(1e-6));
            for (std::size_t m = 0; m < M; ++m)
                if (label[m] == int(n))
                    CHECK(double(share[r * M + m]) ==
                          doctest::Approx(std::exp(double(x[r * M + m])) / own).epsilon(1e-6));
        }
    const auto with_share = by_class;
    const std::vector<T> as_float(label.begin(), label.end());
    kernel::class_log_sum_exp<T>(R, M, N, x.data(), as_float.data(), prior.data(), top.data(), by_class.data(),
                                 nullptr);
    CHECK(by_class == with_share);
}

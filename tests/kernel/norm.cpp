// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/norm.hpp"

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

constexpr std::size_t channels[] = {1, 3, 8, 9, 16, 17, 24, 40, 47, 48, 72, 96, 130};
constexpr std::size_t rows[] = {1, 2, 5, 33, 64, 257};

TEST_CASE_TEMPLATE("column_moments and column_affine: equal to the plain loops", T, float, double) {
    for (std::size_t C : channels)
        for (std::size_t R : rows) {
            CAPTURE(R);
            CAPTURE(C);
            const auto x = values<T>(R * C, 1), scale = values<T>(C, 2), shift = values<T>(C, 3);
            std::vector<T> mean(C), var(C), mean_want(C), var_want(C), y(R * C), y_want(R * C);
            kernel::column_moments(R, C, x.data(), mean.data(), var.data());
            kernel::naive::column_moments(R, C, x.data(), mean_want.data(), var_want.data());
            CHECK(close(mean, mean_want));
            CHECK(close(var, var_want));
            kernel::column_affine(R, C, x.data(), scale.data(), shift.data(), y.data());
            kernel::naive::column_affine(R, C, x.data(), scale.data(), shift.data(), y_want.data());
            CHECK(close(y, y_want));
        }
}

TEST_CASE("column_moments: the variance survives a mean 10 000 times the deviation") {
    const std::size_t R = 20000, C = 5;
    auto x = values<float>(R * C, 1);
    std::vector<double> exact(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) exact[i] = double(x[i] += 10000.0f);
    std::vector<float> mean(C), var(C);
    std::vector<double> mean_want(C), var_want(C);
    kernel::column_moments(R, C, x.data(), mean.data(), var.data());
    kernel::naive::column_moments(R, C, exact.data(), mean_want.data(), var_want.data());
    for (std::size_t c = 0; c < C; ++c) {
        CHECK(double(mean[c]) == doctest::Approx(mean_want[c]).epsilon(1e-6));
        CHECK(double(var[c]) == doctest::Approx(var_want[c]).epsilon(1e-3));
    }
}

TEST_CASE_TEMPLATE("batch_norm_backward: equal to the plain loops", T, float, double) {
    for (std::size_t C : channels)
        for (std::size_t R : counts{2, 5, 33, 257})
            for (bool add : {false, true}) {
                CAPTURE(R);
                CAPTURE(C);
                CAPTURE(add);
                const auto x = values<T>(R * C, 1), dy = values<T>(R * C, 2), gamma = values<T>(C, 3);
                std::vector<T> mean(C), invstd(C);
                kernel::column_moments(R, C, x.data(), mean.data(), invstd.data());
                for (T& v : invstd) v = T(1) / std::sqrt(v + static_cast<T>(0.1));
                auto dx = values<T>(R * C, 4), dgamma = values<T>(C, 5), dbeta = values<T>(C, 6);
                std::vector<T> dx_want(R * C), dgamma_want(C), dbeta_want(C);
                kernel::naive::batch_norm_backward(R, C, x.data(), dy.data(), mean.data(), invstd.data(),
                                                   gamma.data(), dx_want.data(), dgamma_want.data(),
                                                   dbeta_want.data());
                if (add) {
                    for (std::size_t i = 0; i < R * C; ++i) dx_want[i] += dx[i];
                    for (std::size_t c = 0; c < C; ++c) dgamma_want[c] += dgamma[c];
                    for (std::size_t c = 0; c < C; ++c) dbeta_want[c] += dbeta[c];
                }
                T* const none = nullptr;
                auto alone = dx;
                kernel::batch_norm_backward(R, C, x.data(), dy.data(), mean.data(), invstd.data(), gamma.data(),
                                            alone.data(), add, none, add, none, add);
                kernel::batch_norm_backward(R, C, x.data(), dy.data(), mean.data(), invstd.data(), gamma.data(),
                                            dx.data(), add, dgamma.data(), add, dbeta.data(), add);
                CHECK(close(dx, dx_want));
                CHECK(same_bits(dx, alone));
                CHECK(close(dgamma, dgamma_want));
                CHECK(close(dbeta, dbeta_want));
            }
}

TEST_CASE_TEMPLATE("layer_norm: equal to the plain loops", T, float, double) {
    for (std::size_t C : channels)
        for (std::size_t R : rows)
            for (bool add : {false, true}) {
                CAPTURE(R);
                CAPTURE(C);
                CAPTURE(add);
                const auto x = values<T>(R * C, 1), dy = values<T>(R * C, 2), gamma = values<T>(C, 3),
                           beta = values<T>(C, 4);
                const auto eps = static_cast<T>(0.1);
                std::vector<T> y(R * C), mean(R), invstd(R), y_want(R * C), mean_want(R), invstd_want(R);
                kernel::layer_norm_forward(R, C, x.data(), gamma.data(), beta.data(), eps, y.data(), mean.data(),
                                           invstd.data());
                kernel::naive::layer_norm_forward(R, C, x.data(), gamma.data(), beta.data(), eps, y_want.data(),
                                                  mean_want.data(), invstd_want.data());
                CHECK(close(y, y_want));
                CHECK(close(mean, mean_want));
                CHECK(close(invstd, invstd_want));
                auto dx = values<T>(R * C, 5), dgamma = values<T>(C, 6), dbeta = values<T>(C, 7);
                std::vector<T> dx_want(R * C), dgamma_want(C), dbeta_want(C);
                kernel::naive::layer_norm_backward(R, C, x.data(), dy.data(), mean.data(), invstd.data(),
                                                   gamma.data(), dx_want.data(), dgamma_want.data(),
                                                   dbeta_want.data());
                if (add) {
                    for (std::size_t i = 0; i < R * C; ++i) dx_want[i] += dx[i];
                    for (std::size_t c = 0; c < C; ++c) dgamma_want[c] += dgamma[c];
                    for (std::size_t c = 0; c < C; ++c) dbeta_want[c] += dbeta[c];
                }
                kernel::layer_norm_backward(R, C, x.data(), dy.data(), mean.data(), invstd.data(), gamma.data(),
                                            dx.data(), add, dgamma.data(), add, dbeta.data(), add);
                CHECK(close(dx, dx_want));
                CHECK(close(dgamma, dgamma_want));
                CHECK(close(dbeta, dbeta_want));
            }
}

TEST_CASE("norm: null gamma and beta mean 1 and 0") {
    const std::size_t R = 6, C = 21;
    const auto x = values<float>(R * C, 1), dy = values<float>(R * C, 2);
    const std::vector<float> ones(C, 1.0f), zeros(C, 0.0f);
    const float* const none = nullptr;
    std::vector<float> a(R * C), b(R * C), mean(R), invstd(R), sum(C);
    kernel::layer_norm_forward(R, C, x.data(), none, none, 0.1f, a.data(), mean.data(), invstd.data());
    kernel::layer_norm_forward(R, C, x.data(), ones.data(), zeros.data(), 0.1f, b.data(), mean.data(), invstd.data());
    CHECK(close(a, b));
    for (const float* gamma : {none, ones.data()})
        kernel::layer_norm_backward(R, C, x.data(), dy.data(), mean.data(), invstd.data(), gamma,
                                    gamma ? b.data() : a.data(), false, sum.data(), false, sum.data(), false);
    CHECK(close(a, b));
    std::vector<float> column_mean(C), column_invstd(C, 2.0f);
    kernel::column_moments(R, C, x.data(), column_mean.data(), sum.data());
    for (const float* gamma : {none, ones.data()})
        kernel::batch_norm_backward(R, C, x.data(), dy.data(), column_mean.data(), column_invstd.data(), gamma,
                                    gamma ? b.data() : a.data(), false, sum.data(), false, sum.data(), false);
    CHECK(close(a, b));
}

TEST_CASE("norm: the same bits on any number of threads") {
    const std::size_t R = 3000, C = 72;
    const auto x = values<float>(R * C, 1), dy = values<float>(R * C, 2), gamma = values<float>(C, 3);
    CHECK(same_on_any_threads([&] {
        std::vector<float> out(R * C + 4 * C);
        float *mean = out.data() + R * C, *var = mean + C, *dgamma = var + C, *dbeta = dgamma + C;
        kernel::column_moments(R, C, x.data(), mean, var);
        kernel::batch_norm_backward(R, C, x.data(), dy.data(), mean, var, gamma.data(), out.data(), false, dgamma,
                                    false, dbeta, false);
        return out;
    }));
    CHECK(same_on_any_threads([&] {
        std::vector<float> out(R * C + 2 * R + 2 * C);
        float *mean = out.data() + R * C, *invstd = mean + R, *dgamma = invstd + R, *dbeta = dgamma + C;
        kernel::layer_norm_forward(R, C, x.data(), gamma.data(), gamma.data(), 1e-5f, out.data(), mean, invstd);
        kernel::layer_norm_backward(R, C, x.data(), dy.data(), mean, invstd, gamma.data(), out.data(), true, dgamma,
                                    false, dbeta, false);
        return out;
    }));
}

} // namespace

TEST_CASE_TEMPLATE("norm: rows of unit length, and short ones divided by eps", T, float, double) {
    auto x = values<T>(2 * 7, 1);
    for (std::size_t c = 0; c < 7; ++c) x[7 + c] = static_cast<T>(1e-3) * x[c];
    std::vector<T> y(14);
    kernel::l2_normalize(2, 7, x.data(), T(0.5), y.data());
    double square = 0;
    for (std::size_t c = 0; c < 7; ++c) square += double(y[c]) * double(y[c]);
    CHECK(square == doctest::Approx(1).epsilon(1e-6));
    for (std::size_t c = 0; c < 7; ++c)
        CHECK(double(y[7 + c]) == doctest::Approx(2 * double(x[7 + c])).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("norm: unit rows equal to the plain loop, in place too, and to dot bit for bit", T, float,
                   double) {
    for (std::size_t C : counts{1, 3, 8, 17, 47, 130, 2 * kernel::chunk_elements + 5}) {
        CAPTURE(C);
        const auto x = values<T>(2 * C, 1);
        std::vector<T> y(2 * C), want(2 * C), by_dot(2 * C);
        for (std::size_t r = 0; r < 2; ++r) {
            const T* const row = x.data() + r * C;
            double square = 0;
            for (std::size_t c = 0; c < C; ++c) square += double(row[c]) * double(row[c]);
            const T scale = T(1) / std::max(std::sqrt(kernel::dot(C, row, row)), T(1e-12));
            for (std::size_t c = 0; c < C; ++c) {
                want[r * C + c] = static_cast<T>(double(row[c]) / std::sqrt(square));
                by_dot[r * C + c] = row[c] * scale;
            }
        }
        kernel::l2_normalize(2, C, x.data(), T(1e-12), y.data());
        CHECK(close(y, want));
        CHECK(y == by_dot);
        auto in_place = x;
        kernel::l2_normalize(2, C, in_place.data(), T(1e-12), in_place.data());
        CHECK(in_place == y);
    }
}

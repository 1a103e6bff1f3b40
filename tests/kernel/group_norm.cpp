// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/group_norm.hpp"

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

TEST_CASE_TEMPLATE("group_norm: equal to the plain loops", T, float, double) {
    for (std::size_t G : counts{1, 2, 3, 6})
        for (std::size_t n : counts{1, 3, 8, 17})
            for (std::size_t L : counts{2, 5, 33})
                for (bool add : {false, true}) {
                    CAPTURE(G);
                    CAPTURE(n);
                    CAPTURE(L);
                    CAPTURE(add);
                    const std::size_t B = 3, C = G * n;
                    const auto x = values<T>(B * L * C, 1), dy = values<T>(B * L * C, 2), gamma = values<T>(C, 3),
                               beta = values<T>(C, 4);
                    const auto eps = static_cast<T>(0.1);
                    std::vector<T> y(x.size()), mean(B * G), invstd(B * G), y_want(x.size()), mean_want(B * G),
                        invstd_want(B * G);
                    kernel::group_norm_forward(B, L, C, G, x.data(), gamma.data(), beta.data(), eps, y.data(),
                                               mean.data(), invstd.data());
                    kernel::naive::group_norm_forward(B, L, C, G, x.data(), gamma.data(), beta.data(), eps,
                                                      y_want.data(), mean_want.data(), invstd_want.data());
                    CHECK(close(y, y_want));
                    CHECK(close(mean, mean_want));
                    CHECK(close(invstd, invstd_want));
                    auto dx = values<T>(x.size(), 5), dgamma = values<T>(C, 6), dbeta = values<T>(C, 7);
                    std::vector<T> dx_want(x.size()), dgamma_want(C), dbeta_want(C);
                    kernel::naive::group_norm_backward(B, L, C, G, x.data(), dy.data(), mean.data(), invstd.data(),
                                                       gamma.data(), dx_want.data(), dgamma_want.data(),
                                                       dbeta_want.data());
                    if (add) {
                        for (std::size_t i = 0; i < x.size(); ++i) dx_want[i] += dx[i];
                        for (std::size_t c = 0; c < C; ++c) dgamma_want[c] += dgamma[c];
                        for (std::size_t c = 0; c < C; ++c) dbeta_want[c] += dbeta[c];
                    }
                    T* const none = nullptr;
                    auto alone = dx;
                    kernel::group_norm_backward(B, L, C, G, x.data(), dy.data(), mean.data(), invstd.data(),
                                                gamma.data(), alone.data(), add, none, add, none, add);
                    kernel::group_norm_backward(B, L, C, G, x.data(), dy.data(), mean.data(), invstd.data(),
                                                gamma.data(), dx.data(), add, dgamma.data(), add, dbeta.data(), add);
                    CHECK(close(dx, dx_want));
                    CHECK(same_bits(dx, alone));
                    CHECK(close(dgamma, dgamma_want));
                    CHECK(close(dbeta, dbeta_want));
                }
}

TEST_CASE("group_norm: null gamma and beta mean 1 and 0; a sample may be normalised in place") {
    const std::size_t B = 2, L = 5, C = 12, G = 3;
    const auto x = values<float>(B * L * C, 1), dy = values<float>(B * L * C, 2);
    const std::vector<float> ones(C, 1.0f), zeros(C, 0.0f);
    const float* const none = nullptr;
    std::vector<float> a(x.size()), b(x.size()), mean(B * G), invstd(B * G), work(2 * C);
    kernel::group_norm_forward(B, L, C, G, x.data(), none, none, 0.1f, a.data(), mean.data(), invstd.data());
    kernel::group_norm_forward(B, L, C, G, x.data(), ones.data(), zeros.data(), 0.1f, b.data(), mean.data(),
                               invstd.data());
    CHECK(close(a, b));
    auto in_place = x;
    for (std::size_t i = 0; i < B; ++i) {
        float* const sample = in_place.data() + i * L * C;
        kernel::group_norm_sample(L, C, G, sample, none, none, 0.1f, sample, mean.data() + i * G,
                                  invstd.data() + i * G, work.data());
    }
    CHECK(same_bits(a, in_place));
    for (const float* gamma : {none, ones.data()})
        kernel::group_norm_backward(B, L, C, G, x.data(), dy.data(), mean.data(), invstd.data(), gamma,
                                    gamma ? b.data() : a.data(), false, static_cast<float*>(nullptr), false,
                                    static_cast<float*>(nullptr), false);
    CHECK(close(a, b));
}

TEST_CASE("group_norm: the variance survives a mean 10 000 times the deviation") {
    const std::size_t L = 2000, C = 4;
    auto x = values<float>(L * C, 1);
    std::vector<double> exact(x.size()), y_want(x.size()), ones(C, 1.0), zeros(C), mean_want(2), invstd_want(2);
    for (std::size_t i = 0; i < x.size(); ++i) exact[i] = double(x[i] += 10000.0f);
    std::vector<float> y(x.size()), mean(2), invstd(2);
    const float* const none = nullptr;
    kernel::group_norm_forward(1, L, C, 2, x.data(), none, none, 1e-5f, y.data(), mean.data(), invstd.data());
    kernel::naive::group_norm_forward(1, L, C, 2, exact.data(), ones.data(), zeros.data(), 1e-5, y_want.data(),
                                      mean_want.data(), invstd_want.data());
    for (std::size_t g = 0; g < 2; ++g) {
        CHECK(double(mean[g]) == doctest::Approx(mean_want[g]).epsilon(1e-6));
        CHECK(double(invstd[g]) == doctest::Approx(invstd_want[g]).epsilon(1e-3));
    }
}

TEST_CASE("group_norm: the same bits on any number of threads, and whatever the batch") {
    const std::size_t B = 40, L = 64, C = 48, G = 8;
    const auto x = values<float>(B * L * C, 1), dy = values<float>(B * L * C, 2), gamma = values<float>(C, 3);
    std::vector<float> all(B * L * C), one(L * C), mean(B * G), invstd(B * G);
    CHECK(same_on_any_threads([&] {
        std::vector<float> out(B * L * C + 2 * C);
        kernel::group_norm_forward(B, L, C, G, x.data(), gamma.data(), gamma.data(), 1e-5f, all.data(), mean.data(),
                                   invstd.data());
        kernel::group_norm_backward(B, L, C, G, x.data(), dy.data(), mean.data(), invstd.data(), gamma.data(),
                                    out.data(), false, out.data() + B * L * C, false, out.data() + B * L * C + C,
                                    false);
        out.insert(out.end(), all.begin(), all.end());
        return out;
    }));
    kernel::group_norm_forward(1, L, C, G, x.data() + 39 * L * C, gamma.data(), gamma.data(), 1e-5f, one.data(),
                               mean.data(), invstd.data());
    CHECK(std::memcmp(one.data(), all.data() + 39 * L * C, one.size() * sizeof(float)) == 0);
}

} // namespace

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/divergence.hpp"

#include "check.hpp"

using namespace smldist;

TEST_CASE("soften: returns rows of softmax(z/T)") {
    const tensor<double> z = normal({3, 4});
    for (const double T : {0.5, 1.0, 20.0}) {
        CAPTURE(T);
        const auto p = loss::soften(z, T);
        for (std::size_t b = 0; b < 3; ++b) {
            double sum = 0;
            for (std::size_t n = 0; n < 4; ++n) sum += std::exp(z(b, n) / T);
            for (std::size_t n = 0; n < 4; ++n) CHECK(p(b, n) == doctest::Approx(std::exp(z(b, n) / T) / sum));
        }
    }
}

TEST_CASE("divergence: gradients are exact and all worlds agree; the value is the sum of the definition") {
    const tensor<double> z = normal({3, 4}), q = loss::soften(normal({3, 4}, 1), 2);
    for (const double T : {0.5, 3.0})
        for (const double weight : {1.0, 0.3}) {
            check_op("T" + text(T) + "_w" + text(weight), {z}, [&](const auto& in) {
                return loss::divergence(in[0], cast<scalar_in<std::decay_t<decltype(in)>>>(q), T, weight);
            });
            const auto p = loss::soften(z, T);
            double sum = 0;
            for (std::size_t i = 0; i < q.size(); ++i) sum += q[i] * std::log(q[i] / p[i]);
            CHECK(loss::divergence(z, q, T, weight).item() == doctest::Approx(weight * T * T * sum / 3));
        }
}

TEST_CASE("divergence: 0 for equal distributions and never negative; rows without mass do not count") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        const tensor<double> z = normal({2, 4}, seed);
        CHECK(std::abs(loss::divergence(z, loss::soften(z, 3), 3).item()) < 1e-14);
        CHECK(loss::divergence(z, loss::soften(normal({2, 4}, 1000 + seed), 3), 3).item() > 0);
    }
    tensor<double> z = normal({2, 4}), q = loss::soften(normal({2, 4}, 1), 1);
    for (std::size_t n = 0; n < 4; ++n) q(1, n) = 0;
    const double y = loss::divergence(z, q, 1).item();
    z(1, 2) += 5;
    CHECK(loss::divergence(z, q, 1).item() == y);
}

TEST_CASE("divergence: invalid arguments are refused") {
    const tensor<double> z = normal({2, 4}), q = loss::soften(z, 1);
    CHECK_RAISES(usage_error, "temperature is 0", loss::divergence(z, q, 0));
    CHECK_RAISES(shape_error, "(2, 4) and (3, 4)", loss::divergence(z, normal({3, 4}), 1));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/stage/principal.hpp"

#include "../check.hpp"

using namespace smldist;

namespace {

/// Σ_r x_r x_rᵀ of R normal rows: symmetric, of rank min(R, C).
tensor<double> moments(std::size_t C, std::size_t R) {
    const tensor<double> x = normal({R, C}, 7);
    tensor<double> a(shape{C, C});
    for (std::size_t i = 0; i < C; ++i)
        for (std::size_t j = 0; j < C; ++j)
            for (std::size_t r = 0; r < R; ++r) a(i, j) += x(r, i) * x(r, j);
    return a;
}

} // namespace

TEST_CASE("principal: eigenvectors are orthonormal and sorted by falling eigenvalue") {
    for (const std::size_t C : {1u, 2u, 5u, 33u})
        for (const std::size_t R : {C / 2 + 1, 2 * C}) {
            CAPTURE(C);
            CAPTURE(R);
            const tensor<double> a = moments(C, R);
            const auto p = loss::stage::principal<double>(a);
            double trace = 0, sum = 0;
            for (std::size_t i = 0; i < C; ++i) {
                trace += a(i, i);
                sum += p.variance[i];
                if (i > 0) CHECK(p.variance[i] <= p.variance[i - 1]);
                const bool used = i < R;
                CHECK((p.variance[i] > 0) == used);
                for (std::size_t c = 0; c < C; ++c) { // a u = λ u
                    double image = 0;
                    for (std::size_t d = 0; d < C; ++d) image += a(c, d) * p.directions(i, d);
                    CHECK(image == doctest::Approx(p.variance[i] * p.directions(i, c)).scale(trace).epsilon(1e-9));
                }
                for (std::size_t j = 0; j <= i; ++j) {
                    double dot = 0;
                    for (std::size_t c = 0; c < C; ++c) dot += p.directions(i, c) * p.directions(j, c);
                    CHECK(dot == doctest::Approx(i == j && used ? 1 : 0).scale(1).epsilon(1e-8));
                }
            }
            CHECK(sum == doctest::Approx(trace).epsilon(1e-9));
        }
}

TEST_CASE("principal: gives eigenvectors computed by hand; a zero matrix has no variance") {
    const auto p = loss::stage::principal<double>(tensor<double>{{2, -1}, {-1, 2}});
    CHECK(p.variance[0] == doctest::Approx(3));
    CHECK(p.variance[1] == doctest::Approx(1));
    CHECK(std::abs(p.directions(0, 0)) == doctest::Approx(std::sqrt(0.5)));
    CHECK(p.directions(0, 0) == doctest::Approx(-p.directions(0, 1)));
    CHECK(p.directions(1, 0) == doctest::Approx(std::sqrt(0.5))); // the largest element is positive
    CHECK(p.directions(1, 1) == doctest::Approx(std::sqrt(0.5)));
    const auto none = loss::stage::principal<double>(tensor<double>(shape{3, 3}));
    CHECK(none.variance[0] == 0);
    CHECK(all_finite(none.directions));
    CHECK(none.count(0.99, 3) == 1);
}

TEST_CASE("principal: as many components as the explained share needs") {
    loss::stage::principal_components<double> p;
    p.variance = {6, 3, 0.9, 0.1};
    CHECK(p.count(0.5, 4) == 1);
    CHECK(p.count(0.6, 4) == 1);
    CHECK(p.count(0.61, 4) == 2);
    CHECK(p.count(0.95, 4) == 3);
    CHECK(p.count(1, 4) == 4);
    CHECK(p.count(1, 2) == 2);
    CHECK(p.count(1, 9) == 4);
}

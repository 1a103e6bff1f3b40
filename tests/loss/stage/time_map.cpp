// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/stage/time_map.hpp"

#include "../check.hpp"
#include "smldist/loss/stage/time_basis.hpp"

using namespace smldist;

namespace {

/// Both directions against the plain sums over the matrix.
void check_map(const loss::stage::time_map<double>& map, const tensor<double>& m, std::size_t C) {
    const std::size_t L = m.shape()[0], from = m.shape()[1];
    REQUIRE(map.rows() == L);
    REQUIRE(map.from() == from);
    const tensor<double> x = normal({from, C}, 1), g = normal({L, C}, 2);
    tensor<double> y(shape{L, C}), dx(shape{from, C}), buffer(shape{from, C});
    map.forward(C, x.data(), y.data(), buffer.data());
    map.backward(C, g.data(), dx.data(), buffer.data());
    std::vector<bool> taken(L);
    for (std::size_t r = 0; r < L; ++r) {
        REQUIRE(map.place(r) < L);
        CHECK_FALSE(taken[map.place(r)]);
        taken[map.place(r)] = true;
        for (std::size_t c = 0; c < C; ++c) {
            double sum = 0;
            for (std::size_t t = 0; t < from; ++t) sum += m(r, t) * x(t, c);
            CHECK(y(map.place(r), c) == doctest::Approx(sum).scale(1).epsilon(1e-12));
        }
    }
    for (std::size_t t = 0; t < from; ++t)
        for (std::size_t c = 0; c < C; ++c) {
            double sum = 0;
            for (std::size_t r = 0; r < L; ++r) sum += m(r, t) * g(map.place(r), c);
            CHECK(dx(t, c) == doctest::Approx(sum).scale(1).epsilon(1e-12));
        }
}

} // namespace

TEST_CASE("time_map: applies a matrix and its transpose") {
    for (const auto& row : {std::pair(1u, 1u), {4u, 7u}, {8u, 8u}}) {
        const auto& [rows, from] = row;
        CAPTURE(row.first);
        CAPTURE(row.second);
        const tensor<double> m = normal({rows, from}, 3);
        for (const std::size_t C : {1u, 5u, 24u}) {
            CAPTURE(C);
            check_map(loss::stage::time_map<double>(m), m, C);
        }
    }
}

TEST_CASE("time_map: the folded real DFT equals the matrix for even and odd lengths") {
    for (const std::size_t L : {4u, 5u, 6u, 7u, 8u, 9u, 10u, 12u, 15u, 16u, 18u, 32u}) {
        CAPTURE(L);
        const auto m = loss::stage::make_basis<double>(loss::stage::time_basis::rdft, L).matrix;
        for (const std::size_t C : {1u, 5u, 24u}) {
            CAPTURE(C);
            check_map(loss::stage::time_map<double>::rdft(m), m, C);
        }
    }
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/stage/time_basis.hpp"

#include "../check.hpp"

using namespace smldist;
using loss::stage::length_match;
using loss::stage::time_basis;

namespace {

constexpr time_basis every_basis[] = {time_basis::none, time_basis::rdft, time_basis::dct, time_basis::haar};

tensor<double> transposed(const tensor<double>& a) {
    tensor<double> y(shape{a.shape()[1], a.shape()[0]});
    for (std::size_t i = 0; i < y.shape()[0]; ++i)
        for (std::size_t j = 0; j < y.shape()[1]; ++j) y(i, j) = a(j, i);
    return y;
}

/// A cosine of `cycles` over the whole time, as a column.
tensor<double> wave(std::size_t L, double cycles, double phase) {
    tensor<double> x(shape{L, 1});
    for (std::size_t t = 0; t < L; ++t)
        x[t] = std::cos(2 * std::numbers::pi * cycles * double(t) / double(L) + phase);
    return x;
}

} // namespace

TEST_CASE("time basis: orthonormal for every length with bands that cover every row once in order of frequency") {
    for (const auto kind : every_basis)
        for (std::size_t L = 1; L <= 24; ++L) {
            CAPTURE(name_of(kind));
            CAPTURE(L);
            const auto basis = loss::stage::make_basis<double>(kind, L);
            const auto identity = loss::stage::product(basis.matrix, transposed(basis.matrix));
            for (std::size_t i = 0; i < L; ++i)
                for (std::size_t j = 0; j < L; ++j)
                    CHECK(identity(i, j) == doctest::Approx(i == j ? 1 : 0).scale(1).epsilon(1e-14));
            std::size_t row = 0;
            double low = 0;
            for (const auto& band : basis.bands) {
                CAPTURE(band.first_row);
                CHECK(band.first_row == row);
                CHECK(band.low >= low - 1e-12);
                CHECK(band.high > band.low);
                row += band.rows;
                low = band.low;
            }
            CHECK(row == L);
            CHECK(basis.bands.back().high == doctest::Approx(0.5));
        }
}

TEST_CASE("time basis: a wave lies in its band") {
    for (const auto kind : {time_basis::rdft, time_basis::dct}) {
        CAPTURE(name_of(kind));
        const auto basis = loss::stage::make_basis<double>(kind, 32);
        const auto spectrum = loss::stage::product(basis.matrix, wave(32, 5, 0.7));
        double inside = 0, all = 0;
        for (const auto& band : basis.bands)
            for (std::size_t r = 0; r < band.rows; ++r) {
                const double power = spectrum[band.first_row + r] * spectrum[band.first_row + r];
                all += power;
                if (band.high >= 4.5 / 32 && band.low <= 5.5 / 32) inside += power;
            }
        CHECK(inside / all > (kind == time_basis::rdft ? 1 - 1e-12 : 0.9));
    }
}

TEST_CASE("time basis: Haar has as many levels as the length has factors of 2") {
    CHECK(loss::stage::make_basis<double>(time_basis::haar, 16).bands.size() == 5);
    CHECK(loss::stage::make_basis<double>(time_basis::haar, 12).bands.size() == 3);
    CHECK(loss::stage::make_basis<double>(time_basis::haar, 7).bands.size() == 1);
    const auto basis = loss::stage::make_basis<double>(time_basis::haar, 8);
    const double half = 1 / std::sqrt(2.0);
    CHECK(basis.matrix(4, 0) == doctest::Approx(half)); // finest detail: one pair of samples
    CHECK(basis.matrix(4, 1) == doctest::Approx(-half));
    CHECK(basis.matrix(4, 2) == 0);
}

TEST_CASE("time basis: below 4 samples and with none it is the identity with one band") {
    for (const auto kind : every_basis) {
        CAPTURE(name_of(kind));
        CHECK(loss::stage::make_basis<double>(kind, 3).bands.size() == 1);
    }
    CHECK(loss::stage::make_basis<double>(time_basis::none, 64).bands.size() == 1);
}

TEST_CASE("length map: spectral resampling is exact for band-limited waves at every pair of lengths") {
    for (const std::size_t to : {8u, 9u, 16u})
        for (const std::size_t from : {16u, 25u, 32u})
            for (std::size_t cycles = 0; 2 * cycles < to; ++cycles) {
                CAPTURE(to);
                CAPTURE(from);
                CAPTURE(cycles);
                const auto map = loss::stage::make_length_map<double>(length_match::spectral, to, from);
                const auto got = loss::stage::product(map, wave(from, double(cycles), 0.4));
                const auto wanted = wave(to, double(cycles), 0.4);
                for (std::size_t t = 0; t < to; ++t)
                    CHECK(got[t] == doctest::Approx(wanted[t]).scale(1).epsilon(1e-12));
            }
}

TEST_CASE("length map: pool and linear keep constants; linear keeps ramps; equal lengths change nothing") {
    for (const auto kind : {length_match::spectral, length_match::pool, length_match::linear})
        for (const std::size_t to : {1u, 3u, 5u, 12u}) {
            CAPTURE(name_of(kind));
            CAPTURE(to);
            const auto map = loss::stage::make_length_map<double>(kind, to, 12);
            for (std::size_t i = 0; i < to; ++i) {
                double sum = 0;
                for (std::size_t j = 0; j < 12; ++j) sum += map(i, j);
                CHECK(sum == doctest::Approx(1));
            }
        }
    const auto map = loss::stage::make_length_map<double>(length_match::linear, 5, 12);
    for (std::size_t i = 0; i < 5; ++i) {
        double at = 0;
        for (std::size_t j = 0; j < 12; ++j) at += map(i, j) * double(j);
        CHECK(at == doctest::Approx(double(i) * 11 / 4));
    }
    for (const auto kind : {length_match::pool, length_match::linear}) {
        CAPTURE(name_of(kind));
        CHECK(identical(loss::stage::make_length_map<double>(kind, 6, 6),
                        loss::stage::make_basis<double>(time_basis::none, 6).matrix));
    }
    const auto pool =
        loss::stage::make_length_map<double>(length_match::pool, 3, 8); // as adaptive_avg_pool1d: 0-2, 2-5, 5-7
    CHECK(pool(0, 2) == doctest::Approx(1.0 / 3));
    CHECK(pool(1, 2) == doctest::Approx(1.0 / 4));
    CHECK(pool(1, 6) == 0);
}

TEST_CASE("time basis: invalid arguments are refused") {
    CHECK_RAISES(usage_error, "length is 0", loss::stage::make_basis<float>(time_basis::rdft, 0));
    CHECK_RAISES(usage_error, "lengths are 9 from 8", loss::stage::make_length_map<float>(length_match::pool, 9, 8));
    CHECK_RAISES(usage_error, "lengths are 0 from 8", loss::stage::make_length_map<float>(length_match::pool, 0, 8));
}

TEST_CASE("kronecker: applies one matrix to the rows of an image and the other to its columns") {
    const tensor<double> a{{1, 2, 3}, {4, 5, 6}}, b{{1, -1}, {2, 0.5}, {0, 3}};
    const auto y = loss::stage::kronecker(a, b);
    CHECK(y.shape() == shape{6, 6});
    for (std::size_t i = 0; i < 2; ++i)
        for (std::size_t j = 0; j < 3; ++j)
            for (std::size_t k = 0; k < 3; ++k)
                for (std::size_t l = 0; l < 2; ++l) CHECK(y(3 * i + k, 2 * j + l) == a(i, j) * b(k, l));
}

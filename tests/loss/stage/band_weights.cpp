// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/stage/band_weights.hpp"

#include <numbers>
#include <numeric>

#include "../check.hpp"

using namespace smldist;
using loss::stage::weighting;
using loss::stage::weighting_options;

namespace {

/// Noise of 2 classes; class 1 has a wave of `bin` cycles with random phase in channel 0 as well.
loss::stage::band_statistics planted(const loss::stage::time_bands<double>& basis, std::size_t bin) {
    const std::size_t L = basis.matrix.shape()[0], N = 400;
    loss::stage::band_statistics s(2, basis.bands.size(), 2);
    generator g(4);
    for (std::size_t i = 0; i < N; ++i) {
        tensor<double> x(shape{L, 2});
        const double phase = g.uniform(0, 2 * std::numbers::pi);
        const int label = static_cast<int>(i % 2);
        for (std::size_t t = 0; t < L; ++t) {
            x(t, 0) =
                0.3 * g.normal() + (label ? std::cos(2 * std::numbers::pi * double(bin * t) / double(L) + phase) : 0);
            x(t, 1) = 0.3 * g.normal();
        }
        const tensor<double> y = loss::stage::product(basis.matrix, x);
        s.add(y.reshaped({1, L, 2}), basis.bands, std::vector<int>{label});
    }
    return s;
}

double mean_over_rows(const loss::stage::time_bands<double>& basis, const std::vector<double>& w) {
    double sum = 0;
    for (std::size_t k = 0; k < w.size(); ++k) sum += w[k] * double(basis.bands[k].rows);
    return sum / double(basis.matrix.shape()[0]);
}

weighting_options with(weighting kind) {
    weighting_options o;
    o.kind = kind;
    return o;
}

} // namespace

TEST_CASE("band weights: Fisher weights are largest in the band where the classes differ") {
    const auto basis = loss::stage::make_basis<double>(loss::stage::time_basis::rdft, 32);
    for (const std::size_t bin : {1u, 3u, 11u}) {
        CAPTURE(bin);
        const auto s = planted(basis, bin);
        const auto raw = s.fisher();
        const auto w = loss::stage::band_weights(basis, s, 0, with(weighting::fisher));
        for (std::size_t k = 0; k < w.size(); ++k)
            if (k != bin) {
                CHECK(raw[bin] > 20 * raw[k]);
                CHECK(w[bin] > 3 * w[k]);
                CHECK(w[k] >= 0.05);
            }
        CHECK(mean_over_rows(basis, w) == doctest::Approx(1));
    }
}

TEST_CASE("band weights: Fisher's ratio is that of the formula for two classes of known means") {
    // u = ln(1+|x|) takes the values of a and b in class 0, of c in class 1, in a basis of one row.
    loss::stage::time_bands<double> one{tensor<double>(shape{1, 1}, 1.0), {{0, 1, 0, 0.5}}};
    loss::stage::band_statistics s(2, 1, 1);
    const double x[] = {0.5, 1.5, 4.0};
    const int y[] = {0, 0, 1};
    for (int i = 0; i < 3; ++i) s.add(tensor<double>(shape{1, 1, 1}, x[i]), one.bands, std::vector<int>{y[i]});
    const double a = std::log1p(0.5), b = std::log1p(1.5), c = std::log1p(4.0), first = (a + b) / 2;
    const double centre = (2 * first + c) / 3;
    const double between = 2.0 / 3 * std::pow(first - centre, 2) + 1.0 / 3 * std::pow(c - centre, 2);
    const double within = (std::pow(a - first, 2) + std::pow(b - first, 2)) / 3;
    CHECK(s.fisher()[0] == doctest::Approx(between / (within + 1e-6)).epsilon(1e-12));
    CHECK(s.energy()[0] == doctest::Approx((0.25 + 2.25 + 16) / 3).epsilon(1e-12));
}

TEST_CASE("band weights: energy weights follow the teacher's power or whiten it") {
    const auto basis = loss::stage::make_basis<double>(loss::stage::time_basis::rdft, 32);
    const auto s = planted(basis, 3);
    auto o = with(weighting::energy);
    const auto strong = loss::stage::band_weights(basis, s, 0, o);
    o.gamma = -1;
    const auto white = loss::stage::band_weights(basis, s, 0, o);
    for (std::size_t k = 0; k < strong.size(); ++k)
        if (k != 3) {
            CHECK(strong[3] > strong[k]);
            CHECK(white[3] < white[k]);
        }
}

TEST_CASE("band weights: fixed weights have mean 1 and are largest in their bands") {
    for (const auto kind :
         {loss::stage::time_basis::rdft, loss::stage::time_basis::dct, loss::stage::time_basis::haar}) {
        CAPTURE(name_of(kind));
        const auto basis = loss::stage::make_basis<double>(kind, 32);
        const loss::stage::band_statistics none;
        for (const auto k :
             {weighting::uniform, weighting::power, weighting::low, weighting::high, weighting::uncertainty}) {
            CAPTURE(name_of(k));
            CHECK(mean_over_rows(basis, loss::stage::band_weights(basis, none, 0, with(k))) == doctest::Approx(1));
        }
        const auto low = loss::stage::band_weights(basis, none, 0, with(weighting::low));
        const auto high = loss::stage::band_weights(basis, none, 0, with(weighting::high));
        CHECK(low.front() > 1);
        CHECK(low.back() == 0);
        CHECK(high.front() == 0);
        CHECK(high.back() > 1);
        const auto rising = loss::stage::band_weights(basis, none, 0, with(weighting::power));
        CHECK(std::is_sorted(rising.begin(), rising.end()));
    }
}

TEST_CASE("band weights: a band in Hz is found at the stage's rate") {
    const auto basis = loss::stage::make_basis<double>(loss::stage::time_basis::rdft, 32);
    weighting_options o = with(weighting::hertz);
    o.low_hz = 1;
    o.high_hz = 1.7;
    const auto w = loss::stage::band_weights(basis, {}, 12.5, o); // bins are 0.39 Hz wide, bin 3 at 1.17 Hz
    for (std::size_t k = 0; k < w.size(); ++k) CHECK((w[k] > 0) == (k == 3 || k == 4));
    CHECK_RAISES(usage_error, "the stage ends at 1.", loss::stage::band_weights(basis, {}, 2.2, [] {
                     auto far = with(weighting::hertz);
                     far.low_hz = 3;
                     far.high_hz = 5;
                     return far;
                 }()));
    CHECK_RAISES(usage_error, "expected an overlap", loss::stage::band_weights(basis, {}, 0, o)); // rate unknown
}

TEST_CASE("band weights: invalid arguments are refused") {
    const auto basis = loss::stage::make_basis<double>(loss::stage::time_basis::rdft, 8);
    auto o = with(weighting::uniform);
    o.split = 1;
    CHECK_RAISES(usage_error, "split is 1", loss::stage::band_weights(basis, {}, 0, o));
    o = with(weighting::hertz);
    o.high_hz = o.low_hz;
    CHECK_RAISES(usage_error, "expected 0 ≤ low < high", loss::stage::band_weights(basis, {}, 0, o));
    o = with(weighting::power);
    o.gamma = std::nan("");
    CHECK_RAISES(usage_error, "gamma is nan", loss::stage::band_weights(basis, {}, 0, o));
    CHECK_RAISES(usage_error, "bands of the statistics are 0, expected 5",
                 loss::stage::band_weights(basis, {}, 0, with(weighting::fisher)));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/stage/spectral.hpp"

#include "../check.hpp"

using namespace smldist;

namespace {

template <class T> auto bands_of(std::size_t L) {
    using band = typename loss::stage::time_bands<T>::band;
    return std::make_shared<const std::vector<band>>(
        loss::stage::make_basis<T>(loss::stage::time_basis::rdft, L).bands);
}

} // namespace

TEST_CASE("row penalty: gradients are exact and all worlds agree; the value is that of the formula") {
    const auto t = normal({3, 5, 7}, 2);
    for (std::size_t kind = 0; kind < names_of<loss::stage::penalty>().size(); ++kind) {
        const auto f = [&](const auto& in) {
            using T = scalar_in<std::decay_t<decltype(in)>>;
            return op::apply(loss::stage::row_penalty_op<T>{static_cast<loss::stage::penalty>(kind), 0.7}, in[0],
                             cast<T>(t));
        };
        const auto x = normal({3, 5, 7}, 1);
        check_op(std::string(names_of<loss::stage::penalty>()[kind]), {x}, f);
        const tensor<double> y = any_world(f)(std::vector{x});
        for (std::size_t r = 0; r < 5; ++r) {
            double sum = 0;
            for (std::size_t b = 0; b < 3; ++b)
                for (std::size_t c = 0; c < 7; ++c) {
                    const double d = std::abs(x(b, r, c) - t(b, r, c));
                    sum += kind == 0 ? d * d : kind == 2 ? d : d < 0.7 ? d * d / 2 : 0.7 * (d - 0.35);
                }
            CHECK(y[r] == doctest::Approx(sum / 21).epsilon(1e-12));
        }
    }
    const loss::stage::row_penalty_op<float> op;
    CHECK_RAISES(shape_error, "(2, 3, 4) and (2, 3, 5)",
                 op::apply(op, tensor<float>(shape{2, 3, 4}), tensor<float>(shape{2, 3, 5})));
    CHECK_RAISES(shape_error, "(B, L, C)", op::apply(op, tensor<float>(shape{2, 3}), tensor<float>(shape{2, 3})));
}

TEST_CASE(
    "band power and log magnitude: gradients are exact and all worlds agree; the value is that of the formula") {
    for (const std::size_t L : {8u, 9u}) {
        CAPTURE(L);
        const auto f = [&](const auto& in) {
            using T = scalar_in<std::decay_t<decltype(in)>>;
            return op::apply(loss::stage::band_power_op<T>{bands_of<T>(L)}, in[0]);
        };
        const auto x = normal({2, L, 5}, 1);
        check_op("band_power", {x}, f);
        const tensor<double> y = any_world(f)(std::vector{x});
        CHECK(y.shape() == shape{2, L / 2 + 1, 5});
        CHECK(y(1, 1, 3) == doctest::Approx((x(1, 1, 3) * x(1, 1, 3) + x(1, 2, 3) * x(1, 2, 3)) / 2));
    }
    const auto log_magnitude = [](const auto& in) {
        return op::apply(loss::stage::log_magnitude_op<scalar_in<std::decay_t<decltype(in)>>>{}, in[0]);
    };
    tensor<double> power = normal({2, 3, 4}, 3);
    for (double& v : power) v = v * v + 0.01;
    check_op("log_magnitude", {power}, log_magnitude);
    CHECK(op::apply(loss::stage::log_magnitude_op<double>{}, power)[5] ==
          doctest::Approx(std::log1p(std::sqrt(power[5] + 1e-6))).epsilon(1e-12));
    CHECK(op::apply(loss::stage::log_magnitude_op<double>{}, tensor<double>(shape{1}))[0] ==
          doctest::Approx(std::log1p(1e-3)));
    CHECK_RAISES(shape_error, "expected (B, 8, C)",
                 op::apply(loss::stage::band_power_op<float>{bands_of<float>(8)}, tensor<float>(shape{2, 9, 3})));
}

TEST_CASE(
    "spectral KL: 0 for equal spectra and never negative; independent of a channel's scale; gradients are exact") {
    const auto power = [](std::uint64_t seed) {
        tensor<double> p = normal({2, 5, 3}, seed);
        for (double& v : p) v = v * v + 0.05;
        return p;
    };
    const auto x = power(1), t = power(2);
    for (const double tau : {0.5, 1.0, 3.0}) {
        CAPTURE(tau);
        const auto kl = [&](const tensor<double>& a, const tensor<double>& b) {
            return op::apply(loss::stage::spectral_kl_op<double>{tau}, a,
                             loss::stage::spectral_kl_op<double>::distribution(b, tau))
                .item();
        };
        check_op("spectral_kl", {x}, [&](const auto& in) {
            using T = scalar_in<std::decay_t<decltype(in)>>;
            return op::apply(loss::stage::spectral_kl_op<T>{tau}, in[0],
                             cast<T>(loss::stage::spectral_kl_op<double>::distribution(t, tau)));
        });
        CHECK(kl(t, t) == doctest::Approx(0).scale(1));
        CHECK(kl(x, t) > 0);
        tensor<double> louder = x;
        for (std::size_t i = 0; i < louder.size(); ++i) louder[i] *= i % 3 == 1 ? 50 : 1;
        CHECK(kl(louder, t) == doctest::Approx(kl(x, t)).epsilon(1e-3));
    }
    const loss::stage::spectral_kl_op<float> op;
    CHECK_RAISES(shape_error, "number of bands is 1",
                 op::apply(op, tensor<float>(shape{2, 1, 4}), tensor<float>(shape{2, 1, 4})));
}

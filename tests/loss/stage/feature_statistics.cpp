// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/stage/feature_statistics.hpp"

#include "../check.hpp"
#include "smldist/op/linear.hpp"

using namespace smldist;

namespace {

/// Statistics of (R, C) rows, the correlation's directions among them.
loss::stage::feature_statistics<double> measured(const tensor<double>& x) {
    const std::size_t R = x.shape()[0], C = x.shape()[1];
    loss::stage::feature_statistics<double> s{tensor<double>(shape{C}), tensor<double>(shape{C})};
    for (std::size_t i = 0; i < x.size(); ++i) s.mean[i % C] += x[i] / double(R);
    tensor<double> correlation(shape{C, C});
    for (std::size_t r = 0; r < R; ++r)
        for (std::size_t c = 0; c < C; ++c)
            for (std::size_t d = 0; d < C; ++d)
                correlation(c, d) += (x(r, c) - s.mean[c]) * (x(r, d) - s.mean[d]) / double(R);
    for (std::size_t c = 0; c < C; ++c) s.std[c] = std::sqrt(correlation(c, c));
    const tensor<double> inverse = loss::stage::inverse_std(s);
    for (std::size_t c = 0; c < C; ++c)
        for (std::size_t d = 0; d < C; ++d) correlation(c, d) *= inverse[c] * inverse[d];
    s.principal = loss::stage::principal<double>(correlation);
    return s;
}

} // namespace

TEST_CASE("feature_statistics: standardised channels have mean 0 and variance 1; dead channels are 0") {
    tensor<double> x = op::linear(normal({200, 3}, 1), normal({4, 3}, 2), normal({4}, 3));
    for (std::size_t r = 0; r < 200; ++r) x(r, 2) = 5;
    const auto s = measured(x);
    loss::stage::standardise_by(s, x);
    for (std::size_t c = 0; c < 4; ++c) {
        double sum = 0, square = 0;
        for (std::size_t r = 0; r < 200; ++r) sum += x(r, c), square += x(r, c) * x(r, c);
        CHECK(std::abs(sum) < 1e-9);
        CHECK(square / 200 == doctest::Approx(c == 2 ? 0 : 1).epsilon(1e-4));
    }
}

TEST_CASE("principal_map: components are uncorrelated with mean 0 and mean variance 1") {
    const tensor<double> x = op::linear(normal({400, 5}, 1), normal({5, 5}, 2), normal({5}, 3));
    const auto s = measured(x);
    const auto o = loss::stage::stage_options::frequency_aware();
    for (const std::size_t limit : {1u, 2u, 4u, 9u}) {
        CAPTURE(limit);
        const auto map = loss::stage::principal_map(s, o, limit);
        const std::size_t n = map.offset.size();
        REQUIRE(n == s.principal.count(o.explained, limit));
        const tensor<double> y = op::linear(x, map.directions, map.offset);
        double variance = 0;
        for (std::size_t i = 0; i < n; ++i) {
            double mean = 0;
            for (std::size_t r = 0; r < 400; ++r) mean += y(r, i) / 400;
            CHECK(std::abs(mean) < 1e-9);
            for (std::size_t j = 0; j <= i; ++j) {
                double product = 0;
                for (std::size_t r = 0; r < 400; ++r) product += y(r, i) * y(r, j) / 400;
                CHECK(product == doctest::Approx(i == j ? map.std[i] * map.std[i] : 0).scale(1).epsilon(1e-4));
                if (i == j) variance += product / double(n);
            }
        }
        CHECK(variance == doctest::Approx(1).epsilon(1e-4));
    }
}

TEST_CASE("principal_map: empty where channels are compared; invalid arguments are refused") {
    auto s = measured(normal({50, 4}, 1));
    auto o = loss::stage::stage_options::frequency_aware();
    CHECK_FALSE(loss::stage::principal_map(s, o, 2).offset.empty());
    o.channels = loss::stage::channel_match::all;
    CHECK(loss::stage::principal_map(s, o, 2).offset.empty());
    o = {};
    o.scale = loss::stage::standardise::none;
    CHECK(loss::stage::principal_map(s, o, 2).offset.empty());
    o = {};
    CHECK(loss::stage::principal_map(loss::stage::feature_statistics<double>{s.mean, s.std}, o, 2).offset.empty());
    s.principal.directions = tensor<double>(shape{4, 3});
    CHECK_RAISES(usage_error, "shape of the principal directions is (4, 3), expected (4, 4)",
                 loss::stage::principal_map(s, o, 2));
}

TEST_CASE("scales_differ: true if all live channels are much narrower than 1; dead channels do not count") {
    const auto of = [](const tensor<double>& std) {
        return loss::stage::scales_differ(loss::stage::feature_statistics<double>{tensor<double>(std.shape()), std});
    };
    CHECK(!of({1, 1, 1}));
    CHECK(!of({0.05, 0.1, 0.04}));
    CHECK(!of({1000, 100, 500}));
    CHECK(!of({1, 1, 1e-6}));
    CHECK(of({1e-3, 4e-3, 2e-3}));
    CHECK(of({0.02, 0.02, 0.02}));
    CHECK(of({1, 1, 2e-3})); // one narrow channel is enough to rule the sum
    CHECK(!of({0, 0, 0}));
}

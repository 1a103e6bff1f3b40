// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/init.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "smldist/core/error.hpp"

using namespace smldist;
namespace init = smldist::nn::init;

namespace {

/// (O, C/groups, K) with fan_in = 32·5 = 160 and fan_out = 64·5 = 320, as torch.nn.init counts them.
const shape conv_shape{64, 32, 5};
constexpr double fan_in = 160, fan_out = 320;

struct moments {
    double mean, std, low, high;
};
template <class F> moments measure(const shape& s, F fill) {
    tensor<double> w(s);
    generator g(11);
    fill(w, g);
    moments m{0, 0, w[0], w[0]};
    for (const double v : w) {
        m.mean += v / double(w.size());
        m.low = std::min(m.low, v);
        m.high = std::max(m.high, v);
    }
    for (const double v : w) m.std += (v - m.mean) * (v - m.mean) / double(w.size());
    m.std = std::sqrt(m.std);
    return m;
}

/// Mean within four standard errors; standard deviation within 3 %, four standard errors of 10 240 normal numbers.
void check_moments(const moments& m, double mean, double std, std::size_t n = 10240) {
    CHECK(std::abs(m.mean - mean) < 4 * std / std::sqrt(double(n)));
    CHECK(m.std == doctest::Approx(std).epsilon(0.03));
}
void check_uniform(const moments& m, double bound) {
    check_moments(m, 0, bound / std::sqrt(3.0));
    CHECK(m.low > -bound);
    CHECK(m.high < bound);
    CHECK(m.high > 0.99 * bound);
    CHECK(m.low < -0.99 * bound);
}

} // namespace

TEST_CASE("init: zeros_ and ones_ and constant_ fill with constants") {
    tensor<float> w(shape{2, 3}, 5.0f);
    init::zeros_(w);
    CHECK(identical(w, tensor<float>(shape{2, 3}, 0.0f)));
    init::ones_(w);
    CHECK(identical(w, tensor<float>(shape{2, 3}, 1.0f)));
    init::constant_(w, -2.5f);
    CHECK(identical(w, tensor<float>(shape{2, 3}, -2.5f)));
}

TEST_CASE("init: normal_ and uniform_ have their moments and bounds") {
    check_moments(measure(conv_shape, [](auto& w, auto& g) { init::normal_(w, g); }), 0, 1);
    check_moments(measure(conv_shape, [](auto& w, auto& g) { init::normal_(w, g, 2, 0.02); }), 2, 0.02);
    const auto m = measure(conv_shape, [](auto& w, auto& g) { init::uniform_(w, g, 1, 4); });
    check_moments(m, 2.5, 3 / std::sqrt(12.0));
    CHECK(m.low > 1);
    CHECK(m.high < 4);
    check_moments(measure(conv_shape, [](auto& w, auto& g) { init::uniform_(w, g); }), 0.5, 1 / std::sqrt(12.0));
}

TEST_CASE("init: trunc_normal_ has its moments and bounds") {
    // The standard deviation of a standard normal cut at ±2 is 0.87962566.
    const auto m = measure(conv_shape, [](auto& w, auto& g) { init::trunc_normal_(w, g); });
    check_moments(m, 0, 0.87962566);
    CHECK(m.low >= -2);
    CHECK(m.high <= 2);
    // One side: mean φ(0)/(1 − Φ(0)) = sqrt(2/π) and standard deviation sqrt(1 − 2/π) of a half normal.
    const auto half = measure(conv_shape, [](auto& w, auto& g) { init::trunc_normal_(w, g, 0, 1, 0, 100); });
    check_moments(half, 0.7978845608, 0.6028102750);
    CHECK(half.low >= 0);

    tensor<double> w(conv_shape);
    generator g;
    CHECK_THROWS_AS(init::trunc_normal_(w, g, 0, 1, 2, 2), usage_error);
    CHECK_THROWS_AS(init::trunc_normal_(w, g, 0, 1, 5, 6), usage_error);
    CHECK_THROWS_AS(init::trunc_normal_(w, g, 0, 1, -6, -5), usage_error);
}

TEST_CASE("init: Kaiming and Xavier have the spread of torch.nn.init") {
    const double root2 = std::sqrt(2.0), root3 = std::sqrt(3.0);
    using init::fan;
    check_moments(measure(conv_shape, [](auto& w, auto& g) { init::kaiming_normal_(w, g); }), 0,
                  root2 / std::sqrt(fan_in));
    check_moments(measure(conv_shape, [](auto& w, auto& g) { init::kaiming_normal_(w, g, fan::out); }), 0,
                  root2 / std::sqrt(fan_out));
    check_moments(measure(conv_shape, [](auto& w, auto& g) { init::kaiming_normal_(w, g, fan::in, 1); }), 0,
                  1 / std::sqrt(fan_in));
    check_uniform(measure(conv_shape, [](auto& w, auto& g) { init::kaiming_uniform_(w, g); }),
                  root2 * root3 / std::sqrt(fan_in));
    check_uniform(measure(conv_shape, [](auto& w, auto& g) { init::kaiming_uniform_(w, g, fan::out, 1); }),
                  root3 / std::sqrt(fan_out));
    check_moments(measure(conv_shape, [](auto& w, auto& g) { init::xavier_normal_(w, g); }), 0,
                  root2 / std::sqrt(fan_in + fan_out));
    check_uniform(measure(conv_shape, [](auto& w, auto& g) { init::xavier_uniform_(w, g, 2); }),
                  2 * std::sqrt(6.0) / std::sqrt(fan_in + fan_out));
    // A matrix (out, in) is a kernel of length 1.
    check_moments(measure({40, 256}, [](auto& w, auto& g) { init::kaiming_normal_(w, g); }), 0, root2 / 16);
    check_moments(measure({256, 40}, [](auto& w, auto& g) { init::kaiming_normal_(w, g, fan::out); }), 0, root2 / 16);
}

TEST_CASE("init: a fan needs two axes") {
    tensor<float> w(shape{8});
    generator g;
    CHECK_THROWS_AS(init::kaiming_normal_(w, g), shape_error);
    CHECK_THROWS_AS(init::kaiming_uniform_(w, g), shape_error);
    CHECK_THROWS_AS(init::xavier_normal_(w, g), shape_error);
    CHECK_THROWS_WITH_AS(init::xavier_uniform_(w, g),
                         "nn::init: shape of weight is (8), expected (out, in) or (out, in, kernel)", shape_error);
}

TEST_CASE("init: one seed gives the same numbers; those in float are rounded from double") {
    const auto draw = [](auto zero, std::uint64_t seed) {
        tensor<decltype(zero)> w(conv_shape);
        generator g(seed);
        init::xavier_normal_(w, g);
        return w;
    };
    CHECK(identical(draw(0.0f, 3), draw(0.0f, 3)));
    CHECK(identical(draw(0.0f, 3), cast<float>(draw(0.0, 3))));
    CHECK_FALSE(identical(draw(0.0f, 3), draw(0.0f, 4)));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/soft_cross_entropy.hpp"

#include <limits>

#include "check.hpp"

using namespace smldist;
using loss::soft_cross_entropy;

TEST_CASE("soft_cross_entropy: gradients are exact for any temperature and offset and mass of the targets") {
    for (const double temperature : {0.5, 1.0, 4.0})
        for (const double offset : {0.0, -2.5}) {
            tensor<double> q = normal({3, 4}, 2);
            for (double& v : q) v = std::abs(v); // rows that do not sum to one
            q[5] = 0;
            check_op("T" + text(temperature) + "_offset" + text(offset), {normal({3, 4})}, [&](const auto& in) {
                using T = scalar_in<std::decay_t<decltype(in)>>;
                return soft_cross_entropy(in[0], cast<T>(q), temperature, offset);
            });
        }
}

TEST_CASE("soft_cross_entropy: an impossible class costs nothing when its target is 0") {
    constexpr double inf = std::numeric_limits<double>::infinity();
    const tensor<double> z{{0, 0, -inf}};
    CHECK(soft_cross_entropy(z, tensor<double>{{0.5, 0.5, 0}}).item() ==
          doctest::Approx(std::log(2.0)).epsilon(1e-14));
}

TEST_CASE("soft_cross_entropy: invalid arguments are refused") {
    const tensor<double> z = normal({7, 5});
    const auto soft = [&](double temperature, const shape& q) {
        return soft_cross_entropy(z, tensor<double>(q), temperature);
    };
    CHECK_RAISES(usage_error, "temperature is 0", soft(0, {7, 5}));
    CHECK_RAISES(usage_error, "temperature is", soft(std::numeric_limits<double>::quiet_NaN(), {7, 5}));
    CHECK_RAISES(shape_error, "(7, 5) and (7, 4)", soft(1, {7, 4}));
    CHECK_RAISES(shape_error, "expected two of (B, N)",
                 soft_cross_entropy(tensor<double>(shape{5}), tensor<double>(shape{5})));
}

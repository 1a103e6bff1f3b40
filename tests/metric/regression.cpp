// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/metric/regression.hpp"

#include <doctest/doctest.h>

#include "raises.hpp"

using namespace smldist;
using metric::mean_absolute_error;
using metric::mean_squared_error;
using metric::r2_score;

namespace {
// The example of scikit-learn's documentation: mean_squared_error 0.708…, mean_absolute_error 0.75, r2_score with
// multioutput="raw_values" 0.965… and 0.908…, with "uniform_average" 0.936….
const tensor<float> target{{0.5f, 1}, {-1, 1}, {7, -6}}, predicted{{0, 2}, {-1, 2}, {8, -5}};

tensor<float> column(std::initializer_list<float> values) { return tensor<float>(shape{values.size(), 1}, values); }
} // namespace

TEST_CASE("regression: the figures of scikit-learn's example") {
    CHECK(mean_squared_error(target, predicted) == doctest::Approx(4.25 / 6).epsilon(1e-15));
    CHECK(mean_absolute_error(target, predicted) == 0.75);
    const double first = 1 - 1.25 / (217.0 / 6), second = 1 - 3 / (98.0 / 3);
    CHECK(first == doctest::Approx(0.965).epsilon(1e-3));
    CHECK(second == doctest::Approx(0.908).epsilon(1e-3));
    CHECK(r2_score(column({0.5f, -1, 7}), column({0, -1, 8})) == doctest::Approx(first).epsilon(1e-14));
    CHECK(r2_score(column({1, 1, -6}), column({2, 2, -5})) == doctest::Approx(second).epsilon(1e-14));
    CHECK(r2_score(target, predicted) == doctest::Approx((first + second) / 2).epsilon(1e-14));
}

TEST_CASE("regression: a second example as exact fractions") {
    const tensor<float> t{{3, -1}, {5, 2}, {2, 0.5f}, {7, 4}}, y{{2.5f, -1.5f}, {5, 1}, {4, 0.5f}, {8, 5}};
    CHECK(mean_squared_error(t, y) == 15.0 / 16);
    CHECK(mean_absolute_error(t, y) == 3.0 / 4);
    CHECK(r2_score(t, y) == doctest::Approx(6373.0 / 8614).epsilon(1e-14)); // (38/59 + 61/73) / 2
}

TEST_CASE("regression: perfect, the mean, and worse than the mean") {
    CHECK(mean_squared_error(target, target) == 0);
    CHECK(mean_absolute_error(target, target) == 0);
    CHECK(r2_score(target, target) == 1);
    CHECK(r2_score(column({1, 2, 3}), column({2, 2, 2})) == 0);
    CHECK(r2_score(column({1, 2, 3}), column({3, 2, 1})) == -3); // scikit-learn's documentation, too
    // The two errors are the same the other way around, R² is not.
    CHECK(mean_squared_error(predicted, target) == mean_squared_error(target, predicted));
    CHECK(mean_absolute_error(predicted, target) == mean_absolute_error(target, predicted));
    CHECK(r2_score(predicted, target) != r2_score(target, predicted));
}

TEST_CASE("r2_score: a constant target counts 1 when predicted exactly, else 0") {
    CHECK(r2_score(column({-2, -2, -2}), column({-2, -2, -2})) == 1);
    CHECK(r2_score(column({-2, -2, -2}), column({-2, -2, -2.0001f})) == 0);
    const float tenth = 0.1f; // whose mean over 7 is not exactly itself
    const tensor<float> constant(shape{7, 1}, tenth);
    tensor<float> off = constant;
    off[3] = 0.2f;
    CHECK(r2_score(constant, constant) == 1);
    CHECK(r2_score(constant, off) == 0);
    CHECK(r2_score(tensor<float>{{1, 5}, {2, 5}, {3, 5}}, tensor<float>{{1, 5}, {2, 5}, {3, 6}}) == 0.5);
}

TEST_CASE("regression: large values do not lose the small ones") {
    const tensor<float> t(shape{100000, 1}, 1.0f), y(shape{100000, 1}, 1.5f);
    CHECK(mean_squared_error(t, y) == 0.25);
    const float huge = 1e30f;
    CHECK(mean_squared_error(column({huge, -huge}), column({-huge, huge})) ==
          doctest::Approx(4 * double(huge) * double(huge)));
}

TEST_CASE("regression: errors name the metric") {
    const tensor<float> other(shape{3, 1});
    CHECK_RAISES(shape_error, "mean_squared_error: shapes", mean_squared_error(target, other));
    CHECK_RAISES(shape_error, "mean_absolute_error: shapes", mean_absolute_error(target, other));
    CHECK_RAISES(shape_error, "r2_score: shapes", r2_score(target, other));
    CHECK_RAISES(data_error, "r2_score: number of windows is 1, expected at least 2",
                 r2_score(column({1}), column({1})));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/metric/calibration.hpp"

#include <doctest/doctest.h>
#include <limits>
#include <string>

using namespace smldist;

TEST_CASE("calibration: by hand") {
    const tensor<float> p{{0.75f, 0.25f}, {0.75f, 0.25f}, {0.25f, 0.75f}, {0.75f, 0.25f}, {1, 0}};
    // With 4 bins: four windows of confidence 0.75 in (0.5, 0.75], three of them right; one of 1 in (0.75, 1], wrong.
    const std::vector<int> labels{0, 0, 1, 1, 1};
    const auto bins = metric::reliability(p, labels, 4);
    CHECK(bins[2].count == 4);
    CHECK(bins[2].confidence == 0.75);
    CHECK(bins[2].accuracy == 0.75);
    CHECK(bins[3].count == 1);
    CHECK(bins[3].confidence == 1);
    CHECK(bins[3].accuracy == 0);
    CHECK(bins[0].count == 0);
    CHECK(metric::expected_calibration_error(p, labels, 4) == 0.2);
    CHECK(metric::expected_calibration_error(p, labels) == 0.2); // 15 bins: the same two groups
    CHECK(metric::expected_calibration_error(p, labels, 1) == doctest::Approx(0.8 - 0.6).epsilon(1e-12));
}

TEST_CASE("calibration: bounds belong to the lower bin; equals go to the first class") {
    const tensor<float> p{{0.5f, 0.5f}};
    const auto bins = metric::reliability(p, {0}, 2);
    CHECK(bins[0].count == 1);
    CHECK(bins[1].count == 0);
    CHECK(metric::most_probable(p, 0) == 0);
    CHECK(metric::expected_calibration_error(tensor<float>(shape{0, 2}), {}) == 0);
    CHECK(metric::reliability(tensor<float>{{0, 0}}, {0}, 3)[0].count == 1);
}

TEST_CASE("calibration: bad input") {
    const tensor<float> p{{0.5f, 0.5f}};
    CHECK_THROWS_AS(metric::reliability(p, {0}, 0), usage_error);
    for (const int label : {-1, 2}) // none, or one of another set: not a wrong answer
        CHECK_THROWS_WITH_AS(
            metric::reliability(p, {label}),
            ("reliability: label in row 0 is " + std::to_string(label) + ", expected 0 to 1").c_str(), usage_error);
    CHECK_THROWS_AS(metric::reliability(p, {0, 1}), shape_error);
    CHECK_THROWS_AS(metric::reliability(tensor<float>(shape{2}), {0, 1}), shape_error);
    CHECK_THROWS_AS(metric::reliability(tensor<float>{{3, -1}}, {0}), numeric_error);
    CHECK_THROWS_AS(metric::reliability(tensor<float>{{std::numeric_limits<float>::quiet_NaN(), 0}}, {0}),
                    numeric_error);
}

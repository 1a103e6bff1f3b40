// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/synthetic.hpp"

#include <doctest/doctest.h>

using namespace smldist;

namespace {

data::synthetic_options small() {
    data::synthetic_options o;
    o.users = 4;
    o.test_users = 2;
    o.seconds = 12;
    return o;
}

/// Mean and standard deviation of every channel of window i.
std::array<double, 18> features(const data::windows& w, std::size_t i) {
    std::array<double, 18> f{};
    const double n = double(w.length());
    for (std::size_t c = 0; c < 9; ++c) {
        double square = 0;
        for (std::size_t t = 0; t < w.length(); ++t) {
            f[c] += double(w.x(i, t, c)) / n;
            square += double(w.x(i, t, c)) * double(w.x(i, t, c)) / n;
        }
        f[9 + c] = std::sqrt(std::max(0.0, square - f[c] * f[c]));
    }
    return f;
}

/// Accuracy on the test people of the nearest class mean in standardised features.
double nearest_mean_accuracy(const data::train_test& sets) {
    std::array<std::array<double, 18>, 6> mean{};
    std::array<double, 18> square{}, sum{};
    const auto count = sets.train.class_counts();
    for (std::size_t i = 0; i < sets.train.size(); ++i) {
        const auto f = features(sets.train, i);
        const auto n = static_cast<std::size_t>(sets.train.label[i]);
        for (std::size_t k = 0; k < 18; ++k) {
            mean[n][k] += f[k] / double(count[n]);
            sum[k] += f[k];
            square[k] += f[k] * f[k];
        }
    }
    double right = 0;
    for (std::size_t i = 0; i < sets.test.size(); ++i) {
        const auto f = features(sets.test, i);
        std::array<double, 6> distance{};
        for (std::size_t n = 0; n < 6; ++n)
            for (std::size_t k = 0; k < 18; ++k) {
                const double m = sum[k] / double(sets.train.size());
                const double variance = square[k] / double(sets.train.size()) - m * m;
                distance[n] += (f[k] - mean[n][k]) * (f[k] - mean[n][k]) / variance;
            }
        const auto nearest = std::min_element(distance.begin(), distance.end()) - distance.begin();
        right += nearest == sets.test.label[i] ? 1 : 0;
    }
    return right / double(sets.test.size());
}

} // namespace

TEST_CASE("synthetic: shapes, labels, disjoint people") {
    const auto [train, test] = data::synthetic(small());
    CHECK_NOTHROW(train.check_trainable());
    CHECK_NOTHROW(test.check());
    CHECK(train.channels() == 9);
    CHECK(train.length() == 128);
    CHECK(train.info == test.info);
    CHECK(train.info.rate_hz == 50);
    CHECK(train.subjects() == std::vector<int>{1, 2, 3, 4});
    CHECK(test.subjects() == std::vector<int>{5, 6});
    CHECK_NOTHROW(data::require_disjoint_subjects(train, test));
    // 12 bouts of 300 samples a person hold 3 windows each; two bouts of a class in a row may hold one or two more.
    for (const std::size_t n : train.class_counts()) {
        CHECK(n >= 24);
        CHECK(n <= 32);
    }
}

TEST_CASE("synthetic: a function of only seed and user") {
    const auto a = data::synthetic(small()), b = data::synthetic(small());
    CHECK(identical(a.train.x, b.train.x));
    CHECK(a.train.label == b.train.label);
    data::synthetic_options o = small();
    const auto alone = data::synthetic_recordings(o, 3, 1), among = data::synthetic_recordings(o, 1, 4);
    CHECK(identical(alone[0].samples, among[2].samples));
    CHECK(alone[0].labels == among[2].labels);
    CHECK(!identical(among[0].samples, among[1].samples));
    o.seed = 1;
    CHECK(!identical(data::synthetic_recordings(o, 3, 1)[0].samples, alone[0].samples));
}

TEST_CASE("synthetic: physics") {
    const auto recordings = data::synthetic_recordings(small(), 1, 4);
    for (const auto& r : recordings) {
        CHECK(all_finite(r.samples));
        double lying_up = 0, lying = 0;
        for (std::size_t t = 0; t < r.labels.size(); ++t) {
            double gravity = 0; // total - body acceleration
            for (std::size_t c = 0; c < 3; ++c)
                gravity += std::pow(double(r.samples(t, 6 + c)) - double(r.samples(t, c)), 2);
            REQUIRE(gravity == doctest::Approx(1).epsilon(1e-4));
            if (r.labels[t] != 5) continue;
            lying_up += double(r.samples(t, 6));
            lying += 1;
        }
        CHECK(lying == 600);
        CHECK(std::abs(lying_up / lying) < 0.7); // the body axis is not up
    }
}

TEST_CASE("synthetic: channel means and deviations separate the activities partly, not fully") {
    data::synthetic_options o;
    o.seconds = 20;
    const double accuracy = nearest_mean_accuracy(data::synthetic(o));
    CAPTURE(accuracy);
    CHECK(accuracy > 0.5);
    CHECK(accuracy < 0.85);
}

TEST_CASE("synthetic: bad options") {
    const auto refused = [](auto change) {
        data::synthetic_options o = small();
        change(o);
        CHECK_THROWS_AS(static_cast<void>(data::synthetic(o)), usage_error);
    };
    refused([](auto& o) { o.users = 0; });
    refused([](auto& o) { o.test_users = 0; });
    refused([](auto& o) { o.seconds = 0; });
    refused([](auto& o) { o.seconds = std::nan(""); });
    refused([](auto& o) { o.rate_hz = 5; });
    refused([](auto& o) { o.hop = 0; });
    data::synthetic_options o = small();
    o.seconds = 0.01; // recording shorter than a window
    CHECK_THROWS_AS(data::synthetic(o), data_error);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/mixup.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include "allocations.hpp"

using namespace smldist;

TEST_CASE("mix_windows: each with the next one, the last with the first") {
    tensor<float> x(shape{3, 2, 2}, {1, 2, 3, 4, 10, 20, 30, 40, 100, 200, 300, 400});
    std::vector<float> first;
    data::mix_windows(x, 0.75, first);
    CHECK(identical(x, tensor<float>(shape{3, 2, 2},
                                     {3.25f, 6.5f, 9.75f, 13, 32.5f, 65, 97.5f, 130, 75.25f, 150.5f, 225.75f, 301})));
}

TEST_CASE("mix_windows: share 1 changes no bit, equal windows stay, one window mixes with itself") {
    tensor<float> x(shape{5, 3}), same(shape{4, 3}, 1.5f), one(shape{1, 3}, 2.0f), none(shape{0, 3});
    generator g(1);
    for (float& v : x) v = static_cast<float>(g.normal());
    const tensor<float> before = x;
    std::vector<float> first;
    data::mix_windows(x, 1, first);
    CHECK(identical(x, before));
    data::mix_windows(same, 0.6, first);
    for (const float v : same) CHECK(double(v) == doctest::Approx(1.5));
    data::mix_windows(one, 0.6, first);
    for (const float v : one) CHECK(double(v) == doctest::Approx(2));
    CHECK_NOTHROW(data::mix_windows(none, 0.6, first));

    data::mix_windows(x, 0.6, first); // the mean of a batch is kept
    double sum = 0, sum_before = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += double(x[i]), sum_before += double(before[i]);
    CHECK(sum == doctest::Approx(sum_before).epsilon(1e-5));
}

TEST_CASE("mix_labels: the labels of the windows mixed in") {
    std::vector<int> other{9, 9, 9, 9};
    data::mix_labels({4, 5, 6}, other);
    CHECK(other == std::vector<int>{5, 6, 4});
    data::mix_labels({7}, other);
    CHECK(other == std::vector<int>{7});
    data::mix_labels({}, other);
    CHECK(other.empty());
}

TEST_CASE("mixup_share: the larger part of a Beta variable, in [1/2, 1]") {
    for (const double alpha : {0.05, 0.2, 1.0, 8.0}) {
        CAPTURE(alpha);
        const int n = 20000;
        double sum = 0;
        for (int i = 0; i < n; ++i) {
            const generator g(3, static_cast<std::uint64_t>(i));
            const double share = data::mixup_share(alpha, g);
            REQUIRE(share >= 0.5);
            REQUIRE(share <= 1);
            REQUIRE(share == data::mixup_share(alpha, g));
            sum += share * (1 - share); // E[λ(1-λ)] = α/(2(2α+1)), whichever part is the larger
        }
        CHECK(std::abs(sum / n - alpha / (2 * (2 * alpha + 1))) < 4 * 0.11 / std::sqrt(double(n)));
    }
    // For α → 0 nothing is mixed.
    for (std::uint64_t i = 0; i < 1000; ++i) CHECK(data::mixup_share(1e-6, generator(4, i)) > 1 - 1e-9);
}

TEST_CASE("mixup_share: the same on every machine") {
    const double wanted[] = {0.98613480737153303, 0.99115988082615802, 0.99999777038716542};
    for (std::uint64_t i = 0; i < 3; ++i) CHECK(data::mixup_share(0.2, generator(42, i)) == wanted[i]);
}

TEST_CASE("mixing does not allocate after the first batch") {
    tensor<float> x(shape{5, 30}, 1.0f);
    std::vector<float> first;
    std::vector<int> other;
    const std::vector<int> label(5, 1);
    data::mix_windows(x, 0.6, first);
    data::mix_labels(label, other);
    const std::size_t before = allocations();
    for (int i = 0; i < 3; ++i) {
        data::mix_windows(x, 0.6, first);
        data::mix_labels(label, other);
    }
    CHECK(allocations() == before);
}

TEST_CASE("mixup: errors") {
    for (const double good : {0.0, 1e-6, 0.2, 1e6}) {
        CAPTURE(good);
        CHECK_NOTHROW(data::check_mixup(good));
    }
    for (const double bad : {-0.1, 1e-7, 1e7, std::nan(""), HUGE_VAL}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(data::check_mixup(bad), usage_error);
    }
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/optim/schedule.hpp"

#include "pair.hpp"

using namespace smldist;

namespace {

double relative(double got, double wanted) { return std::abs(got - wanted) / std::abs(wanted); }

} // namespace

TEST_CASE("one_cycle: rates and momenta as PyTorch") {
    const struct {
        std::size_t total;
        double rise;
    } cases[] = {{50, 0.3}, {7, 0.3}, {2, 0.3}, {23, 0.5}}; // as in make_optim.py
    for (std::size_t c = 0; c < 4; ++c) {
        const optim::one_cycle schedule{.max = 4e-3, .total = cases[c].total, .rise = cases[c].rise};
        const auto rates = stored("one_cycle/" + std::to_string(c));
        const auto momenta = stored("one_cycle/" + std::to_string(c) + "/momentum");
        REQUIRE(rates.size() == cases[c].total);
        for (std::size_t i = 0; i < rates.size(); ++i) {
            CAPTURE(c);
            CAPTURE(i);
            CHECK(relative(schedule(i), rates[i]) < 1e-9); // PyTorch cancels digits near the end
            CHECK(relative(schedule.momentum(i), momenta[i]) < 1e-13);
        }
        CHECK(schedule(1000) == schedule(rates.size() - 1)); // stays at its end
    }
}

TEST_CASE("one_cycle: begins at max/div, reaches max, ends at max/div/final_div") {
    const optim::one_cycle s{.max = 1, .total = 11, .rise = 6.0 / 11};
    CHECK(s(0) == doctest::Approx(1.0 / 25).epsilon(1e-14));
    CHECK(s(5) == doctest::Approx(1).epsilon(1e-14));
    CHECK(s(10) == doctest::Approx(1.0 / 25e4).epsilon(1e-9));
    CHECK(s.momentum(0) == doctest::Approx(0.95).epsilon(1e-14));
    CHECK(s.momentum(5) == doctest::Approx(0.85).epsilon(1e-14));
    CHECK(std::isfinite(optim::one_cycle{.total = 1}(0)));
}

TEST_CASE("cosine: without warm-up as PyTorch") {
    const struct {
        std::size_t total;
        double min;
    } cases[] = {{50, 0}, {7, 1e-4}}; // as in make_optim.py
    for (std::size_t c = 0; c < 2; ++c) {
        const optim::cosine schedule{.max = 4e-3, .min = cases[c].min, .total = cases[c].total, .warmup = 0};
        const auto rates = stored("cosine/" + std::to_string(c));
        REQUIRE(rates.size() == cases[c].total + 1);
        for (std::size_t i = 0; i < rates.size(); ++i) CHECK(std::abs(schedule(i) - rates[i]) < 1e-15);
        CHECK(schedule(1000) == schedule(cases[c].total));
    }
}

TEST_CASE("cosine: warms up in a straight line") {
    const optim::cosine s{.max = 1, .min = 0.1, .total = 21, .warmup = 0.2}; // 5 steps: 4.2 rounded up
    for (std::size_t i = 0; i < 5; ++i) CHECK(s(i) == doctest::Approx(double(i + 1) / 5).epsilon(1e-15));
    CHECK(s(5) == doctest::Approx(1).epsilon(1e-15));
    CHECK(s(13) == doctest::Approx(0.55).epsilon(1e-14)); // half way
    CHECK(s(21) == doctest::Approx(0.1).epsilon(1e-14));
}

TEST_CASE("schedules: errors") {
    CHECK_THROWS_AS(optim::cosine{.total = 0}(0), usage_error);
    CHECK_THROWS_AS((optim::cosine{.total = 5, .warmup = 1}(0)), usage_error);
    CHECK_THROWS_AS((optim::cosine{.total = 5, .warmup = -0.1}(0)), usage_error);
    CHECK_THROWS_AS((optim::cosine{.max = 1, .min = 2, .total = 5}(0)), usage_error);
    CHECK_THROWS_AS(optim::one_cycle{.total = 0}(0), usage_error);
    for (const double rise : {0.0, 1.0, -0.5, std::nan("")})
        CHECK_THROWS_AS((optim::one_cycle{.total = 5, .rise = rise}(0)), usage_error);
    CHECK_THROWS_AS((optim::one_cycle{.total = 5, .div = 0}(0)), usage_error);
    CHECK_THROWS_AS((optim::one_cycle{.total = 5, .final_div = -1}.momentum(0)), usage_error);
}

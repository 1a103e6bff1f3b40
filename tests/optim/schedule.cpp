// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/optim/schedule.hpp"

#include <initializer_list>

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

TEST_CASE("warm_restarts: as PyTorch") {
    const struct {
        std::size_t period, mult;
        double min;
    } cases[] = {{7, 1, 0}, {3, 2, 1e-4}, {1, 3, 0}, {5, 2, 0}}; // as in make_optim.py
    for (std::size_t c = 0; c < 4; ++c) {
        const optim::warm_restarts schedule{
            .max = 4e-3, .min = cases[c].min, .period = cases[c].period, .mult = cases[c].mult};
        const auto rates = stored("warm_restarts/" + std::to_string(c));
        REQUIRE(rates.size() == 60);
        for (std::size_t i = 0; i < rates.size(); ++i) CHECK(std::abs(schedule(i) - rates[i]) < 1e-15);
    }
}

TEST_CASE("warm_restarts: restarts at T_0 (mult^i - 1)/(mult - 1)") {
    const optim::warm_restarts s{.max = 1, .period = 4, .mult = 3};
    for (const std::size_t start : {0u, 4u, 16u, 52u}) {
        CHECK(s(start) == 1);
        if (start > 0) CHECK(s(start - 1) < 0.2);
    }
    CHECK(s(4 + 6) == doctest::Approx(0.5).epsilon(1e-14)); // half of the second period
    CHECK(optim::warm_restarts{.max = 1, .period = 2, .mult = 1}(1000000000001) == doctest::Approx(0.5));
}

TEST_CASE("plateau: as PyTorch over noisy figures, both directions and measures") {
    using options = optim::plateau_options;
    const auto cases = io::json::parse(reference_file("optim.safetensors").metadata().at("plateaus"));
    std::size_t c = 0, reductions = 0;
    for (const auto& o : cases.as_array()) {
        CAPTURE(c);
        const options::direction mode =
            o.as_string("mode") == "min" ? options::direction::min : options::direction::max;
        const options::measure measure =
            o.as_string("threshold_mode") == "rel" ? options::measure::relative : options::measure::absolute;
        optim::plateau p(0.01, {.mode = mode,
                                .factor = o.as_double("factor"),
                                .patience = o.as_size("patience"),
                                .threshold = o.as_double("threshold"),
                                .threshold_mode = measure,
                                .cooldown = o.as_size("cooldown"),
                                .min_lr = o.as_double("min_lr")});
        const auto figures = stored("plateau/" + std::to_string(c) + "/figure");
        const auto rates = stored("plateau/" + std::to_string(c) + "/lr");
        for (std::size_t i = 0; i < figures.size(); ++i) {
            const double before = p.lr();
            CHECK(p.observe(figures[i]) == rates[i]);
            reductions += p.lr() < before ? 1 : 0;
        }
        ++c;
    }
    CHECK(c == 16);
    CHECK(reductions > 2 * c);
}

TEST_CASE("plateau: patience p reduces after p+1 bad figures; a better one starts over; cooldown") {
    for (const std::size_t patience : {0u, 1u, 4u}) {
        optim::plateau p(1, {.factor = 0.5, .patience = patience});
        p.observe(3);
        for (std::size_t bad = 1; bad <= patience; ++bad) CHECK(p.observe(3) == 1);
        CHECK(p.observe(3) == 0.5);
    }
    optim::plateau p(1, {.factor = 0.5, .patience = 1, .cooldown = 2});
    p.observe(3);
    p.observe(4);
    CHECK(p.observe(2) == 1);
    CHECK(p.best() == 2);
    p.observe(2);
    CHECK(p.observe(2) == 0.5);
    for (int i = 0; i < 3; ++i) CHECK(p.observe(9) == 0.5); // two of cooldown, one bad
    CHECK(p.observe(9) == 0.25);
}

TEST_CASE("plateau: the smallest rate, the smallest change, and NaN") {
    optim::plateau low(1, {.factor = 0.1, .patience = 0, .min_lr = 0.3});
    for (int i = 0; i < 5; ++i) low.observe(1);
    CHECK(low.lr() == 0.3);
    optim::plateau tiny(1e-7, {.factor = 0.9, .patience = 0}); // 1e-8 is not above eps
    for (int i = 0; i < 5; ++i) tiny.observe(1);
    CHECK(tiny.lr() == 1e-7);
    optim::plateau blind(1, {.factor = 0.5, .patience = 1});
    for (int i = 0; i < 2; ++i) blind.observe(std::nan(""));
    CHECK(blind.lr() == 0.5);
    CHECK(blind.best() == HUGE_VAL);
}

TEST_CASE("schedules: errors") {
    CHECK_THROWS_AS(optim::warm_restarts{.period = 0}(0), usage_error);
    CHECK_THROWS_AS((optim::warm_restarts{.period = 5, .mult = 0}(0)), usage_error);
    CHECK_THROWS_AS((optim::warm_restarts{.max = 1, .min = 2, .period = 5}(0)), usage_error);
    for (const double bad : {0.0, -1.0, std::nan(""), HUGE_VAL}) CHECK_THROWS_AS(optim::plateau{bad}, usage_error);
    const auto fails = [](double optim::plateau_options::*member, std::initializer_list<double> values) {
        for (const double bad : values) {
            optim::plateau_options o;
            o.*member = bad;
            CHECK_THROWS_AS(optim::plateau(1, o), usage_error);
        }
    };
    fails(&optim::plateau_options::factor, {-0.1, 1, std::nan("")});
    fails(&optim::plateau_options::threshold, {-0.1, std::nan(""), HUGE_VAL});
    fails(&optim::plateau_options::min_lr, {-0.1, std::nan(""), HUGE_VAL});
    fails(&optim::plateau_options::eps, {-0.1, std::nan(""), HUGE_VAL});
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

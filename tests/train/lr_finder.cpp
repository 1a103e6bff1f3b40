// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/lr_finder.hpp"

#include <cmath>

#include "train/run.hpp"

using namespace smldist;
using train::lr_curve;

namespace {
/// A curve with these smooth losses at the rates 1, 10, 100, …
lr_curve curve(const std::vector<double>& smooth) {
    lr_curve c;
    for (std::size_t i = 0; i < smooth.size(); ++i) c.lr.push_back(std::pow(10, double(i)));
    c.loss = c.smooth = smooth;
    return c;
}
lr_curve find(const train::training_options& o, const train::lr_finder_options& f = {}) {
    return train::find_learning_rate(make(student_config()), train::supervised(), few().train, few().normal, o, f);
}
} // namespace

TEST_CASE("lr_curve: the steepest fall and the minimum") {
    const auto c = curve({5, 5, 4.9, 4, 2, 1.5, 3, 20});
    REQUIRE(c.steepest());
    CHECK(*c.steepest() == doctest::Approx(1e3)); // (2 - 4.9) over two decades
    CHECK(c.at_minimum() == doctest::Approx(1e5));
    CHECK_FALSE(curve({1, 2, 3, 4}).steepest());
    CHECK_FALSE(curve({1}).steepest());
    // The first tenth does not count.
    std::vector<double> early(30, 1.0);
    early[0] = 9;
    early[20] = 0.9;
    CHECK(*curve(early).steepest() == doctest::Approx(1e19));
}

TEST_CASE("find_learning_rate: the rates and the average of the losses are those of the formula") {
    const auto c = find(brief(), {.low = 1e-5, .high = 1e-2, .steps = 12, .smoothing = 0.9});
    REQUIRE(c.lr.size() == 12);
    double sum = 0, weight = 0;
    for (std::size_t k = 0; k < 12; ++k) {
        CHECK(c.lr[k] == doctest::Approx(1e-5 * std::pow(1e3, double(k) / 11)));
        sum = 0.9 * sum + c.loss[k];
        weight = 0.9 * weight + 1;
        CHECK(c.smooth[k] == doctest::Approx(sum / weight));
    }
    CHECK(c.loss[0] == doctest::Approx(std::log(6)).epsilon(0.2)); // six classes, nothing learned
}

TEST_CASE("find_learning_rate: leaves the network as it is and gives the same curve again") {
    const network net = make(student_config());
    const network before = net;
    const auto one = train::find_learning_rate(net, train::supervised(), few().train, few().normal, brief());
    CHECK(same_bits(net, before));
    const auto two = train::find_learning_rate(net, train::supervised(), few().train, few().normal, brief());
    CHECK(one.loss == two.loss);
    auto o = brief();
    o.seed = 5;
    CHECK(find(o).loss != one.loss);
    o = brief();
    o.schedule.kind = optim::schedule_kind::cosine; // neither the schedule nor averages matter
    o.ema = 0.9;
    CHECK(find(o).loss == one.loss);
}

TEST_CASE("find_learning_rate: ends when the loss grows") {
    auto o = brief();
    o.optimiser = optim::optimiser_kind::sgd;
    const auto c = find(o, {.low = 1e-3, .high = 1e6, .steps = 60, .smoothing = 0.5});
    CHECK(c.lr.size() < 60);
    CHECK(c.lr.size() > 10);
    REQUIRE(c.steepest());
    CHECK(*c.steepest() < c.lr.back());
    CHECK(c.at_minimum() < c.lr.back());
}

TEST_CASE("find_learning_rate: a training at the rate that it finds learns more than at the lowest") {
    auto o = brief(4);
    o.schedule.kind = optim::schedule_kind::constant;
    const auto c = find(o, {.steps = 60});
    REQUIRE(c.steepest());
    CHECK(*c.steepest() > 1e-4);
    CHECK(*c.steepest() < 0.3);
    const auto final_loss = [&](double lr) {
        o.lr = lr;
        return run(o).result.history.back().train.total;
    };
    CHECK(final_loss(*c.steepest()) < 0.8 * final_loss(c.lr.front()));
}

TEST_CASE("find_learning_rate: invalid options are refused") {
    const auto fails = [](train::lr_finder_options o, const char* message) {
        CHECK_THROWS_WITH_AS(o.check(), message, usage_error);
    };
    const std::string where = "train::find_learning_rate: ";
    fails({.low = 0}, (where + "low is 0, expected a positive number").c_str());
    fails({.high = HUGE_VAL}, (where + "high is inf, expected a positive number").c_str());
    fails({.low = 1, .high = 1}, (where + "low is 1, expected less than high").c_str());
    fails({.steps = 9}, (where + "steps is 9, expected at least 10").c_str());
    fails({.smoothing = 1}, (where + "smoothing is 1, expected 0 ≤ smoothing < 1").c_str());
    fails({.worse = 1}, (where + "worse is 1, expected above 1").c_str());
    auto o = brief();
    o.batch = 1;
    CHECK_THROWS_AS(find(o), usage_error);
}

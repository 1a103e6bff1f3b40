// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/training_options.hpp"

#include <cmath>
#include <doctest/doctest.h>

using namespace smldist;
using train::training_options;

TEST_CASE("training_options: values out of range are refused") {
    const double nan = std::nan(""), inf = HUGE_VAL;
    const auto fails = [](auto member, auto... values) {
        for (const auto bad : {values...}) {
            CAPTURE(bad);
            training_options o;
            o.*member = bad;
            CHECK_THROWS_AS(o.check(), usage_error);
        }
    };
    CHECK_NOTHROW(training_options().check());
    fails(&training_options::epochs, std::size_t(0));
    fails(&training_options::batch, std::size_t(0), std::size_t(1));
    fails(&training_options::accumulate, std::size_t(0), std::size_t(33));
    fails(&training_options::lr, 0.0, -1.0, nan, inf);
    fails(&training_options::weight_decay, -1.0, nan, inf);
    fails(&training_options::clip, 0.0, -1.0, nan);
    fails(&training_options::ema, -0.1, 1.0, nan);
    fails(&training_options::swa_epochs, std::size_t(41));
    fails(&training_options::mixup, -0.1, 1e-7, nan, inf);

    training_options o;
    o.augment.mask = 2;
    CHECK_THROWS_AS(o.check(), usage_error);
    o = {};
    o.schedule.restart_epochs = 0;
    CHECK_THROWS_AS(o.check(), usage_error);
    o = {};
    o.schedule.restart_mult = 0;
    CHECK_THROWS_AS(o.check(), usage_error);
    o = {};
    o.schedule.plateau.factor = 1; // even when another schedule is chosen
    CHECK_THROWS_AS(o.check(), usage_error);
}

TEST_CASE("training_options: ema and swa together are refused") {
    training_options o;
    o.swa_epochs = o.epochs;
    CHECK_NOTHROW(o.check());
    o.ema = 0.99;
    CHECK_THROWS_WITH_AS(o.check(), "training_options: swa_epochs is 40, expected 0 with ema: one average of the two",
                         usage_error);
    o.swa_epochs = 0;
    CHECK_NOTHROW(o.check());
}

TEST_CASE("training_options: the defaults are adamw with one_cycle and no averages or mixup") {
    const training_options o;
    CHECK(o.optimiser == optim::optimiser_kind::adamw);
    CHECK(o.schedule.kind == optim::schedule_kind::one_cycle);
    CHECK(o.schedule.plateau.mode == optim::plateau_options::direction::max);
    CHECK_FALSE(o.plateau_on_last_loss);
    CHECK(o.swa_epochs == 0);
    CHECK(o.mixup == 0);
    CHECK(o.memory == train::memory_initialisation::random);
}

TEST_CASE("training_options: what plateau observes is for a plateau") {
    training_options o;
    o.plateau_on_last_loss = true;
    CHECK_THROWS_WITH_AS(o.check(),
                         "training_options: schedule is one_cycle, expected plateau with plateau_on_last_loss",
                         usage_error);
    o.schedule.kind = optim::schedule_kind::plateau;
    CHECK_NOTHROW(o.check());
}

TEST_CASE("training_options: a memory is placed after the first epoch of several") {
    training_options o;
    o.memory = train::memory_initialisation::k_means;
    CHECK_NOTHROW(o.check());
    o.epochs = 1;
    CHECK_THROWS_WITH_AS(o.check(),
                         "training_options: epochs is 1, expected at least 2 with k_means, which places the memory "
                         "after the first",
                         usage_error);
}

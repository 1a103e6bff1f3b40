// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/optim/any_schedule.hpp"

#include <cmath>
#include <cstddef>
#include <doctest/doctest.h>

using namespace smldist;
using optim::schedule_kind;

namespace {

constexpr schedule_kind every_schedule[] = {schedule_kind::one_cycle, schedule_kind::cosine,
                                            schedule_kind::warm_restarts, schedule_kind::plateau,
                                            schedule_kind::constant};

} // namespace

TEST_CASE("any_schedule: each is the one it names, over the whole run") {
    const std::size_t epochs = 12, steps = 5;
    for (const schedule_kind kind : every_schedule) {
        optim::schedule_options o;
        o.kind = kind;
        o.restart_epochs = 2;
        o.plateau.patience = 1;
        optim::any_schedule s(o, 0.3, epochs, steps);
        const optim::one_cycle cycle{.max = 0.3, .total = 60};
        const optim::cosine cosine{.max = 0.3, .total = 60};
        const optim::warm_restarts restarts{.max = 0.3, .period = 10, .mult = 2};
        optim::plateau plateau(0.3, o.plateau);
        CAPTURE(name_of(kind));
        CHECK(s.total() == 60);
        for (std::size_t epoch = 0; epoch < epochs; ++epoch) {
            for (std::size_t i = epoch * steps; i < (epoch + 1) * steps; ++i) {
                const double wanted = kind == schedule_kind::one_cycle       ? cycle(i)
                                      : kind == schedule_kind::cosine        ? cosine(i)
                                      : kind == schedule_kind::warm_restarts ? restarts(i)
                                      : kind == schedule_kind::plateau       ? plateau.lr()
                                                                             : 0.3;
                CHECK(s.lr(i) == wanted);
                CHECK(s.momentum(i).has_value() == (kind == schedule_kind::one_cycle));
                if (s.momentum(i)) CHECK(*s.momentum(i) == cycle.momentum(i));
            }
            const double figure = epoch < 4 ? double(epoch) : 3; // a maximum that stands still
            s.observe(figure);
            plateau.observe(figure);
        }
        if (kind == schedule_kind::plateau) CHECK(s.lr(0) < 0.3);
    }
}

TEST_CASE("any_schedule: names") {
    for (const schedule_kind k : every_schedule) CHECK(parse_enum<schedule_kind>(name_of(k)) == k);
    CHECK_THROWS_WITH_AS(static_cast<void>(parse_enum<schedule_kind>("")),
                         "optim::schedule_kind: name is \"\", expected one_cycle, cosine, warm_restarts, plateau or "
                         "constant",
                         usage_error);
}

TEST_CASE("any_schedule: defaults and errors") {
    const optim::schedule_options d;
    CHECK(d.kind == schedule_kind::one_cycle);
    CHECK(d.restart_epochs == 10);
    CHECK(d.restart_mult == 2);
    CHECK(d.plateau.mode == optim::plateau_options::direction::max);
    for (const schedule_kind kind : every_schedule) {
        optim::schedule_options o;
        o.kind = kind;
        CHECK_THROWS_AS(optim::any_schedule(o, 0, 5, 5), usage_error);
        CHECK_THROWS_AS(optim::any_schedule(o, std::nan(""), 5, 5), usage_error);
        auto bad = o;
        bad.restart_epochs = 0;
        CHECK_THROWS_AS(optim::any_schedule(bad, 1, 5, 5), usage_error);
        bad = o;
        bad.restart_mult = 0;
        CHECK_THROWS_AS(optim::any_schedule(bad, 1, 5, 5), usage_error);
        bad = o;
        bad.plateau.factor = 1;
        CHECK_THROWS_AS(optim::any_schedule(bad, 1, 5, 5), usage_error);
        CHECK_THROWS_AS(optim::any_schedule(o, 1, 0, 5), usage_error);
        CHECK_THROWS_AS(optim::any_schedule(o, 1, 5, 0), usage_error);
    }
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/optim/choice.hpp"

#include <functional>
#include <optional>

#include "allocations.hpp"
#include "pair.hpp"

using namespace smldist;
using optim::optimiser_kind;
using optim::schedule_kind;

namespace {

constexpr optimiser_kind every_optimiser[] = {optimiser_kind::adamw, optimiser_kind::adam, optimiser_kind::sgd,
                                              optimiser_kind::radam, optimiser_kind::ranger};
constexpr schedule_kind every_schedule[] = {schedule_kind::one_cycle, schedule_kind::cosine,
                                            schedule_kind::warm_restarts, schedule_kind::plateau,
                                            schedule_kind::constant};

template <class Optimiser>
pair_model<double> after_eight(Optimiser o, const std::function<void(Optimiser&)>& change) {
    auto m = start_model();
    tape<double> t;
    for (std::size_t i = 0; i < 8; ++i) {
        if (i == 3) change(o);
        set_gradients(t, m, stored_row("gradient.weight", i), stored_row("gradient.bias", i));
        o.step(m, t);
    }
    return m;
}

/// Eight steps of the chosen optimiser end where those of `wanted` do; from the fourth on with half the rate, and with
/// momentum 0.8 where `change` sets it.
template <class Optimiser>
void check_same(optimiser_kind kind, const Optimiser& wanted, const std::function<void(Optimiser&)>& change,
                std::optional<double> momentum) {
    using any = optim::any_optimiser<double>;
    const auto a = after_eight<any>(any(kind, 0.1, 0.2), [&](any& o) { o.set(0.05, momentum); });
    const auto b = after_eight<Optimiser>(wanted, change);
    CAPTURE(optim::text(kind));
    CHECK(identical(a.weight.value, b.weight.value));
    CHECK(identical(a.bias.value, b.bias.value));
}

} // namespace

TEST_CASE("any_optimiser: each is the one it names") {
    const std::function<void(optim::adam<double>&)> adam = [](auto& o) { o.options.lr = 0.05; };
    check_same(optimiser_kind::adamw, optim::adamw<double>(0.1, 0.2), adam, std::nullopt);
    check_same(optimiser_kind::adam, optim::adam<double>({.lr = 0.1, .weight_decay = 0.2}), adam, std::nullopt);
    check_same<optim::sgd<double>>(
        optimiser_kind::sgd, optim::sgd<double>({.lr = 0.1, .momentum = 0.9, .weight_decay = 0.2}),
        [](auto& o) { o.options.lr = 0.05; }, std::nullopt);
    check_same<optim::radam<double>>(
        optimiser_kind::radam, optim::radam<double>({.lr = 0.1, .weight_decay = 0.2}),
        [](auto& o) { o.options.lr = 0.05; }, std::nullopt);
    check_same<optim::lookahead<optim::radam<double>>>(
        optimiser_kind::ranger, optim::ranger<double>(0.1, 0.2), [](auto& o) { o.inner.options.lr = 0.05; },
        std::nullopt);
}

TEST_CASE("any_optimiser: momentum is beta1 or sgd's momentum") {
    const std::function<void(optim::adam<double>&)> adam = [](auto& o) {
        o.options.lr = 0.05;
        o.options.beta1 = 0.8;
    };
    check_same(optimiser_kind::adamw, optim::adamw<double>(0.1, 0.2), adam, 0.8);
    check_same<optim::sgd<double>>(
        optimiser_kind::sgd, optim::sgd<double>({.lr = 0.1, .momentum = 0.9, .weight_decay = 0.2}),
        [](auto& o) {
            o.options.lr = 0.05;
            o.options.momentum = 0.8;
        },
        0.8);
    check_same<optim::radam<double>>(
        optimiser_kind::radam, optim::radam<double>({.lr = 0.1, .weight_decay = 0.2}),
        [](auto& o) {
            o.options.lr = 0.05;
            o.options.beta1 = 0.8;
        },
        0.8);
    check_same<optim::lookahead<optim::radam<double>>>(
        optimiser_kind::ranger, optim::ranger<double>(0.1, 0.2),
        [](auto& o) {
            o.inner.options.lr = 0.05;
            o.inner.options.beta1 = 0.8;
        },
        0.8);
}

TEST_CASE("any_optimiser: from the second step on nothing is allocated; errors") {
    for (const optimiser_kind kind : every_optimiser) {
        auto m = start_model();
        tape<double> t;
        set_gradients(t, m, stored_row("gradient.weight", 0), stored_row("gradient.bias", 0));
        optim::any_optimiser<double> o(kind, 0.1, 0.1);
        CHECK(o.kind() == kind);
        o.step(m, t);
        const std::size_t before = allocations();
        for (int i = 0; i < 8; ++i) o.step(m, t);
        CHECK(allocations() == before);
        CHECK_THROWS_AS(optim::any_optimiser<double>(kind, -1, 0), usage_error);
        CHECK_THROWS_AS(optim::any_optimiser<double>(kind, 1, std::nan("")), usage_error);
    }
}

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
        CAPTURE(optim::text(kind));
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

TEST_CASE("optimisers and schedules: names") {
    for (const optimiser_kind k : every_optimiser) CHECK(optim::parse_optimiser(optim::text(k)) == k);
    for (const schedule_kind k : every_schedule) CHECK(optim::parse_schedule(optim::text(k)) == k);
    CHECK_THROWS_WITH_AS(optim::parse_optimiser("adamx"),
                         "optim::optimiser_kind: name is \"adamx\", expected adamw, adam, sgd, radam or ranger",
                         usage_error);
    CHECK_THROWS_WITH_AS(optim::parse_schedule(""),
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

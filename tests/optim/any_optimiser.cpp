// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/optim/any_optimiser.hpp"

#include <functional>
#include <optional>

#include "allocations.hpp"
#include "pair.hpp"

using namespace smldist;
using optim::optimiser_kind;

namespace {

constexpr optimiser_kind every_optimiser[] = {optimiser_kind::adamw, optimiser_kind::adam, optimiser_kind::sgd,
                                              optimiser_kind::radam, optimiser_kind::ranger};

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
    CAPTURE(name_of(kind));
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

TEST_CASE("any_optimiser: names") {
    for (const optimiser_kind k : every_optimiser) CHECK(parse_enum<optimiser_kind>(name_of(k)) == k);
    CHECK_THROWS_WITH_AS(static_cast<void>(parse_enum<optimiser_kind>("adamx")),
                         "optim::optimiser_kind: name is \"adamx\", expected adamw, adam, sgd, radam or ranger",
                         usage_error);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/optim/lookahead.hpp"

#include "allocations.hpp"
#include "pair.hpp"
#include "smldist/optim/adam.hpp"
#include "smldist/optim/radam.hpp"
#include "smldist/optim/sgd.hpp"

using namespace smldist;
using optim::lookahead;

namespace {

/// One step of both models along the stored gradients i.
template <class A, class B> void step_both(A& a, pair_model<double>& m, B& b, pair_model<double>& n, std::size_t i) {
    tape<double> t;
    set_gradients(t, m, stored_row("gradient.weight", i), stored_row("gradient.bias", i));
    a.step(m, t);
    set_gradients(t, n, stored_row("gradient.weight", i), stored_row("gradient.bias", i));
    b.step(n, t);
}

template <class Inner> void check_follows_inner(const Inner& inner) {
    auto m = start_model(), n = m;
    Inner alone = inner;
    lookahead<Inner> whole(inner, {.k = 3, .alpha = 1});
    for (std::size_t i = 0; i < 10; ++i) {
        step_both(alone, m, whole, n, i);
        CHECK(identical(m.weight.value, n.weight.value));
        CHECK(identical(m.bias.value, n.bias.value));
    }
}

} // namespace

TEST_CASE("lookahead: around sgd and adam, as the formula") {
    each_case("lookahead", [](const std::string& name, const io::json& o) {
        const optim::lookahead_options l{.k = o.as_size("k"), .alpha = o.as_double("alpha")};
        if (o.as_string("inner") == "sgd")
            check_steps(name, lookahead(optim::sgd<double>({.lr = 0.05, .momentum = 0.9, .weight_decay = 0.1}), l),
                        start_model());
        else
            check_steps(name, lookahead(optim::adam<double>({.lr = 0.05, .weight_decay = 0.1}), l), start_model());
    });
}

TEST_CASE("lookahead: with alpha 1 it is the inner optimiser, bit for bit") {
    check_follows_inner(optim::sgd<double>({.lr = 0.1, .momentum = 0.9}));
    check_follows_inner(optim::adamw<double>(0.1, 0.1));
    check_follows_inner(optim::radam<double>({.lr = 0.1}));
}

TEST_CASE("lookahead: with alpha 0 every k-th step is back at the start, the others are the inner one's") {
    auto m = start_model(), n = m;
    const auto start = m;
    optim::sgd<double> alone({.lr = 0.1});
    lookahead<optim::sgd<double>> whole(alone, {.k = 4, .alpha = 0});
    for (std::size_t i = 0; i < 8; ++i) {
        step_both(alone, m, whole, n, i);
        if (i % 4 == 3) {
            CHECK(identical(n.weight.value, start.weight.value));
            m = n;
        } else {
            CHECK(identical(n.weight.value, m.weight.value));
            CHECK_FALSE(identical(n.weight.value, start.weight.value));
        }
    }
}

TEST_CASE("lookahead: every parameter counts its own steps and has its own first value") {
    auto m = start_model();
    m.bias.decay = m.weight.decay = 0;
    lookahead<optim::sgd<double>> whole(optim::sgd<double>({.lr = 1}), {.k = 2, .alpha = 0.5});
    const tensor<double> dw(m.weight.shape(), 1.0), db(m.bias.shape(), 1.0);
    tape<double> t;
    t.backward(t.leaf(m.bias), db);
    whole.step(m, t); // the bias alone
    const auto before = m;
    set_gradients(t, m, dw, db);
    whole.step(m, t); // second of the bias: half way back from 2; first of the weight
    CHECK(whole.steps[0] == 1);
    CHECK(whole.steps[1] == 2);
    for (std::size_t i = 0; i < db.size(); ++i) CHECK(m.bias.value[i] == doctest::Approx(before.bias.value[i]));
    for (std::size_t i = 0; i < dw.size(); ++i) {
        CHECK(m.weight.value[i] == doctest::Approx(before.weight.value[i] - 1));
        CHECK(whole.slow[0][i] == before.weight.value[i]);
    }
}

TEST_CASE("lookahead: from the second step on nothing is allocated") {
    auto m = start_model();
    tape<double> t;
    set_gradients(t, m, stored_row("gradient.weight", 0), stored_row("gradient.bias", 0));
    lookahead<optim::sgd<double>> whole(optim::sgd<double>(), {.k = 2, .alpha = 0.5});
    whole.step(m, t);
    const std::size_t before = allocations();
    for (int i = 0; i < 5; ++i) whole.step(m, t);
    CHECK(allocations() == before);
}

TEST_CASE("lookahead: defaults and errors") {
    const optim::lookahead_options d;
    CHECK(d.k == 5);
    CHECK(d.alpha == 0.5);
    using wrapped = lookahead<optim::sgd<float>>;
    CHECK_THROWS_AS(wrapped(optim::sgd<float>(), {.k = 0, .alpha = 0.5}), usage_error);
    for (const double bad : {-0.1, 1.1, std::nan("")})
        CHECK_THROWS_AS(wrapped(optim::sgd<float>(), {.k = 5, .alpha = bad}), usage_error);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/optim/adam.hpp"

#include "pair.hpp"

using namespace smldist;

namespace {

optim::adam_options options_of(const io::json& o) {
    const auto& betas = o.as_array("betas");
    return {.lr = 0.05,
            .beta1 = betas[0].as_double(),
            .beta2 = betas[1].as_double(),
            .eps = o.as_double("eps"),
            .weight_decay = o.as_double("weight_decay")};
}

} // namespace

TEST_CASE("adam: ten steps as PyTorch") {
    each_case("adam", [](const std::string& name, const io::json& o) {
        check_steps(name, optim::adam<double>(options_of(o)), start_model());
    });
}

TEST_CASE("adamw: ten steps as PyTorch") {
    each_case("adamw", [](const std::string& name, const io::json& o) {
        auto options = options_of(o);
        options.decoupled = true;
        check_steps(name, optim::adam<double>(options), start_model());
    });
}

TEST_CASE("adam: a parameter learns and decays at its own rate") {
    auto m = start_model();
    m.bias.rate = 0.1;
    check_steps("slow", optim::adamw<double>(0.05, 0.1), m);
    m.weight.decay = 0.25;
    auto other = m;
    for (auto* q : {&other.weight, &other.bias}) q->rate *= 0.1, q->decay *= 10;
    auto optimiser = optim::adamw<double>(0.05, 0.2), same = optim::adamw<double>(0.5, 0.02);
    tape<double> t;
    set_gradients(t, m, stored_row("gradient.weight", 0), stored_row("gradient.bias", 0));
    optimiser.step(m, t);
    set_gradients(t, other, stored_row("gradient.weight", 0), stored_row("gradient.bias", 0));
    same.step(other, t);
    CHECK(distance(m.weight.value, other.weight.value) < 1e-15);
    CHECK(distance(m.bias.value, other.bias.value) < 1e-15);
}

TEST_CASE("adam: options may change between steps") {
    auto m = start_model();
    const auto before = m.weight.value;
    tape<double> t;
    auto optimiser = optim::adam<double>();
    optimiser.options.lr = 0;
    set_gradients(t, m, stored_row("gradient.weight", 0), stored_row("gradient.bias", 0));
    optimiser.step(m, t);
    CHECK(identical(m.weight.value, before));
    optimiser.options.lr = 0.1;
    optimiser.step(m, t);
    CHECK_FALSE(identical(m.weight.value, before));
    CHECK(optimiser.steps[0] == 2);
}

TEST_CASE("adam: a parameter without gradient keeps its value and its count of steps") {
    auto m = start_model();
    const auto before = m.weight.value;
    tape<double> t;
    auto optimiser = optim::adamw<double>(0.1, 0.5);
    for (int i = 0; i < 3; ++i) {
        t.reset();
        t.backward(t.leaf(m.bias), stored_row("gradient.bias", 0));
        optimiser.step(m, t);
    }
    CHECK(identical(m.weight.value, before));
    CHECK(optimiser.steps[0] == 0);
    CHECK(optimiser.steps[1] == 3);
    // Its first step is then a first step: of length lr, whatever the gradient.
    set_gradients(t, m, tensor<double>(before.shape(), 7.0), stored_row("gradient.bias", 0));
    m.weight.decay = 0;
    optimiser.step(m, t);
    for (std::size_t i = 0; i < before.size(); ++i) CHECK(before[i] - m.weight.value[i] == doctest::Approx(0.1));
}

TEST_CASE("adam: defaults") {
    const optim::adam_options o;
    CHECK(o.lr == 1e-3);
    CHECK(o.beta1 == 0.9);
    CHECK(o.beta2 == 0.999);
    CHECK(o.eps == 1e-8);
    CHECK(o.weight_decay == 0);
    CHECK_FALSE(o.decoupled);
    const auto w = optim::adamw<float>();
    CHECK(w.options.decoupled);
    CHECK(w.options.weight_decay == 1e-2);
}

TEST_CASE("adam: errors") {
    const auto fails = [](double optim::adam_options::*member, std::initializer_list<double> values) {
        for (const double bad : values) {
            optim::adam_options o;
            o.*member = bad;
            CHECK_THROWS_AS(optim::adam<float>{o}, usage_error);
        }
    };
    const double nan = std::nan("");
    fails(&optim::adam_options::lr, {-1, nan, HUGE_VAL});
    fails(&optim::adam_options::beta1, {-0.1, 1, nan});
    fails(&optim::adam_options::beta2, {-0.1, 1, nan});
    fails(&optim::adam_options::eps, {-1, nan, HUGE_VAL});
    fails(&optim::adam_options::weight_decay, {-1, nan, HUGE_VAL});
}

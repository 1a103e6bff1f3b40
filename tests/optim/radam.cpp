// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/optim/radam.hpp"

#include <initializer_list>
#include <utility>

#include "allocations.hpp"
#include "pair.hpp"

using namespace smldist;

TEST_CASE("radam: ten steps as PyTorch") {
    each_case("radam", [](const std::string& name, const io::json& o) {
        const auto& betas = o.as_array("betas");
        check_steps(name,
                    optim::radam<double>({.lr = 0.05,
                                          .beta1 = betas[0].as_double(),
                                          .beta2 = betas[1].as_double(),
                                          .eps = o.as_double("eps"),
                                          .weight_decay = o.as_double("weight_decay")}),
                    start_model());
    });
}

TEST_CASE("radam: ρ_t of the first eight steps; the sixth is the first above 5") {
    const double wanted[] = {1, 1.999, 2.999, 3.997, 4.996, 5.994, 6.992, 7.989};
    for (std::uint64_t t = 1; t <= 8; ++t)
        CHECK(std::abs(optim::radam_rectification(0.999, t).length - wanted[t - 1]) < 6e-4);
    // In the end nothing is left to rectify.
    CHECK(optim::radam_rectification(0.999, 100000).length == doctest::Approx(1999).epsilon(1e-12));
    CHECK(optim::radam_rectification(0.999, 100000).factor == doctest::Approx(1).epsilon(1e-12));
}

TEST_CASE("radam: five steps of plain momentum, then adaptive ones; another threshold, another number of steps") {
    for (const auto& c : {std::pair<double, std::size_t>{5, 5}, {4, 4}, {6.5, 6}, {1e6, 10}}) {
        const double threshold = c.first;
        auto m = start_model();
        optim::radam<double> optimiser({.lr = 0.05, .threshold = threshold});
        tape<double> t;
        tensor<double> mean(m.weight.shape());
        for (std::size_t i = 0; i < 10; ++i) {
            const auto before = m.weight.value, g = stored_row("gradient.weight", i);
            mean = tensor<double>(0.9 * mean.array() + 0.1 * g.array());
            set_gradients(t, m, g, stored_row("gradient.bias", i));
            optimiser.step(m, t);
            const double rate = 0.05 / (1 - std::pow(0.9, double(i + 1)));
            const double off = distance(m.weight.value, tensor<double>(before.array() - rate * mean.array()));
            CAPTURE(threshold);
            CAPTURE(i);
            if (i < c.second)
                CHECK(off < 1e-14);
            else
                CHECK(off > 1e-3);
        }
    }
}

TEST_CASE("radam: a short memory of squares never adapts and stays finite") {
    auto m = start_model();
    optim::radam<double> optimiser({.lr = 0.05, .beta1 = 0, .beta2 = 0.3}); // ρ∞ = 1.86
    tape<double> t;
    for (std::size_t i = 0; i < 10; ++i) {
        const auto before = m.bias.value, g = stored_row("gradient.bias", i);
        set_gradients(t, m, stored_row("gradient.weight", i), g);
        optimiser.step(m, t);
        CHECK(distance(m.bias.value, tensor<double>(before.array() - 0.05 * g.array())) < 1e-15);
    }
}

TEST_CASE("radam: decoupled decay scales before the step and spares the bias; a slow parameter decays slowly") {
    for (const double factor : {1.0, 0.1}) {
        auto m = start_model();
        m.weight.rate = factor;
        auto plain = m;
        const auto before = m;
        tape<double> t;
        const auto step = [&](auto& model, double decay) {
            set_gradients(t, model, stored_row("gradient.weight", 0), stored_row("gradient.bias", 0));
            optim::radam<double>({.lr = 0.1, .weight_decay = decay, .decoupled = true}).step(model, t);
        };
        step(m, 0.5);
        step(plain, 0);
        const double rate = 0.1 * factor;
        CHECK(distance(m.weight.value, tensor<double>(plain.weight.value.array() -
                                                      rate * 0.5 * before.weight.value.array())) < 1e-14);
        CHECK(identical(m.bias.value, plain.bias.value));
    }
}

TEST_CASE("radam: from the second step on nothing is allocated") {
    auto m = start_model();
    const auto dw = stored_row("gradient.weight", 0), db = stored_row("gradient.bias", 0);
    tape<double> t;
    optim::radam<double> optimiser;
    set_gradients(t, m, dw, db);
    optimiser.step(m, t);
    const std::size_t before = allocations();
    for (int i = 0; i < 8; ++i) optimiser.step(m, t);
    CHECK(allocations() == before);
}

TEST_CASE("radam: defaults and errors") {
    const optim::radam_options d;
    CHECK(d.lr == 1e-3);
    CHECK(d.beta1 == 0.9);
    CHECK(d.beta2 == 0.999);
    CHECK(d.eps == 1e-8);
    CHECK(d.weight_decay == 0);
    CHECK_FALSE(d.decoupled);
    CHECK(d.threshold == 5);
    const auto fails = [](double optim::radam_options::*member, std::initializer_list<double> values) {
        for (const double bad : values) {
            optim::radam_options o;
            o.*member = bad;
            CHECK_THROWS_AS(optim::radam<float>{o}, usage_error);
        }
    };
    const double nan = std::nan("");
    fails(&optim::radam_options::lr, {-1, nan, HUGE_VAL});
    fails(&optim::radam_options::beta1, {-0.1, 1, nan});
    fails(&optim::radam_options::beta2, {-0.1, 1, nan});
    fails(&optim::radam_options::eps, {-1, nan, HUGE_VAL});
    fails(&optim::radam_options::weight_decay, {-1, nan, HUGE_VAL});
    fails(&optim::radam_options::threshold, {3.9, nan, HUGE_VAL});
}

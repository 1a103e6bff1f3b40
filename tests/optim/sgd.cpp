// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/optim/sgd.hpp"

#include "pair.hpp"

using namespace smldist;

TEST_CASE("sgd: ten steps as PyTorch") {
    each_case("sgd", [](const std::string& name, const io::json& o) {
        check_steps(name,
                    optim::sgd<double>({.lr = 0.05,
                                        .momentum = o.as_double("momentum"),
                                        .weight_decay = o.as_double("weight_decay"),
                                        .nesterov = o.as_bool("nesterov")}),
                    start_model());
    });
}

TEST_CASE("sgd: one plain step is the gradient times the rate, and times the rate of the parameter") {
    auto m = start_model();
    m.bias.rate = 0.1;
    const auto before = m;
    const auto dw = stored_row("gradient.weight", 0), db = stored_row("gradient.bias", 0);
    tape<double> t;
    set_gradients(t, m, dw, db);
    optim::sgd<double> optimiser({.lr = 0.5});
    optimiser.step(m, t);
    CHECK(distance(m.weight.value, tensor<double>(before.weight.value.array() - 0.5 * dw.array())) < 1e-15);
    CHECK(distance(m.bias.value, tensor<double>(before.bias.value.array() - 0.05 * db.array())) < 1e-15);
}

TEST_CASE("sgd: defaults") {
    const optim::sgd_options o;
    CHECK(o.lr == 1e-2);
    CHECK(o.momentum == 0);
    CHECK(o.weight_decay == 0);
    CHECK_FALSE(o.nesterov);
}

TEST_CASE("sgd: errors") {
    for (const double bad : {-1.0, std::nan(""), HUGE_VAL}) {
        CHECK_THROWS_AS(optim::sgd<float>({.lr = bad}), usage_error);
        CHECK_THROWS_AS(optim::sgd<float>({.momentum = bad}), usage_error);
        CHECK_THROWS_AS(optim::sgd<float>({.weight_decay = bad}), usage_error);
    }
}

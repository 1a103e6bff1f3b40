// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/optim/step.hpp"

#include <limits>
#include <utility>

#include "counted.hpp"
#include "pair.hpp"
#include "smldist/optim/adam.hpp"
#include "smldist/optim/sgd.hpp"

using namespace smldist;

namespace {

/// Index and shape of what for_each_gradient visits.
template <class M> std::string visited(M& model, tape<double>& t) {
    std::string s;
    optim::for_each_gradient(model, t, [&s](std::size_t i, parameter<double>& p, const tensor<double>& g) {
        CHECK(p.shape() == g.shape());
        s += std::to_string(i) + ' ';
    });
    return s;
}

/// A view of one parameter.
struct half {
    parameter<double>* weight;

    static void visit(auto& self, auto&& member) { member("weight", *self.weight); }
};

} // namespace

TEST_CASE("for_each_gradient: trainable parameters with a gradient, by their place in the model") {
    auto m = start_model();
    tape<double> t;
    CHECK(visited(m, t) == "");
    t.leaf(m.weight); // on the tape, but no gradient arrives
    CHECK(visited(m, t) == "");
    t.backward(t.leaf(m.bias), stored("start.bias"));
    CHECK(visited(m, t) == "1 ");
    t.backward(t.leaf(m.weight), stored("start.weight"));
    CHECK(visited(m, t) == "0 1 ");

    t.reset();
    m.weight.trainable = false;
    t.backward(op::mul(t.leaf(m.weight), t.leaf(m.weight)), stored("start.weight"));
    t.backward(t.leaf(m.bias), stored("start.bias"));
    CHECK(visited(m, t) == "1 ");
}

TEST_CASE("for_each_gradient: frozen parameters are untouched") {
    auto m = start_model();
    m.weight.trainable = false;
    const auto before = m;
    tape<double> t;
    auto adam = optim::adamw<double>(0.1, 0.5);
    optim::sgd<double> sgd({.lr = 0.1, .weight_decay = 0.5});
    for (int i = 0; i < 3; ++i) {
        t.reset();
        t.backward(op::mul(t.leaf(m.weight), t.leaf(m.weight)), stored("start.weight"));
        t.backward(t.leaf(m.bias), stored("start.bias"));
        adam.step(m, t);
        sgd.step(m, t);
    }
    CHECK(identical(m.weight.value, before.weight.value));
    CHECK_FALSE(identical(m.bias.value, before.bias.value));
}

TEST_CASE("for_each_gradient: another model than the tape's is refused before anything is written") {
    auto m = start_model();
    tape<double> t;
    set_gradients(t, m, stored("start.weight"), stored("start.bias"));
    auto other = m;
    const auto before = other;
    optim::sgd<double> sgd({.lr = 0.1});
    CHECK_THROWS_WITH_AS(sgd.step(other, t),
                         "optim.step: parameters of the tape found in the model are 0, expected all 2; was the model "
                         "moved or copied after the forward pass?",
                         usage_error);
    CHECK(identical(other.weight.value, before.weight.value));

    half part{&m.weight};
    CHECK_THROWS_AS(sgd.step(part, t), usage_error);
    CHECK_NOTHROW(sgd.step(m, t));
}

TEST_CASE("for_each_gradient: writes the noted statistics, in the order in which they were noted") {
    counted m;
    m.weight.value = tensor<double>{1};
    m.running.value = tensor<double>{0, 4};
    m.labels.value = tensor<std::int32_t>{3};
    tape<double> t;
    t.backward(t.leaf(m.weight), tensor<double>{1});
    t.note(m.running, {8, 4}, 0.25);
    t.note(m.running, {0, 0}, 0.5);
    optim::sgd<double>({.lr = 0}).step(m, t);
    CHECK(identical(m.running.value, tensor<double>{1, 2}));
    CHECK(m.labels.value[0] == 3);
}

TEST_CASE("for_each_gradient: an optimiser is of one model") {
    auto m = start_model();
    tape<double> t;
    set_gradients(t, m, stored("start.weight"), stored("start.bias"));
    auto adam = optim::adamw<double>();
    adam.step(m, t);
    m.weight.value = tensor<double>(shape{2, 3});
    t.reset();
    t.backward(t.leaf(m.weight), tensor<double>(shape{2, 3}, 1.0));
    CHECK_THROWS_WITH_AS(adam.step(m, t),
                         "optim.step: shape of parameter 0 is (2, 3), expected (3, 13) as in the steps before",
                         usage_error);
}

TEST_CASE("clip_gradient_norm: as PyTorch") {
    auto m = start_model();
    tape<double> t;
    const auto norms = stored("clip");
    std::size_t clipped = 0;
    for (std::size_t i = 0; i < 10; ++i) {
        CAPTURE(i);
        const double factor = double(i + 1) / 5;
        const auto scaled = [&](const std::string& name) {
            return tensor<double>(factor * stored_row("gradient." + name, i).array());
        };
        set_gradients(t, m, scaled("weight"), scaled("bias"));
        CHECK(optim::clip_gradient_norm(m, t, 4.0) == doctest::Approx(norms[i]).epsilon(1e-14));
        CHECK(distance(*t.gradient(m.weight), stored_row("clipped.weight", i)) < 1e-14);
        CHECK(distance(*t.gradient(m.bias), stored_row("clipped.bias", i)) < 1e-14);
        clipped += norms[i] > 4 ? 1 : 0;
    }
    CHECK(clipped > 0);
    CHECK(clipped < 10);
}

TEST_CASE("clip_gradient_norm: a norm that is not finite is reported and scales nothing; errors") {
    auto m = start_model();
    tape<double> t;
    auto dw = stored("start.weight");
    dw[3] = std::numeric_limits<double>::infinity();
    set_gradients(t, m, dw, stored("start.bias"));
    CHECK(std::isinf(optim::clip_gradient_norm(m, t, 1.0)));
    CHECK(identical(*t.gradient(m.weight), dw));
    dw[3] = std::nan("");
    set_gradients(t, m, dw, stored("start.bias"));
    CHECK(std::isnan(optim::clip_gradient_norm(m, t, 1.0)));
    CHECK(identical(*t.gradient(m.bias), stored("start.bias")));
    for (const double limit : {0.0, -1.0, std::nan("")})
        CHECK_THROWS_AS(optim::clip_gradient_norm(m, t, limit), usage_error);
}

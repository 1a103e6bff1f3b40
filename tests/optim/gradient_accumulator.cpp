// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/optim/gradient_accumulator.hpp"

#include "pair.hpp"
#include "smldist/nn/norm.hpp"
#include "smldist/optim/sgd.hpp"

using namespace smldist;

namespace {
tensor<double> twice(tensor<double> x, double factor) {
    for (double& v : x) v *= factor;
    return x;
}
} // namespace

TEST_CASE("gradient_accumulator: the tape has the sum of all passes and the next sum begins anew") {
    auto m = start_model();
    const auto w = stored("start.weight"), b = stored("start.bias");
    tape<double> t;
    optim::gradient_accumulator<double> sum;
    for (int round = 0; round < 2; ++round) {
        CAPTURE(round);
        for (int pass = 0; pass < 2; ++pass) {
            set_gradients(t, m, w, b);
            sum.add(m, t);
        }
        set_gradients(t, m, w, b);
        sum.release(m, t);
        CHECK(distance(*t.gradient(m.weight), twice(w, 3)) < 1e-14);
        CHECK(distance(*t.gradient(m.bias), twice(b, 3)) < 1e-14);
    }
}

TEST_CASE("gradient_accumulator: a parameter that the last pass did not use keeps its gradient") {
    auto m = start_model();
    const auto before = m;
    tape<double> t;
    optim::gradient_accumulator<double> sum;
    set_gradients(t, m, stored("start.weight"), stored("start.bias"));
    sum.add(m, t);
    t.reset();
    t.backward(t.leaf(m.bias), stored("start.bias"));
    sum.release(m, t);
    optim::sgd<double> sgd({.lr = 1});
    sgd.step(m, t);
    for (std::size_t i = 0; i < m.weight.value.size(); ++i)
        CHECK(m.weight.value[i] == before.weight.value[i] - stored("start.weight")[i]);
    for (std::size_t i = 0; i < m.bias.value.size(); ++i)
        CHECK(m.bias.value[i] == doctest::Approx(before.bias.value[i] - 2 * stored("start.bias")[i]));

    t.reset(); // a parameter without any gradient stays without
    t.backward(t.leaf(m.bias), stored("start.bias"));
    sum.release(m, t);
    CHECK(t.gradient(m.weight) == nullptr);
    CHECK(identical(*t.gradient(m.bias), stored("start.bias")));
}

TEST_CASE("gradient_accumulator: running statistics move with every pass") {
    nn::batch_norm<double> norm(2), other(2);
    tensor<double> first(shape{2, 2}, 1.0), second(shape{2, 2}, 3.0);
    first[0] = second[1] = 0;
    optim::gradient_accumulator<double> sum;
    optim::sgd<double> sgd({.lr = 0});
    tape<double> t;
    t.backward(norm(t.input(first), mode::train), first);
    sum.add(norm, t);
    t.reset();
    t.backward(norm(t.input(second), mode::train), second);
    sum.release(norm, t);
    sgd.step(norm, t);
    for (const auto* x : {&first, &second}) {
        t.reset();
        t.backward(other(t.input(*x), mode::train), *x);
        sgd.step(other, t);
    }
    CHECK(identical(norm.running_mean.value, other.running_mean.value));
    CHECK(identical(norm.running_var.value, other.running_var.value));
}

TEST_CASE("gradient_accumulator: another model than the tape's is refused") {
    auto m = start_model();
    tape<double> t;
    optim::gradient_accumulator<double> sum;
    set_gradients(t, m, stored("start.weight"), stored("start.bias"));
    auto copy = m;
    CHECK_THROWS_WITH_AS(sum.add(copy, t),
                         "optim.step: parameters of the tape found in the model are 0, expected all 2; was the model "
                         "moved or copied after the forward pass?",
                         usage_error);
    sum.add(m, t);
    m.weight.value = tensor<double>(shape{1});
    t.reset();
    t.backward(t.leaf(m.weight), m.weight.value);
    t.backward(t.leaf(m.bias), stored("start.bias"));
    CHECK_THROWS_AS(sum.add(m, t), usage_error);
}

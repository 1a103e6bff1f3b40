// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/autograd/tape.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "../allocations.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"

using namespace smldist;

TEST_CASE("tape: one value used several times collects every gradient") {
    tape<double> t;
    const auto x = t.variable(tensor<double>{3});
    // x² + 2x + x³, so 2x + 2 + 3x² = 35 at 3
    const auto square = op::mul(x, x);
    t.backward(op::add(op::add(square, op::scale(x, 2)), op::mul(square, x)));
    CHECK(t.gradient(x)->item() == 35);
}

TEST_CASE("tape: add(x, x) and a diamond") {
    tape<double> t;
    const auto x = t.variable(tensor<double>{1, 2});
    t.backward(op::sum(op::add(x, x)));
    CHECK(identical(*t.gradient(x), tensor<double>{2, 2}));

    t.reset();
    const auto v = t.variable(tensor<double>{1, 2});
    const auto left = op::scale(v, 3), right = op::mul(v, v);
    t.backward(op::sum(op::mul(left, right))); // 3x³: 9x²
    CHECK(identical(*t.gradient(v), tensor<double>{9, 36}));
}

TEST_CASE("tape: backward adds; reset forgets") {
    tape<double> t;
    auto x = t.variable(tensor<double>{2});
    auto y = op::mul(x, x);
    t.backward(y);
    t.backward(y);
    CHECK(t.gradient(x)->item() == 8);
    t.backward(op::scale(x, 5)); // another output of the same tape
    CHECK(t.gradient(x)->item() == 13);
    t.backward(y, 0.25); // a quarter of the loss
    CHECK(t.gradient(x)->item() == 14);

    t.reset();
    CHECK(t.size() == 0);
    x = t.variable(tensor<double>{3});
    CHECK(t.gradient(x) == nullptr);
    t.backward(op::mul(x, x));
    CHECK(t.gradient(x)->item() == 6);
}

TEST_CASE("tape: gradients of intermediate values are freed unless retained") {
    tape<double> t;
    const auto x = t.variable(tensor<double>{2});
    const auto kept = op::scale(x, 3), freed = op::scale(kept, 4);
    t.retain_gradient(kept);
    t.backward(op::scale(freed, 5));
    CHECK(t.gradient(kept)->item() == 20);
    CHECK(t.gradient(freed) == nullptr);
    CHECK(t.gradient(x)->item() == 60);
    t.backward(op::scale(kept, 1)); // a kept gradient is not sent on a second time
    CHECK(t.gradient(kept)->item() == 21);
    CHECK(t.gradient(x)->item() == 63);
}

TEST_CASE("tape: constants and ops of only constants get no gradient and are not recorded") {
    tape<double> t;
    const auto c = t.input(tensor<double>{2}), x = t.variable(tensor<double>{3});
    const auto cc = op::mul(c, c);
    CHECK_FALSE(t.needs_gradient(cc));
    const auto y = op::mul(cc, x);
    CHECK(t.needs_gradient(y));
    t.backward(y);
    CHECK(t.gradient(c) == nullptr);
    CHECK(t.gradient(x)->item() == 4);
    t.backward(cc); // nothing to do
    CHECK(t.gradient(c) == nullptr);
}

TEST_CASE("tape: backward from a result of any shape; nodes after it are untouched") {
    tape<double> t;
    const auto x = t.variable(tensor<double>{1, 2, 3});
    const auto y = op::mul(x, x);
    const auto later = op::scale(x, 100);
    t.backward(y, tensor<double>{1, 10, 100});
    CHECK(identical(*t.gradient(x), tensor<double>{2, 40, 600}));
    CHECK(t.gradient(later) == nullptr);
    t.backward(x, tensor<double>{1, 1, 1}); // a leaf itself
    CHECK(identical(*t.gradient(x), tensor<double>{3, 41, 601}));
}

TEST_CASE("tape: a parameter has one leaf, by address; a frozen or absent one no gradient") {
    tape<double> t;
    parameter<double> w{tensor<double>{2}}, frozen{tensor<double>{3}}, absent;
    frozen.trainable = false;
    const auto a = t.leaf(w), b = t.leaf(w);
    CHECK(a.id == b.id);
    CHECK(&t.value(a) == &w.value); // referenced, not copied
    CHECK_FALSE(t.needs_gradient(t.leaf(frozen)));
    CHECK_FALSE(t.needs_gradient(t.leaf(absent)));
    t.backward(op::mul(op::mul(a, b), t.leaf(frozen)));
    CHECK(std::as_const(t).gradient(w)->item() == 12);
    CHECK(std::as_const(t).gradient(frozen) == nullptr);
    CHECK(t.trainable_leaves() == 1);
    CHECK(t.has_leaf(frozen));
    const parameter<double> unused{tensor<double>{1}};
    CHECK_FALSE(t.has_leaf(unused));
    CHECK(std::as_const(t).gradient(unused) == nullptr);
    t.gradient(w)->fill(1); // the optimiser may clip in place
    CHECK(std::as_const(t).gradient(w)->item() == 1);
    t.reset();
    CHECK_FALSE(t.has_leaf(w));
    CHECK(t.trainable_leaves() == 0);
}

TEST_CASE("tape: many parameters") {
    std::vector<parameter<double>> list(500, {tensor<double>{1}});
    tape<double> t;
    for (int round = 0; round < 2; ++round) {
        t.reset();
        auto sum = t.leaf(list[0]);
        for (std::size_t i = 1; i < list.size(); ++i) sum = op::add(sum, op::scale(t.leaf(list[i]), double(i)));
        t.backward(sum);
        CHECK(t.trainable_leaves() == list.size());
        for (std::size_t i = 1; i < list.size(); ++i)
            REQUIRE(std::as_const(t).gradient(list[i])->item() == double(i));
    }
}

TEST_CASE("tape: a chain of 100 000 ops neither overflows the stack nor moves a value") {
    tape<float> t;
    const auto x = t.variable(tensor<float>{1, 2});
    const float* first = x.value().data();
    auto y = x;
    for (int i = 0; i < 100000; ++i) y = op::add_scalar(y, 1);
    CHECK(t.size() == 100001);
    CHECK(y.value()[0] == 100001);
    CHECK(x.value().data() == first);
    t.backward(op::sum(y));
    CHECK(identical(*t.gradient(x), tensor<float>{1, 1}));
}

TEST_CASE("tape: notes wait, in order, for their buffer") {
    tape<double> t;
    buffer<double> a{tensor<double>{1, 2}}, b{tensor<double>{5}};
    t.note(a, tensor<double>{3, 2}, 0.5);
    t.note(b, tensor<double>{6}, 0.1);
    t.note(a, tensor<double>{4, 4}, 0.25);
    CHECK(a.value[0] == 1);
    t.write_notes(a);
    CHECK(a.value[0] == 2.5); // 1 → 2 → 2.5
    CHECK(a.value[1] == 2.5);
    CHECK(b.value[0] == 5);
    t.write_notes(b);
    CHECK(b.value[0] == doctest::Approx(5.1).epsilon(1e-15));
    t.reset();
    t.write_notes(a);
    CHECK(a.value[0] == 2.5);
}

TEST_CASE("tape: the mean of what was noted for a buffer, over passes that note it twice each") {
    tape<double> t;
    buffer<double> a{tensor<double>{HUGE_VAL, 2}}, b{tensor<double>{5}};
    const double values[] = {3, 4, 8, -2, 1, 7};
    double sum = 0;
    for (std::size_t k = 1; k <= 3; ++k) {
        t.reset();
        for (std::size_t i = 2 * (k - 1); i < 2 * k; ++i) {
            t.note(a, tensor<double>{values[i], -values[i]}, 0.1);
            t.note(b, tensor<double>{1}, 0.1);
            sum += values[i];
        }
        t.average_notes(a, k);
        CHECK(a.value[0] == doctest::Approx(sum / double(2 * k)).epsilon(1e-15));
        CHECK(a.value[1] == doctest::Approx(-sum / double(2 * k)).epsilon(1e-15));
    }
    CHECK(b.value[0] == 5);
}

TEST_CASE("tape: every parameter with a gradient is visited in the order of first use, and every note in its order") {
    const parameter<double> a{tensor<double>{1, 2}}, b{tensor<double>{3, 4}}, unused{tensor<double>{5, 6}};
    parameter<double> fixed{tensor<double>{7, 8}};
    fixed.trainable = false;
    buffer<double> mean{tensor<double>{0, 0}}, var{tensor<double>{1, 1}};
    tape<double> t;
    const auto left = t.leaf(b), right = t.leaf(a);
    static_cast<void>(t.leaf(unused)); // on the tape, but nothing depends on it
    const auto y = op::add(op::mul(left, right), t.leaf(fixed));
    t.backward(op::sum(y));
    std::vector<const tensor<double>*> met;
    t.for_each_gradient([&](const tensor<double>& value, tensor<double>& gradient) {
        met.push_back(&value);
        gradient.array() *= 10.0;
    });
    CHECK(met == std::vector<const tensor<double>*>{&b.value, &a.value});
    CHECK(identical(*t.gradient(a), tensor<double>{30, 40}));
    CHECK(identical(*t.gradient(b), tensor<double>{10, 20}));

    t.note(mean, tensor<double>{1, 2}, 1);
    t.note(var.value, tensor<double>{3, 4}, 1, tape<double>::noted::variance);
    std::vector<tape<double>::noted> kinds;
    t.for_each_note([&](tensor<double>& value, tape<double>::noted kind) {
        kinds.push_back(kind);
        value[0] = 9;
    });
    CHECK(kinds == std::vector{tape<double>::noted::value, tape<double>::noted::variance});
    t.write_notes(mean);
    t.write_notes(var);
    CHECK(identical(mean.value, tensor<double>{9, 2}));
    CHECK(identical(var.value, tensor<double>{9, 4}));
}

TEST_CASE("tape: errors") {
    tape<double> t, other;
    const auto x = t.variable(tensor<double>{1, 2});
    CHECK_THROWS_WITH_AS(t.backward(x), doctest::Contains("shape of the loss is (2)"), shape_error);
    CHECK_THROWS_WITH_AS(t.backward(x, tensor<double>{1}), doctest::Contains("shape of dy is (1), expected (2)"),
                         shape_error);
    CHECK_THROWS_AS(t.backward(other.variable(tensor<double>{1, 2}), tensor<double>{1, 2}), usage_error);
    CHECK_THROWS_AS(t.backward(other.variable(tensor<double>{1})), usage_error);
    CHECK_THROWS_AS(t.backward(var<double>{}), usage_error);
    CHECK_THROWS_AS(static_cast<void>(op::add(x, other.variable(tensor<double>{1, 2}))), usage_error);
}

TEST_CASE("tape: a throwing op leaves it usable") {
    tape<double> t;
    const auto x = t.variable(tensor<double>{1, 2});
    CHECK_THROWS_AS(static_cast<void>(op::mul(x, tensor<double>{1, 2, 3})), shape_error);
    const auto y = op::sum(op::mul(x, x));
    t.backward(y);
    CHECK(identical(*t.gradient(x), tensor<double>{2, 4}));
}

TEST_CASE("tape: two tapes over one const model in two threads") {
    generator g(1);
    const nn::linear<double> model(8, 4, g);
    const auto step = [&model](double value) {
        tape<double> t;
        t.backward(op::sum(op::relu(model(t.input(tensor<double>(shape{16, 8}, value))))));
        return *std::as_const(t).gradient(model.weight);
    };
    const auto one = step(1), two = step(2);
    tensor<double> there, here;
    for (int round = 0; round < 50; ++round) {
        std::thread other([&] { there = step(1); });
        here = step(2);
        other.join();
        REQUIRE(identical(there, one));
        REQUIRE(identical(here, two));
    }
}

#if SMLDIST_RECYCLE_MEMORY
TEST_CASE("tape: from the second step on nothing is allocated") {
    generator g(1);
    const nn::linear<float> first(32, 64, g), second(64, 5, g);
    const parameter<float> scale{tensor<float>(shape{64}, 1.0f)}, shift{tensor<float>(shape{64})};
    const buffer<float> mean{tensor<float>(shape{64})}, var{tensor<float>(shape{64}, 1.0f)};
    const tensor<float> x(shape{16, 32}, 0.5f);
    tape<float> t;
    const auto step = [&] {
        t.reset();
        auto h = op::batch_norm(first(t.input(x)), scale, shift, mean, var, mode::train);
        h = op::dropout(op::hard_swish(h), {0.1}, mode::train);
        t.backward(op::mean(second(h)));
    };
    step();
    step();
    const std::size_t before = allocations();
    for (int i = 0; i < 10; ++i) step();
    CHECK(allocations() == before);
}
#endif

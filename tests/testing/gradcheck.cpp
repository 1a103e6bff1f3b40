// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/testing/gradcheck.hpp"

#include <doctest/doctest.h>

#include "smldist/nn/linear.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"

using namespace smldist;

namespace {

enum class fault : std::uint8_t { none, factor, one_element, overwrites, differs_when_kept, not_a_number };

/// y = x², with a fault to be found.
template <class T> struct square_op {
    using scalar = T;
    struct saved {};
    static constexpr std::string_view name = "square";

    fault broken = fault::none;

    shape infer(const shape& x) const { return x; }
    void forward(saved* keep, tensor<T>& y, const tensor<T>& x) const {
        for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] * x[i];
        if (keep && broken == fault::differs_when_kept) y[0] += T(1e-3);
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        if (!dx->ensure(x.shape()) || broken == fault::overwrites) dx->fill(T(0));
        const T two = broken == fault::factor ? T(2.00002) : T(2);
        for (std::size_t i = 0; i < x.size(); ++i) (*dx)[i] += two * x[i] * dy[i];
        if (broken == fault::one_element) (*dx)[3] += T(1e-4);
        if (broken == fault::not_a_number) (*dx)[1] /= T(0);
    }
};

auto square(fault broken) {
    return [broken](const auto& in) { return op::apply(square_op<op::scalar_of_t<decltype(in[0])>>{broken}, in[0]); };
}

const tensor<double> x{{0.5, -1, 2}, {1.5, 0.25, -0.75}};

struct two_layers {
    nn::linear<double> first, second;
    explicit two_layers(generator g) : first(3, 4, g), second(4, 2, g) {}
    template <class X> auto operator()(const X& in) const { return second(op::tanh(first(in))); }
    static void visit(auto& self, auto&& member) {
        member("first", self.first);
        member("second", self.second);
    }
};

} // namespace

TEST_CASE("gradcheck: a right gradient passes with room to spare") {
    const auto r = testing::gradcheck({x}, square(fault::none));
    CHECK(r);
    CHECK(r.message == "");
    CHECK(r.worst < 0.01);
}

TEST_CASE("gradcheck: faults are found and named") {
    const auto factor = testing::gradcheck({x}, square(fault::factor));
    CHECK_FALSE(factor);
    CHECK(factor.worst > 1);
    CHECK(factor.message.find("input 0, element 0 of shape (2, 3): got ") == 0);

    const auto one = testing::gradcheck({x}, square(fault::one_element));
    CHECK_FALSE(one);
    CHECK(one.message.find("element 3") != std::string::npos);

    const auto overwrites = testing::gradcheck({x}, square(fault::overwrites));
    CHECK_FALSE(overwrites);
    CHECK(overwrites.message.find("after a second backward") != std::string::npos);

    const auto nan = testing::gradcheck({x}, square(fault::not_a_number));
    CHECK_FALSE(nan);
    CHECK(nan.message.find("element 1") != std::string::npos);
}

TEST_CASE("gradcheck: the input at fault is named; an input without influence has gradient zero") {
    const auto f = [](const auto& in) {
        return op::add(op::scale(in[0], 2), op::apply(square_op<double>{fault::factor}, in[1]));
    };
    const auto r = testing::gradcheck({x, x}, f);
    CHECK_FALSE(r);
    CHECK(r.message.find("input 1") == 0);
    CHECK(testing::gradcheck({x, x}, [](const auto& in) { return op::scale(in[0], 2); }));
    // a result that depends on an input past the tape is caught
    CHECK_FALSE(testing::gradcheck({x}, [](const auto& in) { return op::mul(in[0], op::exp(in[0].value())); }));
}

TEST_CASE("gradcheck: tolerances and step are used; random ops draw alike") {
    CHECK(testing::gradcheck({x}, square(fault::factor), {.rtol = 1e-3}));
    CHECK(testing::gradcheck({x}, [](const auto& in) { return op::dropout(in[0], {0.5}, mode::train); }));
    // |x| near its kink: the step must be shorter than the distance to it
    const auto f = [](const auto& in) { return op::relu(in[0]); };
    CHECK_FALSE(testing::gradcheck({tensor<double>{1e-5}}, f));
    CHECK(testing::gradcheck({tensor<double>{1e-5}}, f, {.eps = 1e-6}));
}

TEST_CASE("gradcheck: sample limits the elements") {
    std::size_t calls = 0;
    const auto f = [&calls](const auto& in) {
        ++calls;
        return op::scale(in[0], 3);
    };
    CHECK(testing::gradcheck({tensor<double>(shape{100})}, f, {.sample = 5}));
    CHECK(calls == 1 + 4 * 5);
}

TEST_CASE("gradcheck_model: every trainable parameter by name") {
    const two_layers model(generator(1));
    const tensor<double> in{{1, 2, 3}, {-1, 0.5, 0}};
    const auto good = [&in](const auto& m, auto& t) { return m(t.input(in)); };
    const auto r = testing::gradcheck_model(model, good);
    CHECK_MESSAGE(r.ok, r.message);

    // the second layer's bias enters past the tape
    const auto bad = [&in](const auto& m, auto& t) { return op::mul(m(t.input(in)), m.second.bias.value); };
    const auto found = testing::gradcheck_model(model, bad);
    CHECK_FALSE(found);
    CHECK(found.message.find("second.bias") == 0);

    // frozen parameters are left out
    two_layers frozen = model;
    frozen.second.bias.trainable = false;
    CHECK(testing::gradcheck_model(frozen, bad));
}

TEST_CASE("same_in_both_worlds") {
    CHECK(testing::same_in_both_worlds(std::vector{x}, square(fault::none)));
    CHECK(testing::same_in_both_worlds(std::vector{cast<float>(x)}, square(fault::none)));
    const auto r = testing::same_in_both_worlds(std::vector{x}, square(fault::differs_when_kept));
    CHECK_FALSE(r);
    CHECK(r.message.find("on variables of a tape") == 0);
    CHECK(r.worst == doctest::Approx(1e-3));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/pointwise.hpp"

#include <limits>

#include "check.hpp"

using namespace smldist;

namespace {

/// Shapes of the cases: a scalar, one element, less than a register, more, and a row tail.
const std::vector<shape> shapes = {{}, {1}, {3}, {2, 3, 5}, {67}};

/// Normal numbers, each at least 0.01 away from the kinks −3, 0, 3 and 6.
tensor<double> smooth(const shape& s) {
    tensor<double> x = normal(s);
    for (double& v : x) {
        v *= 3;
        for (const double kink : {-3.0, 0.0, 3.0, 6.0})
            if (std::abs(v - kink) < 0.01) v = kink + 0.01;
    }
    return x;
}

void check_all(const std::string& name, const any_world& f, const std::string& file = "op.safetensors") {
    for (const auto& s : shapes) check_op(name + s.text(), {smooth(s)}, f);
    check_reference(name + "/grid", {"x"}, f, file);
}

const std::string of_elements = "elementwise.safetensors";

/// Positive numbers, at least 0.1.
tensor<double> positive(const shape& s) {
    tensor<double> x = normal(s);
    for (double& v : x) v = std::abs(v) + 0.1;
    return x;
}

} // namespace

TEST_CASE("relu") {
    check_all("relu", [](const auto& in) { return op::relu(in[0]); });
}
TEST_CASE("relu6") {
    check_all("relu6", [](const auto& in) { return op::relu6(in[0]); });
}
TEST_CASE("hard_sigmoid") {
    check_all("hard_sigmoid", [](const auto& in) { return op::hard_sigmoid(in[0]); });
}
TEST_CASE("hard_swish") {
    check_all("hard_swish", [](const auto& in) { return op::hard_swish(in[0]); });
}
TEST_CASE("selu") {
    check_all("selu", [](const auto& in) { return op::selu(in[0]); });
}
TEST_CASE("gelu") {
    check_all("gelu", [](const auto& in) { return op::gelu(in[0]); });
}
TEST_CASE("sigmoid") {
    check_all("sigmoid", [](const auto& in) { return op::sigmoid(in[0]); });
}
TEST_CASE("tanh") {
    check_all("tanh", [](const auto& in) { return op::tanh(in[0]); });
}
TEST_CASE("exp") {
    check_all("exp", [](const auto& in) { return op::exp(in[0]); });
}

TEST_CASE("log") {
    const auto f = [](const auto& in) { return op::log(in[0]); };
    for (const auto& s : shapes) check_op("log" + s.text(), {positive(s)}, f);
    check_reference("log/grid", {"x"}, f);
}

TEST_CASE("silu") {
    check_all(
        "silu", [](const auto& in) { return op::silu(in[0]); }, of_elements);
}
TEST_CASE("softplus") {
    check_all(
        "softplus", [](const auto& in) { return op::softplus(in[0]); }, of_elements);
}
TEST_CASE("abs") {
    check_all(
        "abs", [](const auto& in) { return op::abs(in[0]); }, of_elements);
}
TEST_CASE("sqrt") {
    const auto f = [](const auto& in) { return op::sqrt(in[0]); };
    for (const auto& s : shapes) check_op("sqrt" + s.text(), {positive(s)}, f);
    check_reference("sqrt/grid", {"x"}, f, of_elements);
}

TEST_CASE("leaky_relu") {
    for (const auto& [slope, name] : {std::pair{0.01, "0.01"}, {0.3, "0.3"}, {-0.5, "-0.5"}, {2.0, "2"}}) {
        const auto f = [slope = slope](const auto& in) { return op::leaky_relu(in[0], slope); };
        for (const auto& s : shapes) check_op("leaky_relu" + s.text(), {smooth(s)}, f);
        check_reference(std::string("leaky_relu/") + name, {"x"}, f, of_elements);
    }
    CHECK(identical(op::leaky_relu(tensor<double>{-2, 0, 2}), tensor<double>{-0.02, 0, 2}));
}

TEST_CASE("pow") {
    for (const int p : {0, 1, 2, 3, 5, 8, 9, 12, -1, -2, -3, -9}) {
        const auto f = [p](const auto& in) { return op::pow(in[0], p); };
        for (const auto& s : shapes) {
            tensor<double> x = positive(s);
            for (std::size_t i = 0; i < x.size(); ++i) x[i] = (i % 2 == 0 ? 0.5 : -0.5) * (1 + x[i] / 4);
            check_op("pow" + s.text() + std::to_string(p), {x}, f);
        }
        check_reference("pow/" + std::to_string(p), {"x"}, f, of_elements);
    }
    for (const auto& [p, name] : {std::pair{0.5, "0.5"}, {1.5, "1.5"}, {-0.5, "-0.5"}, {2.25, "2.25"}}) {
        const auto f = [p = p](const auto& in) { return op::pow(in[0], p); };
        for (const auto& s : shapes) check_op("pow" + s.text() + name, {positive(s)}, f);
        check_reference(std::string("pow/") + name, {"x"}, f, of_elements);
    }
}

TEST_CASE_TEMPLATE("pow: the borders are those of std::pow, for products too", T, float, double) {
    constexpr T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
    const tensor<T> x{0, -inf, inf, nan, -2};
    for (const double p : {-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 0.5, -0.5, 11.0}) {
        CAPTURE(p);
        const tensor<T> y = op::pow(x, p);
        for (std::size_t i = 0; i < x.size(); ++i) {
            CAPTURE(i);
            const T want = std::pow(x[i], static_cast<T>(p));
            if (std::isnan(want))
                CHECK(std::isnan(y[i]));
            else
                CHECK(y[i] == want);
        }
    }
}

TEST_CASE_TEMPLATE("softplus: exact far out, where 1 + eˣ is not", T, float, double) {
    for (const double x : {-80.0, -40.0, -20.0, -5.0, 0.0, 5.0, 20.0, 80.0}) {
        CAPTURE(x);
        const double want = x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
        const tensor<T> y = op::softplus(tensor<T>(shape{19}, static_cast<T>(x)));
        for (const T v : y) CHECK(std::abs(double(v) / want - 1) < 16 * double(std::numeric_limits<T>::epsilon()));
    }
}

TEST_CASE("pointwise: figures of the specification") {
    const tensor<double> x{-2, -1, 1, 2};
    CHECK(difference(op::hard_swish(x), {-1.0 / 3, -1.0 / 3, 2.0 / 3, 5.0 / 3}, 1e-15) == "");
    CHECK(op::gelu(tensor<double>{1})[0] == doctest::Approx(0.8413447460685429).epsilon(1e-14)); // Φ(1)
    CHECK(op::selu(tensor<double>{-1})[0] == doctest::Approx(-1.1113307378).epsilon(1e-10));
}

TEST_CASE("pointwise: slopes at the kinks are those of the flat side, for hard_swish those outside") {
    tape<double> t;
    const auto slope = [&t](auto f, double at) {
        t.reset();
        const auto x = t.variable(tensor<double>{at});
        t.backward(f(x));
        return t.gradient(x)->item();
    };
    CHECK(slope([](auto x) { return op::relu(x); }, 0) == 0);
    CHECK(slope([](auto x) { return op::relu6(x); }, 6) == 0);
    CHECK(slope([](auto x) { return op::hard_sigmoid(x); }, 3) == 0);
    CHECK(slope([](auto x) { return op::hard_swish(x); }, -3) == 0);
    CHECK(slope([](auto x) { return op::hard_swish(x); }, 3) == 1);
    CHECK(slope([](auto x) { return op::abs(x); }, 0) == 0);
    CHECK(slope([](auto x) { return op::sqrt(x); }, 0) == std::numeric_limits<double>::infinity());
    CHECK(slope([](auto x) { return op::leaky_relu(x, 0.25); }, 0) == 0.25);
    CHECK(slope([](auto x) { return op::pow(x, 0); }, 0) == 0);
    CHECK(slope([](auto x) { return op::pow(x, 1); }, 0) == 1);
    CHECK(slope([](auto x) { return op::pow(x, 2); }, 0) == 0);
    CHECK(slope([](auto x) { return op::pow(x, 0.5); }, 0) == std::numeric_limits<double>::infinity());
}

TEST_CASE_TEMPLATE("pointwise: infinities and NaN", T, float, double) {
    constexpr T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
    const tensor<T> x{-inf, inf, nan};
    const auto ends = [](const tensor<T>& y) { return std::pair(y[0], y[1]); };
    CHECK(ends(op::relu(x)) == std::pair(T(0), inf));
    CHECK(ends(op::relu6(x)) == std::pair(T(0), T(6)));
    CHECK(ends(op::hard_sigmoid(x)) == std::pair(T(0), T(1)));
    CHECK(ends(op::sigmoid(x)) == std::pair(T(0), T(1)));
    CHECK(ends(op::tanh(x)) == std::pair(T(-1), T(1)));
    CHECK(ends(op::exp(x)) == std::pair(T(0), inf));
    for (const auto& y : {op::relu(x), op::relu6(x), op::hard_sigmoid(x), op::hard_swish(x), op::selu(x), op::gelu(x),
                          op::sigmoid(x), op::tanh(x), op::exp(x), op::log(x), op::silu(x), op::softplus(x),
                          op::sqrt(x), op::abs(x), op::leaky_relu(x)})
        CHECK(std::isnan(y[2]));
    CHECK(ends(op::softplus(x)) == std::pair(T(0), inf));
    CHECK(ends(op::abs(x)) == std::pair(inf, inf));
    CHECK(std::isnan(op::sqrt(tensor<T>{-1})[0]));
    CHECK(op::log(tensor<T>{0})[0] == -inf);
    CHECK(std::isnan(op::log(tensor<T>{-1})[0]));
}

TEST_CASE("dropout: gradient, both worlds, trace") {
    const auto f = [](const auto& in) { return op::dropout(in[0], {0.4}, mode::train); };
    for (const auto& s : shapes) {
        CAPTURE(s.text());
        const auto r = testing::gradcheck({normal(s)}, f);
        CHECK_MESSAGE(r.ok, r.message);
    }
    graph g;
    const auto y = op::dropout(symbol::input(g, "x", {2, 3}), {0.4}, mode::train);
    CHECK(y.shape() == shape{2, 3});
    CHECK(g.nodes[y.id].name == "dropout");
    CHECK(g.nodes[y.id].attributes[0].value.number == 0.4);
}

TEST_CASE("dropout: kept elements are scaled, the share of dropped ones is p") {
    for (const double p : {0.1, 0.5, 0.9}) {
        CAPTURE(p);
        tape<float> t(5);
        const auto y = op::dropout(t.input(tensor<float>(shape{200, 500}, 1.0f)), {p}, mode::train);
        std::size_t dropped = 0, kept = 0;
        for (const float v : y.value()) {
            dropped += v == 0 ? 1 : 0;
            kept += v == static_cast<float>(1 / (1 - p)) ? 1 : 0;
        }
        CHECK(dropped + kept == y.value().size());
        const double n = 100000, sd = std::sqrt(p * (1 - p) / n);
        CHECK(std::abs(double(dropped) / n - p) < 4 * sd);
    }
}

TEST_CASE("dropout: the mask follows the tape's seed and position, not the number of threads") {
    const tensor<float> x(shape{128, 1024}, 1.0f);
    const auto draw = [&x](std::uint64_t seed) {
        tape<float> t(seed);
        const auto first = op::dropout(t.input(x), {0.5}, mode::train);
        const auto second = op::dropout(t.input(x), {0.5}, mode::train);
        CHECK_FALSE(identical(first.value(), second.value()));
        return first.value();
    };
    const std::size_t before = threads();
    set_threads(1);
    const auto one = draw(1);
    set_threads(4);
    CHECK(identical(one, draw(1)));
    CHECK_FALSE(identical(one, draw(2)));
    set_threads(before);
}

TEST_CASE("dropout: off in evaluation and for p = 0") {
    const tensor<float> x{1, 2, 3};
    CHECK(identical(op::dropout(x, {0.5}, mode::eval), x));
    CHECK(identical(op::dropout(x, {0}, mode::train), x));
    tape<float> t;
    const auto v = t.input(x);
    CHECK(op::dropout(v, {0.5}, mode::eval).id == v.id);
}

TEST_CASE("dropout: errors") {
    const tensor<float> x{1, 2, 3};
    CHECK_RAISES(usage_error, "p is 1", op::dropout(x, {1}, mode::eval));
    CHECK_RAISES(usage_error, "p is -0.5", op::dropout(x, {-0.5}, mode::eval));
    CHECK_RAISES(usage_error, "p is nan", op::dropout(x, {std::numeric_limits<double>::quiet_NaN()}, mode::eval));
    CHECK_RAISES(usage_error, "mode is train on a plain tensor", op::dropout(x, {0.5}, mode::train));
}

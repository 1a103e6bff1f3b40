// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/arithmetic.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <type_traits>

#include "check.hpp"
#include "smldist/op/pointwise.hpp"

using namespace smldist;

namespace {

std::string extents(const shape& s) {
    std::string text;
    for (const std::size_t e : s) text += (text.empty() ? "" : "x") + std::to_string(e);
    return text.empty() ? "scalar" : text;
}

/// Pairs that PyTorch's file holds: every fast path from either side, and every kind of repeated axis.
const std::vector<std::pair<shape, shape>> pairs = {
    {{2, 3, 4}, {2, 3, 4}}, {{2, 3, 4}, {4}},       {{4}, {2, 3, 4}},       {{2, 3, 4}, {1, 1, 4}},
    {{2, 3, 4}, {3, 4}},    {{2, 3, 4}, {2, 3, 1}}, {{2, 1, 4}, {2, 3, 4}}, {{3, 1}, {1, 4}},
    {{2, 3, 1}, {3, 4}},    {{2, 3, 4}, {1}},       {{}, {2, 3}},           {{}, {}},
    {{1, 1}, {1}},
};
/// More, beyond a register and with two repeated axes in a row.
const std::vector<std::pair<shape, shape>> more_pairs = {
    {{5, 67}, {67}}, {{5, 67}, {5, 1}}, {{1, 1, 3}, {2, 2, 1}},
    {{67}, {1}},     {{1, 4}, {1, 1}},  {{2, 1, 1, 3}, {1, 4, 2, 1}},
};

void check_binary(const std::string& name, const any_world& f) {
    for (const auto& [a, b] : pairs) check_reference(name + "/" + extents(a) + "_" + extents(b), {"a", "b"}, f);
    for (const auto& list : {pairs, more_pairs})
        for (const auto& [a, b] : list) check_op(name + a.text() + b.text(), {normal(a, 1), normal(b, 2)}, f);
}

} // namespace

TEST_CASE("add") {
    check_binary("add", [](const auto& in) { return op::add(in[0], in[1]); });
}
TEST_CASE("sub") {
    check_binary("sub", [](const auto& in) { return op::sub(in[0], in[1]); });
}
TEST_CASE("mul") {
    check_binary("mul", [](const auto& in) { return op::mul(in[0], in[1]); });
}

TEST_CASE("div") {
    const auto f = [](const auto& in) { return op::div(in[0], in[1]); };
    for (const auto& [a, b] : pairs) check_reference("div/" + extents(a) + "_" + extents(b), {"a", "b"}, f);
    for (const auto& list : {pairs, more_pairs})
        for (const auto& [a, b] : list) {
            auto divisor = normal(b, 2);
            for (double& v : divisor) v += v < 0 ? -0.5 : 0.5;
            check_op("div" + a.text() + b.text(), {normal(a, 1), divisor}, f);
        }
    const tensor<float> y = op::div(tensor<float>{1, -1, 0}, tensor<float>{0, 0, 0});
    CHECK(y[0] == std::numeric_limits<float>::infinity());
    CHECK(y[1] == -std::numeric_limits<float>::infinity());
    CHECK(std::isnan(y[2]));
}

TEST_CASE("add, sub, mul, div: one variable on both sides") {
    for (const shape& s : {shape{}, shape{7}, shape{2, 3}}) {
        CAPTURE(s.text());
        check_op("add(x, x)", {normal(s)}, [](const auto& in) { return op::add(in[0], in[0]); });
        check_op("sub(x, x)", {normal(s)}, [](const auto& in) { return op::sub(in[0], in[0]); });
        check_op("mul(x, x)", {normal(s)}, [](const auto& in) { return op::mul(in[0], in[0]); });
        check_op("div(x, x)", {normal(s)}, [](const auto& in) { return op::div(in[0], in[0]); });
    }
}

TEST_CASE("binary ops: var with tensor, var with parameter, symbol with tensor") {
    tape<double> t;
    parameter<double> p{normal({3}, 1)};
    const tensor<double> c = normal({2, 3}, 2), x = normal({2, 3}, 3);
    const auto v = t.variable(x);
    CHECK(identical(op::mul(v, c).value(), op::mul(x, c)));
    CHECK(identical(op::mul(c, v).value(), op::mul(c, x)));
    const auto y = op::add(v, p);
    CHECK(identical(y.value(), op::add(x, p.value)));
    t.backward(op::mul(y, c), tensor<double>(shape{2, 3}, 1.0));
    CHECK(identical(*t.gradient(v), c));
    for (std::size_t i = 0; i < 3; ++i)
        CHECK((*std::as_const(t).gradient(p))[i] == doctest::Approx(c(0, i) + c(1, i)).epsilon(1e-15));

    graph g;
    const auto s = op::add(symbol::input(g, "x", {2, 3}), c);
    CHECK(s.shape() == shape{2, 3});
    CHECK(g.nodes[g.nodes[s.id].inputs[1]].what == graph::kind::constant);
    CHECK(g.nodes[g.nodes[s.id].inputs[1]].values == graph::constant(std::vector<double>(c.begin(), c.end())));
}

TEST_CASE("binary ops: no elements") {
    const tensor<double> none(shape{0, 3}), row = normal({3});
    CHECK(op::mul(none, row).shape() == shape{0, 3});
    tape<double> t;
    const auto v = t.variable(row);
    t.backward(op::mul(t.input(none), v), tensor<double>(shape{0, 3}));
    CHECK(t.gradient(v) == nullptr);
}

TEST_CASE("binary ops: errors name both shapes") {
    const tensor<float> a(shape{2, 3}), b(shape{2, 4}), c(shape{2});
    CHECK_RAISES(shape_error, "op::add: shapes are (2, 3) and (2, 4)", op::add(a, b));
    CHECK_RAISES(shape_error, "op::sub: shapes are (2, 3) and (2)", op::sub(a, c));
    CHECK_RAISES(shape_error, "op::mul: shapes are (2) and (2, 3)", op::mul(c, a));
    CHECK_RAISES(shape_error, "op::div: shapes are (2, 3) and (2)", op::div(a, c));
    CHECK_RAISES(shape_error, "op::add: shapes are (2, 3) and (2, 4)", a + b);
    CHECK_RAISES(shape_error, "op::div: shapes are (2) and (2, 3)", c / a);
    tape<float> t, other;
    CHECK_RAISES(usage_error, "two tapes", op::add(t.input(a), other.input(a)));
    CHECK_RAISES(usage_error, "two tapes", t.input(a) * other.input(a));
}

TEST_CASE("gate") {
    const auto f = [](const auto& in) { return op::gate(in[0], in[1]); };
    for (const shape& s : {shape{2, 5, 3}, shape{1, 1, 1}, shape{3, 2, 17}}) {
        check_op("gate" + s.text(), {normal(s, 1), normal({s[0], s[2]}, 2)}, f);
        check_reference("gate/" + extents(s), {"x", "g"}, f);
    }
}

TEST_CASE("gate: errors") {
    const tensor<float> x(shape{2, 5, 3}), g(shape{2, 3});
    CHECK_RAISES(shape_error, "op::gate: shapes of x and g are (2, 5, 3) and (2, 5)",
                 op::gate(x, tensor<float>(shape{2, 5})));
    CHECK_RAISES(shape_error, "expected (B, L, C) or (B, H, W, C), and (B, C)", op::gate(g, g));
}

TEST_CASE("scale and add_scalar") {
    const auto scale = [](const auto& in) { return op::scale(in[0], -1.5); };
    const auto add = [](const auto& in) { return op::add_scalar(in[0], 0.75); };
    for (const shape& s : {shape{}, shape{1}, shape{2, 9}, shape{67}}) {
        check_op("scale" + s.text(), {normal(s)}, scale);
        check_op("add_scalar" + s.text(), {normal(s)}, add);
    }
    check_reference("affine/scale", {"x"}, scale);
    check_reference("affine/add_scalar", {"x"}, add);
}

namespace {

/// The ops and options of a trace, in order.
std::string written(const any_world& f, std::size_t inputs) {
    graph g;
    std::vector<symbol> in;
    for (std::size_t i = 0; i < inputs; ++i) in.push_back(symbol::input(g, "x", {2, 3}));
    f(in);
    std::string text;
    for (const auto& n : g.nodes) {
        if (n.what == graph::kind::constant) text += "constant" + n.shape.text() + " ";
        if (n.what != graph::kind::op) continue;
        text += n.name + "(";
        for (const auto i : n.inputs) text += std::to_string(i) + ",";
        for (const auto& a : n.attributes) text += a.name + "=" + std::to_string(a.value.number) + ",";
        text += ") ";
    }
    return text;
}

/// Checks that two forms agree bit for bit in value and gradients, and leave one graph.
void check_same(const std::string& name, std::size_t inputs, const any_world& f, const any_world& as) {
    CAPTURE(name);
    std::vector<tensor<double>> x;
    for (std::size_t i = 0; i < inputs; ++i) x.push_back(normal({2, 3}, i + 1));
    check_op(name, x, f);
    CHECK(identical(f(x), as(x)));
    const auto got = ::detail::gradients(x, f), want = ::detail::gradients(x, as);
    for (std::size_t i = 0; i < inputs; ++i) CHECK(identical(got[i], want[i]));
    CHECK(written(f, inputs) == written(as, inputs));
    CHECK(written(f, inputs) != "");
}

} // namespace

TEST_CASE("operators are the ops, in every world") {
    check_same(
        "a + b", 2, [](const auto& in) { return in[0] + in[1]; },
        [](const auto& in) { return op::add(in[0], in[1]); });
    check_same(
        "a - b", 2, [](const auto& in) { return in[0] - in[1]; },
        [](const auto& in) { return op::sub(in[0], in[1]); });
    check_same(
        "a * b", 2, [](const auto& in) { return in[0] * in[1]; },
        [](const auto& in) { return op::mul(in[0], in[1]); });
    check_same(
        "a / b", 2, [](const auto& in) { return in[0] / in[1]; },
        [](const auto& in) { return op::div(in[0], in[1]); });
    check_same(
        "-x", 1, [](const auto& in) { return -in[0]; }, [](const auto& in) { return op::scale(in[0], -1); });
}

TEST_CASE("operators with a number on either side") {
    check_same(
        "x + 1", 1, [](const auto& in) { return in[0] + 1; },
        [](const auto& in) { return op::add_scalar(in[0], 1); });
    check_same(
        "0.1 + x", 1, [](const auto& in) { return 0.1 + in[0]; },
        [](const auto& in) { return op::add_scalar(in[0], 0.1); });
    check_same(
        "x - 3", 1, [](const auto& in) { return in[0] - 3; },
        [](const auto& in) { return op::add_scalar(in[0], -3); });
    check_same(
        "3u - x", 1, [](const auto& in) { return 3u - in[0]; },
        [](const auto& in) { return op::affine(in[0], -1, 3); });
    check_same(
        "x * 0.1f", 1, [](const auto& in) { return in[0] * 0.1f; },
        [](const auto& in) { return op::scale(in[0], double(0.1f)); });
    check_same(
        "2 * x", 1, [](const auto& in) { return 2 * in[0]; }, [](const auto& in) { return op::scale(in[0], 2); });
    check_op("x / 3", {normal({2, 3})}, [](const auto& in) { return in[0] / 3; });
    check_op("1 / x", {normal({2, 3})}, [](const auto& in) { return 1 / in[0]; });
    CHECK(written([](const auto& in) { return in[0] / 3; }, 1) == "constant() div(0,1,) ");
    CHECK(written([](const auto& in) { return 0.5 / in[0]; }, 1) == "constant() div(1,0,) ");

    const tensor<float> x{1, 5, -7};
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK((x + 0.1)[i] == x[i] + 0.1f);
        CHECK((x - 0.1)[i] == x[i] - 0.1f);
        CHECK((0.1 - x)[i] == 0.1f - x[i]);
        CHECK((x * 0.1)[i] == x[i] * 0.1f);
        CHECK((x / 3)[i] == x[i] / 3);
        CHECK((3 / x)[i] == 3 / x[i]);
        CHECK((-x)[i] == -x[i]);
    }
    static_assert(std::is_same_v<decltype(x + 0.1), tensor<float>>);
    static_assert(!std::is_invocable_v<std::plus<>, tensor<float>, std::string>);
    static_assert(!std::is_invocable_v<std::plus<>, tensor<float>, bool>);
    static_assert(!std::is_invocable_v<std::plus<>, parameter<float>, parameter<float>>); // in which world?
}

TEST_CASE("operators: var with tensor, parameter and buffer; temporaries") {
    tape<double> t;
    const parameter<double> p{normal({3}, 1)};
    const buffer<double> b{normal({3}, 4)};
    const tensor<double> c = normal({2, 3}, 2), x = normal({2, 3}, 3);
    const auto v = t.variable(x);
    CHECK(identical((v * c).value(), op::mul(x, c)));
    CHECK(identical((c - v).value(), op::sub(c, x)));
    CHECK(identical((p + v).value(), op::add(p.value, x)));
    CHECK(identical((v / b).value(), op::div(x, b.value)));
    CHECK(identical(x - b, op::sub(x, b.value)));
    t.backward(v * p, tensor<double>(shape{2, 3}, 1.0));
    REQUIRE(std::as_const(t).gradient(p));

    tensor<double> moved = x;
    const double* const storage = moved.data();
    const auto y = std::move(moved) + v; // onto the tape without a copy, as by op::add
    CHECK(moved.empty());
    CHECK(identical(y.value(), op::add(x, x)));
    CHECK(t.value(var<double>{&t, y.id - 1}).data() == storage);
}

TEST_CASE("operators: a loss as in the paper is the loss of the ops, bit for bit") {
    check_same(
        "loss", 3,
        [](const auto& in) {
            const auto e = (in[0] - in[1]) * (in[0] - in[1]);
            return 0.5 * (e * op::exp(-in[2]) + in[2]) + 1;
        },
        [](const auto& in) {
            const auto e = op::mul(op::sub(in[0], in[1]), op::sub(in[0], in[1]));
            return op::add_scalar(op::scale(op::add(op::mul(e, op::exp(op::scale(in[2], -1))), in[2]), 0.5), 1);
        });
}

TEST_CASE("operators leave xtensor's expressions to xtensor") {
    const tensor<double> x = normal({2, 3}, 1), y = normal({2, 3}, 2);
    const auto sum = x.array() + 2 * y.array();
    static_assert(!std::is_same_v<std::decay_t<decltype(sum)>, tensor<double>>);
    CHECK(identical(tensor<double>(sum), x + 2 * y));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/arithmetic.hpp"

#include "check.hpp"

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

TEST_CASE("add, sub, mul: one variable on both sides") {
    for (const shape& s : {shape{}, shape{7}, shape{2, 3}}) {
        check_op("add(x, x)", {normal(s)}, [](const auto& in) { return op::add(in[0], in[0]); });
        check_op("sub(x, x)", {normal(s)}, [](const auto& in) { return op::sub(in[0], in[0]); });
        check_op("mul(x, x)", {normal(s)}, [](const auto& in) { return op::mul(in[0], in[0]); });
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
    tape<float> t, other;
    CHECK_RAISES(usage_error, "two tapes", op::add(t.input(a), other.input(a)));
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
    CHECK_RAISES(shape_error, "expected (B, L, C) and (B, C)", op::gate(g, g));
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

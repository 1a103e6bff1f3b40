// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/select.hpp"

#include <cstdint>
#include <limits>

#include "../allocations.hpp"
#include "check.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"

using namespace smldist;

namespace {

const std::string of_elements = "elementwise.safetensors";

/// Array `name` as integers of type I.
template <class I> tensor<I> whole(const std::string& name) { return cast<I>(reference(of_elements, name)); }

std::string extents(const shape& s) {
    std::string text;
    for (const std::size_t e : s) text += (text.empty() ? "" : "x") + std::to_string(e);
    return s.rank() == 0 ? "scalar" : text;
}

/// Whole numbers in [0, n).
tensor<std::int32_t> indices(const shape& s, std::size_t n) {
    generator random(3, n);
    auto x = tensor<std::int32_t>::uninitialized(s);
    for (auto& v : x) v = static_cast<std::int32_t>(random.below(n));
    return x;
}

/// f(in, index) compared with the arrays of <prefix>, with the index as each type that an index may have.
template <class F> void check_with_index(const std::string& prefix, const std::vector<std::string>& inputs, F f) {
    const auto run = [&](const auto& index) {
        check_reference(
            prefix, inputs, [f, index](const auto& in) { return f(in, index); }, of_elements);
    };
    run(whole<std::int32_t>(prefix + "/index"));
    run(whole<std::int64_t>(prefix + "/index"));
    run(whole<std::uint8_t>(prefix + "/index"));
}

} // namespace

TEST_CASE("where") {
    struct one_case {
        shape mask, a, b;
    };
    const std::vector<one_case> cases = {{{2, 3, 4}, {2, 3, 4}, {2, 3, 4}},
                                         {{3, 4}, {2, 3, 4}, {2, 3, 4}},
                                         {{2, 3, 1}, {2, 3, 4}, {}},
                                         {{2, 3, 4}, {4}, {3, 1}},
                                         {{2, 1, 1}, {2, 3, 4}, {1, 3, 4}},
                                         {{}, {2, 3}, {3}},
                                         {{4}, {}, {}}};
    for (const auto& c : cases) {
        const std::string prefix = "where/" + extents(c.mask) + "_" + extents(c.a) + "_" + extents(c.b);
        const auto run = [&](const auto& mask) {
            const auto f = [mask](const auto& in) { return op::where(mask, in[0], in[1]); };
            check_op(prefix, {normal(c.a, 1), normal(c.b, 2)}, f);
            check_reference(prefix, {"a", "b"}, f, of_elements);
        };
        run(whole<bool>(prefix + "/mask"));
        run(whole<std::uint8_t>(prefix + "/mask"));
        run(whole<std::int32_t>(prefix + "/mask"));
    }
    check_op("where(x, x, x)", {normal({2, 3})}, [](const auto& in) { return op::where(in[0], in[0], in[0]); });
}

TEST_CASE("where: a mask of the world's own type, a number as one side, and empty operands") {
    const auto f = [](const auto& in) { return op::where(in[0], in[1], -3); };
    check_op("mask", {normal({2, 3}, 1), normal({2, 3}, 2)}, f);
    const tensor<double> x{1, 2, 3, 4}, mask{0, -1, 2, std::numeric_limits<double>::quiet_NaN()};
    CHECK(identical(op::where(mask, x, 0.5), tensor<double>{0.5, 2, 3, 4}));
    CHECK(identical(op::where(mask, 0.5, x), tensor<double>{1, 0.5, 0.5, 0.5}));
    CHECK(op::where(tensor<bool>(shape{0}), x.reshaped({4, 1}), 0).shape() == shape{4, 0});
    graph g;
    const symbol traced = op::where(tensor<bool>{true, false}, symbol::input(g, "x", {3, 2}), 0);
    CHECK(traced.shape() == shape{3, 2});
    CHECK_RAISES(shape_error, "op::where: shapes are (4) and (3)", op::where(mask, x, tensor<double>{1, 2, 3}));
}

TEST_CASE("where: a NaN that is not chosen reaches neither the value nor the gradient") {
    tape<double> t;
    const tensor<double> root = op::sqrt(tensor<double>{-1, 4});
    CHECK(identical(op::where(tensor<bool>{false, true}, root, 0), tensor<double>{0, 2}));
    const auto a = t.variable({std::numeric_limits<double>::quiet_NaN(), 1}), b = t.variable({5, 6});
    t.backward(op::where(tensor<bool>{false, true}, a, b),
               tensor<double>{std::numeric_limits<double>::infinity(), 2});
    CHECK(identical(*t.gradient(a), tensor<double>{0, 2}));
    CHECK(identical(*t.gradient(b), tensor<double>{std::numeric_limits<double>::infinity(), 0}));
}

TEST_CASE("embedding") {
    for (const shape& s : {shape{2, 5}, shape{7}, shape{}, shape{2, 1, 3}}) {
        check_with_index("embedding/" + extents(s), {"w"},
                         [](const auto& in, const auto& index) { return op::embedding(index, in[0]); });
        const auto index = indices(s, 4);
        check_op("embedding" + s.text(), {normal({4, 21})},
                 [index](const auto& in) { return op::embedding(index, in[0]); });
    }
    CHECK(op::embedding(tensor<std::int32_t>(shape{0}), tensor<float>(shape{0, 3})).shape() == shape{0, 3});
}

TEST_CASE("embedding: tokens as numbers of the world, and a parameter") {
    parameter<double> weight{normal({4, 3})};
    const tensor<double> tokens{2, 0, 2};
    tape<double> t;
    const auto y = op::embedding(t.input(tokens), weight);
    CHECK(identical(y.value(), op::embedding(tokens, weight)));
    t.backward(op::sum(y));
    CHECK(identical(*t.gradient(weight), tensor<double>{{1, 1, 1}, {0, 0, 0}, {2, 2, 2}, {0, 0, 0}}));
    graph g;
    CHECK(op::embedding(symbol::input(g, "x", {1, 5}), weight).shape() == shape{1, 5, 3});
    t.reset();
    const auto lifted = op::embedding(tensor<std::int32_t>{2, 0, 2}, op::lift(t.input(tokens), weight));
    CHECK(identical(lifted.value(), op::embedding(tokens, weight)));
}

TEST_CASE("embedding: errors") {
    const tensor<double> weight(shape{4, 3});
    CHECK_RAISES(usage_error, "op::embedding: index 1 is 4, expected a whole number from 0 to 3",
                 op::embedding(tensor<std::int32_t>{0, 4}, weight));
    CHECK_RAISES(usage_error, "index 0 is -1", op::embedding(tensor<std::int64_t>{-1}, weight));
    CHECK_RAISES(usage_error, "index 0 is 0.5", op::embedding(tensor<double>{0.5}, weight));
    CHECK_RAISES(usage_error, "index 0 is nan",
                 op::embedding(tensor<double>{std::numeric_limits<double>::quiet_NaN()}, weight));
    tape<double> t;
    CHECK_RAISES(usage_error, "index 2 is 7", op::embedding(t.input({0, 1, 7}), weight));
    CHECK_RAISES(shape_error, "op::embedding: shape of weight is (12)",
                 op::embedding(tensor<int>{0}, weight.reshaped({12})));
}

TEST_CASE("gather") {
    for (const auto& [axis, s] : {std::pair{0, shape{3, 2, 5}},
                                  {1, {2, 7, 4}},
                                  {2, {3, 4, 2}},
                                  {-1, {3, 4, 9}},
                                  {-2, {1, 3, 5}},
                                  {1, {3, 4, 5}}}) {
        const auto f = [axis = axis](const auto& in, const auto& index) { return op::gather(in[0], axis, index); };
        check_with_index("gather/" + std::to_string(axis) + "_" + extents(s), {"x"}, f);
    }
    const auto index = indices({3}, 5);
    check_op("gather (5)", {normal({5})}, [index](const auto& in) { return op::gather(in[0], 0, index); });
    check_op("the largest of each row", {normal({4, 7})}, [](const auto& in) {
        return op::gather(in[0], 1, op::argmax(in[0], {1, true}));
    });
    const auto x = cast<float>(normal({3, 6}));
    CHECK(identical(op::gather(x, 1, op::argmax(x, {1, true})), op::max(x, {1, true})));
    CHECK(op::gather(x, 1, tensor<int>(shape{3, 0})).shape() == shape{3, 0});
}

TEST_CASE("gather: errors") {
    const tensor<float> x(shape{2, 3});
    CHECK_RAISES(usage_error, "op::gather: index 1 is 3, expected a whole number from 0 to 2",
                 op::gather(x, 1, tensor<int>(shape{1, 2}, {0, 3})));
    CHECK_RAISES(usage_error, "index 0 is -1", op::gather(x, 0, tensor<int>(shape{1, 1}, {-1})));
    CHECK_RAISES(usage_error, "index 0 is 1.5", op::gather(x, 0, tensor<float>(shape{1, 1}, {1.5f})));
    CHECK_RAISES(shape_error, "op::gather: shape of index is (2)", op::gather(x, 1, tensor<int>{0, 1}));
    CHECK_RAISES(shape_error, "op::gather: axis is 2", op::gather(x, 2, tensor<int>(shape{1, 1}, {0})));
}

TEST_CASE("embedding, gather and where: a warm step allocates nothing") {
    const auto index = indices({6, 1}, 4), rows = indices({6, 9}, 6);
    const parameter<float> weight{cast<float>(normal({4, 9}))};
    const tensor<float> x = cast<float>(normal({6, 9}));
    tape<float> t;
    const auto step = [&] {
        t.reset();
        const auto v = t.input(x);
        const auto e = op::reshape(op::embedding(index, op::lift(v, weight)), {6, 9});
        const auto y =
            op::where(rows, op::gather(e, 0, rows), op::transpose(op::pad(op::transpose(e, 0, 1), {{0, 0}}), 0, 1));
        t.backward(op::sum(op::cumsum(op::max(op::pow(y, 2), {1}))));
    };
    for (int i = 0; i < 3; ++i) step();
    const std::size_t before = allocations();
    step();
    CHECK(allocations() == before);
}

TEST_CASE("embedding, gather and where: the same bits for any number of threads") {
    const auto weight = normal({50, 700});
    const auto index = indices({40, 60}, 50);
    const auto rows = indices({50, 700}, 50);
    const std::size_t before = threads();
    const auto run = [&](std::size_t n) {
        set_threads(n);
        tape<double> t;
        const auto w = t.variable(weight);
        const auto y = op::embedding(index, w);
        t.backward(y, normal(y.shape(), 5));
        return std::vector{*t.gradient(w), op::gather(weight, 0, rows), op::where(rows, weight, 1.0),
                           op::where(tensor<bool>(shape{50, 1}, true), weight, 1.0)};
    };
    const auto one = run(1), three = run(3);
    for (std::size_t i = 0; i < one.size(); ++i) CHECK(identical(one[i], three[i]));
    set_threads(before);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/reduce.hpp"

#include <limits>

#include "check.hpp"
#include "smldist/op/reshape.hpp"

using namespace smldist;

namespace {

/// Every axis, from both ends, and all; with and without keepdim.
std::vector<op::reduce_options> reductions(std::size_t rank) {
    std::vector<op::reduce_options> list;
    for (const bool keepdim : {false, true}) {
        list.push_back({op::all_axes, keepdim});
        for (std::size_t a = 0; a < rank; ++a) {
            list.push_back({static_cast<std::ptrdiff_t>(a), keepdim});
            list.push_back({-static_cast<std::ptrdiff_t>(a) - 1, keepdim});
        }
    }
    return list;
}

std::string case_name(const op::reduce_options& o) {
    const auto [axis, keepdim] = o;
    return (axis ? std::to_string(*axis) : "all") + "_" + (keepdim ? "1" : "0");
}

std::string case_name(const op::max_pool1d_options& o) {
    const auto [kernel_size, stride, padding] = o;
    return "k" + std::to_string(kernel_size) + "_s" + std::to_string(stride) + "_p" + std::to_string(padding);
}

/// f at every shape and axis, in every world.
template <class F> void check_shapes(const std::string& name, F f) {
    for (const shape& s : {shape{}, shape{1}, shape{67}, shape{2, 3, 4}, shape{1, 3, 1}, shape{2, 1, 35}})
        for (const auto& o : reductions(s.rank()))
            check_op(name + s.text() + case_name(o), {normal(s)}, [f, o](const auto& in) { return f(in[0], o); });
}

template <class F> void check_reduction(const std::string& name, F f) {
    check_shapes(name, f);
    for (const std::optional<std::ptrdiff_t> axis : std::vector<std::optional<std::ptrdiff_t>>{{}, 0, 1, 2, -1})
        for (const bool keepdim : {false, true}) {
            const op::reduce_options o{axis, keepdim};
            check_reference(name + "/" + case_name(o), {"x"}, [f, o](const auto& in) { return f(in[0], o); });
        }
}

} // namespace

TEST_CASE("sum") {
    check_reduction("sum", [](const auto& x, op::reduce_options o) { return op::sum(x, o); });
}
TEST_CASE("mean") {
    check_reduction("mean", [](const auto& x, op::reduce_options o) { return op::mean(x, o); });
}

TEST_CASE("sum and mean: shapes and errors") {
    const tensor<float> x(shape{2, 3, 4}, 1.0f), none(shape{0, 3});
    CHECK(op::sum(x).shape() == shape{});
    CHECK(op::sum(x, {op::all_axes, true}).shape() == shape{1, 1, 1});
    CHECK(op::sum(x, {1, false}).shape() == shape{2, 4});
    CHECK(op::sum(x, {-2, true}).shape() == shape{2, 1, 4});
    CHECK(op::sum(none).item() == 0);
    CHECK(op::sum(none, {0, false})[2] == 0);
    CHECK_RAISES(shape_error, "op::sum: axis is 3", op::sum(x, {3, false}));
    CHECK_RAISES(shape_error, "op::mean: axis is -4", op::mean(x, {-4, false}));
    CHECK_RAISES(shape_error, "op::mean: shape is (0, 3)", op::mean(none));
    CHECK_RAISES(shape_error, "op::mean: shape is (0, 3)", op::mean(none, {0, false}));
}

namespace {

const std::string of_elements = "elementwise.safetensors";

template <class F> void check_extreme(const std::string& name, F f) {
    check_shapes(name, f);
    check_reference(
        name + "/all_0", {"x"}, [f](const auto& in) { return f(in[0], op::reduce_options{}); }, of_elements);
    for (const std::ptrdiff_t axis : {0, 1, 2, -1}) // with ties
        for (const bool keepdim : {false, true}) {
            const op::reduce_options o{axis, keepdim};
            check_reference(
                name + "/" + case_name(o), {"x"}, [f, o](const auto& in) { return f(in[0], o); }, of_elements);
        }
}

/// The index in float and double, which has no gradient.
template <class F> void check_index(const std::string& name, F f) {
    check_shapes(name, f);
    const auto compare = [&](const op::reduce_options& o) {
        const std::string prefix = name + "/" + case_name(o) + "/";
        CAPTURE(prefix);
        const auto x = reference(of_elements, prefix + "x"), y = reference(of_elements, prefix + "y");
        CHECK(identical(f(x, o), y));
        CHECK(identical(f(cast<float>(x), o), cast<float>(y)));
        tape<double> t;
        const auto v = t.variable(x);
        t.backward(f(v, o), y);
        CHECK(t.gradient(v) == nullptr);
    };
    compare({});
    for (const std::ptrdiff_t axis : {0, 1, 2, -1})
        for (const bool keepdim : {false, true}) compare({axis, keepdim});
}

} // namespace

TEST_CASE("max") {
    check_extreme("max", [](const auto& x, op::reduce_options o) { return op::max(x, o); });
}
TEST_CASE("min") {
    check_extreme("min", [](const auto& x, op::reduce_options o) { return op::min(x, o); });
}
TEST_CASE("argmax") {
    check_index("argmax", [](const auto& x, op::reduce_options o) { return op::argmax(x, o); });
}
TEST_CASE("argmin") {
    check_index("argmin", [](const auto& x, op::reduce_options o) { return op::argmin(x, o); });
}

TEST_CASE("max, min, argmax, argmin: of equal elements the first, NaN before any number") {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    tape<double> t;
    for (const op::reduce_options& o : {op::reduce_options{}, op::reduce_options{0}}) {
        t.reset();
        const auto x = t.variable({1, 3, 3, -2, -2}), y = t.variable({1, 3, 3, -2, -2});
        t.backward(op::max(x, o));
        t.backward(op::min(y, o));
        CHECK(identical(*t.gradient(x), tensor<double>{0, 1, 0, 0, 0}));
        CHECK(identical(*t.gradient(y), tensor<double>{0, 0, 0, 1, 0}));
    }
    for (const bool columns : {false, true}) { // along the last axis, and along another
        CAPTURE(columns);
        tensor<double> x(shape{4, columns ? 3u : 1u});
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = double(i);
        for (const std::size_t row : {1u, 2u})
            for (std::size_t c = 0; c < x.shape()[1]; ++c) x(row, c) = nan;
        for (const auto& y : {op::max(x, {0}), op::min(x, {0})})
            for (const double v : y) CHECK(std::isnan(v));
        for (const auto& y : {op::argmax(x, {0}), op::argmin(x, {0})})
            for (const double v : y) CHECK(v == 1);
    }
}

TEST_CASE("max and argmax: errors") {
    const tensor<float> x(shape{2, 3}), none(shape{0, 3});
    CHECK_RAISES(shape_error, "op::max: axis is 2", op::max(x, {2}));
    CHECK_RAISES(shape_error, "op::min: shape is (0, 3), expected at least one element", op::min(none));
    CHECK_RAISES(shape_error, "op::argmax: shape is (0, 3)", op::argmax(none, {0}));
    CHECK_RAISES(shape_error, "op::argmin: axis is -3", op::argmin(x, {-3}));
    CHECK(op::max(none, {1}).shape() == shape{0});
}

TEST_CASE("cumsum") {
    for (const shape& s : {shape{1}, shape{67}, shape{3, 5, 4}, shape{2, 3, 1}, shape{2, 4, 19}})
        for (std::ptrdiff_t axis = -static_cast<std::ptrdiff_t>(s.rank()); axis < std::ptrdiff_t(s.rank()); ++axis) {
            const auto f = [axis](const auto& in) { return op::cumsum(in[0], axis); };
            check_op("cumsum" + s.text() + std::to_string(axis), {normal(s)}, f);
        }
    for (const std::ptrdiff_t axis : {0, 1, 2, -1, -2})
        check_reference(
            "cumsum/" + std::to_string(axis), {"x"}, [axis](const auto& in) { return op::cumsum(in[0], axis); },
            of_elements);
    check_op("two uses", {normal({3, 4})},
             [](const auto& in) { return op::concat(op::cumsum(in[0], 0), op::cumsum(in[0], 1), 0); });
    CHECK(op::cumsum(tensor<float>(shape{0, 3}), 0).shape() == shape{0, 3});
    CHECK_RAISES(shape_error, "op::cumsum: axis is 1", op::cumsum(tensor<float>{1, 2}, 1));
}

TEST_CASE("max, argmax and cumsum: the same bits for any number of threads") {
    const auto x = cast<float>(normal({300, 10, 40}));
    const std::size_t before = threads();
    const auto run = [&](std::size_t n) {
        set_threads(n);
        return std::vector{op::max(x, {1}), op::argmax(x, {1}), op::argmax(x, {2}), op::cumsum(x, 1)};
    };
    const auto one = run(1), three = run(3);
    for (std::size_t i = 0; i < one.size(); ++i) CHECK(identical(one[i], three[i]));
    set_threads(before);
}

TEST_CASE("sum: the same bits for any number of threads") {
    const auto x = cast<float>(normal({300, 1000}));
    const std::size_t before = threads();
    set_threads(1);
    const auto total = op::sum(x), columns = op::sum(x, {0, false}), rows = op::sum(x, {1, false});
    set_threads(3);
    CHECK(identical(total, op::sum(x)));
    CHECK(identical(columns, op::sum(x, {0, false})));
    CHECK(identical(rows, op::sum(x, {1, false})));
    set_threads(before);
}

TEST_CASE("mean_over_time") {
    const auto f = [](const auto& in) { return op::mean_over_time(in[0]); };
    for (const shape& s : {shape{2, 5, 3}, shape{1, 1, 1}, shape{3, 2, 17}}) {
        check_op("mean_over_time" + s.text(), {normal(s)}, f);
        const std::string name = std::to_string(s[0]) + "x" + std::to_string(s[1]) + "x" + std::to_string(s[2]);
        check_reference("mean_over_time/" + name, {"x"}, f);
    }
    CHECK_RAISES(shape_error, "op::mean_over_time: shape is (2, 3)", op::mean_over_time(tensor<float>(shape{2, 3})));
    CHECK_RAISES(shape_error, "L >= 1", op::mean_over_time(tensor<float>(shape{2, 0, 3})));
}

TEST_CASE("max_pool1d") {
    for (const std::size_t k : {1u, 2u, 3u})
        for (const std::size_t s : {1u, 2u, 3u})
            for (const std::size_t p : {0u, 1u}) {
                if (p > k / 2) continue;
                const op::max_pool1d_options o{k, s, p};
                const auto f = [o](const auto& in) { return op::max_pool1d(in[0], o); };
                for (const shape& x : {shape{2, 7, 3}, shape{1, 3, 1}, shape{2, 4, 19}})
                    check_op("max_pool1d" + x.text() + case_name(o), {normal(x)}, f);
                check_reference("max_pool1d/" + case_name(o), {"x"}, f);
            }
}

TEST_CASE("max_pool1d: of equal elements the first wins, NaN wins, padding never") {
    tape<double> t;
    const auto x = t.variable(tensor<double>(shape{1, 4, 1}, {2, 2, 1, 2}));
    t.backward(op::max_pool1d(x, {4, 1, 0}));
    CHECK(identical(*t.gradient(x), tensor<double>(shape{1, 4, 1}, {1, 0, 0, 0})));

    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(std::isnan(op::max_pool1d(tensor<double>(shape{1, 3, 1}, {1, nan, 2}), {3, 1, 0}).item()));
    CHECK(std::isnan(op::max_pool1d(tensor<double>(shape{1, 3, 1}, {nan, 1, 2}), {3, 1, 0}).item()));

    const auto y = op::max_pool1d(tensor<double>(shape{1, 1, 1}, {-5}), {2, 1, 1});
    CHECK(identical(y, tensor<double>(shape{1, 2, 1}, {-5, -5})));
}

TEST_CASE("max_pool1d: errors") {
    const tensor<float> x(shape{2, 3, 4});
    CHECK_RAISES(usage_error, "kernel_size and stride are 0 and 1", op::max_pool1d(x, {0, 1, 0}));
    CHECK_RAISES(usage_error, "kernel_size and stride are 2 and 0", op::max_pool1d(x, {2, 0, 0}));
    CHECK_RAISES(usage_error, "padding is 2", op::max_pool1d(x, {3, 1, 2}));
    CHECK_RAISES(shape_error, "shape is (3, 4)", op::max_pool1d(tensor<float>(shape{3, 4})));
    CHECK_RAISES(shape_error, "padded length is 3", op::max_pool1d(x, {4, 1, 0}));
    CHECK_RAISES(shape_error, "padded length is 2", op::max_pool1d(tensor<float>(shape{2, 0, 4}), {2, 1, 1}));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/reduce.hpp"

#include <limits>

#include "check.hpp"

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

template <class F> void check_reduction(const std::string& name, F f) {
    for (const shape& s : {shape{}, shape{1}, shape{67}, shape{2, 3, 4}, shape{1, 3, 1}, shape{2, 1, 35}})
        for (const auto& o : reductions(s.rank()))
            check_op(name + s.text() + case_name(o), {normal(s)}, [f, o](const auto& in) { return f(in[0], o); });
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

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/pool2d.hpp"

#include <limits>

#include "check.hpp"
#include "smldist/op/reduce.hpp"

using namespace smldist;
using spec::extent2;

namespace {

/// Calls f(name, kernel_size, stride, padding) over the grid of tests/reference/make_images.py.
template <class F> void each_case(F f) {
    const auto text = [](extent2 n) { return std::to_string(n.height) + "x" + std::to_string(n.width); };
    for (const extent2 kernel : {extent2(2, 2), extent2(3, 2), extent2(1, 3)})
        for (const extent2 stride : {extent2(1, 1), extent2(2, 1), extent2(2, 3)})
            for (const std::size_t padding : {0u, 1u})
                if (padding <= kernel.smaller() / 2)
                    f("k" + text(kernel) + "_s" + text(stride) + "_p" + text(padding), kernel, stride, padding);
}

} // namespace

TEST_CASE("max_pool2d: PyTorch, gradients and worlds, over kernel size, stride and padding") {
    each_case([](const std::string& name, extent2 kernel, extent2 stride, extent2 padding) {
        const op::max_pool2d_options o{kernel, stride, padding};
        const auto f = [o](const auto& in) { return op::max_pool2d(in[0], o); };
        check_reference("max_pool2d/" + name, {"x"}, f, "images.safetensors");
        check_op(name, {normal({2, 5, 6, 3}, 1)}, f);
    });
}

TEST_CASE("avg_pool2d: PyTorch, gradients and worlds, over kernel size, stride, padding and its count") {
    each_case([](const std::string& name, extent2 kernel, extent2 stride, extent2 padding) {
        for (const bool count : {false, true}) {
            const op::avg_pool2d_options o{kernel, stride, padding, count};
            const auto f = [o](const auto& in) { return op::avg_pool2d(in[0], o); };
            check_reference("avg_pool2d/" + name + "_pad" + (count ? "1" : "0"), {"x"}, f, "images.safetensors");
            check_op(name, {normal({2, 5, 6, 3}, 1)}, f);
        }
    });
}

TEST_CASE("max_pool2d: a NaN is the maximum") {
    tensor<float> x(shape{1, 2, 2, 1}, 1.0F);
    x(0, 1, 0, 0) = std::numeric_limits<float>::quiet_NaN();
    CHECK(std::isnan(op::max_pool2d(x)[0]));
}

TEST_CASE("global_avg_pool: PyTorch, gradients and worlds, and the gate of images") {
    for (const shape& s : {shape{2, 3, 5, 3}, shape{1, 1, 1, 1}, shape{3, 2, 2, 17}}) {
        std::string name;
        for (const std::size_t e : s) name += (name.empty() ? "" : "x") + std::to_string(e);
        const auto mean = [](const auto& in) { return op::global_avg_pool(in[0]); };
        check_reference("global_avg_pool/" + name, {"x"}, mean, "images.safetensors");
        check_op("global_avg_pool " + name, {normal(s, 1)}, mean);
        const auto gate = [](const auto& in) { return op::gate(in[0], in[1]); };
        check_reference("gate/" + name, {"x", "g"}, gate, "images.safetensors");
        check_op("gate " + name, {normal(s, 1), normal({s[0], s[3]}, 2)}, gate);
    }
    CHECK_RAISES(shape_error, "L >= 1", op::global_avg_pool(tensor<float>(shape{2, 0, 3, 4})));
    CHECK_RAISES(shape_error, "expected (B, L, C) or (B, H, W, C)",
                 op::gate(tensor<float>(shape{2, 3, 3, 4}), tensor<float>(shape{2, 3})));
}

TEST_CASE("pool2d: errors") {
    const tensor<float> x(shape{2, 5, 6, 3});
    CHECK_RAISES(usage_error, "op::max_pool2d: kernel_size and stride are 0 and 2",
                 op::max_pool2d(x, {.kernel_size = {0, 1}}));
    CHECK_RAISES(usage_error, "op::avg_pool2d: kernel_size and stride are 2 and 0",
                 op::avg_pool2d(x, {.stride = {1, 0}}));
    CHECK_RAISES(usage_error, "op::max_pool2d: padding is 2 x 2", op::max_pool2d(x, {.padding = 2}));
    CHECK_RAISES(shape_error, "op::avg_pool2d: shape of x is (5, 6, 3)",
                 op::avg_pool2d(tensor<float>(shape{5, 6, 3})));
    CHECK_RAISES(shape_error, "op::max_pool2d: padded image is 5 x 6, expected at least 6 x 6",
                 op::max_pool2d(x, {.kernel_size = 6}));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/conv2d.hpp"

#include "check.hpp"

using namespace smldist;

namespace {

auto make(auto zero, std::size_t in, std::size_t out, spec::extent2 kernel_size, op::conv2d_options o, bool bias) {
    generator g(1);
    return nn::conv2d<decltype(zero)>(in, out, kernel_size, g, o, bias);
}

} // namespace

TEST_CASE("conv2d: gradients are exact and all worlds agree") {
    struct width {
        std::size_t in, out, groups;
    };
    for (const width& w : {width{4, 6, 1}, width{4, 6, 2}, width{4, 4, 4}, width{1, 1, 1}})
        for (const spec::extent2 kernel_size : {spec::extent2(1), spec::extent2(3), spec::extent2(2, 3)})
            for (const std::size_t stride : {1u, 2u}) {
                const op::conv2d_options o{.stride = {stride, 1}, .padding = {0, 1}, .groups = w.groups};
                check_layer(
                    "conv2d of " + std::to_string(w.in) + " in " + std::to_string(w.groups) + " groups, stride " +
                        std::to_string(stride),
                    {normal({2, 4, 5, w.in})},
                    [&](auto zero) { return make(zero, w.in, w.out, kernel_size, o, stride == 2); },
                    [](const auto& layer, const auto& x) { return layer(x[0]); });
            }
}

TEST_CASE("conv2d: initial values and shapes") {
    auto layer = make(0.0f, 32, 64, {5, 3}, {.groups = 2}, true);
    CHECK(layer.weight.shape() == shape{64, 16, 5, 3});
    CHECK(layer.bias.shape() == shape{64});
    double squares = 0;
    for (const float w : layer.weight.value) squares += double(w) * double(w);
    CHECK(squares / double(layer.weight.value.size()) == doctest::Approx(2.0 / (64 * 15)).epsilon(0.06));
    for (const float b : layer.bias.value) CHECK(b == 0);
    CHECK(layer.weight.decay);
    CHECK_FALSE(layer.bias.decay);
    CHECK(make(0.0f, 32, 64, 3, {}, false).bias.empty());
    std::string paths;
    walk(layer, [&paths](const std::string& path, auto&) { paths += path + " "; });
    CHECK(paths == "weight bias ");
}

TEST_CASE("conv2d: invalid arguments are refused") {
    CHECK_RAISES(usage_error, "groups is 3, expected a divisor of 4 and 6", make(0.0f, 4, 6, 3, {.groups = 3}, true));
    CHECK_RAISES(usage_error, "groups is 4", make(0.0f, 4, 6, 3, {.groups = 4}, true));
    CHECK_RAISES(usage_error, "groups is 0", make(0.0f, 4, 6, 3, {.groups = 0}, true));
    CHECK_RAISES(shape_error, "op::conv2d", make(0.0f, 4, 6, 3, {}, true)(tensor<float>(shape{1, 7, 7, 5})));
}

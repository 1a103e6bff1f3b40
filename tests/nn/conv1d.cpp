// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/conv1d.hpp"

#include "check.hpp"

using namespace smldist;

namespace {

auto make(auto zero, std::size_t in, std::size_t out, std::size_t kernel_size, op::conv1d_options o, bool bias) {
    generator g(1);
    return nn::conv1d<decltype(zero)>(in, out, kernel_size, g, o, bias);
}

} // namespace

TEST_CASE("conv1d: gradients are exact and all worlds agree") {
    struct width {
        std::size_t in, out, groups;
    };
    for (const width& w : {width{4, 6, 1}, width{4, 6, 2}, width{4, 4, 4}, width{1, 1, 1}})
        for (const std::size_t kernel_size : {1u, 3u, 4u})
            for (const std::size_t stride : {1u, 2u, 3u})
                for (const bool causal : {false, true}) {
                    const bool bias = stride == 2;
                    const op::conv1d_options o{.stride = stride,
                                               .padding = causal ? 0 : kernel_size / 2,
                                               .dilation = stride == 3 ? std::size_t(2) : 1,
                                               .groups = w.groups,
                                               .causal = causal};
                    check_layer(
                        "conv1d of " + std::to_string(w.in) + " in " + std::to_string(w.groups) + " groups, kernel " +
                            std::to_string(kernel_size) + ", stride " + std::to_string(stride),
                        {normal({2, 7, w.in})},
                        [&](auto zero) { return make(zero, w.in, w.out, kernel_size, o, bias); },
                        [](const auto& layer, const auto& x) { return layer(x[0]); });
                }
}

TEST_CASE("conv1d: initial values and shapes") {
    auto layer = make(0.0f, 32, 64, 5, {.groups = 2}, true);
    CHECK(layer.weight.shape() == shape{64, 16, 5});
    CHECK(layer.bias.shape() == shape{64});
    double squares = 0;
    for (const float w : layer.weight.value) squares += double(w) * double(w);
    CHECK(squares / double(layer.weight.value.size()) == doctest::Approx(2.0 / (64 * 5)).epsilon(0.06));
    for (const float b : layer.bias.value) CHECK(b == 0);
    CHECK(layer.weight.decay);
    CHECK_FALSE(layer.bias.decay);
    CHECK(make(0.0f, 32, 64, 5, {}, false).bias.empty());
    std::string paths;
    walk(layer, [&paths](const std::string& path, auto&) { paths += path + " "; });
    CHECK(paths == "weight bias ");
}

TEST_CASE("conv1d: invalid arguments are refused") {
    CHECK_RAISES(usage_error, "groups is 3, expected a divisor of 4 and 6", make(0.0f, 4, 6, 3, {.groups = 3}, true));
    CHECK_RAISES(usage_error, "groups is 4", make(0.0f, 4, 6, 3, {.groups = 4}, true));
    CHECK_RAISES(usage_error, "groups is 0", make(0.0f, 4, 6, 3, {.groups = 0}, true));
    CHECK_RAISES(shape_error, "op::conv1d", make(0.0f, 4, 6, 3, {}, true)(tensor<float>(shape{1, 7, 5})));
}

TEST_CASE("conv_transpose1d: gradients are exact and all worlds agree; initial values and refusals") {
    const auto make = [](auto zero, std::size_t in, std::size_t out, op::conv_transpose1d_options o, bool bias) {
        generator g(1);
        return nn::conv_transpose1d<decltype(zero)>(in, out, 4, g, o, bias);
    };
    for (const std::size_t groups : {1u, 2u, 4u})
        for (const bool bias : {false, true})
            check_layer(
                "conv_transpose1d in " + std::to_string(groups) + " groups", {normal({2, 5, 4})},
                [&](auto zero) { return make(zero, 4, 8, {.stride = 2, .padding = 1, .groups = groups}, bias); },
                [](const auto& layer, const auto& x) { return layer(x[0]); });
    const auto layer = make(0.0f, 64, 64, {.groups = 2}, true);
    CHECK(layer.weight.shape() == shape{64, 32, 4});
    double squares = 0;
    for (const float w : layer.weight.value) squares += double(w) * double(w);
    CHECK(squares / double(layer.weight.value.size()) == doctest::Approx(2.0 / (32 * 4)).epsilon(0.06));
    CHECK(layer.bias.shape() == shape{64});
    CHECK(layer.weight.decay);
    CHECK_FALSE(layer.bias.decay);
    CHECK_RAISES(usage_error, "nn::conv_transpose1d: groups is 3, expected a divisor of 4 and 6",
                 make(0.0f, 4, 6, {.groups = 3}, true));
    CHECK_RAISES(usage_error, "groups is 0", make(0.0f, 4, 6, {.groups = 0}, true));
}

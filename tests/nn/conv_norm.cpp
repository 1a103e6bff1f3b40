// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/conv_norm.hpp"

#include "check.hpp"

using namespace smldist;

namespace {

/// Calls f(options, mode) for the product of the options.
template <class F> void each_case(F f) {
    using enum nn::activation;
    for (const auto a : {none, relu, hard_swish, selu})
        for (const std::size_t stride : {1u, 2u})
            for (const bool causal : {false, true})
                for (const mode m : {mode::eval, mode::train})
                    f(nn::conv_norm_options{.stride = stride, .activation = a, .causal = causal}, m);
}

std::string text(const nn::conv_norm_options& o, mode m) {
    return std::string(nn::text(o.activation)) + (o.stride == 2 ? ", stride 2" : "") + (o.causal ? ", causal" : "") +
           (m == mode::train ? ", train" : "");
}

template <template <class> class Layer>
auto make(auto zero, std::size_t in, std::size_t out, std::size_t kernel_size, const nn::conv_norm_options& o) {
    generator g(1);
    return Layer<decltype(zero)>(in, out, kernel_size, g, o);
}

nn::conv_norm_options options_of(const io::json& o) {
    return {.stride = o.as_size("stride"),
            .activation = nn::parse_activation(o.as_string("activation")),
            .causal = o.as_bool("causal")};
}
mode mode_of(const io::json& o) { return o.as_bool("train") ? mode::train : mode::eval; }

} // namespace

TEST_CASE("conv_norm: gradients are exact and all worlds agree") {
    each_case([](const nn::conv_norm_options& o, mode m) {
        check_layer(
            "conv_norm " + text(o, m), {normal({2, 7, 3})},
            [&o](auto zero) { return make<nn::conv_norm>(zero, 3, 4, 5, o); },
            [m](const auto& layer, const auto& in) { return layer(in[0], m); });
    });
}

TEST_CASE("depthwise_separable: gradients are exact and all worlds agree") {
    each_case([](const nn::conv_norm_options& o, mode m) {
        check_layer(
            "depthwise_separable " + text(o, m), {normal({2, 6, 3})},
            [&o](auto zero) { return make<nn::depthwise_separable>(zero, 3, 4, 3, o); },
            [m](const auto& layer, const auto& in) { return layer(in[0], m); });
    });
}

TEST_CASE("conv_norm: agrees with PyTorch") {
    check_layer_references(
        "conv_norm", [](auto zero, const io::json& o) { return make<nn::conv_norm>(zero, 3, 4, 5, options_of(o)); },
        [](const auto& layer, const auto& in, const io::json& o) { return layer(in[0], mode_of(o)); });
}

TEST_CASE("depthwise_separable: agrees with PyTorch") {
    check_layer_references(
        "depthwise_separable",
        [](auto zero, const io::json& o) { return make<nn::depthwise_separable>(zero, 3, 4, 3, options_of(o)); },
        [](const auto& layer, const auto& in, const io::json& o) { return layer(in[0], mode_of(o)); });
}

TEST_CASE("conv_norm: the length is ceil(L / stride)") {
    for (const std::size_t kernel_size : {1u, 3u, 5u, 15u})
        for (const std::size_t stride : {1u, 2u, 3u, 4u})
            for (const bool causal : {false, true})
                for (std::size_t L = 1; L <= 9; ++L) {
                    CAPTURE(kernel_size);
                    CAPTURE(stride);
                    CAPTURE(causal);
                    const auto layer =
                        make<nn::conv_norm>(0.0f, 2, 3, kernel_size, {.stride = stride, .causal = causal});
                    graph g;
                    CHECK(layer(symbol::input(g, "x", {2, L, 2})).shape() == shape{2, (L + stride - 1) / stride, 3});
                }
}

TEST_CASE("conv_norm: only a causal layer does not look ahead") {
    const tensor<double> x = normal({1, 9, 3});
    tensor<double> changed = x;
    for (std::size_t i = 5 * 3; i < 9 * 3; ++i) changed[i] += 1; // from time 5 on
    for (const bool causal : {false, true}) {
        CAPTURE(causal);
        const auto layer = make<nn::conv_norm>(0.0, 3, 2, 5, {.causal = causal});
        const auto a = layer(x), b = layer(changed);
        bool same = true;
        for (std::size_t i = 0; i < 5 * 2; ++i) same = same && a[i] == b[i];
        CHECK(same == causal);
    }
}

TEST_CASE("conv_norm: has no bias and one group per channel in the depthwise part") {
    const auto layer = make<nn::conv_norm>(0.0f, 3, 4, 5, {});
    CHECK(layer.conv.bias.empty());
    CHECK(parameter_count(layer) == 3 * 4 * 5 + 2 * 4);
    const auto separable = make<nn::depthwise_separable>(0.0f, 3, 4, 5, {.stride = 2});
    CHECK(separable.depthwise.conv.weight.shape() == shape{3, 1, 5});
    CHECK(separable.pointwise.conv.weight.shape() == shape{4, 3, 1});
    CHECK(separable.depthwise.conv.options.stride == 2);
    CHECK(separable.pointwise.conv.options.stride == 1);
    CHECK(parameter_count(separable) == 3 * 5 + 2 * 3 + 3 * 4 + 2 * 4);
}

TEST_CASE("conv_norm2d and depthwise_separable2d: gradients are exact and all worlds agree") {
    each_case([](const nn::conv_norm_options& o, mode m) {
        if (o.causal) return;
        check_layer(
            "conv_norm2d " + text(o, m), {normal({2, 4, 3, 3})},
            [&o](auto zero) { return make<nn::conv_norm2d>(zero, 3, 4, 3, o); },
            [m](const auto& layer, const auto& in) { return layer(in[0], m); });
        check_layer(
            "depthwise_separable2d " + text(o, m), {normal({2, 4, 3, 3})},
            [&o](auto zero) { return make<nn::depthwise_separable2d>(zero, 3, 4, 3, o); },
            [m](const auto& layer, const auto& in) { return layer(in[0], m); });
    });
}

TEST_CASE("conv_norm2d and depthwise_separable2d: agree with PyTorch") {
    const auto options = [](const io::json& o) -> nn::conv_norm_options {
        return {.stride = o.as_size("stride"), .activation = nn::parse_activation(o.as_string("activation"))};
    };
    const auto call = [](const auto& layer, const auto& in, const io::json& o) { return layer(in[0], mode_of(o)); };
    check_layer_references(
        "conv_norm", [&](auto zero, const io::json& o) { return make<nn::conv_norm2d>(zero, 3, 4, 3, options(o)); },
        call, "images.safetensors");
    check_layer_references(
        "depthwise_separable",
        [&](auto zero, const io::json& o) { return make<nn::depthwise_separable2d>(zero, 3, 4, 3, options(o)); },
        call, "images.safetensors");
}

TEST_CASE("conv_norm2d: shapes, and no causal form") {
    const auto layer = make<nn::conv_norm2d>(0.0f, 3, 4, 5, {.stride = 2});
    CHECK(layer.conv.bias.empty());
    CHECK(layer.conv.weight.shape() == shape{4, 3, 5, 5});
    graph g;
    CHECK(layer(symbol::input(g, "x", {2, 7, 8, 3})).shape() == shape{2, 4, 4, 4});
    const auto separable = make<nn::depthwise_separable2d>(0.0f, 3, 4, 5, {.stride = 2});
    CHECK(separable.depthwise.conv.weight.shape() == shape{3, 1, 5, 5});
    CHECK(separable.pointwise.conv.weight.shape() == shape{4, 3, 1, 1});
    CHECK_RAISES(usage_error, "nn::conv_norm2d: causal is true",
                 make<nn::conv_norm2d>(0.0f, 3, 4, 5, {.causal = true}));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/squeeze_excite.hpp"

#include "check.hpp"

using namespace smldist;

namespace {

auto make(auto zero, std::size_t channels, std::size_t squeezed) {
    generator g(1);
    return nn::squeeze_excite<decltype(zero)>(channels, squeezed, g);
}

} // namespace

TEST_CASE("squeeze_excite: gradients are exact and all worlds agree") {
    for (const auto& x : {shape{2, 5, 3}, shape{1, 1, 17}, shape{3, 2, 8}})
        for (const std::size_t squeezed : {1u, 4u})
            check_layer(
                "squeeze_excite" + x.text(), {normal(x)}, [&](auto zero) { return make(zero, x.back(), squeezed); },
                [](const auto& layer, const auto& in) { return layer(in[0]); });
}

TEST_CASE("squeeze_excite: agrees with PyTorch") {
    check_layer_references(
        "squeeze_excite",
        [](auto zero, const io::json& o) { return make(zero, o.as_size("channels"), o.as_size("squeezed")); },
        [](const auto& layer, const auto& in, const io::json&) { return layer(in[0]); });
}

TEST_CASE("squeeze_excite: zero weights give a gate of 1/2 and gates are constant in time") {
    auto layer = make(0.0, 3, 2);
    layer.fc2.weight.value.fill(0);
    const tensor<double> x = normal({2, 4, 3});
    CHECK(difference(layer(x), tensor<double>(0.5 * x.array()), 1e-15) == "");
    CHECK_RAISES(shape_error, "op::linear: shape of x is (2, 4)", layer(tensor<double>(shape{2, 4, 4})));
}

TEST_CASE("squeeze_excite: without biases its weights are initialised as those of a linear map") {
    generator g(1);
    const nn::squeeze_excite<double> layer(64, 16, g, {.bias = false});
    CHECK(layer.fc1.bias.empty());
    CHECK(layer.fc2.bias.empty());
    CHECK(parameter_count(layer) == 2 * 64 * 16);
    const auto& w = layer.fc1.weight.value;
    CHECK(std::sqrt(kernel::dot(w.size(), w.data(), w.data()) / double(w.size())) ==
          doctest::Approx(0.01).epsilon(0.1));
    check_layer(
        "squeeze_excite without biases", {normal({2, 5, 3})},
        [](auto zero) {
            generator same(1);
            return nn::squeeze_excite<decltype(zero)>(3, 2, same, {.bias = false});
        },
        [](const auto& l, const auto& in) { return l(in[0]); });
}

TEST_CASE("squeeze_excite: parameter count and MACs") {
    const auto layer = make(0.0f, 16, 8);
    CHECK(parameter_count(layer) == 16 * 8 + 8 + 8 * 16 + 16);
    graph g;
    layer(symbol::input(g, "x", {1, 32, 16}));
    CHECK(g.macs() == 2 * 16 * 8);
}

TEST_CASE("squeeze_excite: of images") {
    check_layer(
        "squeeze_excite of images", {normal({2, 3, 4, 5})}, [](auto zero) { return make(zero, 5, 2); },
        [](const auto& layer, const auto& in) { return layer(in[0]); });
    check_layer_references(
        "squeeze_excite",
        [](auto zero, const io::json& o) { return make(zero, o.as_size("channels"), o.as_size("squeezed")); },
        [](const auto& layer, const auto& in, const io::json&) { return layer(in[0]); }, "images.safetensors");
}

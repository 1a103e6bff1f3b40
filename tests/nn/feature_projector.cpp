// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/feature_projector.hpp"

#include "check.hpp"

using namespace smldist;

namespace {
auto make(auto zero, std::size_t in, std::size_t out) {
    generator g(1);
    return nn::feature_projector<decltype(zero)>(in, out, g);
}
} // namespace

TEST_CASE("feature_projector: gradients are exact and all worlds agree") {
    for (const mode m : {mode::train, mode::eval})
        for (const std::size_t out : {1u, 6u})
            check_layer(
                "feature_projector" + std::to_string(out), {normal({5, 4})},
                [&](auto zero) { return make(zero, 4, out); },
                [m](const auto& layer, const auto& in) { return layer(in[0], m); });
}

TEST_CASE("feature_projector: agrees with PyTorch") {
    const auto array = [](const std::string& name) {
        return reference("baseline.safetensors", "projector/train/" + name);
    };
    auto layer = make(0.0, 3, 5);
    const auto read = [&](const std::string& name, nn::linear<double>& map, nn::batch_norm<double>& norm) {
        REQUIRE(map.weight.shape() == array(name).shape());
        map.weight.value = array(name);
        norm.weight.value = array(name + "_weight");
        norm.bias.value = array(name + "_bias");
    };
    read("reduce", layer.reduce, layer.reduce_norm);
    read("mix", layer.mix, layer.mix_norm);
    read("expand", layer.expand, layer.expand_norm);
    tensor<double> w(shape{6, 5});
    for (std::size_t i = 0; i < w.size(); ++i) w[i] = double(i);
    tape<double> t;
    const auto x = t.variable(array("x"));
    const auto y = layer(x, mode::train);
    double sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i) sum += w[i] * y.value()[i];
    CHECK(sum == doctest::Approx(array("y").item()).epsilon(1e-10));
    t.backward(y, w);
    CHECK(difference(*t.gradient(x), array("dx"), 1e-9) == "");
    const auto check = [&](const std::string& name, const nn::linear<double>& map,
                           const nn::batch_norm<double>& norm) {
        CHECK(difference(*t.gradient(map.weight), array("d" + name), 1e-9) == "");
        CHECK(difference(*t.gradient(norm.weight), array("d" + name + "_weight"), 1e-9) == "");
        CHECK(difference(*t.gradient(norm.bias), array("d" + name + "_bias"), 1e-9) == "");
    };
    check("reduce", layer.reduce, layer.reduce_norm);
    check("mix", layer.mix, layer.mix_norm);
    check("expand", layer.expand, layer.expand_norm);
}

TEST_CASE("feature_projector: parameter count and MACs") {
    const auto layer = make(0.0f, 96, 256);
    CHECK(parameter_count(layer) == 96 * 128 + 128 * 128 + 128 * 256 + 2 * (128 + 128 + 256));
    graph g;
    layer(symbol::input(g, "x", {1, 96}));
    CHECK(g.macs() == 96 * 128 + 128 * 128 + 128 * 256);
}

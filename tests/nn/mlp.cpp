// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/mlp.hpp"

#include "check.hpp"

using namespace smldist;

namespace {
auto make(auto zero, std::size_t features = 5, std::size_t hidden = 7, std::size_t classes = 3) {
    generator g(1);
    return nn::mlp<decltype(zero)>(features, hidden, classes, g);
}
} // namespace

TEST_CASE("mlp: gradients are exact and all worlds agree") {
    for (const std::size_t rows : {1u, 4u}) {
        CAPTURE(rows);
        check_layer(
            "mlp", {normal({rows, 5})}, [](auto zero) { return make(zero); },
            [](const auto& layer, const auto& in) { return layer(in[0]); });
    }
}

TEST_CASE("mlp: agrees with PyTorch") {
    check_layer_references(
        "mlp", [](auto zero, const io::json&) { return make(zero); },
        [](const auto& layer, const auto& in, const io::json&) { return layer(in[0]); });
}

TEST_CASE("mlp: initial values and paths; invalid arguments are refused") {
    auto layer = make(0.0F);
    CHECK(layer.down.weight.shape() == shape{7, 5});
    CHECK(layer.up.weight.shape() == shape{3, 7});
    CHECK(parameter_count(layer) == 5 * 7 + 7 + 7 * 3 + 3);
    std::string paths;
    walk(layer, [&paths](const std::string& path, auto&) { paths += path + " "; });
    CHECK(paths == "down.weight down.bias up.weight up.bias ");
    CHECK_RAISES(usage_error, "features, hidden, classes are 5, 0, 3", make(0.0F, 5, 0, 3));
    CHECK_RAISES(shape_error, "expected a last extent of 5", layer(tensor<float>(shape{2, 4})));
}

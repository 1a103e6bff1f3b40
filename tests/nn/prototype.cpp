// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/prototype.hpp"

#include "check.hpp"

using namespace smldist;

namespace {
auto make(auto zero, std::size_t features = 5, std::size_t classes = 3) {
    generator g(1);
    return nn::prototype<decltype(zero)>(features, classes, g);
}
} // namespace

TEST_CASE("prototype: gradients are exact and all worlds agree") {
    for (const std::size_t rows : {1u, 4u}) {
        CAPTURE(rows);
        check_layer(
            "prototype", {normal({rows, 5})}, [](auto zero) { return make(zero); },
            [](const auto& layer, const auto& in) { return layer(in[0]); });
    }
}

TEST_CASE("prototype: agrees with PyTorch") {
    check_layer_references(
        "prototype", [](auto zero, const io::json&) { return make(zero); },
        [](const auto& layer, const auto& in, const io::json&) { return layer(in[0]); });
}

TEST_CASE("prototype: logits depend only on the direction and are bounded by the learned scale") {
    const auto layer = make(0.0);
    const auto f = normal({4, 5});
    auto longer = f;
    for (double& v : longer) v *= 37;
    CHECK(difference(layer(longer), layer(f), 1e-9) == "");
    for (const double z : layer(f)) CHECK(std::abs(z) <= 10 + 1e-9);
    auto own = tensor<double>(shape{1, 5});
    for (std::size_t d = 0; d < 5; ++d) own[d] = 3 * layer.weight.value[5 + d];
    CHECK(layer(own)[1] == doctest::Approx(10)); // a prototype is most like itself
}

TEST_CASE("prototype: initial values and paths; invalid arguments are refused") {
    auto layer = make(0.0F);
    CHECK(layer.weight.shape() == shape{3, 5});
    CHECK(std::exp(layer.log_scale.value.item()) == doctest::Approx(10).epsilon(1e-5));
    CHECK(layer.weight.decay);
    CHECK_FALSE(layer.log_scale.decay);
    std::string paths;
    walk(layer, [&paths](const std::string& path, auto&) { paths += path + " "; });
    CHECK(paths == "weight log_scale ");
    CHECK_RAISES(usage_error, "features and classes are 0, 3", make(0.0F, 0, 3));
    CHECK_RAISES(usage_error, "features and classes are 5, 0", make(0.0F, 5, 0));
    CHECK_RAISES(shape_error, "op::matmul", layer(tensor<float>(shape{2, 4})));
}

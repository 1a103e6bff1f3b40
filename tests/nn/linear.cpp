// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/linear.hpp"

#include "check.hpp"

using namespace smldist;

namespace {

auto make(auto zero, std::size_t in, std::size_t out, bool bias) {
    generator g(1);
    return nn::linear<decltype(zero)>(in, out, g, bias);
}

} // namespace

TEST_CASE("linear: gradients are exact and all worlds agree") {
    for (const auto& x : {shape{3}, shape{2, 3}, shape{2, 4, 3}})
        for (const bool bias : {true, false})
            check_layer(
                "linear" + x.text(), {normal(x)}, [bias](auto zero) { return make(zero, 3, 5, bias); },
                [](const auto& layer, const auto& in) { return layer(in[0]); });
}

TEST_CASE("linear: initial values and shapes") {
    const auto layer = make(0.0f, 200, 100, true);
    CHECK(layer.weight.shape() == shape{100, 200});
    CHECK(layer.bias.shape() == shape{100});
    double squares = 0;
    for (const float w : layer.weight.value) squares += double(w) * double(w);
    CHECK(std::sqrt(squares / 20000) == doctest::Approx(0.01).epsilon(0.02));
    for (const float b : layer.bias.value) CHECK(b == 0);
    CHECK(layer.weight.decay);
    CHECK_FALSE(layer.bias.decay);
    CHECK(make(0.0f, 3, 5, false).bias.empty());
    CHECK(parameter_count(make(0.0f, 3, 5, true)) == 20);
    CHECK(parameter_count(make(0.0f, 3, 5, false)) == 15);
    CHECK(identical(layer.weight.value, make(0.0f, 200, 100, true).weight.value));
}

TEST_CASE("linear: paths of its parameters; invalid arguments are refused") {
    auto layer = make(0.0f, 3, 5, true);
    std::string paths;
    walk(layer, [&paths](const std::string& path, auto&) { paths += path + " "; });
    CHECK(paths == "weight bias ");
    CHECK_RAISES(shape_error, "op::linear: shape of x is (2, 4), expected a last extent of 3",
                 layer(tensor<float>(shape{2, 4})));
}

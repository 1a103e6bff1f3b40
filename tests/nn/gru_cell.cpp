// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/gru_cell.hpp"

#include "check.hpp"

using namespace smldist;

namespace {
auto make(auto zero, std::size_t channels = 3, std::size_t hidden = 4, bool with_bias = true) {
    generator g(1);
    return nn::gru_cell<decltype(zero)>(channels, hidden, g, with_bias);
}
/// All steps of x (B, L, C), from a state of zeros.
template <class M, class X> X run(const M& cell, const X& x) {
    const auto at = [&x](std::size_t t) { return op::flatten(op::slice(x, 1, t, t + 1)); };
    X h = cell(at(0));
    for (std::size_t t = 1; t < x.shape()[1]; ++t) h = cell(at(t), h);
    return h;
}
} // namespace

TEST_CASE("gru_cell: gradients are exact and all worlds agree") {
    for (const std::size_t rows : {1u, 3u})
        for (const bool bias : {false, true}) {
            CAPTURE(rows);
            CAPTURE(bias);
            check_layer(
                "gru_cell", {normal({rows, 3}), normal({rows, 4}, 2)},
                [bias](auto zero) { return make(zero, 3, 4, bias); },
                [](const auto& layer, const auto& in) { return layer(in[0], in[1]); });
            check_layer(
                "gru_cell over time", {normal({rows, 3, 3})}, [bias](auto zero) { return make(zero, 3, 4, bias); },
                [](const auto& layer, const auto& in) { return run(layer, in[0]); });
        }
}

TEST_CASE("gru_cell: agrees with PyTorch") {
    check_layer_references(
        "gru_cell", [](auto zero, const io::json& o) { return make(zero, 5, o.as_size("hidden")); },
        [](const auto& layer, const auto& in, const io::json&) { return layer(in[0], in[1]); });
}

TEST_CASE("gru_cell: a missing state is taken as 0") {
    const auto cell = make(0.0);
    const tensor<double> x = normal({3, 3});
    CHECK(identical(cell(x), cell(x, tensor<double>(shape{3, 4}))));
}

TEST_CASE("gru_cell: initial values and paths and cost; invalid arguments are refused") {
    const auto cell = make(0.0F);
    CHECK(cell.weight_ih.shape() == shape{12, 3});
    CHECK(cell.weight_hh.shape() == shape{12, 4});
    CHECK(parameter_count(cell) == 12 * 3 + 12 * 4 + 2 * 12);
    CHECK(parameter_count(make(0.0F, 3, 4, false)) == 12 * 3 + 12 * 4);
    std::string paths;
    float largest = 0;
    walk(cell, [&](const std::string& path, const auto& leaf) {
        paths += path + " ";
        for (const float v : leaf.value) largest = std::max(largest, std::abs(v));
    });
    CHECK(paths == "weight_ih weight_hh bias_ih bias_hh ");
    CHECK(largest > 0.45F);
    CHECK(largest <= 0.5F);
    CHECK_FALSE(cell.bias_ih.decay);
    CHECK_FALSE(identical(cell.bias_ih.value, cell.bias_hh.value));

    graph g;
    const symbol h = run(cell, symbol::input(g, "x", {2, 5, 3}));
    CHECK(h.shape() == shape{2, 4});
    CHECK(g.macs() == 2 * 5 * 12 * (3 + 4));

    CHECK_RAISES(usage_error, "channels, hidden are 0, 4", make(0.0F, 0, 4));
    CHECK_RAISES(usage_error, "channels, hidden are 3, 0", make(0.0F, 3, 0));
    const tensor<float> x(shape{2, 3});
    CHECK_RAISES(shape_error, "expected a last extent of 3", cell(tensor<float>(shape{2, 4})));
    CHECK_RAISES(shape_error, "expected a last extent of 4", cell(x, tensor<float>(shape{2, 3})));
    CHECK_RAISES(shape_error, "(2, 4) and (3, 4)", cell(x, tensor<float>(shape{3, 4})));
}

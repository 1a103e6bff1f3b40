// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/norm.hpp"

#include "check.hpp"

using namespace smldist;

TEST_CASE("batch_norm: gradients are exact and all worlds agree") {
    for (const mode m : {mode::train, mode::eval})
        for (const auto& x : {shape{2, 5, 3}, shape{6, 3}, shape{3, 4, 17}})
            for (const double eps : {1e-5, 1e-2})
                check_layer(
                    "batch_norm" + x.text(), {normal(x)},
                    [&](auto zero) { return nn::batch_norm<decltype(zero)>(x.back(), {.eps = eps}); },
                    [m](const auto& layer, const auto& in) { return layer(in[0], m); });
}

TEST_CASE("layer_norm: gradients are exact and all worlds agree") {
    for (const bool affine : {true, false})
        for (const auto& x : {shape{5}, shape{3, 5}, shape{2, 3, 17}})
            for (const double eps : {1e-5, 1e-2}) {
                check_layer(
                    "layer_norm" + x.text(), {normal(x)},
                    [&](auto zero) { return nn::layer_norm<decltype(zero)>(x.back(), affine, {.eps = eps}); },
                    [](const auto& layer, const auto& in) { return layer(in[0]); });
            }
}

TEST_CASE("group_norm: gradients are exact and all worlds agree") {
    for (const bool affine : {true, false})
        for (const auto& x : {shape{2, 5, 6}, shape{3, 2, 2, 6}})
            for (const std::size_t groups : {1u, 2u, 6u})
                check_layer(
                    "group_norm" + x.text(), {normal(x)},
                    [&](auto zero) {
                        return nn::group_norm<decltype(zero)>(6, {.groups = groups, .eps = 1e-2}, affine);
                    },
                    [](const auto& layer, const auto& in) { return layer(in[0]); });
}

TEST_CASE("l2_normalize: gradients are exact and all worlds agree; a zero vector stays zero") {
    for (const auto& x : {shape{3, 5}, shape{2, 3, 17}, shape{4}})
        check_op("l2_normalize" + x.text(), {normal(x)}, [](const auto& in) { return op::l2_normalize(in[0]); });
    const tensor<double> y = op::l2_normalize(tensor<double>{{3, 4}, {0, 0}});
    CHECK(difference(y, {{0.6, 0.8}, {0, 0}}, 1e-15) == "");
}

TEST_CASE("batch_norm: running statistics change only in training on a tape when notes are written") {
    nn::batch_norm<double> layer(2, {.momentum = 0.25});
    const tensor<double> x{{1, -2}, {3, 2}, {5, 0}};
    const auto before = layer;
    layer(x, mode::train);
    tape<double> t;
    layer(t.input(x), mode::eval);
    for_each_buffer(layer, [&t](auto& b) { t.write_notes(b); });
    CHECK(identical(layer.running_mean.value, before.running_mean.value));
    CHECK(identical(layer.running_var.value, before.running_var.value));

    layer(t.input(x), mode::train);
    CHECK(identical(layer.running_mean.value, before.running_mean.value));
    for_each_buffer(layer, [&t](auto& b) { t.write_notes(b); });
    CHECK(difference(layer.running_mean.value, {0.25 * 3, 0}, 1e-15) == "");
    CHECK(difference(layer.running_var.value, {0.75 + 0.25 * 4, 0.75 + 0.25 * 4}, 1e-15) == "");
}

TEST_CASE("norms: initial values and parameter counts and defaults") {
    const nn::batch_norm<float> bn(3);
    const nn::layer_norm<float> ln(3), plain(3, false);
    const nn::group_norm<float> gn(3, {.groups = 3});
    const tensor<float> one{1, 1, 1}, zero{0, 0, 0};
    CHECK(identical(bn.weight.value, one));
    CHECK(identical(bn.bias.value, zero));
    CHECK(identical(bn.running_mean.value, zero));
    CHECK(identical(bn.running_var.value, one));
    CHECK(identical(ln.weight.value, one));
    CHECK(identical(ln.bias.value, zero));
    CHECK(parameter_count(bn) == 6); // buffers do not count
    CHECK(parameter_count(ln) == 6);
    CHECK(parameter_count(plain) == 0);
    CHECK(identical(gn.weight.value, one));
    CHECK(identical(gn.bias.value, zero));
    CHECK(parameter_count(nn::group_norm<float>(3, {}, false)) == 0);
    for (const auto* p : {&bn.weight, &bn.bias, &ln.weight, &ln.bias, &gn.weight, &gn.bias}) CHECK_FALSE(p->decay);
    CHECK(bn.options.eps == 1e-5);
    CHECK(bn.options.momentum == 0.1);
    CHECK(ln.options.eps == 1e-5);
}

TEST_CASE("norms: invalid arguments are refused") {
    const nn::batch_norm<float> bn(3);
    CHECK_RAISES(shape_error, "number of rows is 1", bn(tensor<float>(shape{1, 1, 3}), mode::train));
    CHECK_NOTHROW(bn(tensor<float>(shape{1, 1, 3}), mode::eval));
    for (const mode m : {mode::train, mode::eval}) {
        CAPTURE((m == mode::train));
        CHECK_RAISES(shape_error, "op::batch_norm", bn(tensor<float>(shape{2, 5, 4}), m));
    }
    CHECK_RAISES(shape_error, "op::layer_norm", nn::layer_norm<float>(3)(tensor<float>(shape{2, 4})));
    CHECK_RAISES(usage_error, "nn::group_norm: groups is 4, expected a divisor of 6",
                 nn::group_norm<float>(6, {.groups = 4}));
    CHECK_RAISES(usage_error, "nn::group_norm: groups is 0", nn::group_norm<float>(6, {.groups = 0}));
}

TEST_CASE("batch_norm: a frozen layer computes in training what it computes in evaluation with exact gradients") {
    const auto make = [](auto zero) {
        nn::batch_norm<decltype(zero)> layer(3);
        for (std::size_t c = 0; c < 3; ++c) {
            layer.weight.value[c] = decltype(zero)(0.5 + double(c));
            layer.running_mean.value[c] = decltype(zero)(double(c) - 0.7);
            layer.running_var.value[c] = decltype(zero)(0.3 + double(c));
        }
        freeze(layer);
        return layer;
    };
    check_layer("frozen batch_norm", {normal({2, 5, 3})}, make,
                [](const auto& layer, const auto& in) { return layer(in[0], mode::train); });
    auto layer = make(0.0);
    const tensor<double> x = normal({2, 5, 3});
    CHECK(identical(layer(x, mode::train), layer(x, mode::eval)));
    CHECK_NOTHROW(layer(normal({1, 1, 3}), mode::train)); // needs no variance
    tape<double> t;
    CHECK(t.normed(layer(t.input(x), mode::train)) == nullptr);
    t.backward(layer(t.variable(x), mode::train), x);
    CHECK(t.trainable_leaves() == 0);
    const auto before = layer;
    for_each_buffer(layer, [&t](auto& b) { t.write_notes(b); });
    CHECK(identical(layer.running_mean.value, before.running_mean.value));
    CHECK(identical(layer.running_var.value, before.running_var.value));
    // An affine map that learns on frozen statistics is no frozen module.
    unfreeze(layer.bias);
    CHECK(!is_frozen(layer));
    CHECK(!identical(layer(x, mode::train), layer(x, mode::eval)));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/inverted_residual.hpp"

#include "allocations.hpp"
#include "check.hpp"
#include "smldist/op/pool2d.hpp"

using namespace smldist;

namespace {

auto make(auto zero, const nn::inverted_residual_options& o) {
    generator g(1);
    return nn::inverted_residual<decltype(zero)>(o, g);
}

std::string text(const nn::inverted_residual_options& o, mode m) {
    return std::to_string(o.in) + " to " + std::to_string(o.expanded) + " to " + std::to_string(o.out) + ", " +
           std::string(nn::text(o.activation)) + (o.stride == 2 ? ", stride 2" : "") + (o.squeezed ? ", se" : "") +
           (o.causal ? ", causal" : "") + (m == mode::train ? ", train" : "");
}

} // namespace

TEST_CASE("inverted_residual: gradients are exact and all worlds agree") {
    using enum nn::activation;
    for (const std::size_t expanded : {3u, 5u}) // without and with expansion
        for (const std::size_t out : {3u, 4u})  // with a residual connection where the stride is 1, and without
            for (const std::size_t squeezed : {0u, 2u}) // without and with squeeze-excite
                for (const std::size_t stride : {1u, 2u})
                    for (const auto activation : {relu, hard_swish, selu})
                        for (const bool causal : {false, true})
                            for (const mode m : {mode::eval, mode::train}) {
                                const nn::inverted_residual_options o{.in = 3,
                                                                      .expanded = expanded,
                                                                      .out = out,
                                                                      .kernel_size = 3,
                                                                      .stride = stride,
                                                                      .squeezed = squeezed,
                                                                      .activation = activation,
                                                                      .causal = causal};
                                check_layer(
                                    "inverted_residual " + text(o, m), {normal({2, 4, 3})},
                                    [&o](auto zero) { return make(zero, o); },
                                    [m](const auto& layer, const auto& in) { return layer(in[0], m); });
                            }
}

TEST_CASE("inverted_residual: agrees with PyTorch") {
    check_layer_references(
        "inverted_residual",
        [](auto zero, const io::json& o) {
            return make(zero, {.in = 4,
                               .expanded = o.as_size("expanded"),
                               .out = o.as_size("out"),
                               .kernel_size = o.as_size("kernel_size"),
                               .stride = o.as_size("stride"),
                               .squeezed = o.as_size("squeezed"),
                               .activation = nn::parse_activation(o.as_string("activation")),
                               .causal = o.as_bool("causal")});
        },
        [](const auto& layer, const auto& in, const io::json& o) {
            return layer(in[0], o.as_bool("train") ? mode::train : mode::eval);
        });
}

TEST_CASE("inverted_residual: has only the members that its options need") {
    const auto plain = make(0.0f, {.in = 4, .expanded = 4, .out = 4});
    CHECK_FALSE(plain.expand);
    CHECK_FALSE(plain.se);
    CHECK(plain.residual);
    CHECK(plain.project.activation == nn::activation::none); // the bottleneck is linear
    CHECK(parameter_count(plain) == 4 * 3 + 2 * 4 + 4 * 4 + 2 * 4);

    const auto full = make(0.0f, {.in = 4, .expanded = 8, .out = 6, .kernel_size = 5, .squeezed = 2});
    REQUIRE(full.expand);
    REQUIRE(full.se);
    CHECK_FALSE(full.residual);
    CHECK(full.se->fc1.weight.shape() == shape{2, 8});
    CHECK(parameter_count(full) == (4 * 8 + 16) + (8 * 5 + 16) + (8 * 2 + 2 + 2 * 8 + 8) + (8 * 6 + 12));
    CHECK_FALSE(make(0.0f, {.in = 4, .expanded = 4, .out = 4, .stride = 2}).residual);
}

TEST_CASE("inverted_residual: the residual connection adds the input") {
    auto block = make(0.0, {.in = 3, .expanded = 5, .out = 3});
    const tensor<double> x = normal({2, 4, 3});
    const auto with = block(x);
    block.residual = false;
    CHECK(difference(with, tensor<double>(block(x).array() + x.array()), 1e-15) == "");
}

TEST_CASE(
    "inverted_residual: with a gate before the activation gradients are exact and values are those of the ops") {
    using enum nn::activation;
    for (const std::size_t expanded : {3u, 5u})
        for (const std::size_t squeezed : {0u, 2u})
            for (const auto activation : {hard_swish, selu})
                for (const mode m : {mode::eval, mode::train}) {
                    const nn::inverted_residual_options o{.in = 3,
                                                          .expanded = expanded,
                                                          .out = 3,
                                                          .squeezed = squeezed,
                                                          .activation = activation,
                                                          .gate_before_activation = true,
                                                          .se_bias = false,
                                                          .always_expand = true};
                    check_layer(
                        "inverted_residual gated before the activation " + text(o, m), {normal({2, 4, 3})},
                        [&o](auto zero) { return make(zero, o); },
                        [m](const auto& layer, const auto& in) { return layer(in[0], m); });
                    const auto block = make(0.0, o);
                    REQUIRE(block.expand); // even where 3 = 3
                    const tensor<double> x = normal({2, 4, 3});
                    tensor<double> h = block.depthwise.norm(block.depthwise.conv((*block.expand)(x, m)), m);
                    if (block.se) h = (*block.se)(h);
                    const auto y = op::add(block.project(nn::activate(h, activation), m), x);
                    CHECK(identical(block(x, m), y));
                }
}

TEST_CASE("inverted_residual: each option of the form has only its own effect") {
    const auto block = [](const nn::inverted_residual_options& o) { return make(0.0, o); };
    const auto plain = block({.in = 4, .expanded = 4, .out = 4, .squeezed = 2});
    CHECK_FALSE(plain.expand);
    CHECK_FALSE(plain.se->fc1.bias.empty());
    CHECK(plain.after_se == nn::activation::none);
    CHECK(plain.depthwise.activation == nn::activation::relu);
    const auto expanded = block({.in = 4, .expanded = 4, .out = 4, .squeezed = 2, .always_expand = true});
    CHECK(expanded.expand);
    CHECK_FALSE(expanded.se->fc1.bias.empty());
    CHECK(expanded.after_se == nn::activation::none);
    const auto bare = block({.in = 4, .expanded = 4, .out = 4, .squeezed = 2, .se_bias = false});
    CHECK_FALSE(bare.expand);
    CHECK(bare.se->fc1.bias.empty());
    CHECK(bare.se->fc2.bias.empty());
    CHECK(bare.after_se == nn::activation::none);
    const auto gated = block({.in = 4, .expanded = 4, .out = 4, .squeezed = 2, .gate_before_activation = true});
    CHECK_FALSE(gated.expand);
    CHECK_FALSE(gated.se->fc1.bias.empty());
    CHECK(gated.after_se == nn::activation::relu);
    CHECK(gated.depthwise.activation == nn::activation::none);
    // Without squeeze-excite there is nothing to put off.
    const auto nothing = block({.in = 4, .expanded = 4, .out = 4, .gate_before_activation = true});
    CHECK(nothing.depthwise.activation == nn::activation::relu);
    CHECK(nothing.after_se == nn::activation::none);
}

TEST_CASE("inverted_residual: training computes the ops as written whatever the tape stores") {
    using enum nn::activation;
    for (const std::size_t expanded : {4u, 6u})
        for (const std::size_t squeezed : {0u, 2u})
            for (const std::size_t stride : {1u, 2u})
                for (const auto activation : {none, relu, hard_swish, selu})
                    for (const bool gate_first : {false, true}) {
                        CAPTURE(expanded);
                        CAPTURE(squeezed);
                        CAPTURE(stride);
                        CAPTURE(name_of(activation));
                        CAPTURE(gate_first);
                        const nn::inverted_residual_options o{.in = 4,
                                                              .expanded = expanded,
                                                              .out = 4,
                                                              .stride = stride,
                                                              .squeezed = squeezed,
                                                              .activation = activation,
                                                              .gate_before_activation = gate_first,
                                                              .se_bias = !gate_first,
                                                              .always_expand = gate_first};
                        CAPTURE(text(o, mode::train));
                        auto block = make(0.0, o);
                        layer_check::randomise(block, 3);
                        const tensor<double> x = normal({3, 6, 4});
                        tape<double> late, stored;
                        stored.store_normed(true);
                        const auto run = [&](tape<double>& t) {
                            const auto v = t.variable(x);
                            const auto y = block(v, mode::train);
                            const shape s = y.shape();
                            t.backward(y, normal(s, 1));
                            return std::pair{v, y};
                        };
                        const auto [v, y] = run(late);
                        const auto [w, z] = run(stored);
                        CHECK(late.size() < stored.size());
                        CHECK(identical(y.value(), z.value()));
                        CHECK(identical(y.value(), block(x, mode::train)));
                        CHECK(difference(*late.gradient(v), *stored.gradient(w), 1e-12) == "");
                        for_each_parameter(block, [&](const auto& p) {
                            CHECK(difference(*std::as_const(late).gradient(p), *std::as_const(stored).gradient(p),
                                             1e-12) == "");
                        });
                    }
}

TEST_CASE("inverted_residual: invalid arguments are refused") {
    CHECK_RAISES(shape_error, "op::conv1d",
                 make(0.0f, {.in = 4, .expanded = 8, .out = 4})(tensor<float>(shape{1, 5, 3})));
}

TEST_CASE("inverted_residual: gradients are exact with some layers frozen") {
    using enum nn::activation;
    const auto check = [](const char* what, auto&& freeze_part, const nn::inverted_residual_options& o) {
        check_layer(
            std::string("frozen ") + what, {normal({2, 4, 3})},
            [&](auto zero) {
                auto block = make(zero, o);
                freeze_part(block);
                return block;
            },
            [](const auto& layer, const auto& in) { return layer(in[0], mode::train); });
    };
    for (const std::size_t squeezed : {0u, 2u})
        for (const auto activation : {relu, hard_swish, selu}) {
            const nn::inverted_residual_options o{
                .in = 3, .expanded = 5, .out = 3, .kernel_size = 3, .squeezed = squeezed, .activation = activation};
            check(
                "expand", [](auto& b) { freeze(b.expand); }, o);
            check(
                "depthwise", [](auto& b) { freeze(b.depthwise); }, o);
            check(
                "project", [](auto& b) { freeze(b.project); }, o);
            check(
                "depthwise norm", [](auto& b) { freeze(b.depthwise.norm); }, o);
            check(
                "all but squeeze-excite", [](auto& b) { freeze(b.expand), freeze(b.depthwise), freeze(b.project); },
                o);
            check(
                "all", [](auto& b) { freeze(b); }, o);
        }
}

TEST_CASE("inverted_residual2d: gradients are exact and all worlds agree") {
    for (const std::size_t expanded : {3u, 5u})
        for (const std::size_t squeezed : {0u, 2u})
            for (const std::size_t stride : {1u, 2u})
                for (const auto activation : {nn::activation::relu, nn::activation::hard_swish})
                    for (const mode m : {mode::eval, mode::train}) {
                        const nn::inverted_residual_options o{.in = 3,
                                                              .expanded = expanded,
                                                              .out = 3,
                                                              .stride = stride,
                                                              .squeezed = squeezed,
                                                              .activation = activation,
                                                              .gate_before_activation = expanded == 3};
                        check_layer(
                            "inverted_residual2d " + text(o, m), {normal({2, 4, 3, 3})},
                            [&o](auto zero) {
                                generator g(1);
                                return nn::inverted_residual2d<decltype(zero)>(o, g);
                            },
                            [m](const auto& layer, const auto& in) { return layer(in[0], m); });
                    }
}

TEST_CASE("inverted_residual2d: agrees with PyTorch") {
    check_layer_references(
        "inverted_residual",
        [](auto zero, const io::json& o) {
            generator g(1);
            return nn::inverted_residual2d<decltype(zero)>(
                {.in = 4,
                 .expanded = o.as_size("expanded"),
                 .out = o.as_size("out"),
                 .kernel_size = o.as_size("kernel_size"),
                 .stride = o.as_size("stride"),
                 .squeezed = o.as_size("squeezed"),
                 .activation = nn::parse_activation(o.as_string("activation"))},
                g);
        },
        [](const auto& layer, const auto& in, const io::json& o) {
            return layer(in[0], o.as_bool("train") ? mode::train : mode::eval);
        },
        "images.safetensors");
}

TEST_CASE("inverted_residual2d: a warm step does not allocate") {
    generator g(1);
    const nn::conv_norm2d<float> stem(3, 8, 3, g, {.activation = nn::activation::hard_swish});
    const nn::inverted_residual2d<float> block({.in = 8, .expanded = 16, .out = 8, .squeezed = 4}, g);
    const auto x = cast<float>(normal({4, 20, 18, 3}, 1));
    const tensor<float> by(shape{4, 8}, 1.0F);
    tape<float> t;
    std::size_t before = 0;
    for (int step = 0; step < 4; ++step) {
        if (step == 2) before = allocations();
        t.reset();
        const auto h = block(op::max_pool2d(stem(t.input(x), mode::train)), mode::train);
        t.backward(op::global_avg_pool(op::avg_pool2d(h)), by);
    }
    CHECK(allocations() == before);
}

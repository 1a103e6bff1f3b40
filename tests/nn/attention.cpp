// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/attention.hpp"

#include "check.hpp"
#include "deploy/check.hpp"
#include "smldist/nn/sequential.hpp"
#include "smldist/op/reduce.hpp"

using namespace smldist;

namespace {

constexpr std::size_t E = 6;

auto make(auto zero, const nn::attention_options& o = {}) {
    generator g(1);
    return nn::multi_head_attention<decltype(zero)>(E, g, o);
}

enum class masks { none, padding, additive, causal };
const char* const mask_names[] = {"none", "padding", "additive", "causal"};

/// The masks of make_recurrent.py for 2 samples with 4 keys; `additive` is that of the file.
template <class T> nn::attention_mask<T> mask_of(masks kind, const tensor<double>& additive) {
    if (kind == masks::padding) return {.padding = nn::padding_mask<T>(std::array<std::size_t, 2>{3, 4}, 4)};
    if (kind == masks::additive) return {.additive = cast<T>(additive)};
    return {.causal = kind == masks::causal};
}

/// Holds a layer against a case of the file.
template <class T>
void check_case(const std::string& prefix, const nn::attention_options& o, masks kind, double tolerance) {
    CAPTURE(prefix);
    const auto array = [&](const std::string& name) {
        return reference("recurrent.safetensors", prefix + "/" + name);
    };
    auto layer = make(T(0), o);
    walk(layer, [&](const std::string& path, auto& leaf) {
        REQUIRE(array(path).shape() == leaf.shape());
        leaf.value = cast<T>(array(path));
    });
    const auto mask = mask_of<T>(kind, kind == masks::additive ? array("mask") : tensor<double>());
    tape<T> t;
    std::vector<var<T>> in;
    for (const char* name : {"q", "k", "v"}) in.push_back(t.variable(cast<T>(array(name))));
    const auto y = std::as_const(layer)(in[0], in[1], in[2], mask);
    CHECK(difference(y.value(), array("y"), tolerance) == "");
    t.backward(y, cast<T>(array("dy")));
    CHECK(difference(*t.gradient(in[0]), array("dq"), tolerance) == "");
    CHECK(difference(*t.gradient(in[1]), array("dk"), tolerance) == "");
    CHECK(difference(*t.gradient(in[2]), array("dv"), tolerance) == "");
    walk(layer, [&](const std::string& path, auto& leaf) {
        CAPTURE(path);
        CHECK(difference(*t.gradient(leaf), array("d" + path), tolerance) == "");
    });
}

/// A classifier with self-attention, causal or not.
struct classifier {
    nn::sequential<nn::linear<float>, nn::multi_head_attention<float>> body;
    nn::multi_head_attention<float> causal;
    nn::linear<float> head;

    classifier() {
        generator g(3);
        body = nn::sequential(nn::linear<float>(5, 12, g), nn::multi_head_attention<float>(12, g, {.heads = 3}));
        causal = nn::multi_head_attention<float>(12, g, {.heads = 2, .dropout = 0.5});
        head = nn::linear<float>(12, 4, g);
        for_each_parameter(*this, [&g](auto& p) {
            for (float& v : p.value) v = static_cast<float>(0.4 * g.normal());
        });
    }
    template <class X> outputs<X> operator()(const X& x, mode m) const {
        const X y = body(x, m);
        outputs<X> out;
        out.feature = op::mean_over_time(causal(y, y, y, {.causal = true}, m));
        out.logits = head(out.feature);
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("body", self.body);
        member("causal", self.causal);
        member("head", self.head);
    }
};

} // namespace

TEST_CASE("multi_head_attention: as PyTorch, with names and shapes of its parameters, over heads, widths and masks") {
    for (const std::size_t heads : {1u, 2u})
        for (const bool bias : {true, false})
            for (const bool own : {false, true})
                for (const masks kind : {masks::none, masks::padding, masks::additive, masks::causal}) {
                    if (!bias && kind != masks::none) continue;
                    const nn::attention_options o{
                        .heads = heads, .key_width = own ? 5u : 0u, .value_width = own ? 3u : 0u, .bias = bias};
                    const std::string name = "attention/heads" + std::to_string(heads) + "_bias" +
                                             (bias ? "1" : "0") + (own ? "_k5v3_" : "_k6v6_") + mask_names[int(kind)];
                    check_case<double>(name, o, kind, 1e-6);
                    check_case<float>(name, o, kind, 1e-4);
                }
}

TEST_CASE("multi_head_attention: gradients are exact and all worlds agree") {
    const auto x = normal({2, 4, E}), y = normal({2, 3, E}, 1);
    for (const std::size_t heads : {1u, 3u})
        for (const bool bias : {false, true}) {
            const nn::attention_options o{.heads = heads, .bias = bias};
            check_layer(
                "self", {x}, [&o](auto zero) { return make(zero, o); },
                [](const auto& layer, const auto& in) { return layer(in[0]); });
            check_layer(
                "cross", {y, x}, [&o](auto zero) { return make(zero, o); },
                [](const auto& layer, const auto& in) { return layer(in[0], in[1], in[1]); });
        }
    check_layer(
        "causal and additive", {x}, [](auto zero) { return make(zero); },
        [](const auto& layer, const auto& in) {
            using T = op::scalar_of_t<decltype(in[0])>;
            return layer(in[0], {.additive = tensor<T>(shape{2, 4, 4}, T(0.5)), .causal = true});
        });
    check_layer(
        "one sample", {normal({3, E})}, [](auto zero) { return make(zero); },
        [](const auto& layer, const auto& in) { return layer(in[0], in[0], in[0]); });
}

TEST_CASE("multi_head_attention: self-attention is attention of x to itself") {
    const auto layer = make(0.0, {.heads = 2});
    const auto x = normal({2, 4, E});
    CHECK(identical(layer(x), layer(x, x, x)));
    CHECK(identical(layer(x, {.causal = true}), layer(x, x, x, {.causal = true})));
    CHECK_FALSE(identical(layer(x), layer(x, {.causal = true})));
    const auto own = make(0.0, {.key_width = 6, .value_width = 6});
    CHECK(own.q_proj_weight.empty());
}

TEST_CASE("multi_head_attention: what a mask hides does not change the result") {
    const auto layer = make(0.0, {.heads = 2});
    auto x = normal({2, 4, E});
    const auto causal = layer(x, {.causal = true});
    const auto padding = nn::padding_mask<double>(std::array<std::size_t, 2>{3, 3}, 4);
    const auto padded = layer(x, {.padding = padding});
    for (std::size_t c = 0; c < E; ++c) x(0, 3, c) = x(1, 3, c) = 100;
    CHECK(identical(op::slice(layer(x, {.causal = true}), 1, 0, 3), op::slice(causal, 1, 0, 3)));
    CHECK(identical(op::slice(layer(x, {.padding = padding}), 1, 0, 3), op::slice(padded, 1, 0, 3)));
    CHECK_FALSE(identical(op::slice(layer(x), 1, 0, 3), op::slice(padded, 1, 0, 3)));
}

TEST_CASE("multi_head_attention: dropout acts in training only") {
    const auto layer = make(0.0f, {.dropout = 0.5});
    const auto x = cast<float>(normal({2, 4, E}));
    tape<float> t(3);
    CHECK_FALSE(identical(layer(t.input(x), mode::train).value(), layer(x)));
    auto frozen = layer;
    freeze(frozen);
    CHECK(identical(frozen(t.input(x), mode::train).value(), layer(x)));
}

TEST_CASE("multi_head_attention: runs in programs") {
    const classifier net;
    const auto x = noise({5, 9, 5}, 3);
    const auto p = deploy::compile(net, {.batch = 2, .length = 9, .channels = 5, .outputs = {"feature", "logits"}});
    same_outputs(p, x, net(x, mode::eval));
}

TEST_CASE("multi_head_attention: initial values and cost") {
    generator g(1);
    const nn::multi_head_attention<float> layer(16, g, {.heads = 4});
    CHECK(parameter_count(layer) == 4 * (16 * 16 + 16));
    float largest = 0;
    for (const float v : layer.in_proj_weight.value) largest = std::max(largest, std::abs(v));
    CHECK(largest <= float(std::sqrt(6.0 / 64)));
    CHECK(largest > 0.9f * float(std::sqrt(6.0 / 64)));
    CHECK_FALSE(layer.in_proj_bias.decay);
    graph traced;
    static_cast<void>(layer(symbol::input(traced, "x", {2, 5, 16})));
    CHECK(traced.macs() == 2 * (4 * 5 * 16 * 16 + 2 * 5 * 5 * 16));
}

TEST_CASE("multi_head_attention: errors") {
    CHECK_RAISES(usage_error, "nn::multi_head_attention: heads is 4, expected a divisor of the width 6",
                 make(0.0f, {.heads = 4}));
    CHECK_RAISES(usage_error, "heads is 0", make(0.0f, {.heads = 0}));
    CHECK_RAISES(usage_error, "dropout is 1", make(0.0f, {.dropout = 1}));
    const auto layer = make(0.0f);
    const tensor<float> x(shape{2, 4, E}), two(shape{4, E});
    CHECK_RAISES(shape_error, "shape of the additive mask is (4, 3), expected (Q, K) or (B, Q, K)",
                 layer(x, {.additive = tensor<float>(shape{4, 3})}));
    CHECK_RAISES(shape_error, "shape of the additive mask is (1, 4, 4)",
                 layer(two, {.additive = tensor<float>(shape{1, 4, 4})}));
    CHECK_RAISES(shape_error, "shape of the padding mask is (4), expected (B, K)",
                 layer(x, {.padding = tensor<float>(shape{4})}));
    CHECK_RAISES(shape_error, "op::linear: shape of x is (2, 4, 5)", layer(tensor<float>(shape{2, 4, 5})));
    CHECK_RAISES(shape_error, "op::matmul: shapes are (2) and (3)", layer(x, tensor<float>(shape{3, 4, E}), x));
    const char* const few = "nn::multi_head_attention: shape of a projected input is (6), expected at least two axes";
    const tensor<float> one(shape{E});
    CHECK_RAISES(shape_error, few, layer(one, one, one, {.causal = true}));
    CHECK_RAISES(shape_error, few, layer(x, one, one, {.causal = true}));
    CHECK_RAISES(usage_error, "nn::padding_mask: length 1 is 5, expected 1 to 4",
                 nn::padding_mask<float>(std::array<std::size_t, 2>{3, 5}, 4));
    CHECK_RAISES(usage_error, "length 0 is 0", nn::padding_mask<float>(std::array<std::size_t, 1>{0}, 4));
}

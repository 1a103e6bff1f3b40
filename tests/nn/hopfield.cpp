// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/hopfield.hpp"

#include "check.hpp"
#include "smldist/nn/memory.hpp"

using namespace smldist;

namespace {

constexpr std::size_t state_width = 4, stored_width = 5, source_width = 3;

auto association(auto zero, const nn::hopfield_options& o) {
    generator g(1);
    return nn::hopfield_association<decltype(zero)>(state_width, stored_width, source_width, g, o);
}
auto lookup(auto zero, const nn::hopfield_options& o, std::size_t quantity = 6) {
    generator g(1);
    return nn::hopfield_lookup<decltype(zero)>(state_width, quantity, g, o);
}

auto pooling(auto zero, const nn::hopfield_options& o, std::size_t quantity) {
    generator g(1);
    return nn::hopfield_pooling<decltype(zero)>(state_width, quantity, g, o);
}
auto classifier(auto zero, std::size_t heads) {
    generator g(1);
    auto o = nn::hopfield_classifier<decltype(zero)>::defaults();
    o.heads = heads;
    o.learn_beta = true;
    return nn::hopfield_classifier<decltype(zero)>(state_width, 6, 3, g, o);
}

/// A state, patterns and sources: of each sample, or shared by all.
std::vector<tensor<double>> inputs(bool shared) {
    const shape stored = shared ? shape{6, stored_width} : shape{2, 6, stored_width};
    const shape source = shared ? shape{6, source_width} : shape{2, 6, source_width};
    return {normal({2, 3, state_width}, 1), normal(stored, 2), normal(source, 3)};
}

nn::hopfield_options options_of(const io::json& o) {
    nn::hopfield_options to;
    to.heads = o.as_size("heads");
    to.learn_beta = true;
    to.retrieval = {.updates = o.as_size("updates"), .eps = 0};
    if (o.find("eps")) to.retrieval.eps = o.as_double("eps");
    if (!o.find("out")) return to;
    to.head_width = o.as_size("head_width");
    to.pattern_width = o.as_size("pattern_width");
    to.out = o.as_size("out");
    to.beta = o.as_double("beta");
    to.normalise = o.as_bool("normalise");
    return to;
}

} // namespace

TEST_CASE("hopfield_association: gradients are exact and all worlds agree") {
    for (const std::size_t heads : {1u, 2u})
        for (const std::size_t updates : {0u, 1u, 2u, 3u})
            for (const bool shared : {false, true})
                for (const bool normalise : {false, true})
                    for (const bool narrow : {false, true}) {
                        nn::hopfield_options o;
                        o.heads = heads;
                        o.learn_beta = true;
                        o.normalise = normalise;
                        o.retrieval = {.updates = updates, .eps = 0};
                        if (narrow) {
                            o.head_width = 3;
                            o.pattern_width = 2;
                            o.out = 2;
                        }
                        check_layer(
                            "hopfield_association, heads " + std::to_string(heads) + ", updates " +
                                std::to_string(updates),
                            inputs(shared), [&o](auto zero) { return association(zero, o); },
                            [](const auto& layer, const auto& in) { return layer(in[0], in[1], in[2]); });
                    }
}

TEST_CASE("hopfield_lookup: gradients are exact and all worlds agree") {
    for (const std::size_t heads : {1u, 2u})
        for (const std::size_t updates : {0u, 1u, 2u, 3u}) {
            CAPTURE(heads);
            CAPTURE(updates);
            nn::hopfield_options o;
            o.heads = heads;
            o.learn_beta = true;
            o.retrieval = {.updates = updates, .eps = 0};
            check_layer(
                "hopfield_lookup", {normal({2, 3, state_width})}, [&o](auto zero) { return lookup(zero, o); },
                [](const auto& layer, const auto& in) { return layer(in[0]); });
        }
}

TEST_CASE("hopfield_pooling: gradients are exact and all worlds agree") {
    for (const std::size_t heads : {1u, 2u})
        for (const std::size_t updates : {0u, 1u, 2u})
            for (const std::size_t quantity : {1u, 3u})
                for (const bool normalise : {false, true}) {
                    nn::hopfield_options o;
                    o.heads = heads;
                    o.learn_beta = true;
                    o.normalise = normalise;
                    o.out = 3;
                    o.retrieval = {.updates = updates, .eps = 0};
                    check_layer(
                        "hopfield_pooling, heads " + std::to_string(heads) + ", updates " + std::to_string(updates),
                        {normal({2, 5, state_width})}, [&](auto zero) { return pooling(zero, o, quantity); },
                        [](const auto& layer, const auto& in) { return layer(in[0]); });
                }
}

TEST_CASE("hopfield_classifier: gradients are exact and all worlds agree") {
    for (const std::size_t heads : {1u, 2u})
        check_layer(
            "hopfield_classifier, heads " + std::to_string(heads), {normal({5, state_width})},
            [&](auto zero) { return classifier(zero, heads); },
            [](const auto& layer, const auto& in) { return layer(in[0]); });
}

TEST_CASE("hopfield_pooling: agrees with PyTorch") {
    check_layer_references(
        "hopfield_pooling",
        [](auto zero, const io::json& o) {
            nn::hopfield_options to;
            to.heads = o.as_size("heads");
            to.learn_beta = true;
            to.out = 3;
            to.retrieval = {.updates = o.as_size("updates"), .eps = 0.05};
            return pooling(zero, to, o.as_size("quantity"));
        },
        [](const auto& layer, const auto& in, const io::json&) { return layer(in[0]); });
}

TEST_CASE("hopfield_classifier: agrees with PyTorch") {
    check_layer_references(
        "hopfield_classifier", [](auto zero, const io::json& o) { return classifier(zero, o.as_size("heads")); },
        [](const auto& layer, const auto& in, const io::json&) { return layer(in[0]); });
}

TEST_CASE("hopfield_pooling: samples are independent and the order of time steps does not matter") {
    nn::hopfield_options o;
    o.retrieval = {.updates = 1, .eps = 0};
    auto layer = pooling(0.0, o, 2);
    layer_check::randomise(layer, 1);
    const auto x = normal({3, 5, state_width});
    const auto y = layer(x);
    CHECK(y.shape() == shape{3, 2 * state_width});
    for (std::size_t b = 0; b < 3; ++b)
        CHECK(difference(layer(op::slice(x, 0, b, b + 1)), op::slice(y, 0, b, b + 1), 1e-14) == "");
    auto turned = x;
    for (std::size_t b = 0; b < 3; ++b)
        for (std::size_t t = 0; t < 5; ++t)
            for (std::size_t c = 0; c < state_width; ++c) turned(b, t, c) = x(b, (t + 2) % 5, c);
    CHECK(difference(layer(turned), y, 1e-13) == "");
}

TEST_CASE("hopfield_association: agrees with PyTorch") {
    check_layer_references(
        "hopfield_association", [](auto zero, const io::json& o) { return association(zero, options_of(o)); },
        [](const auto& layer, const auto& in, const io::json&) { return layer(in[0], in[1], in[2]); });
}

TEST_CASE("hopfield_lookup: agrees with PyTorch") {
    check_layer_references(
        "hopfield_lookup", [](auto zero, const io::json& o) { return lookup(zero, options_of(o)); },
        [](const auto& layer, const auto& in, const io::json&) { return layer(in[0]); });
}

TEST_CASE("hopfield: the association is dropped only in training on a tape") {
    nn::hopfield_options o;
    o.dropout = 0.5;
    o.retrieval.updates = 1;
    auto layer = lookup(0.0, o);
    layer_check::randomise(layer, 1);
    const tensor<double> x = normal({2, 3, state_width});
    tape<double> t(3);
    CHECK(identical(layer(x), layer(t.input(x), mode::eval).value()));
    CHECK_FALSE(identical(layer(x), layer(t.input(x), mode::train).value()));
    CHECK_RAISES(usage_error, "op::dropout", layer(x, mode::train));
    const auto gradient = testing::gradcheck({x}, [&](const auto& in) { return layer(in[0], mode::train); });
    CHECK_MESSAGE(gradient.ok, gradient.message);
}

TEST_CASE("hopfield: the order of the patterns does not matter") {
    nn::hopfield_options o;
    o.heads = 2;
    o.retrieval = {.updates = 2, .eps = 0};
    auto layer = lookup(0.0, o);
    layer_check::randomise(layer, 1);
    const tensor<double> x = normal({2, 3, state_width});
    const auto before = layer(x);
    auto& patterns = layer.patterns.value;
    const tensor<double> old = patterns;
    for (std::size_t m = 0; m < 6; ++m)
        for (std::size_t c = 0; c < state_width; ++c) patterns(m, c) = old((m * 5 + 2) % 6, c);
    CHECK_FALSE(identical(patterns, old));
    CHECK(difference(layer(x), before, 1e-13) == "");
}

TEST_CASE("hopfield: initial values and shapes and defaults") {
    const auto layer = association(0.0, {});
    CHECK(layer.options.head_width == state_width);
    CHECK(layer.options.pattern_width == state_width);
    CHECK(layer.options.out == state_width);
    CHECK(layer.log_beta.value.item() == doctest::Approx(std::log(1 / std::sqrt(4.0))).epsilon(1e-15));
    CHECK_FALSE(layer.log_beta.trainable);
    CHECK_FALSE(layer.log_beta.decay);
    CHECK(layer.norm_state);
    CHECK(layer.options.retrieval.updates == 0);
    CHECK(layer.options.retrieval.eps == 1e-4);
    for (const auto* l : {&layer.query, &layer.key, &layer.value, &layer.out})
        for (const double b : l->bias.value) CHECK(b == 0);

    const auto big = lookup(0.0, {}, 5000);
    double squares = 0;
    for (const double v : big.patterns.value) squares += v * v;
    CHECK(std::sqrt(squares / 20000) == doctest::Approx(0.02).epsilon(0.02));

    generator g(1);
    const nn::hopfield_classifier<double> literal(8, 20, 6, g);
    CHECK(literal.lookup.patterns.value.shape() == shape{20, 8});
    CHECK(literal.lookup.association.options.head_width == 8);
    CHECK(literal.lookup.association.options.retrieval.updates == 2);
    CHECK(literal.lookup.association.options.retrieval.eps == 1e-2);
    CHECK(literal(tensor<double>(shape{3, 8})).shape() == shape{3, 6});

    nn::hopfield_options o;
    o.heads = 2;
    o.learn_beta = true;
    o.normalise = false;
    const auto two = association(0.0f, o);
    CHECK(two.options.head_width == state_width / 2);
    CHECK(two.log_beta.trainable);
    CHECK_FALSE(two.norm_stored);
    CHECK(two.query.weight.shape() == shape{4, state_width});
    CHECK(two.key.weight.shape() == shape{4, stored_width});
    CHECK(two.value.weight.shape() == shape{4, source_width});
}

TEST_CASE("hopfield: invalid arguments are refused") {
    nn::hopfield_options o;
    for (const std::size_t heads : {0u, 3u}) {
        CAPTURE(heads);
        o.heads = heads;
        CHECK_RAISES(usage_error, "heads is " + std::to_string(heads), association(0.0f, o));
    }
    o.heads = 1;
    o.beta = -1;
    CHECK_RAISES(usage_error, "beta is -1", association(0.0f, o));
    CHECK_RAISES(usage_error, "quantity is 0", pooling(0.0f, {}, 0));
    CHECK_RAISES(shape_error, "shape is (5, 4), expected (B, L, D)", pooling(0.0, {}, 1)(normal({5, 4})));
    const auto layer = association(0.0, {});
    CHECK_RAISES(shape_error, "op::layer_norm", layer(normal({2, 3, 5}), normal({6, 5}), normal({6, 3})));
    CHECK_RAISES(shape_error, "op::matmul", layer(normal({2, 3, 4}), normal({6, 5}), normal({7, 3})));
    CHECK_RAISES(shape_error, "op::matmul", layer(normal({2, 3, 4}), normal({3, 6, 5}), normal({3, 6, 3})));
}

TEST_CASE("hopfield and memory: frozen layers drop nothing in training") {
    generator g(1);
    nn::hopfield_options o;
    o.dropout = 0.5;
    nn::hopfield_lookup<double> lookup(4, 3, g, o);
    nn::memory<double> memory(4, 2, g, {.patterns_per_class = 3, .width = 4, .dropout = 0.5});
    const tensor<double> x = normal({5, 4});
    const auto same = [&](const auto& layer, auto&& value) {
        tape<double> t;
        return identical(value(layer(t.input(x), mode::train)), value(layer(t.input(x), mode::eval)));
    };
    const auto itself = [](const var<double>& y) { return y.value(); };
    const auto logits = [](const auto& y) { return y.logits.value(); };
    CHECK(!same(lookup, itself));
    CHECK(!same(memory, logits));
    freeze(lookup);
    freeze(memory);
    CHECK(same(lookup, itself));
    CHECK(same(memory, logits));
    CHECK_NOTHROW(memory(x, mode::train)); // no tape to draw from is needed
    unfreeze(lookup);
    CHECK(!same(lookup, itself));
}

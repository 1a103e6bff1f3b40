// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/memory.hpp"

#include "check.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"

using namespace smldist;

namespace {

constexpr std::size_t features = 5, classes = 3, per_class = 2, width = 4, patterns = classes * per_class;

auto make(auto zero, std::size_t updates, double kappa, bool massive) {
    using T = decltype(zero);
    generator g(1);
    nn::memory<T> layer(
        features, classes, g,
        {.patterns_per_class = per_class, .width = width, .updates = updates, .beta = 3, .kappa = kappa});
    if (massive) layer.log_mass.value = tensor<T>(shape{patterns});
    return layer;
}

/// Logits, retrieved patterns and scores side by side.
template <class X> X all(const nn::memory<op::scalar_of_t<X>>& layer, const X& f) {
    const auto [memory, logits] = layer(f);
    return op::concat(op::concat(logits, memory.retrieved), memory.scores);
}
/// A traced layer may be of any scalar type.
template <class T> symbol all(const nn::memory<T>& layer, const symbol& f) {
    const auto [memory, logits] = layer(f);
    return op::concat(op::concat(logits, memory.retrieved), memory.scores);
}

} // namespace

TEST_CASE("memory: gradients, worlds, trace") {
    for (const std::size_t updates : {0u, 1u, 2u})
        for (const double kappa : {0.0, 0.5, 1.0})
            for (const bool massive : {false, true})
                check_layer(
                    "memory, updates " + std::to_string(updates), {normal({4, features})},
                    [&](auto zero) { return make(zero, updates, kappa, massive); },
                    [](const auto& layer, const auto& in) { return all(layer, in[0]); });
}

TEST_CASE("memory: as PyTorch") {
    check_layer_references(
        "memory",
        [](auto zero, const io::json& o) {
            return make(zero, o.as_size("updates"), o.as_double("kappa"), o.as_bool("massive"));
        },
        [](const auto& layer, const auto& in, const io::json&) { return all(layer, in[0]); });
}

TEST_CASE("memory: with kappa = 0 the probabilities are the association mass of each class") {
    for (const std::size_t updates : {0u, 1u, 2u})
        for (const bool massive : {false, true}) {
            auto layer = make(0.0, updates, 0, massive);
            layer_check::randomise(layer, 3);
            const auto [memory, logits] = layer(normal({4, features}));
            const auto association = op::softmax(memory.scores);
            tensor<double> mass(shape{4, classes});
            for (std::size_t b = 0; b < 4; ++b)
                for (std::size_t m = 0; m < patterns; ++m) mass(b, m / per_class) += association(b, m);
            CHECK(difference(op::softmax(logits), mass, 1e-14) == "");
            CHECK(difference(memory.retrieved, op::matmul(association, layer.keys.value), 1e-14) == "");
        }
}

TEST_CASE("memory: a pattern of mass 2 counts as two patterns") {
    auto one = make(0.0, 0, 0.5, true);
    layer_check::randomise(one, 4);
    one.log_mass.value.fill(0);
    one.log_mass.value[1] = std::log(2.0); // class 0: pattern 0 once, pattern 1 twice
    generator g(1);
    nn::memory<double> two(features, classes, g, {.patterns_per_class = 3, .width = width, .kappa = 0.5});
    two.query = one.query;
    two.log_beta = one.log_beta;
    // Class 0: patterns 0, 1, 1; the others: their two, and one without weight.
    two.log_mass.value = tensor<double>(shape{9});
    const std::size_t from[] = {0, 1, 1, 2, 3, 3, 4, 5, 5};
    for (std::size_t m = 0; m < 9; ++m)
        for (std::size_t c = 0; c < width; ++c) two.keys.value(m, c) = one.keys.value(from[m], c);
    two.log_mass.value[5] = two.log_mass.value[8] = -1e9;
    const tensor<double> f = normal({4, features});
    const auto a = one(f), b = two(f);
    CHECK(difference(a.logits, b.logits, 1e-13) == "");
    CHECK(difference(a.memory.retrieved, b.memory.retrieved, 1e-13) == "");
}

TEST_CASE("memory: the order of the patterns does not matter") {
    auto layer = make(0.0, 1, 0.5, false);
    layer_check::randomise(layer, 5);
    const tensor<double> f = normal({4, features});
    const auto before = layer(f);
    const auto keys = layer.keys.value;
    const auto labels = layer.labels.value;
    for (std::size_t m = 0; m < patterns; ++m) {
        const std::size_t from = (m * 5 + 1) % patterns;
        layer.labels.value[m] = labels[from];
        for (std::size_t c = 0; c < width; ++c) layer.keys.value(m, c) = keys(from, c);
    }
    const auto after = layer(f);
    CHECK(difference(after.logits, before.logits, 1e-13) == "");
    CHECK(difference(after.memory.retrieved, before.memory.retrieved, 1e-13) == "");
    for (std::size_t b = 0; b < 4; ++b)
        for (std::size_t m = 0; m < patterns; ++m)
            CHECK(after.memory.scores(b, m) ==
                  doctest::Approx(before.memory.scores(b, (m * 5 + 1) % patterns)).epsilon(1e-13));
}

TEST_CASE("memory: beta is held within 0.1 and 100, and is not moved beyond") {
    auto layer = make(0.0, 0, 0.5, false);
    layer_check::randomise(layer, 6);
    const tensor<double> f = normal({4, features});
    const auto scores_at = [&](double log_beta) {
        layer.log_beta.value[0] = log_beta;
        return layer(f).memory.scores;
    };
    CHECK(identical(scores_at(10), scores_at(std::log(100.0))));
    CHECK(identical(scores_at(-10), scores_at(std::log(0.1))));
    layer.log_beta.value[0] = 10;
    tape<double> t;
    t.backward(op::sum(layer(t.input(f)).logits));
    CHECK(t.gradient(layer.log_beta)->item() == 0);
}

TEST_CASE("memory: as made") {
    auto layer = make(0.0f, 0, 0.5, false);
    CHECK(layer.keys.shape() == shape{patterns, width});
    for (std::size_t m = 0; m < patterns; ++m) {
        float squares = 0;
        for (std::size_t c = 0; c < width; ++c) squares += layer.keys.value(m, c) * layer.keys.value(m, c);
        CHECK(squares == doctest::Approx(1).epsilon(1e-6));
        CHECK(layer.labels.value[m] == static_cast<int>(m / per_class));
    }
    CHECK(layer.classes() == classes);
    CHECK(std::exp(layer.log_beta.value.item()) == doctest::Approx(3).epsilon(1e-6));
    CHECK_FALSE(layer.log_beta.decay);
    CHECK(layer.keys.decay);
    // h·D + h + M·h + 1, and labels, which do not count: the example of algorithm.md 4.2
    generator g(1);
    CHECK(parameter_count(nn::memory<float>(96, 6, g, {.patterns_per_class = 8, .width = 32})) == 4641);
    std::string paths;
    walk(layer, [&paths](const std::string& path, auto&) { paths += path + " "; });
    CHECK(paths == "query.weight query.bias keys log_beta labels ");
}

TEST_CASE("memory: errors") {
    generator g(1);
    const auto with = [&g](nn::memory_options o, std::size_t n = classes) {
        return nn::memory<float>(features, n, g, o);
    };
    CHECK_RAISES(usage_error, "patterns_per_class, width are 0, 8, 32", with({}, 0));
    CHECK_RAISES(usage_error, "are 3, 0, 32", with({.patterns_per_class = 0}));
    CHECK_RAISES(usage_error, "are 3, 8, 0", with({.width = 0}));
    CHECK_RAISES(usage_error, "beta is 0.05", with({.beta = 0.05}));
    CHECK_RAISES(usage_error, "beta is 101", with({.beta = 101}));
    CHECK_RAISES(usage_error, "kappa is -0.5", with({.kappa = -0.5}));
    CHECK_RAISES(usage_error, "kappa is 1.5", with({.kappa = 1.5}));
    CHECK_RAISES(shape_error, "op::linear", with({})(tensor<float>(shape{2, 4})));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/memory.hpp"

#include "check.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"

using namespace smldist;

namespace {

constexpr std::size_t features = 5, classes = 3, per_class = 2, width = 4, patterns = classes * per_class;

auto make(auto zero, std::size_t updates, double kappa, bool massive, std::size_t heads = 1) {
    using T = decltype(zero);
    generator g(1);
    nn::memory<T> layer(features, classes, g,
                        {.patterns_per_class = per_class,
                         .width = width,
                         .updates = updates,
                         .beta = 3,
                         .kappa = kappa,
                         .heads = heads});
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

TEST_CASE("memory: gradients are exact and all worlds agree") {
    for (const std::size_t updates : {0u, 1u, 2u})
        for (const double kappa : {0.0, 0.5, 1.0})
            for (const bool massive : {false, true})
                check_layer(
                    "memory, updates " + std::to_string(updates), {normal({4, features})},
                    [&](auto zero) { return make(zero, updates, kappa, massive); },
                    [](const auto& layer, const auto& in) { return all(layer, in[0]); });
}

TEST_CASE("memory of several heads: gradients are exact and all worlds agree") {
    for (const std::size_t heads : {2u, 4u})
        for (const std::size_t updates : {0u, 2u})
            for (const bool massive : {false, true})
                check_layer(
                    "memory, heads " + std::to_string(heads), {normal({4, features})},
                    [&](auto zero) { return make(zero, updates, 0.5, massive, heads); },
                    [](const auto& layer, const auto& in) { return all(layer, in[0]); });
}

TEST_CASE("memory: agrees with PyTorch") {
    check_layer_references(
        "memory",
        [](auto zero, const io::json& o) {
            return make(zero, o.as_size("updates"), o.as_double("kappa"), o.as_bool("massive"),
                        o.find("heads") ? o.as_size("heads") : 1);
        },
        [](const auto& layer, const auto& in, const io::json&) { return all(layer, in[0]); });
}

TEST_CASE("memory: with kappa = 0 the probabilities are each class's association mass") {
    for (const std::size_t updates : {0u, 1u, 2u})
        for (const bool massive : {false, true}) {
            CAPTURE(updates);
            CAPTURE(massive);
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

TEST_CASE("memory: beta stays within 0.1 and 100 and gets no gradient beyond") {
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

TEST_CASE("memory: initial values and shapes and paths") {
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

TEST_CASE("memory: invalid arguments are refused") {
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
    CHECK_RAISES(usage_error, "heads is 0", with({.heads = 0}));
    CHECK_RAISES(usage_error, "heads is 5, expected a divisor of the width 32", with({.heads = 5}));
    CHECK_RAISES(shape_error, "op::linear", with({})(tensor<float>(shape{2, 4})));
}

TEST_CASE("memory: place moves the patterns of a class to its features") {
    generator g(2);
    auto layer = make(0.0, 0, 0.5, false);
    layer_check::randomise(layer, 4);
    const std::size_t each = 20;
    tensor<double> f(shape{classes * each, features});
    std::vector<int> label;
    for (std::size_t i = 0; i < classes * each; ++i) {
        label.push_back(static_cast<int>(i % classes));
        for (std::size_t d = 0; d < features; ++d) f(i, d) = 3 * double(d == i % classes) + 0.1 * g.normal();
    }
    layer.place(f, label, generator(5));
    const auto q = layer.project(f);
    for (std::size_t m = 0; m < patterns; ++m) {
        double length = 0, closest = -1;
        std::size_t at = 0;
        for (std::size_t c = 0; c < width; ++c) length += layer.keys.value(m, c) * layer.keys.value(m, c);
        CHECK(length == doctest::Approx(1));
        for (std::size_t i = 0; i < classes * each; ++i) {
            double dot = 0;
            for (std::size_t c = 0; c < width; ++c) dot += q(i, c) * layer.keys.value(m, c);
            if (dot > closest) closest = dot, at = i;
        }
        CHECK(closest > 0.99);
        CHECK(label[at] == layer.labels.value[m]);
    }
    auto again = layer;
    again.log_mass.value = tensor<double>(shape{patterns}, 1.5);
    again.place(f, label, generator(5));
    CHECK(again.log_mass.empty());
    CHECK(identical(again.keys.value, layer.keys.value));
    label.assign(label.size(), 0);
    CHECK_RAISES(usage_error, "features of class 1 are 0, expected at least 2", layer.place(f, label, generator(5)));
    label.pop_back();
    CHECK_RAISES(shape_error, "expected one per row", layer.place(f, label, generator(5)));
}

TEST_CASE("memory: compression is exact for coinciding patterns and keeps the mass of every class") {
    for (const double kappa : {0.0, 0.5, 1.0}) {
        CAPTURE(kappa);
        generator g(1);
        nn::memory<double> layer(features, classes, g,
                                 {.patterns_per_class = 4, .width = width, .beta = 3, .kappa = kappa});
        for (std::size_t m = 0; m < 12; ++m) // patterns 1 and 3 of each class repeat 0 and 2
            if (m % 2 == 1)
                for (std::size_t c = 0; c < width; ++c) layer.keys.value(m, c) = layer.keys.value(m - 1, c);
        const auto f = normal({5, features});
        const auto before = layer(f).logits;
        auto small = layer;
        const auto stands_for = small.compress(2);
        CHECK(difference(small(f).logits, before, 1e-12) == "");
        CHECK(small.classes() == classes);
        CHECK(small.labels.value.size() == 6);
        for (std::size_t m = 0; m < 12; ++m) {
            CHECK(stands_for[m] / 2 == m / 4);
            CHECK(stands_for[m] == stands_for[m - m % 2]);
        }
        auto smaller = small;
        smaller.compress(1); // masses add up: 4 a class
        for (const double mass : smaller.log_mass.value) CHECK(std::exp(mass) == doctest::Approx(4));
        CHECK_RAISES(usage_error, "per_class is 3, expected 1 to 2", small.compress(3));
        CHECK_RAISES(usage_error, "per_class is 0", small.compress(0));
    }
}

TEST_CASE("memory: energy is within its bounds and least at a pattern and higher far from all") {
    generator g(1);
    nn::memory<double> layer(features, classes, g, {.patterns_per_class = 4, .width = width, .beta = 20, .kappa = 0});
    layer.query.weight.value.fill(0); // the query is its bias: at a pattern, or opposite to it
    double known = 0;
    for (const double sign : {1.0, -1.0}) {
        CAPTURE(sign);
        for (std::size_t c = 0; c < width; ++c) layer.query.bias.value[c] = sign * layer.keys.value(3, c);
        const double e = layer.energy(layer(normal({1, features})).memory.scores)[0];
        CHECK(e >= 0);
        CHECK(e <= 2 + 1e-12);
        if (sign > 0)
            known = e;
        else
            CHECK(e > known + 0.1);
    }
    CHECK(known < 0.13); // at most ln M / β above 0
    CHECK_RAISES(shape_error, "expected (B, 12)", layer.energy(tensor<double>(shape{2, 5})));
}

TEST_CASE("memory: in training dropout removes patterns from each sample's logits but not from the association") {
    generator g(1);
    const std::size_t many = 24; // one pattern a class: without κ a logit is its score
    nn::memory<double> layer(features, many, g,
                             {.patterns_per_class = 1, .width = width, .kappa = 0, .dropout = 0.25});
    const auto f = normal({200, features});
    tape<double> t(4);
    const auto [memory, logits] = layer(t.input(f), mode::train);
    const auto whole = layer(f);
    CHECK(identical(memory.scores.value(), whole.memory.scores));
    CHECK(identical(memory.retrieved.value(), whole.memory.retrieved));
    std::size_t dropped = 0;
    for (std::size_t i = 0; i < whole.logits.size(); ++i) {
        const double z = logits.value()[i];
        const bool gone = z < whole.logits[i] - 10; // of a dropped pattern: 20 lower
        CHECK(std::abs(z - (whole.logits[i] - (gone ? 20 : 0))) < 1e-9);
        dropped += gone;
    }
    CHECK(double(dropped) / double(whole.logits.size()) == doctest::Approx(0.25).epsilon(0.1));
    CHECK(identical(layer(t.input(f), mode::eval).logits.value(), whole.logits));
    CHECK_RAISES(usage_error, "mode is train on a plain tensor", layer(f, mode::train));
}

TEST_CASE("memory: scores of several heads are the log-mean-exp of the scores of each head") {
    for (const bool massive : {false, true})
        for (const std::size_t updates : {0u, 1u}) {
            CAPTURE(massive);
            CAPTURE(updates);
            auto layer = make(0.0, updates, 0.5, massive, 2);
            layer_check::randomise(layer, 7);
            const auto f = normal({4, features});
            const auto whole = layer(f);
            tensor<double> mean(whole.memory.scores.shape()), energy(shape{4});
            const double beta = std::exp(layer.log_beta.value.item());
            double radius = 0;
            for (std::size_t head = 0; head < 2; ++head) { // a memory of this head's columns alone
                generator g(1);
                nn::memory<double> one(
                    features, classes, g,
                    {.patterns_per_class = per_class, .width = width / 2, .updates = updates, .kappa = 0.5});
                one.query.weight.value = op::slice(layer.query.weight.value, 0, 2 * head, 2 * head + 2);
                one.query.bias.value = op::slice(layer.query.bias.value, 0, 2 * head, 2 * head + 2);
                one.keys.value = op::slice(layer.keys.value, -1, 2 * head, 2 * head + 2);
                one.log_beta = layer.log_beta;
                one.log_mass = layer.log_mass;
                const auto scores = one(f).memory.scores;
                for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += std::exp(scores[i]) / 2;
                for (std::size_t m = 0; m < patterns; ++m)
                    radius = std::max(radius, std::pow(one.keys.value(m, 0), 2) + std::pow(one.keys.value(m, 1), 2));
                // -β E_i, up to a term that all heads share
                const auto lse = op::log_sum_exp(scores);
                for (std::size_t b = 0; b < 4; ++b) energy[b] += std::exp(lse[b]) / 2;
            }
            for (double& v : mean) v = std::log(v);
            CHECK(difference(whole.memory.scores, mean, 1e-12) == "");
            CHECK(difference(whole.memory.retrieved, op::matmul(op::softmax(mean), layer.keys.value), 1e-12) == "");
            double mass = 0;
            for (std::size_t m = 0; m < patterns; ++m) mass += massive ? std::exp(layer.log_mass.value[m]) : 1;
            for (double& v : energy) v = (std::log(mass) - std::log(v)) / beta + 0.5 + 0.5 * radius;
            CHECK(difference(layer.energy(whole.memory.scores), energy, 1e-12) == "");
        }
}

TEST_CASE("memory: keys have unit length in every head when made and when placed") {
    generator g(2);
    auto layer = make(0.0, 0, 0.5, false, 2);
    std::vector<int> label;
    for (std::size_t i = 0; i < 30; ++i) label.push_back(static_cast<int>(i % classes));
    for (const bool placed : {false, true}) {
        CAPTURE(placed);
        if (placed) layer.place(normal({30, features}), label, generator(5));
        for (std::size_t m = 0; m < patterns; ++m)
            for (std::size_t c = 0; c < width; c += 2)
                CHECK(std::hypot(layer.keys.value(m, c), layer.keys.value(m, c + 1)) == doctest::Approx(1));
    }
}

TEST_CASE("memory: Hopfield updates are exact with merged patterns of unequal mass") {
    for (const std::size_t heads : {1u, 2u}) {
        CAPTURE(heads);
        generator g(1);
        nn::memory<double> layer(features, classes, g,
                                 {.patterns_per_class = 3, .width = width, .updates = 1, .beta = 3, .heads = heads});
        for (std::size_t m = 1; m < 9; m += 3) // patterns 0 and 1 of each class coincide
            for (std::size_t c = 0; c < width; ++c) layer.keys.value(m, c) = layer.keys.value(m - 1, c);
        auto small = layer;
        const auto stands_for = small.compress(2);
        CHECK(stands_for == std::vector<std::size_t>{0, 0, 1, 2, 2, 3, 4, 4, 5});
        const auto f = normal({5, features});
        const auto before = layer(f), after = small(f);
        CHECK(difference(after.logits, before.logits, 1e-12) == "");
        CHECK(difference(after.memory.retrieved, before.memory.retrieved, 1e-12) == "");
    }
}

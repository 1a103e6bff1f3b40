// SPDX-License-Identifier: BSD-3-Clause
/// Every option of the Hopfield layers, masks and associations; hopfield_reference.cpp compares them with hflayers.
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "allocations.hpp"
#include "check.hpp"
#include "smldist/core/memory.hpp"
#include "smldist/nn/hopfield.hpp"
#include "smldist/op/reduce.hpp"

using namespace smldist;

namespace {

constexpr std::size_t B = 2, Q = 3, M = 5, D = 4;
constexpr double never = -std::numeric_limits<double>::infinity();

using options = nn::hopfield_options;

template <class T>
auto association(const options& o, std::size_t state = D, std::size_t stored = D, std::size_t source = D) {
    generator g(1);
    return nn::hopfield_association<T>(state, stored, source, g, o);
}
std::vector<tensor<double>> inputs(std::size_t state = D, std::size_t stored = D, std::size_t source = D,
                                   bool shared = false) {
    return {normal({B, Q, state}, 1), normal(shared ? shape{M, stored} : shape{B, M, stored}, 2),
            normal(shared ? shape{M, source} : shape{B, M, source}, 3)};
}
/// Some options, and the widths of state, stored patterns and source that they need.
struct choice {
    std::string name;
    options o;
    std::size_t state = D, stored = D, source = D;
};
/// A choice from a function that sets options.
template <class F>
choice choose(std::string name, F set, std::size_t state = D, std::size_t stored = D, std::size_t source = D) {
    choice c{std::move(name), {}, state, stored, source};
    c.o.heads = 2;
    c.o.learn_beta = true;
    c.o.retrieval = {.updates = 2, .eps = 0};
    set(c.o);
    return c;
}
std::vector<choice> choices() {
    using op::hopfield_stop;
    std::vector<choice> all;
    for (const auto stop : {hopfield_stop::state, hopfield_stop::sample, hopfield_stop::batch})
        all.push_back(choose("stop", [stop](options& o) {
            o.stop = stop;
            o.retrieval = {.updates = 6, .eps = 0.05};
            o.beta = 2;
        }));
    all.push_back(choose("until_rest", [](options& o) { o.retrieval = {op::hopfield_options::until_rest, 0.01}; }));
    all.push_back(choose("per head", [](options& o) {
        o.head_beta = {0.5, 2};
        o.head_retrieval = {{.updates = 0}, {.updates = 3, .eps = 0}};
    }));
    all.push_back(choose("norm_space", [](options& o) { o.norm_space = {.on = true, .affine = false}; }));
    all.push_back(choose("affine norm_space", [](options& o) { o.norm_space = {.on = true, .eps = 0.1}; }));
    all.push_back(choose("norms", [](options& o) {
        o.norm_state.on = false;
        o.norm_stored.affine = false;
        o.norm_source.eps = 0.3;
    }));
    all.push_back(choose("static_state", [](options& o) { o.static_state = true; }));
    all.push_back(choose(
        "static_stored", [](options& o) { o.static_stored = true; }, D, 2, D));
    all.push_back(choose(
        "static_source", [](options& o) { o.static_source = true; }, D, D, 3));
    all.push_back(choose("all static", [](options& o) {
        o.static_state = o.static_stored = o.static_source = true;
        o.project_out = false;
    }));
    all.push_back(choose("connected_source", [](options& o) { o.connected_source = true; }));
    all.push_back(
        choose("connected_source, static_source", [](options& o) { o.connected_source = o.static_source = true; }));
    all.push_back(choose("no output map, no biases", [](options& o) { o.project_out = o.bias = false; }));
    all.push_back(choose("bias_pattern", [](options& o) { o.bias_pattern = true; }));
    all.push_back(choose("zero_association", [](options& o) { o.zero_association = true; }));
    all.push_back(choose("bias_pattern, zero_association, activation", [](options& o) {
        o.bias_pattern = o.zero_association = true;
        o.association_activation = activation::tanh;
        o.pattern_width = 3;
    }));
    return all;
}
/// Hides a third of the patterns, never the second one.
tensor<double> hiding(const shape& s) {
    tensor<double> mask = normal(s, 9);
    for (std::size_t i = 0; i < mask.size(); ++i)
        if (i % s.back() != 1 && i % 3 == 0) mask[i] = never;
    return mask;
}
template <class T> nn::hopfield_masks<tensor<T>> some_masks() {
    return {cast<T>(hiding({B, M})), cast<T>(hiding({B * 2, Q, M}))};
}

} // namespace

TEST_CASE("hopfield_options: gradients are exact and all worlds agree, without and with masks") {
    for (const auto& c : choices())
        for (const bool shared : {false, true}) {
            const auto make = [&c](auto zero) {
                return association<decltype(zero)>(c.o, c.state, c.stored, c.source);
            };
            check_layer(c.name, inputs(c.state, c.stored, c.source, shared), make,
                        [](const auto& layer, const auto& in) { return layer(in[0], in[1], in[2]); });
            check_layer(c.name + ", masks", inputs(c.state, c.stored, c.source, shared), make,
                        [](const auto& layer, const auto& in) {
                            using T = op::scalar_of_t<decltype(layer.log_beta)>;
                            return layer(in[0], in[1], in[2], some_masks<T>());
                        });
        }
}

TEST_CASE("hopfield_options: the layers with a memory or states of their own") {
    const auto o = [](auto set) {
        options to;
        to.learn_beta = true;
        to.retrieval = {.updates = 1, .eps = 0};
        set(to);
        return to;
    };
    for (const options& lookup :
         {o([](options& t) { t.separate_targets = true; }), o([](options& t) { t.trainable = false; }),
          o([](options& t) { t.separate_targets = true, t.stored_width = 5, t.source_width = 3; }),
          o([](options& t) { t.separate_targets = true, t.trainable_targets = false, t.zero_association = true; }),
          o([](options& t) { t.static_stored = true, t.head_width = 3; })})
        check_layer(
            "lookup", {normal({B, Q, D})},
            [&](auto zero) {
                generator g(1);
                return nn::hopfield_lookup<decltype(zero)>(D, M, g, lookup);
            },
            [](const auto& layer, const auto& in) {
                using T = op::scalar_of_t<decltype(layer.patterns)>;
                return op::add(layer(in[0]), layer(in[0], {.association = cast<T>(hiding({Q, M}))}));
            });
    for (const options& pooling :
         {o([](options& t) { t.stored_width = 5, t.source_width = 3, t.heads = 2; }), o([](options& t) {
              t.static_state = true, t.head_width = 3;
              t.stored_width = 5;
              t.source_width = 3;
          })})
        check_layer(
            "pooling", {normal({B, M, 5}, 1), normal({B, M, 3}, 2)},
            [&](auto zero) {
                generator g(1);
                return nn::hopfield_pooling<decltype(zero)>(D, 2, g, pooling);
            },
            [](const auto& layer, const auto& in) {
                using T = op::scalar_of_t<decltype(layer.states)>;
                return op::add(layer(in[0], in[1]), layer(in[0], in[1], {.padding = cast<T>(hiding({B, M}))}));
            });
}

TEST_CASE("hopfield_options: recall gives the result of the call with its associations and patterns") {
    for (const auto& c : choices()) {
        CAPTURE(c.name);
        auto layer = association<double>(c.o, c.state, c.stored, c.source);
        layer_check::randomise(layer, 1);
        const auto in = inputs(c.state, c.stored, c.source);
        const auto masks = some_masks<double>();
        const auto r = layer.recall(in[0], in[1], in[2], masks);
        CHECK(identical(r.result, layer(in[0], in[1], in[2], masks)));
        CHECK(identical(layer.recall(in[0], in[1], in[2]).result, layer(in[0], in[1], in[2])));
        const std::size_t appended = (c.o.bias_pattern ? 1u : 0u) + (c.o.zero_association ? 1u : 0u);
        CHECK(r.associations.shape() == shape{B, 2, Q, M + appended});
        CHECK(r.patterns.shape() == shape{B, 2, M + appended, layer.options.pattern_width});
        const auto sums = op::sum(r.associations, {.axis = -1});
        for (const double s : sums) CHECK(s == doctest::Approx(1).epsilon(1e-13));
        for (std::size_t i = 0; i < B * 2 * Q; ++i) // what a mask hides is exactly 0, what it does not hide is not
            for (std::size_t m = 0; m < M; ++m) {
                const bool shown = masks.padding(i / (2 * Q), m) != never && masks.association[i * M + m] != never;
                CHECK((r.associations[i * (M + appended) + m] != 0) == shown);
            }
        // In the other worlds.
        tape<double> t;
        const auto recorded = layer.recall(t.input(in[0]), t.input(in[1]), t.input(in[2]), masks);
        CHECK(identical(recorded.associations.value(), r.associations));
        CHECK(identical(recorded.patterns.value(), r.patterns));
        graph g;
        std::vector<symbol> s;
        for (const auto& x : in) s.push_back(symbol::input(g, "x", x.shape()));
        CHECK(layer.recall(s[0], s[1], s[2], masks).associations.shape() == r.associations.shape());
    }
    generator g(1);
    options o;
    o.heads = 2;
    const nn::hopfield_lookup<double> lookup(D, 6, g, o);
    CHECK(lookup.recall(normal({B, Q, D})).associations.shape() == shape{B, 2, Q, 6});
    CHECK(lookup.recall(normal({B, Q, D})).patterns.shape() == shape{2, 6, 2});
    CHECK(lookup.recall(normal({Q, D})).associations.shape() == shape{2, Q, 6});
    const nn::hopfield_pooling<double> pooling(D, 3, g, o);
    const auto x = normal({B, M, D});
    const auto pooled = pooling.recall(x, x);
    CHECK(pooled.associations.shape() == shape{B, 2, 3, M});
    CHECK(identical(op::flatten(pooled.result), pooling(x)));
    CHECK(identical(pooling(x, x), pooling(x)));
}

TEST_CASE("hopfield_options: which parameters a layer has, and how it starts") {
    const auto paths = [](const auto& layer) {
        std::string all;
        walk(layer, [&](const std::string& path, const auto& leaf) { all += path + leaf.shape().text() + " "; });
        return all;
    };
    options o;
    o.normalise = false;
    o.heads = 2;
    CHECK(paths(association<float>(o)) ==
          "query.weight(4, 4) query.bias(4) key.weight(4, 4) key.bias(4) value.weight(4, 4) value.bias(4) "
          "out.weight(4, 4) out.bias(4) log_beta(1) ");
    o.bias = false;
    o.norm_space = {.on = true};
    o.connected_source = true;
    o.pattern_width = 3;
    o.head_beta = {1, 2};
    o.bias_pattern = true;
    CHECK(paths(association<float>(o)) ==
          "query.weight(4, 4) key.weight(4, 4) value.weight(6, 4) out.weight(4, 6) log_beta(2) norm_space.weight(2) "
          "norm_space.bias(2) bias_key(4) bias_value(6) ");
    o = {};
    o.norm_state.on = false;
    o.norm_stored.affine = false;
    o.static_state = o.static_source = true;
    o.project_out = false;
    CHECK(paths(association<float>(o)) ==
          "norm_source.weight(4) norm_source.bias(4) key.weight(4, 4) key.bias(4) log_beta(1) ");
    CHECK(association<float>(o).options.out == 4);

    // Options that add parameters do not change how the others start.
    options plain, more;
    more.bias_pattern = more.zero_association = more.norm_space.on = true;
    more.stop = op::hopfield_stop::batch;
    const auto a = association<float>(plain), b = association<float>(more);
    CHECK(identical(a.query.weight.value, b.query.weight.value));
    CHECK(identical(a.out.weight.value, b.out.weight.value));
    generator g(1);
    options big;
    big.bias_pattern = true;
    big.head_width = 4000;
    const nn::hopfield_association<double> wide(1, 1, 1, g, big);
    double squares = 0;
    for (const double v : wide.bias_key.value) squares += v * v;
    CHECK(std::sqrt(squares / 4000) == doctest::Approx(0.02).epsilon(0.05));
    CHECK_FALSE(wide.bias_key.decay);

    // Inverse temperatures.
    const auto beta = [](const options& of) { return std::exp(association<double>(of).log_beta.value[0]); };
    CHECK(beta({}) == doctest::Approx(0.5));
    options bare;
    bare.static_state = bare.static_stored = bare.static_source = true;
    bare.project_out = false;
    CHECK(beta(bare) == 1);
    bare.norm_space.on = true;
    CHECK(beta(bare) == doctest::Approx(0.5));

    options lookup;
    lookup.separate_targets = true;
    lookup.trainable = lookup.trainable_targets = false;
    lookup.stored_width = 5;
    const nn::hopfield_lookup<float> l(D, 6, g, lookup);
    CHECK(l.patterns.shape() == shape{6, 5});
    CHECK(l.targets.shape() == shape{6, 5});
    CHECK_FALSE(l.patterns.trainable);
    CHECK_FALSE(l.targets.trainable);
    options pooling;
    pooling.trainable = false;
    pooling.static_state = true;
    pooling.heads = 2;
    const nn::hopfield_pooling<float> p(D, 3, g, pooling);
    CHECK(p.states.shape() == shape{3, 2});
    CHECK_FALSE(p.states.trainable);
    CHECK(p(tensor<float>(shape{B, M, D})).shape() == shape{B, 3 * D});
}

TEST_CASE("hopfield_options: options that contradict each other are refused") {
    const auto refuses = [](auto set, std::string_view what, std::size_t state = D, std::size_t stored = D,
                            std::size_t source = D) {
        options o;
        set(o);
        CHECK_RAISES(usage_error, what, association<float>(o, state, stored, source));
    };
    refuses([](options& o) { o.static_state = true, o.head_width = 3; },
            "width of the static state is 4, expected 3");
    refuses([](options& o) { o.static_stored = true; }, "width of the static stored patterns is 5, expected 4", D, 5);
    refuses([](options& o) { o.static_source = true, o.pattern_width = 2; },
            "width of the static source is 4, expected 2");
    refuses([](options& o) { o.connected_source = true; }, "width of a connected source is 5, expected", D, D, 5);
    refuses([](options& o) { o.static_stored = o.bias_pattern = true; }, "a bias pattern beside static patterns");
    refuses([](options& o) { o.static_source = o.bias_pattern = true; }, "a bias pattern beside static patterns");
    refuses([](options& o) { o.heads = 2, o.head_beta = {1}; },
            "number of betas or retrievals of heads is 1, expected none or 2");
    refuses([](options& o) { o.heads = 2, o.head_retrieval = {{}, {}, {}}; }, "is 3, expected none or 2");
    refuses([](options& o) { o.heads = 2, o.head_beta = {1, 0}; }, "beta of a head is 0, expected a positive number");
    generator g(1);
    options o;
    o.heads = 3;
    CHECK_RAISES(usage_error, "heads is 3", nn::hopfield_lookup<float>(D, 6, g, o));
    CHECK_RAISES(usage_error, "heads is 3", nn::hopfield_pooling<float>(D, 6, g, o));
    const nn::hopfield_pooling<float> pooling(D, 1, g);
    const tensor<float> flat(shape{M, D});
    CHECK_RAISES(shape_error, "shape is (5, 4), expected (B, L, D)", pooling(flat, flat));
    CHECK_RAISES(shape_error, "shape is (5, 4), expected (B, L, D)", pooling.recall(flat, flat));
}

TEST_CASE("hopfield_options: a static input of another width is refused") {
    options o;
    o.heads = 2;
    o.head_width = 2;
    o.normalise = false;
    const auto call = [&](std::size_t state, std::size_t stored, std::size_t source) {
        const auto in = inputs(state, stored, source);
        return association<double>(o, 2, 2, 2)(in[0], in[1], in[2]);
    };
    o.static_state = o.static_stored = o.static_source = true;
    CHECK(call(2, 2, 2).shape() == shape{B, Q, 2});
    CHECK_RAISES(shape_error, "shape of a static input is (2, 3, 4), expected (…, 2)", call(4, 2, 2));
    CHECK_RAISES(shape_error, "shape of a static input is (2, 5, 4), expected (…, 2)", call(2, 4, 2));
    CHECK_RAISES(shape_error, "shape of a static input is (2, 5, 4), expected (…, 2)", call(2, 2, 4));
}

TEST_CASE("hopfield_options: warm calls and training steps allocate nothing") {
    for (const auto& c : choices()) {
        CAPTURE(c.name);
        const auto layer = association<float>(c.o, c.state, c.stored, c.source);
        std::vector<tensor<float>> in;
        for (const auto& x : inputs(c.state, c.stored, c.source)) in.push_back(cast<float>(x));
        const auto masks = some_masks<float>();
        tape<float> t;
        const auto step = [&] {
            static_cast<void>(layer(in[0], in[1], in[2], masks));
            static_cast<void>(layer(in[0], in[1], in[2]));
            t.reset();
            const auto y = layer(t.variable(in[0]), t.input(in[1]), t.input(in[2]), masks, mode::train);
            t.backward(op::sum(op::mul(y, layer(t.input(in[0]), t.input(in[1]), t.input(in[2]), mode::train))));
        };
        memory::trim();
        step();
        step(); // here the tape still holds the values of the first
        const std::size_t before = allocations();
        for (int i = 0; i < 3; ++i) step();
        CHECK(allocations() == before);
    }
}

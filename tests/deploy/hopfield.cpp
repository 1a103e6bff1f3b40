// SPDX-License-Identifier: BSD-3-Clause
/// Programs of Hopfield layers with their options and with masks that are constants.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "deploy/check.hpp"
#include "smldist/deploy/load.hpp"
#include "smldist/model/file.hpp"
#include "smldist/nn/hopfield.hpp"

using namespace smldist;

namespace {

constexpr std::size_t L = 7, C = 4;

using options = nn::hopfield_options;

/// A network of one call of one layer.
template <class Layer, class F> struct one_layer {
    Layer layer;
    F call;

    template <class X> outputs<X> operator()(const X& x, mode = mode::eval) const {
        outputs<X> out;
        out.logits = call(layer, x);
        return out;
    }
    static void visit(auto& self, auto&& member) { member("layer", self.layer); }
};
template <class Layer, class F> one_layer(Layer, F) -> one_layer<Layer, F>;

template <class Layer> Layer disturbed(Layer layer) {
    disturb(layer, 3);
    generator g(4);
    for_each_parameter(layer, [&g](auto& p) { // weights of N(0, 0.02²) would retrieve the mean of all patterns
        if (p.value.shape().rank() == 2 && p.trainable)
            for (auto& v : p.value) v = static_cast<float>(0.7 * g.normal());
    });
    return layer;
}
tensor<float> hiding(const shape& s) {
    tensor<float> mask = noise(s, 9);
    for (std::size_t i = 0; i < mask.size(); ++i)
        if (i % s.back() != 1 && i % 3 == 0) mask[i] = -std::numeric_limits<float>::infinity();
    return mask;
}

/// A program gives what the network gives, for a window and for slices of 8. So does that of the network's file, which does
/// not hold constants.
template <class Layer, class F> void runs(Layer layer, F call, bool in_file = true) {
    const one_layer net{disturbed(std::move(layer)), call};
    const auto x = noise({11, L, C}, 4);
    const auto want = net(x).logits;
    const auto p = deploy::compile(net, {.batch = 8, .length = L, .channels = C});
    CHECK(difference(run_all(p, x)[0], want) < 1e-5);
    CHECK(run_all(deploy::compile(net, {.length = L, .channels = C}), x) == run_all(p, x));
    if (!in_file) return;
    io::model_facts facts;
    facts.window = L;
    facts.hop = 1;
    facts.rate_hz = 50;
    facts.channels = {"a", "b", "c", "d"};
    facts.labels.resize(want.size() / 11);
    for (std::size_t i = 0; i < facts.labels.size(); ++i) facts.labels[i] = std::to_string(i);
    const auto loaded = deploy::load(io::read_bundle(model::to_bytes(net, facts, noise({1, L, C}, 5))), {.batch = 8});
    CHECK(run_all(loaded.net, x) == run_all(p, x));
}
template <class Layer, class F> void refuses(Layer layer, F call, std::string_view what) {
    try {
        deploy::compile(one_layer{std::move(layer), call}, {.length = L, .channels = C});
        FAIL("expected a usage_error about ", what);
    } catch (const usage_error& e) {
        CHECK_MESSAGE(std::string_view(e.what()).find(what) != std::string::npos, std::string(e.what()));
    }
}

nn::hopfield_association<float> association(const options& o, std::size_t state = C, std::size_t stored = C,
                                            std::size_t source = C) {
    generator g(1);
    return {state, stored, source, g, o};
}
nn::hopfield_lookup<float> lookup(const options& o) {
    generator g(1);
    return {C, 6, g, o};
}
nn::hopfield_pooling<float> pooling(const options& o) {
    generator g(1);
    return {C, 2, g, o};
}

/// A layer with a mask that is part of the model. Files hold no infinities; a number this low hides as well.
template <class Layer> struct with_mask {
    Layer layer;
    parameter<float> mask;

    with_mask(Layer of, const tensor<float>& values) : layer(std::move(of)), mask{values, false} {
        for (float& v : mask.value) v = std::max(v, -1e30f);
    }
    static void visit(auto& self, auto&& member) {
        member("layer", self.layer);
        member("mask", self.mask);
    }
};

/// The window retrieves from itself, from a memory, and is pooled; without a mask and with one.
void runs_all(const options& o) {
    const auto flat = [](const auto& y) { return op::flatten(y); };
    runs(association(o), [=](const auto& layer, const auto& x) { return flat(layer(x, x, x)); });
    runs(
        association(o),
        [=](const auto& layer, const auto& x) {
            return flat(layer(x, x, x, {.padding = hiding({1, L}), .association = hiding({L, L})}));
        },
        false);
    runs(with_mask(association(o), hiding({1, o.heads, L, L})), [=](const auto& net, const auto& x) {
        using X = std::decay_t<decltype(x)>;
        return flat(net.layer(x, x, x, nn::hopfield_masks<X>{X(), op::lift(x, net.mask)}));
    });
    runs(lookup(o), [=](const auto& layer, const auto& x) { return flat(layer(x)); });
    runs(
        lookup(o), [=](const auto& layer, const auto& x) { return flat(layer(x, {.padding = hiding({6})})); }, false);
    runs(pooling(o), [](const auto& layer, const auto& x) { return layer(x); });
    runs(with_mask(pooling(o), hiding({L})), [](const auto& net, const auto& x) {
        using X = std::decay_t<decltype(x)>;
        return net.layer(x, x, nn::hopfield_masks<X>{op::lift(x, net.mask), X()});
    });
}

} // namespace

TEST_CASE("hopfield: programs of layers with options and masks") {
    options o;
    o.heads = 2;
    runs_all(o);
    o.retrieval = {.updates = 2, .eps = 1e-3};
    runs_all(o);
    o.zero_association = true;
    o.bias_pattern = true;
    o.norm_space = {.on = true};
    o.association_activation = activation::tanh;
    runs_all(o);
    o = {};
    o.heads = 2;
    o.head_beta = {0.5, 2};
    o.head_retrieval = {{.updates = 0}, {.updates = 3, .eps = 0}};
    o.norm_space = {.on = true, .affine = false};
    o.norm_state.affine = false;
    o.connected_source = true;
    o.stop = op::hopfield_stop::batch; // makes no difference to as many updates as there may be
    o.project_out = o.bias = false;
    runs_all(o);
    o = {};
    o.static_state = o.static_stored = o.static_source = o.zero_association = true;
    o.retrieval.updates = 1;
    runs_all(o);
}

TEST_CASE("hopfield: a program of the associations") {
    options o;
    o.heads = 2;
    o.zero_association = true;
    runs(association(o),
         [](const auto& layer, const auto& x) { return op::flatten(layer.recall(x, x, x).associations); });
}

TEST_CASE("hopfield: what programs cannot do is refused by name") {
    options o;
    o.retrieval = {.updates = 3, .eps = 0.1};
    for (const auto stop : {op::hopfield_stop::sample, op::hopfield_stop::batch}) {
        o.stop = stop;
        refuses(
            association(o), [](const auto& layer, const auto& x) { return op::flatten(layer(x, x, x)); },
            "(masked_hopfield): its updates stop by association, which programs do not know");
    }
    // A mask that the window decides: without updates it is a sum, with updates it has to be a constant.
    const auto own_mask = [](const auto& layer, const auto& x) {
        using X = std::decay_t<decltype(x)>;
        const X padding = op::reshape(op::slice(x, -1, 0, 1), {x.shape()[0], L});
        return op::flatten(layer(x, x, x, nn::hopfield_masks<X>{padding, X()}));
    };
    o.stop = op::hopfield_stop::state;
    refuses(association(o), own_mask, "(masked_hopfield): its mask is not a constant");
    o.retrieval.updates = 0;
    runs(association(o), own_mask);
}

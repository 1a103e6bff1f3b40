// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/emit_recurrent.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/nn/recurrent.hpp"
#include "smldist/op/reduce.hpp"

using namespace smldist;

namespace {

/// Recurrent layers and a classifier on the state after the last sample.
template <template <class> class Layer, template <class> class State> struct classifier {
    Layer<float> layer;
    nn::linear<float> head;

    explicit classifier(const nn::recurrent_options& o) {
        generator g(1);
        layer = Layer<float>(6, 16, g, o);
        head = nn::linear<float>(16 * layer.units.size(), 4, g);
        for_each_parameter(*this, [&g](auto& p) {
            for (float& v : p.value) v = static_cast<float>(0.4 * g.normal());
        });
    }
    template <class X> outputs<X> operator()(const X& x, mode m) const {
        auto [y, state] = layer(x, State<X>{}, m);
        outputs<X> out;
        out.feature = op::mean_over_time(y);
        out.logits = head(state.h);
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("layer", self.layer);
        member("head", self.head);
    }
};

} // namespace

TEST_CASE("emit_recurrent: networks of layers, in one and in both directions, give the network's outputs") {
    const auto x = noise({11, 20, 6}, 3);
    for (const std::size_t layers : {1u, 2u})
        for (const bool both : {false, true})
            for (const std::size_t batch : {1u, 8u}) {
                const nn::recurrent_options o{.layers = layers, .bidirectional = both, .dropout = 0.5};
                const auto check = [&](const auto& net) {
                    const auto p = deploy::compile(
                        net, {.batch = batch, .length = 20, .channels = 6, .outputs = {"feature", "logits"}});
                    same_outputs(p, x, net(x, mode::eval));
                };
                check(classifier<nn::gru, nn::gru_state>(o));
                check(classifier<nn::lstm, nn::lstm_state>(o));
            }
}

TEST_CASE("emit_recurrent: weights that depend on the window and constant sequences are refused") {
    const auto refuses = [](std::string_view what, auto f) {
        try {
            deploy::compile(probe<decltype(f)>(f, {{18, 6}, {18, 6}}), {.length = 18, .channels = 6});
            FAIL("expected a usage_error about ", what);
        } catch (const usage_error& e) {
            CHECK_MESSAGE(std::string_view(e.what()).find(what) != std::string::npos, e.what());
        }
    };
    const tensor<float> none;
    refuses("(reshape): it mixes the windows", [&none](const auto& x, const auto& w) {
        return op::gru(x, none, op::reshape(x, {18, 6}), w[1], none, none);
    });
    refuses("(gru): its input is a constant", [&none](const auto& x, const auto& w) {
        const auto constant = op::gru(op::reshape(op::lift(x, w[0]), {1, 18, 6}), none, w[0], w[1], none, none);
        return op::add(x, constant);
    });
}

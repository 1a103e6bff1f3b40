// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/recurrent.hpp"

#include "../allocations.hpp"
#include "check.hpp"

using namespace smldist;

namespace {

auto make_gru(auto zero, const nn::recurrent_options& o = {}, std::size_t hidden = 3) {
    generator g(1);
    return nn::gru<decltype(zero)>(2, hidden, g, o);
}
auto make_lstm(auto zero, const nn::recurrent_options& o = {}, std::size_t hidden = 3) {
    generator g(1);
    return nn::lstm<decltype(zero)>(2, hidden, g, o);
}

/// Outputs and states of a call, as one row per sample.
template <class X> X joined(const nn::gru_result<X>& r) { return op::concat(op::flatten(r.y), r.state.h); }
template <class X> X joined(const nn::lstm_result<X>& r) {
    return op::concat(op::flatten(r.y), op::concat(r.state.h, r.state.c));
}

/// A part of an array along its first axis.
tensor<double> at(const tensor<double>& x, std::size_t i) { return op::flatten(op::slice(x, 0, i, i + 1)); }

template <template <class> class State, class X> State<X> state_of(const X& h, const X& c) {
    if constexpr (requires(State<X> s) { s.c; })
        return {h, c};
    else
        return {h};
}

/// Holds a layer against <kind>_layer/<layers>_<bidirectional> of the file.
template <template <class> class State, class T, class M>
void check_layer_reference(M layer, const std::string& prefix, double tolerance) {
    CAPTURE(prefix);
    constexpr bool is_lstm = requires(State<var<T>> s) { s.c; };
    const auto array = [&](const std::string& name) {
        return reference("recurrent.safetensors", prefix + "/" + name);
    };
    walk(layer, [&](const std::string& path, auto& leaf) {
        REQUIRE(array(path).shape() == leaf.shape());
        leaf.value = cast<T>(array(path));
    });
    const tensor<double> h0 = array("h0");
    const std::size_t N = h0.shape()[0], B = h0.shape()[1], H = h0.shape()[2];
    tape<T> t;
    const var<T> x = t.variable(cast<T>(array("x")));
    std::vector<var<T>> first[2];
    var<T> given[2];
    for (std::size_t k = 0; k < (is_lstm ? 2 : 1); ++k)
        for (std::size_t i = 0; i < N; ++i) {
            const tensor<T> one = cast<T>(op::reshape(at(array(k == 0 ? "h0" : "c0"), i), {B, H}));
            first[k].push_back(t.variable(one));
            given[k] = i == 0 ? first[k][0] : op::concat(given[k], first[k][i]);
        }
    const auto result = std::as_const(layer)(x, state_of<State>(given[0], given[1]));
    var<T> all = op::reshape(result.y, {result.y.shape().size()});
    const auto add_states = [&](const var<T>& state) {
        for (std::size_t i = 0; i < N; ++i)
            all = op::concat(all, op::reshape(op::slice(state, -1, i * H, (i + 1) * H), {B * H}));
    };
    add_states(result.state.h);
    if constexpr (is_lstm) add_states(result.state.c);
    CHECK(difference(all.value(), array("y"), tolerance) == "");
    t.backward(all, cast<T>(array("dy")));
    CHECK(difference(*t.gradient(x), array("dx"), tolerance) == "");
    for (std::size_t k = 0; k < (is_lstm ? 2 : 1); ++k)
        for (std::size_t i = 0; i < N; ++i)
            CHECK(difference(op::reshape(*t.gradient(first[k][i]), {1, B * H}), at(array(k == 0 ? "dh0" : "dc0"), i),
                             tolerance) == "");
    walk(layer, [&](const std::string& path, auto& leaf) {
        CAPTURE(path);
        CHECK(difference(*t.gradient(leaf), array("d" + path), tolerance) == "");
    });
}

/// One call on x and calls on its parts.
template <template <class> class State, class M, class X> void check_parts(const M& layer, const X& x) {
    const std::size_t L = x.shape()[1];
    State<X> state;
    const auto whole = layer(x, State<X>{});
    CHECK(identical(whole.y, layer(x)));
    CHECK(identical(whole.y, layer(x, mode::eval)));
    for (std::size_t first = 0, n = 1; first < L; first += n, n = std::min(n + 2, L - first)) {
        auto [y, next] = layer(op::slice(x, 1, first, first + n), state);
        state = next;
        CHECK(identical(y, op::slice(whole.y, 1, first, first + n)));
    }
    CHECK(identical(state.h, whole.state.h));
    if constexpr (requires { state.c; }) CHECK(identical(state.c, whole.state.c));
}

std::vector<std::string> names_of_parameters(const auto& layer) {
    std::vector<std::string> names;
    walk(layer, [&](const std::string& path, const auto&) { names.push_back(path); });
    return names;
}

} // namespace

TEST_CASE("gru and lstm: as PyTorch, with names and shapes of its parameters, outputs, last states and gradients") {
    for (const std::size_t layers : {1u, 2u})
        for (const bool both : {false, true}) {
            const nn::recurrent_options o{.layers = layers, .bidirectional = both};
            const std::string name = "_layer/" + std::to_string(layers) + "_" + (both ? "1" : "0");
            check_layer_reference<nn::gru_state, double>(make_gru(0.0, o), "gru" + name, 1e-6);
            check_layer_reference<nn::gru_state, float>(make_gru(0.0f, o), "gru" + name, 1e-4);
            check_layer_reference<nn::lstm_state, double>(make_lstm(0.0, o), "lstm" + name, 1e-6);
            check_layer_reference<nn::lstm_state, float>(make_lstm(0.0f, o), "lstm" + name, 1e-4);
        }
    const auto names = names_of_parameters(make_gru(0.0f, {.layers = 11, .bidirectional = true}));
    CHECK(names.size() == 88);
    CHECK(names[0] == "weight_ih_l0");
    CHECK(names[7] == "bias_hh_l0_reverse");
    CHECK(names.back() == "bias_hh_l10_reverse");
    CHECK(names_of_parameters(make_lstm(0.0f, {.bias = false})) ==
          std::vector<std::string>{"weight_ih_l0", "weight_hh_l0"});
}

TEST_CASE("gru and lstm: gradients are exact and all worlds agree") {
    for (const std::size_t layers : {1u, 2u})
        for (const bool both : {false, true})
            for (const bool bias : {false, true}) {
                const nn::recurrent_options o{.layers = layers, .bidirectional = both, .bias = bias};
                const std::size_t width = layers * (both ? 2 : 1) * 3;
                const auto x = normal({2, 3, 2}), h = normal({2, width}, 1), c = normal({2, width}, 2);
                check_layer(
                    "gru", {x}, [&o](auto zero) { return make_gru(zero, o); },
                    [](const auto& layer, const auto& in) { return layer(in[0]); });
                check_layer(
                    "gru with a state", {x, h}, [&o](auto zero) { return make_gru(zero, o); },
                    [](const auto& layer, const auto& in) {
                        using X = std::remove_cvref_t<decltype(in[0])>;
                        return joined(layer(in[0], nn::gru_state<X>{in[1]}));
                    });
                check_layer(
                    "lstm", {x}, [&o](auto zero) { return make_lstm(zero, o); },
                    [](const auto& layer, const auto& in) { return layer(in[0]); });
                check_layer(
                    "lstm with a state", {x, h, c}, [&o](auto zero) { return make_lstm(zero, o); },
                    [](const auto& layer, const auto& in) {
                        using X = std::remove_cvref_t<decltype(in[0])>;
                        return joined(layer(in[0], nn::lstm_state<X>{in[1], in[2]}));
                    });
            }
}

TEST_CASE("gru and lstm: gradients pass from part to part of a stream") {
    check_layer(
        "gru in parts", {normal({2, 4, 2})}, [](auto zero) { return make_gru(zero, {.layers = 2}); },
        [](const auto& layer, const auto& in) {
            auto [first, state] = layer(op::slice(in[0], 1, 0, 3), {});
            return joined(layer(op::slice(in[0], 1, 3, 4), state));
        });
}

TEST_CASE("gru and lstm: a sequence in parts gives the same bits as at once") {
    for (const std::size_t layers : {1u, 2u}) {
        const auto x = normal({3, 23, 2});
        check_parts<nn::gru_state>(make_gru(0.0, {.layers = layers}, 20), x);
        check_parts<nn::lstm_state>(make_lstm(0.0, {.layers = layers}, 20), x);
        check_parts<nn::gru_state>(make_gru(0.0f, {.layers = layers}, 20), cast<float>(x));
        check_parts<nn::lstm_state>(make_lstm(0.0f, {.layers = layers}, 20), cast<float>(x));
    }
}

TEST_CASE("gru and lstm: dropout acts between layers, in training only, and a frozen layer has none") {
    auto two = make_gru(0.0f, {.layers = 2, .dropout = 0.5}), one = make_gru(0.0f, {.dropout = 0.5});
    const auto x = cast<float>(normal({2, 5, 2}));
    const auto trained = [&x](const auto& layer) {
        tape<float> t(3);
        return layer(t.input(x), mode::train).value();
    };
    CHECK(identical(trained(one), one(x)));
    CHECK_FALSE(identical(trained(two), two(x)));
    CHECK_RAISES(usage_error, "mode is train on a plain tensor", two(x, mode::train));
    freeze(two);
    CHECK(identical(trained(two), two(x)));
}

TEST_CASE("gru and lstm: initial values, decay and cost") {
    const auto layer = make_lstm(0.0f, {.layers = 2}, 16);
    float largest = 0;
    for_each_parameter(layer, [&](const auto& p) {
        CHECK(p.decay == (p.shape().rank() == 2));
        for (const float v : p.value) largest = std::max(largest, std::abs(v));
    });
    CHECK(largest <= 0.25f);
    CHECK(largest > 0.2f);
    CHECK(parameter_count(layer) == 64 * (2 + 16 + 2) + 64 * (16 + 16 + 2));
    graph g;
    static_cast<void>(layer(symbol::input(g, "x", {1, 10, 2})));
    CHECK(g.macs() == 10 * (64 * (2 + 16) + 64 * (16 + 16)));
}

TEST_CASE("gru and lstm: errors") {
    CHECK_RAISES(usage_error, "nn::gru: channels, hidden, layers are 2, 0, 1", make_gru(0.0f, {}, 0));
    CHECK_RAISES(usage_error, "nn::lstm: channels, hidden, layers are 2, 3, 0", make_lstm(0.0f, {.layers = 0}));
    CHECK_RAISES(usage_error, "nn::gru: dropout is 1", make_gru(0.0f, {.dropout = 1}));
    const auto x = cast<float>(normal({2, 5, 2}));
    const tensor<float> state(shape{2, 3});
    CHECK_RAISES(usage_error, "nn::lstm: only one part of the state is empty",
                 make_lstm(0.0f)(x, nn::lstm_state<tensor<float>>{state, {}}));
    CHECK_RAISES(shape_error, "nn::gru: shape of a state is (2, 3), expected (B, 4) for 1 units of 4",
                 make_gru(0.0f, {}, 4)(x, nn::gru_state<tensor<float>>{state}));
    const tensor<float> both(shape{2, 6}),
        wide(shape{2, 9}); // of two layers, and too wide, from which a part would fit
    CHECK_RAISES(shape_error, "nn::gru: shape of a state is (2, 9), expected (B, 6) for 2 units of 3",
                 make_gru(0.0f, {.layers = 2})(x, nn::gru_state<tensor<float>>{wide}));
    CHECK_RAISES(shape_error, "nn::lstm: shape of a state is (2, 9), expected (B, 6)",
                 make_lstm(0.0f, {.layers = 2})(x, nn::lstm_state<tensor<float>>{both, wide}));
    CHECK_RAISES(shape_error, "op::gru: shape of a first state is (3, 3)",
                 make_gru(0.0f)(x, nn::gru_state<tensor<float>>{tensor<float>(shape{3, 3})}));
    tape<float> t;
    CHECK_RAISES(usage_error, "nn::recurrent: number of layers is 0", nn::gru<float>()(t.input(x)));
    CHECK_RAISES(shape_error, "op::gru: shape of x is (2, 5)", make_gru(0.0f)(tensor<float>(shape{2, 5})));
    CHECK_RAISES(shape_error, "op::lstm: shape of x is ()", make_lstm(0.0f)(tensor<float>(shape{}), {}));
}

TEST_CASE("gru and lstm: a walk over the parameters and a warm call allocate nothing from the heap") {
    const auto layer = make_lstm(0.0f, {.layers = 2, .bidirectional = true}, 8);
    const auto x = cast<float>(normal({2, 5, 2}));
    std::size_t heap = 1, elements = 0;
    for (int i = 0; i < 3; ++i) {
        const std::size_t before = allocations();
        for_each_parameter(layer, [&](const auto& p) { elements += p.value.size(); });
        const auto y = layer(x, nn::lstm_state<tensor<float>>{});
        heap = allocations() - before;
    }
    CHECK(heap == 0);
}

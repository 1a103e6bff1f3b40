// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/sequential.hpp"

#include <filesystem>
#include <optional>

#include "check.hpp"
#include "smldist/deploy/load.hpp"
#include "smldist/model/file.hpp"
#include "smldist/nn/gru_cell.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/nn/norm.hpp"
#include "smldist/nn/recurrent.hpp"
#include "smldist/op/reduce.hpp"

using namespace smldist;

namespace {

auto make(auto zero) {
    using T = decltype(zero);
    generator g(1);
    return nn::sequential(
        nn::linear<T>(3, 5, g), activation::tanh, nn::gru<T>(5, 4, g),
        [](const auto& x) { return op::mean_over_time(x); }, nn::layer_norm<T>(4),
        nn::sequential(nn::linear<T>(4, 2, g, false),
                       [factor = 0.5](const auto& x) { return op::scale(x, factor); }));
}

/// The mode in which it was called, as the factor of its input.
struct by_mode {
    template <class X> X operator()(const X& x, mode m) const { return op::scale(x, m == mode::train ? 2 : 3); }
};

/// A sequence of layers as a network, and more of them where containers hold them.
struct network {
    using block = decltype(make(0.0f));
    using head = nn::sequential<nn::linear<float>, activation>;
    block body = make(0.0f);
    std::vector<head> more;
    std::optional<head> last;

    explicit network(generator g) {
        more.emplace_back(nn::linear<float>(2, 2, g), activation::relu);
        more.emplace_back(nn::linear<float>(2, 2, g), activation::sigmoid);
        last.emplace(nn::linear<float>(2, 3, g), activation::none);
    }
    template <class X> outputs<X> operator()(const X& x, mode m = mode::eval) const {
        outputs<X> out;
        out.feature = body(x, m);
        X y = out.feature;
        for (const auto& layer : more) y = layer(y, m);
        out.logits = (*last)(y, m);
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("body", self.body);
        member("more", self.more);
        member("last", self.last);
    }
};

std::vector<std::string> names(const auto& model) {
    std::vector<std::string> all;
    walk(model, [&](const std::string& path, const auto&) { all.push_back(path); });
    return all;
}

} // namespace

TEST_CASE("sequential: gradients are exact and all worlds agree") {
    check_layer(
        "sequential", {normal({2, 4, 3})}, [](auto zero) { return make(zero); },
        [](const auto& layer, const auto& in) { return layer(in[0]); });
}

TEST_CASE("sequential: computes its elements in order, and names them by their places") {
    const auto net = make(0.0);
    const auto x = normal({2, 4, 3});
    const auto y = std::get<1>(std::tuple(0, op::tanh(std::get<0>(net.layers)(x))));
    const auto& inner = std::get<5>(net.layers);
    const auto want = op::scale(
        std::get<0>(inner.layers)(std::get<4>(net.layers)(op::mean_over_time(std::get<2>(net.layers)(y)))), 0.5);
    CHECK(identical(net(x), want));
    CHECK(names(net) == std::vector<std::string>{"0.weight", "0.bias", "2.weight_ih_l0", "2.weight_hh_l0",
                                                 "2.bias_ih_l0", "2.bias_hh_l0", "4.weight", "4.bias", "5.0.weight"});
    CHECK(parameter_count(net) == 3 * 5 + 5 + 12 * (5 + 4 + 2) + 8 + 8);
}

TEST_CASE("sequential: passes the mode to elements that take it, and computes in eval when frozen") {
    generator g(1);
    nn::sequential net(by_mode{}, nn::layer_norm<double>(3), by_mode{}, [](const auto& x) { return x; });
    const auto x = normal({2, 3});
    const auto layer = std::get<1>(net.layers);
    CHECK(identical(net(x), op::scale(layer(op::scale(x, 3)), 3)));
    CHECK(identical(net(x, mode::train), op::scale(layer(op::scale(x, 2)), 2)));
    freeze(net);
    CHECK(identical(net(x, mode::train), net(x)));
    unfreeze(net);
    CHECK_FALSE(identical(net(x, mode::train), net(x)));
}

TEST_CASE("sequential: in lists and optionals, in model files and in programs") {
    const network net(generator(2));
    CHECK(names(net).back() == "last.0.bias");
    CHECK(names(net)[9] == "more.0.0.weight");
    const auto path = (std::filesystem::temp_directory_path() / "smldist_sequential.safetensors").string();
    tensor<float> window(shape{1, 4, 3});
    generator g(5);
    for (float& v : window) v = static_cast<float>(g.normal());
    io::model_facts facts;
    facts.window = facts.hop = 4;
    facts.rate_hz = 50;
    facts.channels = {"x", "y", "z"};
    facts.labels = {"a", "b", "c"};
    model::save(path, net, facts, window);
    network again(generator(3));
    CHECK_FALSE(identical(again(window).logits, net(window).logits));
    model::load_into(again, path);
    CHECK(identical(again(window).logits, net(window).logits));
    std::vector<float> logits(3);
    deploy::load(path).net.run(window.data(), logits.data());
    for (std::size_t i = 0; i < 3; ++i) CHECK(std::abs(logits[i] - net(window).logits[i]) < 1e-5f);
    std::filesystem::remove(path);
}

TEST_CASE("sequential: is assigned with the captures of its lambdas") {
    const auto scaled = [](double factor) {
        generator g(7);
        return nn::sequential([factor](const auto& x) { return op::scale(x, factor); }, nn::layer_norm<double>(3));
    };
    auto net = scaled(2);
    const auto other = scaled(5), before = net;
    const auto x = normal({2, 3});
    net = other;
    CHECK(identical(net(x), other(x)));
    auto& self = net;
    net = self;
    CHECK(identical(net(x), other(x)));
    net = scaled(2);
    CHECK(identical(net(x), before(x)));
}

TEST_CASE("sequential: what an element throws passes through") {
    CHECK_RAISES(shape_error, "op::linear: shape of x is (2, 4, 4)", make(0.0)(normal({2, 4, 4})));
}

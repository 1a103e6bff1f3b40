// SPDX-License-Identifier: BSD-3-Clause
/// Networks of images: against PyTorch, in every world, in files and as programs.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "deviation.hpp"
#include "model/small.hpp"
#include "raises.hpp"
#include "reference.hpp"
#include "smldist/deploy/compile.hpp"
#include "smldist/deploy/load.hpp"
#include "smldist/graph/summary.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/model/load.hpp"

using namespace smldist;

namespace {

tensor<double> array(const std::string& name) { return reference("model2d.safetensors", name); }

/// As of model/network_reference.cpp.
template <class T> struct tolerance;
template <> struct tolerance<double> { static constexpr double small = 1e-11, large = 7e-8, gradient = 7e-8; };
template <> struct tolerance<float> { static constexpr double small = 2e-5, large = 2e-5, gradient = 2e-3; };

/// A network of make_model2d.py.
template <class T> model::network2d<T> make(const std::string& name) {
    auto c = model::preset("mobilenet_v3_" + name, 0.1);
    c.backbone.channels = 3;
    c.backbone.height = 45;
    c.backbone.width = 38;
    c.backbone.norm = model::torchvision_norm;
    c.classes = 4;
    c.dropout = 0;
    model::network2d<T> net(c, generator(1));
    walk(net, [&name](const std::string& path, auto& leaf) {
        using leaf_scalar = typename std::remove_cvref_t<decltype(leaf.value)>::value_type;
        if constexpr (std::is_same_v<leaf_scalar, T>) {
            const auto value = array(name + "/init/" + path);
            REQUIRE(value.shape() == leaf.shape());
            leaf.value = cast<T>(value);
        }
    });
    return net;
}

template <class T> void check_outputs(const std::string& prefix, const outputs<tensor<T>>& out) {
    REQUIRE(out.stages.size() == 3);
    for (std::size_t i = 0; i < 3; ++i)
        CHECK(deviation(out.stages[i], array(prefix + "stage" + std::to_string(i))) <= tolerance<T>::large);
    CHECK(deviation(out.feature, array(prefix + "feature")) <= tolerance<T>::small);
    CHECK(deviation(out.logits, array(prefix + "logits")) <= tolerance<T>::small);
}

/// small() for images of 6 × 10.
model::network_config small_images(model::head_config head = heads::memory) {
    auto c = small(std::move(head));
    c.backbone.height = 6;
    c.backbone.width = 10;
    return c;
}
io::model_facts facts_of_images() {
    io::model_facts f = facts();
    f.window = f.hop = 60;
    return f;
}
tensor<float> noise(const shape& s, std::uint64_t seed = 5) {
    tensor<float> x(s);
    generator g(seed);
    for (float& v : x) v = static_cast<float>(g.normal());
    return x;
}
double largest_difference(const tensor<float>& a, const std::vector<float>& b) {
    REQUIRE(a.size() == b.size());
    double worst = 0, scale = 1;
    for (std::size_t i = 0; i < b.size(); ++i) {
        worst = std::max(worst, std::abs(double(a[i]) - double(b[i])));
        scale = std::max(scale, std::abs(double(a[i])));
    }
    return worst / scale;
}

} // namespace

TEST_CASE_TEMPLATE("network2d: outputs and loss and gradients and running statistics agree with PyTorch", T, double,
                   float) {
    const auto x = cast<T>(array("x"));
    const auto stored = array("labels");
    std::vector<int> labels;
    for (const double n : stored) labels.push_back(static_cast<int>(n));
    for (const std::string name : {"small", "large"}) {
        CAPTURE(name);
        auto net = make<T>(name);
        check_outputs(name + "/eval/", net(x));
        check_outputs(name + "/train/", net(x, mode::train));

        tape<T> t;
        const auto loss = loss::cross_entropy(net(t.input(x), mode::train).logits, std::span<const int>(labels));
        CHECK(deviation(loss.value(), array(name + "/loss")) <= tolerance<T>::small);
        t.backward(loss);
        std::size_t gradients = 0, statistics = 0;
        walk(net, [&](const std::string& path, auto& leaf) {
            CAPTURE(path);
            using leaf_type = std::remove_cvref_t<decltype(leaf)>;
            if constexpr (std::is_same_v<leaf_type, parameter<T>>) {
                const auto* gradient = t.gradient(leaf);
                REQUIRE(gradient);
                CHECK(deviation(*gradient, array(name + "/gradient/" + path)) <= tolerance<T>::gradient);
                ++gradients;
            } else if constexpr (std::is_same_v<leaf_type, buffer<T>>) {
                t.write_notes(leaf);
                CHECK(deviation(leaf.value, array(name + "/running/" + path)) <= tolerance<T>::large);
                ++statistics;
            }
        });
        CHECK(gradients == number_stored("model2d.safetensors", name + "/gradient/"));
        CHECK(statistics == number_stored("model2d.safetensors", name + "/running/"));
    }
}

TEST_CASE("network2d: the presets have the parameters of torchvision's tables") {
    // torchvision's mobilenet_v3_small has 2 542 856 and mobilenet_v3_large 5 483 032 parameters with 1000 classes, of which
    // classifier.0 and classifier.3 are 576·1024 + 1024 + 1024·1000 + 1000 and 960·1280 + 1280 + 1280·1000 + 1000.
    const std::pair<std::string, std::size_t> wanted[] = {
        {"mobilenet_v3_small", 2542856 - (576 * 1024 + 1024 + 1024 * 1000 + 1000)},
        {"mobilenet_v3_large", 5483032 - (960 * 1280 + 1280 + 1280 * 1000 + 1000)}};
    for (const auto& [name, parameters] : wanted) {
        auto c = model::preset(name).backbone;
        c.channels = 3;
        c.height = c.width = 224;
        generator g(1);
        const model::mobilenet_v3_2d<float> net(c, g);
        CHECK(parameter_count(net) == parameters);
        const auto out = shapes_of(net, {1, 224, 224, 3});
        CHECK(out.stages[0] == shape{1, 56, 56, name == "mobilenet_v3_small" ? 16u : 24u});
        CHECK(out.stages[1].with(3, 1) == shape{1, 28, 28, 1});
        CHECK(out.stages[2].with(3, 1) == shape{1, 14, 14, 1});
        CHECK(out.feature == shape{1, c.tail});
    }
}

TEST_CASE("network2d: every world gives the same bits and shapes, for images and for their rows of pixels") {
    for (const auto& head : {heads::linear, heads::memory}) {
        auto c = small_images(head);
        c.dropout = 0;
        const model::network2d<float> net(c, generator(1));
        const auto x = noise({3, 6, 10, 3});
        const auto rows = tensor<float>(x).reshaped({3, 60, 3});
        for (const mode m : {mode::eval, mode::train}) {
            const auto computed = net(x, m), of_rows = net(rows, m);
            tape<float> t;
            const auto recorded = net(t.input(rows), m);
            const auto traced = shapes_of(net, {3, 60, 3});
            REQUIRE(computed.stages.size() == 2);
            for (std::size_t i = 0; i < 2; ++i) {
                CHECK(identical(computed.stages[i], recorded.stages[i].value()));
                CHECK(traced.stages[i] == computed.stages[i].shape());
            }
            CHECK(identical(computed.logits, recorded.logits.value()));
            CHECK(identical(computed.logits, of_rows.logits));
            CHECK(traced.logits == computed.logits.shape());
            CHECK(identical(net.up_to_stage(0, x, m).stages[0], computed.stages[0]));
        }
        CHECK(model::trace(net, 60).macs() == summarise(model::trace(net, 60)).macs);
    }
}

TEST_CASE("network2d: what does not fit is refused") {
    const auto make = [](auto change) {
        auto c = small_images();
        change(c.backbone);
        return model::network2d<float>(c, generator(1));
    };
    CHECK_RAISES(usage_error, "height and width are 0 and 10, expected those of an image",
                 make([](auto& b) { b.height = 0; }));
    CHECK_RAISES(usage_error, "height and width are 6 and 0, expected those of an image",
                 make([](auto& b) { b.width = 0; }));
    CHECK_RAISES(usage_error, "causal is true", make([](auto& b) { b.causal = true; }));
    CHECK_RAISES(usage_error, "height and width are 6 and 10, expected 0 for a network of windows",
                 model::network<float>(small_images(), generator(1)));
    const auto net = make([](auto&) {});
    for (const shape& s : {shape{60, 3}, shape{1, 59, 3}, shape{1, 60, 2}, shape{1, 10, 6, 3}, shape{1, 6, 10, 2}})
        CHECK_RAISES(shape_error, "shape of x is " + s.text() + ", expected (B, 6, 10, 3) or (B, 60, 3)",
                     net(tensor<float>(s)));
}

TEST_CASE("network2d: a model file gives the same network and a program with the same logits") {
    for (const auto& head : {heads::linear, heads::memory}) {
        const model::network2d<double> net(small_images(head), generator(3));
        const auto window = noise({1, 60, 3});
        const auto bytes = model::to_bytes(net, facts_of_images(), window);
        const auto back = model::load<double, 2>(io::read_bundle(io::byte_vector(bytes)));
        CHECK(back.net.config.backbone == net.config.backbone);
        CHECK(back.facts.window == 60);
        const auto x = cast<double>(noise({2, 6, 10, 3}, 8));
        CHECK(identical(net(x).logits, back.net(x).logits));

        const auto wanted = cast<float>(model::raw_logits<double>(net, facts().normaliser, window));
        const auto program = deploy::load(io::read_bundle(io::byte_vector(bytes)));
        std::vector<float> logits(4);
        program.net.run(window.data(), logits.data());
        CHECK(largest_difference(wanted, logits) <= 1e-5);
        CHECK_RAISES(data_error, "architecture is of images, expected windows; load<T, 2> reads images",
                     model::load<float>(io::read_bundle(io::byte_vector(bytes))));
    }
    const model::network<float> of_windows(small(), generator(1));
    auto f = facts();
    CHECK_RAISES(data_error, "architecture is of windows, expected images; load<T> reads windows",
                 model::load<float, 2>(io::read_bundle(model::to_bytes(of_windows, f, noise({1, 32, 3})))));
    const model::network2d<float> of_images(small_images(), generator(1));
    CHECK_RAISES(shape_error, "shape of x is (1, 32, 3)", model::to_bytes(of_images, f, noise({1, 32, 3})));
}

TEST_CASE("network2d: a program of images is the network, by its configuration or its length") {
    const model::network2d<float> net(small_images(), generator(3));
    const auto x = noise({2, 6, 10, 3});
    const auto wanted = net(x).logits;
    for (const auto& o : {deploy::options{.batch = 2}, deploy::options{.batch = 2, .length = 60},
                          deploy::options{.batch = 2, .height = 6, .width = 10}}) {
        const auto p = deploy::compile(net, o);
        CHECK(p.length() == 60);
        std::vector<float> logits(8);
        p.run(x.data(), logits.data());
        CHECK(largest_difference(wanted, logits) <= 1e-5);
    }
}

TEST_CASE("architecture: of images it has height and width, and is counted before it is built") {
    const auto c = small_images();
    const io::json j = model::to_json(c);
    CHECK(j.as_string("type") == "mobilenet_v3_2d");
    CHECK(model::config_from_json(j).backbone == c.backbone);
    std::size_t held = 0;
    const model::network2d<float> net(c, generator(0));
    walk(net, [&](const std::string&, const auto& leaf) { held += leaf.value.size(); });
    CHECK(model::element_count(c) == double(held));
    CHECK_FALSE(model::to_json(small()).find("height"));

    const auto changed = [&j](std::string_view name, auto value) {
        io::json k = j;
        k.set(name, value);
        return k;
    };
    CHECK_RAISES(data_error, "an extent of the image", model::config_from_json(changed("height", 0)));
    CHECK_RAISES(data_error, "an extent of the image", model::config_from_json(changed("width", 70000)));
    CHECK_RAISES(data_error, "causal", model::config_from_json(changed("causal", true)));
    CHECK_RAISES(data_error, "type of the architecture", model::config_from_json(changed("type", "mobilenet_v3_3d")));
}

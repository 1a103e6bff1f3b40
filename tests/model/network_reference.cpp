// SPDX-License-Identifier: BSD-3-Clause
/// Whole networks against PyTorch: outputs, loss, every gradient by name, running statistics, ten steps of optimisers.
#include <doctest/doctest.h>

#include <algorithm>
#include <span>
#include <string>

#include "deviation.hpp"
#include "reference.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/model/network.hpp"
#include "smldist/optim/adam.hpp"
#include "smldist/optim/sgd.hpp"

using namespace smldist;

namespace {

tensor<double> array(const std::string& name) { return reference("model.safetensors", name); }

/// Tolerances. Large arrays are stored in single precision: double cannot be held against them more closely than 6e-8.
/// In float the batch-norms, here over as few as 8 rows, amplify the rounding of gradients.
template <class T> struct tolerance;
template <> struct tolerance<double> { static constexpr double small = 1e-11, large = 7e-8, gradient = 7e-8; };
template <> struct tolerance<float> { static constexpr double small = 1e-5, large = 1e-5, gradient = 4e-4; };

const model::head_config linear_head = model::linear_head{},
                         memory_head =
                             model::memory_head{.patterns_per_class = 3, .width = 8, .updates = 1, .beta = 5};

template <class T> model::network<T> make(const std::string& name, model::head_config head) {
    auto c = model::preset(name);
    c.head = head;
    c.dropout = 0;
    model::network<T> net(c, generator(1));
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

struct batch {
    tensor<double> x;
    std::vector<int> labels;
};
batch batch_of(std::size_t i) {
    const auto x = array("x"), y = array("labels");
    const shape one(x.shape().begin() + 1, x.shape().end());
    batch b{tensor<double>(one), std::vector<int>(one[0])};
    std::copy_n(x.data() + i * one.size(), one.size(), b.x.data());
    for (std::size_t s = 0; s < one[0]; ++s) b.labels[s] = static_cast<int>(y[i * one[0] + s]);
    return b;
}

template <class T> void check_outputs(const std::string& prefix, const outputs<tensor<T>>& out) {
    const auto check = [&prefix](const std::string& name, const tensor<T>& got, double tolerated) {
        CAPTURE(prefix + name);
        CHECK(deviation(got, array(prefix + name)) <= tolerated);
    };
    for (std::size_t i = 0; i < out.stages.size(); ++i)
        check("stage" + std::to_string(i), out.stages[i], tolerance<T>::large);
    check("feature", out.feature, tolerance<T>::small);
    check("logits", out.logits, tolerance<T>::small);
    if (out.memory.empty()) return;
    check("scores", out.memory.scores, tolerance<T>::small);
    check("retrieved", out.memory.retrieved, tolerance<T>::small);
}

/// Parameters and floating-point buffers of a model against the arrays <prefix><path>.
template <class T> void check_values(const std::string& prefix, const model::network<T>& net) {
    std::size_t n = 0;
    walk(net, [&](const std::string& path, const auto& leaf) {
        CAPTURE(path);
        using leaf_scalar = typename std::remove_cvref_t<decltype(leaf.value)>::value_type;
        if constexpr (std::is_same_v<leaf_scalar, T>) {
            CHECK(deviation(leaf.value, array(prefix + path)) <= tolerance<T>::gradient);
            ++n;
        }
    });
    CHECK(n == number_stored("model.safetensors", prefix));
}

template <class T> void check_pass(const std::string& name, model::head_config head) {
    const std::string prefix = name + "/" + std::string(model::text(head)) + "/";
    CAPTURE(prefix);
    auto net = make<T>(name, head);
    const batch b = batch_of(0);
    const auto x = cast<T>(b.x);
    check_outputs(prefix + "eval/", net(x));
    check_outputs(prefix + "train/", net(x, mode::train));

    tape<T> t;
    const auto loss = loss::cross_entropy(net(t.input(x), mode::train).logits, std::span<const int>(b.labels));
    CHECK(deviation(loss.value(), array(prefix + "loss")) <= tolerance<T>::small);
    if (name != "har_student") return; // gradients are stored of the student alone
    t.backward(loss);
    std::size_t gradients = 0, statistics = 0;
    walk(net, [&](const std::string& path, auto& leaf) {
        CAPTURE(path);
        using leaf_type = std::remove_cvref_t<decltype(leaf)>;
        if constexpr (std::is_same_v<leaf_type, parameter<T>>) {
            const auto* gradient = t.gradient(leaf);
            REQUIRE(gradient);
            CHECK(deviation(*gradient, array(prefix + "gradient/" + path)) <= tolerance<T>::gradient);
            ++gradients;
        } else if constexpr (std::is_same_v<leaf_type, buffer<T>>) {
            t.write_notes(leaf);
            CHECK(deviation(leaf.value, array(prefix + "running/" + path)) <= tolerance<T>::large);
            ++statistics;
        }
    });
    CHECK(gradients == number_stored("model.safetensors", prefix + "gradient/"));
    CHECK(statistics == number_stored("model.safetensors", prefix + "running/"));
}

/// Ten steps over three batches in turn.
template <class T, class Optimiser>
void check_steps(const std::string& name, model::head_config head, const std::string& run, Optimiser optimiser) {
    const std::string prefix = name + "/" + std::string(model::text(head)) + "/" + run + "/";
    CAPTURE(prefix);
    auto net = make<T>(name, head);
    tape<T> t;
    for (std::size_t i = 0; i < 10; ++i) {
        const batch b = batch_of(i % 3);
        t.reset();
        const auto out = net(t.input(cast<T>(b.x)), mode::train);
        t.backward(loss::cross_entropy(out.logits, std::span<const int>(b.labels)));
        optimiser.step(net, t);
    }
    check_values(prefix, net);
}

constexpr double lr = 2e-3, momentum = 0.9, decay = 1e-3; // as in make_model.py

} // namespace

TEST_CASE_TEMPLATE("network: outputs and loss and gradients and running statistics agree with PyTorch", T, double,
                   float) {
    for (const std::string name : {"har_student", "har_nano"})
        for (const auto& head : {linear_head, memory_head}) check_pass<T>(name, head);
}

TEST_CASE("network: ten steps of AdamW and Adam and SGD agree with PyTorch") {
    check_steps<double>("har_student", memory_head, "adamw", optim::adamw<double>(lr, decay));
    check_steps<double>("har_nano", memory_head, "adam", optim::adam<double>({.lr = lr, .weight_decay = decay}));
    check_steps<double>("har_nano", linear_head, "sgd",
                        optim::sgd<double>({.lr = 10 * lr, .momentum = momentum, .weight_decay = decay}));
}

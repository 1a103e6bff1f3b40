// SPDX-License-Identifier: BSD-3-Clause
/// The public code's form of a network against PyTorch, number by number.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

#include "model/deviation.hpp"
#include "small.hpp"
#include "smldist/autograd/tape.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/loss/mse.hpp"
#include "smldist/optim/adam.hpp"
#include "smldist/optim/ranger.hpp"
#include "smldist/ref2021/loss.hpp"

using namespace smldist;

namespace {

/// In float the batch-norms, here over as few as 18 rows, amplify the rounding of gradients.
template <class T> constexpr double tolerance = 1e-10;
template <> constexpr double tolerance<float> = 1e-4;

/// f(path, leaf) for every parameter and every buffer that holds no labels.
template <class T> void each_leaf(model::network<T>& net, auto f) {
    walk(net, [&f](const std::string& path, auto& leaf) {
        if constexpr (std::is_same_v<decltype(leaf.value), tensor<T>>) f(path, leaf);
    });
}

template <class T> model::network<T> make() {
    model::network<T> net(small(), generator(1));
    each_leaf(net, [](const std::string& path, auto& leaf) { leaf.value = cast<T>(array("init/" + path)); });
    return net;
}

std::vector<int> labels() {
    const auto y = array("labels");
    return {y.begin(), y.end()};
}

/// A loss of the public code on the batch x, of as much of a network in training as it needs.
template <class T> var<T> loss_of(const std::string& name, const model::network<T>& net, tape<T>& t) {
    const auto x = t.input(cast<T>(array("x")));
    if (name == "labels") return loss::cross_entropy(net(x, mode::train).logits, labels());
    if (name == "logits")
        return ref2021::logits_loss(net(x, mode::train).logits, cast<T>(array("teacher/logits")), labels());
    const std::size_t i = name == "stage1";
    return loss::mse(net.up_to_stage(i, x, mode::train).stages[i], cast<T>(array("teacher/" + name)));
}

template <class T> void check_outputs(const std::string& prefix, const outputs<tensor<T>>& out) {
    for (std::size_t i = 0; i < out.stages.size(); ++i)
        CHECK(deviation(out.stages[i], array(prefix + "stage" + std::to_string(i))) <= tolerance<T>);
    CHECK(deviation(out.feature, array(prefix + "feature")) <= tolerance<T>);
}

} // namespace

TEST_CASE_TEMPLATE("ref2021: outputs and losses and gradients and running statistics agree with PyTorch", T, double,
                   float) {
    auto net = make<T>();
    const auto x = cast<T>(array("x"));
    std::size_t leaves = 0;
    each_leaf(net, [&leaves](const std::string&, const auto&) { ++leaves; });
    CHECK(leaves == number_stored("ref2021.safetensors", "init/"));
    for (std::size_t e = 0; e < 3; ++e) {
        net.template head<nn::blended_head<T>>()->evaluation = static_cast<nn::blended_output>(e);
        const std::string name(names_of<nn::blended_output>()[e]);
        CAPTURE(name);
        const auto out = net(x);
        check_outputs("eval/", out);
        CHECK(deviation(out.logits, array("eval/" + name)) <= tolerance<T>);
        const auto trained = net(x, mode::train); // whatever the evaluation: probabilities
        check_outputs("train/", trained);
        CHECK(deviation(trained.logits, array("train/fused")) <= tolerance<T>);
    }
    for (const std::string name : {"labels", "stage0", "stage1", "logits"}) {
        CAPTURE(name);
        tape<T> t;
        const auto y = loss_of<T>(name, net, t);
        CHECK(deviation(y.value(), array(name + "/loss")) <= tolerance<T>);
        t.backward(y);
        std::size_t gradients = 0;
        each_leaf(net, [&](const std::string& path, auto& leaf) {
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(leaf)>, parameter<T>>) {
                const auto* gradient = t.gradient(leaf);
                if (!gradient) return;
                CAPTURE(path);
                CHECK(deviation(*gradient, array(name + "/gradient/" + path)) <= tolerance<T>);
                ++gradients;
            } else {
                if (name != "labels" && name != "stage0") return;
                auto before = leaf;
                t.write_notes(leaf);
                CHECK(deviation(leaf.value, array(name + "/running/" + path)) <= tolerance<T>);
                // Behind the anchor nothing ran.
                if (name == "stage0" && !path.starts_with("backbone.stem") && !path.starts_with("backbone.blocks.0"))
                    CHECK(identical(leaf.value, before.value));
                leaf = before;
            }
        });
        CHECK(gradients == number_stored("ref2021.safetensors", name + "/gradient/"));
    }
}

TEST_CASE("ref2021: three Adam steps per stage and then eight of Ranger agree with PyTorch") {
    auto net = make<double>();
    tape<double> t;
    const auto train = [&](const std::string& name, std::size_t steps, auto optimiser) {
        for (std::size_t i = 0; i < steps; ++i) {
            t.reset();
            t.backward(loss_of<double>(name, net, t));
            optimiser.step(net, t);
        }
    };
    train("stage0", 3, optim::adam<double>({.lr = 1e-4}));
    train("stage1", 3, optim::adam<double>({.lr = 1e-4}));
    train("logits", 8, optim::ranger<double>(1e-3));
    each_leaf(net, [](const std::string& path, const auto& leaf) {
        CAPTURE(path);
        CHECK(deviation(leaf.value, array("after/" + path)) <= 1e-8);
    });
}

TEST_CASE_TEMPLATE("ref2021: from initial values each layer-norm of the head gets its gradient in turn as in PyTorch",
                   T, double, float) {
    auto net = make<T>();
    auto& head = *net.template head<nn::blended_head<T>>();
    for (auto* norm : {&head.norm_state, &head.norm_stored, &head.norm}) *norm = nn::layer_norm<T>(12);
    tape<T> t;
    auto optimiser = optim::ranger<T>(1e-3);
    for (std::size_t step = 1; step <= 8; ++step) {
        t.reset();
        t.backward(loss_of<T>("labels", net, t));
        const std::string prefix = "fresh/" + std::to_string(step) + "/";
        std::size_t gradients = 0;
        walk(net, [&](const std::string& path, const auto& leaf) {
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(leaf)>, parameter<T>>) {
                if (step > 4 || !path.starts_with("ref2021.norm")) return;
                CAPTURE(prefix + path);
                const auto* gradient = t.gradient(leaf);
                REQUIRE((gradient != nullptr) ==
                        (reference_file("ref2021.safetensors").find(prefix + path) != nullptr));
                if (!gradient) return;
                ++gradients;
                CHECK(deviation(*gradient, array(prefix + path)) <= tolerance<T>);
                // In step 1 that of the state's, in step 2 of the stored pattern's, then of the projection's.
                const std::string turn = step == 1 ? "norm_state." : step == 2 ? "norm_stored." : "norm.";
                CHECK((kernel::dot(gradient->size(), gradient->data(), gradient->data()) > 0) ==
                      path.starts_with("ref2021." + turn));
            }
        });
        if (step <= 4) CHECK(gradients == 2 * std::min<std::size_t>(step, 3));
        optimiser.step(net, t);
    }
    each_leaf(net, [](const std::string& path, const auto& leaf) {
        CAPTURE(path);
        if (path.starts_with("ref2021."))
            CHECK(deviation(leaf.value, array("fresh/after/" + path)) <= (std::is_same_v<T, double> ? 1e-8 : 1e-4));
    });
}

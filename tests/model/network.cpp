// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/model/network.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "allocations.hpp"
#include "presets.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/optim/adam.hpp"
#include "smldist/optim/ema.hpp"

using namespace smldist;

namespace {

/// Calls f(name, value) for every output.
template <class X, class F> void each_output(const outputs<X>& out, F f) {
    for (std::size_t i = 0; i < out.stages.size(); ++i) f("stage " + std::to_string(i), out.stages[i]);
    f("feature", out.feature);
    if (!out.memory.empty()) {
        f("scores", out.memory.scores);
        f("retrieved", out.memory.retrieved);
    }
    f("logits", out.logits);
}

} // namespace

TEST_CASE("network: tensors and vars agree bit for bit and symbols agree in shapes") {
    const tensor<float> x = normal({3, 21, 9});
    for (const auto head : both_heads)
        for (const std::string preset : {"har_student", "har_nano"})
            for (const mode m : {mode::eval, mode::train}) {
                CAPTURE(model::text(head));
                CAPTURE(preset);
                CAPTURE((m == mode::train));
                const network net = make(preset, head);
                tape<float> t;
                graph g;
                const auto computed = net(x, m);
                const auto recorded = net(t.input(x), m);
                const auto traced = net(symbol::input(g, "x", x.shape()), m);
                std::vector<tensor<float>> values;
                each_output(computed, [&values](const std::string&, const auto& v) { values.push_back(v); });
                std::size_t i = 0;
                each_output(recorded, [&](const std::string& name, const auto& v) {
                    CAPTURE(name);
                    CHECK(identical(v.value(), values[i++]));
                });
                CHECK(i == values.size());
                i = 0;
                each_output(traced, [&](const std::string& name, const auto& v) {
                    CAPTURE(name);
                    CHECK(v.shape() == values[i++].shape());
                });
                CHECK(i == values.size());
                CHECK(computed.memory.empty() == (head == linear_head));
            }
}

TEST_CASE("network: in evaluation a window's outputs do not depend on its batch") {
    const tensor<float> x = normal({5, 128, 9});
    for (const auto head : both_heads) {
        CAPTURE(model::text(head));
        const network net = make("har_student", head);
        std::vector<tensor<float>> together;
        each_output(net(x), [&together](const std::string&, const auto& v) { together.push_back(v); });
        for (std::size_t b = 0; b < 5; ++b) {
            tensor<float> alone(shape{1, 128, 9});
            std::copy_n(x.data() + b * alone.size(), alone.size(), alone.data());
            std::size_t i = 0;
            each_output(net(alone), [&](const std::string& name, const auto& v) {
                CAPTURE(name);
                CHECK(std::memcmp(v.data(), together[i++].data() + b * v.size(), v.size() * sizeof(float)) == 0);
            });
        }
    }
}

TEST_CASE("network: dropout draws from the tape in training") {
    auto c = model::preset("har_nano");
    c.dropout = 0.5;
    const network net(c, generator(1));
    const tensor<float> x = normal({4, 16, 9});
    const auto logits = [&](std::uint64_t seed, mode m) {
        tape<float> t(seed);
        return net(t.input(x), m).logits.value();
    };
    CHECK(identical(logits(1, mode::train), logits(1, mode::train)));
    CHECK_FALSE(identical(logits(1, mode::train), logits(2, mode::train)));
    CHECK(identical(logits(1, mode::eval), logits(2, mode::eval)));
    CHECK(identical(logits(1, mode::eval), net(x).logits));
    CHECK_THROWS_AS(net(x, mode::train), usage_error);
}

TEST_CASE("network: one seed gives the same weights and both heads the same backbone") {
    CHECK(same_bits(all_values(make("har_student")), all_values(make("har_student"))));
    CHECK_FALSE(same_bits(all_values(make("har_student")), all_values(make("har_student", both_heads[0], 2))));
    const auto a = make("har_student"), b = make("har_student", memory_head);
    CHECK(identical(a.backbone.tail.conv.weight.value, b.backbone.tail.conv.weight.value));
}

TEST_CASE("network: a training step gives the same bits on any number of threads") {
    const std::size_t before = threads();
    const tensor<float> x = normal({8, 128, 9});
    for (const auto head : both_heads) {
        CAPTURE(model::text(head));
        const auto step = [&](std::size_t n) {
            set_threads(n);
            network net = make("har_student", head);
            tape<float> t;
            auto optimiser = optim::adamw<float>(1e-2);
            train_step(net, t, optimiser, x);
            train_step(net, t, optimiser, x);
            auto values = all_values(net);
            for_each_parameter(net, [&](auto& p) {
                const auto* g = t.gradient(p);
                REQUIRE(g);
                values.insert(values.end(), g->begin(), g->end());
            });
            return values;
        };
        const auto one = step(1);
        CHECK(same_bits(one, step(2)));
        CHECK(same_bits(one, step(3)));
    }
    set_threads(before);
}

TEST_CASE("network: a warmed-up training step does not allocate") {
    const std::size_t before = threads();
    set_threads(1);
    const tensor<float> x = normal({8, 128, 9});
    for (const auto head : both_heads) {
        CAPTURE(model::text(head));
        network net = make("har_student", head);
        net.config.dropout = 0.2;
        tape<float> t;
        auto optimiser = optim::adamw<float>();
        optim::ema<network> average(net);
        const auto step = [&] {
            t.reset();
            const auto out = net(t.input(x), mode::train);
            t.backward(loss::cross_entropy(out.logits, std::span<const int>(eight_labels)));
            optim::clip_gradient_norm(net, t, 5.0);
            optimiser.step(net, t);
            average.update(net);
        };
        for (int i = 0; i < 2; ++i)
            step(); // the optimiser makes its state in the first, of blocks that the second misses
        const std::size_t warm = allocations();
        for (int i = 0; i < 3; ++i) step();
        CHECK(allocations() == warm);
    }
    set_threads(before);
}

TEST_CASE("network: the optimiser refuses a model that was copied or moved after the forward pass") {
    const tensor<float> x = normal({8, 16, 9});
    auto net = std::make_unique<network>(make("har_nano"));
    tape<float> t;
    auto optimiser = optim::adamw<float>();
    const auto forward = [&](const network& n) {
        t.reset();
        t.backward(loss::cross_entropy(n(t.input(x), mode::train).logits, std::span<const int>(eight_labels)));
    };
    forward(*net);
    network copy = *net;
    const auto untouched = all_values(copy);
    CHECK_THROWS_AS(optimiser.step(copy, t), usage_error);
    CHECK(same_bits(all_values(copy), untouched));
    network moved = std::move(*net);
    CHECK_THROWS_AS(optimiser.step(moved, t), usage_error);
    CHECK(same_bits(all_values(moved), untouched));
    forward(moved);
    CHECK_NOTHROW(optimiser.step(moved, t));
    CHECK_FALSE(same_bits(all_values(moved), untouched));
}

TEST_CASE("network: a lookup head classifies and can be borrowed and searched") {
    const network net = make("har_nano", model::lookup_head{.patterns_per_class = 5});
    const auto* lookup = net.head<nn::hopfield_classifier<float>>();
    REQUIRE(lookup);
    CHECK(lookup->lookup.patterns.shape() == shape{6 * 5, 48});
    const auto out = net(normal({2, 16, 9}));
    CHECK(out.logits.shape() == shape{2, 6});
    CHECK(out.memory.empty());
    network student = make("har_student", linear_head);
    student.take_classifier(net, generator(1));
    const auto taught = student(normal({2, 16, 9}));
    CHECK(identical(taught.logits, (*lookup)(taught.feature)));
    for_each_parameter(*student.head<nn::hopfield_classifier<float>>(), [](auto& p) { CHECK_FALSE(p.trainable); });

    auto c = model::preset("har_nano");
    c.candidates = {model::linear_head{}, model::lookup_head{}};
    network search(c, generator(1));
    CHECK(search(normal({2, 16, 9})).candidates.logits.shape() == shape{2, 12});
    search.keep("linear");
    CHECK_FALSE(search.head<nn::hopfield_classifier<float>>());
    CHECK(search.head<nn::linear<float>>());
    CHECK(search.config.head == linear_head);
    CHECK_FALSE(search.under_search());
}

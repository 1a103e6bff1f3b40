// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/model/network.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>

#include "allocations.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/optim/adam.hpp"
#include "smldist/optim/ema.hpp"

using namespace smldist;
using network = model::network<float>;

namespace {

tensor<float> normal(const shape& s, std::uint64_t seed = 0) {
    generator random(7, seed);
    tensor<float> x(s);
    for (float& v : x) v = static_cast<float>(random.normal());
    return x;
}

const model::head_config linear_head = model::linear_head{},
                         memory_head = model::memory_head{.patterns_per_class = 3, .width = 16, .updates = 1};

/// Without dropout, so that training is defined on tensors too.
network make(std::string_view preset, model::head_config head = linear_head, std::uint64_t seed = 1) {
    auto c = model::preset(preset);
    c.head = head;
    c.dropout = 0;
    return network(c, generator(seed));
}
const model::head_config both_heads[] = {linear_head, memory_head};

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

/// All parameters and buffers of a model in one row.
std::vector<float> all_values(const network& net) {
    std::vector<float> values;
    walk(net, [&values](const std::string&, const auto& leaf) {
        for (const auto v : leaf.value) values.push_back(static_cast<float>(v));
    });
    return values;
}
bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

const std::vector<int> labels{0, 1, 2, 3, 4, 5, 0, 1};

/// One training step on a batch of 8 windows.
template <class Optimiser> void train(network& net, tape<float>& t, Optimiser& optimiser, const tensor<float>& x) {
    t.reset();
    const auto out = net(t.input(x), mode::train);
    t.backward(loss::cross_entropy(out.logits, std::span<const int>(labels)));
    optimiser.step(net, t);
}

} // namespace

TEST_CASE("preset: parameters, MACs and shapes are those of the table") {
    const struct {
        std::string_view name;
        double width;
        std::size_t parameters;
        std::uint64_t macs;
        std::size_t length, features;
    } table[] = {
        {"mobilenet_v3_large", 1, 2906966, 9410752, 4, 960},
        {"mobilenet_v3_large", 0.5, 752910, 2470400, 4, 480},
        {"mobilenet_v3_large", 0.25, 202342, 709312, 4, 240},
        {"mobilenet_v3_small", 1, 883814, 2598720, 4, 576},
        {"mobilenet_v3_small", 0.5, 234574, 713664, 4, 288},
        {"mobilenet_v3_small", 0.25, 69006, 226816, 4, 144},
        {"har_teacher", 1, 1165454, 6428672, 8, 256},
        {"har_student", 1, 25510, 212800, 8, 96},
        {"har_nano", 1, 8302, 100512, 8, 48},
    };
    for (const auto& row : table) {
        CAPTURE(row.name);
        CAPTURE(row.width);
        const network net(model::preset(row.name, row.width), generator(1));
        CHECK(parameter_count(net) == row.parameters);
        graph g;
        const auto out = net(symbol::input(g, "x", {1, 128, 9}));
        CHECK(g.macs() == row.macs);
        CHECK(out.feature.shape() == shape{1, row.features});
        CHECK(out.logits.shape() == shape{1, 6});
        REQUIRE(out.stages.size() == 3);
        for (std::size_t i = 0; i < 3; ++i) CHECK(out.stages[i].shape()[1] == 32u >> i); // strides 4, 8, 16
        const auto last =
            std::find_if(g.nodes.rbegin(), g.nodes.rend(), [](const auto& n) { return n.name == "mean_over_time"; });
        CHECK(g.nodes[last->inputs[0]].shape[1] == row.length);
    }
}

TEST_CASE("preset: names, widths and errors") {
    for (const auto name : model::preset_names) {
        const auto c = model::preset(name);
        CHECK(c.preset == name);
        CHECK(c.backbone.form == model::backbone_form{});
        CHECK(c.head == linear_head);
        CHECK(c.classes == 6);
        CHECK(c.backbone.channels == 9);
        CHECK(c.dropout == 0.2);
    }
    CHECK(model::preset("har_student", 0.5).backbone.stem == 8);
    CHECK_THROWS_WITH_AS(
        model::preset("har_studnet"),
        "model::preset: name is \"har_studnet\", expected one of har_teacher, har_student, har_nano, "
        "mobilenet_v3_small, mobilenet_v3_large",
        usage_error);
    for (const double width : {0.0, -1.0, 17.0, std::nan("")})
        CHECK_THROWS_AS(model::preset("har_nano", width), usage_error);
    CHECK(model::parse_head("linear") == linear_head);
    CHECK(model::parse_head(model::text(memory_head)) == model::head_config(model::memory_head{}));
    CHECK_THROWS_AS(model::parse_head("svm"), usage_error);
    auto c = model::preset("har_nano");
    c.classes = 1;
    CHECK_THROWS_WITH_AS(network(c, generator(1)), "model::network: number of classes is 1, expected at least 2",
                         usage_error);
}

TEST_CASE("network: tensors and vars agree bit for bit, symbols in the shapes") {
    const tensor<float> x = normal({3, 21, 9});
    for (const auto head : both_heads)
        for (const auto preset : {"har_student", "har_nano"})
            for (const mode m : {mode::eval, mode::train}) {
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

TEST_CASE("network: a seed gives the same weights, and both heads the same backbone") {
    CHECK(same_bits(all_values(make("har_student")), all_values(make("har_student"))));
    CHECK_FALSE(same_bits(all_values(make("har_student")), all_values(make("har_student", both_heads[0], 2))));
    const auto a = make("har_student"), b = make("har_student", memory_head);
    CHECK(identical(a.backbone.tail.conv.weight.value, b.backbone.tail.conv.weight.value));
}

TEST_CASE("network: a training step gives the same bits on any number of threads") {
    const std::size_t before = threads();
    const tensor<float> x = normal({8, 128, 9});
    for (const auto head : both_heads) {
        const auto step = [&](std::size_t n) {
            set_threads(n);
            network net = make("har_student", head);
            tape<float> t;
            auto optimiser = optim::adamw<float>(1e-2);
            train(net, t, optimiser, x);
            train(net, t, optimiser, x);
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
        network net = make("har_student", head);
        net.config.dropout = 0.2;
        tape<float> t;
        auto optimiser = optim::adamw<float>();
        optim::ema<network> average(net);
        const auto step = [&] {
            t.reset();
            const auto out = net(t.input(x), mode::train);
            t.backward(loss::cross_entropy(out.logits, std::span<const int>(labels)));
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

TEST_CASE("network: a model that was copied or moved after the forward pass is not stepped") {
    const tensor<float> x = normal({8, 16, 9});
    auto net = std::make_unique<network>(make("har_nano"));
    tape<float> t;
    auto optimiser = optim::adamw<float>();
    const auto forward = [&](const network& n) {
        t.reset();
        t.backward(loss::cross_entropy(n(t.input(x), mode::train).logits, std::span<const int>(labels)));
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

TEST_CASE("memory_transfer: its names") {
    using model::memory_transfer;
    CHECK(name_of(memory_transfer::copy_slow) == "copy_slow");
    CHECK(name_of(memory_transfer::copy_freeze) == "copy_freeze");
    CHECK(name_of(memory_transfer::copy) == "copy");
    CHECK(name_of(memory_transfer::none) == "none");
    CHECK(parse_enum<memory_transfer>("copy_freeze") == memory_transfer::copy_freeze);
    CHECK_THROWS_WITH_AS(static_cast<void>(parse_enum<memory_transfer>("slow")),
                         "model::memory_transfer: name is \"slow\", expected copy_slow, copy_freeze, copy or none",
                         usage_error);
}

TEST_CASE("take_memory: what each policy takes, and how fast it may change") {
    const network teacher = make("har_student", memory_head, 5);
    for (const auto policy : {model::memory_transfer::copy_slow, model::memory_transfer::copy_freeze,
                              model::memory_transfer::copy, model::memory_transfer::none}) {
        network student = make("har_student", memory_head, 6);
        const network before = student;
        student.take_memory(teacher, policy);
        const bool takes = policy != model::memory_transfer::none;
        const auto& from = *(takes ? teacher : before).memory();
        auto& mine = *student.memory();
        CHECK(identical(mine.keys.value, from.keys.value));
        CHECK(identical(mine.labels.value, from.labels.value));
        CHECK(identical(mine.log_beta.value, from.log_beta.value));
        CHECK(identical(mine.query.weight.value, from.query.weight.value)); // both features have the same width
        CHECK(identical(mine.query.bias.value, from.query.bias.value));
        CHECK(identical(student.backbone.stem.conv.weight.value, before.backbone.stem.conv.weight.value));
        for (const auto* p : {&mine.keys, &mine.log_beta}) {
            CHECK(p->trainable == (policy != model::memory_transfer::copy_freeze));
            CHECK(p->group == (policy == model::memory_transfer::copy_slow ? rate_group::slow : rate_group::base));
        }
        CHECK(mine.query.weight.trainable);
        CHECK(mine.query.weight.group == rate_group::base);

        const auto keys = mine.keys.value, log_beta = mine.log_beta.value;
        tape<float> t;
        auto optimiser = optim::adamw<float>(1e-2, 0);
        train(student, t, optimiser, normal({8, 16, 9}));
        const bool frozen = policy == model::memory_transfer::copy_freeze;
        CHECK(identical(mine.keys.value, keys) == frozen);
        CHECK(identical(mine.log_beta.value, log_beta) == frozen);
        CHECK_FALSE(identical(mine.query.weight.value, from.query.weight.value));
    }
}

TEST_CASE("take_memory: from another feature width and another number of patterns") {
    const network teacher = make("har_teacher", memory_head);
    auto c = model::preset("har_nano");
    c.head = model::memory_head{.patterns_per_class = 7, .width = 16, .kappa = 0.25};
    network student(c, generator(2));
    const auto query = student.memory()->query.weight.value;
    student.take_memory(teacher, model::memory_transfer::copy_slow);
    CHECK(identical(student.memory()->query.weight.value, query));
    CHECK(identical(student.memory()->keys.value, teacher.memory()->keys.value));
    CHECK(student.memory()->classes() == 6);
    CHECK(student.memory()->options.kappa == teacher.memory()->options.kappa);
    CHECK(student.config.options_of<model::memory_head>()->patterns_per_class == 3);
    CHECK(student.config.options_of<model::memory_head>()->updates == 1);
    CHECK(student(normal({2, 16, 9})).memory.scores.shape() == shape{2, 18});
}

TEST_CASE("take_memory: compressed to the medoids of each class, the dropout stays the student's") {
    const network teacher = make("har_teacher", memory_head); // 3 patterns a class
    auto c = model::preset("har_nano");
    c.head = model::memory_head{.width = 16, .dropout = 0.1};
    network student(c, generator(2));
    CHECK(network(student).take_memory(teacher, model::memory_transfer::copy).empty());
    CHECK(network(student).take_memory(teacher, model::memory_transfer::copy, 3).empty());
    CHECK(network(student).take_memory(teacher, model::memory_transfer::none, 2).empty());
    const auto merged = student.take_memory(teacher, model::memory_transfer::copy_freeze, 2);
    auto by_hand = *teacher.memory();
    CHECK(merged == by_hand.compress(2));
    CHECK(identical(student.memory()->keys.value, by_hand.keys.value));
    CHECK(identical(student.memory()->log_mass.value, by_hand.log_mass.value));
    CHECK_FALSE(student.memory()->keys.trainable);
    CHECK(student.config.options_of<model::memory_head>()->patterns_per_class == 2);
    CHECK(student.config.options_of<model::memory_head>()->dropout == 0.1);
    CHECK(student.memory()->options.dropout == 0.1);
    CHECK(student(normal({2, 16, 9})).memory.scores.shape() == shape{2, 12});
    network other(c, generator(3));
    const auto before = all_values(other);
    CHECK_THROWS_AS(other.take_memory(teacher, model::memory_transfer::copy, 4), usage_error);
    CHECK(same_bits(all_values(other), before));
}

TEST_CASE("network: a lookup head") {
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

TEST_CASE("take_memory: errors") {
    const auto with = [](auto change) {
        auto c = model::preset("har_nano");
        c.head = model::memory_head{};
        change(c);
        return network(c, generator(1));
    };
    const auto teacher = with([](auto&) {});
    auto linear = with([](auto& c) { c.head = linear_head; });
    auto classes = with([](auto& c) { c.classes = 5; });
    auto width = with([](auto& c) { c.head = model::memory_head{.width = 8}; });
    for (network* student : {&linear, &classes, &width}) {
        const auto before = all_values(*student);
        CHECK_THROWS_AS(student->take_memory(teacher, model::memory_transfer::copy), usage_error);
        CHECK(same_bits(all_values(*student), before));
        CHECK_NOTHROW(student->take_memory(teacher, model::memory_transfer::none));
    }
    auto student = with([](auto&) {});
    CHECK_THROWS_AS(student.take_memory(linear, model::memory_transfer::copy), usage_error);
}

TEST_CASE("take_classifier: the teacher's classifier, frozen, behind a projector; both count") {
    for (const auto head : {linear_head, memory_head}) {
        const network teacher = make("har_teacher", head, 5);
        network student = make("har_student", linear_head, 6);
        const std::size_t backbone = parameter_count(student.backbone);
        const auto stem = student.backbone.stem.conv.weight.value;
        student.take_classifier(teacher, generator(7));
        CHECK(identical(student.backbone.stem.conv.weight.value, stem));
        CHECK(student.config.head == head);
        CHECK(student.config.feature_width() == 256);
        const std::size_t classifier = head == linear_head ? parameter_count(*teacher.head<nn::linear<float>>())
                                                           : parameter_count(*teacher.memory());
        CHECK(parameter_count(student) == backbone + parameter_count(*student.projector) + classifier);

        const tensor<float> x = normal({8, 16, 9});
        const auto out = student(x);
        CHECK(out.feature.shape() == shape{8, 256});
        if (head == linear_head)
            CHECK(identical(out.logits, (*teacher.head<nn::linear<float>>())(out.feature)));
        else
            CHECK(identical(out.logits, (*teacher.memory())(out.feature).logits));

        std::vector<tensor<float>> borrowed;
        const auto collect = [&](const auto& p) {
            CHECK_FALSE(p.trainable);
            borrowed.push_back(p.value);
        };
        const auto each = [&](const network& net, auto&& f) {
            if (net.head<nn::linear<float>>()) for_each_parameter(*net.head<nn::linear<float>>(), f);
            if (net.memory()) for_each_parameter(*net.memory(), f);
        };
        each(student, collect);
        const auto projector = student.projector->reduce.weight.value;
        tape<float> t;
        auto optimiser = optim::adamw<float>(1e-2, 0.1);
        train(student, t, optimiser, x);
        std::size_t at = 0;
        each(student, [&](const auto& p) { CHECK(identical(p.value, borrowed.at(at++))); });
        CHECK(at == borrowed.size());
        CHECK_FALSE(identical(student.projector->reduce.weight.value, projector));
    }
    auto c = model::preset("har_nano");
    c.classes = 5;
    network other(c, generator(1));
    CHECK_THROWS_AS(other.take_classifier(make("har_teacher", linear_head), generator(1)), usage_error);
}

TEST_CASE("freeze: a frozen backbone gives the same features to the bit, whatever is trained behind it") {
    for (const auto head : both_heads) {
        auto c = make("har_nano", head).config;
        c.dropout = 0.2;
        network net(c, generator(1));
        for_each_buffer(net, [](auto& b) { // statistics that are not those of the batches
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(b)>, buffer<float>>)
                for (float& v : b.value) v += 0.25f;
        });
        freeze(net.backbone);
        const network before = net;
        auto adam = optim::adamw<float>(0.01, 0.1);
        tape<float> t;
        const std::vector<int> four{0, 1, 2, 3};
        const tensor<float> x = normal({4, 32, 9});
        for (int step = 0; step < 3; ++step) {
            t.reset();
            const auto out = net(t.input(x), mode::train);
            CHECK(identical(out.feature.value(), before(x).feature));
            t.backward(loss::cross_entropy(out.logits, four));
            adam.step(net, t);
        }
        std::vector<const void*> moved;
        const auto bits = [](const auto& m) {
            std::string all;
            walk(m, [&all](const std::string&, const auto& leaf) {
                all.append(reinterpret_cast<const char*>(leaf.value.data()),
                           leaf.value.size() * sizeof(*leaf.value.data()));
            });
            return all;
        };
        CHECK(bits(net.backbone) == bits(before.backbone));
        CHECK(bits(net) != bits(before));
        CHECK(identical(net(x).feature, before(x).feature));
        // The dropout before the head belongs to the network, which is not frozen as a whole.
        const auto drops = [&] {
            t.reset();
            return !identical(net(t.input(x), mode::train).logits.value(), net(x).logits);
        };
        CHECK(drops());
        freeze(net);
        CHECK(!drops());
        unfreeze(net);
        CHECK(drops());
        t.reset();
        net(t.input(x), mode::train);
        adam.step(net, t);
        CHECK(bits(net.backbone) != bits(before.backbone)); // its statistics move again
    }
}

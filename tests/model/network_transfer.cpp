// SPDX-License-Identifier: BSD-3-Clause
// A student takes over its teacher's memory or classifier; frozen modules stay as they are.
#include <doctest/doctest.h>

#include <string>
#include <type_traits>
#include <vector>

#include "presets.hpp"
#include "smldist/optim/adam.hpp"

using namespace smldist;

TEST_CASE("take_memory: each policy decides what is copied and how fast it is trained") {
    const network teacher = make("har_student", memory_head, 5);
    for (const auto policy : {model::memory_transfer::copy_slow, model::memory_transfer::copy_freeze,
                              model::memory_transfer::copy, model::memory_transfer::none}) {
        CAPTURE(name_of(policy));
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
            CHECK(p->rate == (policy == model::memory_transfer::copy_slow ? 0.1 : 1.0));
        }
        CHECK(mine.query.weight.trainable);
        CHECK(mine.query.weight.rate == 1);

        const auto keys = mine.keys.value, log_beta = mine.log_beta.value;
        tape<float> t;
        auto optimiser = optim::adamw<float>(1e-2, 0);
        train_step(student, t, optimiser, normal({8, 16, 9}));
        const bool frozen = policy == model::memory_transfer::copy_freeze;
        CHECK(identical(mine.keys.value, keys) == frozen);
        CHECK(identical(mine.log_beta.value, log_beta) == frozen);
        CHECK_FALSE(identical(mine.query.weight.value, from.query.weight.value));
    }
}

TEST_CASE("take_memory: works across feature widths and numbers of patterns") {
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

TEST_CASE("take_memory: can be compressed to the medoids of each class; dropout stays the student's") {
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

TEST_CASE("take_memory: invalid arguments are refused") {
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
        CAPTURE(model::text(student->config.head));
        CAPTURE(student->config.classes);
        const auto before = all_values(*student);
        CHECK_THROWS_AS(student->take_memory(teacher, model::memory_transfer::copy), usage_error);
        CHECK(same_bits(all_values(*student), before));
        CHECK_NOTHROW(student->take_memory(teacher, model::memory_transfer::none));
    }
    auto student = with([](auto&) {});
    CHECK_THROWS_AS(student.take_memory(linear, model::memory_transfer::copy), usage_error);
}

TEST_CASE("take_classifier: puts the teacher's frozen classifier behind a projector and counts both") {
    for (const auto head : {linear_head, memory_head}) {
        CAPTURE(model::text(head));
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
        train_step(student, t, optimiser, x);
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

TEST_CASE("freeze: a frozen backbone gives the same features bit for bit while its head is trained") {
    for (const auto head : both_heads) {
        CAPTURE(model::text(head));
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

TEST_CASE("memory_transfer: each has a name") {
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

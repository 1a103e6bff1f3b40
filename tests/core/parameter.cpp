// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/parameter.hpp"

#include <doctest/doctest.h>

#include "../allocations.hpp"

using namespace smldist;

namespace {

struct layer {
    parameter<float> weight, bias;
    static void visit(auto& self, auto&& member) {
        member("weight", self.weight);
        member("bias", self.bias);
    }
};
struct model {
    layer stem;
    std::vector<layer> blocks;
    std::optional<layer> head;
    buffer<double> mean;
    buffer<std::int32_t> labels;
    static void visit(auto& self, auto&& member) {
        member("stem", self.stem);
        member("blocks", self.blocks);
        member("head", self.head);
        member("mean", self.mean);
        member("labels", self.labels);
    }
};

model example() {
    const layer full{{tensor<float>(shape{2, 3})}, {tensor<float>(shape{2})}}, no_bias{{tensor<float>(shape{4})}, {}};
    return {full, {no_bias, full}, full, {tensor<double>(shape{3})}, {}};
}

std::vector<std::string> paths(auto& m) {
    std::vector<std::string> list;
    walk(m, [&list](const std::string& path, auto&) { list.push_back(path); });
    return list;
}

} // namespace

TEST_CASE("walk: dotted names in visiting order, absent members left out") {
    model m = example();
    const std::vector<std::string> wanted = {"stem.weight",   "stem.bias",   "blocks.0.weight", "blocks.1.weight",
                                             "blocks.1.bias", "head.weight", "head.bias",       "mean"};
    CHECK(paths(m) == wanted);
    const model& constant = m;
    CHECK(paths(constant) == wanted);

    m.head.reset();
    m.labels.value = tensor<std::int32_t>{1};
    const std::vector<std::string> changed = {"stem.weight",   "stem.bias", "blocks.0.weight", "blocks.1.weight",
                                              "blocks.1.bias", "mean",      "labels"};
    CHECK(paths(m) == changed);
}

TEST_CASE("walk: a leaf is the member itself; const for a const model") {
    model m = example();
    walk(m, [](const std::string& path, auto& leaf) {
        if (path == "blocks.1.bias") leaf.value[1] = 5;
    });
    CHECK(m.blocks[1].bias.value[1] == 5);
    const model& constant = m;
    walk(constant, [](const std::string&, auto& leaf) {
        static_assert(std::is_const_v<std::remove_reference_t<decltype(leaf)>>);
    });
}

TEST_CASE("for_each_parameter and for_each_buffer: visit only their kind, without allocation") {
    model m = example();
    std::size_t parameters = 0, buffers = 0;
    const std::size_t before = allocations();
    for_each_parameter(m, [&parameters](parameter<float>&) { ++parameters; });
    for_each_buffer(std::as_const(m), [&buffers](const auto&) { ++buffers; });
    CHECK(allocations() == before);
    CHECK(parameters == 7);
    CHECK(buffers == 1);
}

TEST_CASE("for_each_leaf: parameters and buffers with elements, in the order of walk, without allocation") {
    model m = example();
    std::vector<const void*> walked, visited;
    walk(m, [&](const std::string&, auto& leaf) { walked.push_back(&leaf); });
    visited.reserve(walked.size());
    const std::size_t before = allocations();
    for_each_leaf(m, [&](auto& leaf) { visited.push_back(&leaf); });
    CHECK(allocations() == before);
    CHECK(visited == walked);
    for_each_leaf(std::as_const(m),
                  [](auto& leaf) { static_assert(std::is_const_v<std::remove_reference_t<decltype(leaf)>>); });
    for_each_leaf(m, [](auto& leaf) { leaf.value[0] = 7; });
    CHECK(m.blocks[1].bias.value[0] == 7);
    CHECK(m.mean.value[0] == 7);
}

TEST_CASE("parameter_count: elements of parameters; defaults of a parameter") {
    CHECK(parameter_count(example()) == 8 + 4 + 8 + 8);
    const parameter<float> p;
    CHECK(p.empty());
    CHECK(p.trainable);
    CHECK(p.decay == 1);
    CHECK(p.rate == 1);
    static_assert(module_like<model> && module_like<layer> && !module_like<parameter<float>> && !module_like<int>);
}

TEST_CASE(
    "freeze and unfreeze: whole modules, optional ones, single parameters; what never learned does not begin to") {
    model m = example();
    m.blocks[1].bias.trainable = false;
    CHECK(!is_frozen(m));
    freeze(m.blocks[1]);
    CHECK(is_frozen(m.blocks[1]));
    CHECK(!is_frozen(m.blocks));
    CHECK(!is_frozen(m));
    CHECK(!m.blocks[1].weight.trainable);
    CHECK(m.blocks[0].weight.trainable);
    CHECK(mode_of(m.blocks[1], mode::train) == mode::eval);
    CHECK(mode_of(m.blocks[1], mode::eval) == mode::eval);
    CHECK(mode_of(m.blocks[0], mode::train) == mode::train);
    freeze(m);
    freeze(m); // again: nothing more
    CHECK(is_frozen(m));
    const model copy = m;
    CHECK(is_frozen(copy));
    unfreeze(m);
    CHECK(!is_frozen(m));
    CHECK(m.blocks[1].weight.trainable);
    CHECK(!m.blocks[1].bias.trainable);
    CHECK(m.stem.bias.trainable);
    freeze(m.head);
    CHECK(is_frozen(*m.head));
    freeze(m.stem.weight);
    CHECK(is_frozen(m.stem.weight));
    CHECK(!is_frozen(m.stem));
    CHECK(!is_frozen(m.mean)); // no parameter, nothing to freeze
    const std::size_t before = allocations();
    CHECK(mode_of(m, mode::train) == mode::train);
    CHECK(allocations() == before);
}

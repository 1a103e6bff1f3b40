// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/optim/average.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "raises.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/core/random.hpp"
#include "smldist/model/heads.hpp"
#include "smldist/model/network.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/nn/norm.hpp"

using namespace smldist;
using optim::average_models;

namespace {

/// A layer with running statistics, one without, classes of patterns, and a variance that belongs to no mean.
template <class T> struct small {
    parameter<T> weight;
    nn::batch_norm<T> norm{2};
    buffer<std::int32_t> labels;
    buffer<T> running_var;

    small() = default;
    explicit small(T w) {
        weight.value = tensor<T>{w, 2 * w};
        norm.running_mean.value = tensor<T>{w, -w};
        norm.running_var.value = tensor<T>{1, w};
        labels.value = tensor<std::int32_t>{3, 1};
        running_var.value = tensor<T>{w};
    }
    static void visit(auto& self, auto&& member) {
        member("weight", self.weight);
        member("norm", self.norm);
        member("labels", self.labels);
        member("running_var", self.running_var);
    }
};

/// Some layers; their number is part of the structure.
struct stack {
    std::vector<nn::linear<double>> layers;
    static void visit(auto& self, auto&& member) { member("layers", self.layers); }
};
stack stack_of(std::size_t layers, std::size_t width = 2) {
    stack s;
    generator g(1);
    for (std::size_t i = 0; i < layers; ++i) s.layers.emplace_back(width, width, g);
    return s;
}

template <class M> std::string bits(const M& model) {
    std::string all;
    walk(model, [&](const std::string& path, const auto& leaf) {
        all += path;
        all.append(reinterpret_cast<const char*>(leaf.value.data()), leaf.value.size() * sizeof(*leaf.value.data()));
    });
    return all;
}

/// Mean and biased variance of rows [first, last) of x (R, 2), as running statistics of a model.
small<double> statistics(const tensor<double>& x, std::size_t first, std::size_t last) {
    small<double> m(1);
    const double n = double(last - first);
    for (std::size_t c = 0; c < 2; ++c) {
        double sum = 0, squares = 0;
        for (std::size_t r = first; r < last; ++r) sum += x(r, c) / n;
        for (std::size_t r = first; r < last; ++r) squares += (x(r, c) - sum) * (x(r, c) - sum) / n;
        m.norm.running_mean.value[c] = sum;
        m.norm.running_var.value[c] = squares;
    }
    return m;
}

} // namespace

TEST_CASE_TEMPLATE("average_models: values by hand", T, float, double) {
    const std::vector<small<T>> models{small<T>(1), small<T>(5)};
    const auto equal = average_models(models);
    CHECK(identical(equal.weight.value, tensor<T>{3, 6}));
    CHECK(identical(equal.norm.running_mean.value, tensor<T>{3, -3}));
    CHECK(identical(equal.norm.running_var.value,
                    tensor<T>{1 + 4, 3 + 4})); // (1 + 1 + 1 + 25)/2 - 9, (1 + 1 + 5 + 25)/2 - 9
    CHECK(identical(equal.labels.value, models[0].labels.value));
    CHECK(identical(equal.running_var.value, tensor<T>{3})); // without a mean, it is a buffer as any other

    const auto weighted = average_models(models, std::vector<double>{30, 10});
    CHECK(identical(weighted.weight.value, tensor<T>{2, 4}));
    CHECK(identical(weighted.norm.running_mean.value, tensor<T>{2, -2}));
    CHECK(identical(weighted.norm.running_var.value, tensor<T>{1 + 3, 2 + 3}));
}

TEST_CASE("average_models: pooled statistics are those of all data together") {
    const std::size_t parts[] = {0, 10, 37, 100};
    generator g(1);
    tensor<double> x(shape{100, 2});
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = g.normal() * (i < 40 ? 3 : 0.5) + (i < 40 ? 20 : -7);
    std::vector<small<double>> models;
    std::vector<double> rows;
    for (std::size_t k = 0; k < 3; ++k) {
        models.push_back(statistics(x, parts[k], parts[k + 1]));
        rows.push_back(double(parts[k + 1] - parts[k]));
    }
    const auto pooled = average_models(models, rows), all = statistics(x, 0, 100);
    for (std::size_t c = 0; c < 2; ++c) {
        CHECK(pooled.norm.running_mean.value[c] == doctest::Approx(all.norm.running_mean.value[c]).epsilon(1e-13));
        CHECK(pooled.norm.running_var.value[c] == doctest::Approx(all.norm.running_var.value[c]).epsilon(1e-13));
    }
}

TEST_CASE("average_models: one model, equal models and a model of weight 0") {
    const model::network<float> one(model::preset("har_nano"), generator(1));
    model::network<float> broken = one;
    for_each_parameter(broken, [](auto& p) { p.value.fill(std::nanf("")); });
    CHECK(bits(average_models(std::vector{one})) == bits(one));
    CHECK(bits(average_models(std::vector{one}, std::vector<double>{0.3})) == bits(one));
    CHECK(bits(average_models(std::vector{one, one, one}, std::vector<double>{1, 5, 7})) == bits(one));
    CHECK(bits(average_models(std::vector{broken, one, broken}, std::vector<double>{0, 2, 0})) == bits(one));
    CHECK(bits(average_models(std::span(&one, 1))) == bits(one));
}

TEST_CASE("average_models: the mean of networks is the same for any number of threads") {
    std::vector<model::network<float>> models;
    for (std::size_t k = 0; k < 3; ++k) models.emplace_back(model::preset("har_nano"), generator(k));
    const std::vector<double> weights{3, 1, 2};
    const auto mean = average_models(models, weights);
    const std::size_t before = threads();
    set_threads(3);
    CHECK(bits(average_models(models, weights)) == bits(mean));
    set_threads(before);
    std::swap(models[0], models[2]);
    CHECK(bits(average_models(models, std::vector<double>{2, 1, 3})).size() == bits(mean).size());
    CHECK(bits(average_models(models, weights)) != bits(mean));
}

TEST_CASE("average_models: flags are those of the first model") {
    small<float> first(1), second(3);
    freeze(first.norm);
    second.weight.trainable = false;
    const auto mean = average_models(std::vector{first, second});
    CHECK(mean.weight.trainable);
    CHECK(is_frozen(mean.norm));
    CHECK(mean.norm.weight.trainable_before);
}

TEST_CASE("average_models: errors") {
    const std::vector<stack> two(2, stack_of(1));
    const auto with = [&](std::vector<double> weights) { return average_models(two, weights); };
    CHECK_RAISES(usage_error, "number of models is 0", average_models(std::vector<stack>{}));
    CHECK_RAISES(usage_error, "number of weights is 1, expected one per model: 2", with({1}));
    CHECK_RAISES(usage_error, "weight is -1", with({2, -1}));
    CHECK_RAISES(usage_error, "weight is nan", with({2, std::nan("")}));
    CHECK_RAISES(usage_error, "weight is inf", with({2, HUGE_VAL}));
    CHECK_RAISES(usage_error, "sum of the weights is 0", with({0, 0}));
    CHECK_RAISES(usage_error, "sum of the weights is inf", with({1e308, 1e308}));
    CHECK_RAISES(shape_error, "parameter or buffer 2 of model 1 is none, expected layers.1.weight",
                 average_models(std::vector{stack_of(2), stack_of(1)}));
    CHECK_RAISES(shape_error, "parameter or buffer 2 of model 2 is layers.1.weight, expected none",
                 average_models(std::vector{stack_of(1), stack_of(1), stack_of(2)}));
    CHECK_RAISES(shape_error, "shape of layers.0.weight of model 1 is (3, 3), expected (2, 2)",
                 average_models(std::vector{stack_of(1), stack_of(1, 3)}));
    small<float> other(1);
    other.labels.value[1] = 2;
    CHECK_RAISES(usage_error, "labels of model 1 differs", average_models(std::vector{small<float>(1), other}));

    auto memory = model::preset("har_nano"), linear = memory;
    memory.head = model::head_config{model::memory_head{}};
    CHECK_RAISES(shape_error, "of model 1 is intuition.weight, expected memory.query.weight",
                 average_models(std::vector{model::network<float>(memory, generator(1)),
                                            model::network<float>(linear, generator(1))}));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/search/head_search.hpp"

#include <utility>

#include "train/resuming.hpp"
#include "train/step_allocations.hpp"
#include "train/tiny.hpp"

using namespace smldist;
using search::search_options;

namespace {

const shape window{1, 32, 9};

/// Trains a search on `s`.
void run_search(network& net, const sets& s, std::size_t epochs, const search_options& o = {}) {
    search::head_search objective(search::candidate_costs(net, window), o);
    train::training_options t;
    t.epochs = epochs;
    t.lr = 1e-2;
    t.augment = data::augment_options::none();
    train::training<network, search::head_search> run(net, objective, s.train, s.validation, s.normal, t);
    run.add(objective);
    run.run();
}

std::vector<double> weights(const network& net) {
    const auto w = op::softmax(net.architecture_logits.value);
    return {w.begin(), w.end()};
}

} // namespace

TEST_CASE("search: the kept head gives the bits that it gave as a candidate") {
    const network net = make(searching(student_config()));
    const tensor<float> x = data::normalised(few().test, few().normal).x;
    const auto all = net(x, mode::eval);
    REQUIRE(all.candidates.logits.shape() == shape{x.shape()[0], 24});
    for (std::size_t j = 0; j < 4; ++j) {
        network one = net;
        one.keep(j);
        const auto alone = one(x, mode::eval);
        CHECK(alone.candidates.empty());
        CHECK(one.architecture_logits.empty());
        CHECK(identical(alone.logits, op::slice(all.candidates.logits, -1, j * 6, (j + 1) * 6)));
        CHECK(parameter_count(one) < parameter_count(net));
    }
    CHECK_THROWS_AS(network(net).keep("search"), usage_error);
    network linear = make(student_config(heads::linear));
    CHECK_THROWS_AS(linear.keep("memory"), usage_error);
}

TEST_CASE("search: costs are the MACs of the heads above the cheapest") {
    const network net = make(searching(student_config()));
    const auto costs = search::candidate_costs(net, window); // D = 16, N = 6, h = 8, M = 12, r = 8
    const double linear = 16 * 6, memory = 16 * 8 + 2 * 12 * 8, prototype = 16 * 6, mlp = 16 * 8 + 8 * 6;
    CHECK(costs[0] == 0);
    CHECK(costs[1] == memory - linear);
    CHECK(costs[2] == prototype - linear);
    CHECK(costs[3] == mlp - linear);
}

TEST_CASE("search: architecture weights wait for the warm-up and the temperature falls") {
    network net = make(searching(student_config()));
    search_options o;
    o.warmup = 0.2;
    search::head_search objective(search::candidate_costs(net, window), o);
    objective.enter_epoch(net, 2, 10);
    CHECK_FALSE(net.architecture_logits.trainable);
    CHECK(net.config.temperature == doctest::Approx(1));
    objective.enter_epoch(net, 3, 10);
    CHECK(net.architecture_logits.trainable);
    objective.enter_epoch(net, 7, 10);
    CHECK(net.config.temperature == doctest::Approx(std::pow(0.1, 0.5)));
    network waiting = make(searching(student_config()));
    o.warmup = 0.99;
    run_search(waiting, few(), 2, o);
    for (const double w : weights(waiting)) CHECK(w == 0.25);
}

TEST_CASE("search: as a callback the objective enters each epoch as it does by hand") {
    network added = make(searching(student_config())), by_hand = added;
    run_search(added, few(), 4);
    search::head_search objective(search::candidate_costs(by_hand, window), {});
    train::training_options o;
    o.epochs = 4;
    o.lr = 1e-2;
    o.augment = data::augment_options::none();
    train::training t(by_hand, objective, few().train, few().validation, few().normal, o);
    objective.enter_epoch(by_hand, 1, 4);
    t.on_epoch = [&](const train::epoch_report& r) {
        if (r.epoch < 4) objective.enter_epoch(by_hand, r.epoch + 1, 4);
    };
    t.run();
    CHECK(same_bits(added, by_hand));
    CHECK(added.config.temperature == by_hand.config.temperature);
    CHECK(added.config.temperature < 1);
}

TEST_CASE("search: identical heads keep equal weights without a cost; an expensive one loses weight") {
    // Two candidates that see the same logits: guard, entropy and cost off.
    search_options o;
    o.guard = o.entropy = o.cost = 0;
    network net = make(searching(student_config(), {heads::linear, heads::prototype}));
    const auto gradient = [&](search::head_search& objective) {
        tape<float> t;
        auto out = net(t.input(data::normalised(few().test, few().normal).x), mode::eval);
        const auto z = op::slice(out.candidates.logits, -1, 0, 6);
        out.candidates.logits = op::concat(z, z);
        out.logits = op::mixture(out.candidates.logits, out.candidates.weights);
        data::batch b;
        b.label = few().test.label;
        t.backward(objective(t, out, b, 0.5).loss);
        return *t.gradient(net.architecture_logits);
    };
    search::head_search fair({0, 0}, o);
    for (const float g : gradient(fair)) CHECK(double(g) == doctest::Approx(0).scale(1).epsilon(1e-6));
    o.cost = 1;
    search::head_search dear({0, 100}, o);
    const auto g = gradient(dear);
    CHECK(g[1] > 0.1F); // descent lowers the second weight
    CHECK(g[0] < -0.1F);
}

TEST_CASE("search: a head made to be better wins and the report gives the reason") {
    // The prototype head is frozen at random directions: it cannot learn, the linear head can.
    network net = make(searching(student_config(), {heads::linear, heads::prototype}));
    auto& prototype = *net.head<nn::prototype<float>>();
    prototype.weight.trainable = prototype.log_scale.trainable = false;
    prototype.log_scale.value[0] = 0;
    search_options o;
    o.guard = 0;
    run_search(net, many(), 6, o);
    CHECK(weights(net)[0] > 0.7); // before the temperature
    network pruned = net;
    const auto report = search::decide(pruned, many().validation, many().normal);
    CHECK(report.candidates[report.chosen].name == "linear");
    CHECK(report.candidates[0].weight > 0.8);
    CHECK(report.reason(0.003).find("linear: best on validation") == 0);
    CHECK(pruned.config.head == heads::linear);
    const tensor<float> x = data::normalised(many().test, many().normal).x;
    CHECK(identical(pruned(x).logits, op::slice(net(x).candidates.logits, -1, 0, 6)));
}

TEST_CASE("search: the cheapest head within the tolerance is kept") {
    network net = make(searching(student_config()));
    run_search(net, many(), 4);
    search_options anything;
    anything.tolerance = 1;
    network cheap = net;
    const auto report = search::decide(cheap, many().validation, many().normal, anything);
    CHECK(report.candidates[report.chosen].macs == 0);
    search_options strict;
    strict.tolerance = 0;
    network best = net;
    const auto strictly = search::decide(best, many().validation, many().normal, strict);
    for (const auto& c : strictly.candidates) {
        CAPTURE(c.name);
        CHECK(c.validation.macro_f1 <= strictly.candidates[strictly.chosen].validation.macro_f1);
    }
    CHECK(strictly.mixture.macro_f1 > 0);
}

TEST_CASE("search: a network that sees some of the channels is decided on those") {
    auto c = searching(student_config());
    c.backbone.channels = total_acc.size();
    const network net = make(c);
    const sets& s = few();
    network some = net, alone = net;
    const auto report = search::decide(some, s.validation, s.normal, {}, total_acc);
    const auto expected =
        search::decide(alone, s.validation.select_channels(total_acc), s.normal.select_channels(total_acc));
    CHECK(same_bits(some, alone));
    CHECK(report.mixture.macro_f1 == expected.mixture.macro_f1);
    for (std::size_t j = 0; j < 4; ++j) {
        CHECK(report.candidates[j].macs == expected.candidates[j].macs);
        CHECK(report.candidates[j].validation.macro_f1 == expected.candidates[j].validation.macro_f1);
    }
}

TEST_CASE("search: a warmed-up step allocates nothing") {
    network net = make(searching(student_config()));
    search::head_search objective(search::candidate_costs(net, window), {});
    train::training_options o;
    o.batch = 26;
    train::training<network, search::head_search> t(net, objective, few().train, few().validation, few().normal, o);
    check_steps_allocate_nothing(t, first_batch());
}

TEST_CASE("search: invalid arguments are refused") {
    const std::pair<const char*, double search_options::*> members[] = {
        {"guard", &search_options::guard},         {"cost", &search_options::cost},
        {"entropy", &search_options::entropy},     {"warmup", &search_options::warmup},
        {"tolerance", &search_options::tolerance}, {"last_tau", &search_options::last_tau}};
    for (const auto& member : members) {
        CAPTURE(std::string(member.first));
        search_options o;
        o.*member.second = -1;
        CHECK_THROWS_AS(o.check(), usage_error);
        CHECK_THROWS_AS(search::head_search({0}, o), usage_error);
    }
    search_options rising;
    rising.last_tau = 2;
    CHECK_THROWS_AS(rising.check(), usage_error);
    CHECK_FALSE(make(searching(student_config(), {})).under_search());
    CHECK_THROWS_AS(make(searching(student_config(), {heads::linear, heads::linear})), usage_error);
    CHECK_THROWS_AS(make(searching(student_config(), {heads::blended})), usage_error);
    network plain = make(student_config());
    search::head_search objective({0, 0}, {});
    tape<float> t;
    data::batch b;
    b.label = few().test.label;
    const auto out = plain(t.input(few().test.x), mode::eval);
    CHECK_THROWS_AS(objective(t, out, b, 0), usage_error);
}

TEST_CASE("search: goes on from a checkpoint bit for bit, with the temperature of its epoch") {
    train::training_options o;
    o.epochs = 4;
    o.batch = 52;
    o.lr = 1e-2;
    check_resume(
        [](std::uint64_t seed) { return make(searching(student_config()), seed); },
        [](network& net) { return search::head_search(search::candidate_costs(net, window), {.warmup = 0.25}); }, o,
        every_place);
}

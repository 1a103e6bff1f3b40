// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/epochs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "raises.hpp"
#include "train/run.hpp"

using namespace smldist;
using train::supervised;
using train::training_options;
using training = train::training<network, supervised>;

TEST_CASE("training: every step and epoch is reported with its figures") {
    const run r(brief(4));
    const auto& history = r.result.history;
    REQUIRE(history.size() == 4);
    REQUIRE(few().train.size() == 4 * 26);
    REQUIRE(r.steps.size() == 4 * 4);
    for (std::size_t e = 0; e < 4; ++e) {
        CHECK(history[e].epoch == e + 1);
        double mean = 0;
        for (std::size_t k = 0; k < 4; ++k) {
            const auto& s = r.steps[4 * e + k];
            CHECK(s.epoch == e + 1);
            CHECK(s.epochs == 4);
            CHECK(s.step == k + 1);
            CHECK(s.steps == 4);
            mean += s.loss / 4;
        }
        CHECK(history[e].train.total == doctest::Approx(mean).epsilon(1e-12));
        CHECK(history[e].train["hard"] == history[e].train.total);
        CHECK(history[e].validation.counts.total() == few().validation.size());
        CHECK(history[e].seconds >= 0);
    }
    optim::one_cycle schedule;
    schedule.max = brief().lr;
    schedule.total = 16;
    CHECK(history[0].lr == doctest::Approx(schedule(3)).epsilon(1e-12));
    CHECK(history[3].lr == doctest::Approx(schedule(15)).epsilon(1e-12));
}

TEST_CASE("training: validation windows only choose the best epoch") {
    const run usual(brief(5));
    data::windows other = few().validation;
    std::rotate(other.label.begin(), other.label.begin() + 7, other.label.end());
    for (float& v : other.x) v *= 3;
    const run changed(brief(5), other);
    CHECK(same_bits(usual.net, changed.net));
    for (std::size_t e = 0; e < 5; ++e)
        CHECK(usual.result.history[e].train.total == changed.result.history[e].train.total);
    const run coarse(brief(5), few().validation.select({0, 1})); // two windows: epochs that are equally good
    CHECK(same_bits(usual.net, coarse.net));
    for (const run* r : {&usual, &changed, &coarse}) {
        const auto& history = r->result.history;
        CHECK(r->result.best_epoch == first_best(history));
        CHECK(same_bits(r->result.best, r->after_epoch[r->result.best_epoch - 1]));
        CHECK(same_bits(r->net, r->after_epoch.back()));
        double best = -1;
        for (const auto& e : history) {
            CAPTURE(e.epoch);
            CHECK(e.best == (e.validation.macro_f1 > best));
            best = std::max(best, e.validation.macro_f1);
        }
    }
    const auto again = train::evaluate(usual.result.best, few().validation, few().normal);
    CHECK(again.macro_f1 == usual.result.history[usual.result.best_epoch - 1].validation.macro_f1);
}

TEST_CASE("training: stop ends the run after the epoch's validation") {
    network net = make(student_config());
    supervised objective;
    training t(net, objective, few().train, few().validation, few().normal, brief(10));
    std::size_t steps = 0;
    t.on_step = [&](const train::step_report&) { ++steps; };
    t.stop = [&] { return steps == 5; };
    const auto r = t.run();
    CHECK(steps == 5);
    REQUIRE(r.history.size() == 2);
    CHECK(r.history[1].validation.counts.total() == few().validation.size());
    CHECK(r.history[1].train.total > 0);
}

/// Runs until the learning rate breaks the run, and holds message and network against what was seen before. Returns the
/// epoch in which it broke; 0: it did not.
std::size_t check_divergence(double lr, std::size_t batch) {
    CAPTURE(lr);
    network net = make(student_config()), good = net;
    supervised objective;
    training_options o = brief(40);
    o.lr = lr;
    o.batch = batch;
    training t(net, objective, few().train, few().validation, few().normal, o);
    std::size_t epoch = 1, step = 0;
    t.on_step = [&](const train::step_report& s) { step = s.step; };
    t.on_epoch = [&](const train::epoch_report& e) {
        good = net;
        epoch = e.epoch + 1;
        step = 0;
    };
    std::string message;
    try {
        t.run();
    } catch (const numeric_error& e) { message = e.what(); }
    if (message.empty()) return 0;
    const bool validating = step == few().train.size() / batch;
    const std::string place =
        "epoch " + std::to_string(epoch) + ", step " + std::to_string(validating ? step : step + 1) + " ";
    CHECK_MESSAGE(message.find(place) != std::string::npos, "\"" << message << "\" lacks " << place);
    CHECK(same_bits(net, good));
    return epoch;
}

TEST_CASE("training: the error of a diverging run names epoch and step; the last good network remains") {
    CHECK(check_divergence(1e6, 26) == 1);
    CHECK(check_divergence(1e30, 26) == 1);
    std::size_t later = 0; // which moderate rates break, and when, depends on the machine's rounding
    for (const double lr : {100.0, 200.0, 300.0, 500.0, 1000.0, 2000.0, 5000.0}) {
        CAPTURE(lr);
        later += check_divergence(lr, 26) > 1 ? 1u : 0u;
    }
    CHECK(later >= 1);
}

TEST_CASE("training: a network that is not finite in validation counts as diverged") {
    CHECK(check_divergence(1e30, few().train.size()) == 1); // the only step of an epoch has a finite loss
}

TEST_CASE("training: the loss falls with every optimiser and schedule") {
    using enum optim::optimiser_kind;
    using schedule = optim::schedule_kind;
    const struct {
        optim::optimiser_kind optimiser;
        schedule kind;
        double lr;
    } cases[] = {{adamw, schedule::cosine, 1e-2},
                 {adam, schedule::plateau, 1e-2},
                 {sgd, schedule::one_cycle, 1e-1},
                 {radam, schedule::constant, 5e-2},
                 {ranger, schedule::warm_restarts, 2e-1}};
    for (const auto& c : cases) {
        training_options o = brief(8);
        o.optimiser = c.optimiser;
        o.schedule.kind = c.kind;
        o.schedule.restart_epochs = 3;
        o.schedule.plateau.patience = 0;
        o.schedule.plateau.factor = 0.5;
        o.lr = c.lr;
        CAPTURE(name_of(c.optimiser));
        const run r(o);
        const auto& history = r.result.history;
        CHECK(history.back().train.total < 0.9 * history.front().train.total);
        optim::any_schedule wanted(o.schedule, o.lr, 8, 4);
        for (std::size_t e = 0; e < 8; ++e) {
            CHECK(history[e].lr == wanted.lr(4 * e + 3));
            wanted.observe(history[e].validation.macro_f1);
        }
    }
}

TEST_CASE("training: a plateau can observe the loss of an epoch's last batch") {
    training_options o = brief(8);
    o.optimiser = optim::optimiser_kind::sgd;
    o.lr = 0.5;
    o.schedule.kind = optim::schedule_kind::plateau;
    o.schedule.plateau = {.factor = 0.5, .patience = 0};
    o.plateau_on_last_loss = true;
    const run r(o);
    optim::any_schedule wanted(o.schedule, o.lr, 8, 4);
    REQUIRE(r.steps.size() == 8 * 4);
    for (std::size_t e = 0; e < 8; ++e) {
        CHECK(r.result.history[e].lr == wanted.lr(4 * e + 3));
        wanted.observe(r.steps[4 * e + 3].loss);
    }
    CHECK(r.result.history.back().lr < o.lr);
}

TEST_CASE("training: values out of range are refused") {
    const auto fails = [](auto member, auto bad) {
        training_options o = brief();
        o.*member = bad;
        CHECK_THROWS_AS(run{o}, usage_error);
    };
    fails(&training_options::lr, 0.0);
    fails(&training_options::ema, 1.0);
    fails(&training_options::mixup, -1.0);
    fails(&training_options::swa_epochs, std::size_t(4));
    fails(&training_options::channels, std::vector<std::size_t>{0, 9});

    network net = make(student_config());
    supervised smooth{1.5};
    training t(net, smooth, few().train, few().validation, few().normal, brief());
    CHECK_THROWS_AS(t.run(), usage_error);
}

TEST_CASE("training: windows that cannot be trained on are refused") {
    const sets& s = few();
    const auto trains = [&](const data::windows& train, const data::windows& validation, const normaliser& normal,
                            const model::network_config& c = student_config()) {
        network net = make(c);
        const network before = net;
        supervised objective;
        const auto unchanged = [&] { CHECK(same_bits(net, before)); };
        try {
            training(net, objective, train, validation, normal, brief()).run();
        } catch (...) {
            unchanged();
            throw;
        }
    };
    data::windows one_class = s.train;
    std::fill(one_class.label.begin(), one_class.label.end(), 2);
    CHECK_THROWS_AS(trains(one_class, s.validation, s.normal), data_error);
    CHECK_THROWS_AS(trains(s.train.select({}), s.validation, s.normal), data_error);
    CHECK_THROWS_AS(trains(s.train.select({0}), s.validation, s.normal), data_error);
    CHECK_THROWS_AS(trains(s.train, s.validation.select({}), s.normal), data_error);
    data::windows bad = s.train;
    bad.x[77] = std::numeric_limits<float>::infinity();
    CHECK_THROWS_AS(trains(bad, s.validation, s.normal), data_error);
    CHECK_THROWS_AS(trains(s.train, bad, s.normal), data_error);
    bad = s.train;
    bad.label[5] = -1;
    CHECK_THROWS_AS(trains(bad, s.validation, s.normal), data_error);

    data::windows longer = s.validation;
    longer.x = tensor<float>(shape{longer.size(), 40, 9});
    CHECK_THROWS_AS(trains(s.train, longer, s.normal), data_error);
    normaliser other = s.normal;
    other.offset.pop_back();
    other.scale.pop_back();
    CHECK_THROWS_AS(trains(s.train, s.validation, other), shape_error);

    model::network_config c = student_config();
    c.classes = 3;
    CHECK_THROWS_AS(trains(s.train, s.validation, s.normal, c), data_error); // labels go up to 5
    c = student_config();
    c.backbone.channels = 6; // without saying which
    CHECK_THROWS_AS(trains(s.train, s.validation, s.normal, c), shape_error);
}

TEST_CASE("training: a second run() starts over from the current network even after a stop") {
    for (const auto schedule : {optim::schedule_kind::one_cycle, optim::schedule_kind::plateau}) {
        CAPTURE(name_of(schedule));
        training_options o = brief();
        o.schedule.kind = schedule;
        o.schedule.plateau.patience = 0;
        o.ema = 0.5;
        network net = make(student_config());
        supervised objective;
        training t(net, objective, few().train, few().validation, few().normal, o);
        std::size_t steps = 0;
        t.stop = [&] { return ++steps == 6; }; // in the second epoch
        CHECK(t.run().history.size() == 2);
        CHECK(steps == 6);
        network fresh = net;
        t.stop = nullptr;
        const auto result = t.run();
        CHECK(result.history.size() == 3);
        training other(fresh, objective, few().train, few().validation, few().normal, o);
        const auto wanted = other.run();
        CHECK(same_bits(net, fresh));
        CHECK(same_bits(result.best, wanted.best));
        for (std::size_t e = 0; e < 3; ++e) {
            CHECK(result.history[e].lr == wanted.history[e].lr);
            CHECK(result.history[e].train.total == wanted.history[e].train.total);
        }
    }
}

namespace {

/// Trains a small network on few() with the functions that `set` gives the training.
template <class F> train::training_result<network> trained_with(const training_options& o, F set) {
    network net = make(student_config());
    train::supervised objective;
    train::training t(net, objective, few().train, few().validation, few().normal, o);
    set(t);
    return t.run();
}

} // namespace

TEST_CASE("training: on_gradients sees every gradient before clipping and may change it and the terms") {
    training_options o = brief(2);
    o.clip = 1e-3;
    const auto plain = trained_with(o, [](auto&) {});
    std::size_t calls = 0, elements = 0;
    const auto watched = trained_with(o, [&](auto& t) {
        t.on_gradients = [&](tape<float>& tape, train::loss_terms& terms) {
            ++calls;
            double squares = 0;
            elements = 0;
            tape.for_each_gradient([&](const tensor<float>& value, tensor<float>& gradient) {
                CHECK(value.shape() == gradient.shape());
                elements += gradient.size();
                for (const float g : gradient) squares += double(g) * double(g);
            });
            CHECK(std::sqrt(squares) > 10 * o.clip);
            CHECK(terms.total > 0);
        };
    });
    CHECK(same_bits(watched.best, plain.best));
    CHECK(calls == 2 * 4);
    CHECK(elements == parameter_count(plain.best));

    // A factor disappears in clipping; a gradient of zeros leaves only the decay of weights.
    const auto scaled = trained_with(o, [](auto& t) {
        t.on_gradients = [](tape<float>& tape, train::loss_terms& terms) {
            tape.for_each_gradient([](const tensor<float>&, tensor<float>& g) { g.array() *= 2.0F; });
            terms.total *= 3;
        };
    });
    CHECK(scaled.history[0].train.total == doctest::Approx(3 * plain.history[0].train.total).epsilon(1e-3));
    o.weight_decay = 0;
    const auto still = trained_with(o, [](auto& t) {
        t.on_gradients = [](tape<float>& tape, train::loss_terms&) {
            tape.for_each_gradient([](const tensor<float>&, tensor<float>& g) { g.fill(0); });
        };
    });
    const network start = make(student_config());
    std::vector<tensor<float>> before;
    for_each_parameter(start, [&](const auto& p) { before.push_back(p.value); });
    std::size_t next = 0;
    for_each_parameter(still.best, [&](const auto& p) { CHECK(identical(p.value, before[next++])); });
}

TEST_CASE("training: a loss that on_gradients makes infinite ends the training") {
    CHECK_RAISES(numeric_error, "epoch 1, step 1 is inf", trained_with(brief(), [](auto& t) {
                     t.on_gradients = [](tape<float>&, train::loss_terms& terms) { terms.total = HUGE_VAL; };
                 }));
}

TEST_CASE("training: on_batch may change what a step sees, even the number of windows") {
    const auto plain = trained_with(brief(1), [](auto&) {});
    std::size_t windows = 0;
    const auto fewer = trained_with(brief(1), [&](auto& t) {
        t.on_batch = [&](data::batch& b) {
            windows += b.size();
            data::batch half = b;
            half.x = tensor<float>(shape{2, b.x.shape()[1], b.x.shape()[2]});
            std::copy_n(b.x.data(), half.x.size(), half.x.data());
            half.label.resize(2);
            half.index.resize(2);
            b = half;
        };
    });
    CHECK(windows == few().train.size());
    CHECK_FALSE(same_bits(plain.best, fewer.best));
    const auto same = trained_with(brief(1), [](auto& t) { t.on_batch = [](data::batch&) {}; });
    CHECK(same_bits(plain.best, same.best));
}

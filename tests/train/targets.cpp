// SPDX-License-Identifier: BSD-3-Clause
// Regression and multi-label tasks from windows to a trained network.
#include <algorithm>
#include <cmath>
#include <string>

#include "train/run.hpp"
#include "train/step_allocations.hpp"

using namespace smldist;
using train::training_options;

namespace {

/// A rhythm of random phase on each of three channels, with a level and a strength of its own, and some noise. Columns of the
/// target: the level of channel 0 and the strength of channel 1, each from -1 to 1; as labels: whether they are above 0.
data::windows rhythms(std::size_t windows, std::uint64_t seed, bool labels) {
    generator g(seed);
    data::windows w;
    w.x = tensor<float>(shape{windows, 32, 3});
    w.target = tensor<float>(shape{windows, 2});
    w.info.labels = {"level", "strength"};
    w.info.channels = {"a", "b", "c"};
    for (std::size_t i = 0; i < windows; ++i) {
        w.subject.push_back(int(i % 5));
        double level[3], strength[3], phase[3];
        for (std::size_t c = 0; c < 3; ++c) {
            level[c] = 2 * g.uniform() - 1;
            strength[c] = 0.2 + 0.8 * g.uniform();
            phase[c] = 6.28 * g.uniform();
        }
        for (std::size_t k = 0; k < 32; ++k)
            for (std::size_t c = 0; c < 3; ++c)
                w.x[(i * 32 + k) * 3 + c] = static_cast<float>(
                    level[c] + strength[c] * std::sin(phase[c] + 0.8 * double(k)) + 0.1 * g.normal());
        const double target[] = {level[0], (strength[1] - 0.6) / 0.4};
        for (std::size_t t = 0; t < 2; ++t)
            w.target[i * 2 + t] = static_cast<float>(labels ? (target[t] > 0 ? 1 : 0) : target[t]);
    }
    return w;
}

struct data_sets {
    data::windows train, validation, test;
    normaliser normal;
    explicit data_sets(bool labels)
        : train(rhythms(600, 1, labels)),
          validation(rhythms(200, 2, labels)),
          test(rhythms(200, 3, labels)),
          normal(data::fit_normaliser(train, normaliser_kind::zscore)) {}
};

network small(std::size_t columns = 2) {
    auto c = student_config();
    c.backbone.channels = 3;
    c.classes = columns;
    c.dropout = 0;
    return make(c, 1);
}

training_options steps(std::size_t epochs) {
    training_options o;
    o.epochs = epochs;
    o.batch = 40;
    o.lr = 1e-2;
    o.augment = data::augment_options::none(); // the targets depend on scale and direction
    return o;
}

} // namespace

TEST_CASE("regression: a network learns level and strength of a rhythm") {
    const data_sets s(false);
    network net = small();
    train::regression objective;
    training_options o = steps(25);
    o.metric = train::r2_score();
    train::training t(net, objective, s.train, s.validation, s.normal, o);
    const auto r = t.run();
    const auto figure = [&](const network& n, const data::windows& w) {
        return metric::r2_score(w.target, train::logits(n, w, s.normal));
    };
    CHECK(figure(r.best, s.test) > 0.9);
    CHECK(r.history[r.best_epoch - 1].score == figure(r.best, s.validation));
    CHECK(r.history.back().train["squared_error"] == r.history.back().train.total);
    CHECK(r.history.back().validation.counts.classes() == 0);

    o.metric = train::mean_squared_error();
    o.epochs = 3;
    network other = small();
    const auto e = train::training(other, objective, s.train, s.validation, s.normal, o).run();
    std::size_t least = 0;
    for (std::size_t i = 1; i < 3; ++i)
        if (e.history[i].score < e.history[least].score) least = i;
    CHECK(e.best_epoch == least + 1);
}

TEST_CASE("multi-label: a network learns two independent properties") {
    const data_sets s(true);
    network net = small();
    train::multi_label objective;
    training_options o = steps(25);
    o.metric = train::f1_score(metric::average::macro);
    const auto r = train::training(net, objective, s.train, s.validation, s.normal, o).run();
    const auto z = train::logits(r.best, s.test, s.normal);
    CHECK(metric::f1_score(s.test.target, z, metric::average::macro) > 0.9);
    CHECK(r.history.back().train["cross_entropy"] == r.history.back().train.total);
}

TEST_CASE("multi-label: the weight of positives raises the share of predicted labels") {
    const data_sets s(true);
    const auto share = [&](double weight) {
        network net = small();
        train::multi_label objective{{.pos_weight = {weight, weight}}};
        training_options o = steps(3);
        o.metric = train::f1_score();
        train::training(net, objective, s.train, s.validation, s.normal, o).run();
        const auto z = train::logits(net, s.test, s.normal);
        return std::count_if(z.begin(), z.end(), [](float v) { return v > 0; });
    };
    CHECK(share(20) > share(1));
}

TEST_CASE("targets: can be mixed and one seed gives the same bits for any number of threads") {
    const data_sets s(false);
    const auto trained = [&](double mixup, std::size_t on_threads) {
        const std::size_t all = threads();
        set_threads(on_threads);
        network net = small();
        train::regression objective;
        training_options o = steps(2);
        o.mixup = mixup;
        o.metric = train::mean_absolute_error();
        train::training(net, objective, s.train, s.validation, s.normal, o).run();
        set_threads(all);
        return net;
    };
    const network mixed = trained(0.4, 1);
    CHECK(same_bits(trained(0.4, 2), mixed));
    CHECK_FALSE(same_bits(trained(0, 1), mixed));
}

TEST_CASE("targets: a warmed-up step allocates nothing") {
    const data_sets s(true);
    data::loader loader(s.train, {.batch = 40, .mixup = 0.3}, s.normal, generator(1));
    data::batch b;
    REQUIRE(loader.next(b));
    const auto check = [&](auto objective) {
        network net = small();
        training_options o = steps(1);
        o.metric = train::r2_score();
        train::training t(net, objective, s.train, s.validation, s.normal, o);
        check_steps_allocate_nothing(t, b);
    };
    check(train::regression{});
    check(train::multi_label{{.pos_weight = {1, 2}}});
}

TEST_CASE("targets: windows that also have classes are evaluated by class until a metric is chosen") {
    data_sets s(false);
    for (data::windows* w : {&s.train, &s.validation})
        for (std::size_t i = 0; i < w->size(); ++i) w->label.push_back(w->target[2 * i] > 0 ? 1 : 0);
    network net = small();
    train::supervised labels;
    const auto by_class =
        train::training(net, labels, s.train, s.validation, s.normal, steps(2)).run().history.back();
    CHECK(by_class.validation.counts.total() == s.validation.size());
    CHECK(by_class.score == by_class.validation.macro_f1);
    auto o = steps(2);
    o.metric = train::r2_score();
    train::regression objective;
    const auto by_target = train::training(net, objective, s.train, s.validation, s.normal, o).run().history.back();
    CHECK(by_target.validation.counts.classes() == 0);
}

TEST_CASE("targets: columns and objectives that do not fit are refused") {
    const data_sets s(false);
    const data::windows &train_windows = s.train, &validation = s.validation;
    auto o = steps(1);
    o.metric = train::r2_score();
    const auto message = [&](auto objective, const data::windows& t, const data::windows& v,
                             const training_options& how, network net = small()) {
        try {
            train::training(net, objective, t, v, t.channels() == 9 ? few().normal : s.normal, how).run();
        } catch (const error& e) { return std::string(e.what()); }
        return std::string();
    };
    const auto contains = [](const std::string& text, const char* part) {
        CHECK_MESSAGE(text.find(part) != std::string::npos, text);
    };
    contains(message(train::regression{}, train_windows, validation, steps(1)),
             "training: metric is empty, expected one");
    contains(message(train::regression{}, train_windows, validation, o, small(3)),
             "shapes of x and target are (40, 3) and (40, 2)");
    contains(message(train::multi_label{}, train_windows, validation, o), "of the target is");
    data::windows narrow = validation;
    narrow.target = tensor<float>(shape{validation.size(), 1});
    narrow.info.labels.pop_back();
    contains(message(train::regression{}, train_windows, narrow, o),
             "expected labels only where training has them, and 2 columns");
    contains(message(train::regression{}, few().train, few().validation, brief(), make(student_config())),
             "train::regression: windows have no target");
    contains(message(train::multi_label{}, few().train, few().validation, brief(), make(student_config())),
             "train::multi_label: windows have no target");
    CHECK(!message(train::supervised{}, train_windows, validation, o).empty());
    CHECK_THROWS_WITH_AS((void)train::evaluate(small(), validation, s.normal),
                         doctest::Contains("windows have no labels"), data_error);
}

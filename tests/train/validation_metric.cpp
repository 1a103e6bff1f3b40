// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/validation_metric.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "train/run.hpp"

using namespace smldist;
using train::training_options;

namespace {

/// Mean logit of the label's class: not what macro-F1 prefers.
double label_logit(const tensor<float>& logits, const data::windows& w) {
    const std::size_t K = logits.shape()[1];
    double sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i) sum += double(logits[i * K + static_cast<std::size_t>(w.label[i])]);
    return sum / double(w.size());
}

} // namespace

TEST_CASE("validation_metric: the score is macro-F1 if no metric is given") {
    const run r(brief());
    for (const auto& e : r.result.history) CHECK(e.score == e.validation.macro_f1);
}

TEST_CASE("validation_metric: a metric decides best epoch and patience; of an error the smallest value is best") {
    const run usual(brief(8));
    for (const bool larger : {true, false}) {
        CAPTURE(larger);
        const double sign = larger ? 1 : -1;
        training_options o = brief(8);
        o.metric = {"label_logit",
                    [sign](const auto& logits, const auto& w) { return sign * label_logit(logits, w); }, larger};
        const run r(o);
        CHECK(same_bits(r.net, usual.net));
        std::size_t best = 0;
        double last = 0;
        bool tied_to_f1 = true;
        for (std::size_t e = 0; e < 8; ++e) {
            const auto& report = r.result.history[e];
            const tensor<float> logits = train::logits(r.after_epoch[e], few().validation, few().normal);
            CHECK(report.score == sign * label_logit(logits, few().validation));
            CHECK(report.validation.macro_f1 == usual.result.history[e].validation.macro_f1);
            const bool better = e == 0 || sign * report.score > sign * last;
            CHECK(report.best == better);
            if (better) {
                best = e;
                last = report.score;
            }
            tied_to_f1 = tied_to_f1 && report.best == usual.result.history[e].best;
        }
        CHECK_FALSE(tied_to_f1);
        CHECK(r.result.best_epoch == best + 1);
        CHECK(same_bits(r.result.best, r.after_epoch[best]));
    }
    training_options o = brief(8);
    std::size_t calls = 0;
    o.metric = {"falling", [&calls](const auto&, const auto&) { return -double(++calls); }};
    o.patience = 3;
    CHECK(run(o).result.history.size() == 4);
    o.metric.larger_is_better = false;
    CHECK(run(o).result.history.size() == 8);
}

TEST_CASE("validation_metric: a plateau observes the score and must look for the metric's direction") {
    training_options o = brief(8);
    o.schedule.kind = optim::schedule_kind::plateau;
    o.schedule.plateau.patience = 0;
    o.schedule.plateau.factor = 0.5;
    o.metric = {"rising error", [n = 0.0](const auto&, const auto&) mutable { return ++n; }, false};
    CHECK_THROWS_WITH_AS(run{o}, doctest::Contains("schedule.plateau.mode is max, expected min"), usage_error);
    o.schedule.plateau.mode = optim::plateau_options::direction::min;
    optim::any_schedule wanted(o.schedule, o.lr, 8, 4);
    const run r(o);
    for (std::size_t e = 0; e < 8; ++e) {
        CHECK(r.result.history[e].lr == wanted.lr(4 * e + 3));
        wanted.observe(double(e + 1));
    }
    CHECK(r.result.history.back().lr < o.lr);
    o.metric = {};
    CHECK_THROWS_WITH_AS(run{o}, doctest::Contains("schedule.plateau.mode is min, expected max"), usage_error);
    o.plateau_on_last_loss = true;
    CHECK_NOTHROW(run{o});
}

TEST_CASE("validation_metric: a score that is not finite ends training with the last good network") {
    for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
        CAPTURE(bad);
        training_options o = brief(5);
        std::size_t calls = 0;
        o.metric = {"r2", [&](const auto&, const auto&) { return ++calls == 3 ? bad : 1.0; }};
        network net = make(student_config());
        train::supervised labels;
        train::training t(net, labels, few().train, few().validation, few().normal, o);
        std::vector<network> after;
        t.on_epoch = [&](const train::epoch_report&) { after.push_back(net); };
        CHECK_THROWS_WITH_AS(t.run(),
                             doctest::Contains("validation after epoch 3, step 4 failed: training: score r2 is"),
                             numeric_error);
        REQUIRE(after.size() == 2);
        CHECK(same_bits(net, after.back()));
    }
}

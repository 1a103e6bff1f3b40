// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/callbacks.hpp"

#include "train/run.hpp"

using namespace smldist;
using train::supervised;
using train::training_options;
using training = train::training<network, supervised>;

TEST_CASE("training: patience ends a run that stopped improving at the expected epoch") {
    const run whole(brief(12));
    bool ended_early = false;
    for (const std::size_t patience : {1u, 2u, 3u}) {
        CAPTURE(patience);
        std::size_t expected = 12;
        for (std::size_t e = 1; e <= 12 && expected == 12; ++e) {
            const std::vector<train::epoch_report> so_far(
                whole.result.history.begin(), whole.result.history.begin() + static_cast<std::ptrdiff_t>(e));
            if (e - first_best(so_far) >= patience) expected = e;
        }
        training_options o = brief(12);
        o.patience = patience;
        const run r(o);
        CHECK(r.result.history.size() == expected);
        CHECK(same_bits(r.net, whole.after_epoch[expected - 1]));
        ended_early = ended_early || expected < 12;
    }
    CHECK(ended_early);
}

TEST_CASE("training: with ema the averaged weights are validated and returned") {
    training_options o = brief();
    o.ema = 0.9;
    network net = make(student_config());
    optim::ema<network> average(net, 0.9);
    std::vector<network> averaged;
    supervised objective;
    training t(net, objective, few().train, few().validation, few().normal, o);
    t.on_step = [&](const train::step_report&) { average.update(net); };
    t.on_epoch = [&](const train::epoch_report& e) {
        averaged.push_back(average.model);
        CHECK(same_bits(t.current(), average.model));
        CHECK(e.validation.macro_f1 == train::evaluate(average.model, few().validation, few().normal).macro_f1);
    };
    const auto r = t.run();
    CHECK(same_bits(net, averaged.back()));
    CHECK(same_bits(r.best, averaged[r.best_epoch - 1]));
    CHECK_FALSE(same_bits(net, run(brief()).net));
}

TEST_CASE("training: swa averages the last epochs' networks and refreshes statistics without changing the training") {
    training_options o = brief(4);
    const run usual(o);
    o.swa_epochs = 3;
    network net = make(student_config());
    supervised objective;
    training t(net, objective, few().train, few().validation, few().normal, o);
    std::vector<double> reported;
    std::vector<network> seen, current;
    t.on_epoch = [&](const train::epoch_report& e) {
        seen.push_back(net);
        current.push_back(t.current());
        reported.push_back(e.validation.macro_f1);
    };
    const auto r = t.run();
    for (std::size_t e = 0; e < 4; ++e) {
        CHECK(same_bits(seen[e], usual.after_epoch[e]));
        CHECK(r.history[e].train.total == usual.result.history[e].train.total);
    }

    data::loader_options lo;
    lo.batch = o.batch;
    lo.augment = o.augment;
    data::loader loader(few().train, lo, few().normal, generator(o.seed, 1));
    optim::swa<network> mean(seen[0]);
    for (std::size_t e = 1; e < 4; ++e) {
        mean.update(seen[e]);
        tape<float> pass(o.seed);
        data::batch b;
        loader.start(e + 1);
        for (std::size_t k = 1; loader.next(b); ++k) {
            pass.reset();
            mean.model(pass.input(b.x), mode::train);
            optim::refresh_statistics(mean.model, pass, k);
        }
        CHECK(reported[e] == train::evaluate(mean.model, few().validation, few().normal).macro_f1);
    }
    CHECK(reported[0] == usual.result.history[0].validation.macro_f1);
    CHECK(same_bits(net, mean.model));
    CHECK(same_bits(current[0], seen[0]));
    CHECK(same_bits(current[3], mean.model));
    CHECK(same_bits(current[r.best_epoch - 1], r.best));
    if (r.best_epoch == 4) CHECK(same_bits(r.best, net));
    CHECK_FALSE(same_bits(net, usual.net));
}

TEST_CASE("training: a frozen backbone does not change even with averages; a fully frozen network trains nothing") {
    for (const std::size_t kind : {0u, 1u, 2u}) {
        CAPTURE(kind);
        training_options o = brief(2);
        if (kind == 1) o.ema = 0.9;
        if (kind == 2) o.swa_epochs = 2;
        network net = make(student_config());
        freeze(net.backbone);
        const network before = net;
        supervised objective;
        training t(net, objective, few().train, few().validation, few().normal, o);
        const auto result = t.run();
        CHECK(!same_bits(net, before));
        network body = net;
        body.heads = before.heads;
        CHECK(same_bits(body, before));
        body = result.best;
        CHECK(is_frozen(body.backbone));
        freeze(net);
        const network still = net;
        training again(net, objective, few().train, few().validation, few().normal, o);
        again.run();
        CHECK(same_bits(net, still));
    }
}

namespace {

/// What a training with these options and callbacks leaves behind.
template <class... Callbacks>
std::pair<network, train::training_result<network>> with(const training_options& o, network net,
                                                         Callbacks&&... callbacks) {
    supervised labels;
    training t(net, labels, few().train, few().validation, few().normal, o);
    (t.add(std::forward<Callbacks>(callbacks)), ...);
    auto result = t.run();
    return {net, std::move(result)};
}

void check_equal(const std::pair<network, train::training_result<network>>& a,
                 const std::pair<network, train::training_result<network>>& b) {
    CHECK(same_bits(a.first, b.first));
    CHECK(same_bits(a.second.best, b.second.best));
    REQUIRE(a.second.history.size() == b.second.history.size());
    for (std::size_t e = 0; e < a.second.history.size(); ++e)
        CHECK(a.second.history[e].score == b.second.history[e].score);
}

} // namespace

TEST_CASE("callbacks: an option and its callback do the same in any order of k-means and averages") {
    const network start = make(student_config(heads::memory));
    training_options o = brief(5);
    const auto plain = with(o, start);
    o.ema = 0.8;
    const auto averaged = with(o, start);
    check_equal(with(brief(5), start, train::ema<network>(0.8)), averaged);
    CHECK_FALSE(same_bits(averaged.first, plain.first));
    o.memory = train::memory_initialisation::k_means;
    check_equal(with(brief(5), start, train::k_means_memory{}, train::ema<network>(0.8)), with(o, start));
    check_equal(with(brief(5), start, train::ema<network>(0.8), train::k_means_memory{}), with(o, start));
    o.ema = 0;
    o.swa_epochs = 5;
    const auto mean = with(o, start);
    check_equal(with(brief(5), start, train::k_means_memory{}, train::swa<network>(5)), mean);
    check_equal(with(brief(5), start, train::swa<network>(5), train::k_means_memory{}), mean);
    o = brief(12);
    o.patience = 1;
    const auto brief_run = with(o, start);
    CHECK(brief_run.second.history.size() < 12);
    check_equal(with(brief(12), start, train::early_stopping{.patience = 1}), brief_run);
}

TEST_CASE("callbacks: averages start over after a callback that moves the weights and in a second run") {
    struct moves {
        void before_epoch(train::state<network>& s) const {
            if (s.epoch != 3) return;
            s.network = make(student_config(), 7);
            s.moved = true;
        }
    };
    /// The averages of what comes from epoch 3 on.
    struct expected {
        std::optional<optim::ema<network>> ema = {};
        std::optional<optim::swa<network>> swa = {};
        void before_step(train::state<network>& s) {
            if (s.epoch == 3 && s.step == 1) ema.emplace(s.network, 0.8);
        }
        void after_step(train::state<network>& s) {
            if (s.epoch >= 3) ema->update(s.network);
        }
        void before_validation(train::state<network>& s) {
            if (s.epoch == 3) swa.emplace(s.network);
            if (s.epoch < 3) return;
            swa->update(s.network);
            s.refresh_statistics(swa->model);
        }
    };
    expected e;
    const auto by_ema = with(brief(4), make(student_config()), train::ema<network>(0.8), moves{}, e);
    CHECK(same_bits(by_ema.first, e.ema->model));
    const auto by_swa = with(brief(4), make(student_config()), train::swa<network>(4), moves{}, e);
    CHECK(same_bits(by_swa.first, e.swa->model));

    training_options o = brief(2);
    o.swa_epochs = 2;
    network net = make(student_config()), other;
    supervised labels;
    training t(net, labels, few().train, few().validation, few().normal, o);
    t.run();
    other = net;
    t.run();
    CHECK(same_bits(net, with(o, other).first));
}

TEST_CASE("callbacks: best_model keeps the best network of the result") {
    train::best_model<network> best;
    const auto r = with(brief(5), make(student_config()), best, train::ema<network>(0.8));
    REQUIRE(best.model);
    CHECK(same_bits(*best.model, r.second.best));
}

TEST_CASE("callbacks: a decay out of range is refused when training begins") {
    CHECK_THROWS_AS(with(brief(), make(student_config()), train::ema<network>(1.0)), usage_error);
}

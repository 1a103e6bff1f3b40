// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/state.hpp"

#include "train/run.hpp"

using namespace smldist;
using train::supervised;
using train::training_options;
using training = train::training<network, supervised>;
using state = train::state<network>;

TEST_CASE("state: gives a callback network and options and data and progress") {
    struct looks {
        const network* net;
        std::size_t steps = 0, epochs = 0;
        void before_training(const state& s) {
            CHECK(&s.network == net);
            CHECK(s.shown == net);
            CHECK(&s.train == &few().train);
            CHECK(&s.validation == &few().validation);
            CHECK(s.normal.scale == few().normal.scale);
            CHECK(s.options.batch == 26);
            CHECK(s.epoch == 0);
            CHECK(s.epochs == 3);
            CHECK(s.steps == 4);
            CHECK(s.best_epoch == 0);
        }
        void before_epoch(const state& s) {
            CHECK(s.step == 0);
            CHECK(s.epoch == epochs + 1);
            CHECK_FALSE(s.moved);
        }
        void before_step(const state& s) {
            optim::any_schedule schedule(s.options.schedule, s.options.lr, s.epochs, s.steps);
            CHECK(s.lr == schedule.lr(steps));
            CHECK(s.momentum == schedule.momentum(steps));
            CHECK(s.step == steps % 4 + 1);
            ++steps;
        }
        void after_epoch(const state& s) {
            ++epochs;
            CHECK(s.report.lr == s.lr);
            CHECK(s.report.train["hard"] > 0);
            CHECK(s.report.score == s.report.validation.macro_f1);
            CHECK((s.best_epoch == s.epoch) == s.report.best);
        }
    };
    network net = make(student_config());
    supervised labels;
    training t(net, labels, few().train, few().validation, few().normal, brief());
    looks l{&net};
    t.add(l);
    const auto r = t.run();
    CHECK(l.steps == 12);
    CHECK(l.epochs == 3);
    CHECK(r.best_epoch == first_best(r.history));
}

TEST_CASE("state: a network shown by a callback is validated and kept as the best and returned") {
    struct shows {
        network other = make(student_config(), 9);
        void before_validation(state& s) { s.shown = &other; }
    };
    network net = make(student_config());
    supervised labels;
    training t(net, labels, few().train, few().validation, few().normal, brief());
    shows other;
    t.add(other);
    bool shown = true;
    t.on_epoch = [&](const train::epoch_report& e) {
        shown = shown && &t.current() == &other.other && !same_bits(net, other.other) &&
                e.score == train::evaluate(other.other, few().validation, few().normal).macro_f1;
    };
    const auto r = t.run();
    CHECK(shown);
    CHECK(same_bits(net, other.other));
    CHECK(same_bits(r.best, other.other));
    CHECK(&t.current() == &net);
}

TEST_CASE("state: refresh_statistics uses the epoch's batches and does not change the training") {
    struct refreshes {
        network copy = {};
        void before_validation(state& s) {
            copy = s.network;
            s.refresh_statistics(copy);
        }
    };
    network net = make(student_config());
    supervised labels;
    training t(net, labels, few().train, few().validation, few().normal, brief());
    refreshes r;
    t.add(r);
    t.run();
    const run usual(brief());
    CHECK(same_bits(net, usual.net));
    CHECK_FALSE(same_bits(r.copy, net));

    network wanted = net;
    data::loader_options lo;
    lo.batch = 26;
    lo.augment = brief().augment;
    data::loader loader(few().train, lo, few().normal, generator(0, 1));
    data::batch b;
    tape<float> pass(0);
    loader.start(3);
    for (std::size_t k = 1; loader.next(b); ++k) {
        pass.reset();
        wanted(pass.input(b.x), mode::train);
        optim::refresh_statistics(wanted, pass, k);
    }
    CHECK(same_bits(r.copy, wanted));
}

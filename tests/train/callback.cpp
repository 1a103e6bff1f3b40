// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/callback.hpp"

#include <memory>
#include <string>
#include <type_traits>

#include "allocations.hpp"
#include "train/run.hpp"

using namespace smldist;
using train::run_state;
using train::supervised;
using train::training_options;
using training = train::training<network, supervised>;
using state = train::state<network>;

namespace {

/// Writes down every call.
struct recorder {
    std::string calls;

    void before_training(state&) { calls += "begin "; }
    void before_epoch(auto& s) { calls += "epoch" + std::to_string(s.epoch) + " "; }
    void before_step(run_state& s) { calls += std::to_string(s.step); }
    void after_step(const run_state&) { calls += "+ "; }
    void before_validation(state&) { calls += "validate "; }
    void after_epoch(const state& s) { calls += s.report.epoch == s.epoch ? "report " : "wrong "; }
    void after_training(state&) { calls += "end"; }
};

} // namespace

TEST_CASE("callback: the concept accepts only types with a matching member") {
    struct none {};
    struct other {
        void after_epoch(std::string&) {}
    };
    struct writes {
        void after_epoch(run_state&) {}
    };
    CHECK(train::callback<recorder, state>);
    CHECK(train::callback<writes, state>);
    CHECK_FALSE(train::callback<const writes, state>);
    CHECK_FALSE(train::callback<none, state>);
    CHECK_FALSE(train::callback<other, state>);
}

TEST_CASE("callback: members are called in order in every run; a stopped run completes its last epoch") {
    network net = make(student_config());
    supervised labels;
    training t(net, labels, few().train, few().validation, few().normal, brief(2));
    recorder r;
    t.add(r);
    t.run();
    const std::string epoch = "1+ 2+ 3+ 4+ validate report ";
    const std::string all = "begin epoch1 " + epoch + "epoch2 " + epoch + "end";
    CHECK(r.calls == all);
    r.calls.clear();
    t.stop = [&] { return r.calls.ends_with("2+ "); };
    t.run();
    CHECK(r.calls == "begin epoch1 1+ 2+ validate report end");
}

TEST_CASE("callback: lvalues are referred to and rvalues moved in; calls are in the order of add") {
    struct append {
        std::string* to;
        char what;
        std::unique_ptr<int> only_movable = {};
        void after_epoch(const run_state&) const { *to += what; }
    };
    network net = make(student_config());
    supervised labels;
    training t(net, labels, few().train, few().validation, few().normal, brief(2));
    std::string order;
    append mine{&order, 'a'};
    const append constant{&order, 'c'};
    t.add(mine);
    t.add(append{&order, 'b'});
    t.add(constant);
    t.on_epoch = [&](const train::epoch_report&) { order += '.'; };
    mine.what = 'A';
    t.run();
    CHECK(order == "Abc.Abc.");
}

TEST_CASE("callback: stop in any member ends training after the epoch's validation") {
    struct at_step {
        std::size_t epoch, step;
        void after_step(run_state& s) const {
            if (s.epoch == epoch && s.step == step) s.stop();
        }
    };
    struct after {
        std::size_t epoch;
        void after_epoch(run_state& s) const {
            if (s.epoch == epoch) s.stop();
        }
    };
    network net = make(student_config());
    supervised labels;
    training t(net, labels, few().train, few().validation, few().normal, brief(9));
    t.add(at_step{2, 3});
    std::size_t steps = 0;
    t.on_step = [&](const train::step_report&) { ++steps; };
    const auto r = t.run();
    CHECK(r.history.size() == 2);
    CHECK(steps == 4 + 3);
    CHECK(r.history.back().validation.counts.total() == few().validation.size());
    training u(net, labels, few().train, few().validation, few().normal, brief(9));
    u.add(after{3});
    CHECK(u.run().history.size() == 3);
}

TEST_CASE("callback: before_step may change the learning rate and after_step sees the loss of the step") {
    struct half {
        void before_step(run_state& s) const { s.lr /= 2; }
    };
    struct losses {
        std::vector<double> seen;
        void after_step(const run_state& s) { seen.push_back(s.terms.total); }
    };
    training_options o = brief(), smaller = brief();
    o.schedule.kind = smaller.schedule.kind = optim::schedule_kind::constant;
    smaller.lr = o.lr / 2;
    network net = make(student_config());
    supervised labels;
    training t(net, labels, few().train, few().validation, few().normal, o);
    t.add(half{});
    losses l;
    t.add(l);
    const auto r = t.run();
    const run wanted(smaller);
    CHECK(same_bits(net, wanted.net));
    CHECK(r.history[1].lr == smaller.lr);
    REQUIRE(l.seen.size() == wanted.steps.size());
    for (std::size_t k = 0; k < l.seen.size(); ++k) CHECK(l.seen[k] == wanted.steps[k].loss);
}

TEST_CASE("callback: exceptions pass through; a numeric_error before validation restores the last good network") {
    struct fails {
        void before_validation(state& s) const {
            if (s.epoch == 2) raise<numeric_error>("fails", "epoch is 2");
        }
    };
    network net = make(student_config()), good;
    supervised labels;
    training t(net, labels, few().train, few().validation, few().normal, brief());
    t.add(fails{});
    t.on_epoch = [&](const train::epoch_report&) { good = net; };
    CHECK_THROWS_WITH_AS(t.run(), "fails: epoch is 2", numeric_error);
    CHECK(same_bits(net, good));
    CHECK(&t.current() == &net);
}

TEST_CASE("callback: a warmed-up step with callbacks allocates nothing") {
    struct counts {
        std::size_t steps = 0;
        double loss = 0;
        void before_step(run_state&) { ++steps; }
        void after_step(const run_state& s) { loss += s.terms["hard"]; }
    };
    training_options o = brief(1);
    o.ema = 0.9;
    network net = make(student_config());
    supervised labels;
    training t(net, labels, few().train, few().validation, few().normal, o);
    counts c;
    t.add(c);
    const data::batch b = first_batch();
    t.run(); // ema begins with it
    t.step(b);
    const std::size_t before = allocations(), steps = c.steps;
    for (int k = 0; k < 5; ++k) t.step(b);
    CHECK(allocations() == before);
    CHECK(c.steps == steps + 5);
    CHECK(c.loss > 0);
}

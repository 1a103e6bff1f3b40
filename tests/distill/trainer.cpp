// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/distill/trainer.hpp"

#include <limits>

#include "allocations.hpp"
#include "tiny.hpp"

using namespace smldist;
using distill::supervised;
using distill::training_options;
using training = distill::training<network, supervised>;

namespace {

training_options brief(std::size_t epochs = 3) {
    training_options o;
    o.epochs = epochs;
    o.batch = 26;
    return o;
}

/// A run on few(), and everything that it reported.
struct run {
    network net;
    distill::training_result<network> result;
    std::vector<network> after_epoch;
    std::vector<distill::step_report> steps;

    explicit run(const training_options& o, const data::windows& validation = few().validation,
                 std::uint64_t network_seed = 0)
        : net(make(student_config(), network_seed)) {
        supervised objective;
        training t(net, objective, few().train, validation, few().normal, o);
        t.on_epoch = [this](const distill::epoch_report&) { after_epoch.push_back(net); };
        t.on_step = [this](const distill::step_report& s) { steps.push_back(s); };
        result = t.run();
    }
};

std::size_t first_best(const std::vector<distill::epoch_report>& history) {
    std::size_t best = 0;
    for (std::size_t e = 1; e < history.size(); ++e)
        if (history[e].validation.macro_f1 > history[best].validation.macro_f1) best = e;
    return best + 1;
}

} // namespace

TEST_CASE("training: one seed gives the same bits for any number of threads; another seed gives others") {
    const std::size_t before = threads();
    set_threads(1);
    const run one(brief());
    for (const std::size_t n : {2u, 3u}) {
        set_threads(n);
        const run other(brief());
        CHECK(same_bits(other.net, one.net));
        CHECK(same_bits(other.result.best, one.result.best));
        CHECK(other.result.history.back().train.total == one.result.history.back().train.total);
    }
    set_threads(before);
    training_options o = brief();
    o.seed = 1;
    CHECK_FALSE(same_bits(run(o).net, one.net));
    CHECK_FALSE(same_bits(run(brief(), few().validation, 1).net, one.net));
}

TEST_CASE("training: reports") {
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
        CHECK(history[e].train.hard == history[e].train.total);
        CHECK(history[e].validation.counts.total() == few().validation.size());
        CHECK(history[e].seconds >= 0);
    }
    optim::one_cycle schedule;
    schedule.max = brief().lr;
    schedule.total = 16;
    CHECK(history[0].lr == doctest::Approx(schedule(3)).epsilon(1e-12));
    CHECK(history[3].lr == doctest::Approx(schedule(15)).epsilon(1e-12));
}

TEST_CASE("training: the loss falls and unseen people are classified well above chance") {
    const sets& s = many();
    for (const auto head : {heads::linear, heads::memory}) {
        network net = make(student_config(head));
        supervised objective;
        training_options o;
        o.epochs = 15;
        o.lr = 1e-2;
        training t(net, objective, s.train, s.validation, s.normal, o);
        const auto r = t.run();
        CHECK(r.history.back().train.total < 0.6 * r.history.front().train.total);
        const auto test = distill::evaluate(r.best, s.test, s.normal);
        CHECK(test.macro_f1 > 0.6); // chance: 0.17
    }
}

TEST_CASE("training: validation windows choose the best epoch and do nothing else") {
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
            CHECK(e.best == (e.validation.macro_f1 > best));
            best = std::max(best, e.validation.macro_f1);
        }
    }
    const auto again = distill::evaluate(usual.result.best, few().validation, few().normal);
    CHECK(again.macro_f1 == usual.result.history[usual.result.best_epoch - 1].validation.macro_f1);
}

TEST_CASE("training: patience ends a run that stopped improving, at the epoch the rule says") {
    const run whole(brief(12));
    bool ended_early = false;
    for (const std::size_t patience : {1u, 2u, 3u}) {
        std::size_t expected = 12;
        for (std::size_t e = 1; e <= 12 && expected == 12; ++e) {
            const std::vector<distill::epoch_report> so_far(
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

TEST_CASE("training: stop ends the run after that epoch's validation") {
    network net = make(student_config());
    supervised objective;
    training t(net, objective, few().train, few().validation, few().normal, brief(10));
    std::size_t steps = 0;
    t.on_step = [&](const distill::step_report&) { ++steps; };
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
    t.on_step = [&](const distill::step_report& s) { step = s.step; };
    t.on_epoch = [&](const distill::epoch_report& e) {
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

TEST_CASE("training: a learning rate that diverges names epoch and step and leaves the last good network") {
    CHECK(check_divergence(1e6, 26) == 1);
    CHECK(check_divergence(1e30, 26) == 1);
    std::size_t later = 0; // which moderate rates break, and when, depends on the machine's rounding
    for (const double lr : {100.0, 200.0, 300.0, 500.0, 1000.0, 2000.0, 5000.0})
        later += check_divergence(lr, 26) > 1 ? 1u : 0u;
    CHECK(later >= 1);
}

TEST_CASE("training: a network that is not finite in validation has diverged too") {
    CHECK(check_divergence(1e30, few().train.size()) == 1); // the only step of an epoch has a finite loss
}

TEST_CASE("training: with ema the averaged weights are validated and returned") {
    training_options o = brief();
    o.ema = 0.9;
    network net = make(student_config());
    optim::ema<network> average(net, 0.9);
    std::vector<network> averaged;
    supervised objective;
    training t(net, objective, few().train, few().validation, few().normal, o);
    t.on_step = [&](const distill::step_report&) { average.update(net); };
    t.on_epoch = [&](const distill::epoch_report& e) {
        averaged.push_back(average.model);
        CHECK(same_bits(t.current(), average.model));
        CHECK(e.validation.macro_f1 == distill::evaluate(average.model, few().validation, few().normal).macro_f1);
    };
    const auto r = t.run();
    CHECK(same_bits(net, averaged.back()));
    CHECK(same_bits(r.best, averaged[r.best_epoch - 1]));
    CHECK_FALSE(same_bits(net, run(brief()).net));
}

TEST_CASE("training: swa leaves training alone, averages the last epochs' networks and refreshes their statistics") {
    training_options o = brief(4);
    const run usual(o);
    o.swa_epochs = 3;
    network net = make(student_config());
    supervised objective;
    training t(net, objective, few().train, few().validation, few().normal, o);
    std::vector<double> reported;
    std::vector<network> seen, current;
    t.on_epoch = [&](const distill::epoch_report& e) {
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
        CHECK(reported[e] == distill::evaluate(mean.model, few().validation, few().normal).macro_f1);
    }
    CHECK(reported[0] == usual.result.history[0].validation.macro_f1);
    CHECK(same_bits(net, mean.model));
    CHECK(same_bits(current[0], seen[0]));
    CHECK(same_bits(current[3], mean.model));
    CHECK(same_bits(current[r.best_epoch - 1], r.best));
    if (r.best_epoch == 4) CHECK(same_bits(r.best, net));
    CHECK_FALSE(same_bits(net, usual.net));
}

TEST_CASE("training: mixup changes the training, and one seed still gives the same bits") {
    training_options o = brief();
    o.mixup = 0.3;
    const run one(o), two(o);
    CHECK(same_bits(one.net, two.net));
    CHECK_FALSE(same_bits(one.net, run(brief()).net));
    o.mixup = 0;
    CHECK(same_bits(run(o).net, run(brief()).net));
}

TEST_CASE("training: a network that sees some channels is trained as on windows that have no others") {
    const sets& s = few();
    training_options o = brief();
    o.augment = data::augment_options::none(); // which draws by channel
    o.mixup = 0.3;
    for (const std::size_t swa : {0u, 2u}) {
        o.swa_epochs = swa;
        o.channels = total_acc;
        network net = make(narrow_config()), alone = net;
        supervised objective;
        const auto r = training(net, objective, s.train, s.validation, s.normal, o).run();
        o.channels.clear();
        const data::windows train = s.train.select_channels(total_acc),
                            validation = s.validation.select_channels(total_acc);
        const normaliser normal = s.normal.select_channels(total_acc);
        const auto expected = training(alone, objective, train, validation, normal, o).run();
        CHECK(same_bits(net, alone));
        CHECK(same_bits(r.best, expected.best));
        for (std::size_t e = 0; e < o.epochs; ++e) {
            CHECK(r.history[e].train.total == expected.history[e].train.total);
            CHECK(r.history[e].validation.macro_f1 == expected.history[e].validation.macro_f1);
        }
    }
    std::vector<std::size_t> every(9);
    for (std::size_t c = 0; c < 9; ++c) every[c] = c;
    o = brief();
    o.channels = every;
    CHECK(same_bits(run(o).net, run(brief()).net));
}

TEST_CASE("training: every optimiser and every schedule learns") {
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
        CAPTURE(optim::text(c.optimiser));
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

TEST_CASE("training: plateau on the loss of an epoch's last batch") {
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

/// Cross entropy that counts the samples of class 1 among all it is given.
struct counting {
    std::size_t *rare, *all;
    distill::objective_value operator()(tape<float>& t, const outputs<var<float>>& out, const data::batch& b,
                                        double progress) const {
        *all += b.size();
        *rare += static_cast<std::size_t>(std::count(b.label.begin(), b.label.end(), 1));
        return supervised{}(t, out, b, progress);
    }
    static void visit(auto&, auto&&) {}
};

TEST_CASE("training: balanced draws classes uniformly") {
    data::windows lopsided = few().train;
    for (std::size_t i = 0; i < lopsided.size(); ++i) lopsided.label[i] = i < 4 ? 1 : 0;
    std::size_t rare = 0, all = 0;
    counting objective{&rare, &all};
    network net = make(student_config());
    training_options o = brief(5);
    o.balanced = true;
    distill::training<network, counting>(net, objective, lopsided, few().validation, few().normal, o).run();
    CHECK(all == 5 * lopsided.size());
    CHECK(double(rare) / double(all) == doctest::Approx(0.5).epsilon(0.2));
}

TEST_CASE("training: options out of range") {
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

TEST_CASE("training: data that cannot be trained on") {
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

TEST_CASE("training: a warmed-up step allocates nothing") {
    const sets& s = few();
    using enum optim::optimiser_kind;
    const struct {
        model::head_config head;
        optim::optimiser_kind optimiser;
        double mixup;
    } cases[] = {{heads::linear, adamw, 0},
                 {heads::memory, adam, 0.2},
                 {heads::memory, sgd, 0},
                 {heads::memory, radam, 0},
                 {heads::memory, ranger, 0}};
    for (const auto& c : cases) {
        network net = make(student_config(c.head));
        supervised objective;
        training_options o = brief();
        o.optimiser = c.optimiser;
        training t(net, objective, s.train, s.validation, s.normal, o);
        data::loader_options lo;
        lo.batch = 26;
        lo.mixup = c.mixup;
        data::loader loader(s.train, lo, s.normal, generator(0));
        data::batch b;
        REQUIRE(loader.next(b));
        memory::trim(); // what other tests left would hide an allocation
        t.step(b);
        const std::size_t before = allocations();
        for (int k = 0; k < 7; ++k) t.step(b);
        CHECK(allocations() == before);
    }
}

TEST_CASE("loss_terms: sum and scale") {
    distill::loss_terms a{1, 2, 3, 4, 5, 6};
    a += {10, 20, 30, 40, 50, 60};
    const auto half = a * 0.5;
    CHECK(half.total == 5.5);
    CHECK(half.hard == 11);
    CHECK(half.soft == 16.5);
    CHECK(half.stage == 22);
    CHECK(half.memory == 27.5);
    CHECK(half.repaired == 33);
}

TEST_CASE("training: the normaliser and the options may be temporaries, the windows may not") {
    const run kept(brief());
    network net = make(student_config());
    supervised objective;
    training t(net, objective, few().train, few().validation, data::fit_normaliser(few().train), brief());
    const auto result = t.run();
    CHECK(same_bits(net, kept.net));
    CHECK(result.history.back().validation.macro_f1 == kept.result.history.back().validation.macro_f1);
    const auto possible = []<class Train, class Validation>(Train&&, Validation&&) {
        return std::is_constructible_v<training, network&, supervised&, Train, Validation, const normaliser&,
                                       const training_options&>;
    };
    const data::windows w;
    CHECK(possible(w, w));
    CHECK(!possible(data::windows(), w));
    CHECK(!possible(w, data::windows()));
    CHECK(!possible(data::windows(), data::windows()));
}

TEST_CASE("training: a frozen backbone stays as it is, with averages too; alone, a frozen network trains nothing") {
    for (const std::size_t kind : {0u, 1u, 2u}) {
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

TEST_CASE("training: run() again begins anew from the network as it is, after a stop too") {
    for (const auto schedule : {optim::schedule_kind::one_cycle, optim::schedule_kind::plateau}) {
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

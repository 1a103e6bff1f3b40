// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/loop.hpp"

#include <limits>

#include "train/run.hpp"
#include "train/step_allocations.hpp"

using namespace smldist;
using train::supervised;
using train::training_options;
using training = train::training<network, supervised>;

TEST_CASE("training: one seed gives the same bits for any number of threads and another seed others") {
    const std::size_t before = threads();
    set_threads(1);
    const run one(brief());
    for (const std::size_t n : {2u, 3u}) {
        CAPTURE(n);
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

TEST_CASE("training: the loss falls and unseen people are classified well above chance") {
    const sets& s = many();
    for (const auto head : {heads::linear, heads::memory}) {
        CAPTURE(model::text(head));
        network net = make(student_config(head));
        supervised objective;
        training_options o;
        o.epochs = 15;
        o.lr = 1e-2;
        training t(net, objective, s.train, s.validation, s.normal, o);
        const auto r = t.run();
        CHECK(r.history.back().train.total < 0.6 * r.history.front().train.total);
        const auto test = train::evaluate(r.best, s.test, s.normal);
        CHECK(test.macro_f1 > 0.6); // chance: 0.17
    }
}

TEST_CASE("training: mixup changes the training and one seed still gives the same bits") {
    training_options o = brief();
    o.mixup = 0.3;
    const run one(o), two(o);
    CHECK(same_bits(one.net, two.net));
    CHECK_FALSE(same_bits(one.net, run(brief()).net));
    o.mixup = 0;
    CHECK(same_bits(run(o).net, run(brief()).net));
}

TEST_CASE("training: selecting channels is the same as training on windows of only those channels") {
    const sets& s = few();
    training_options o = brief();
    o.augment = data::augment_options::none(); // which draws by channel
    o.mixup = 0.3;
    for (const std::size_t swa : {0u, 2u}) {
        CAPTURE(swa);
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

/// Cross entropy that counts the samples of class 1 among all it is given.
struct counting {
    std::size_t *rare, *all;
    train::objective_value operator()(tape<float>& t, const outputs<var<float>>& out, const data::batch& b,
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
    train::training<network, counting>(net, objective, lopsided, few().validation, few().normal, o).run();
    CHECK(all == 5 * lopsided.size());
    CHECK(double(rare) / double(all) == doctest::Approx(0.5).epsilon(0.2));
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
        CAPTURE(model::text(c.head));
        CAPTURE(name_of(c.optimiser));
        CAPTURE(c.mixup);
        network net = make(student_config(c.head));
        supervised objective;
        training_options o = brief();
        o.optimiser = c.optimiser;
        training t(net, objective, s.train, s.validation, s.normal, o);
        check_steps_allocate_nothing(t, first_batch(c.mixup));
    }
}

TEST_CASE("training: normaliser and options may be temporaries but windows may not") {
    const run kept(brief());
    network net = make(student_config());
    supervised objective;
    training t(net, objective, few().train, few().validation,
               data::fit_normaliser(few().train, normaliser_kind::zscore), brief());
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

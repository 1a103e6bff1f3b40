// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/ref2021/training.hpp"

#include <cmath>

#include "smldist/ref2021/presets.hpp"
#include "train/resuming.hpp"
#include "train/tiny.hpp"

using namespace smldist;
using ref2021::phase;
using stage_objective = ref2021::stage_objective<network>;
using logits_objective = ref2021::logits_objective<network>;

namespace {

const shape window{2, 32, 9};

/// The form of the public code with three anchors; `wide` has other channels at the first.
model::network_config published(bool wide = false) {
    auto c = config(16, {"3,16,8,SE,SELU,2,A", "3,24,16,-,HS,2,A", "3,24,16,SE,HS,1,A"}, 16, model::blended_head{});
    if (wide) c.backbone.rows[0].out = 24;
    c.backbone.form = ref2021::form;
    c.dropout = 0;
    return c;
}

train::training_options brief(phase which) {
    train::training_options o;
    o.epochs = 2;
    o.batch = 26;
    o.augment = data::augment_options::none();
    return ref2021::training_options(which, o);
}

template <class Objective>
train::training_result<network> trained(network& net, Objective& objective, const train::training_options& o) {
    return train::training<network, Objective>(net, objective, few().train, few().validation, few().normal, o).run();
}

} // namespace

TEST_CASE("ref2021::training_options: are those of the public code") {
    train::training_options base;
    base.batch = 7;
    base.weight_decay = base.clip = 3;
    for (const auto which : {phase::teacher, phase::stage, phase::logits}) {
        CAPTURE(static_cast<int>(which));
        const auto o = ref2021::training_options(which, base);
        CHECK_NOTHROW(o.check());
        const bool stage = which == phase::stage;
        CHECK(o.optimiser == (stage ? optim::optimiser_kind::adam : optim::optimiser_kind::ranger));
        CHECK(o.lr == (stage ? 1e-4 : 1e-3));
        CHECK(o.weight_decay == 0);
        CHECK(std::isinf(o.clip));
        CHECK(o.batch == 7);
        CHECK(o.schedule.kind == (stage ? optim::schedule_kind::constant : optim::schedule_kind::plateau));
        CHECK(o.plateau_on_last_loss == !stage);
        if (stage) continue;
        const auto p = o.schedule.plateau; // of teacher and student alike
        CHECK(p.mode == optim::plateau_options::direction::min);
        CHECK(p.factor == 0.85);
        CHECK(p.patience == 5);
        CHECK(p.cooldown == 5);
        CHECK(p.threshold == 1e-7);
        CHECK(p.min_lr == 1e-5);
    }
    // Nothing of an earlier choice is left.
    const auto before = ref2021::training_options(phase::logits, base);
    CHECK_FALSE(ref2021::training_options(phase::stage, before).plateau_on_last_loss);
    CHECK(ref2021::stage_count(3) == 2);
    CHECK(ref2021::stage_count(1) == 0);
    CHECK(ref2021::stage_count(0) == 0);
}

TEST_CASE("ref2021::stage_objective: is the mean squared error of unscaled features") {
    const network teacher = make(published(), 1), student = make(published(), 2);
    const data::batch b = first_batch();
    for (std::size_t i = 0; i < 3; ++i) {
        stage_objective objective(teacher, student, i, window, generator(3));
        CHECK(parameter_count(objective) == 0);
        tape<float> t;
        const auto out = student(t.input(b.x), mode::train);
        const auto value = objective(t, out, b, 0);
        const auto wanted = loss::mse(out.stages[i].value(), teacher(b.x, mode::eval).stages[i]);
        CHECK(double(value.loss.value().item()) == doctest::Approx(double(wanted.item())).epsilon(1e-6));
        CHECK(value.terms["stage"] == value.terms.total);
        CHECK(value.terms.total > 0);
    }
    // Other channels: a projector, which the code does not have.
    const network wide = make(published(true), 1);
    stage_objective projected(wide, student, 0, window, generator(3));
    CHECK(parameter_count(projected) == 8 * 24 + 2 * 24);
    CHECK_THROWS_WITH_AS(stage_objective(teacher, student, 3, window, generator(3)),
                         "ref2021::stage_objective: stage is 3, expected below the numbers of anchors, 3 and 3",
                         usage_error);
}

namespace {

/// Trains stage i and checks that every leaf up to the anchor moved, and none behind it: no weight, no running statistic.
void check_stage(std::size_t i, const train::training_options& o) {
    const network teacher = make(published(), 1), before = teacher, start = make(published(), 2);
    network student = start;
    stage_objective objective(teacher, student, i, window, generator(3));
    const auto result = trained(student, objective, o);
    CHECK(result.history.back().train["stage"] < result.history.front().train["stage"]);
    std::vector<std::vector<float>> old;
    walk(start,
         [&old](const std::string&, const auto& leaf) { old.emplace_back(leaf.value.begin(), leaf.value.end()); });
    std::size_t index = 0;
    walk(student, [&](const std::string& path, const auto& leaf) {
        CAPTURE(path);
        const bool reached = path.starts_with("backbone.stem") ||
                             (path.starts_with("backbone.blocks.") && static_cast<std::size_t>(path[16] - '0') <= i);
        const bool same = std::equal(leaf.value.begin(), leaf.value.end(), old[index].begin(), old[index].end());
        CHECK(same != reached);
        ++index;
    });
    CHECK(same_bits(teacher, before));
}

/// A student of one's own that cannot run in part.
struct whole_network {
    network net;
    template <class X> outputs<X> operator()(const X& x, mode m = mode::eval) const { return net(x, m); }
    static void visit(auto& self, auto&& member) { member("net", self.net); }
};

} // namespace

TEST_CASE("ref2021::stage_objective: trains everything up to the anchor and nothing behind it") {
    for (const std::size_t i : {0u, 1u}) {
        CAPTURE(i);
        check_stage(i, brief(phase::stage));
    }
    auto o = brief(phase::stage);
    o.swa_epochs = 1; // one more pass over the batches, for the mean's running statistics
    check_stage(0, o);
}

TEST_CASE(
    "ref2021::stage_objective: a student that cannot run in part learns the same weights but moves its statistics") {
    const network teacher = make(published(), 1);
    network student = make(published(), 2);
    whole_network other{student};
    stage_objective of_student(teacher, student, 0, window, generator(3)),
        of_other(teacher, student, 0, window, generator(3));
    const auto o = brief(phase::stage);
    trained(student, of_student, o);
    train::training<whole_network, stage_objective>(other, of_other, few().train, few().validation, few().normal, o)
        .run();
    std::vector<const tensor<float>*> weights;
    for_each_parameter(student, [&weights](const auto& p) { weights.push_back(&p.value); });
    std::size_t index = 0;
    for_each_parameter(other.net, [&](const auto& p) { CHECK(identical(p.value, *weights[index++])); });
    const auto mean = [](const network& n) { return n.backbone.tail.norm.running_mean.value; };
    CHECK_FALSE(identical(mean(other.net), mean(student)));
}

TEST_CASE("ref2021::logits_objective: is logits_loss of the student's probabilities and the teacher's logits") {
    const network teacher = make(published(), 1), student = make(published(), 2);
    const data::batch b = first_batch();
    logits_objective objective(teacher);
    tape<float> t;
    const auto value = objective(t, student(t.input(b.x), mode::train), b, 0);
    const auto wanted = ref2021::logits_loss(student(b.x, mode::train).logits, teacher(b.x).logits, b.label);
    CHECK(value.loss.value().item() == wanted.item());
    CHECK(value.terms.total == value.terms["soft"]);
    const data::batch mixed = first_batch(1);
    t.reset();
    const auto out = student(t.input(mixed.x), mode::train);
    CHECK_THROWS_AS(objective(t, out, mixed, 0), usage_error);
    CHECK_THROWS_AS(logits_objective(teacher, {.hard = -1}), usage_error);
}

TEST_CASE("ref2021: every phase of the public code's training lowers its loss on a small example") {
    network teacher = make(published(), 1);
    train::supervised labels;
    auto o = brief(phase::teacher);
    o.epochs = 8;
    const auto learned = trained(teacher, labels, o);
    CHECK(learned.history.back().train.total < learned.history.front().train.total);
    CHECK(learned.history.back().train.total > std::log(1 + 5 / std::exp(1.0))); // the floor of CE on probabilities

    network student = make(published(), 2);
    ref2021::take_head(student, teacher);
    for (std::size_t i = 0; i < ref2021::stage_count(student.backbone.anchors.size()); ++i) {
        stage_objective objective(teacher, student, i, window, generator(3));
        const auto result = trained(student, objective, brief(phase::stage));
        CHECK(result.history.back().train["stage"] < result.history.front().train["stage"]);
    }
    logits_objective objective(teacher);
    const auto result = trained(student, objective, brief(phase::logits));
    CHECK(result.history.back().train["soft"] < result.history.front().train["soft"]);
}

TEST_CASE("ref2021 objectives: a temporary teacher does not compile") {
    const auto stage = []<class Teacher>(Teacher&&) {
        return std::is_constructible_v<ref2021::stage_objective<network>, Teacher, const network&, std::size_t,
                                       const shape&, generator>;
    };
    const auto logits = []<class Teacher>(Teacher&&) {
        return std::is_constructible_v<ref2021::logits_objective<network>, Teacher>;
    };
    const network teacher;
    CHECK(stage(teacher));
    CHECK(!stage(network()));
    CHECK(logits(teacher));
    CHECK(!logits(network()));
}

TEST_CASE("ref2021: every phase of the public code's training goes on from a checkpoint bit for bit") {
    const network teacher(published(true), generator(1));
    const auto student = [](std::uint64_t seed) { return make(published(), seed); };
    check_resume(
        student, [&](network& net) { return stage_objective(teacher, net, 0, window, generator(4)); },
        brief(phase::stage), some_places);
    check_resume(
        student, [&](network&) { return logits_objective(teacher); }, brief(phase::logits), some_places);
    check_resume(
        student, [&](network&) { return train::supervised(); }, brief(phase::teacher), some_places);
}

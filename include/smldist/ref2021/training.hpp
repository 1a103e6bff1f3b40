// SPDX-License-Identifier: BSD-3-Clause
/// How the authors' public code of February 2021 trains, to compare with; docs/ref2021.md explains it.
#ifndef SMLDIST_REF2021_TRAINING_HPP
#define SMLDIST_REF2021_TRAINING_HPP

#include <cstdint>
#include <limits>
#include <utility>

#include "smldist/distill/baseline.hpp"
#include "smldist/loss/stage.hpp"
#include "smldist/ref2021/loss.hpp"

namespace smldist::ref2021 {
SMLDIST_NAMESPACE_BEGIN

/// The trainings that follow each other there. Each has an optimiser of its own, over all parameters.
enum class phase : std::uint8_t {
    teacher, ///< only labels (train::supervised): Ranger 1e-3, the rate reduced on the loss of an epoch's last batch
    stage,   ///< one anchor (stage_objective): Adam 1e-4, a constant rate
    logits   ///< logits_objective: as the teacher
};

/// `o` with optimiser, rate and schedule of a training of the public code, without decay and clipping. The caller
/// sets its 200 epochs and batch of 256, and turns augmentation off.
inline train::training_options training_options(phase which, train::training_options o = {}) {
    const bool stage = which == phase::stage;
    o.optimiser = stage ? optim::optimiser_kind::adam : optim::optimiser_kind::ranger;
    o.lr = stage ? 1e-4 : 1e-3;
    o.weight_decay = 0;
    o.clip = std::numeric_limits<double>::infinity();
    o.schedule.kind = optim::schedule_kind::constant;
    o.plateau_on_last_loss = !stage;
    if (stage) return o;
    o.schedule.kind = optim::schedule_kind::plateau;
    o.schedule.plateau = {.mode = optim::plateau_options::direction::min,
                          .factor = 0.85,
                          .patience = 5,
                          .threshold = 1e-7,
                          .cooldown = 5,
                          .min_lr = 1e-5};
    return o;
}

/// Stages that the public code distils: one fewer than there are anchors, so the last anchor is never used.
constexpr std::size_t stage_count(std::size_t anchors) { return anchors > 0 ? anchors - 1 : 0; }

/// Objective of one stage of the public code.
///
///     y = mean (F_S - F_T)²      at anchor i, features as they are
///
/// Stage i consists of the blocks after anchor i-1 up to anchor i, but the layers before it are trained as well: training
/// stage i+1 forgets stage i. No layer after anchor i runs: the optimiser is given all parameters, but those there get no
/// gradient and do not change, nor do their batch-norms' running statistics. A network without `up_to_stage`
/// (model::network has it) runs as a whole, and then those statistics change. Where the channels of the networks differ,
/// which the code does not handle, this object owns a projector; where the lengths differ, the shorter one counts. The
/// teacher must outlive it.
template <class Teacher> class stage_objective {
public:
    /// `window` is the shape of a batch, (B, L, C).
    /// Throws     usage_error when one of the networks has no anchor i.
    template <class Student>
    stage_objective(const Teacher& teacher, const Student& student, std::size_t i, const shape& window, generator g)
        : teacher_(&teacher), i_(i), loss_(make(teacher, student, i, window, g)) {}
    template <class Student>
    stage_objective(const Teacher&&, const Student&, std::size_t, const shape&, generator) = delete;

    /// What `training` runs of the student, and this object of the teacher: up to the anchor.
    template <class Network, class X> outputs<X> forward(const Network& net, const X& x, mode m = mode::train) const {
        if constexpr (requires { net.up_to_stage(i_, x, m); })
            return net.up_to_stage(i_, x, m);
        else
            return net(x, m);
    }
    train::objective_value operator()(tape<float>&, const outputs<var<float>>& student, const data::batch& b,
                                      double) {
        auto teacher = forward(*teacher_, b.x, mode::eval);
        const auto loss = loss_(student.stages[i_], std::move(teacher.stages[i_]));
        train::loss_terms terms;
        terms.total = double(loss.value().item());
        terms.add("stage", terms.total);
        return {loss, terms};
    }
    static void visit(auto& self, auto&& member) { member("stage", self.loss_); }

private:
    template <class Student>
    static loss::stage_loss<float> make(const Teacher& teacher, const Student& student, std::size_t i,
                                        const shape& window, generator& g) {
        const auto t = shapes_of(teacher, window), s = shapes_of(student, window);
        if (i >= t.stages.size() || i >= s.stages.size())
            raise<usage_error>("ref2021::stage_objective", "stage is ", i,
                               ", expected below the numbers of anchors, ", t.stages.size(), " and ",
                               s.stages.size());
        auto o = loss::stage_options::plain();
        o.scale = loss::standardise::none;
        const shape channels{t.stages[i].back()};
        return {s.stages[i], t.stages[i], {tensor<float>(channels), tensor<float>(channels, 1)}, o, {}, g};
    }

    const Teacher* teacher_;
    std::size_t i_;
    loss::stage_loss<float> loss_;
};

/// Objective of the public code's last training: logits_loss of the student's probabilities, which an nn::blended_head gives
/// in training in the place of logits, and the teacher's logits. The teacher must outlive it.
template <class Teacher> class logits_objective {
public:
    /// Throws     usage_error for options out of range.
    explicit logits_objective(const Teacher& teacher, const loss_options& o = {}) : teacher_(&teacher), options_(o) {
        o.check();
    }
    explicit logits_objective(const Teacher&&, const loss_options& = {}) = delete;

    /// Throws     usage_error for a batch of mixtures: that loss takes one label per window.
    train::objective_value operator()(tape<float>&, const outputs<var<float>>& student, const data::batch& b,
                                      double) const {
        if (!b.other.empty())
            raise<usage_error>("ref2021::logits_objective",
                               "labels are mixtures, expected one label per window, without mixup");
        const auto teacher = (*teacher_)(b.x, mode::eval);
        const auto loss = logits_loss(student.logits, teacher.logits, b.label, options_);
        train::loss_terms terms;
        terms.total = double(loss.value().item());
        terms.add("soft", terms.total);
        return {loss, terms};
    }
    static void visit(auto&, auto&&) {}

private:
    const Teacher* teacher_;
    loss_options options_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::ref2021

#endif

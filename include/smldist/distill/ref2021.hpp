// SPDX-License-Identifier: BSD-3-Clause
/// How the authors' public code of February 2021 trains, to compare with; docs/ref2021.md explains it.
#ifndef SMLDIST_DISTILL_REF2021_HPP
#define SMLDIST_DISTILL_REF2021_HPP

#include <cstdint>
#include <limits>
#include <utility>

#include "smldist/distill/baseline.hpp"
#include "smldist/loss/ref2021.hpp"
#include "smldist/loss/stage.hpp"

namespace smldist::inline SMLDIST_ABI::distill {

/// The trainings that follow each other there. Each has an optimiser of its own, over all parameters.
enum class ref2021_training : std::uint8_t {
    teacher, ///< labels alone (`supervised`): Ranger 1e-3, the rate reduced on the loss of an epoch's last batch
    stage,   ///< one anchor (ref2021_stage): Adam 1e-4, a constant rate
    logits   ///< ref2021_logits: as the teacher
};

/// `o` with optimiser, rate and schedule of a training of the public code, without decay and clipping. Its 200 epochs,
/// its batch of 256 and the missing augmentation are the caller's to set.
inline train::training_options ref2021_options(ref2021_training which, train::training_options o = {}) {
    const bool stage = which == ref2021_training::stage;
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
constexpr std::size_t ref2021_stages(std::size_t anchors) { return anchors > 0 ? anchors - 1 : 0; }

/// Objective of one stage of the public code.
///
///     y = mean (F_S - F_T)²      at anchor i, features as they are
///
/// Stage i is the blocks behind anchor i-1 up to and with anchor i, but nothing holds the layers before it: training stage
/// i+1 forgets stage i. No layer behind anchor i runs: the optimiser is given all parameters, but those there get no
/// gradient and stay, as do their batch-norms' running statistics. A network without `up_to_stage` (model::network has it)
/// runs as a whole, and then those statistics move. Where the channels of the networks differ, for which the code has
/// nothing, a projector belongs to this object; where the lengths differ, the shorter one counts. The teacher must outlive
/// it.
template <class Teacher> class ref2021_stage {
public:
    /// `window` is the shape of a batch, (B, L, C).
    /// Throws     usage_error when one of the networks has no anchor i.
    template <class Student>
    ref2021_stage(const Teacher& teacher, const Student& student, std::size_t i, const shape& window, generator g)
        : teacher_(&teacher), i_(i), loss_(make(teacher, student, i, window, g)) {}
    template <class Student>
    ref2021_stage(const Teacher&&, const Student&, std::size_t, const shape&, generator) = delete;

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
            raise<usage_error>("ref2021_stage", "stage is ", i, ", expected below the numbers of anchors, ",
                               t.stages.size(), " and ", s.stages.size());
        auto o = loss::stage_options::plain();
        o.scale = loss::standardise::none;
        const shape channels{t.stages[i].back()};
        return {s.stages[i], t.stages[i], {tensor<float>(channels), tensor<float>(channels, 1)}, o, {}, g};
    }

    const Teacher* teacher_;
    std::size_t i_;
    loss::stage_loss<float> loss_;
};

/// Objective of the public code's last training: loss::ref2021 of the student's probabilities, which a ref2021 head gives
/// in training in the place of logits, and the teacher's logits. The teacher must outlive it.
template <class Teacher> class ref2021_logits {
public:
    /// Throws     usage_error for options out of range.
    explicit ref2021_logits(const Teacher& teacher, const loss::ref2021_options& o = {})
        : teacher_(&teacher), options_(o) {
        o.check();
    }
    explicit ref2021_logits(const Teacher&&, const loss::ref2021_options& = {}) = delete;

    /// Throws     usage_error for a batch of mixtures: that loss knows one label a window.
    train::objective_value operator()(tape<float>&, const outputs<var<float>>& student, const data::batch& b,
                                      double) const {
        if (!b.other.empty())
            raise<usage_error>("ref2021_logits", "labels are mixtures, expected one of each window: no mixup");
        const auto teacher = (*teacher_)(b.x, mode::eval);
        const auto loss = loss::ref2021(student.logits, teacher.logits, b.label, options_);
        train::loss_terms terms;
        terms.total = double(loss.value().item());
        terms.add("soft", terms.total);
        return {loss, terms};
    }
    static void visit(auto&, auto&&) {}

private:
    const Teacher* teacher_;
    loss::ref2021_options options_;
};

} // namespace smldist::inline SMLDIST_ABI::distill

#endif

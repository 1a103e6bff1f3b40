// SPDX-License-Identifier: BSD-3-Clause
/// The three SMLDist losses as one objective of the trainer.
#ifndef SMLDIST_DISTILL_DISTILLER_HPP
#define SMLDIST_DISTILL_DISTILLER_HPP

#include <cmath>
#include <numbers>
#include <optional>
#include <vector>

#include "smldist/distill/plan.hpp"
#include "smldist/distill/trainer.hpp"
#include "smldist/graph/graph.hpp"
#include "smldist/loss/logits.hpp"
#include "smldist/loss/memory.hpp"
#include "smldist/loss/stage.hpp"
#include "smldist/op/arithmetic.hpp"

namespace smldist::inline SMLDIST_ABI::distill {

struct distill_options {
    loss::logits_options logits;
    loss::memory_options memory;
    double stage_first = 1, stage_last = 0.1; ///< λ_stage at the first and last step, a cosine between
    double memory_weight = 0.5;               ///< λ_mem, when both networks have a memory
    bool feature = true;                      ///< the penultimate feature is one more stage

    /// Throws usage_error for a value out of range.
    void check() const {
        for (const double weight : {stage_first, stage_last, memory_weight})
            if (!(weight >= 0 && std::isfinite(weight)))
                raise<usage_error>("distill_options", "weights are ", stage_first, ", ", stage_last, ", ",
                                   memory_weight, ", expected at least 0");
        logits.check();
        memory.check();
    }
};

/// Joint SMLDist objective.
///
///     y = logits loss + λ_stage(e) · mean of the stage losses (anchors, then the penultimate feature) + λ_mem · memory loss
///
/// The teacher is any network that returns `outputs`; it runs in evaluation mode on the same augmented batch, is not
/// recorded and never written. Projectors are made where the channels of student and teacher differ; they are trained
/// along and belong to this object alone, so the student leaves as it came, only better.
template <class Teacher> class distiller {
public:
    /// Throws     usage_error when the networks have another number of stages, other lengths at a stage, other classes or
    ///            memories of another size, or an option is out of range.
    template <class Student>
    distiller(const Teacher& teacher, const Student& student, plan p, const distill_options& o, const shape& window,
              generator g)
        : teacher_(&teacher), plan_(std::move(p)), options_(o) {
        o.check();
        graph gs, gt;
        const auto s = student(symbol::input(gs, "x", window));
        const auto t = teacher(symbol::input(gt, "x", window));
        if (!(s.logits.shape() == t.logits.shape()))
            raise<usage_error>("distiller", "logits of student and teacher are ", s.logits.shape().text(), " and ",
                               t.logits.shape().text(), ", expected the same classes");
        if (s.stages.size() != t.stages.size() || t.stages.size() != plan_.stages.size())
            raise<usage_error>("distiller", "numbers of stages of student, teacher and plan are ", s.stages.size(),
                               ", ", t.stages.size(), ", ", plan_.stages.size(), ", expected them equal");
        for (std::size_t i = 0; i < s.stages.size(); ++i) {
            if (s.stages[i].shape()[1] != t.stages[i].shape()[1])
                raise<usage_error>("distiller", "lengths of stage ", i, " are ", s.stages[i].shape()[1], " and ",
                                   t.stages[i].shape()[1], ", expected them equal");
            projectors_.push_back(make_projector(s.stages[i].shape().back(), t.stages[i].shape().back(), g));
        }
        if (o.memory_weight > 0 && !s.memory.empty() && !t.memory.empty() &&
            !(s.memory.scores.shape() == t.memory.scores.shape() &&
              s.memory.retrieved.shape() == t.memory.retrieved.shape()))
            raise<usage_error>("distiller", "memories of student and teacher are ", s.memory.scores.shape().text(),
                               " and ", t.memory.scores.shape().text(),
                               ", expected equal patterns and widths; see take_memory");
        if (o.feature) projectors_.push_back(make_projector(s.feature.shape().back(), t.feature.shape().back(), g));
    }

    objective_value operator()(tape<float>&, const outputs<var<float>>& student, const data::batch& b,
                               double progress) {
        auto teacher = (*teacher_)(b.x, mode::eval);
        const auto logits =
            loss::logits(student.logits, teacher.logits, b.label, options_.logits, {b.other, b.share});
        var<float> loss = logits.value;
        loss_terms terms;
        terms.hard = double(logits.hard.value().item());
        terms.soft = double(logits.soft.value().item());
        terms.repaired = double(logits.repaired) / double(b.size());

        const double weight = options_.stage_last + (options_.stage_first - options_.stage_last) *
                                                        (1 + std::cos(std::numbers::pi * progress)) / 2;
        if (weight > 0 && !projectors_.empty()) {
            var<float> sum;
            for (std::size_t i = 0; i < projectors_.size(); ++i) {
                const bool last = i == plan_.stages.size();
                const auto one = loss::stage(
                    last ? student.feature : student.stages[i], std::move(last ? teacher.feature : teacher.stages[i]),
                    last ? plan_.feature : plan_.stages[i], projectors_[i] ? &*projectors_[i] : nullptr);
                sum = sum.empty() ? one : op::add(sum, one);
            }
            const auto stage = op::scale(sum, weight / double(projectors_.size()));
            terms.stage = double(stage.value().item());
            loss = op::add(loss, stage);
        }
        if (options_.memory_weight > 0 && !student.memory.empty() && !teacher.memory.empty()) {
            const auto memory =
                op::scale(loss::memory(student.memory, teacher.memory, options_.memory), options_.memory_weight);
            terms.memory = double(memory.value().item());
            loss = op::add(loss, memory);
        }
        terms.total = double(loss.value().item());
        return {loss, terms};
    }
    static void visit(auto& self, auto&& member) { member("projectors", self.projectors_); }

    const plan& statistics() const { return plan_; }

private:
    using projector = std::optional<loss::projector<float>>;
    static projector make_projector(std::size_t from, std::size_t to, generator& g) {
        if (from == to) return std::nullopt;
        return loss::projector<float>(from, to, g);
    }

    const Teacher* teacher_;
    plan plan_;
    distill_options options_;
    std::vector<projector> projectors_; ///< one a stage, the feature's last
};

} // namespace smldist::inline SMLDIST_ABI::distill

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// A distillation baseline as one objective of the trainer.
#ifndef SMLDIST_DISTILL_BASELINE_HPP
#define SMLDIST_DISTILL_BASELINE_HPP

#include <algorithm>
#include <utility>

#include "smldist/graph/trace.hpp"
#include "smldist/loss/baseline/method.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/train/loop.hpp"

namespace smldist::distill {
SMLDIST_NAMESPACE_BEGIN

/// Objective of a distillation baseline: of a method of loss/baseline, or of anything with the same interface.
///
///     y = hard · CE_ε(labels, z_S) + ramp(progress) · method(student, teacher, labels),   ramp = min(1, progress/warm_up)
///
/// The weights are the method's `options.weight`, or `weight()` of a loss::baseline::method. The teacher runs in
/// evaluation mode on the same augmented batch, is not recorded, never written, and must outlive this object. What the
/// method trains (a regressor) belongs to this object and is discarded with it. In the reports, "hard" and "soft" are the
/// two parts.
///
///     distill::baseline_distiller objective(teacher, student, loss::baseline::rkd{}, shape{2, L, C}, generator(1));
///     train::training t(student, objective, …);
template <class Teacher, class Method> class baseline_distiller {
public:
    /// `window` is the shape of a batch, (B, L, C); `student_window` that of the student's when it sees fewer channels.
    /// Throws     usage_error when the networks do not fit the method or an option is out of range.
    template <class Student>
    baseline_distiller(const Teacher& teacher, const Student& student, Method method, const shape& window,
                       generator g, double label_smoothing = 0, const shape& student_window = {})
        : teacher_(&teacher), method_(std::move(method)), label_smoothing_(label_smoothing) {
        if (!(label_smoothing >= 0 && label_smoothing <= 1))
            raise<usage_error>("baseline_distiller", "label_smoothing is ", label_smoothing, ", expected 0 to 1");
        method_.prepare(shapes_of(student, student_window.rank() == 0 ? window : student_window),
                        shapes_of(teacher, window), g);
    }
    template <class Student>
    baseline_distiller(const Teacher&&, const Student&, Method, const shape&, generator, double = 0,
                       const shape& = {}) = delete; // the teacher must outlive it

    train::objective_value operator()(tape<float>&, const outputs<var<float>>& student, const data::batch& b,
                                      double progress) {
        const loss::baseline::weights& weight = weight_of(method_);
        const outputs<tensor<float>> teacher = (*teacher_)(b.x, mode::eval);
        const double ramp = weight.warm_up > 0 ? std::min(1.0, progress / weight.warm_up) : 1;
        auto loss = op::scale(method_(student, teacher, b.label), ramp);
        train::loss_terms terms;
        terms.add("soft", double(loss.value().item()));
        if (weight.hard > 0) {
            const auto hard = op::scale(loss::cross_entropy(student.logits, b.label,
                                                            {.label_smoothing = label_smoothing_, .class_weight = {}},
                                                            {b.other, b.share}),
                                        weight.hard);
            terms.add("hard", double(hard.value().item()));
            loss = op::add(hard, loss);
        }
        terms.total = double(loss.value().item());
        return {loss, terms};
    }
    static void visit(auto& self, auto&& member) { member("method", self.method_); }

    const Method& method() const { return method_; }

private:
    template <class M> static const loss::baseline::weights& weight_of(const M& m) {
        if constexpr (requires { m.weight(); })
            return m.weight();
        else
            return m.options.weight;
    }

    const Teacher* teacher_;
    Method method_;
    double label_smoothing_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::distill

#endif

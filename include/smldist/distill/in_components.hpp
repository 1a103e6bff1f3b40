// SPDX-License-Identifier: BSD-3-Clause
/// A teacher that returns the principal components that its student is to predict.
#ifndef SMLDIST_DISTILL_IN_COMPONENTS_HPP
#define SMLDIST_DISTILL_IN_COMPONENTS_HPP

#include <cstddef>
#include <vector>

#include "smldist/core/outputs.hpp"
#include "smldist/distill/plan.hpp"
#include "smldist/graph/graph.hpp"
#include "smldist/op/linear.hpp"

namespace smldist::inline SMLDIST_ABI::distill {

/// A teacher whose stages and feature come as principal components, where a distiller would bring them to components.
///
///     F̂ = F directionsᵀ + offset          loss::principal_map
///
/// A distiller takes it in place of the teacher, with its statistics() in place of the plan, and computes the same to
/// rounding. Compiled, the wider features do not leave the program:
///
///     const distill::in_components answers(teacher, student, plan, options.stage, window);
///     const deploy::network fast(deploy::compile(answers, {.length = L, .channels = C, .outputs = {"all"}}));
///     distill::distiller objective(fast, student, answers.statistics(), options, window, generator(1));
///
/// Keeps a pointer to the teacher, which must outlive it; a program compiled from it needs neither.
template <class Teacher> class in_components {
public:
    /// Windows as for the distiller.
    /// Throws     usage_error when the numbers of stages differ, the plan's directions do not fit its channels, or the plan is of
    ///            a teacher in components already.
    template <class Student>
    in_components(const Teacher& teacher, const Student& student, const plan& p, const loss::stage_options& o,
                  const shape& window, const shape& student_window = {})
        : teacher_(&teacher), plan_(p) {
        graph gs, gt;
        const auto s = student(symbol::input(gs, "x", student_window.rank() == 0 ? window : student_window));
        const auto t = teacher(symbol::input(gt, "x", window));
        if (s.stages.size() != t.stages.size() || s.stages.size() != p.stages.size())
            raise<usage_error>("distill::in_components", "numbers of stages of student, teacher and plan are ",
                               s.stages.size(), ", ", t.stages.size(), " and ", p.stages.size(),
                               ", expected them equal");
        const auto map_to = [&](loss::feature_statistics<float>& of, const shape& mine) {
            if (of.space == loss::teacher_space::components)
                raise<usage_error>("distill::in_components",
                                   "the plan is of a teacher in components, expected one in channels");
            auto map = mine.back() == of.mean.size() ? loss::component_map<float>()
                                                     : loss::principal_map(of, o, mine.back());
            if (!map.offset.empty()) of.space = loss::teacher_space::components;
            return map;
        };
        for (std::size_t i = 0; i < p.stages.size(); ++i)
            stages_.push_back(map_to(plan_.stages[i].feature, s.stages[i].shape()));
        feature_ = map_to(plan_.feature, s.feature.shape());
    }
    template <class Student>
    in_components(const Teacher&&, const Student&, const plan&, const loss::stage_options&, const shape&,
                  const shape& = {}) = delete; // the teacher must outlive it

    template <class X> outputs<X> operator()(const X& x, mode m = mode::eval) const {
        outputs<X> out = (*teacher_)(x, m);
        for (std::size_t i = 0; i < stages_.size(); ++i) bring(stages_[i], out.stages[i]);
        bring(feature_, out.feature);
        return out;
    }
    static void visit(auto& self, auto&& member) { member("teacher", *self.teacher_); }

    /// The plan, with what comes as components marked: the one for a distiller of this teacher, or of a program compiled from it.
    const plan& statistics() const { return plan_; }

private:
    template <class X> static void bring(const loss::component_map<float>& map, X& x) {
        if (!map.offset.empty()) x = op::linear(x, map.directions, map.offset);
    }

    const Teacher* teacher_;
    plan plan_;
    std::vector<loss::component_map<float>> stages_; ///< empty: channels
    loss::component_map<float> feature_;
};

} // namespace smldist::inline SMLDIST_ABI::distill

#endif

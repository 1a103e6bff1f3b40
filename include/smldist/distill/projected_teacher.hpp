// SPDX-License-Identifier: BSD-3-Clause
/// A teacher that returns the principal components that its student is to predict.
#ifndef SMLDIST_DISTILL_PROJECTED_TEACHER_HPP
#define SMLDIST_DISTILL_PROJECTED_TEACHER_HPP

#include <cstddef>
#include <vector>

#include "smldist/core/outputs.hpp"
#include "smldist/distill/teacher_statistics.hpp"
#include "smldist/graph/trace.hpp"
#include "smldist/op/linear.hpp"

namespace smldist::distill {
SMLDIST_NAMESPACE_BEGIN

/// A teacher whose stages and feature come as principal components, where a distiller would bring them to components.
///
///     F̂ = F directionsᵀ + offset          loss::principal_map
///
/// A distiller takes it in place of the teacher, with its statistics() in place of the teacher's, and computes the same to
/// rounding. Compiled, the wider features do not leave the program:
///
///     const distill::projected_teacher projected(teacher, student, statistics, options.stage, window);
///     const deploy::network fast(deploy::compile(projected, {.length = L, .channels = C, .outputs = {"all"}}));
///     distill::distiller objective(fast, student, projected.statistics(), options, window, generator(1));
///
/// Keeps a pointer to the teacher, which must outlive it; a program compiled from it needs neither.
template <class Teacher> class projected_teacher {
public:
    /// Windows as for the distiller.
    /// Throws     usage_error when the numbers of stages differ, the statistics do not fit its channels,
    ///            or they are of a projected teacher already.
    template <class Student>
    projected_teacher(const Teacher& teacher, const Student& student, const teacher_statistics& p,
                      const loss::stage_options& o, const shape& window, const shape& student_window = {})
        : teacher_(&teacher), statistics_(p) {
        const auto s = shapes_of(student, student_window.rank() == 0 ? window : student_window);
        const auto t = shapes_of(teacher, window);
        if (s.stages.size() != t.stages.size() || s.stages.size() != p.stages.size())
            raise<usage_error>("distill::projected_teacher",
                               "numbers of stages of student, teacher and statistics are ", s.stages.size(), ", ",
                               t.stages.size(), " and ", p.stages.size(), ", expected them equal");
        const auto map_to = [&](loss::feature_statistics<float>& of, const shape& mine) {
            if (of.space == loss::teacher_space::components)
                raise<usage_error>("distill::projected_teacher",
                                   "statistics are of a projected teacher, expected those of the teacher itself");
            auto map = mine.back() == of.mean.size() ? loss::component_map<float>()
                                                     : loss::principal_map(of, o, mine.back());
            if (!map.offset.empty()) of.space = loss::teacher_space::components;
            return map;
        };
        for (std::size_t i = 0; i < p.stages.size(); ++i)
            stages_.push_back(map_to(statistics_.stages[i].feature, s.stages[i]));
        feature_ = map_to(statistics_.feature, s.feature);
    }
    template <class Student>
    projected_teacher(const Teacher&&, const Student&, const teacher_statistics&, const loss::stage_options&,
                      const shape&, const shape& = {}) = delete; // the teacher must outlive it

    template <class X> outputs<X> operator()(const X& x, mode m = mode::eval) const {
        outputs<X> out = (*teacher_)(x, m);
        for (std::size_t i = 0; i < stages_.size(); ++i) bring(stages_[i], out.stages[i]);
        bring(feature_, out.feature);
        return out;
    }
    static void visit(auto& self, auto&& member) { member("teacher", *self.teacher_); }

    /// The statistics, with the projected features marked: those that a distiller of this teacher, or of a program compiled
    /// from it, takes.
    [[nodiscard]] const teacher_statistics& statistics() const { return statistics_; }

private:
    template <class X> static void bring(const loss::component_map<float>& map, X& x) {
        if (!map.offset.empty()) x = op::linear(x, map.directions, map.offset);
    }

    const Teacher* teacher_;
    teacher_statistics statistics_;
    std::vector<loss::component_map<float>> stages_; ///< empty: channels
    loss::component_map<float> feature_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::distill

#endif

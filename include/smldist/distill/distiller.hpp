// SPDX-License-Identifier: BSD-3-Clause
/// The three SMLDist losses as one objective of the trainer.
#ifndef SMLDIST_DISTILL_DISTILLER_HPP
#define SMLDIST_DISTILL_DISTILLER_HPP

#include <concepts>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "smldist/deploy/compile.hpp"
#include "smldist/deploy/network.hpp"
#include "smldist/distill/projected_teacher.hpp"
#include "smldist/distill/settings.hpp"
#include "smldist/distill/teacher_statistics.hpp"
#include "smldist/graph/trace.hpp"
#include "smldist/loss/stage.hpp"
#include "smldist/train/loop.hpp"

namespace smldist::distill {
SMLDIST_NAMESPACE_BEGIN

/// The length at which each stage of two networks is compared: the shorter one; of images the pixels of the shorter extents.
/// Throws     usage_error when the numbers of stages or their ranks differ.
[[nodiscard]] SMLDIST_FUNCTION std::vector<std::size_t> common_lengths(const outputs<shape>& teacher,
                                                                       const outputs<shape>& student);
/// The same of two networks for windows of these shapes.
template <class Teacher, class Student>
[[nodiscard]] std::vector<std::size_t> common_lengths(const Teacher& teacher, const Student& student,
                                                      const shape& teacher_window, const shape& student_window) {
    return common_lengths(shapes_of(teacher, teacher_window), shapes_of(student, student_window));
}

/// The SMLDist objective.
///
///     y = logits loss + λ_stage(e) · mean of the stage losses (anchors, then the penultimate feature) + λ_mem · memory loss
///
/// The teacher is any network that returns `outputs`. It runs in evaluation mode on the same augmented batch, is not recorded
/// and never written. Projectors are made where the channels of student and teacher differ in number, or by far in scale (see
/// stage_loss). They belong to this object and are trained with the student, which does not contain them.
///
///     distill::distiller objective(teacher, student, train, normal);
///     train::training(student, objective, train, validation, normal, options).run();
class distiller {
public:
    /// Prepares everything itself: compiles the teacher (deploy::compile), measures its statistics on the training windows
    /// (calibrate) at the lengths at which the stages are compared (common_lengths), and has it return the principal
    /// components that a narrower student predicts (projected_teacher). Owns the compiled teacher; the networks
    /// may be destroyed, except a teacher that is a deploy::network, which is used as it is.
    /// The windows are in raw units; `student_channels` are those that the student sees; empty: all.
    /// Throws     usage_error when the networks have different numbers of stages, other classes or memories of another size,
    ///            for a teacher with an op that programs lack (use the other constructor), or for an option out of range
    ///            or without effect: a schedule without stages, merged patterns without memories; errors of for_each_batch
    ///            for the windows.
    template <class Teacher, class Student>
    distiller(const Teacher& teacher, const Student& student, const data::windows& train, const normaliser& normal,
              const distill_options& o = {}, generator g = generator(0),
              std::span<const std::size_t> student_channels = {})
        : distiller(prepare(teacher, student, train, normal, o, student_channels), o, g) {}

    /// From the parts. `statistics` come from calibrate, for the same options of the stage loss. `window` is the shape of a
    /// batch, (B, L, C); `student_window` that of the student's when it sees fewer channels. The teacher must outlive this
    /// object.
    /// Throws     usage_error when the networks have different numbers of stages, other classes or memories of another size,
    ///            when the statistics are not of this teacher or lack the bands that the options weigh, or for an option as
    ///            above.
    template <class Teacher, class Student>
    distiller(const Teacher& teacher, const Student& student, teacher_statistics statistics, const distill_options& o,
              const shape& window, generator g, const shape& student_window = {})
        : distiller(
              parts{[&teacher](const tensor<float>& x) { return teacher(x, mode::eval); }, shapes_of(teacher, window),
                    shapes_of(student, student_window.rank() == 0 ? window : student_window), std::move(statistics)},
              o, g) {}

    template <class Teacher, class Student>
    distiller(const Teacher&&, const Student&, teacher_statistics, const distill_options&, const shape&, generator,
              const shape& = {}) = delete; // the teacher must outlive it

    /// `progress` runs from 0 to 1 over the training.
    SMLDIST_FUNCTION train::objective_value operator()(tape<float>& t, const outputs<var<float>>& student,
                                                       const data::batch& b, double progress);
    static void visit(auto& self, auto&& member) { member("stages", self.stages_); }

    [[nodiscard]] const teacher_statistics& statistics() const { return statistics_; }
    /// The loss of anchor i, for its bands and their weights.
    const loss::stage_loss<float>& stage(std::size_t i) const { return stages_[i]; }

private:
    /// What the losses need of teacher and student.
    struct parts {
        std::function<outputs<tensor<float>>(const tensor<float>&)> teacher;
        outputs<shape> of_teacher, of_student;
        teacher_statistics statistics;
    };

    template <class Teacher, class Student>
    static parts prepare(const Teacher& teacher, const Student& student, const data::windows& train,
                         const normaliser& normal, const distill_options& o, std::span<const std::size_t> channels) {
        o.check();
        const shape window{1, train.length(), train.channels()};
        const shape seen = channels.empty() ? window : window.with(2, channels.size());
        const auto lengths = common_lengths(teacher, student, window, seen);
        if constexpr (std::same_as<Teacher, deploy::network>) // compiled already
            return {[&teacher](const tensor<float>& x) { return teacher(x); }, shapes_of(teacher, window),
                    shapes_of(student, seen), calibrate(teacher, train, normal, o.stage, lengths)};
        else
            return projected(teacher, student, calibrate(compiled(teacher, window), train, normal, o.stage, lengths),
                             o, window, seen);
    }
    /// The teacher in components, compiled.
    template <class Teacher, class Student>
    static parts projected(const Teacher& teacher, const Student& student, const teacher_statistics& statistics,
                           const distill_options& o, const shape& window, const shape& seen) {
        const projected_teacher in_components(teacher, student, statistics, o.stage, window, seen);
        const auto program = std::make_shared<const deploy::network>(compiled(in_components, window));
        return {[program](const tensor<float>& x) { return (*program)(x); }, shapes_of(*program, window),
                shapes_of(student, seen), in_components.statistics()};
    }
    /// For batches: with a batch of 1 the program would run one window at a time.
    template <class Teacher> static deploy::network compiled(const Teacher& teacher, const shape& window) {
        return deploy::network(
            deploy::compile(teacher, {.batch = 2, .length = window[1], .channels = window[2], .outputs = {"all"}}));
    }

    SMLDIST_FUNCTION distiller(parts p, const distill_options& o, generator g);

    /// Throws unless the memories hold the same patterns, or the student's those of the teacher merged.
    SMLDIST_FUNCTION void check_memories(const memory_outputs<shape>& student,
                                         const memory_outputs<shape>& teacher) const;
    /// Which losses count at a moment of the training.
    struct phase {
        bool logits = true;
        double stage_weight = 0;
        std::size_t first_stage = 0, last_stage = 0;
    };
    SMLDIST_FUNCTION phase phase_at(double progress) const;

    std::function<outputs<tensor<float>>(const tensor<float>&)> teacher_; ///< in mode::eval
    teacher_statistics statistics_;
    distill_options options_;
    std::size_t anchors_ = 0;                     ///< that are stages
    std::vector<loss::stage_loss<float>> stages_; ///< one per used anchor, then that of the feature
};

SMLDIST_NAMESPACE_END
} // namespace smldist::distill

#if SMLDIST_TRAIN_BODIES
#include "smldist/distill/distiller.ipp"
#endif

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Distillation in one call, and the settings of the main results.
#ifndef SMLDIST_DISTILL_FIT_HPP
#define SMLDIST_DISTILL_FIT_HPP

#include <cstddef>

#include "smldist/core/normaliser.hpp"
#include "smldist/core/random.hpp"
#include "smldist/data/window.hpp"
#include "smldist/distill/distiller.hpp"
#include "smldist/train/loop.hpp"

namespace smldist::distill {
SMLDIST_NAMESPACE_BEGIN

/// Settings of a run from data to student.
struct settings {
    normaliser_kind normaliser = normaliser_kind::shared; ///< of data::fit_normaliser
    train::training_options teacher = {}, student = {};
    distill_options losses = {};
};

/// The settings of the main results (docs/results.md): those of `har distill`, and the defaults of the library.
///
/// | setting | value | measured reason (docs/results.md, "How the settings were chosen") |
/// |---|---|---|
/// | normaliser | shared by the axes of a sensor | macro-F1 0.9654, z-score per channel 0.9622 |
/// | augmentation | rotation and scaling | 0.9622, with time warp, jitter and mask 0.9431 |
/// | peak learning rate | 4e-3 | 0.9622, with 2e-3 0.9517, with 8e-3 0.9601 |
/// | weight decay | 1e-3 | 0.9622; 1e-2 gives 0.9641, within the noise of 0.004 |
/// | epochs of the student | 80 | 0.9615, with 40 0.9588 |
/// | epochs of the teacher | 30 | not varied |
/// | stage loss | plain: α = 0, η = 0 | 0.9839; frequency-aware 0.9841, no difference, and costs more |
/// | λ_stage | 1 to 0.1 | with stage loss 0.9588, without 0.9581: no harm |
[[nodiscard]] inline settings recommended() {
    settings s;
    s.teacher.epochs = 30;
    s.student.epochs = 80;
    return s;
}

/// Trains `student` in place to follow `teacher` (distiller). If both have a memory, the student first takes over the
/// teacher's patterns (take_memory, trained on at the slow rate).
///
///     const auto set = distill::recommended();
///     distill::fit(student, teacher, people.train, people.validation, normal, set.student, set.losses);
///
/// The teacher must have been trained with this normaliser. `g` draws the projectors.
/// Returns    as train::fit.
/// Throws     as distiller and training; usage_error for memories of different classes or widths.
template <class Student, class Teacher>
train::training_result<Student> fit(Student& student, const Teacher& teacher, const data::windows& train,
                                    const data::windows& validation, const normaliser& normal,
                                    const train::training_options& options = recommended().student,
                                    distill_options losses = recommended().losses, generator g = generator(0)) {
    if constexpr (requires { losses.merged = student.take_memory(teacher); })
        if (student.memory() && teacher.memory()) losses.merged = student.take_memory(teacher);
    distiller objective(teacher, student, train, normal, losses, g, options.channels);
    return train::training(student, objective, train, validation, normal, options).run();
}

SMLDIST_NAMESPACE_END
} // namespace smldist::distill

#endif

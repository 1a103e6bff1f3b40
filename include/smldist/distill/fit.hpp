// SPDX-License-Identifier: BSD-3-Clause
/// Distillation in one call.
#ifndef SMLDIST_DISTILL_FIT_HPP
#define SMLDIST_DISTILL_FIT_HPP

#include "smldist/core/normaliser.hpp"
#include "smldist/core/random.hpp"
#include "smldist/data/window.hpp"
#include "smldist/distill/distiller.hpp"
#include "smldist/distill/ensemble.hpp"
#include "smldist/distill/settings.hpp"
#include "smldist/train/loop.hpp"

namespace smldist::distill {
SMLDIST_NAMESPACE_BEGIN

namespace detail {
template <class Network> const Network& leader_of(const ensemble<Network>& e) { return e.leader(); }
template <class Teacher> const Teacher& leader_of(const Teacher& t) { return t; }
} // namespace detail

/// Trains `student` in place to follow `teacher` (distiller). If both have a memory, the student first takes over the
/// teacher's patterns (take_memory, trained on at the slow rate), of an ensemble those of its leader.
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
    const auto& memories = detail::leader_of(teacher);
    if constexpr (requires { losses.merged = student.take_memory(memories); })
        if (student.memory() && memories.memory()) losses.merged = student.take_memory(memories);
    distiller objective(teacher, student, train, normal, losses, g, options.channels);
    return train::training(student, objective, train, validation, normal, options).run();
}

SMLDIST_NAMESPACE_END
} // namespace smldist::distill

#endif

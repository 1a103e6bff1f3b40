// SPDX-License-Identifier: BSD-3-Clause
/// The trainings of an experiment. Each saves its networks and returns their figures.
#ifndef HAR_TRAININGS_HPP
#define HAR_TRAININGS_HPP

#include <optional>
#include <string>

#include "experiment.hpp"
#include "recipe.hpp"
#include "smldist/model/load.hpp"

namespace har {

/// What `har train` does: trains the network "model".
void train_network(experiment& run);

/// What `har distill` does: a teacher, trained or given, and a student that follows it.
void distill_network(experiment& run, std::optional<smldist::model::loaded<float>> given);

/// What `har validate` and `har sweep` do for a method (see recipe.hpp). `teacher`: the model file that is distilled, if the
/// method distils.
void train_method(experiment& run, const std::string& method, const std::string& teacher);

/// Trains with labels only. A search of the head is decided on the validation subjects; stderr and the figures report it.
smldist::io::json train_with_labels(experiment& run, const std::string& name, network& net, std::size_t epochs);

/// Trains the student by SMLDist, from the teacher's patterns where both have a memory.
smldist::io::json distill_smldist(experiment& run, const network& teacher, network student, std::size_t epochs);

/// Trains the student by a baseline. It takes over nothing of the teacher, except in simkd, whose student runs on the
/// teacher's classifier.
smldist::io::json distill_baseline(experiment& run, const baseline_method& method, const network& teacher,
                                   network student, std::size_t epochs);

/// Trains the student as the public code does: its teacher's head, each anchor but the last by itself, the logits. Puts the
/// figures of each into the experiment's result. What the code cannot do is said on stderr: it copies no head of another
/// width, and has no projector.
void distill_published(experiment& run, const network& teacher, network student, std::size_t epochs);

} // namespace har

#endif

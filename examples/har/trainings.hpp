// SPDX-License-Identifier: BSD-3-Clause
/// The trainings of an experiment. Each saves its networks and returns their figures.
#ifndef HAR_TRAININGS_HPP
#define HAR_TRAININGS_HPP

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "experiment.hpp"
#include "recipe.hpp"
#include "smldist/distill/ensemble.hpp"
#include "smldist/model/load.hpp"

namespace har {

/// One network or more that teach together.
using teachers = smldist::distill::ensemble<network>;

/// What `har train` does: trains the network "model"; as the teacher of a validation or sweep, --teachers of them.
void train_network(experiment& run);

/// What `har distill` does: teachers, trained or given, and a student that follows them.
void distill_network(experiment& run, std::vector<smldist::model::loaded<float>> given);

/// What `har validate` and `har sweep` do for a method (see recipe.hpp). `teacher`: the folder of the run whose networks are
/// distilled, if the method distils.
void train_method(experiment& run, const std::string& method, const std::string& teacher);

/// Trains with labels only. A search of the head is decided on the validation subjects; stderr and the figures report it.
/// `member`: the index of the network among several that are trained alike. From index 1 on, the order of the windows and the
/// augmentation follow from a seed of the member's own, not from --seed.
smldist::io::json train_with_labels(experiment& run, const std::string& name, network& net, std::size_t epochs,
                                    std::size_t member = 0);

/// Trains --teachers networks NAME, NAME_2, … with labels and puts the figures of each into the result. `make` takes a
/// network's name and the random stream for its weights. After a signal no further network is trained, and the last one is
/// as it was after the step in hand.
teachers train_members(experiment& run, const std::string& name, std::size_t epochs,
                       const std::function<network(const std::string&, std::uint64_t)>& make);

/// Of several networks NAME, NAME_2, …: finds the leader on the validation subjects, and puts the figures of what they answer
/// together into the result as NAMEs.
void join(experiment& run, const std::string& name, teachers& members);

/// Trains the student by SMLDist, from the patterns of the teachers' leader where both have a memory.
smldist::io::json distill_smldist(experiment& run, const teachers& from, network student, std::size_t epochs);

/// Trains the student by a baseline. It takes over nothing of the teacher, except in simkd, whose student runs on the
/// classifier of the teachers' leader.
smldist::io::json distill_baseline(experiment& run, const baseline_method& method, const teachers& from,
                                   network student, std::size_t epochs);

/// Trains the student as the public code does: its teacher's head, each anchor but the last by itself, the logits. Puts the
/// figures of each into the experiment's result. What the code cannot do is said on stderr: it copies no head of another
/// width, and has no projector.
void distill_published(experiment& run, const teachers& from, network student, std::size_t epochs);

} // namespace har

#endif

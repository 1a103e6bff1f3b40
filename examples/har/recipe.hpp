// SPDX-License-Identifier: BSD-3-Clause
/// What the options of train and distill ask of the library. All of it can be known, and refused, before data are read.
#ifndef HAR_RECIPE_HPP
#define HAR_RECIPE_HPP

#include <optional>
#include <string>
#include <vector>

#include "options.hpp"
#include "smldist/distill/baseline.hpp"

namespace har {

using baseline_method = smldist::loss::baseline::method<float>;

/// "smldist" and the names of all baselines.
std::vector<std::string> method_names();

/// The baseline that --method names with its options, or nothing for smldist. Throws usage_error.
std::optional<baseline_method> method_of(const options& o);

/// Epochs of a network: `wanted`, or the preset's own number for 0.
std::size_t epochs_for(const std::string& preset, std::size_t wanted);

/// How a network is trained; all channels, and a memory that is not placed (train_with_labels does that).
smldist::train::training_options training_of(const options& o, std::size_t epochs);

/// The losses of SMLDist, without merged patterns.
smldist::distill::distill_options losses_of(const options& o);

// Methods as `har validate` and `har sweep` name them: "labels" trains --preset with labels, "teacher" trains
// --teacher-preset so, and those of method_names() distil.

/// "labels" and method_names().
std::vector<std::string> compared_methods();

/// Whether a method needs a teacher.
bool distils(const std::string& method);

/// "har_teacher", or "3 har_teacher" of several.
inline std::string teachers_text(const options& o) {
    return (o.teachers > 1 ? std::to_string(o.teachers) + " " : "") + o.teacher_preset;
}

/// The options of one method as `har train` and `har distill` know them; of "teacher" also how many networks are trained.
options options_for(const options& o, const std::string& method);

/// Throws usage_error, naming `option`, for a method that there is not; and for options that do not fit it.
void check_method(const options& o, const std::string& method, const std::string& option);

/// Throws usage_error for options of train that do not fit each other.
void check_training(const options& o);

/// The same for distill. `teachers`: the architectures of given teachers; empty when they are trained.
void check_distillation(const options& o, const std::vector<smldist::model::network_config>& teachers);

} // namespace har

#endif

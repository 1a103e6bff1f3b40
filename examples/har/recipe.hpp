// SPDX-License-Identifier: BSD-3-Clause
/// What the options of train and distill ask of the library. All of it can be known, and refused, before data are read.
#ifndef HAR_RECIPE_HPP
#define HAR_RECIPE_HPP

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "options.hpp"
#include "smldist/distill/baseline.hpp"
#include "smldist/distill/distiller.hpp"
#include "smldist/model/network.hpp"
#include "smldist/train/training_options.hpp"

namespace har {

using baseline_method = smldist::loss::baseline::method<float>;

/// Whether networks and training are to be those of the public code.
bool published(const options& o);

/// Names of all presets, and the configuration of one.
std::vector<std::string_view> preset_names();
smldist::model::network_config preset(const std::string& name, double width);

/// The name of the head that the options ask for, search among them. Throws usage_error for blended without --compat ref2021.
std::string chosen_head(const options& o);

/// Gives a network the head of that name, with the options of --patterns, --memory-heads and --memory-dropout. `patterns` of
/// each class; 0: as the options say. Throws usage_error.
void set_head(smldist::model::network_config& c, const options& o, const std::string& head, std::size_t patterns = 0);

/// Whether a network of that head has a memory.
bool has_memory(const smldist::model::network_config& c);

smldist::normaliser_kind chosen_normaliser(const options& o);

/// The architecture of a preset, or of --rows where it is --preset. Throws usage_error for what is no architecture.
/// `patterns` of each class in a memory; 0: as the options say.
smldist::model::network_config architecture(const options& o, const std::string& preset, const std::string& head,
                                            std::size_t channels, std::size_t classes, std::size_t patterns = 0);

/// Epochs of a network: `wanted`, or the preset's own number for 0.
std::size_t epochs_for(const std::string& preset, std::size_t wanted);

/// How a network is trained, without the channels that it sees.
smldist::train::training_options training_of(const options& o, std::size_t epochs);

/// First patterns of a memory that is trained with labels only.
smldist::train::memory_initialisation memory_start_of(const options& o);

/// The losses of SMLDist, without merged patterns.
smldist::distill::distill_options losses_of(const options& o);

smldist::model::memory_transfer transfer_of(const options& o);

/// The baseline that --method names with its options, or nothing for smldist. Throws usage_error.
std::optional<baseline_method> method_of(const options& o);

/// Throws usage_error when --student-patterns asks for what a teacher's head, of so many patterns, cannot give. `memory`:
/// whether it is a memory or a search.
void check_student_patterns(const options& o, bool memory, std::size_t patterns);

/// Throws usage_error for options of train that do not fit each other.
void check_training(const options& o);

/// The same for distill. `teacher`: the architecture of a given teacher, or null when one is trained.
void check_distillation(const options& o, const smldist::model::network_config* teacher);

} // namespace har

#endif

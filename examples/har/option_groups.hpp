// SPDX-License-Identifier: BSD-3-Clause
/// The options that subcommands share, group by group as --help shows them.
#ifndef HAR_OPTION_GROUPS_HPP
#define HAR_OPTION_GROUPS_HPP

#include <cstdint>
#include <string>

#include "declarer.hpp"
#include "options.hpp"

namespace har {

inline constexpr bounds weight{0, 1e6}, unit_interval{0, 1}, part_below_one{0, 1, false, true},
    inside{0, 1, true, true};
inline constexpr std::uint64_t most_epochs = 1000000;

/// The group "Data", of which more options may follow.
void data_option(declarer& d, options& o);
/// Of the group "Data": which part of the dataset is used.
void filter_options(declarer& d, options& o);
/// Data and how they are prepared for training.
void data_options(declarer& d, options& o);
/// `role`: what --preset is; `teacher`: whether there is also a teacher.
void network_options(declarer& d, options& o, const std::string& role, bool teacher = false);
void training_options(declarer& d, options& o, bool distils);
/// Of the group "Memory", which must have begun: the memory's form, and what training does with it.
void memory_head_options(declarer& d, options& o);
void memory_training_options(declarer& d, options& o);
/// The group "Output", the last; `makes_folder`: whether the subcommand has a run folder.
void output_options(declarer& d, options& o, bool makes_folder = false,
                    const char* json = "Print one JSON object with all figures as the last line of the output.");

/// What a distillation minimises: the groups "Distillation", "Stage loss" and "Memory".
/// `one_run`: whether a teacher may be given and one method is chosen.
void distillation_options(declarer& d, options& o, bool one_run = true);
void stage_options(declarer& d, options& o);
void memory_options(declarer& d, options& o);

} // namespace har

#endif

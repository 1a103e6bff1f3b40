// SPDX-License-Identifier: BSD-3-Clause
/// The networks that the options ask for.
#ifndef HAR_NETWORKS_HPP
#define HAR_NETWORKS_HPP

#include <string>
#include <vector>

#include "options.hpp"

namespace har {

/// Names of all presets, the library's and those of the public code.
std::vector<std::string> preset_names();
/// Names of all heads, and "search".
std::vector<std::string> head_choices();
/// Gives a network the head of that name, or the candidates of a search.
void choose_head(smldist::model::network_config& c, const std::string& name);

/// Whether networks and training are to be those of the public code.
inline bool published(const options& o) { return o.compat == compatibility::ref2021; }

/// Whether the network has a memory.
bool has_memory(const smldist::model::network_config& c);

/// The architecture of a preset, with the rows of --rows where it is --preset, and what else the options say of every
/// network. `patterns` of each class in a memory; 0: as the options say. Throws usage_error for what is no architecture.
smldist::model::network_config architecture(const options& o, const std::string& preset, std::size_t channels,
                                            std::size_t classes, std::size_t patterns = 0);

} // namespace har

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Heads of small networks: 2 patterns per class, width 8.
#ifndef SMLDIST_TESTS_MODEL_HEADS_HPP
#define SMLDIST_TESTS_MODEL_HEADS_HPP

#include <vector>

#include "smldist/model/network.hpp"

namespace heads {

using smldist::model::head_config;

inline const head_config linear = smldist::model::linear_head{};
inline const head_config memory = smldist::model::memory_head{.patterns_per_class = 2, .width = 8};
inline const head_config prototype = smldist::model::prototype_head{};
inline const head_config mlp = smldist::model::mlp_head{.hidden = 8};
inline const head_config lookup = smldist::model::lookup_head{.patterns_per_class = 2};
inline const head_config blended = smldist::model::blended_head{};
/// Each of them.
inline const std::vector<head_config> all{linear, memory, prototype, mlp, lookup, blended};
/// The candidates of a search.
inline const std::vector<head_config> candidates{linear, memory, prototype, mlp};

} // namespace heads

/// The same network with a search in the place of its head.
inline smldist::model::network_config
searching(smldist::model::network_config c, const std::vector<heads::head_config>& candidates = heads::candidates) {
    c.candidates = candidates;
    return c;
}
/// The options of the network's memory.
inline smldist::model::memory_head& memory_of(smldist::model::network_config& c) {
    return *c.options_of<smldist::model::memory_head>();
}

#endif

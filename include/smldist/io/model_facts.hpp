// SPDX-License-Identifier: BSD-3-Clause
/// What a model file says of its model, and what reading one may take.
#ifndef SMLDIST_IO_MODEL_FACTS_HPP
#define SMLDIST_IO_MODEL_FACTS_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "smldist/core/normaliser.hpp"
#include "smldist/io/json.hpp"

namespace smldist::io {
SMLDIST_NAMESPACE_BEGIN

/// What a model file says about its model besides the weights.
struct model_facts {
    json architecture = {};              ///< what rebuilds the network; model::save writes that of a model::network
    json graph = {};                     ///< traced nodes, all that a runtime needs; model::save writes them
    smldist::normaliser normaliser = {}; ///< raw units → what the network was trained on
    std::size_t window = 0, hop = 0;     ///< in samples
    double rate_hz = 0;
    std::vector<std::string> channels = {}; ///< names, in order
    std::vector<std::string> units = {};    ///< one per channel
    std::vector<std::string> labels = {};   ///< one per class
    std::uint64_t seed = 0;
    std::string created_by = "smldist " SMLDIST_VERSION_STRING;
};

/// Limits on what loading a model file may take.
struct load_options {
    /// Bytes in use at once, including the file's own. 0: twice the file's size plus 16 MiB, or plus a quarter of the
    /// size if that is more (core/budget.hpp). The bound on work grows with it, 32 multiply-accumulates per byte. Raise
    /// it only for a trusted file: long windows through wide layers need more.
    std::size_t memory = 0;
    /// No limits: for bytes that the program wrote itself.
    static load_options unbounded() { return {std::numeric_limits<std::size_t>::max()}; }
};

struct bundle; // io/bundle.hpp: a model file in memory

SMLDIST_NAMESPACE_END
} // namespace smldist::io

#endif

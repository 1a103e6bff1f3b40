// SPDX-License-Identifier: BSD-3-Clause
/// A table of a traced network (layer, output shape, parameters, MACs, activation bytes), and a drawing of it.
#ifndef SMLDIST_GRAPH_SUMMARY_HPP
#define SMLDIST_GRAPH_SUMMARY_HPP

#include <cstdint>
#include <string>
#include <vector>

#include "smldist/graph/graph.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// One op of a summary.
struct summary_row {
    std::string layer; ///< path of the layer that owns the op's parameters; ops without any: the layer before
    std::string op;
    smldist::shape shape;
    std::size_t parameters = 0; ///< elements first used here; buffers do not count
    std::uint64_t macs = 0;     ///< of the traced batch
    std::size_t bytes = 0;      ///< of the result
};

struct summary {
    std::vector<summary_row> rows;
    std::size_t parameters = 0;
    std::uint64_t macs = 0;
    std::size_t peak_bytes = 0; ///< most bytes of activations alive at once when each is freed after its last use
};

/// Computes the summary of a graph whose tensors have names (graph/trace.hpp); `scalar_bytes` is the size of an
/// activation's element.
[[nodiscard]] SMLDIST_FUNCTION summary summarise(const graph& g, std::size_t scalar_bytes = 4);

/// The summary as text, one op per line, columns aligned, totals last.
[[nodiscard]] SMLDIST_FUNCTION std::string text(const summary& s);

/// The graph in the language of Graphviz: ops as boxes with their result's shape, data flowing along the arrows.
[[nodiscard]] SMLDIST_FUNCTION std::string to_dot(const graph& g);

SMLDIST_NAMESPACE_END
} // namespace smldist

#if SMLDIST_DEPLOY_BODIES
#include "smldist/graph/summary.ipp"
#endif

#endif

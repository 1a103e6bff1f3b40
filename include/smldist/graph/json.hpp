// SPDX-License-Identifier: BSD-3-Clause
/// A graph as JSON, as a model file holds it, and back.
///
///     {"nodes": [{"kind": "input", "name": "x", "shape": [1, 128, 9]},
///                {"kind": "parameter", "tensor": "backbone.stem.conv.weight", "shape": [16, 9, 3]}, …
///                {"kind": "op", "name": "conv1d", "shape": […], "inputs": [0, 1, 2], "attributes": {"stride": 2, …}}],
///      "outputs": [{"name": "logits", "node": 41}]}
///
/// The elements of constants are not part of it: they are tensors of the file, with names as those of parameters.
#ifndef SMLDIST_GRAPH_JSON_HPP
#define SMLDIST_GRAPH_JSON_HPP

#include "smldist/core/budget.hpp"
#include "smldist/graph/graph.hpp"
#include "smldist/io/json.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// The graph as JSON.
[[nodiscard]] SMLDIST_COLD SMLDIST_FUNCTION io::json to_json(const graph& g);

/// The inverse of to_json, within the budget `room`. Nodes refer to nodes before them. Ops and options are not checked
/// here but by graph/visit.hpp.
/// Throws     data_error naming what is wrong.
[[nodiscard]] SMLDIST_COLD SMLDIST_FUNCTION graph read_graph(const io::json& j, budget& room);

SMLDIST_NAMESPACE_END
} // namespace smldist

#if SMLDIST_DEPLOY_BODIES
#include "smldist/graph/json.ipp"
#endif

#endif

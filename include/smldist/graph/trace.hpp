// SPDX-License-Identifier: BSD-3-Clause
/// From a network to its graph.
#ifndef SMLDIST_GRAPH_TRACE_HPP
#define SMLDIST_GRAPH_TRACE_HPP

#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "smldist/core/outputs.hpp"
#include "smldist/core/parameter.hpp"
#include "smldist/graph/graph.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// Gives the nodes of a model's parameters and buffers their dotted paths, which are the keys of a model file.
template <class M> void name_tensors(graph& g, const M& model) {
    std::map<const void*, std::string> paths;
    walk(model, [&](const std::string& path, const auto& leaf) { paths.emplace(&leaf, path); });
    for (auto& n : g.nodes)
        if (const auto found = paths.find(n.address); n.address && found != paths.end()) n.tensor = found->second;
}

/// Names a graph's outputs: stages.0 …, feature, memory.scores, memory.retrieved, logits, if the network has them.
inline void name_outputs(graph& g, const outputs<symbol>& out) {
    const auto name = [&g](std::string what, const symbol& s) {
        if (!s.empty()) g.outputs.emplace_back(std::move(what), s.id);
    };
    for (std::size_t i = 0; i < out.stages.size(); ++i) name("stages." + std::to_string(i), out.stages[i]);
    name("feature", out.feature);
    name("memory.scores", out.memory.scores);
    name("memory.retrieved", out.memory.retrieved);
    name("logits", out.logits);
}

/// The shapes of what a network returns in mode::eval for a batch of shape `x` (B, L, C); nothing is computed.
/// Throws     what the layers' ops throw for such an input.
template <class M> [[nodiscard]] outputs<shape> shapes_of(const M& model, const shape& x) {
    graph g;
    const outputs<symbol> out = model(symbol::input(g, "x", x), mode::eval);
    outputs<shape> shapes;
    for (const symbol& stage : out.stages) shapes.stages.push_back(stage.shape());
    if (!out.feature.empty()) shapes.feature = out.feature.shape();
    if (!out.memory.empty()) shapes.memory = {out.memory.scores.shape(), out.memory.retrieved.shape()};
    if (!out.candidates.empty()) shapes.candidates = {out.candidates.logits.shape(), out.candidates.weights.shape()};
    if (!out.logits.empty()) shapes.logits = out.logits.shape();
    return shapes;
}

/// Traces a network, any that returns `outputs`, in mode::eval for an input "x" of this shape, with all names.
///
///     const graph g = trace(net, {1, 128, 9});
///     std::puts(text(summarise(g)).c_str());
///
/// Throws     what the layers' ops throw for such an input.
template <class M> [[nodiscard]] graph trace(const M& model, const shape& x) {
    graph g;
    name_outputs(g, model(symbol::input(g, "x", x), mode::eval));
    name_tensors(g, model);
    return g;
}

SMLDIST_NAMESPACE_END
} // namespace smldist

#endif

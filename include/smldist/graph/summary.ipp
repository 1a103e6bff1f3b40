// SPDX-License-Identifier: BSD-3-Clause
/// The functions of graph/summary.hpp, which includes this file; see SMLDIST_DEPLOY_BODIES.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// The path of the layer that owns a parameter: what is before the last dot.
inline std::string layer_of(const graph::node& n) {
    return n.tensor.substr(0, std::min(n.tensor.rfind('.'), n.tensor.size()));
}

} // namespace detail

summary summarise(const graph& g, std::size_t scalar_bytes) {
    summary s;
    std::vector<bool> counted(g.nodes.size());
    std::vector<std::size_t> last_use(g.nodes.size(), 0);
    for (std::size_t i = 0; i < g.nodes.size(); ++i)
        for (const auto in : g.nodes[i].inputs) last_use[in] = i;
    for (const auto& [name, id] : g.outputs) last_use[id] = g.nodes.size();
    const auto is_activation = [&](std::size_t i) {
        return g.nodes[i].what == graph::kind::op || g.nodes[i].what == graph::kind::input;
    };
    std::size_t alive = 0;
    std::string layer = "input";
    for (std::size_t i = 0; i < g.nodes.size(); ++i) {
        const auto& n = g.nodes[i];
        if (!is_activation(i)) continue;
        const std::size_t bytes = n.shape.size() * scalar_bytes;
        alive += bytes;
        s.peak_bytes = std::max(s.peak_bytes, alive);
        std::vector<std::uint32_t> ended = n.inputs;
        std::sort(ended.begin(), ended.end());
        ended.erase(std::unique(ended.begin(), ended.end()), ended.end());
        for (const auto in : ended)
            if (is_activation(in) && last_use[in] == i) alive -= g.nodes[in].shape.size() * scalar_bytes;
        if (n.what != graph::kind::op) continue;
        summary_row row{"", n.name, n.shape, 0, n.macs, bytes};
        for (const auto in : n.inputs) {
            const auto& p = g.nodes[in];
            if (!p.tensor.empty()) layer = detail::layer_of(p);
            if (p.what == graph::kind::parameter && !counted[in]) {
                counted[in] = true;
                row.parameters += p.shape.size();
            }
        }
        row.layer = layer;
        s.parameters += row.parameters;
        s.macs += row.macs;
        s.rows.push_back(std::move(row));
    }
    return s;
}

std::string text(const summary& s) {
    std::vector<std::vector<std::string>> cells{{"layer", "op", "output", "parameters", "MACs", "bytes"}};
    for (const auto& r : s.rows)
        cells.push_back({r.layer, r.op, r.shape.text(), std::to_string(r.parameters), std::to_string(r.macs),
                         std::to_string(r.bytes)});
    cells.push_back({"total", "", "", std::to_string(s.parameters), std::to_string(s.macs),
                     "peak " + std::to_string(s.peak_bytes)});
    std::vector<std::size_t> width(6);
    for (const auto& row : cells)
        for (std::size_t c = 0; c < 6; ++c) width[c] = std::max(width[c], row[c].size());
    std::string out;
    for (const auto& row : cells) {
        std::string line;
        for (std::size_t c = 0; c < 6; ++c) {
            const std::string pad(width[c] - row[c].size(), ' ');
            line += (c ? "  " : "") + (c < 3 ? row[c] + pad : pad + row[c]);
        }
        out += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
    }
    return out;
}

std::string to_dot(const graph& g) {
    std::string out = "digraph network {\n  node [shape=box, fontname=\"Helvetica\"];\n";
    for (std::size_t i = 0; i < g.nodes.size(); ++i) {
        const auto& n = g.nodes[i];
        if (n.what != graph::kind::op && n.what != graph::kind::input) continue;
        std::string label = n.name;
        for (const auto in : n.inputs)
            if (!g.nodes[in].tensor.empty()) {
                label += "\\n" + detail::layer_of(g.nodes[in]);
                break;
            }
        out += "  n" + std::to_string(i) + " [label=\"" + label + "\\n" + n.shape.text() + "\"];\n";
        for (const auto in : n.inputs)
            if (g.nodes[in].what == graph::kind::op || g.nodes[in].what == graph::kind::input)
                out += "  n" + std::to_string(in) + " -> n" + std::to_string(i) + ";\n";
    }
    for (const auto& [name, id] : g.outputs)
        out += "  \"" + name + "\" [shape=ellipse];\n  n" + std::to_string(id) + " -> \"" + name + "\";\n";
    return out + "}\n";
}

SMLDIST_NAMESPACE_END
} // namespace smldist

// SPDX-License-Identifier: BSD-3-Clause
/// The functions of graph/json.hpp, which includes this file; see SMLDIST_DEPLOY_BODIES.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

inline constexpr std::array<std::string_view, 5> node_kinds{"input", "parameter", "buffer", "constant", "op"};

} // namespace detail

SMLDIST_COLD io::json to_json(const graph& g) {
    io::json::array nodes, outputs;
    for (const auto& n : g.nodes) {
        io::json j;
        j.set("kind", detail::node_kinds[static_cast<std::size_t>(n.what)]);
        if (!n.name.empty()) j.set("name", n.name);
        if (!n.tensor.empty()) j.set("tensor", n.tensor);
        io::json::array extents, inputs;
        for (const std::size_t e : n.shape) extents.emplace_back(e);
        for (const auto i : n.inputs) inputs.emplace_back(i);
        j.set("shape", std::move(extents));
        if (n.what == graph::kind::op) {
            j.set("inputs", std::move(inputs));
            io::json attributes(io::json::object{});
            for (const auto& [key, value] : n.attributes)
                attributes.set(key, value.is_text ? io::json(value.text)
                                    : value.whole ? io::json(static_cast<std::int64_t>(value.number))
                                                  : io::json(value.number));
            j.set("attributes", std::move(attributes));
        }
        nodes.push_back(std::move(j));
    }
    for (const auto& [name, id] : g.outputs) {
        io::json j;
        j.set("name", name);
        j.set("node", id);
        outputs.push_back(std::move(j));
    }
    io::json j;
    j.set("nodes", std::move(nodes));
    j.set("outputs", std::move(outputs));
    return j;
}

namespace detail {

/// Reads extents from a file; their product fits even when some of them are 0.
SMLDIST_COLD inline shape read_shape(const io::json& list) {
    shape s;
    std::size_t elements = 1;
    for (const auto& e : list.as_array()) {
        const std::size_t extent = e.as_size();
        if (s.rank() == shape::max_rank || extent > graph::largest_value / elements)
            raise<data_error>("model file: graph", "a shape is out of range");
        elements *= std::max<std::size_t>(1, extent);
        s.push_back(extent);
    }
    return s;
}

/// Inputs and attributes of an op, node `id`.
SMLDIST_COLD inline void read_op(const io::json& from, std::size_t id, graph::node& n, budget& room) {
    constexpr std::string_view what = "its graph";
    constexpr std::size_t heap = 2 * sizeof(void*), most_inputs = 16;
    const auto& inputs = from.as_array("inputs");
    if (inputs.size() > most_inputs)
        raise<data_error>("model file: graph", "number of inputs of node ", id, " is ", inputs.size(),
                          ", expected at most ", most_inputs);
    room.take(inputs.size() * sizeof(std::uint32_t) + heap, what);
    n.inputs = std::vector<std::uint32_t>(inputs.size());
    for (std::size_t k = 0; k < inputs.size(); ++k) {
        const std::size_t in = inputs[k].as_size();
        if (in >= id)
            raise<data_error>("model file: graph", "an input of node ", id, " is ", in,
                              ", expected a node before it");
        n.inputs[k] = static_cast<std::uint32_t>(in);
    }
    const auto& attributes = from.as_object("attributes");
    room.take(attributes.size() * (sizeof(graph::attribute) + heap) + heap, what);
    n.attributes = std::vector<graph::attribute>(attributes.size());
    for (std::size_t k = 0; k < attributes.size(); ++k) {
        const auto& [name, value] = attributes[k];
        auto& to = n.attributes[k];
        room.take(name.size() + (value.is_string() ? value.as_string().size() + heap : 0), what);
        to.name = name;
        if (value.is_string())
            to.value = value.as_string();
        else
            to.value = value.as_double();
    }
}

} // namespace detail

SMLDIST_COLD graph read_graph(const io::json& j, budget& room) {
    constexpr std::string_view what = "its graph";
    constexpr std::size_t heap = 2 * sizeof(void*);
    graph g;
    const auto& nodes = j.as_array("nodes");
    if (nodes.size() > graph::most_nodes)
        raise<data_error>("model file: graph", "number of nodes is ", nodes.size(), ", expected at most ",
                          graph::most_nodes);
    room.take(nodes.size() * sizeof(graph::node), what);
    g.nodes = std::vector<graph::node>(nodes.size());
    for (std::size_t id = 0; id < nodes.size(); ++id) {
        const io::json& from = nodes[id];
        graph::node& n = g.nodes[id];
        const auto& kinds = detail::node_kinds;
        const auto kind = std::find(kinds.begin(), kinds.end(), from.as_string("kind"));
        if (kind == kinds.end())
            raise<data_error>("model file: graph", "kind of node ", id, " is ", io::quote(from.as_string("kind")));
        n.what = static_cast<graph::kind>(kind - kinds.begin());
        for (const auto& [key, to] : {std::pair{"name", &n.name}, std::pair{"tensor", &n.tensor}})
            if (from.find(key)) {
                room.take(from.as_string(key).size() + heap, what);
                *to = from.as_string(key);
            }
        n.shape = detail::read_shape(from.at("shape"));
        if (n.what == graph::kind::op) detail::read_op(from, id, n, room);
    }
    for (const auto& o : j.as_array("outputs")) {
        make_room(g.outputs, room, what);
        room.take(o.as_string("name").size() + heap, what);
        if (o.as_size("node") >= g.nodes.size())
            raise<data_error>("model file: graph", "an output is node ", o.as_size("node"), ", expected less than ",
                              g.nodes.size());
        g.outputs.emplace_back(o.as_string("name"), static_cast<std::uint32_t>(o.as_size("node")));
    }
    return g;
}

SMLDIST_NAMESPACE_END
} // namespace smldist

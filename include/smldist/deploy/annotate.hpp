// SPDX-License-Identifier: BSD-3-Clause
/// The first pass of the compiler: checks every op that an output needs, and notes what later passes need to know.
#ifndef SMLDIST_DEPLOY_ANNOTATE_HPP
#define SMLDIST_DEPLOY_ANNOTATE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/deploy/source.hpp"
#include "smldist/graph/visit.hpp"

namespace smldist::deploy {
SMLDIST_NAMESPACE_BEGIN

/// The kind of an op, as the fusing pass sees it.
enum class role : std::uint8_t {
    other,
    linear,
    pointwise, ///< a convolution that is a product of rows
    depthwise,
    convolution, ///< any other
    batch_norm,
    add,
    arithmetic, ///< any other op with broadcasting
    gate,
    mean_over_time, ///< or over the pixels of an image
    activation,
    rename ///< the same elements under another shape
};

/// Facts about a node and its value.
struct note {
    role what = role::other;
    activation f = activation::none; ///< of role::activation
    bool constant = false;           ///< the value does not depend on the input
    bool copies_input = false;       ///< a convolution that copies its input between zeros
    std::size_t uses = 0;            ///< nodes and outputs that read the value; 0: no output needs it
    std::size_t last_use = 0;        ///< the last node that reads it; the number of nodes for an output
};

/// A graph with a note per node and the outputs of the program.
struct annotated_graph {
    deploy::source source;
    std::vector<note> notes;
    std::vector<std::size_t> outputs; ///< indices into graph.outputs, the logits last
    budget unlimited;

    std::size_t size() const { return source.graph.nodes.size(); }
    const graph::node& at(std::size_t id) const { return source.graph.nodes[id]; }
    std::size_t input(std::size_t id, std::size_t k) const { return at(id).inputs[k]; }
    const note& of(std::size_t id) const { return notes[id]; }
    bool needed(std::size_t id) const { return notes[id].uses > 0; }
    /// The budget of compiling: asked before memory is allocated or work is done whose amount depends on the graph.
    budget& room() { return source.room ? *source.room : unlimited; }
    std::span<const float> values(std::size_t id) const { return source.values[id]; }
    /// The extents of the value in one sample, or of the constant.
    smldist::shape extents(std::size_t id) const {
        const auto& s = at(id).shape;
        return of(id).constant ? s : smldist::shape(s.begin() + 1, s.end());
    }
    /// The only node that uses the value, if no output does; otherwise 0 (node 0 uses nothing).
    std::size_t sole_use(std::size_t id) const {
        const auto& n = of(id);
        return n.uses == 1 && n.last_use < size() ? n.last_use : 0;
    }
    bool reads(std::size_t id, std::size_t value) const {
        const auto& inputs = at(id).inputs;
        return std::find(inputs.begin(), inputs.end(), value) != inputs.end();
    }
};

namespace detail {

template <class S> role role_of(const S&, const graph&, const graph::node&) { return role::other; }
inline role role_of(const spec::linear&, const graph&, const graph::node&) { return role::linear; }
inline role role_of(const spec::conv1d& s, const graph& g, const graph::node& n) {
    const shape& w = g.nodes[n.inputs[1]].shape;
    return s.is_pointwise(w) ? role::pointwise : s.is_depthwise(w) ? role::depthwise : role::convolution;
}
inline role role_of(const spec::conv_transpose1d&, const graph&, const graph::node&) { return role::convolution; }
inline role role_of(const spec::conv2d& s, const graph& g, const graph::node& n) {
    const shape& w = g.nodes[n.inputs[1]].shape;
    return s.is_pointwise(w) ? role::pointwise : s.is_depthwise(w) ? role::depthwise : role::convolution;
}
inline role role_of(const spec::batch_norm&, const graph&, const graph::node&) { return role::batch_norm; }
inline role role_of(const spec::add&, const graph&, const graph::node&) { return role::add; }
inline role role_of(const spec::sub&, const graph&, const graph::node&) { return role::arithmetic; }
inline role role_of(const spec::mul&, const graph&, const graph::node&) { return role::arithmetic; }
inline role role_of(const spec::div&, const graph&, const graph::node&) { return role::arithmetic; }
inline role role_of(const spec::gate&, const graph&, const graph::node&) { return role::gate; }
inline role role_of(const spec::mean_over_time&, const graph&, const graph::node&) { return role::mean_over_time; }
inline role role_of(const spec::reshape&, const graph&, const graph::node&) { return role::rename; }
inline role role_of(const spec::flatten&, const graph&, const graph::node&) { return role::rename; }
template <activation F> role role_of(const spec::elementwise<F>&, const graph&, const graph::node&) {
    return role::activation;
}

template <class S> activation activation_of(const S&) { return activation::none; }
template <activation F> activation activation_of(const spec::elementwise<F>&) { return F; }

template <class S> bool copies_input(const S&, const graph&, const graph::node&) { return false; }
inline bool copies_input(const spec::conv1d& s, const graph& g, const graph::node& n) {
    return g.nodes[n.inputs[1]].shape[2] > 1 && s.groups == 1 && s.dilation == 1;
}

/// Whether a name in options::outputs means that output.
SMLDIST_COLD inline bool covers(std::string_view wanted, std::string_view name) {
    return wanted == "all" || wanted == name || wanted == name.substr(0, name.find('.'));
}

/// Selects the wanted outputs, the logits last. Logits of a file are always selected: its self-test needs them.
SMLDIST_COLD inline void select_outputs(annotated_graph& g, const std::vector<std::string>& wanted) {
    const auto& outputs = g.source.graph.outputs;
    for (const auto& want : wanted) {
        bool found = false;
        for (const auto& o : outputs) found = found || covers(want, o.first);
        if (!found)
            raise<usage_error>("deploy::compile", "output is \"", want, "\", which the network does not have");
    }
    for (const bool logits : {false, true})
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            const auto& [name, id] = outputs[i];
            if ((name == "logits") != logits) continue;
            bool chosen = logits && (wanted.empty() || g.source.from_file);
            for (const auto& want : wanted) chosen = chosen || covers(want, name);
            if (!chosen) continue;
            if (id >= g.size()) g.source.fail("output ", name, " is node ", id, " of ", g.size());
            g.outputs.push_back(i);
            ++g.notes[id].uses;
            g.notes[id].last_use = g.size();
        }
    if (g.outputs.empty() || (g.source.from_file && outputs[g.outputs.back()].first != "logits"))
        g.source.fail("it has no logits, expected an output of that name");
}

/// Counts the uses of values by nodes that an output needs.
SMLDIST_COLD inline void count_uses(annotated_graph& g) {
    for (std::size_t id = g.size(); id-- > 0;) {
        if (!g.needed(id)) continue;
        const auto& inputs = g.at(id).inputs;
        for (std::size_t k = 0; k < inputs.size(); ++k) {
            g.source.require(inputs[k] < id, id, "an input comes after it");
            const auto end = inputs.begin() + static_cast<std::ptrdiff_t>(k);
            auto& n = g.notes[inputs[k]];
            n.uses += std::find(inputs.begin(), end, inputs[k]) == end;
            n.last_use = std::max(n.last_use, id);
        }
    }
}

SMLDIST_COLD inline void check_shape(const annotated_graph& g, std::size_t id, const shape& expected) {
    const auto& n = g.at(id);
    if (!(n.shape == expected))
        g.source.fail("node ", id, " (", n.name, "): shape is ", n.shape.text(), ", expected ", expected.text());
    g.source.require(n.shape.size() <= graph::largest_value, id, "it is too large");
    g.source.require(g.of(id).constant || (n.shape.rank() > 0 && n.shape[0] == 1), id,
                     "it mixes the windows of a batch");
}

/// Checks node `id`, which s describes, and notes its role.
template <class S> SMLDIST_COLD SMLDIST_NOINLINE void note_op(annotated_graph& g, std::size_t id, const S& s) {
    check_shape(g, id, infer_node(s, g.source.graph, id));
    note& to = g.notes[id];
    to.what = role_of(s, g.source.graph, g.at(id));
    to.f = activation_of(s);
    to.copies_input = copies_input(s, g.source.graph, g.at(id));
}
/// Checks node `id` if its op is known; returns whether it is. Wrong inputs are an error of the graph.
SMLDIST_COLD inline bool describe_node(annotated_graph& g, std::size_t id) {
    const auto f = [&g, id](const auto& s) { note_op(g, id, s); };
#if defined(__cpp_exceptions)
    try {
        return visit(g.source.graph, id, f);
    } catch (const data_error&) { throw; } catch (const shape_error& e) {
        g.source.fail("node ", id, " (", g.at(id).name, "): ", e.what());
    } catch (const usage_error& e) {
        if (!g.source.from_file) throw;
        g.source.fail("node ", id, " (", g.at(id).name, "): ", e.what());
    }
#else
    return visit(g.source.graph, id, f);
#endif
}

} // namespace detail

/// Checks the nodes that the wanted outputs need: every op is known, its options are in range, its inputs fit, and its
/// shape is what infer gives for one window.
/// Throws     usage_error, or data_error for a graph from a file, naming the node; usage_error for outputs that the graph
///            does not have.
SMLDIST_COLD inline annotated_graph annotate(source from, const options& o) {
    annotated_graph g{std::move(from), {}, {}, {}};
    if (g.size() > graph::most_nodes)
        g.source.fail("number of nodes is ", g.size(), ", expected at most ", graph::most_nodes);
    g.room().take(g.size() * sizeof(note), "its graph");
    g.source.values.resize(g.size());
    g.notes = std::vector<note>(g.size());
    detail::select_outputs(g, o.outputs);
    detail::count_uses(g);
    std::size_t inputs = 0;
    for (std::size_t id = 0; id < g.size(); ++id) {
        if (!g.needed(id)) continue;
        const auto& n = g.at(id);
        note& to = g.notes[id];
        if (n.what == graph::kind::input) {
            if (++inputs > 1 || !(n.shape == input_shape(o)))
                g.source.fail("input ", n.name, " has shape ", n.shape.text(), ", expected one input ",
                              input_shape(o).text());
            continue;
        }
        if (n.what != graph::kind::op) {
            g.source.require(g.values(id).size() == n.shape.size(), id, "it has no values");
            to.constant = true;
            continue;
        }
        to.constant = std::all_of(n.inputs.begin(), n.inputs.end(), [&](auto in) { return g.of(in).constant; });
        const bool known = detail::describe_node(g, id);
        if (!known) g.source.fail("node ", id, " is the op \"", n.name, "\", which programs do not know");
    }
    return g;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::deploy

#endif

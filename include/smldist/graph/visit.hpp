// SPDX-License-Identifier: BSD-3-Clause
/// From a node of a graph back to the description of its op.
#ifndef SMLDIST_GRAPH_VISIT_HPP
#define SMLDIST_GRAPH_VISIT_HPP

#include <cstddef>
#include <cstdint>
#include <utility>

#include "smldist/core/error.hpp"
#include "smldist/graph/attributes.hpp"
#include "smldist/graph/graph.hpp"
#include "smldist/spec/all.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

template <class S, std::size_t... K> constexpr bool takes(std::index_sequence<K...>) {
    return requires(const S& s, const shape& x) { s.infer(((void)K, x)...); };
}
/// Number of inputs of a description.
template <class S, std::size_t N = 1> constexpr std::size_t arity() {
    if constexpr (takes<S>(std::make_index_sequence<N>()))
        return N;
    else
        return arity<S, N + 1>();
}
template <class S, std::size_t... K>
SMLDIST_COLD SMLDIST_NOINLINE shape infer_from(const S& s, const graph& g, const graph::node& n,
                                               std::index_sequence<K...>) {
    return s.infer(g.nodes[n.inputs[K]].shape...);
}
template <class S, std::size_t... K>
SMLDIST_COLD std::uint64_t macs_from(const S& s, const graph& g, const graph::node& n, std::index_sequence<K...>) {
    return spec::macs_of(s, g.nodes[n.inputs[K]].shape...);
}

} // namespace detail

/// The shape of the result of node `id`, which s describes, from the shapes of its inputs.
/// Throws     data_error for a wrong number of inputs, and what infer throws.
template <class S> SMLDIST_COLD shape infer_node(const S& s, const graph& g, std::size_t id) {
    constexpr std::size_t arity = detail::arity<S>();
    const auto& n = g.nodes[id];
    if (n.inputs.size() != arity)
        raise<data_error>("model file: graph", "node ", id, " (", n.name, "): number of inputs is ", n.inputs.size(),
                          ", expected ", arity);
    return detail::infer_from(s, g, n, std::make_index_sequence<arity>());
}
/// Multiply-accumulates of node `id`, which s describes and infer_node has checked.
template <class S> [[nodiscard]] std::uint64_t macs_of_node(const S& s, const graph& g, std::size_t id) {
    return detail::macs_from(s, g, g.nodes[id], std::make_index_sequence<detail::arity<S>()>());
}

/// The description of node `id`, an op of S, with the options that the node has.
/// Throws     data_error as attribute_reader.
template <class S> SMLDIST_COLD S describe(const graph& g, std::size_t id) {
    S s{};
    attribute_reader read(g.nodes[id], id);
    spec::visit_options(s, read);
    read.finish();
    return s;
}

/// Calls f(description) for the op of node `id`. Returns false for an op that is not in spec::all.
/// Throws     data_error as attribute_reader.
template <class F> SMLDIST_COLD bool visit(const graph& g, std::size_t id, F&& f) {
    auto described = [&]<class S>(const S&) SMLDIST_COLD { f(static_cast<const S&>(describe<S>(g, id))); };
    return spec::visit_named(g.nodes[id].name, described);
}

SMLDIST_NAMESPACE_END
} // namespace smldist

#endif

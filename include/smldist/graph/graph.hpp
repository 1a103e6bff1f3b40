// SPDX-License-Identifier: BSD-3-Clause
/// A traced network: ops in the order in which they ran, with shapes, attributes, costs and references to parameters.
#ifndef SMLDIST_GRAPH_GRAPH_HPP
#define SMLDIST_GRAPH_GRAPH_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "smldist/core/shape.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// A network as data. Summary, MAC counts, the model file's graph and programs are all derived from it.
struct graph {
    /// Bounds of a graph in a file: elements of a value of one window, and nodes.
    static constexpr std::size_t largest_value = std::size_t(1) << 24, most_nodes = 16384;

    /// A number or text.
    struct attribute_value {
        bool whole = false; ///< an integer, at most 2^53
        bool is_text = false;
        double number = 0;
        std::string text = {};

        attribute_value() = default;
        attribute_value(std::int64_t n) : whole(true), number(static_cast<double>(n)) {}
        attribute_value(double x) : number(x) {}
        attribute_value(std::string words) : is_text(true), text(std::move(words)) {}
    };
    struct attribute {
        std::string name;
        attribute_value value;
    };
    /// The elements of a constant, in the type of its tensor.
    using constant = std::variant<std::monostate, std::vector<float>, std::vector<double>, std::vector<std::int32_t>>;
    enum class kind : std::uint8_t { input, parameter, buffer, constant, op };
    struct node {
        kind what = kind::op;
        std::string name;                  ///< the op's name, or the input's
        smldist::shape shape;              ///< of the result
        std::vector<std::uint32_t> inputs; ///< nodes before this one
        std::vector<attribute> attributes; ///< the op's options
        std::uint64_t macs = 0;            ///< multiply-accumulates for the traced batch
        constant values;                   ///< of a constant, in row-major order
        const void* address = nullptr;     ///< of the parameter<T> or buffer<V> in the traced network
        std::string tensor;                ///< the dotted path of a parameter or buffer, once names are given
    };

    std::vector<node> nodes;
    std::vector<std::pair<std::string, std::uint32_t>> outputs; ///< names → nodes

    std::uint64_t macs() const {
        std::uint64_t sum = 0;
        for (const auto& n : nodes) sum += n.macs;
        return sum;
    }
};

/// A value in the tracing world: a node of a graph under construction. Computes nothing.
struct symbol {
    graph* owner = nullptr;
    std::uint32_t id = 0;

    bool empty() const { return owner == nullptr; }
    const smldist::shape& shape() const { return owner->nodes[id].shape; }

    /// A new input of graph `g`.
    static symbol input(graph& g, std::string_view name, const smldist::shape& s) {
        graph::node n;
        n.what = graph::kind::input;
        n.name = std::string(name);
        n.shape = s;
        return append(g, std::move(n));
    }
    /// The node of a parameter or buffer; one node per address. An absent one (no elements) becomes an empty constant.
    static symbol reference(graph& g, graph::kind what, const void* address, const smldist::shape& s) {
        for (std::size_t i = 0; i < g.nodes.size(); ++i)
            if (g.nodes[i].address == address) return {&g, static_cast<std::uint32_t>(i)};
        graph::node n;
        n.what = what;
        n.shape = s;
        n.address = address;
        return append(g, std::move(n));
    }
    static symbol append(graph& g, graph::node n) {
        g.nodes.push_back(std::move(n));
        return {&g, static_cast<std::uint32_t>(g.nodes.size() - 1)};
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist

#endif

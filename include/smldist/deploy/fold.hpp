// SPDX-License-Identifier: BSD-3-Clause
/// The pass that computes ops with only constant inputs: the keys of a lookup, β, unit prototypes.
#ifndef SMLDIST_DEPLOY_FOLD_HPP
#define SMLDIST_DEPLOY_FOLD_HPP

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "smldist/core/parallel.hpp"
#include "smldist/deploy/builder.hpp"
#include "smldist/deploy/emit.hpp"
#include "smldist/deploy/emit_images.hpp"
#include "smldist/deploy/emit_moves.hpp"
#include "smldist/deploy/emit_products.hpp"
#include "smldist/deploy/emit_recurrent.hpp"
#include "smldist/deploy/place.hpp"

namespace smldist::deploy {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

template <class S>
concept has_emit = requires(builder& b, const S& s) {
    emit(b, std::size_t(0), s);
};

} // namespace detail

namespace detail {
template <class S> SMLDIST_COLD SMLDIST_NOINLINE void emit_op(builder& b, std::size_t id, const S& s) {
    if constexpr (has_emit<S>)
        emit(b, id, s);
    else
        b.fail("node ", id, " is the op \"", S::name, "\", which programs do not know");
}
} // namespace detail

/// Emits the steps of an op.
/// Throws     usage_error, or data_error for a graph from a file, naming an op that has no overload of `emit`.
SMLDIST_COLD inline void emit_node(builder& b, std::size_t id) {
    b.begin();
    visit(b.traced(), id, [&b, id](const auto& s) { detail::emit_op(b, id, s); });
}

namespace detail {

/// Runs the steps of a constant node and keeps the result.
SMLDIST_COLD inline void evaluate(builder& b, annotated_graph& g, std::size_t id) {
    std::vector<lifetime> all(b.sizes().size()); // all alive at once
    for (std::size_t v = 0; v < all.size(); ++v) all[v].size = b.sizes()[v];
    const layout where = arrange(all);
    const budget::lease used(b.room(), where.size * sizeof(float), "its constants");
    runtime::block arena(where.size);
    const serial_scope serial;
    for (auto& s : b.steps()) {
        set_offsets(s.step, where);
        s.run({nullptr, b.weight_block().data(), arena.data(), 1});
    }
    const std::size_t n = g.at(id).shape.size();
    float* const own = g.source.allocate(n);
    std::copy_n(arena.data() + where.offsets[b.value(id).offset], n, own);
    g.source.values[id] = {own, n};
}

} // namespace detail

/// Computes every op of constants; its value becomes a constant itself.
SMLDIST_COLD inline void fold(annotated_graph& g) {
    const auto is_op = [&](std::size_t id) {
        return g.needed(id) && g.of(id).constant && g.at(id).what == graph::kind::op;
    };
    std::size_t first = 0;
    while (first < g.size() && !is_op(first)) ++first;
    if (first == g.size()) return;
    const budget::lease room(g.room(), g.size() * sizeof(runtime::operand), "its graph");
    builder b(g, {});
    for (std::size_t id = first; id < g.size(); ++id) {
        if (!is_op(id)) continue;
        emit_node(b, id);
        detail::evaluate(b, g, id);
        b.clear(id);
    }
}

SMLDIST_NAMESPACE_END
} // namespace smldist::deploy

#endif

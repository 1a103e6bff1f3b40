// SPDX-License-Identifier: BSD-3-Clause
/// The function of deploy/plan.hpp, which includes this file; see SMLDIST_DEPLOY_BODIES.
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "smldist/deploy/annotate.hpp"
#include "smldist/deploy/builder.hpp"
#include "smldist/deploy/fold.hpp"
#include "smldist/deploy/fuse.hpp"
#include "smldist/deploy/place.hpp"

namespace smldist::deploy {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// The program's input: raw samples, normalised by their only reader if that is a convolution that copies them,
/// otherwise by a step.
SMLDIST_COLD inline void emit_input(builder& b, std::size_t id, const options& o) {
    const std::size_t size = o.length * o.channels;
    const runtime::operand raw{runtime::place::input, 0, size};
    b.define(id, raw);
    if (o.normaliser.kind == normaliser_kind::none) return;
    b.begin();
    const note* const use = b.annotated().sole_use(id) != 0 ? &b.annotated().of(b.annotated().sole_use(id)) : nullptr;
    const bool copied = use && use->what == role::convolution && use->copies_input;
    b.set_normaliser(o.normaliser, copied ? b.annotated().sole_use(id) : 0);
    if (copied) return;
    const runtime::normalise_step step{o.length, o.channels, raw, b.fresh(size), b.normaliser()};
    b.add(step, "normalise", 0, size);
    b.define(id, step.y);
}

/// Steps for every op that no other step computes.
SMLDIST_COLD inline void emit_all(builder& b, const options& o) {
    const annotated_graph& g = b.annotated();
    std::size_t given = 0;
    for (std::size_t id = 0; id < g.size(); ++id)
        if (g.needed(id)) given += g.values(id).size();
    b.reserve_weights(given);
    for (std::size_t id = 0; id < g.size(); ++id) {
        if (!g.needed(id) || g.of(id).constant || b.absorbed(id)) continue;
        if (g.at(id).what == graph::kind::input)
            emit_input(b, id, o);
        else
            emit_node(b, id);
    }
}

/// Bytes per node that the passes take: its notes, its place, and the sizes and lifetimes of at most four values.
inline constexpr std::size_t bytes_per_node = sizeof(fusion) + sizeof(runtime::operand) + 2 * sizeof(std::uint32_t);
inline constexpr std::size_t bytes_per_op = 4 * (sizeof(lifetime) + 7 * sizeof(std::size_t));

} // namespace detail

SMLDIST_COLD runtime::program plan(source s, const options& o) {
    if (o.batch == 0) raise<usage_error>("deploy::compile", "batch is 0, expected at least 1");
    o.normaliser.require_channels(o.channels);
    annotated_graph g = annotate(std::move(s), o);
    std::size_t ops = 0;
    for (std::size_t id = 0; id < g.size(); ++id) ops += g.at(id).what == graph::kind::op;
    g.room().take(g.size() * detail::bytes_per_node + ops * detail::bytes_per_op, "its graph");
    fold(g);
    builder b(g, fuse(g));
    detail::emit_all(b, o);
    return place(b, o);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::deploy

// SPDX-License-Identifier: BSD-3-Clause
/// The last pass of the compiler: assigns the values of a program places in the arena. Values that are never alive at
/// the same time share memory.
#ifndef SMLDIST_DEPLOY_PLACE_HPP
#define SMLDIST_DEPLOY_PLACE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "smldist/core/argsort.hpp"
#include "smldist/deploy/builder.hpp"

namespace smldist::deploy {
SMLDIST_NAMESPACE_BEGIN

/// A value of an arena: its elements, and the first and last step that touch it.
struct lifetime {
    std::size_t size = 0, first = 0, last = 0;
};

/// Offsets of values in an arena; each value starts on its own cache line.
struct layout {
    std::vector<std::size_t> offsets; ///< per value
    std::size_t size = 0;             ///< of the arena, in elements
};

/// Places the largest values first, each as low as the values placed before it allow.
/// Cost       n² for n values, once per compilation. A MobileNet's arena is within 10 % of its two largest neighbours.
inline layout arrange(const std::vector<lifetime>& values) {
    constexpr std::size_t line = 16;
    std::vector<std::size_t> placed;
    layout out;
    out.offsets.resize(values.size());
    for (const std::size_t v :
         argsort(values.size(), [&](std::size_t a, std::size_t b) { return values[a].size > values[b].size; })) {
        std::size_t at = 0; // `placed` is in the order of offsets
        for (const std::size_t other : placed) {
            const lifetime& o = values[other];
            if (o.last < values[v].first || values[v].last < o.first) continue;
            if (at + values[v].size <= out.offsets[other]) break;
            at = std::max(at, out.offsets[other] + (o.size + line - 1) / line * line);
        }
        out.offsets[v] = at;
        out.size = std::max(out.size, at + (values[v].size + line - 1) / line * line);
        std::size_t i = placed.size();
        placed.push_back(v);
        for (; i > 0 && out.offsets[v] < out.offsets[placed[i - 1]]; --i) std::swap(placed[i], placed[i - 1]);
    }
    return out;
}

namespace detail {

/// Bytes of activations that a slice may take. Rows fill the tiles of products and the weights are read once per slice, so
/// more windows are better until activations and weights no longer share L2 (docs/performance.md). An image that
/// takes more by itself has enough rows.
inline constexpr std::size_t slice_bytes = std::size_t(3) << 17;
inline constexpr std::size_t slice_unit = 8, longest_slice = 32;

/// Replaces the number of a value in the arena by its place.
SMLDIST_COLD inline void set_offset(runtime::operand& o, const layout& where) {
    if (o.where == runtime::place::arena) o.offset = where.offsets[o.offset];
}
SMLDIST_COLD inline void set_offsets(runtime::any_step& s, const layout& where) {
    for (std::size_t i = 0; i < s.operands(); ++i) set_offset(s.operand_at(i), where);
}

/// The arena for slices of `slice` samples.
SMLDIST_COLD inline layout place_values(builder& b, const std::vector<runtime::output>& outputs, std::size_t slice) {
    auto& steps = b.steps();
    std::vector<lifetime> all(b.sizes().size());
    const auto touch = [&](const runtime::operand& o, std::size_t step) {
        if (o.where != runtime::place::arena) return;
        lifetime& l = all[o.offset];
        if (l.size == 0) l = {b.sizes()[o.offset] * (o.step > 0 ? slice : 1), step, step};
        l.last = step;
    };
    for (std::size_t s = 0; s < steps.size(); ++s)
        for (std::size_t i = 0; i < steps[s].step.operands(); ++i) touch(steps[s].step.operand_at(i), s);
    for (const auto& o : outputs) touch(o.value, steps.size());
    return arrange(all);
}

} // namespace detail

/// The program of a builder's steps, with as many windows per slice as fit the cache and every value in its place.
SMLDIST_COLD inline runtime::program place(builder& b, const options& o) {
    const annotated_graph& g = b.annotated();
    runtime::program::parts p;
    p.batch = o.batch;
    p.length = o.length;
    p.height = o.height;
    p.channels = o.channels;
    p.outputs = std::vector<runtime::output>(g.outputs.size());
    for (std::size_t i = 0; i < g.outputs.size(); ++i) {
        const auto& [name, id] = g.source.graph.outputs[g.outputs[i]];
        if (g.of(id).constant) g.source.fail("output ", name, " does not depend on the input");
        const shape s = g.extents(id);
        p.outputs[i] = {name, std::vector<std::size_t>(s.begin(), s.end()), s.size(), b.value(id)};
    }
    std::uint64_t all = 0; // elements per sample; no sum of places below overflows
    for (const std::size_t n : b.sizes()) all += n;
    if (all > std::numeric_limits<std::size_t>::max() / 16 / detail::longest_slice)
        g.source.fail("its values are too many");
    p.slice = detail::longest_slice;
    while (p.slice > detail::slice_unit &&
           detail::place_values(b, p.outputs, p.slice).size * sizeof(float) > detail::slice_bytes)
        p.slice -= detail::slice_unit;
    if (o.height != 0 && detail::place_values(b, p.outputs, 1).size * sizeof(float) > detail::slice_bytes)
        p.slice = 1;
    p.slice = std::min(p.slice, p.batch);
    const layout where = detail::place_values(b, p.outputs, p.slice);
    for (auto& s : b.steps()) detail::set_offsets(s.step, where);
    for (auto& out : p.outputs) detail::set_offset(out.value, where);
    p.arena = where.size;
    p.weights = std::move(b.weight_block());
    p.steps = std::move(b.steps());
    return runtime::program(std::move(p));
}

SMLDIST_NAMESPACE_END
} // namespace smldist::deploy

#endif

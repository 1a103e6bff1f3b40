// SPDX-License-Identifier: BSD-3-Clause
/// The overloads of `emit` for the ops that choose and move elements; deploy/emit.hpp says what an overload does.
#ifndef SMLDIST_DEPLOY_EMIT_MOVES_HPP
#define SMLDIST_DEPLOY_EMIT_MOVES_HPP

#include <algorithm>
#include <cstddef>

#include "smldist/deploy/emit.hpp"
#include "smldist/runtime/move_steps.hpp"

namespace smldist::deploy {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

SMLDIST_COLD inline void emit_extreme(builder& b, std::size_t id, const spec::reduce_options& o, bool largest,
                                      bool index) {
    const around s(b, id, o);
    const std::size_t n = s.outer * s.inner;
    runtime::extreme_step step{largest, index, s.outer, s.m, s.inner, b.read(b.input(id, 0)), {}, {}};
    if (index) step.values = b.scratch(n);
    step.y = b.fresh(n);
    b.give(id, step, step.y);
}

/// Adds a step that gives x in another layout.
SMLDIST_COLD inline void emit_strided(builder& b, std::size_t id, const kernel::strided& layout, std::size_t x,
                                      const operand& y, std::size_t elements) {
    b.spend_rows(elements / std::max<std::size_t>(1, layout.rank == 0 ? 1 : layout.extent[layout.rank - 1]));
    b.add(runtime::strided_step{layout, b.read(x), y}, b.at(id).name, 0, elements);
}

/// Input k of an op with broadcasting: the value itself when it has one element (step 0) or as many as y (step 1),
/// otherwise the value repeated to the extents of y.
SMLDIST_COLD inline operand emit_spread(builder& b, std::size_t id, std::size_t k, const shape& y,
                                        std::size_t& step) {
    const std::size_t x = b.input(id, k);
    const shape s = sample_operand(b, id, k);
    step = s.size() == 1 ? 0 : 1;
    if (s.size() == 1 || s.size() == y.size()) return b.read(x);
    kernel::strided layout;
    for (std::size_t a = 0; a < y.rank(); ++a) {
        const std::size_t missing = y.rank() - s.rank();
        const bool repeated = a < missing || s[a - missing] == 1;
        layout.add(y[a], repeated ? 0 : s.product(a - missing + 1, s.rank()));
    }
    const operand whole = b.fresh(y.size());
    emit_strided(b, id, layout, x, whole, y.size());
    return whole;
}

} // namespace detail

inline void emit(builder& b, std::size_t id, const spec::max& s) { detail::emit_extreme(b, id, s, true, false); }
inline void emit(builder& b, std::size_t id, const spec::min& s) { detail::emit_extreme(b, id, s, false, false); }
inline void emit(builder& b, std::size_t id, const spec::argmax& s) { detail::emit_extreme(b, id, s, true, true); }
inline void emit(builder& b, std::size_t id, const spec::argmin& s) { detail::emit_extreme(b, id, s, false, true); }

SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::cumsum& o) {
    const detail::around s(b, id, o.axis);
    const std::size_t x = b.input(id, 0);
    runtime::running_sum_step step{s.outer, s.m, s.inner, b.read(x), {}};
    step.y = b.over(id, x);
    b.give(id, step, step.y);
}

SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::permute& o) {
    const std::size_t x = b.input(id, 0), batch = detail::varies(b, id, 0) ? 1 : 0;
    b.require(batch == 0 || o.axes[0] == 0, id, detail::mixes);
    const shape s = b.extents(x);
    kernel::strided layout;
    for (std::size_t i = batch; i < o.axes.rank(); ++i) {
        const std::size_t a = o.axes[i] - batch;
        layout.add(s[a], s.product(a + 1, s.rank()));
    }
    const runtime::operand y = b.fresh(s.size());
    detail::emit_strided(b, id, layout, x, y, s.size());
    b.define(id, y);
}

SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::pad& o) {
    const shape s = b.extents(b.input(id, 0)), y = b.extents(id);
    runtime::pad_step step{
        {1, {1}, {0}, {1}}, static_cast<float>(o.value), b.read(b.input(id, 0)), b.fresh(y.size())};
    if (s.rank() > 0) step.layout.rank = s.rank();
    for (std::size_t a = 0; a < s.rank(); ++a) {
        step.layout.extent[a] = s[a];
        step.layout.before[a] = o.first(s.rank(), a);
        step.layout.whole[a] = y[a];
    }
    b.spend_rows(y.rows());
    b.give(id, step, step.y);
}

SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::where&) {
    const shape y = b.extents(id);
    runtime::where_step step{y.size(), {}, {}, {}};
    for (std::size_t k = 0; k < 3; ++k) step.in[k] = detail::emit_spread(b, id, k, y, step.step[k]);
    step.y = b.fresh(y.size());
    b.give(id, step, step.y);
}

SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::embedding&) {
    const std::size_t index = b.input(id, 0), weight = b.input(id, 1), rows = b.extents(index).size();
    b.require(!detail::varies(b, id, 1), id, "its weight is not a constant");
    const shape w = b.extents(weight);
    b.spend_rows(rows);
    const runtime::embedding_step step{rows, w[0], w[1], b.read(index), b.read(weight), b.fresh(rows * w[1])};
    b.give(id, step, step.y);
}

SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::gather& o) {
    b.require(detail::varies(b, id, 0) == detail::varies(b, id, 1), id, "one input is a constant, the other is not");
    const std::size_t axis = b.sample_axis(id, 0, o.axis);
    const shape x = b.extents(b.input(id, 0)), s = b.extents(id);
    runtime::gather_step step{{x.rank(), axis, x[axis], {}, {}}, b.read(b.input(id, 0)), b.read(b.input(id, 1)), {}};
    for (std::size_t a = 0; a < x.rank(); ++a) {
        step.layout.extent[a] = s[a];
        step.layout.step[a] = x.product(a + 1, x.rank());
    }
    step.y = b.fresh(s.size());
    b.spend_rows(s.rows());
    b.give(id, step, step.y);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::deploy

#endif

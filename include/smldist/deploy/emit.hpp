// SPDX-License-Identifier: BSD-3-Clause
/// The pass that makes steps: one overload of `emit` per op, for ops without packed weights.
///
/// An overload receives a description whose inputs and shape annotate() has checked, and adds a step. It only checks
/// the further requirements of programs: an op must not mix the windows of a batch, and some inputs must be constants.
/// An op without an overload is refused by emit_node.
#ifndef SMLDIST_DEPLOY_EMIT_HPP
#define SMLDIST_DEPLOY_EMIT_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "smldist/deploy/builder.hpp"
#include "smldist/runtime/elementwise_steps.hpp"

namespace smldist::deploy {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

using runtime::binary, runtime::binary_step, runtime::copy_step, runtime::map_step, runtime::operand,
    runtime::pool_step, runtime::row_function, runtime::row_step, runtime::sum_step;

inline constexpr std::string_view mixes = "it mixes the windows of a batch";

/// The extents of input 0, which a step maps row by row: a sample must have a last axis of its own.
SMLDIST_COLD inline shape rows_of(const builder& b, std::size_t id) {
    const shape s = b.extents(b.input(id, 0));
    b.require(s.rank() > 0, id, mixes);
    return s;
}
/// Whether an input depends on the window.
inline bool varies(const builder& b, std::size_t id, std::size_t k) { return !b.constant(b.input(id, k)); }

/// y = f(min(high, max(low, scale x + offset))), in place where possible.
SMLDIST_COLD inline void emit_map(builder& b, std::size_t id, map_step step) {
    const std::size_t x = b.input(id, 0);
    step.size = b.extents(x).size();
    step.x = b.read(x);
    step.y = b.over(id, x);
    b.give(id, step, step.y);
}

SMLDIST_COLD inline void emit_curve(builder& b, std::size_t id, runtime::curve what, double option) {
    const std::size_t x = b.input(id, 0), n = b.extents(x).size();
    b.room().spend(row_work * n, "its steps"); // std::pow
    runtime::curve_step step{what, n, option, b.read(x), {}};
    step.y = b.over(id, x);
    b.give(id, step, step.y);
}

SMLDIST_COLD inline void emit_rows(builder& b, std::size_t id, row_function what, float eps = 0) {
    const shape s = rows_of(b, id);
    const std::size_t x = b.input(id, 0);
    b.spend_rows(s.rows());
    row_step step{what, s.rows(), s.back(), b.read(x), {}, eps};
    step.y = what == row_function::log_sum_exp ? b.fresh(s.rows()) : b.over(id, x);
    b.give(id, step, step.y);
}

/// Means over `length` windows of time; of an image, over all pixels.
SMLDIST_COLD inline void emit_pool(builder& b, std::size_t id, std::size_t length) {
    const shape s = b.extents(b.input(id, 0));
    b.require(varies(b, id, 0), id, "its input is a constant");
    b.spend_rows(length);
    const operand y = b.fresh(length * s.back());
    b.give(id, pool_step{s.rows(), s.back(), length, b.read(b.input(id, 0)), y}, y);
}

/// The extents of input k of an op with broadcasting in one sample.
SMLDIST_COLD inline shape sample_operand(const builder& b, std::size_t id, std::size_t k) {
    const std::size_t x = b.input(id, k), full = b.at(id).shape.rank();
    const shape s = b.extents(x);
    if (b.constant(id)) return s;
    if (varies(b, id, k)) {
        b.require(b.at(x).shape.rank() == full, id, mixes);
        return s;
    }
    if (s.rank() < full) return s;
    b.require(s[0] == 1, id, mixes); // a constant with an axis for the batch
    return shape(s.begin() + 1, s.end());
}

/// a + b, a − b, a b or a / b with broadcasting, each operand as one sample.
SMLDIST_COLD inline void emit_arithmetic(builder& b, std::size_t id, binary what) {
    const shape s[2] = {sample_operand(b, id, 0), sample_operand(b, id, 1)};
    const shape y = b.extents(id);
    binary_step step{};
    step.what = what;
    step.rank = std::max<std::size_t>(1, y.rank());
    step.extent[0] = 1; // of scalars
    std::size_t steps[2] = {1, 1};
    for (std::size_t a = y.rank(); a-- > 0;) {
        step.extent[a] = y[a];
        for (std::size_t k = 0; k < 2; ++k) {
            const std::size_t missing = y.rank() - s[k].rank(), e = a < missing ? 1 : s[k][a - missing];
            (k == 0 ? step.a_step : step.b_step)[a] = e == 1 ? 0 : steps[k];
            steps[k] *= e;
        }
    }
    if (s[0].size() == y.size() && s[1].size() == y.size()) {
        step.rank = 1;
        step.extent[0] = y.size();
        step.a_step[0] = step.b_step[0] = 1;
    }
    b.spend_rows(step.rank * (y.size() / std::max<std::size_t>(1, step.extent[step.rank - 1])));
    step.a = b.read(b.input(id, 0));
    step.b = b.read(b.input(id, 1));
    step.f = b.fused(id).end;
    step.y = s[0] == y && varies(b, id, 0) ? b.over(id, b.input(id, 0)) : b.fresh(y.size());
    b.give(id, step, step.y);
}

/// Input 0 of one sample seen as (outer, m, inner) around one axis.
struct around {
    std::size_t outer, m, inner;

    SMLDIST_COLD around(builder& b, std::size_t id, std::ptrdiff_t axis) {
        const shape s = b.extents(b.input(id, 0));
        const std::size_t a = b.sample_axis(id, 0, axis);
        outer = s.product(0, a);
        m = s[a];
        inner = s.product(a + 1, s.rank());
        b.spend_rows(outer);
    }
    /// Around the axis of a reduction; all axes of a constant.
    SMLDIST_COLD around(builder& b, std::size_t id, const spec::reduce_options& o)
        : outer(1), m(b.extents(b.input(id, 0)).size()), inner(1) {
        b.require(o.axis || !varies(b, id, 0), id, mixes);
        if (o.axis) *this = around(b, id, *o.axis);
    }
};

SMLDIST_COLD inline void emit_sum(builder& b, std::size_t id, const spec::reduce_options& o, bool mean) {
    const around s(b, id, o);
    sum_step step{};
    step.outer = s.outer;
    step.m = s.m;
    step.inner = s.inner;
    step.scale = mean ? 1 / static_cast<float>(step.m) : 1;
    step.x = b.read(b.input(id, 0));
    step.y = b.fresh(b.extents(id).size());
    b.give(id, step, step.y);
}

/// The same elements under another shape: no step, unless they are a constant.
SMLDIST_COLD inline void emit_rename(builder& b, std::size_t id) {
    const std::size_t x = b.input(id, 0);
    if (!b.constant(x)) return b.define(id, operand(b.value(x)));
    const std::size_t n = b.extents(id).size();
    const operand y = b.fresh(n);
    b.give(id, copy_step{1, n, 0, 0, 0, 0, b.read(x), y}, y);
}

/// κ ln M_n of each class, M_n the mass of its patterns.
SMLDIST_COLD inline std::vector<float> class_priors(const builder& b, std::size_t id,
                                                    const spec::class_log_sum_exp& s) {
    const auto label = b.constants(b.input(id, 1)), log_mass = b.constants(b.input(id, 2));
    std::vector<double> mass(s.classes, 0);
    for (std::size_t m = 0; m < label.size(); ++m) {
        b.require(label[m] >= 0 && label[m] < static_cast<float>(s.classes), id, "a label is out of range");
        mass[static_cast<std::size_t>(label[m])] += log_mass.empty() ? 1 : std::exp(double(log_mass[m]));
    }
    std::vector<float> prior(s.classes);
    for (std::size_t n = 0; n < s.classes; ++n) {
        b.require(mass[n] > 0, id, "a class has no pattern");
        prior[n] = static_cast<float>(s.kappa * std::log(mass[n]));
    }
    return prior;
}

/// `mask` says which input is the mask; 0: none.
SMLDIST_COLD inline void emit_hopfield(builder& b, std::size_t id, const spec::hopfield& o, std::uint64_t macs,
                                       std::size_t mask = 0) {
    const shape q = b.extents(b.input(id, 0)), keys = b.extents(b.input(id, 1));
    const bool own_keys = varies(b, id, 1);
    b.require(keys.rank() == 2 && q.rank() > 0 && (!own_keys || q.rank() == 2), id, mixes);
    b.require(!varies(b, id, 2), id, "its beta is not a constant");
    const std::size_t Q = q.rows();
    b.require(o.updates <= spec::hopfield::until_rest, id, "the number of updates is out of range");
    b.room().spend(write_work * o.updates * Q * (keys[0] + keys[1]), "its steps");
    b.spend_rows(o.updates * Q);
    runtime::hopfield_step step{Q,
                                keys[0],
                                keys[1],
                                o.updates,
                                static_cast<float>(o.eps),
                                b.read(b.input(id, 0)),
                                b.read(b.input(id, 1)),
                                b.read(b.input(id, 2)),
                                b.scratch(keys[0]),
                                b.scratch(keys[1]),
                                b.fresh(q.size())};
    if (const std::size_t elements = mask == 0 ? 0 : b.extents(b.input(id, mask)).size(); elements > 0) {
        b.require(!varies(b, id, mask), id, "its mask is not a constant");
        b.require(elements == keys[0] || elements == Q * keys[0], id, mixes);
        step.mask = b.read(b.input(id, mask));
        step.mask_step = elements == keys[0] ? 0 : keys[0];
    }
    b.give(id, step, step.y, macs);
}

} // namespace detail

template <activation F> void emit(builder& b, std::size_t id, const spec::elementwise<F>&) {
    detail::emit_map(b, id, {.f = F});
}
SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::affine& s) {
    detail::emit_map(b, id, {.scale = static_cast<float>(s.scale), .offset = static_cast<float>(s.offset)});
}
SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::clamp& s) {
    detail::emit_map(b, id, {.low = static_cast<float>(s.low), .high = static_cast<float>(s.high)});
}
SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::leaky_relu& s) {
    detail::emit_curve(b, id, runtime::curve::leaky_relu, s.slope);
}
SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::pow& s) {
    detail::emit_curve(b, id, runtime::curve::power, s.exponent);
}
inline void emit(builder& b, std::size_t id, const spec::add&) {
    detail::emit_arithmetic(b, id, runtime::binary::add);
}
inline void emit(builder& b, std::size_t id, const spec::sub&) {
    detail::emit_arithmetic(b, id, runtime::binary::sub);
}
inline void emit(builder& b, std::size_t id, const spec::mul&) {
    detail::emit_arithmetic(b, id, runtime::binary::mul);
}
inline void emit(builder& b, std::size_t id, const spec::div&) {
    detail::emit_arithmetic(b, id, runtime::binary::div);
}

SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::gate&) {
    const std::size_t x = b.input(id, 0);
    const shape s = b.extents(x);
    b.require(detail::varies(b, id, 0) && detail::varies(b, id, 1), id, "an input is a constant");
    const runtime::operand from = b.read(x), g = b.read(b.input(id, 1));
    if (b.fused(id).gates_next) return b.define(b.last(id), from); // the product that reads it applies the gate
    const runtime::operand y = b.over(id, x);
    b.give(id, runtime::gate_step{s.rows(), s.back(), from, g, y, b.fused(id).end}, y);
}

inline void emit(builder& b, std::size_t id, const spec::mean_over_time&) { detail::emit_pool(b, id, 1); }
inline void emit(builder& b, std::size_t id, const spec::adaptive_avg_pool1d& s) {
    detail::emit_pool(b, id, s.length);
}

SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::max_pool1d& o) {
    const shape s = b.extents(b.input(id, 0));
    b.require(detail::varies(b, id, 0), id, "its input is a constant");
    const std::size_t Lo = b.extents(id)[0];
    const runtime::operand y = b.fresh(Lo * s[1]);
    b.room().spend(std::uint64_t(Lo) * s[1] * o.kernel_size, "its steps");
    b.spend_rows(Lo);
    b.give(id, runtime::max_pool_step{s[0], s[1], Lo, o.kernel_size, o.stride, o.padding, b.read(b.input(id, 0)), y},
           y);
}

SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::upsample& o) {
    const shape s = b.extents(b.input(id, 0)), y = b.extents(id);
    b.require(detail::varies(b, id, 0), id, "its input is a constant");
    runtime::upsample_step step{{s[0], y[0], o.scale, o.linear, o.align_corners}, {}, s.back(), {}, {}};
    if (s.rank() == 3) step.columns = {s[1], y[1], o.scale, o.linear, o.align_corners};
    b.room().spend(3 * write_work * std::uint64_t(y.size()), "its steps"); // of up to four values each
    b.spend_rows(y.rows());
    step.x = b.read(b.input(id, 0));
    step.y = b.fresh(y.size());
    b.give(id, step, step.y);
}

inline void emit(builder& b, std::size_t id, const spec::sum& s) { detail::emit_sum(b, id, s, false); }
inline void emit(builder& b, std::size_t id, const spec::mean& s) { detail::emit_sum(b, id, s, true); }

inline void emit(builder& b, std::size_t id, const spec::softmax&) {
    detail::emit_rows(b, id, runtime::row_function::softmax);
}
inline void emit(builder& b, std::size_t id, const spec::log_softmax&) {
    detail::emit_rows(b, id, runtime::row_function::log_softmax);
}
inline void emit(builder& b, std::size_t id, const spec::log_sum_exp&) {
    detail::emit_rows(b, id, runtime::row_function::log_sum_exp);
}
inline void emit(builder& b, std::size_t id, const spec::l2_normalize& s) {
    b.require(detail::rows_of(b, id).back() > 0, id, "its rows are empty");
    detail::emit_rows(b, id, runtime::row_function::l2_normalize, static_cast<float>(s.eps));
}

SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::layer_norm& o) {
    const shape s = detail::rows_of(b, id);
    const std::size_t x = b.input(id, 0);
    b.require(!detail::varies(b, id, 1) && !detail::varies(b, id, 2), id, "its weight or bias is not a constant");
    b.spend_rows(s.rows());
    const runtime::operand weight = b.read(b.input(id, 1)), bias = b.read(b.input(id, 2));
    const runtime::operand from = b.read(x), y = b.over(id, x);
    b.give(id, runtime::layer_norm_step{s.rows(), s.back(), static_cast<float>(o.eps), from, weight, bias, y}, y);
}

SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::group_norm& o) {
    const std::size_t x = b.input(id, 0);
    const shape s = b.extents(x);
    b.require(detail::varies(b, id, 0), id, "its input is a constant");
    b.require(!detail::varies(b, id, 1) && !detail::varies(b, id, 2), id, "its weight or bias is not a constant");
    const std::size_t C = s.back(), L = s.size() / C;
    b.spend_rows(3 * L);
    const runtime::operand weight = b.read(b.input(id, 1)), bias = b.read(b.input(id, 2));
    const runtime::operand from = b.read(x), work = b.scratch(2 * (C + o.groups)), y = b.over(id, x);
    b.give(id, runtime::group_norm_step{L, C, o.groups, static_cast<float>(o.eps), from, weight, bias, work, y}, y);
}

SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::log_mean_exp& o) {
    const shape s = b.extents(b.input(id, 0));
    const runtime::operand y = b.fresh(s.size() / o.blocks);
    b.room().spend(write_work * s.size(), "its steps");
    b.give(id, runtime::log_mean_exp_step{s.rows(), o.blocks, s.back() / o.blocks, b.read(b.input(id, 0)), y}, y);
}

SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::class_log_sum_exp& o) {
    const shape s = b.extents(b.input(id, 0));
    b.require(!detail::varies(b, id, 1) && !detail::varies(b, id, 2), id, "its labels or masses are not constants");
    const std::size_t N = o.classes;
    b.require(N <= s.back(), id, "a class has no pattern");
    const budget::lease room(b.room(), N * (sizeof(double) + sizeof(float)), "its classes");
    const auto prior = detail::class_priors(b, id, o);
    b.room().spend(write_work * s.size(), "its steps");
    runtime::class_log_sum_exp_step step{
        s.rows(), s.back(), N, b.read(b.input(id, 0)), b.read(b.input(id, 1)), b.weights(prior), {}, {}};
    step.top = b.scratch(N);
    step.z = b.fresh(s.rows() * N);
    b.give(id, step, step.z);
}

SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::mixture&) {
    b.require(detail::varies(b, id, 0) && !detail::varies(b, id, 1), id,
              "its logits or weights do not fit a program");
    const std::size_t J = b.extents(b.input(id, 1))[0], N = b.extents(b.input(id, 0))[0] / J;
    const runtime::mixture_step step{
        J, N, b.read(b.input(id, 0)), b.read(b.input(id, 1)), b.scratch(J * N), b.scratch(J), b.fresh(N)};
    b.give(id, step, step.y);
}

inline void emit(builder& b, std::size_t id, const spec::hopfield& o) {
    detail::emit_hopfield(b, id, o, macs_of_node(o, b.traced(), id));
}
SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::masked_hopfield& o) {
    b.require(o.stop == spec::hopfield_stop::state || o.eps == 0, id,
              "its updates stop by association, which programs do not know");
    detail::emit_hopfield(b, id, {o.updates, o.eps}, macs_of_node(o, b.traced(), id), 3);
}

inline void emit(builder& b, std::size_t id, const spec::reshape&) { detail::emit_rename(b, id); }
inline void emit(builder& b, std::size_t id, const spec::flatten&) { detail::emit_rename(b, id); }

SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::concat& o) {
    b.require(detail::varies(b, id, 0) == detail::varies(b, id, 1), id, "one input is a constant, the other is not");
    const shape s = b.extents(b.input(id, 0)), t = b.extents(b.input(id, 1));
    const std::size_t axis = b.sample_axis(id, 0, o.axis), rows = s.product(0, axis);
    const std::size_t ns = s.product(axis, s.rank()), nt = t.product(axis, t.rank());
    const runtime::operand y = b.fresh(s.size() + t.size());
    b.add(runtime::copy_step{rows, ns, 0, ns, 0, ns + nt, b.read(b.input(id, 0)), y}, b.at(id).name, 0, s.size());
    b.add(runtime::copy_step{rows, nt, 0, nt, ns, ns + nt, b.read(b.input(id, 1)), y}, b.at(id).name, 0, t.size());
    b.define(id, y);
}

SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::slice& o) {
    const shape s = b.extents(b.input(id, 0));
    const std::size_t axis = b.sample_axis(id, 0, o.axis), inner = s.product(axis + 1, s.rank());
    const std::size_t rows = s.product(0, axis), m = (o.end - o.begin) * inner;
    const runtime::operand y = b.fresh(rows * m);
    b.give(id, runtime::copy_step{rows, m, o.begin * inner, s[axis] * inner, 0, m, b.read(b.input(id, 0)), y}, y);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::deploy

#endif

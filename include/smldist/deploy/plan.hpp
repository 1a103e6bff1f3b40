// SPDX-License-Identifier: BSD-3-Clause
/// From a graph to a program: every op becomes a step, ends another op's step, or is computed now because it is constant.
#ifndef SMLDIST_DEPLOY_PLAN_HPP
#define SMLDIST_DEPLOY_PLAN_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/deploy/fuse.hpp"
#include "smldist/deploy/planner.hpp"

namespace smldist::inline SMLDIST_ABI::deploy {

namespace detail {

/// The extents of a value without an axis.
[[gnu::cold]] inline smldist::shape without(const smldist::shape& s, std::size_t axis) {
    smldist::shape y;
    for (std::size_t a = 0; a < s.rank(); ++a)
        if (a != axis) y.push_back(s[a]);
    return y;
}

/// Ops of one value: maps, gates, pooling, reductions, rows.
class op_planner {
public:
    op_planner(planner& to, std::size_t node) : p(to), id(node) {}

    /// Plans the op. Returns false if programs do not know it.
    [[gnu::cold]] bool run() {
        const std::string_view op = p.at(id).name;
        if (const activation f = activation_of(op); f != activation::none) return map({.f = f});
        if (op == "affine") return map({.scale = real("scale"), .offset = real("offset")});
        if (op == "clamp") return map({.low = real("low"), .high = real("high")});
        if (op == "add") return arithmetic(binary::add);
        if (op == "sub") return arithmetic(binary::sub);
        if (op == "mul") return arithmetic(binary::mul);
        if (op == "batch_norm") return batch_norm();
        if (op == "gate") return gate();
        if (op == "mean_over_time") return pool(1, true);
        if (op == "adaptive_avg_pool1d") return pool(p.size(id, "length"), false);
        if (op == "max_pool1d") return max_pool();
        if (op == "sum" || op == "mean") return sum(op == "mean");
        if (op == "softmax") return rows(row_function::softmax);
        if (op == "log_softmax") return rows(row_function::log_softmax);
        if (op == "log_sum_exp") return rows(row_function::log_sum_exp);
        if (op == "l2_normalize") return rows(row_function::l2_normalize);
        if (op == "layer_norm") return layer_norm();
        if (op == "log_mean_exp") return log_mean_exp();
        if (op == "class_log_sum_exp") return class_log_sum_exp();
        if (op == "mixture") return mixture();
        if (op == "hopfield") return hopfield();
        if (op == "reshape" || op == "flatten") return rename();
        if (op == "concat") return concat();
        if (op == "slice") return slice();
        return false;
    }

private:
    struct function {
        activation f = activation::none;
        float scale = 1, offset = 0;
        float low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();
    };

    std::size_t in(std::size_t k) const { return p.input(id, k); }
    const smldist::shape& extents(std::size_t k) const { return p.value(in(k)).extents; }
    [[gnu::cold]] float real(std::string_view name) const { return static_cast<float>(p.number(id, name)); }
    [[gnu::cold]] void need(bool ok) const { p.require(ok, id, "its inputs do not fit"); }
    /// The activation that alone follows this op, taken in.
    [[gnu::cold]] activation follow() {
        const std::size_t next = p.sole_use(id);
        if (next == 0 || p.constant_inputs(id)) return activation::none;
        const activation f = activation_of(p.at(next).name);
        if (f != activation::none) p.absorb(next);
        return f;
    }
    /// The node that has the result: the activation that was taken in, or the op.
    std::size_t result(activation f) const { return f == activation::none ? id : p.sole_use(id); }
    [[gnu::cold]] std::string ops(activation f) const {
        return f == activation::none ? p.at(id).name : join(p.at(id).name, p.at(result(f)).name);
    }
    /// Adds a step whose result has these extents; f: the activation that it takes in.
    [[gnu::cold]] bool give(const any_step& step, const operand& y, const smldist::shape& s,
                            activation f = activation::none, std::uint64_t macs = 0) {
        const bool constant = p.constant_inputs(id);
        p.add(step, ops(f), macs, s.size());
        p.define(result(f), constant, s, y);
        return true;
    }

    [[gnu::cold]] bool map(const function& g) {
        const auto& s = extents(0);
        const operand x = p.read(in(0)), y = p.over(id, in(0));
        return give(map_step{s.size(), x, y, g.f, g.scale, g.offset, g.low, g.high}, y, s);
    }
    [[gnu::cold]] bool batch_norm() {
        const auto& s = extents(0);
        need(s.rank() > 0 && has_statistics(p, id, s.back()));
        const affine_map m(p, id, s.back());
        const activation f = follow();
        const operand scale = p.weights(std::vector<float>(m.scale.begin(), m.scale.end()));
        const operand shift = p.weights(std::vector<float>(m.shift.begin(), m.shift.end()));
        const operand x = p.read(in(0)), y = p.over(id, in(0));
        return give(affine_step{s.rows(), s.back(), x, scale, shift, y, f}, y, s, f);
    }
    [[gnu::cold]] bool gate() {
        const auto& s = extents(0);
        need(s.rank() == 2 && extents(1).rank() == 1 && extents(1)[0] == s[1]);
        need(!p.value(in(0)).constant && !p.value(in(1)).constant);
        const activation f = follow();
        const operand x = p.read(in(0)), g = p.read(in(1));
        const std::size_t next = p.sole_use(result(f));
        if (next != 0 && is_pointwise(p, next) && p.at(next).inputs[0] == result(f) && x.where == place::arena) {
            p.define_gated(result(f), s, x, g, f);
            return true;
        }
        const operand y = p.over(id, in(0));
        return give(gate_step{s[0], s[1], x, g, y, f}, y, s, f);
    }
    [[gnu::cold]] bool arithmetic(binary what) {
        const bool constant = p.constant_inputs(id);
        smldist::shape s[2];
        for (std::size_t k = 0; k < 2; ++k) {
            s[k] = extents(k);
            const std::size_t full = p.at(in(1 - k)).shape.rank();
            if (constant || !p.value(in(k)).constant) {
                p.require(constant || p.at(in(k)).shape.rank() >= full, id, "it mixes the windows of a batch");
            } else if (s[k].rank() == full) { // a constant with an axis for the batch
                p.require(full > 0 && s[k][0] == 1, id, "it mixes the windows of a batch");
                s[k] = smldist::shape(s[k].begin() + 1, s[k].end());
            } else {
                need(s[k].rank() < full);
            }
        }
        binary_step step{};
        step.what = what;
        step.rank = std::max<std::size_t>(1, std::max(s[0].rank(), s[1].rank()));
        smldist::shape y;
        std::size_t steps[2] = {1, 1};
        for (std::size_t a = step.rank; a-- > 0;) {
            std::size_t e[2];
            for (std::size_t k = 0; k < 2; ++k) {
                const std::size_t missing = step.rank - s[k].rank();
                e[k] = a < missing ? 1 : s[k][a - missing];
                (k == 0 ? step.a_step : step.b_step)[a] = e[k] == 1 ? 0 : steps[k];
                steps[k] *= e[k];
            }
            need(e[0] == e[1] || e[0] == 1 || e[1] == 1);
            step.extent[a] = e[0] == 1 ? e[1] : e[0];
        }
        const bool scalar = s[0].rank() == 0 && s[1].rank() == 0;
        for (std::size_t a = 0; a < step.rank && !scalar; ++a) y.push_back(step.extent[a]);
        if (s[0].size() == y.size() && s[1].size() == y.size()) {
            step.rank = 1;
            step.extent[0] = y.size();
            step.a_step[0] = step.b_step[0] = 1;
        }
        step.a = p.read(in(0));
        step.b = p.read(in(1));
        step.f = follow();
        step.y = s[0] == y && !p.value(in(0)).constant ? p.over(id, in(0)) : p.fresh(y.size());
        return give(step, step.y, y, step.f);
    }
    [[gnu::cold]] bool pool(std::size_t length, bool flat) {
        const auto& s = extents(0);
        need(s.rank() == 2 && s[0] > 0 && length > 0 && length <= largest_value / (s[1] + 1));
        need(!p.value(in(0)).constant);
        const operand y = p.fresh(length * s[1]);
        return give(pool_step{s[0], s[1], length, p.read(in(0)), y}, y,
                    flat ? smldist::shape{s[1]} : smldist::shape{length, s[1]});
    }
    [[gnu::cold]] bool max_pool() {
        const auto& s = extents(0);
        const std::size_t K = p.size(id, "kernel_size"), stride = p.size(id, "stride"), pad = p.size(id, "padding");
        need(!p.value(in(0)).constant && s.rank() == 2 && s[0] > 0 && K > 0 && stride > 0 && pad <= K / 2 &&
             s[0] + 2 * pad >= K);
        const std::size_t Lo = (s[0] + 2 * pad - K) / stride + 1;
        need(Lo <= largest_value / std::max<std::size_t>(1, s[1]));
        const operand y = p.fresh(Lo * s[1]);
        return give(max_pool_step{s[0], s[1], Lo, K, stride, pad, p.read(in(0)), y}, y, {Lo, s[1]});
    }
    [[gnu::cold]] bool sum(bool mean) {
        const auto& s = extents(0);
        p.require(p.attribute(id, "axis") || p.value(in(0)).constant, id, "it mixes the windows of a batch");
        const bool all = !p.attribute(id, "axis"), keep = p.size(id, "keepdim") != 0;
        const std::size_t axis = all ? 0 : p.axis(id, in(0));
        smldist::shape y = all ? smldist::shape{} : keep ? s.with(axis, 1) : without(s, axis);
        if (all && keep)
            for (std::size_t a = 0; a < s.rank(); ++a) y.push_back(1);
        sum_step step{};
        step.outer = all ? 1 : s.product(0, axis);
        step.m = all ? s.size() : s[axis];
        step.inner = all ? 1 : s.product(axis + 1, s.rank());
        need(!mean || step.m > 0);
        step.scale = mean ? 1 / static_cast<float>(step.m) : 1;
        step.x = p.read(in(0));
        step.y = p.fresh(y.size());
        return give(step, step.y, y);
    }
    [[gnu::cold]] bool rows(row_function what) {
        const auto& s = extents(0);
        need(s.rank() > 0 && s.back() > 0);
        const bool one = what == row_function::log_sum_exp;
        const operand x = p.read(in(0)), y = one ? p.fresh(s.rows()) : p.over(id, in(0));
        const float eps = what == row_function::l2_normalize ? real("eps") : 0;
        return give(row_step{what, s.rows(), s.back(), x, y, eps}, y, one ? without(s, s.rank() - 1) : s);
    }
    [[gnu::cold]] bool layer_norm() {
        const auto& s = extents(0);
        need(s.rank() > 0 && s.back() > 0 && p.value(in(1)).constant && p.value(in(2)).constant);
        for (const std::size_t k : {1u, 2u}) need(extents(k).size() == 0 || extents(k).size() == s.back());
        const operand weight = p.read(in(1)), bias = p.read(in(2)), x = p.read(in(0)), y = p.over(id, in(0));
        return give(layer_norm_step{s.rows(), s.back(), real("eps"), x, weight, bias, y}, y, s);
    }
    [[gnu::cold]] bool log_mean_exp() {
        const auto& s = extents(0);
        const std::size_t J = p.size(id, "blocks");
        need(s.rank() > 0 && J > 0 && s.back() > 0 && s.back() % J == 0);
        const operand y = p.fresh(s.size() / J);
        return give(log_mean_exp_step{s.rows(), J, s.back() / J, p.read(in(0)), y}, y,
                    s.with(s.rank() - 1, s.back() / J));
    }
    [[gnu::cold]] bool class_log_sum_exp() {
        const auto& s = extents(0);
        const std::size_t N = p.size(id, "classes");
        const double kappa = p.number(id, "kappa");
        const auto label = p.constants(in(1)), log_mass = p.constants(in(2));
        need(s.rank() > 0 && p.value(in(1)).constant && p.value(in(2)).constant && label.size() == s.back());
        need(log_mass.empty() || log_mass.size() == label.size());
        p.require(N > 0 && N <= label.size() && kappa >= 0 && kappa <= 1, id, "classes or kappa is out of range");
        std::vector<double> mass(N, 0);
        for (std::size_t m = 0; m < label.size(); ++m) {
            p.require(label[m] >= 0 && label[m] < static_cast<float>(N), id, "a label is out of range");
            mass[static_cast<std::size_t>(label[m])] += log_mass.empty() ? 1 : std::exp(double(log_mass[m]));
        }
        std::vector<float> prior(N);
        for (std::size_t n = 0; n < N; ++n) {
            p.require(mass[n] > 0, id, "a class has no pattern");
            prior[n] = static_cast<float>(kappa * std::log(mass[n]));
        }
        class_log_sum_exp_step step{s.rows(), s.back(), N, p.read(in(0)), p.read(in(1)), p.weights(prior), {}, {}};
        step.top = p.scratch(N);
        step.z = p.fresh(s.rows() * N);
        return give(step, step.z, s.with(s.rank() - 1, N));
    }
    [[gnu::cold]] bool mixture() {
        const auto &s = extents(0), &a = extents(1);
        need(s.rank() == 1 && a.rank() == 1 && a[0] > 0 && s[0] > 0 && s[0] % a[0] == 0);
        need(!p.value(in(0)).constant && p.value(in(1)).constant);
        const std::size_t J = a[0], N = s[0] / J;
        mixture_step step{J, N, p.read(in(0)), p.read(in(1)), p.scratch(J * N), p.scratch(J), p.fresh(N)};
        return give(step, step.y, {N});
    }
    [[gnu::cold]] bool hopfield() {
        const auto &q = p.value(in(0)), &keys = p.value(in(1)), &beta = p.value(in(2));
        const auto &sq = q.extents, &sk = keys.extents;
        need(sk.rank() == 2 && sk.size() > 0 && sq.rank() > 0 && sq.back() == sk[1] && beta.extents.size() == 1);
        need(beta.constant && (keys.constant || sq.rank() == 2));
        const std::size_t Q = sq.rows(), updates = p.size(id, "updates");
        p.require(updates <= 1024, id, "the number of updates is out of range");
        hopfield_step step{Q,
                           sk[0],
                           sk[1],
                           updates,
                           real("eps"),
                           p.read(in(0)),
                           p.read(in(1)),
                           p.read(in(2)),
                           p.scratch(sk[0]),
                           p.scratch(sk[1]),
                           p.fresh(sq.size())};
        return give(step, step.y, sq, activation::none, 2 * std::uint64_t(updates) * Q * sk.size());
    }
    [[gnu::cold]] bool rename() {
        const auto& v = p.value(in(0));
        const smldist::shape& to = p.at(id).shape;
        need(to.size() == p.at(in(0)).shape.size());
        if (v.constant) {
            const operand y = p.fresh(to.size());
            return give(copy_step{1, to.size(), 0, 0, 0, 0, p.read(in(0)), y}, y, to);
        }
        p.require(to.rank() > 0 && to[0] == 1, id, "it mixes the windows of a batch");
        p.define(id, false, smldist::shape(to.begin() + 1, to.end()), operand(v.at));
        return true;
    }
    [[gnu::cold]] bool concat() {
        const auto &a = extents(0), &b = extents(1);
        const std::size_t axis = p.axis(id, in(p.value(in(0)).constant && !p.value(in(1)).constant ? 1 : 0));
        need(p.value(in(0)).constant == p.value(in(1)).constant && a.rank() == b.rank() && axis < a.rank());
        need(a.with(axis, 0) == b.with(axis, 0));
        const std::size_t na = a.product(axis, a.rank()), nb = b.product(axis, b.rank());
        need(a.size() + b.size() <= largest_value);
        const std::size_t rows = a.product(0, axis);
        const operand y = p.fresh(a.size() + b.size());
        const bool constant = p.constant_inputs(id);
        p.add(copy_step{rows, na, 0, na, 0, na + nb, p.read(in(0)), y}, p.at(id).name, 0, a.size());
        p.add(copy_step{rows, nb, 0, nb, na, na + nb, p.read(in(1)), y}, p.at(id).name, 0, b.size());
        p.define(id, constant, a.with(axis, a[axis] + b[axis]), y);
        return true;
    }
    [[gnu::cold]] bool slice() {
        const auto& s = extents(0);
        const std::size_t axis = p.axis(id, in(0)), begin = p.size(id, "begin"), end = p.size(id, "end");
        need(begin <= end && end <= s[axis]);
        const std::size_t inner = s.product(axis + 1, s.rank()), m = (end - begin) * inner;
        const operand y = p.fresh(s.product(0, axis) * m);
        return give(copy_step{s.product(0, axis), m, begin * inner, s[axis] * inner, 0, m, p.read(in(0)), y}, y,
                    s.with(axis, end - begin));
    }

    planner& p;
    const std::size_t id;
};

} // namespace detail

/// Compiles a graph that was traced for one window.
///
/// Folds every batch-norm that follows a product into its weights; ends products by bias, residual and activation; computes
/// what depends on constants alone; packs weights; places values in one arena by their lifetimes.
/// Throws     usage_error, or data_error for a graph from a file, naming a node that programs do not know, whose inputs do
///            not fit or that mixes the windows of a batch, and for outputs that do not exist.
[[gnu::cold]] inline program plan(source s, const options& o) {
    const smldist::normaliser& normal = o.normaliser;
    detail::planner p(std::move(s), o);
    normalising normalise;
    std::size_t normalised = 0; ///< the convolution that normalises the input itself
    if (o.batch == 0) raise<usage_error>("deploy::compile", "batch is 0, expected at least 1");
    normal.require_channels(o.channels);
    bool has_input = false;
    for (std::size_t id = 0; id < p.nodes().size(); ++id) {
        const auto& n = p.at(id);
        if (!p.needed(id) || p.value(id).absorbed) continue;
        p.begin();
        if (n.what == graph::kind::input) {
            if (has_input || !(n.shape == shape{1, o.length, o.channels}))
                p.fail("input ", n.name, " has shape ", n.shape.text(), ", expected one input (1, ", o.length, ", ",
                       o.channels, ")");
            has_input = true;
            const std::size_t size = o.length * o.channels;
            const operand raw{place::input, 0, size};
            p.define_input(id, raw, {o.length, o.channels});
            if (normal.kind == normaliser_kind::none) continue;
            normalise = {p.weights(normal.offset), p.weights(normal.scale), p.weights(normal.low),
                         p.weights(normal.high)};
            if (const std::size_t use = p.sole_use(id); use != 0 && detail::copies_its_input(p, use)) {
                normalised = use;
                continue;
            }
            const normalise_step step{o.length, o.channels, raw, p.fresh(size), normalise};
            p.add(step, "normalise", 0, size);
            p.define_input(id, step.y, {o.length, o.channels});
        } else if (n.what != graph::kind::op) {
            p.define_constant(id);
        } else if (n.name == "conv1d") {
            detail::plan_conv1d(p, id, normalised == id ? &normalise : nullptr);
        } else if (n.name == "linear") {
            detail::plan_linear(p, id);
        } else if (n.name == "matmul") {
            detail::plan_matmul(p, id);
        } else if (!detail::op_planner(p, id).run()) {
            p.fail("node ", id, " is the op \"", n.name, "\", which programs do not know");
        }
    }
    return p.finish();
}

} // namespace smldist::inline SMLDIST_ABI::deploy

#endif

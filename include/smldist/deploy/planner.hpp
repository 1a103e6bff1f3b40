// SPDX-License-Identifier: BSD-3-Clause
/// The state of a compilation: which value is known, where it lies, and the steps so far. deploy/plan.hpp drives it.
#ifndef SMLDIST_DEPLOY_PLANNER_HPP
#define SMLDIST_DEPLOY_PLANNER_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/core/normaliser.hpp"
#include "smldist/core/shape.hpp"
#include "smldist/deploy/layout.hpp"
#include "smldist/deploy/program.hpp"
#include "smldist/graph/graph.hpp"

namespace smldist::inline SMLDIST_ABI::deploy {

struct options {
    std::size_t batch = 1;    ///< windows of run(in, out)
    std::size_t length = 0;   ///< L, samples of a window; of a model file 0: the file's
    std::size_t channels = 0; ///< C; 0: those of the model's configuration
    smldist::normaliser normaliser =
        {}; ///< applied to the input, which then has raw units; kind none: the input is normalised
    /// Names of the outputs, in any order: "logits", "feature", "stages.0"; "stages" and "memory" name all of them, "all"
    /// everything. Empty: the logits alone. What no output needs is not computed.
    std::vector<std::string> outputs = {};
};

/// A graph traced for one window, with the values of its parameters, buffers and constants.
struct source {
    smldist::graph graph;
    std::vector<std::span<const float>> values; ///< one a node, empty for inputs and ops; labels as whole numbers
    std::vector<std::unique_ptr<float[]>> own;  ///< those of the values that lie nowhere else as floats
    bool from_file = false;                     ///< what is wrong with it is a data_error, else a usage_error

    /// Room for n values of its own.
    float* allocate(std::size_t n) { return own.emplace_back(std::make_unique_for_overwrite<float[]>(n)).get(); }
};

namespace detail {

/// Elements of a value of one sample; beyond it a graph is refused.
inline constexpr std::size_t largest_value = std::size_t(1) << 24;
inline constexpr std::size_t most_nodes = 16384;
/// Bytes of activations that a slice may take. Rows fill the tiles of products and the weights are read once a slice, so
/// more windows are better until activations and weights no longer share L2 (Zen 4, 1 MiB, batch 256: har_student gains
/// nothing beyond 16 windows, har_teacher is best at 8, mobilenet_v3_small at 16; twice as many cost 1 to 4 %).
inline constexpr std::size_t slice_bytes = std::size_t(3) << 17;
inline constexpr std::size_t slice_unit = 8, longest_slice = 32;

/// What a node gave: constant or one value a sample.
struct planned_value {
    bool known = false, constant = false;
    smldist::shape extents; ///< of one sample, or of the constant
    operand at;             ///< of a constant only once it is needed as it is
};

/// A gated value that is not computed: the product that alone reads it gates its own input.
struct deferred_gate {
    std::size_t node; ///< whose value it is
    operand x, g;
    activation f;
    std::string ops;
};

class planner {
public:
    using node = graph::node;

    planner(source s, const options& o) : source_(std::move(s)), options_(o) {
        const std::size_t n = nodes().size();
        if (n > most_nodes) fail("number of nodes is ", n, ", expected at most ", most_nodes);
        source_.values.resize(n);
        values_.resize(n);
        uses_.resize(n);
        select_outputs();
        std::size_t given = 0;
        for (std::size_t id = 0; id < n; ++id)
            if (needed(id)) given += source_.values[id].size();
        weights_ =
            block(given + given / 2, given); // packed they take a little more; what is not used is never touched
        weights_.resize(0);
    }

    const std::vector<node>& nodes() const { return source_.graph.nodes; }
    const node& at(std::size_t id) const { return nodes()[id]; }
    const planned_value& value(std::size_t id) const { return values_[id]; }
    std::span<const float> constants(std::size_t id) const { return source_.values[id]; }
    bool needed(std::size_t id) const { return !uses_[id].empty(); }

    template <class... P> [[noreturn]] void fail(const P&... parts) const {
        const smldist::detail::message_part list[]{smldist::detail::message_part(parts)...};
        fail_parts(list, sizeof...(P));
    }
    /// Fails unless `ok`, naming the node.
    SMLDIST_NOINLINE void require(bool ok, std::size_t id, std::string_view what) const {
        if (!ok) fail("node ", id, " (", at(id).name, "): ", what);
    }

    // Attributes of ops. From a file a whole number may come as either kind of number.
    const graph::attribute_value* attribute(std::size_t id, std::string_view name) const {
        for (const auto& a : at(id).attributes)
            if (a.name == name) return &a.value;
        return nullptr;
    }
    SMLDIST_NOINLINE double number(std::size_t id, std::string_view name) const {
        const auto* const v = attribute(id, name);
        if (v && std::holds_alternative<double>(*v)) return std::get<double>(*v);
        if (v && std::holds_alternative<std::int64_t>(*v)) return static_cast<double>(std::get<std::int64_t>(*v));
        fail("node ", id, " (", at(id).name, "): attribute ", name, " is missing, expected a number");
    }
    SMLDIST_NOINLINE std::size_t size(std::size_t id, std::string_view name) const {
        const double v = number(id, name);
        require(v >= 0 && v <= double(largest_value) && v == std::floor(v), id, "an attribute is out of range");
        return static_cast<std::size_t>(v);
    }
    /// An axis of a value of a sample, or of a constant.
    SMLDIST_NOINLINE std::size_t axis(std::size_t id, std::size_t input) const {
        const double v = number(id, "axis");
        const double rank = double(at(input).shape.rank());
        require(v == std::floor(v) && v >= -rank && v < rank, id, "the axis does not exist");
        const auto a = static_cast<std::size_t>(v < 0 ? v + rank : v);
        if (value(input).constant) return a;
        require(a > 0, id, "it mixes the windows of a batch");
        return a - 1;
    }

    // Values.

    /// Input k of node `id`, planned before.
    SMLDIST_NOINLINE std::size_t input(std::size_t id, std::size_t k) const {
        require(k < at(id).inputs.size(), id, "an input is missing");
        const std::size_t from = at(id).inputs[k];
        require(from < id && value(from).known, id, "an input comes after it");
        return from;
    }
    /// Whether all inputs of an op are constants.
    SMLDIST_NOINLINE bool constant_inputs(std::size_t id) const {
        return std::all_of(at(id).inputs.begin(), at(id).inputs.end(),
                           [&](std::uint32_t in) { return in < id && values_[in].constant; });
    }
    /// The values of input k of an op to come, if they are a parameter, buffer or constant of n elements; else null.
    SMLDIST_NOINLINE const std::span<const float>* given(std::size_t id, std::size_t k, std::size_t n) const {
        const std::size_t in = k < at(id).inputs.size() ? at(id).inputs[k] : nodes().size();
        if (in >= nodes().size() || at(in).what == graph::kind::op || constants(in).size() != n) return nullptr;
        return &source_.values[in];
    }
    /// A new value of the arena with so many elements a sample.
    SMLDIST_NOINLINE operand fresh(std::size_t size) {
        sizes_.push_back({size, true});
        return {place::arena, sizes_.size() - 1, size};
    }
    /// Memory that a step needs while it runs, whatever the number of samples.
    SMLDIST_NOINLINE operand scratch(std::size_t size) {
        sizes_.push_back({size, false});
        return {place::arena, sizes_.size() - 1, 0};
    }
    /// Where step `id` may write a result of the size of value `x`: on x itself if nobody reads it later.
    SMLDIST_NOINLINE operand over(std::size_t id, std::size_t x) {
        const auto& v = values_[x];
        const bool last = v.at.where == place::arena && !v.constant && last_use(x) == id;
        return last ? v.at : fresh(v.extents.size());
    }
    /// Space for n floats in the weights.
    SMLDIST_NOINLINE operand weights(std::size_t n) {
        const std::size_t offset = (weights_.size() + 15) / 16 * 16;
        weights_.resize(offset + n);
        return {place::weights, offset, 0};
    }
    float* data(const operand& o) { return weights_.data() + o.offset; }
    SMLDIST_NOINLINE operand weights(std::span<const float> v) {
        if (v.empty()) return {};
        const operand o = weights(v.size());
        std::copy(v.begin(), v.end(), data(o));
        return o;
    }
    /// A buffer of n floats, until it is asked for again.
    float* buffer(std::size_t n) {
        if (folded_.size() < n) folded_.resize(n);
        return folded_.data();
    }
    /// The value of a node as an operand; an absent one (no elements) is none.
    SMLDIST_NOINLINE operand read(std::size_t id) {
        auto& v = values_[id];
        if (v.constant && !v.at) v.at = weights(constants(id));
        return v.at;
    }

    /// The one op that uses the value, if no output does; 0 for none (node 0 is never an op that uses something).
    SMLDIST_NOINLINE std::size_t sole_use(std::size_t id) const {
        return uses_[id].size() == 1 && uses_[id][0] < nodes().size() ? uses_[id][0] : 0;
    }

    /// The first op of that name that uses the value; 0 for none.
    std::size_t use_named(std::size_t id, std::string_view name) const {
        std::size_t first = 0;
        for (const std::size_t use : uses_[id])
            if (use < nodes().size() && at(use).name == name && (first == 0 || use < first)) first = use;
        return first;
    }

    // What nodes become.

    SMLDIST_NOINLINE void define_input(std::size_t id, const operand& at_input, const smldist::shape& extents) {
        values_[id] = {true, false, extents, at_input};
    }
    void define_constant(std::size_t id) {
        require(constants(id).size() == at(id).shape.size(), id, "it has no values");
        values_[id] = {true, true, at(id).shape, {}};
    }
    /// The result of the steps added for this node; `extents` is what the inputs give, the graph must agree.
    SMLDIST_NOINLINE void define(std::size_t id, bool constant, const smldist::shape& extents, const operand& y) {
        smldist::shape full;
        if (!constant) full.push_back(1);
        require(extents.rank() < smldist::shape::max_rank && extents.size() <= largest_value, id, "it is too large");
        for (const std::size_t e : extents) full.push_back(e);
        if (!(full == at(id).shape))
            fail("node ", id, " (", at(id).name, "): shape is ", at(id).shape.text(), ", expected ", full.text());
        if (constant) {
            evaluate(id, y, extents.size());
            values_[id] = {true, true, extents, {}};
        } else {
            values_[id] = {true, false, extents, y};
        }
    }
    /// The same for a gate that the op after it applies.
    void define(const deferred_gate& gate, const smldist::shape& extents) {
        define(gate.node, false, extents, gate.x);
        gates_.push_back(gate);
    }
    /// The gate that op `id` has to apply to its first input; null for none.
    const deferred_gate* gate_of(std::size_t id) const {
        for (const auto& gate : gates_)
            if (gate.node == at(id).inputs[0]) return &gate;
        return nullptr;
    }
    /// Begins the steps of a node.
    SMLDIST_NOINLINE void begin() {
        open_ = 0;
        kept_ = sizes_.size();
        kept_weights_ = weights_.size();
    }
    SMLDIST_NOINLINE void add(const any_step& s, std::string ops, std::uint64_t macs, std::size_t elements) {
        steps_.push_back(
            {s, std::move(ops), macs, (weights_.size() - kept_weights_) * sizeof(float), elements * sizeof(float)});
        ++open_;
    }

    program finish() {
        program::parts p;
        p.batch = options_.batch;
        p.length = options_.length;
        p.channels = options_.channels;
        for (const auto& [name, id] : outputs_) {
            const auto& v = values_[id];
            if (v.constant) fail("output ", name, " does not depend on the input");
            output o{name, {v.extents.begin(), v.extents.end()}, v.extents.size(), v.at};
            p.outputs.push_back(std::move(o));
        }
        p.slice = longest_slice;
        while (p.slice > slice_unit && place_values(p, p.slice).size * sizeof(float) > slice_bytes)
            p.slice -= slice_unit;
        p.slice = std::min(p.slice, p.batch);
        const layout where = place_values(p, p.slice);
        const auto settle = [&](operand& o) {
            if (o.where == place::arena) o.offset = where.offsets[o.offset];
        };
        for (auto& s : steps_) s.step.operands(settle);
        for (auto& o : p.outputs) settle(o.value);
        p.arena = where.size;
        p.weights = std::move(weights_);
        p.steps = std::move(steps_);
        return program(std::move(p));
    }

private:
    struct arena_value {
        std::size_t size;
        bool of_sample;
    };

    [[noreturn, gnu::cold]] SMLDIST_NOINLINE void fail_parts(const smldist::detail::message_part* first,
                                                             std::size_t n) const {
        if (source_.from_file) smldist::detail::raise_parts<data_error>("model file: graph", first, n);
        smldist::detail::raise_parts<usage_error>("deploy::compile", first, n);
    }
    void select_outputs() {
        const auto covers = [](const std::string& wanted, const std::string& name) {
            return wanted == "all" || wanted == name || wanted == std::string_view(name).substr(0, name.find('.'));
        };
        std::vector<bool> found(options_.outputs.size());
        for (const bool last : {false, true}) // the logits come last
            for (const auto& [name, id] : source_.graph.outputs) {
                if ((name == "logits") != last) continue;
                bool chosen = last && options_.outputs.empty();
                for (std::size_t i = 0; i < found.size(); ++i)
                    if (covers(options_.outputs[i], name)) chosen = found[i] = true;
                if (!chosen) continue;
                if (id >= nodes().size()) fail("output ", name, " is node ", id, " of ", nodes().size());
                outputs_.emplace_back(name, id);
                uses_[id].push_back(nodes().size());
            }
        for (std::size_t i = 0; i < found.size(); ++i)
            if (!found[i])
                raise<usage_error>("deploy::compile", "output is \"", options_.outputs[i],
                                   "\", which the network does not have");
        if (outputs_.empty()) fail("it has no logits, expected an output of that name");
        for (std::size_t id = nodes().size(); id-- > 0;) {
            if (!needed(id)) continue;
            for (const std::uint32_t in : at(id).inputs) {
                require(in < id, id, "an input comes after it");
                if (std::find(uses_[in].begin(), uses_[in].end(), id) == uses_[in].end()) uses_[in].push_back(id);
            }
        }
    }
    /// The last node that reads the value, seen through the ops that only rename it.
    std::size_t last_use(std::size_t id) const {
        std::size_t last = 0;
        for (std::size_t other = 0; other < nodes().size(); ++other)
            if (other == id || (values_[other].known && values_[other].at == values_[id].at))
                for (const std::size_t use : uses_[other]) last = std::max(last, use);
        return last;
    }
    /// Runs the steps of a constant node now, keeps what they give, and forgets them.
    void evaluate(std::size_t id, const operand& y, std::size_t n) {
        std::vector<lifetime> all;
        for (std::size_t v = kept_; v < sizes_.size(); ++v) all.push_back({sizes_[v].size, 0, 0});
        const layout where = arrange(all);
        block arena(where.size);
        const auto settle = [&](operand& o) {
            if (o.where == place::arena) o.offset = where.offsets[o.offset - kept_];
        };
        const serial_scope alone;
        for (std::size_t s = steps_.size() - open_; s < steps_.size(); ++s) {
            steps_[s].step.operands(settle);
            steps_[s].run({nullptr, weights_.data(), arena.data(), 1});
        }
        const float* const result = arena.data() + where.offsets[y.offset - kept_];
        float* const own = source_.allocate(n);
        std::copy_n(result, n, own);
        source_.values[id] = {own, n};
        steps_.erase(steps_.end() - static_cast<std::ptrdiff_t>(open_), steps_.end());
        sizes_.erase(sizes_.begin() + static_cast<std::ptrdiff_t>(kept_), sizes_.end());
        for (const std::uint32_t in : at(id).inputs)
            if (values_[in].at.offset >= kept_weights_) values_[in].at = {};
        weights_.resize(kept_weights_);
    }
    layout place_values(const program::parts& p, std::size_t slice) {
        std::vector<lifetime> all(sizes_.size());
        std::vector<bool> seen(sizes_.size());
        const auto touch = [&](const operand& o, std::size_t step) {
            if (o.where != place::arena) return;
            lifetime& l = all[o.offset];
            if (!seen[o.offset]) l = {sizes_[o.offset].size * (sizes_[o.offset].of_sample ? slice : 1), step, step};
            seen[o.offset] = true;
            l.last = step;
        };
        for (std::size_t s = 0; s < steps_.size(); ++s) steps_[s].step.operands([&](operand& o) { touch(o, s); });
        for (const auto& o : p.outputs) touch(o.value, steps_.size());
        return arrange(all);
    }

    source source_;
    options options_;
    std::vector<planned_value> values_;
    std::vector<std::vector<std::size_t>> uses_; ///< nodes that read a value, nodes().size() for an output
    std::vector<std::pair<std::string, std::size_t>> outputs_;
    std::vector<arena_value> sizes_;
    std::vector<deferred_gate> gates_;
    block weights_;
    std::vector<float> folded_; ///< a weight with a batch-norm folded in, on its way to the weights
    std::vector<planned_step> steps_;
    std::size_t open_ = 0;                    ///< steps of the node being planned
    std::size_t kept_ = 0, kept_weights_ = 0; ///< values of the arena and weights before it
};

} // namespace detail

} // namespace smldist::inline SMLDIST_ABI::deploy

#endif

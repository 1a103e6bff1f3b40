// SPDX-License-Identifier: BSD-3-Clause
/// The state of a compilation: which value is known, where it lies, and the steps so far. deploy/plan.hpp drives it.
#ifndef SMLDIST_DEPLOY_PLANNER_HPP
#define SMLDIST_DEPLOY_PLANNER_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/budget.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/normaliser.hpp"
#include "smldist/core/shape.hpp"
#include "smldist/deploy/layout.hpp"
#include "smldist/runtime/program.hpp"
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

/// A graph traced for one window, with the values of its parameters, buffers and constants. They lie in `own`, in the model
/// or in the bytes of its file, which must live until the plan is made.
struct source {
    smldist::graph graph;
    std::vector<std::span<const float>> values; ///< one a node, empty for inputs and ops; labels as whole numbers
    std::vector<block> own;                     ///< those of the values that lie nowhere else as floats
    bool from_file = false;                     ///< what is wrong with it is a data_error, else a usage_error
    budget* room = nullptr;                     ///< what planning may take; null: what it needs

    /// Room for n values of its own.
    [[gnu::cold]] float* allocate(std::size_t n) {
        if (room) room->take(n * sizeof(float) + 4 * memory::alignment, "its constants");
        return own.emplace_back(n).data();
    }
};

namespace detail {

/// Elements of a value of one sample; beyond it a graph is refused.
inline constexpr std::size_t largest_value = std::size_t(1) << 24;
inline constexpr std::size_t most_nodes = 16384;
/// Work of an element that a step writes, or reads, in multiply-accumulates: the functions that need exp take longest. And
/// of a row, a call of a kernel or a few divisions, which shows where rows are short.
inline constexpr std::uint64_t write_work = 8, read_work = 2, row_work = 32;
/// Bytes of activations that a slice may take. Rows fill the tiles of products and the weights are read once a slice, so
/// more windows are better until activations and weights no longer share L2 (Zen 4, 1 MiB, batch 256: har_student gains
/// nothing beyond 16 windows, har_teacher is best at 8, mobilenet_v3_small at 16; twice as many cost 1 to 4 %).
inline constexpr std::size_t slice_bytes = std::size_t(3) << 17;
inline constexpr std::size_t slice_unit = 8, longest_slice = 32;

/// What a node gave, constant or one value a sample, and who reads it.
struct planned_value {
    bool known = false, constant = false;
    bool absorbed = false; ///< the step of a node before it computes it
    bool gated = false;    ///< it is not computed: the product that alone reads it gates its own input, `at`
    activation gate_end = activation::none;
    smldist::shape extents;             ///< of one sample, or of the constant
    operand at;                         ///< of a constant only once it is needed as it is
    operand gate;                       ///< by what it is gated
    std::size_t uses = 0, last_use = 0; ///< nodes that read it, and the last of them; nodes().size() for an output
};

class planner {
public:
    using node = graph::node;

    [[gnu::cold]] planner(source s, const options& o)
        : source_(std::move(s)), batch_(o.batch), length_(o.length), channels_(o.channels) {
        const std::size_t n = nodes().size();
        if (n > most_nodes) fail("number of nodes is ", n, ", expected at most ", most_nodes);
        const auto is_op = [](const node& at) { return at.what == graph::kind::op; };
        const auto ops = static_cast<std::size_t>(std::count_if(nodes().begin(), nodes().end(), is_op));
        room().take(n * sizeof(planned_value) + ops * bytes_per_op, "its graph");
        source_.values.resize(n);
        values_ = std::vector<planned_value>(n);
        select_outputs(o.outputs);
        count_uses();
        std::size_t given = 0;
        for (std::size_t id = 0; id < n; ++id)
            if (needed(id)) given += source_.values[id].size();
        weights_ =
            block(given + given / 2, given); // packed they take a little more; what is not used is never touched
        weights_.resize(0);
    }

    const std::vector<node>& nodes() const { return source_.graph.nodes; }
    const node& at(std::size_t id) const { return nodes()[id]; }
    /// What planning may take: asked before memory is allocated or work done that the graph decides.
    budget& room() { return source_.room ? *source_.room : unlimited_; }
    const planned_value& value(std::size_t id) const { return values_[id]; }
    /// Asks for so many short loops of a step.
    [[gnu::cold]] void spend_rows(std::uint64_t rows) { room().spend(row_work * rows, "its steps"); }
    std::span<const float> constants(std::size_t id) const { return source_.values[id]; }
    bool needed(std::size_t id) const { return values_[id].uses > 0; }

    template <class... P> [[noreturn]] void fail(const P&... parts) const {
        const smldist::detail::message_part list[]{smldist::detail::message_part(parts)...};
        fail_parts(list, sizeof...(P));
    }
    /// Fails unless `ok`, naming the node.
    [[gnu::cold]] void require(bool ok, std::size_t id, std::string_view what) const {
        if (!ok) fail("node ", id, " (", at(id).name, "): ", what);
    }

    // Attributes of ops. From a file a whole number may come as either kind of number.
    [[gnu::cold]] const graph::attribute_value* attribute(std::size_t id, std::string_view name) const {
        for (const auto& a : at(id).attributes)
            if (a.name == name) return &a.value;
        return nullptr;
    }
    [[gnu::cold]] double number(std::size_t id, std::string_view name) const {
        const auto* const v = attribute(id, name);
        if (v && !v->is_text) return v->number;
        fail("node ", id, " (", at(id).name, "): attribute ", name, " is missing, expected a number");
    }
    [[gnu::cold]] std::size_t size(std::size_t id, std::string_view name) const {
        const double v = number(id, name);
        require(v >= 0 && v <= double(largest_value) && v == std::floor(v), id, "an attribute is out of range");
        return static_cast<std::size_t>(v);
    }
    /// An axis of a value of a sample, or of a constant.
    [[gnu::cold]] std::size_t axis(std::size_t id, std::size_t input) const {
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
    [[gnu::cold]] std::size_t input(std::size_t id, std::size_t k) const {
        require(k < at(id).inputs.size(), id, "an input is missing");
        const std::size_t from = at(id).inputs[k];
        require(from < id && value(from).known, id, "an input comes after it");
        return from;
    }
    /// Whether all inputs of an op are constants.
    [[gnu::cold]] bool constant_inputs(std::size_t id) const {
        return std::all_of(at(id).inputs.begin(), at(id).inputs.end(),
                           [&](std::uint32_t in) { return in < id && values_[in].constant; });
    }
    /// The values of input k of an op to come, if they are a parameter, buffer or constant of n elements; else null.
    [[gnu::cold]] const std::span<const float>* given(std::size_t id, std::size_t k, std::size_t n) const {
        const std::size_t in = k < at(id).inputs.size() ? at(id).inputs[k] : nodes().size();
        if (in >= nodes().size() || at(in).what == graph::kind::op || constants(in).size() != n) return nullptr;
        return &source_.values[in];
    }
    /// A new value of the arena with so many elements a sample.
    [[gnu::cold]] operand fresh(std::size_t size) {
        sizes_.push_back(size);
        return {place::arena, sizes_.size() - 1, size};
    }
    /// Memory that a step needs while it runs, whatever the number of samples.
    [[gnu::cold]] operand scratch(std::size_t size) {
        sizes_.push_back(size);
        return {place::arena, sizes_.size() - 1, 0};
    }
    /// Where step `id` may write a result of the size of value `x`: on x itself if nobody reads it later.
    [[gnu::cold]] operand over(std::size_t id, std::size_t x) {
        const auto& v = values_[x];
        const bool last = v.at.where == place::arena && !v.constant && last_use(x) == id;
        return last ? v.at : fresh(v.extents.size());
    }
    /// Space for n floats in the weights.
    [[gnu::cold]] operand weights(std::size_t n) {
        const std::size_t offset = (weights_.size() + 15) / 16 * 16, all = offset + n;
        room().take((all - weights_.size()) * sizeof(float), "its packed weights");
        const budget::lease moved(room(), all > weights_.capacity() ? weights_.bytes() : 0, "its packed weights");
        weights_.resize(all);
        return {place::weights, offset, 0};
    }
    float* data(const operand& o) { return weights_.data() + o.offset; }
    [[gnu::cold]] operand weights(std::span<const float> v) {
        if (v.empty()) return {};
        const operand o = weights(v.size());
        std::copy(v.begin(), v.end(), data(o));
        return o;
    }
    /// The value of a node as an operand; an absent one (no elements) is none.
    [[gnu::cold]] operand read(std::size_t id) {
        auto& v = values_[id];
        room().spend(read_work * v.extents.size(), "its steps");
        if (v.constant && !v.at) v.at = weights(constants(id));
        return v.at;
    }

    /// The one op that uses the value, if no output does; 0 for none (node 0 is never an op that uses something).
    [[gnu::cold]] std::size_t sole_use(std::size_t id) const {
        const auto& v = values_[id];
        return v.uses == 1 && v.last_use < nodes().size() ? v.last_use : 0;
    }

    /// The first op of that name that uses the value and is not yet computed by another; 0 for none.
    [[gnu::cold]] std::size_t use_named(std::size_t id, std::string_view name) const {
        for (std::size_t use = id + 1; use < nodes().size() && use <= values_[id].last_use; ++use)
            if (at(use).name == name && needed(use) && reads(use, id)) return values_[use].absorbed ? 0 : use;
        return 0;
    }
    void absorb(std::size_t id) { values_[id].absorbed = true; }

    // What nodes become.

    [[gnu::cold]] void define_input(std::size_t id, const operand& at_input, const smldist::shape& extents) {
        set(id, false, extents, at_input);
    }
    [[gnu::cold]] void define_constant(std::size_t id) {
        require(constants(id).size() == at(id).shape.size(), id, "it has no values");
        set(id, true, at(id).shape, {});
    }
    /// The result of the steps added for this node; `extents` is what the inputs give, the graph must agree.
    [[gnu::cold]] void define(std::size_t id, bool constant, const smldist::shape& extents, const operand& y) {
        smldist::shape full;
        if (!constant) full.push_back(1);
        require(extents.rank() < smldist::shape::max_rank && extents.size() <= largest_value, id, "it is too large");
        for (const std::size_t e : extents) full.push_back(e);
        if (!(full == at(id).shape))
            fail("node ", id, " (", at(id).name, "): shape is ", at(id).shape.text(), ", expected ", full.text());
        if (constant) {
            evaluate(id, y, extents.size());
            set(id, true, extents, {});
        } else {
            set(id, false, extents, y);
        }
    }
    /// The same for a value x gated by g, f behind the gate, that the op after it computes.
    [[gnu::cold]] void define_gated(std::size_t id, const smldist::shape& extents, const operand& x, const operand& g,
                                    activation f) {
        define(id, false, extents, x);
        values_[id].gated = true;
        values_[id].gate = g;
        values_[id].gate_end = f;
    }
    /// Begins the steps of a node.
    [[gnu::cold]] void begin() {
        open_ = 0;
        kept_ = sizes_.size();
        kept_weights_ = weights_.size();
    }
    /// A step with its multiply-accumulates and the elements of its result.
    [[gnu::cold]] void add(const any_step& s, std::string_view ops, std::uint64_t macs, std::size_t elements) {
        make_room(steps_, room(), "its steps");
        room().take(ops.size(), "its steps");
        room().spend(macs + write_work * elements, "its steps");
        steps_.push_back(
            {s, std::string(ops), macs, (weights_.size() - kept_weights_) * sizeof(float), elements * sizeof(float)});
        ++open_;
    }

    [[gnu::cold]] program finish() {
        program::parts p;
        p.batch = batch_;
        p.length = length_;
        p.channels = channels_;
        p.outputs = std::vector<output>(outputs_.size());
        for (std::size_t i = 0; i < outputs_.size(); ++i) {
            const auto& [name, id] = source_.graph.outputs[outputs_[i]];
            const auto& v = values_[id];
            if (v.constant) fail("output ", name, " does not depend on the input");
            p.outputs[i] = {name, std::vector<std::size_t>(v.extents.begin(), v.extents.end()), v.extents.size(),
                            v.at};
        }
        std::uint64_t all = 0; // values of a sample; no sum of places below overflows
        for (const std::size_t n : sizes_) all += n;
        if (all > std::numeric_limits<std::size_t>::max() / 16 / longest_slice) fail("its values are too many");
        p.slice = longest_slice;
        while (p.slice > slice_unit && place_values(p, p.slice).size * sizeof(float) > slice_bytes)
            p.slice -= slice_unit;
        p.slice = std::min(p.slice, p.batch);
        const layout where = place_values(p, p.slice);
        for (auto& s : steps_) settle(s.step, where, 0);
        for (auto& o : p.outputs) settle(o.value, where, 0);
        p.arena = where.size;
        p.weights = std::move(weights_);
        p.steps = std::move(steps_);
        return program(std::move(p));
    }

private:
    /// Of the sizes, lifetimes and places of the values of an op in the arena, at most four.
    static constexpr std::size_t bytes_per_op = 4 * (sizeof(lifetime) + 7 * sizeof(std::size_t));

    [[noreturn, gnu::cold]] SMLDIST_NOINLINE void fail_parts(const smldist::detail::message_part* first,
                                                             std::size_t n) const {
        if (source_.from_file) smldist::detail::raise_parts<data_error>("model file: graph", first, n);
        smldist::detail::raise_parts<usage_error>("deploy::compile", first, n);
    }
    [[gnu::cold]] void set(std::size_t id, bool constant, const smldist::shape& extents, const operand& y) {
        auto& v = values_[id];
        v.known = true;
        v.constant = constant;
        v.extents = extents;
        v.at = y;
    }
    /// Whether a name in options::outputs means that output.
    [[gnu::cold]] static bool covers(std::string_view wanted, std::string_view name) {
        return wanted == "all" || wanted == name || wanted == name.substr(0, name.find('.'));
    }
    /// The outputs that are wanted, the logits last; those of a file always, for its self-test compares them.
    [[gnu::cold]] void select_outputs(const std::vector<std::string>& wanted) {
        const auto& outputs = source_.graph.outputs;
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
                bool chosen = logits && (wanted.empty() || source_.from_file);
                for (const auto& want : wanted) chosen = chosen || covers(want, name);
                if (!chosen) continue;
                if (id >= nodes().size()) fail("output ", name, " is node ", id, " of ", nodes().size());
                outputs_.push_back(i);
                ++values_[id].uses;
                values_[id].last_use = nodes().size();
            }
        if (outputs_.empty() || (source_.from_file && outputs[outputs_.back()].first != "logits"))
            fail("it has no logits, expected an output of that name");
    }
    /// What no output needs is not used.
    [[gnu::cold]] void count_uses() {
        for (std::size_t id = nodes().size(); id-- > 0;) {
            if (!needed(id)) continue;
            const auto& inputs = at(id).inputs;
            for (std::size_t k = 0; k < inputs.size(); ++k) {
                require(inputs[k] < id, id, "an input comes after it");
                bool first = true;
                for (std::size_t j = 0; j < k; ++j) first = first && inputs[j] != inputs[k];
                auto& v = values_[inputs[k]];
                v.uses += first;
                v.last_use = std::max(v.last_use, id);
            }
        }
    }
    [[gnu::cold]] bool reads(std::size_t id, std::size_t value) const {
        for (const std::size_t in : at(id).inputs)
            if (in == value) return true;
        return false;
    }
    /// The last node that reads the value, seen through the ops that only rename it.
    [[gnu::cold]] std::size_t last_use(std::size_t id) const {
        std::size_t last = 0;
        for (const auto& other : values_)
            if (&other == &values_[id] || (other.known && other.at == values_[id].at))
                last = std::max(last, other.last_use);
        return last;
    }
    /// From the number of a value of the arena, less `first`, to its place.
    [[gnu::cold]] static void settle(operand& o, const layout& where, std::size_t first) {
        if (o.where == place::arena) o.offset = where.offsets[o.offset - first];
    }
    [[gnu::cold]] static void settle(any_step& s, const layout& where, std::size_t first) {
        for (std::size_t i = 0; i < s.operands(); ++i) settle(s.operand_at(i), where, first);
    }
    /// Runs the steps of a constant node now, keeps what they give, and forgets them.
    [[gnu::cold]] void evaluate(std::size_t id, const operand& y, std::size_t n) {
        std::vector<lifetime> all(sizes_.size() - kept_); // together: all are alive at once
        for (std::size_t v = 0; v < all.size(); ++v) all[v].size = sizes_[kept_ + v];
        const layout where = arrange(all);
        const budget::lease used(room(), where.size * sizeof(float), "its constants");
        block arena(where.size);
        const serial_scope alone;
        for (std::size_t s = steps_.size() - open_; s < steps_.size(); ++s) {
            settle(steps_[s].step, where, kept_);
            steps_[s].run({nullptr, weights_.data(), arena.data(), 1});
        }
        float* const own = source_.allocate(n);
        std::copy_n(arena.data() + where.offsets[y.offset - kept_], n, own);
        source_.values[id] = {own, n};
        for (; open_ > 0; --open_) steps_.pop_back();
        sizes_.resize(kept_);
        for (const std::uint32_t in : at(id).inputs)
            if (values_[in].at.offset >= kept_weights_) values_[in].at = {};
        room().give_back((weights_.size() - kept_weights_) * sizeof(float));
        weights_.resize(kept_weights_);
    }
    [[gnu::cold]] layout place_values(const program::parts& p, std::size_t slice) {
        std::vector<lifetime> all(sizes_.size());
        const auto touch = [&](const operand& o, std::size_t step) {
            if (o.where != place::arena) return;
            lifetime& l = all[o.offset];
            if (l.size == 0) l = {sizes_[o.offset] * (o.step > 0 ? slice : 1), step, step};
            l.last = step;
        };
        for (std::size_t s = 0; s < steps_.size(); ++s)
            for (std::size_t i = 0; i < steps_[s].step.operands(); ++i) touch(steps_[s].step.operand_at(i), s);
        for (const auto& o : p.outputs) touch(o.value, steps_.size());
        return arrange(all);
    }

    source source_;
    std::size_t batch_, length_, channels_;
    std::vector<planned_value> values_;
    std::vector<std::size_t> outputs_; ///< which of the graph's
    std::vector<std::size_t> sizes_;   ///< of the values of the arena: of one sample, or of scratch
    block weights_;
    budget unlimited_;
    std::vector<planned_step> steps_;
    std::size_t open_ = 0;                    ///< steps of the node being planned
    std::size_t kept_ = 0, kept_weights_ = 0; ///< values of the arena and weights before it
};

} // namespace detail

} // namespace smldist::inline SMLDIST_ABI::deploy

#endif

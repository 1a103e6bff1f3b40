// SPDX-License-Identifier: BSD-3-Clause
/// The target of emit: steps, packed weights, and values whose places in the arena are not decided yet.
#ifndef SMLDIST_DEPLOY_BUILDER_HPP
#define SMLDIST_DEPLOY_BUILDER_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/budget.hpp"
#include "smldist/deploy/annotate.hpp"
#include "smldist/deploy/fuse.hpp"
#include "smldist/runtime/product.hpp"
#include "smldist/runtime/program.hpp"

namespace smldist::deploy {
SMLDIST_NAMESPACE_BEGIN

/// Work in multiply-accumulates per element that a step writes (the slowest functions need exp), per element that it
/// reads, and per row (a kernel call or a few divisions, which matters for short rows).
inline constexpr std::uint64_t write_work = 8, read_work = 2, row_work = 32;

/// The steps of a program under construction. The offset of an operand in the arena is the number of its value.
class builder {
public:
    using operand = runtime::operand;

    /// For steps of fused ops; without fusions each op is a separate step.
    SMLDIST_COLD builder(annotated_graph& g, std::vector<fusion> fusions)
        : g_(g), fusions_(std::move(fusions)), values_(g.size()) {}

    // The graph.

    const graph::node& at(std::size_t id) const { return g_.at(id); }
    std::size_t input(std::size_t id, std::size_t k) const { return g_.input(id, k); }
    bool constant(std::size_t id) const { return g_.of(id).constant; }
    smldist::shape extents(std::size_t id) const { return g_.extents(id); }
    std::span<const float> constants(std::size_t id) const { return g_.values(id); }
    const annotated_graph& annotated() const { return g_; }
    const graph& traced() const { return g_.source.graph; }
    budget& room() { return g_.room(); }
    /// Takes the work of `rows` short loops of a step from the budget.
    SMLDIST_COLD void spend_rows(std::uint64_t rows) { room().spend(row_work * rows, "its steps"); }
    template <class... P> [[noreturn]] void fail(const P&... parts) const { g_.source.fail(parts...); }
    void require(bool ok, std::size_t id, std::string_view what) const { g_.source.require(ok, id, what); }
    /// Fails unless `axis` of input k (negative: from the back) is an axis of a sample. Returns its index there.
    SMLDIST_COLD std::size_t sample_axis(std::size_t id, std::size_t k, std::ptrdiff_t axis) const {
        const std::size_t x = input(id, k), a = spec::resolve_axis("deploy::compile", at(x).shape, axis);
        if (constant(x)) return a;
        require(a > 0, id, "it mixes the windows of a batch");
        return a - 1;
    }

    // Fusions.

    const fusion& fused(std::size_t id) const { return fusions_.empty() ? none_ : fusions_[id]; }
    bool absorbed(std::size_t id) const { return fused(id).absorbed; }
    /// The node whose value the step of an op computes.
    std::size_t last(std::size_t id) const { return fused(id).taken.empty() ? id : fused(id).taken.back(); }
    /// "conv1d + batch_norm": the ops of its step.
    SMLDIST_COLD std::string ops(std::size_t id) const {
        std::string text(at(id).name);
        for (const auto next : fused(id).taken) text.append(" + ").append(at(next).name);
        return text;
    }

    // The normaliser of the input: part of the convolution that copies its input, or a separate step.

    SMLDIST_COLD void set_normaliser(const smldist::normaliser& n, std::size_t convolution) {
        normaliser_ = {weights(n.offset), weights(n.scale), weights(n.low), weights(n.high)};
        normalised_ = convolution;
    }
    const runtime::normalising& normaliser() const { return normaliser_; }
    bool normalises(std::size_t id) const { return normalised_ != 0 && normalised_ == id; }

    // Values.

    /// A new value in the arena with `size` elements per sample.
    SMLDIST_COLD operand fresh(std::size_t size) {
        sizes_.push_back(size);
        return {runtime::place::arena, sizes_.size() - 1, size};
    }
    /// Memory that a step needs while it runs, whatever the number of samples.
    SMLDIST_COLD operand scratch(std::size_t size) {
        sizes_.push_back(size);
        return {runtime::place::arena, sizes_.size() - 1, 0};
    }
    /// Where step `id` may write a result of the size of value `x`: over x if x is not read later.
    SMLDIST_COLD operand over(std::size_t id, std::size_t x) {
        const operand& v = values_[x];
        const bool last = v.where == runtime::place::arena && !constant(x) && last_use(x) == id;
        return last ? v : fresh(extents(x).size());
    }
    /// Space for n floats in the weights.
    SMLDIST_COLD operand weights(std::size_t n) {
        const std::size_t offset = (weights_.size() + 15) / 16 * 16, all = offset + n;
        room().take((all - weights_.size()) * sizeof(float), "its packed weights");
        const budget::lease moved(room(), all > weights_.capacity() ? weights_.bytes() : 0, "its packed weights");
        weights_.resize(all);
        return {runtime::place::weights, offset, 0};
    }
    float* data(const operand& o) { return weights_.data() + o.offset; }
    SMLDIST_COLD operand weights(std::span<const float> v) {
        if (v.empty()) return {};
        const operand o = weights(v.size());
        std::copy(v.begin(), v.end(), data(o));
        return o;
    }
    /// The value of a node as an operand; an absent one (no elements) is none.
    SMLDIST_COLD operand read(std::size_t id) {
        operand& v = values_[id];
        room().spend(read_work * extents(id).size(), "its steps");
        if (constant(id) && !v) v = weights(constants(id));
        return v;
    }
    /// Declares y the result of a node.
    void define(std::size_t id, const operand& y) { values_[id] = y; }
    const operand& value(std::size_t id) const { return values_[id]; }

    // Steps.

    /// Starts the steps of a node.
    void begin() { kept_weights_ = weights_.size(); }
    /// Adds a step with its multiply-accumulates and the elements of its result.
    SMLDIST_COLD void add(const runtime::any_step& s, std::string_view ops, std::uint64_t macs,
                          std::size_t elements) {
        make_room(steps_, room(), "its steps");
        room().take(ops.size(), "its steps");
        room().spend(macs + write_work * elements, "its steps");
        steps_.push_back(
            {s, std::string(ops), macs, (weights_.size() - kept_weights_) * sizeof(float), elements * sizeof(float)});
    }
    /// Adds the step of op `id`, which writes its value to y.
    SMLDIST_COLD void give(std::size_t id, const runtime::any_step& step, const operand& y, std::uint64_t macs = 0) {
        add(step, ops(id), macs, extents(last(id)).size());
        define(last(id), y);
    }
    /// Reserves room for weights that are packed from n floats, and a little more; unused memory is never touched.
    void reserve_weights(std::size_t n) {
        weights_ = runtime::block(n + n / 2, n);
        weights_.resize(0);
    }
    /// Removes all steps and values of the arena, and the places of node `id` and its inputs.
    SMLDIST_COLD void clear(std::size_t id) {
        steps_.clear();
        sizes_.clear();
        values_[id] = {};
        for (const auto in : at(id).inputs) values_[in] = {};
        room().give_back(weights_.bytes());
        weights_.resize(0);
    }

    std::vector<runtime::planned_step>& steps() { return steps_; }
    const std::vector<std::size_t>& sizes() const { return sizes_; }
    runtime::block& weight_block() { return weights_; }

private:
    /// The last node that reads the value, directly or through ops that only rename it.
    SMLDIST_COLD std::size_t last_use(std::size_t id) const {
        std::size_t last = 0;
        for (std::size_t other = 0; other < values_.size(); ++other)
            if (other == id || values_[other] == values_[id]) last = std::max(last, g_.of(other).last_use);
        return last;
    }

    annotated_graph& g_;
    std::vector<fusion> fusions_;
    fusion none_;
    std::vector<operand> values_;    ///< per node; for a constant set when it is first read
    std::vector<std::size_t> sizes_; ///< of the values in the arena: elements of one sample, or of scratch
    runtime::block weights_;
    std::vector<runtime::planned_step> steps_;
    runtime::normalising normaliser_ = {};
    std::size_t normalised_ = 0;   ///< the convolution that applies the normaliser; 0: none
    std::size_t kept_weights_ = 0; ///< size of the weights before the current node
};

SMLDIST_NAMESPACE_END
} // namespace smldist::deploy

#endif

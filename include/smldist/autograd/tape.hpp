// SPDX-License-Identifier: BSD-3-Clause
/// Reverse-mode differentiation on a tape.
///
/// A tape records ops in the order in which they run, so creation order is a topological order and `backward` is one
/// flat loop from the loss to the first node. Gradients belong to the tape, not to the parameters: there is no
/// zero_grad, and two tapes may run over one const model in two threads.
#ifndef SMLDIST_AUTOGRAD_TAPE_HPP
#define SMLDIST_AUTOGRAD_TAPE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "smldist/core/activation.hpp"
#include "smldist/core/parameter.hpp"
#include "smldist/core/random.hpp"
#include "smldist/core/tensor.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

template <class T> class tape;

/// A value on a tape: a cheap handle, valid until the tape's next reset().
template <class T> struct var {
    tape<T>* owner = nullptr;
    std::uint32_t id = 0;

    bool empty() const { return owner == nullptr; }
    const tensor<T>& value() const { return owner->value(*this); }
    const smldist::shape& shape() const { return owner->shape_of(*this); }
};

/// A normalised value that is not stored, y = f((x - mean) scale + beta) · gate. An op with a fused form computes it
/// from x while it reads it; for other ops and for the caller the tape computes and stores it on demand.
template <class T> struct normed_value {
    var<T> x;                                  ///< (…, C)
    var<T> map;                                ///< (3, C): mean, scale, beta
    activation f{};                            ///< none when it is made
    var<T> gate;                               ///< (B, C); empty: 1
    var<T> (*compute)(normed_value) = nullptr; ///< records the ops that make y
};

/// Records a computation and differentiates it.
///
///     tape<float> t;                                  // once
///     for (…) {
///         t.reset();                                  // each step; keeps all memory
///         auto loss = loss::cross_entropy(model(t.input(x), mode::train).logits, labels);
///         t.backward(loss);
///         optimiser.step(model, t);
///     }
///
/// Not to be shared between threads. Refers to the parameters and buffers that take part: a model must neither be
/// destroyed nor moved before the step, or before reset() if there is no step.
template <class T> class tape {
public:
    /// `seed` starts the random stream for dropout and other ops that draw.
    explicit tape(std::uint64_t seed = 0) : random_(seed) {}
    tape(const tape&) = delete;
    tape& operator=(const tape&) = delete;
    ~tape() { reset(); }

    /// Forgets everything recorded; keeps the blocks of memory and the state of the random stream.
    void reset() {
        while (!records_.empty()) {
            if (const auto destroy = records_.back()->destroy) destroy(*records_.back());
            records_.pop_back();
        }
        for (std::size_t i = 0; i < size_; ++i) at(i) = node{};
        size_ = 0;
        normed_.clear();
        arena_.reset();
        notes_.clear();
        leaves_.clear();
    }

    /// A constant: no gradient flows into it. Pass an rvalue to avoid a copy.
    var<T> input(tensor<T> x) & { return push(std::move(x), false); }
    /// A value with a gradient.
    var<T> variable(tensor<T> x) & {
        auto v = push(std::move(x), true);
        at(v.id).retain = true;
        return v;
    }
    /// The leaf of a parameter, made at its first use; the value is referenced, not copied.
    var<T> leaf(const parameter<T>& p) & {
        if (const auto* found = leaves_.find(&p)) return {this, *found};
        const auto v = push(tensor<T>(), p.trainable && !p.empty());
        at(v.id).external = &p.value;
        at(v.id).retain = true;
        leaves_.insert(&p, v.id);
        return v;
    }
    var<T> leaf(const parameter<T>&&) & = delete; // it must live until reset()

    /// The recorded value; the reference is valid until reset(). A normalised value that is not stored is computed
    /// once.
    const tensor<T>& value(var<T> v) const { return value(v.owner->node_of(v)); }
    /// The shape of a value; does not compute the value.
    const smldist::shape& shape_of(var<T> v) const {
        const normed_value<T>* const n = normed(v);
        return value(n ? n->x.id : v.owner->node_of(v)).shape();
    }
    bool needs_gradient(var<T> v) const {
        const normed_value<T>* const n = normed(v);
        if (!n) return at(v.owner->node_of(v)).needs;
        return at(n->x.id).needs || at(n->map.id).needs || (!n->gate.empty() && needs_gradient(n->gate));
    }
    /// Keeps the gradient of an intermediate value through backward().
    /// Throws     usage_error for a normalised value that is not stored and that an op has already read: that op passes
    ///            the gradient directly to the inputs of the value. Call this before the value is used.
    void retain_gradient(var<T> v) {
        if (normed(v) && normed_[index(v)].read)
            raise<usage_error>("tape.retain_gradient",
                               "an op has read the normalised value, expected the call before the first use");
        at(node_of(v)).retain = true;
    }

    /// d loss / d v of the backward passes since reset(); null when no gradient reached v.
    const tensor<T>* gradient(var<T> v) const {
        if (normed(v)) return nullptr;
        const node& n = at(v.owner->node_of(v));
        const tensor<T>& g = n.op ? n.retained : n.gradient;
        return g.empty() ? nullptr : &g;
    }
    const tensor<T>* gradient(const parameter<T>& p) const {
        const auto* found = leaves_.find(&p);
        return found ? gradient(var<T>{const_cast<tape*>(this), *found}) : nullptr;
    }
    /// Gradient of a parameter for the optimiser to clip in place.
    tensor<T>* gradient(const parameter<T>& p) { return const_cast<tensor<T>*>(std::as_const(*this).gradient(p)); }
    /// Number of trainable parameters that took part since reset().
    std::size_t trainable_leaves() const {
        std::size_t n = 0;
        leaves_.each([&](std::uint32_t id) { n += at(id).needs; });
        return n;
    }
    bool has_leaf(const parameter<T>& p) const { return leaves_.find(&p) != nullptr; }
    /// Calls f(value, gradient) for every parameter that a gradient has reached, in the order of their first use. f may
    /// change the gradient.
    template <class F> void for_each_gradient(F f) {
        for (std::size_t i = 0; i < size_; ++i)
            if (node& n = at(i); n.external && !n.gradient.empty()) f(*n.external, n.gradient);
    }

    /// Adds scale · d loss / d leaf to the gradient of every leaf.
    /// Throws     shape_error when the loss is not a scalar, usage_error when it is of another tape.
    void backward(var<T> loss, T scale = T(1)) {
        check_own(loss);
        if (value(loss).size() != 1)
            raise<shape_error>("tape.backward", "shape of the loss is ", loss.shape().text(),
                               ", expected one element");
        backward(loss, tensor<T>(loss.shape(), scale));
    }
    /// The same from an output y of any shape, given d loss / d y.
    void backward(var<T> y, const tensor<T>& dy) {
        check_own(y);
        if (!(dy.shape() == y.shape()))
            raise<shape_error>("tape.backward", "shape of dy is ", dy.shape().text(), ", expected ",
                               y.shape().text());
        const std::size_t last = node_of(y);
        if (!at(last).needs) return;
        add(at(last).gradient, dy);
        for (std::size_t i = last + 1; i-- > 0;) {
            node& n = at(i);
            if (!n.op || n.gradient.empty()) continue;
            n.op->backward(*n.op, *this, n.own, n.gradient);
            if (n.retain) add(n.retained, n.gradient);
            n.gradient = tensor<T>(); // consumed: a second pass must not propagate it again
        }
    }

    /// The stream that ops draw from (dropout); position and seed can be saved and set.
    generator& random() { return random_; }

    /// What a noted value is. A `variance` is about the value noted just before it, its mean.
    enum class noted : std::uint8_t { value, variance };

    /// Notes the update target ← (1-momentum)·target + momentum·value for the optimiser's step.
    void note(const buffer<T>& target, tensor<T> value, T momentum) {
        note(target.value, std::move(value), momentum);
    }
    void note(const buffer<T>&&, tensor<T>, T) = delete; // it must live until reset()
    /// The same for the value of a buffer, as an op receives it.
    void note(const tensor<T>& target, tensor<T> value, T momentum, noted kind = noted::value) {
        notes_.push_back({&target, std::move(value), momentum, kind});
    }
    void note(const tensor<T>&&, tensor<T>, T, noted = noted::value) = delete;
    /// Calls f(value, kind) for every noted value, in the order of the notes. f may change the value.
    template <class F> void for_each_note(F f) {
        for (auto& n : notes_) f(n.value, n.kind);
    }
    /// Applies the notes for `target`; the optimiser's step calls it for every buffer of the model.
    void write_notes(buffer<T>& target) const {
        for (const auto& n : notes_)
            if (n.target == &target.value)
                for (std::size_t i = 0; i < n.value.size(); ++i)
                    target.value[i] += n.momentum * (n.value[i] - target.value[i]);
    }

    /// Updates `target` to the mean of the values noted for it in `batch` forward passes; this tape holds the last.
    void average_notes(buffer<T>& target, std::size_t batch) const {
        const auto mine = [&](const note_entry& n) { return n.target == &target.value; };
        auto count = (batch - 1) * std::size_t(std::count_if(notes_.begin(), notes_.end(), mine));
        for (const auto& n : notes_) {
            if (!mine(n)) continue;
            ++count;
            for (std::size_t i = 0; i < n.value.size(); ++i)
                target.value[i] = count == 1
                                      ? n.value[i]
                                      : target.value[i] + (n.value[i] - target.value[i]) / static_cast<T>(count);
        }
    }

    std::size_t size() const { return size_; }

    /// One recorded op: its options, what it kept, and where its inputs are. Function pointers instead of virtual
    /// functions: a table, a name and two destructors for each of a hundred ops add a second of compile time to a
    /// translation unit.
    struct record {
        void (*backward)(record&, tape& t, const tensor<T>& y, const tensor<T>& dy);
        void (*destroy)(record&); ///< null where there is nothing to destroy
    };
    /// Appends the result of an op; `R` is built in the tape's arena. For op::apply.
    template <class R, class... A> R& emplace_record(A&&... a) {
        void* place = arena_.take(sizeof(R), alignof(R));
        R* r = ::new (place) R(std::forward<A>(a)...);
        records_.push_back(r);
        return *r;
    }
    var<T> push_result(tensor<T>&& y, record* r, bool needs) {
        const auto v = push(std::move(y), needs);
        at(v.id).op = needs ? r : nullptr;
        return v;
    }
    /// Where to add d loss / d v, or null when no gradient is needed.
    tensor<T>* sink(std::uint32_t id) { return at(id).needs ? &at(id).gradient : nullptr; }
    const tensor<T>& value(std::uint32_t id) const {
        const node& n = at(id);
        return n.external ? *n.external : n.own;
    }

    /// Whether normalised values are stored as soon as they are made, so that the recorded ops are those in the code.
    /// Off by default; for tests and for inspecting a network.
    void store_normed(bool on) { store_normed_ = on; }
    /// A normalised value that is not stored yet.
    var<T> push_normed(const normed_value<T>& n) {
        if (store_normed_) return n.compute(n);
        normed_.push_back({n, {}, false});
        return {this, static_cast<std::uint32_t>(normed_.size() - 1) | normed_bit};
    }
    /// The description of v if it is a normalised value that is not stored, otherwise null.
    const normed_value<T>* normed(var<T> v) const {
        if (!(v.id & normed_bit) || !normed_[index(v)].stored.empty()) return nullptr;
        return &normed_[index(v)].made_of;
    }
    /// Notes that an op has read v, a normalised value that is not stored.
    void normed_was_read(var<T> v) { normed_[index(v)].read = true; }
    /// The node of v; computes v now if it is not stored.
    std::uint32_t node_of(var<T> v) {
        if (!(v.id & normed_bit)) return v.id;
        if (normed_[index(v)].stored.empty()) {
            const normed_value<T> n = normed_[index(v)].made_of;
            const var<T> y = n.compute(n);
            normed_[index(v)].stored = y;
        }
        return normed_[index(v)].stored.id;
    }

    /// The kind of op that made a value: `read_normed` of conv1d_op and others decides by it whether to fuse.
    enum class origin : std::uint8_t { other, pointwise, depthwise, linear };
    void set_origin(var<T> v, origin o) { at(v.id).made_by = o; }
    origin origin_of(var<T> v) const { return at(v.id).made_by; }

private:
    struct node {
        tensor<T> own;                       ///< the value, unless external
        const tensor<T>* external = nullptr; ///< value of a parameter
        tensor<T> gradient;                  ///< of a leaf: the sum so far; of an op: within a pass. Empty: zero
        tensor<T> retained;                  ///< of an op: the gradient kept for the caller
        record* op = nullptr;                ///< what made it; null for leaves and where no gradient is needed
        bool needs = false, retain = false;
        origin made_by = origin::other;
    };
    struct normed_entry {
        normed_value<T> made_of;
        var<T> stored; ///< empty until it is requested
        bool read;     ///< by an op that computes it from its inputs
    };
    struct note_entry {
        const tensor<T>* target; ///< the value of a buffer
        tensor<T> value;
        T momentum;
        noted kind;
    };

    /// Bump allocator over blocks that survive reset().
    class arena {
    public:
        void* take(std::size_t bytes, std::size_t align) {
            for (;; ++block_, used_ = 0) {
                if (block_ == blocks_.size()) blocks_.push_back(std::make_unique<chunk>());
                const std::size_t start = (used_ + align - 1) / align * align;
                if (start + bytes <= sizeof(chunk)) {
                    used_ = start + bytes;
                    return blocks_[block_]->bytes + start;
                }
            }
        }
        void reset() { block_ = used_ = 0; }

    private:
        struct chunk {
            alignas(std::max_align_t) std::byte bytes[std::size_t(1) << 15];
        };
        std::vector<std::unique_ptr<chunk>> blocks_;
        std::size_t block_ = 0, used_ = 0;
    };

    /// Address → node, open addressing; clear() keeps the table.
    class leaf_table {
    public:
        void clear() {
            if (count_) std::fill(slots_.begin(), slots_.end(), slot{});
            count_ = 0;
        }
        const std::uint32_t* find(const void* key) const {
            if (slots_.empty()) return nullptr;
            for (std::size_t i = start(key);; i = (i + 1) & (slots_.size() - 1)) {
                if (slots_[i].key == key) return &slots_[i].id;
                if (!slots_[i].key) return nullptr;
            }
        }
        void insert(const void* key, std::uint32_t id) {
            if (2 * (count_ + 1) > slots_.size()) {
                std::vector<slot> old(std::max<std::size_t>(64, 2 * slots_.size()));
                old.swap(slots_);
                for (const auto& s : old)
                    if (s.key) place(s);
            }
            place({key, id});
            ++count_;
        }
        template <class F> void each(F f) const {
            for (const auto& s : slots_)
                if (s.key) f(s.id);
        }

    private:
        struct slot {
            const void* key = nullptr;
            std::uint32_t id = 0;
        };
        std::size_t start(const void* key) const {
            return static_cast<std::size_t>((reinterpret_cast<std::uintptr_t>(key) >> 4) * 0x9E3779B97F4A7C15u >>
                                            32) &
                   (slots_.size() - 1);
        }
        void place(slot s) {
            std::size_t i = start(s.key);
            while (slots_[i].key) i = (i + 1) & (slots_.size() - 1);
            slots_[i] = s;
        }
        std::vector<slot> slots_;
        std::size_t count_ = 0;
    };

    static constexpr std::size_t chunk_nodes = 256;
    static constexpr std::uint32_t normed_bit = std::uint32_t(1) << 31; ///< of an id: the rest is an index of normed_

    static std::size_t index(var<T> v) { return v.id & ~normed_bit; }

    node& at(std::size_t i) { return nodes_[i / chunk_nodes][i % chunk_nodes]; }
    const node& at(std::size_t i) const { return nodes_[i / chunk_nodes][i % chunk_nodes]; }

    SMLDIST_NOINLINE var<T> push(tensor<T>&& x, bool needs) {
        if (size_ == nodes_.size() * chunk_nodes) nodes_.push_back(std::make_unique<node[]>(chunk_nodes));
        node& n = at(size_);
        n.own = std::move(x);
        n.needs = needs;
        return {this, static_cast<std::uint32_t>(size_++)};
    }
    void check_own(var<T> v) const {
        if (v.owner != this)
            raise<usage_error>("tape.backward", "the value belongs to another tape, expected this one");
    }
    static void add(tensor<T>& sum, const tensor<T>& term) {
        if (!sum.ensure(term.shape()))
            std::copy(term.begin(), term.end(), sum.begin());
        else
            for (std::size_t i = 0; i < term.size(); ++i) sum[i] += term[i];
    }

    std::vector<std::unique_ptr<node[]>> nodes_; ///< chunks, so that a node never moves
    std::size_t size_ = 0;
    std::vector<record*> records_;
    std::vector<normed_entry> normed_;
    bool store_normed_ = false;
    arena arena_;
    leaf_table leaves_;
    std::vector<note_entry> notes_;
    generator random_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist

#endif

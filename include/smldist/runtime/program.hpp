// SPDX-License-Identifier: BSD-3-Clause
/// A compiled network: a list of steps over one block of weights and one arena.
///
/// This header needs neither tensors nor exceptions nor RTTI: code that only runs a program includes nothing else.
/// Programs are made by deploy/compile.hpp or deploy/load.hpp.
#ifndef SMLDIST_RUNTIME_PROGRAM_HPP
#define SMLDIST_RUNTIME_PROGRAM_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "smldist/core/memory.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/scratch.hpp"
#include "smldist/runtime/step.hpp"

#if SMLDIST_THREADS
#include <atomic>
#endif

namespace smldist::runtime {
SMLDIST_NAMESPACE_BEGIN

/// Floats in one block, 64-byte aligned, from the heap. A copy is deep.
class block {
public:
    block() = default;
    /// n floats of unspecified value, of which the first `filled` will be written soon.
    explicit block(std::size_t n, std::size_t filled = 0)
        : size_(n),
          capacity_(n),
          data_(static_cast<float*>(
              memory::allocate_pages(memory::array_bytes(n, sizeof(float)), filled * sizeof(float)))) {}
    block(const block& other) : block(other.size_, other.size_) { std::copy_n(other.data_, size_, data_); }
    block(block&& other) noexcept { *this = std::move(other); }
    block& operator=(block&& other) noexcept {
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
        std::swap(data_, other.data_);
        return *this;
    }
    block& operator=(const block& other) { return *this = block(other); }
    ~block() { memory::release_pages(data_, capacity_ * sizeof(float)); }

    /// Makes it longer or shorter and keeps its contents. Reallocates only to grow beyond the largest size so far.
    SMLDIST_NOINLINE void resize(std::size_t n) {
        if (n > capacity_) {
            block larger(std::max(n, 2 * capacity_), n);
            std::copy_n(data_, size_, larger.data_);
            *this = std::move(larger);
        }
        size_ = n;
    }

    float* data() { return data_; }
    const float* data() const { return data_; }
    std::size_t size() const { return size_; }
    std::size_t capacity() const { return capacity_; }
    std::size_t bytes() const { return size_ * sizeof(float); }

private:
    std::size_t size_ = 0, capacity_ = 0;
    float* data_ = nullptr;
};

/// Any step of product.hpp, depthwise.hpp and elementwise_steps.hpp, by value: the step, the function that runs it, and the
/// places of its operands in it. A std::variant of all steps would cost every translation unit seconds of compile time.
class any_step {
public:
    template <class S> SMLDIST_NOINLINE any_step(const S& s) : name_(S::name), run_(run_as<S>) {
        static_assert(sizeof(S) <= sizeof(data_) && alignof(S) <= alignof(std::max_align_t) &&
                      std::is_trivially_copyable_v<S>);
        const S* const own = ::new (static_cast<void*>(data_)) S(s);
        operands_.of = own;
        own->operands(operands_);
    }
    std::string_view name() const { return name_; }
    void run(const frame& f) const { run_(data_, f); }
    std::size_t operands() const { return operands_.size; }
    operand& operand_at(std::size_t i) {
        return *std::launder(reinterpret_cast<operand*>(data_ + operands_.offset[i]));
    }

private:
    template <class S> static void run_as(const void* step, const frame& f) { static_cast<const S*>(step)->run(f); }

    alignas(std::max_align_t) std::byte data_[320];
    std::string_view name_;
    void (*run_)(const void*, const frame&);
    operand_list operands_;
};

/// A step and its entries in the report.
struct planned_step {
    any_step step;
    std::string ops;         ///< the ops of the graph that it computes: "conv1d + batch_norm + relu"
    std::uint64_t macs = 0;  ///< multiply-accumulates for one sample
    std::size_t weights = 0; ///< bytes of weights that it reads
    std::size_t bytes = 0;   ///< of the result, for one sample

    void run(const frame& f) const { step.run(f); }
    std::string_view name() const { return step.name(); }
};

/// A named output with `size` elements per sample.
struct output {
    std::string name;                 ///< stages.0 …, feature, memory.scores, memory.retrieved, logits
    std::vector<std::size_t> extents; ///< of one sample
    std::size_t size = 0;
    operand value;
};

/// What a program costs.
struct report {
    struct row {
        std::string step, ops;
        std::uint64_t macs;         ///< for one sample
        std::size_t weights, bytes; ///< of weights, and of one sample's result
    };
    std::vector<row> rows;
    std::uint64_t macs = 0;       ///< for one sample
    std::size_t weight_bytes = 0; ///< packed, with constants
    std::size_t arena_bytes = 0;  ///< of a workspace
    std::size_t slice = 0;        ///< samples that run together
};

class program;

/// The memory of one run: an arena of the program for each of its threads.
///
/// A workspace serves one run at a time. With more than one thread a run distributes its slices over the pool
/// (core/parallel.hpp); with one thread it never uses the pool.
class workspace {
public:
    explicit workspace(const program& p, std::size_t threads = 1);
    float* data() { return arenas_.data(); }
    std::size_t threads() const { return threads_; }
    std::size_t bytes() const { return arenas_.bytes(); }

private:
    std::size_t threads_;
    block arenas_; ///< one after the other
};

/// A network for windows of one length, or images of one size, for inference only.
///
/// Immutable: any number of threads may run one program, each with its own workspace. A run allocates nothing and
/// throws nothing; it stays on the calling thread and takes no lock unless it is given more threads. Results equal the
/// network's in mode::eval except for rounding: 1e-5 of the largest logit, unless the network amplifies it
/// (docs/architecture.md). They do not depend on the rest of the batch or on the number of threads.
class program {
public:
    /// Everything the compiler decides (deploy/compile.hpp).
    struct parts {
        std::size_t batch = 1, length = 0, channels = 0;
        std::size_t height = 0; ///< rows of an image of length/height columns; 0: a window
        std::size_t slice = 1;  ///< samples that run together
        std::size_t arena = 0;  ///< elements of the arena
        block weights;
        std::vector<planned_step> steps;
        std::vector<output> outputs;
    };

    program() = default;
    explicit program(parts p) : parts_(std::move(p)) {}

    std::size_t batch() const { return parts_.batch; }
    std::size_t length() const { return parts_.length; }
    std::size_t channels() const { return parts_.channels; }
    /// H for images (H, W, C), whose length() is H·W; 0 for windows.
    std::size_t height() const { return parts_.height; }
    std::size_t slice() const { return parts_.slice; }
    std::size_t arena_size() const { return parts_.arena; }
    std::span<const output> outputs() const { return parts_.outputs; }
    /// Index of the output of this name, or outputs().size() if there is none.
    std::size_t find(std::string_view name) const {
        std::size_t i = 0;
        while (i < parts_.outputs.size() && parts_.outputs[i].name != name) ++i;
        return i;
    }

    /// Runs any number of windows, slice after slice, on as many threads as the workspace is made for.
    /// in (windows, L, C), for images (windows, H, W, C) · out[i] (windows, outputs()[i].size) or null, in the order of
    /// outputs(). Outputs must not overlap the input.
    void run(const float* in, std::span<float* const> out, std::size_t windows, workspace& w) const {
        SMLDIST_ASSERT(out.size() == parts_.outputs.size());
        run_all(in, {0, out}, windows, w.data(), w.threads());
    }
    /// The same, for only the last output: the logits, if they are an output.
    void run(const float* in, float* out, std::size_t windows, workspace& w) const {
        run_all(in, last(out), windows, w.data(), w.threads());
    }
    /// The two functions above in memory that the calling thread keeps, allocated in the thread's first run. The form
    /// without `windows` runs batch() windows.
    void run(const float* in, std::span<float* const> out, std::size_t windows, std::size_t threads = 1) const {
        SMLDIST_ASSERT(out.size() == parts_.outputs.size());
        const kernel::scratch<float> arenas(memory::array_bytes(threads, parts_.arena));
        run_all(in, {0, out}, windows, arenas.data(), threads);
    }
    void run(const float* in, float* out) const {
        const kernel::scratch<float> arena(parts_.arena);
        run_all(in, last(out), parts_.batch, arena.data(), 1);
    }

    /// Runs only the steps, on the calling thread, and calls done(i) after step i of each slice: to time them.
    template <class F> void trace(const float* in, std::size_t windows, workspace& w, F&& done) const {
        for (std::size_t first = 0; first < windows; first += parts_.slice) {
            const frame f = slice_frame(in, first, std::min(parts_.slice, windows - first), w.data());
            for (std::size_t i = 0; i < parts_.steps.size(); ++i) {
                parts_.steps[i].run(f);
                done(i);
            }
        }
    }

    runtime::report report() const {
        runtime::report r;
        for (const auto& s : parts_.steps) {
            r.rows.push_back({std::string(s.name()), s.ops, s.macs, s.weights, s.bytes});
            r.macs += s.macs;
        }
        r.weight_bytes = parts_.weights.bytes();
        r.arena_bytes = parts_.arena * sizeof(float);
        r.slice = parts_.slice;
        return r;
    }

private:
    /// Where outputs go: outputs()[first + i] to to[i], if that is not null.
    struct targets {
        std::size_t first;
        std::span<float* const> to;
    };
    targets last(float* const& out) const { return {parts_.outputs.size() - 1, {&out, 1}}; }

    /// Each thread takes the next slice until none is left, and runs it in its own arena. Slices are shorter than
    /// planned when there would not be one for each thread.
    void run_all(const float* in, const targets& out, std::size_t windows, float* arenas, std::size_t threads) const {
        if (threads == 1 || !SMLDIST_THREADS) {
            for (std::size_t first = 0; first < windows; first += parts_.slice)
                run_slice(in, out, first, std::min(parts_.slice, windows - first), arenas);
            return;
        }
#if SMLDIST_THREADS
        const std::size_t slice = std::clamp<std::size_t>((windows + threads - 1) / threads, 1, parts_.slice);
        std::atomic<std::size_t> next{0};
        parallel_for(threads, 1, [&](std::size_t thread, std::size_t) {
            for (std::size_t first; (first = next.fetch_add(slice, std::memory_order_relaxed)) < windows;)
                run_slice(in, out, first, std::min(slice, windows - first), arenas + thread * parts_.arena);
        });
#endif
    }
    frame slice_frame(const float* in, std::size_t first, std::size_t n, float* arena) const {
        return {in + first * parts_.length * parts_.channels, parts_.weights.data(), arena, n};
    }
    void run_slice(const float* in, const targets& out, std::size_t first, std::size_t n, float* arena) const {
        const serial_scope serial;
        const frame f = slice_frame(in, first, n, arena);
        for (const auto& s : parts_.steps) s.run(f);
        for (std::size_t i = 0; i < out.to.size(); ++i) {
            const output& o = parts_.outputs[out.first + i];
            if (out.to[i]) write(f, o, out.to[i] + first * o.size);
        }
    }
    static void write(const frame& f, const output& o, float* to) {
        for (std::size_t b = 0; b < f.n; ++b) std::copy_n(f.read(o.value, b), o.size, to + b * o.size);
    }

    parts parts_;
};

inline workspace::workspace(const program& p, std::size_t threads)
    : threads_(std::max<std::size_t>(1, threads)), arenas_(memory::array_bytes(threads_, p.arena_size())) {}

/// The report as text, one step per line, totals last.
inline std::string text(const report& r) {
    std::string out;
    const auto line = [&out](std::string_view step, std::initializer_list<std::uint64_t> numbers,
                             std::string_view ops) {
        out.append(step).append(step.size() < 18 ? 18 - step.size() : 1, ' ');
        for (const std::uint64_t n : numbers) {
            const std::string digits = std::to_string(n);
            out.append(digits.size() < 12 ? 12 - digits.size() : 1, ' ').append(digits);
        }
        out.append("  ").append(ops).append("\n");
    };
    out = "step                      MACs     weights      result  ops\n";
    for (const auto& row : r.rows) line(row.step, {row.macs, row.weights, row.bytes}, row.ops);
    line("total", {r.macs, r.weight_bytes, r.arena_bytes},
         "arena of " + std::to_string(r.slice) + (r.slice == 1 ? " window" : " windows"));
    return out;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::runtime

#endif

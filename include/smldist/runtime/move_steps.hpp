// SPDX-License-Identifier: BSD-3-Clause
/// The steps that choose and move elements: extremes, running sums, axes in another order, padding, masks, indices.
/// Each computes the same as the op of its name (op/), for n samples of fixed shape.
#ifndef SMLDIST_RUNTIME_MOVE_STEPS_HPP
#define SMLDIST_RUNTIME_MOVE_STEPS_HPP

#include <array>
#include <cstddef>
#include <string_view>

#include "smldist/kernel/move.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/select.hpp"
#include "smldist/runtime/step.hpp"

namespace smldist::runtime {
SMLDIST_NAMESPACE_BEGIN

/// The largest or smallest of x (outer, m, inner) over the middle axis, or its index.
struct extreme_step {
    static constexpr std::string_view name = "extreme";
    bool largest, index;
    std::size_t outer, m, inner;
    operand x, values, y; ///< values: scratch as large as y, for an index

    void operands(operand_list& f) const { f(x), f(values), f(y); }
    void run(const frame& f) const {
        const auto kernel = largest ? kernel::extreme<true, float, float> : kernel::extreme<false, float, float>;
        for (std::size_t b = 0; b < f.n; ++b) {
            float* const to = f.write(y, b);
            kernel(outer, m, inner, f.read(x, b), index ? f.write(values) : to, index ? to : nullptr);
        }
    }
};

/// y[·,i,·] = Σ_{k ≤ i} x[·,k,·] for x (outer, m, inner).
struct running_sum_step {
    static constexpr std::string_view name = "running_sum";
    std::size_t outer, m, inner;
    operand x, y; ///< y may be x

    void operands(operand_list& f) const { f(x), f(y); }
    void run(const frame& f) const { kernel::running_sum<false>(f.n * outer, m, inner, f.read(x), f.write(y)); }
};

/// y = the elements of x in another layout: axes in another order, or repeated.
struct strided_step {
    static constexpr std::string_view name = "strided";
    kernel::strided layout;
    operand x, y;

    void operands(operand_list& f) const { f(x), f(y); }
    void run(const frame& f) const {
        for (std::size_t b = 0; b < f.n; ++b) kernel::strided_copy<false>(layout, f.read(x, b), f.write(y, b));
    }
};

/// y = x between elements `value`.
struct pad_step {
    static constexpr std::string_view name = "pad";
    kernel::padded layout;
    float value;
    operand x, y;

    void operands(operand_list& f) const { f(x), f(y); }
    void run(const frame& f) const {
        for (std::size_t b = 0; b < f.n; ++b) kernel::pad(layout, value, f.read(x, b), f.write(y, b));
    }
};

/// y[i] = mask[i] ≠ 0 ? a[i] : b[i]
struct where_step {
    static constexpr std::string_view name = "where";
    std::size_t size;
    std::array<operand, 3> in;       ///< mask, a, b
    std::array<std::size_t, 3> step; ///< of each: 1, or 0 for one element
    operand y;

    void operands(operand_list& f) const { f(in[0]), f(in[1]), f(in[2]), f(y); }
    void run(const frame& f) const {
        for (std::size_t b = 0; b < f.n; ++b)
            kernel::choose<false>(size, f.read(in[0], b), step[0], f.read(in[1], b), step[1], f.read(in[2], b),
                                  step[2], f.write(y, b));
    }
};

/// y[r] = the row index[r] of weight (N, D); NaN for an index outside of it.
struct embedding_step {
    static constexpr std::string_view name = "embedding";
    std::size_t rows, N, D;
    operand index, weight, y;

    void operands(operand_list& f) const { f(index), f(weight), f(y); }
    void run(const frame& f) const { kernel::take_rows(f.n * rows, N, D, f.read(index), f.read(weight), f.write(y)); }
};

/// y = the elements of x at the places of an index; NaN for an index outside of x.
struct gather_step {
    static constexpr std::string_view name = "gather";
    kernel::places layout;
    operand x, index, y;

    void operands(operand_list& f) const { f(x), f(index), f(y); }
    void run(const frame& f) const {
        for (std::size_t b = 0; b < f.n; ++b) kernel::gather(layout, f.read(index, b), f.read(x, b), f.write(y, b));
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::runtime

#endif

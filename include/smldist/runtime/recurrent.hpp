// SPDX-License-Identifier: BSD-3-Clause
/// The step of a recurrence over time: gated recurrent unit or long short-term memory.
#ifndef SMLDIST_RUNTIME_RECURRENT_HPP
#define SMLDIST_RUNTIME_RECURRENT_HPP

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "smldist/kernel/recurrent.hpp"
#include "smldist/runtime/step.hpp"

namespace smldist::runtime {
SMLDIST_NAMESPACE_BEGIN

/// y = the states of a recurrence over x (L, C) in each sample, from zeros or a first state; see op/recurrent.hpp. Up to 16
/// samples share a product with the weights.
template <class G> struct recurrent_step {
    static constexpr std::string_view name = "recurrent";
    kernel::recurrence s;                    ///< of one sample
    operand x, h0, c0, weight_ih, weight_hh; ///< h0, c0 (H) or none; weights packed by kernel::pack_nt
    operand bias_ih, bias_hh, memory, y;     ///< (G H) or none; memory: scratch of recurrent_scratch<G>

    void operands(operand_list& f) const {
        f(x), f(h0), f(c0), f(weight_ih), f(weight_hh), f(bias_ih), f(bias_hh), f(memory), f(y);
    }
    void run(const frame& f) const {
        const std::size_t N = G::gates * s.H;
        const kernel::recurrent_weights<float> w{
            {f.read(weight_ih), N, s.C}, {f.read(weight_hh), N, s.H}, f.read(bias_ih), f.read(bias_hh)};
        const kernel::first_state<float> first{f.read(h0), f.read(c0), h0.step, c0.step};
        for (std::size_t b = 0; b < f.n; b += kernel::most_recurrent_rows)
            kernel::recurrent_rows_forward<G, float>(s, w, f.read(x), first, f.write(y), nullptr, b,
                                                     std::min(f.n, b + kernel::most_recurrent_rows), f.write(memory));
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::runtime

#endif

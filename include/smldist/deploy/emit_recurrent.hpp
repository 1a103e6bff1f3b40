// SPDX-License-Identifier: BSD-3-Clause
/// The overloads of `emit` for recurrences over time.
#ifndef SMLDIST_DEPLOY_EMIT_RECURRENT_HPP
#define SMLDIST_DEPLOY_EMIT_RECURRENT_HPP

#include <cstddef>
#include <cstdint>

#include "smldist/deploy/builder.hpp"
#include "smldist/runtime/recurrent.hpp"

namespace smldist::deploy {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// A weight (N, K) in the form that the step reads.
SMLDIST_COLD inline runtime::operand pack_recurrent(builder& b, std::size_t id, std::size_t k, std::size_t rows) {
    const std::size_t from = b.input(id, k), N = b.at(from).shape[0], K = b.at(from).shape[1];
    const std::size_t size = kernel::packed_size<float>(N, K);
    b.room().spend(std::uint64_t(rows) * (size - N * K), "its steps"); // the columns that pad it
    const runtime::operand to = b.weights(size);
    kernel::pack_nt(N, K, b.constants(from).data(), K, b.data(to));
    return to;
}

/// A recurrence whose weights are the inputs from G::states + 1 on. They are constants: a value that depends on the window has
/// 1 as its first extent (annotate), and no weight has.
template <class G>
SMLDIST_COLD SMLDIST_NOINLINE void emit_recurrent(builder& b, std::size_t id, bool reverse, std::uint64_t macs) {
    constexpr std::size_t weights = G::states + 1;
    b.require(!b.constant(b.input(id, 0)), id, "its input is a constant");
    const shape x = b.extents(b.input(id, 0)), y = b.extents(id);
    const std::size_t L = x[0], H = y[1];
    b.room().spend(write_work * std::uint64_t(L) * (G::gates + G::states) * H, "its steps");
    b.spend_rows(2 * L);
    runtime::recurrent_step<G> step{{1, L, x[1], H, y[0], reverse},
                                    b.read(b.input(id, 0)),
                                    b.read(b.input(id, 1)),
                                    G::states == 2 ? b.read(b.input(id, 2)) : runtime::operand{},
                                    pack_recurrent(b, id, weights, L),
                                    pack_recurrent(b, id, weights + 1, L),
                                    b.read(b.input(id, weights + 2)),
                                    b.read(b.input(id, weights + 3)),
                                    b.scratch(kernel::recurrent_scratch<G>(L, x[1], H)),
                                    b.fresh(y.size())};
    b.give(id, step, step.y, macs);
}

} // namespace detail

inline void emit(builder& b, std::size_t id, const spec::gru& o) {
    detail::emit_recurrent<kernel::gru_gates>(b, id, o.reverse, macs_of_node(o, b.traced(), id));
}
inline void emit(builder& b, std::size_t id, const spec::lstm& o) {
    detail::emit_recurrent<kernel::lstm_gates>(b, id, o.reverse, macs_of_node(o, b.traced(), id));
}

SMLDIST_NAMESPACE_END
} // namespace smldist::deploy

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Retrieval from a modern Hopfield network.
#ifndef SMLDIST_OP_HOPFIELD_HPP
#define SMLDIST_OP_HOPFIELD_HPP

#include <cmath>

#include "smldist/kernel/gemm.hpp"
#include "smldist/kernel/softmax.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/op/apply.hpp"
#include "smldist/spec/hopfield.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

using hopfield_options = spec::hopfield;

/// See spec::hopfield.
///
/// Gradients  for u = U-1 … 0 with g = d loss / d q_{u+1}:  r = keys g;  s = p_u ⊙ (r - <p_u, r>);
///            dkeys += p_u gᵀ + beta s q_uᵀ;  dbeta += <s, keys q_u>;  dq_u = beta keysᵀ s.
///            The number of updates is treated as a constant.
/// Keeps      q_u and p_u of every update, and the number of updates of every state.
template <class T> struct hopfield_op : spec::hopfield {
    using scalar = T;
    struct saved {
        tensor<T> states, association;
        tensor<std::int32_t> updates;
    };
    void forward(saved* keep, tensor<T>& y, const tensor<T>& q, const tensor<T>& keys, const tensor<T>& beta) const {
        const sizes s(q.shape(), keys.shape());
        const std::size_t rows = s.groups * s.rows;
        if (keep) {
            keep->states = tensor<T>::uninitialized({updates, rows, s.h});
            keep->association = tensor<T>::uninitialized({updates, rows, s.M});
            keep->updates = tensor<std::int32_t>(shape{rows});
        }
        auto association = tensor<T>::uninitialized({s.rows, s.M}), next = tensor<T>::uninitialized({s.rows, s.h});
        auto resting = tensor<std::uint8_t>(shape{s.rows});
        for (std::size_t g = 0; g < s.groups; ++g)
            kernel::copy(s.rows * s.h, q.data() + g * s.state_step, y.data() + g * s.rows * s.h);
        for (std::size_t g = 0; g < s.groups; ++g) {
            T* state = y.data() + g * s.rows * s.h;
            const T* k = keys.data() + g * s.key_step;
            resting.fill(0);
            for (std::size_t u = 0; u < updates; ++u) {
                associate(s, state, k, beta.item(), association.data());
                kernel::gemm_nn(s.rows, s.h, s.M, association.data(), s.M, k, s.h, next.data(), s.h, false);
                if (keep) {
                    const std::size_t at = u * rows + g * s.rows;
                    kernel::copy(s.rows * s.h, state, keep->states.data() + at * s.h);
                    kernel::copy(s.rows * s.M, association.data(), keep->association.data() + at * s.M);
                }
                for (std::size_t r = 0; r < s.rows; ++r) {
                    if (resting[r]) continue;
                    T moved = 0;
                    for (std::size_t c = 0; c < s.h; ++c) {
                        const T d = next[r * s.h + c] - state[r * s.h + c];
                        moved += d * d;
                        state[r * s.h + c] = next[r * s.h + c];
                    }
                    if (keep) keep->updates[g * s.rows + r] = static_cast<std::int32_t>(u + 1);
                    resting[r] = std::sqrt(moved) < static_cast<T>(eps);
                }
            }
        }
    }
    void backward(const saved& keep, const tensor<T>&, const tensor<T>& dy, const tensor<T>& q, const tensor<T>& keys,
                  const tensor<T>& beta, tensor<T>* dq, tensor<T>* dkeys, tensor<T>* dbeta) const {
        const sizes s(q.shape(), keys.shape());
        const std::size_t rows = s.groups * s.rows;
        const T b = beta.item();
        if (dkeys && !dkeys->ensure(keys.shape())) dkeys->fill(T(0));
        if (dbeta && !dbeta->ensure(beta.shape())) dbeta->fill(T(0));
        tensor<T> g = dy;
        auto ds = tensor<T>::uninitialized({s.rows, s.M}), back = tensor<T>::uninitialized({s.rows, s.h});
        for (std::size_t group = 0; group < s.groups; ++group) {
            const T* k = keys.data() + group * s.key_step;
            T* grad = g.data() + group * s.rows * s.h;
            T* dk = dkeys ? dkeys->data() + group * s.key_step : nullptr;
            for (std::size_t u = updates; u-- > 0;) {
                const std::size_t at = u * rows + group * s.rows;
                const T *state = keep.states.data() + at * s.h, *p = keep.association.data() + at * s.M;
                auto active = tensor<T>::uninitialized({s.rows, s.h}); // gradient of the rows that made this update
                for (std::size_t r = 0; r < s.rows; ++r)
                    for (std::size_t c = 0; c < s.h; ++c)
                        active[r * s.h + c] = updated(keep, group * s.rows + r, u) ? grad[r * s.h + c] : T(0);
                kernel::gemm_nt(s.rows, s.M, s.h, active.data(), s.h, k, s.h, ds.data(), s.M, false);
                kernel::softmax_backward(s.rows, s.M, ds.data(), p, ds.data(), false);
                kernel::gemm_nn(s.rows, s.h, s.M, ds.data(), s.M, k, s.h, back.data(), s.h, false);
                if (dk) kernel::gemm_tn(s.M, s.h, s.rows, p, s.M, active.data(), s.h, dk, s.h, true);
                // <s, keys q> = <keysᵀ s, q>
                if (dbeta) (*dbeta)[0] += kernel::dot(s.rows * s.h, back.data(), state);
                kernel::scale(s.rows * s.M, b, ds.data());
                if (dk) kernel::gemm_tn(s.M, s.h, s.rows, ds.data(), s.M, state, s.h, dk, s.h, true);
                for (std::size_t r = 0; r < s.rows; ++r)
                    if (updated(keep, group * s.rows + r, u))
                        for (std::size_t c = 0; c < s.h; ++c) grad[r * s.h + c] = b * back[r * s.h + c];
            }
        }
        if (!dq) return;
        if (!dq->ensure(q.shape())) dq->fill(T(0));
        for (std::size_t group = 0; group < s.groups; ++group)
            kernel::axpy(s.rows * s.h, T(1), g.data() + group * s.rows * s.h, dq->data() + group * s.state_step);
    }

private:
    static void associate(const sizes& s, const T* state, const T* keys, T beta, T* p) {
        kernel::gemm_nt(s.rows, s.M, s.h, state, s.h, keys, s.h, p, s.M, false);
        kernel::scale(s.rows * s.M, beta, p);
        kernel::softmax(s.rows, s.M, p, p);
    }
    static bool updated(const saved& keep, std::size_t row, std::size_t u) {
        return u < static_cast<std::size_t>(keep.updates[row]);
    }
};

template <class Q, class K, class B> [[nodiscard]] auto hopfield(Q&& q, K&& keys, B&& beta, hopfield_options o) {
    return apply(hopfield_op<scalar_of_t<Q, K, B>>{o}, std::forward<Q>(q), std::forward<K>(keys),
                 std::forward<B>(beta));
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

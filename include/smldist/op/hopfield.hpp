// SPDX-License-Identifier: BSD-3-Clause
/// Retrieval from a modern Hopfield network, plain and with a mask or other rules for when it stops.
#ifndef SMLDIST_OP_HOPFIELD_HPP
#define SMLDIST_OP_HOPFIELD_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "smldist/kernel/gemm.hpp"
#include "smldist/kernel/softmax.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/op/apply.hpp"
#include "smldist/spec/hopfield.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

using hopfield_options = spec::hopfield;
using masked_hopfield_options = spec::masked_hopfield;
using spec::hopfield_stop;

namespace detail {

/// What a retrieval keeps: q_u and p_u of every update that was made, and the number of updates of every state.
template <class T> struct hopfield_saved {
    tensor<T> states, association; ///< (updates, rows, h) and (updates, rows, M), with room for more updates
    tensor<std::int32_t> updates;  ///< (rows)
};

/// A mask on associations: row(r) is added to the scores of state r of all states in order. Without elements: no mask.
struct hopfield_mask {
    std::size_t Q = 1, samples = 1, state_step = 0, sample_step = 0;

    hopfield_mask() = default;
    hopfield_mask(const shape& y, const shape& mask) : Q(y[y.rank() - 2]) {
        const std::size_t r = mask.rank(), M = mask.back(), own_rows = r > 1 ? mask[r - 2] : 1;
        if (own_rows > 1) state_step = M;
        if (r == 3) samples = mask[0], sample_step = own_rows * M;
    }
    std::size_t at(std::size_t r) const { return r / Q % samples * sample_step + r % Q * state_step; }
};

/// The updates of hopfield_op and masked_hopfield_op.
template <class T> class hopfield_updates {
public:
    using sizes = spec::hopfield::sizes;

    hopfield_updates(const spec::masked_hopfield& o, const shape& y, const tensor<T>& q, const tensor<T>& keys,
                     const tensor<T>& beta, const tensor<T>* mask)
        : o_(o),
          s_(q.shape(), keys.shape()),
          rows_(s_.groups * s_.rows),
          Q_(y[y.rank() - 2]),
          q_(q),
          keys_(keys),
          beta_(beta),
          mask_(mask && !mask->empty() ? mask : nullptr) {
        if (mask_) layout_ = hopfield_mask(y, mask_->shape());
    }

    void forward(hopfield_saved<T>* keep, tensor<T>& y) const {
        const bool by_state = o_.stop == hopfield_stop::state;
        if (keep) keep->updates = tensor<std::int32_t>(shape{rows_});
        // The associations of an update; kept, or of a group, or of this update and the last.
        const std::size_t turns = keep ? 0 : by_state ? 1 : 2, row_step = by_state && !keep ? 0 : s_.M;
        auto scratch = tensor<T>::uninitialized({turns, by_state ? s_.rows : rows_, s_.M});
        const auto association = [&](std::size_t u) {
            return keep ? keep->association.data() + u * rows_ * s_.M
                        : scratch.data() + u % turns * (by_state ? s_.rows : rows_) * s_.M;
        };
        auto next = tensor<T>::uninitialized({s_.rows, s_.h});
        auto resting = tensor<std::uint8_t>(shape{rows_});
        for (std::size_t g = 0; g < s_.groups; ++g)
            kernel::copy(s_.rows * s_.h, q_.data() + g * s_.state_step, y.data() + g * s_.rows * s_.h);
        for (std::size_t u = 0; u < o_.updates && moves(resting, 0, rows_); ++u) {
            if (keep) make_room(*keep, u);
            T* const p = association(u);
            for (std::size_t first = 0; first < rows_; first += s_.rows) {
                if (!moves(resting, first, s_.rows)) continue;
                associate(first, y.data() + first * s_.h, p + first * row_step);
                if (by_state) move(first, u, p + first * row_step, y, next, resting, keep);
            }
            if (by_state) continue;
            if (u > 0) compare(association(u - 1), p, resting);
            for (std::size_t first = 0; first < rows_; first += s_.rows)
                if (moves(resting, first, s_.rows)) move(first, u, p + first * s_.M, y, next, resting, keep);
        }
    }
    void backward(const hopfield_saved<T>& keep, const tensor<T>& dy, tensor<T>* dq, tensor<T>* dkeys,
                  tensor<T>* dbeta, tensor<T>* dmask) const {
        const T b = beta_.item();
        if (dkeys && !dkeys->ensure(keys_.shape())) dkeys->fill(T(0));
        if (dbeta && !dbeta->ensure(beta_.shape())) dbeta->fill(T(0));
        if (dmask && !dmask->ensure(mask_->shape())) dmask->fill(T(0));
        tensor<T> g = dy;
        auto ds = tensor<T>::uninitialized({s_.rows, s_.M}), back = tensor<T>::uninitialized({s_.rows, s_.h});
        auto active = tensor<T>::uninitialized({s_.rows, s_.h}); // gradient of the rows that made this update
        for (std::size_t group = 0; group < s_.groups; ++group) {
            const std::size_t first = group * s_.rows;
            const T* k = keys_.data() + group * s_.key_step;
            T* grad = g.data() + first * s_.h;
            T* dk = dkeys ? dkeys->data() + group * s_.key_step : nullptr;
            const std::int32_t* const made = keep.updates.data() + first;
            for (auto u = static_cast<std::size_t>(most(made)); u-- > 0;) {
                const std::size_t at = u * rows_ + first;
                const T *state = keep.states.data() + at * s_.h, *p = keep.association.data() + at * s_.M;
                const auto updated = [&](std::size_t r) { return u < static_cast<std::size_t>(made[r]); };
                for (std::size_t r = 0; r < s_.rows; ++r)
                    for (std::size_t c = 0; c < s_.h; ++c)
                        active[r * s_.h + c] = updated(r) ? grad[r * s_.h + c] : T(0);
                kernel::gemm_nt(s_.rows, s_.M, s_.h, active.data(), s_.h, k, s_.h, ds.data(), s_.M, false);
                kernel::softmax_backward(s_.rows, s_.M, ds.data(), p, ds.data(), false);
                if (dmask)
                    for (std::size_t r = 0; r < s_.rows; ++r)
                        kernel::axpy(s_.M, T(1), ds.data() + r * s_.M, dmask->data() + layout_.at(first + r));
                kernel::gemm_nn(s_.rows, s_.h, s_.M, ds.data(), s_.M, k, s_.h, back.data(), s_.h, false);
                if (dk) kernel::gemm_tn(s_.M, s_.h, s_.rows, p, s_.M, active.data(), s_.h, dk, s_.h, true);
                // <s, keys q> = <keysᵀ s, q>
                if (dbeta) (*dbeta)[0] += kernel::dot(s_.rows * s_.h, back.data(), state);
                kernel::scale(s_.rows * s_.M, b, ds.data());
                if (dk) kernel::gemm_tn(s_.M, s_.h, s_.rows, ds.data(), s_.M, state, s_.h, dk, s_.h, true);
                for (std::size_t r = 0; r < s_.rows; ++r)
                    if (updated(r))
                        for (std::size_t c = 0; c < s_.h; ++c) grad[r * s_.h + c] = b * back[r * s_.h + c];
            }
        }
        if (!dq) return;
        if (!dq->ensure(q_.shape())) dq->fill(T(0));
        for (std::size_t group = 0; group < s_.groups; ++group)
            kernel::axpy(s_.rows * s_.h, T(1), g.data() + group * s_.rows * s_.h, dq->data() + group * s_.state_step);
    }

private:
    std::int32_t most(const std::int32_t* made) const {
        return s_.rows == 0 ? 0 : *std::max_element(made, made + s_.rows);
    }
    static bool moves(const tensor<std::uint8_t>& resting, std::size_t first, std::size_t rows) {
        const std::uint8_t* const r = resting.data() + first;
        return std::find(r, r + rows, std::uint8_t(0)) != r + rows;
    }
    /// Room for update u. It doubles: few retrievals make as many updates as they may.
    void make_room(hopfield_saved<T>& keep, std::size_t u) const {
        const std::size_t room = keep.states.empty() ? 0 : keep.states.shape()[0];
        if (u < room) return;
        const std::size_t wanted = std::min(o_.updates, std::max<std::size_t>(8, 2 * room));
        const auto grow = [&](tensor<T>& x, std::size_t width) {
            auto larger = tensor<T>::uninitialized({wanted, rows_, width});
            kernel::copy(room * rows_ * width, x.data(), larger.data());
            x = std::move(larger);
        };
        grow(keep.states, s_.h);
        grow(keep.association, s_.M);
    }
    /// The associations of a group of states.
    void associate(std::size_t first, const T* state, T* p) const {
        const T* const k = keys_.data() + first / s_.rows * s_.key_step;
        kernel::gemm_nt(s_.rows, s_.M, s_.h, state, s_.h, k, s_.h, p, s_.M, false);
        kernel::scale(s_.rows * s_.M, beta_.item(), p);
        for (std::size_t r = 0; mask_ && r < s_.rows; ++r)
            kernel::axpy(s_.M, T(1), mask_->data() + layout_.at(first + r), p + r * s_.M);
        kernel::softmax(s_.rows, s_.M, p, p);
    }
    /// Update u of a group of states.
    void move(std::size_t first, std::size_t u, const T* p, tensor<T>& y, tensor<T>& next,
              tensor<std::uint8_t>& resting, hopfield_saved<T>* keep) const {
        T* const state = y.data() + first * s_.h;
        const T* const k = keys_.data() + first / s_.rows * s_.key_step;
        kernel::gemm_nn(s_.rows, s_.h, s_.M, p, s_.M, k, s_.h, next.data(), s_.h, false);
        if (keep) kernel::copy(s_.rows * s_.h, state, keep->states.data() + (u * rows_ + first) * s_.h);
        for (std::size_t r = 0; r < s_.rows; ++r) {
            if (resting[first + r]) continue;
            T moved = 0;
            for (std::size_t c = 0; c < s_.h; ++c) {
                const T d = next[r * s_.h + c] - state[r * s_.h + c];
                moved += d * d;
                state[r * s_.h + c] = next[r * s_.h + c];
            }
            if (keep) keep->updates[first + r] = static_cast<std::int32_t>(u + 1);
            if (o_.stop == hopfield_stop::state) resting[first + r] = std::sqrt(moved) < static_cast<T>(o_.eps);
        }
    }
    /// Lets the samples rest, or all of them, whose associations have changed by at most eps.
    void compare(const T* before, const T* now, tensor<std::uint8_t>& resting) const {
        const auto rests = [&](T square) { return !(std::sqrt(square) > static_cast<T>(o_.eps)); };
        T largest = 0;
        for (std::size_t first = 0; first < rows_; first += Q_) {
            if (resting[first]) continue;
            T square = 0;
            for (std::size_t i = first * s_.M; i < (first + Q_) * s_.M; ++i)
                square += (now[i] - before[i]) * (now[i] - before[i]);
            largest = std::max(largest, square);
            if (o_.stop == hopfield_stop::sample && rests(square))
                std::fill_n(resting.data() + first, Q_, std::uint8_t(1));
        }
        if (o_.stop == hopfield_stop::batch && rests(largest)) resting.fill(1);
    }

    spec::masked_hopfield o_;
    sizes s_;
    std::size_t rows_, Q_; ///< all states, and those of a sample
    const tensor<T>&q_, &keys_, &beta_;
    const tensor<T>* mask_;
    hopfield_mask layout_;
};

} // namespace detail

/// See spec::hopfield.
///
/// Gradients  for u = U-1 … 0 with g = d loss / d q_{u+1}:  r = keys g;  s = p_u ⊙ (r - <p_u, r>);
///            dkeys += p_u gᵀ + beta s q_uᵀ;  dbeta += <s, keys q_u>;  dq_u = beta keysᵀ s.
///            The number of updates is treated as a constant.
/// Keeps      q_u and p_u of every update, and the number of updates of every state.
template <class T> struct hopfield_op : spec::hopfield {
    using scalar = T;
    using saved = detail::hopfield_saved<T>;

    void forward(saved* keep, tensor<T>& y, const tensor<T>& q, const tensor<T>& keys, const tensor<T>& beta) const {
        detail::hopfield_updates<T>({updates, eps}, y.shape(), q, keys, beta, nullptr).forward(keep, y);
    }
    void backward(const saved& keep, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& q,
                  const tensor<T>& keys, const tensor<T>& beta, tensor<T>* dq, tensor<T>* dkeys,
                  tensor<T>* dbeta) const {
        detail::hopfield_updates<T>({updates, eps}, y.shape(), q, keys, beta, nullptr)
            .backward(keep, dy, dq, dkeys, dbeta, nullptr);
    }
};

/// See spec::masked_hopfield.
///
/// Gradients  as hopfield_op; dmask += s of every update.
/// Keeps      as hopfield_op.
template <class T> struct masked_hopfield_op : spec::masked_hopfield {
    using scalar = T;
    using saved = detail::hopfield_saved<T>;

    void forward(saved* keep, tensor<T>& y, const tensor<T>& q, const tensor<T>& keys, const tensor<T>& beta,
                 const tensor<T>& mask) const {
        detail::hopfield_updates<T>(*this, y.shape(), q, keys, beta, &mask).forward(keep, y);
    }
    void backward(const saved& keep, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& q,
                  const tensor<T>& keys, const tensor<T>& beta, const tensor<T>& mask, tensor<T>* dq,
                  tensor<T>* dkeys, tensor<T>* dbeta, tensor<T>* dmask) const {
        detail::hopfield_updates<T>(*this, y.shape(), q, keys, beta, &mask)
            .backward(keep, dy, dq, dkeys, dbeta, mask.empty() ? nullptr : dmask);
    }
};

template <class Q, class K, class B> [[nodiscard]] auto hopfield(Q&& q, K&& keys, B&& beta, hopfield_options o) {
    return apply(hopfield_op<scalar_of_t<Q, K, B>>{o}, std::forward<Q>(q), std::forward<K>(keys),
                 std::forward<B>(beta));
}
/// `mask` may be empty, for only another rule of `o.stop`.
template <class Q, class K, class B, class M>
[[nodiscard]] auto masked_hopfield(Q&& q, K&& keys, B&& beta, M&& mask, masked_hopfield_options o) {
    return apply(masked_hopfield_op<scalar_of_t<Q, K, B, M>>{o}, std::forward<Q>(q), std::forward<K>(keys),
                 std::forward<B>(beta), std::forward<M>(mask));
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

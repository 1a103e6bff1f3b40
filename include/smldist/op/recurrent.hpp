// SPDX-License-Identifier: BSD-3-Clause
/// Recurrences over time, each as one op: gated recurrent unit and long short-term memory.
#ifndef SMLDIST_OP_RECURRENT_HPP
#define SMLDIST_OP_RECURRENT_HPP

#include <cstddef>
#include <utility>

#include "smldist/kernel/gemm.hpp"
#include "smldist/kernel/recurrent.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/scratch.hpp"
#include "smldist/op/apply.hpp"
#include "smldist/op/operand.hpp"
#include "smldist/spec/recurrent.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// What a recurrence with gates G reads, and its gradients.
template <class G, class T> struct recurrent_call {
    const tensor<T>&x, &h0, &c0, &weight_ih, &weight_hh, &bias_ih, &bias_hh;
    struct sinks {
        tensor<T>*x, *h0, *c0, *weight_ih, *weight_hh, *bias_ih, *bias_hh;
    };

    void forward(bool reverse, tensor<T>* keep, tensor<T>& y) const {
        const kernel::recurrence s = extents(reverse, y.shape());
        if (keep) *keep = tensor<T>::uninitialized({s.B, s.L, G::kept * s.H});
        kernel::recurrent_forward<G>(s, weight_ih.data(), weight_hh.data(), present(bias_ih), present(bias_hh),
                                     x.data(), first(), y.data(), keep ? keep->data() : nullptr);
    }
    void backward(bool reverse, const tensor<T>& keep, const tensor<T>& y, const tensor<T>& dy,
                  const sinks& to) const {
        const kernel::recurrence s = extents(reverse, y.shape());
        const std::size_t H = s.H, rows = s.B * s.L, width = kernel::recurrent_gradients * H, N = G::gates * H;
        const kernel::scratch<T> dgates(rows * width), before(rows * H), samples(rows * s.C),
            dfirst(s.B * G::states * H);
        kernel::recurrent_backward<G>(s, weight_hh.data(), x.data(), first(), y.data(), keep.data(), dy.data(),
                                      dgates.data(), before.data(), samples.data(), dfirst.data());
        // x has the gradients of h, except for the last H columns of a GRU, which stand first in a row.
        const std::size_t shared = N - G::hidden * H;
        const T *const by_h = dgates.data() + G::hidden * H, *const own = dgates.data();
        pass_first(to.h0, h0, s, dfirst.data());
        pass_first(to.c0, c0, s, dfirst.data() + H);
        if (to.weight_ih) {
            const bool add = to.weight_ih->ensure(weight_ih.shape());
            T* const dw = to.weight_ih->data();
            kernel::gemm_tn(shared, s.C, rows, by_h, width, samples.data(), s.C, dw, s.C, add);
            if (shared < N)
                kernel::gemm_tn(H, s.C, rows, own, width, samples.data(), s.C, dw + shared * s.C, s.C, add);
        }
        if (to.weight_hh) {
            const bool add = to.weight_hh->ensure(weight_hh.shape());
            kernel::gemm_tn(N, H, rows, by_h, width, before.data(), H, to.weight_hh->data(), H, add);
        }
        if (to.x) { // the samples are no longer needed
            T* const dx = samples.data();
            kernel::gemm_nn(rows, s.C, shared, by_h, width, weight_ih.data(), s.C, dx, s.C, false);
            if (shared < N)
                kernel::gemm_nn(rows, s.C, H, own, width, weight_ih.data() + shared * s.C, s.C, dx, s.C, true);
            const bool add = to.x->ensure(x.shape());
            kernel::from_recurrent_order(s.B, s.L, s.C, dx, to.x->data(), add);
        }
        if (!to.bias_ih && !to.bias_hh) return;
        const kernel::scratch<T> sums(width);
        kernel::column_sum(rows, width, dgates.data(), sums.data(), false);
        const T* const sums_by_h = sums.data() + G::hidden * H;
        if (to.bias_ih) {
            const bool add = to.bias_ih->ensure(bias_ih.shape());
            take(shared, sums_by_h, to.bias_ih->data(), add);
            if (shared < N) take(H, sums.data(), to.bias_ih->data() + shared, add);
        }
        if (to.bias_hh) {
            const bool add = to.bias_hh->ensure(bias_hh.shape());
            take(N, sums_by_h, to.bias_hh->data(), add);
        }
    }

private:
    static const T* present(const tensor<T>& v) { return v.empty() ? nullptr : v.data(); }
    kernel::recurrence extents(bool reverse, const shape& y) const {
        return {x.shape()[0], x.shape()[1], x.shape()[2], weight_hh.shape()[1], y[1], reverse};
    }
    kernel::first_state<T> first() const {
        return {present(h0), present(c0), weight_hh.shape()[1], weight_hh.shape()[1]};
    }
    /// to (+)= from
    static void take(std::size_t n, const T* from, T* to, bool add) {
        for (std::size_t i = 0; i < n; ++i) to[i] = add ? to[i] + from[i] : from[i];
    }
    /// The gradient by a first state, the columns of dfirst that begin at `from`.
    static void pass_first(tensor<T>* to, const tensor<T>& state, const kernel::recurrence& s, const T* from) {
        if (!to) return;
        const bool add = to->ensure(state.shape());
        for (std::size_t b = 0; b < s.B; ++b) take(s.H, from + b * G::states * s.H, to->data() + b * s.H, add);
    }
};

} // namespace detail

using gru_options = spec::gru;

/// See spec::gru.
///
/// Gradients  with e_t = dy_t + the gradient that step t+1 gives to h_t:
///            dn' = e (1 - z)(1 - n²),  dz' = e (h_{t-1} - n) z (1 - z),  dr' = dn' (W_hn h_{t-1} + b_hn) r (1 - r), each by
///            the argument of its gate; dW_ih, dW_hh, dx, the biases and what step t gives to h_{t-1} are their products.
/// Keeps      r, z, n and W_hn h_{t-1} + b_hn of every step.
template <class T> struct gru_op : spec::gru {
    using scalar = T;
    struct saved {
        tensor<T> steps; ///< (B L, 4H)
    };
    void forward(saved* keep, tensor<T>& y, const tensor<T>& x, const tensor<T>& h0, const tensor<T>& weight_ih,
                 const tensor<T>& weight_hh, const tensor<T>& bias_ih, const tensor<T>& bias_hh) const {
        call{x, h0, none(), weight_ih, weight_hh, bias_ih, bias_hh}.forward(reverse, keep ? &keep->steps : nullptr,
                                                                            y);
    }
    void backward(const saved& keep, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& h0,
                  const tensor<T>& weight_ih, const tensor<T>& weight_hh, const tensor<T>& bias_ih,
                  const tensor<T>& bias_hh, tensor<T>* dx, tensor<T>* dh0, tensor<T>* dweight_ih,
                  tensor<T>* dweight_hh, tensor<T>* dbias_ih, tensor<T>* dbias_hh) const {
        call{x, h0, none(), weight_ih, weight_hh, bias_ih, bias_hh}.backward(
            reverse, keep.steps, y, dy, {dx, dh0, nullptr, dweight_ih, dweight_hh, dbias_ih, dbias_hh});
    }

private:
    using call = detail::recurrent_call<kernel::gru_gates, T>;
    static const tensor<T>& none() {
        static const tensor<T> empty;
        return empty;
    }
};

using lstm_options = spec::lstm;

/// See spec::lstm.
///
/// Gradients  with e_t and a_t the gradients by h_t and c_t, from dy and step t+1:
///            do' = e tanh(c) o (1 - o),  a += e o (1 - tanh²(c)),  di' = a g i (1 - i),  df' = a c_{t-1} f (1 - f),
///            dg' = a i (1 - g²), each by the argument of its gate; a f goes to c_{t-1}, the rest are products of these.
/// Keeps      i, f, g, o and c of every step.
template <class T> struct lstm_op : spec::lstm {
    using scalar = T;
    struct saved {
        tensor<T> steps; ///< (B L, 5H)
    };
    void forward(saved* keep, tensor<T>& y, const tensor<T>& x, const tensor<T>& h0, const tensor<T>& c0,
                 const tensor<T>& weight_ih, const tensor<T>& weight_hh, const tensor<T>& bias_ih,
                 const tensor<T>& bias_hh) const {
        call{x, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh}.forward(reverse, keep ? &keep->steps : nullptr, y);
    }
    void backward(const saved& keep, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& h0,
                  const tensor<T>& c0, const tensor<T>& weight_ih, const tensor<T>& weight_hh,
                  const tensor<T>& bias_ih, const tensor<T>& bias_hh, tensor<T>* dx, tensor<T>* dh0, tensor<T>* dc0,
                  tensor<T>* dweight_ih, tensor<T>* dweight_hh, tensor<T>* dbias_ih, tensor<T>* dbias_hh) const {
        call{x, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh}.backward(
            reverse, keep.steps, y, dy, {dx, dh0, dc0, dweight_ih, dweight_hh, dbias_ih, dbias_hh});
    }

private:
    using call = detail::recurrent_call<kernel::lstm_gates, T>;
};

/// The first state may be absent: tensor<T>(), for zeros.
template <class X, class S, class Wi, class Wh, class Bi, class Bh>
[[nodiscard]] auto gru(X&& x, S&& h0, const Wi& weight_ih, const Wh& weight_hh, const Bi& bias_ih, const Bh& bias_hh,
                       gru_options o = {}) {
    return apply(gru_op<scalar_of_t<X, Wi>>{o}, std::forward<X>(x), std::forward<S>(h0), weight_ih, weight_hh,
                 bias_ih, bias_hh);
}
template <class X, class H, class C, class Wi, class Wh, class Bi, class Bh>
[[nodiscard]] auto lstm(X&& x, H&& h0, C&& c0, const Wi& weight_ih, const Wh& weight_hh, const Bi& bias_ih,
                        const Bh& bias_hh, lstm_options o = {}) {
    return apply(lstm_op<scalar_of_t<X, Wi>>{o}, std::forward<X>(x), std::forward<H>(h0), std::forward<C>(c0),
                 weight_ih, weight_hh, bias_ih, bias_hh);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

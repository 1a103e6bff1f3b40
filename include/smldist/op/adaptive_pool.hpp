// SPDX-License-Identifier: BSD-3-Clause
/// Average pooling of time to a given length.
#ifndef SMLDIST_OP_ADAPTIVE_POOL_HPP
#define SMLDIST_OP_ADAPTIVE_POOL_HPP

#include <cstdint>

#include "smldist/kernel/reduce.hpp"
#include "smldist/op/operand.hpp"
#include "smldist/spec/reduce.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

/// See spec::adaptive_avg_pool1d.
///
/// Gradients  dx[b,t,c] = sum over the windows i that hold t of dy[b,i,c] / (their number of steps)
/// Keeps      nothing beyond x.
template <class T> struct adaptive_avg_pool1d_op : spec::adaptive_avg_pool1d {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        each_window(x.shape(), [&](std::size_t from, std::size_t steps, std::size_t C, std::size_t to) {
            kernel::pool_mean(1, steps, C, x.data() + from, y.data() + to);
        });
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        if (!dx->ensure(x.shape())) dx->fill(T(0));
        each_window(x.shape(), [&](std::size_t from, std::size_t steps, std::size_t C, std::size_t to) {
            kernel::pool_mean_backward(1, steps, C, dy.data() + to, dx->data() + from, true);
        });
    }

private:
    /// f(offset in x, steps, C, offset in y) for every window.
    template <class F> void each_window(const shape& x, F&& f) const {
        const std::size_t B = x[0], L = x[1], C = x[2];
        for (std::size_t b = 0; b < B; ++b)
            for (std::size_t i = 0; i < length; ++i) {
                const kernel::pool_window w(i, L, length);
                f((b * L + w.first) * C, w.end - w.first, C, (b * length + i) * C);
            }
    }
};

/// x (B, L, C) averaged to (B, length, C). See adaptive_avg_pool1d_op.
template <class X> [[nodiscard]] auto adaptive_avg_pool1d(const X& x, std::size_t length) {
    return op::apply(adaptive_avg_pool1d_op<scalar_of_t<X>>{{length}}, x);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

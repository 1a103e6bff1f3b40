// SPDX-License-Identifier: BSD-3-Clause
/// Average pooling of time to a given length.
#ifndef SMLDIST_OP_ADAPTIVE_POOL_HPP
#define SMLDIST_OP_ADAPTIVE_POOL_HPP

#include <cstdint>
#include <string_view>

#include "smldist/kernel/reduce.hpp"
#include "smldist/op/operand.hpp"

namespace smldist::inline SMLDIST_ABI::op {

/// Mean over L' windows that cover time evenly; neighbours share a step where L' does not divide L.
///
///     y[b,i,c] = mean of x[b,t,c] over floor(i L/L') ≤ t < ceil((i+1) L/L')
///
/// Shapes     x (B, L, C) · y (B, L', C)
/// Gradients  dx[b,t,c] = sum over the windows i that hold t of dy[b,i,c] / (their number of steps)
/// Keeps      nothing beyond x.
/// Cost       one pass; counted as 0 MACs.
/// Throws     shape_error if x is not (B, L, C) with L ≥ 1; usage_error if L' = 0.
/// Source     torch.nn.functional.adaptive_avg_pool1d.
template <class T> struct adaptive_avg_pool1d_op {
    using scalar = T;
    struct saved {};
    static constexpr std::string_view name = "adaptive_avg_pool1d";

    std::size_t length = 1; ///< L'

    void attributes(auto&& visit) const { visit("length", length); }
    std::uint64_t macs(const shape&) const { return 0; }
    shape infer(const shape& x) const {
        if (length == 0) raise<usage_error>("op::adaptive_avg_pool1d", "length is 0, expected at least 1");
        if (x.rank() != 3 || x[1] == 0)
            raise<shape_error>("op::adaptive_avg_pool1d", "shape is ", x.text(), ", expected (B, L, C) with L >= 1");
        return {x[0], length, x[2]};
    }
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
                const auto first = static_cast<std::size_t>(std::uint64_t(i) * L / length);
                const auto end = static_cast<std::size_t>((std::uint64_t(i + 1) * L + length - 1) / length);
                f((b * L + first) * C, end - first, C, (b * length + i) * C);
            }
    }
};

/// x (B, L, C) averaged to (B, length, C). See adaptive_avg_pool1d_op.
template <class X> auto adaptive_avg_pool1d(const X& x, std::size_t length) {
    return op::apply(adaptive_avg_pool1d_op<scalar_of_t<X>>{length}, x);
}

} // namespace smldist::inline SMLDIST_ABI::op

#endif

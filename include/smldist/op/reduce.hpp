// SPDX-License-Identifier: BSD-3-Clause
/// Sums, means and maxima: over all elements, over one axis, over time.
#ifndef SMLDIST_OP_REDUCE_HPP
#define SMLDIST_OP_REDUCE_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

#include "smldist/core/parallel.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/op/normed.hpp"
#include "smldist/op/operand.hpp"

namespace smldist::inline SMLDIST_ABI::op {

/// Axis of a reduction over all elements.
inline constexpr std::ptrdiff_t all_axes = std::numeric_limits<std::ptrdiff_t>::min();

struct reduce_options {
    std::ptrdiff_t axis = all_axes; ///< negative: from the back
    bool keepdim = false;           ///< keep the reduced axes, with extent 1
};

enum class reduction : std::uint8_t { sum, mean };

/// Sum or mean over one axis or all.
///
/// Shapes     x any · y without the reduced axes, or with extent 1 there (keepdim); () when all are reduced
/// Gradients  dx = dy (sum) or dy/n (mean), repeated along the n reduced elements.
/// Keeps      nothing beyond x.
/// Cost       one pass; counted as 0 MACs.
/// Throws     shape_error if the axis does not exist, or for a mean of no elements.
template <class T, reduction R> struct reduce_op {
    using scalar = T;
    struct saved {};
    static constexpr std::string_view name = R == reduction::sum ? "sum" : "mean";
    static constexpr std::string_view where = R == reduction::sum ? "op::sum" : "op::mean";

    reduce_options options;

    void attributes(auto&& visit) const {
        if (options.axis != all_axes) visit("axis", options.axis);
        visit("keepdim", options.keepdim);
    }
    std::uint64_t macs(const shape&) const { return 0; }
    shape infer(const shape& x) const {
        shape y;
        const bool all = options.axis == all_axes;
        const std::size_t axis = all ? 0 : detail::resolve_axis(where, x, options.axis);
        for (std::size_t a = 0; a < x.rank(); ++a)
            if (!all && a != axis)
                y.push_back(x[a]);
            else if (options.keepdim)
                y.push_back(1);
        if (R == reduction::mean && (all ? x.size() : x[axis]) == 0)
            raise<shape_error>(where, "shape is ", x.text(), ", expected at least one element to average");
        return y;
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        const auto [outer, n, inner] = view(x.shape());
        if (outer == 1 && inner == 1)
            y[0] = kernel::sum(n, x.data());
        else if (inner == 1)
            kernel::row_sum(outer, n, x.data(), y.data(), false);
        else
            for (std::size_t o = 0; o < outer; ++o)
                kernel::column_sum(n, inner, x.data() + o * n * inner, y.data() + o * inner, false);
        if constexpr (R == reduction::mean) kernel::scale(y.size(), T(1) / static_cast<T>(n), y.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        const auto [outer, n, inner] = view(x.shape());
        const T share = R == reduction::mean ? T(1) / static_cast<T>(n) : T(1);
        const bool add = dx->ensure(x.shape());
        T* to = dx->data();
        for (std::size_t o = 0; o < outer; ++o)
            for (std::size_t i = 0; i < n; ++i)
                for (std::size_t c = 0; c < inner; ++c, ++to) {
                    const T d = share * dy[o * inner + c];
                    *to = add ? *to + d : d;
                }
    }

private:
    detail::axis_view view(const shape& x) const {
        if (options.axis == all_axes) return {1, x.size(), 1};
        return detail::around(x, detail::resolve_axis(where, x, options.axis));
    }
};

template <class X> auto sum(const X& x, reduce_options o = {}) {
    return op::apply(reduce_op<scalar_of_t<X>, reduction::sum>{o}, x);
}
template <class X> auto mean(const X& x, reduce_options o = {}) {
    return op::apply(reduce_op<scalar_of_t<X>, reduction::mean>{o}, x);
}

/// Global average pool.
///
///     y[b,c] = 1/L sum_t x[b,t,c]
///
/// Shapes     x (B, L, C) · y (B, C)
/// Gradients  dx[b,t,c] = dy[b,c] / L
/// Keeps      nothing beyond x.
/// Cost       one pass; counted as 0 MACs.
/// Throws     shape_error if x is not (B, L, C) with L ≥ 1.
template <class T> struct mean_over_time_op {
    using scalar = T;
    struct saved {};
    static constexpr std::string_view name = "mean_over_time";

    void attributes(auto&&) const {}
    std::uint64_t macs(const shape&) const { return 0; }
    shape infer(const shape& x) const {
        if (x.rank() != 3 || x[1] == 0)
            raise<shape_error>("op::mean_over_time", "shape is ", x.text(), ", expected (B, L, C) with L >= 1");
        return {x[0], x[2]};
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        const auto& s = x.shape();
        kernel::pool_mean(s[0], s[1], s[2], x.data(), y.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        const auto& s = x.shape();
        const bool add = dx->ensure(s);
        kernel::pool_mean_backward(s[0], s[1], s[2], dy.data(), dx->data(), add);
    }
    var<T> read_normed(const normed_value<T>& n) const {
        if (!n.gate.empty()) return {};
        return op::apply(normed_mean_op<T>{n.f}, n.x, n.map);
    }
};
template <class X> auto mean_over_time(const X& x) { return op::apply(mean_over_time_op<scalar_of_t<X>>{}, x); }

struct max_pool1d_options {
    std::size_t kernel_size = 2;
    std::size_t stride = 2;
    std::size_t padding = 0; ///< positions before and after the window that never win
};

/// Maximum over a sliding window of time.
///
///     y[b,t,c] = max_k x[b, t*stride + k - padding, c]
///
/// Shapes     x (B, L, C) · y (B, L', C), L' = (L + 2*padding - kernel_size) / stride + 1
/// Gradients  dy goes to the element that won; of equal elements the first. A NaN wins.
/// Keeps      the position of every winner.
/// Cost       B * L' * C * kernel_size comparisons; counted as 0 MACs.
/// Throws     usage_error if kernel_size or stride is 0 or padding exceeds kernel_size / 2;
///            shape_error if x is not (B, L, C) or L' < 1.
/// Source     torch.nn.functional.max_pool1d.
template <class T> struct max_pool1d_op {
    using scalar = T;
    struct saved {
        tensor<std::int32_t> winner; ///< (B, L', C): the time index in x
    };
    static constexpr std::string_view name = "max_pool1d";

    max_pool1d_options options;

    void attributes(auto&& visit) const {
        visit("kernel_size", options.kernel_size);
        visit("stride", options.stride);
        visit("padding", options.padding);
    }
    std::uint64_t macs(const shape&) const { return 0; }
    shape infer(const shape& x) const {
        const auto& o = options;
        if (o.kernel_size == 0 || o.stride == 0)
            raise<usage_error>("op::max_pool1d", "kernel_size and stride are ", o.kernel_size, " and ", o.stride,
                               ", expected at least 1");
        if (o.padding > o.kernel_size / 2)
            raise<usage_error>("op::max_pool1d", "padding is ", o.padding, ", expected at most half of kernel_size ",
                               o.kernel_size);
        if (x.rank() != 3) raise<shape_error>("op::max_pool1d", "shape is ", x.text(), ", expected (B, L, C)");
        if (x[1] == 0 || x[1] + 2 * o.padding < o.kernel_size)
            raise<shape_error>("op::max_pool1d", "padded length is ", x[1] + 2 * o.padding, ", expected at least ",
                               o.kernel_size);
        return {x[0], (x[1] + 2 * o.padding - o.kernel_size) / o.stride + 1, x[2]};
    }
    void forward(saved* keep, tensor<T>& y, const tensor<T>& x) const {
        const std::size_t B = x.shape()[0], L = x.shape()[1], C = x.shape()[2], Lo = y.shape()[1];
        auto winner = tensor<std::int32_t>::uninitialized(y.shape());
        parallel_for(B * Lo, kernel::chunk_rows(C * options.kernel_size), [&](std::size_t first, std::size_t last) {
            for (std::size_t r = first; r < last; ++r) {
                const T* in = x.data() + r / Lo * L * C;
                T* best = y.data() + r * C;
                std::int32_t* at = winner.data() + r * C;
                const std::size_t start = r % Lo * options.stride;
                const std::size_t from = std::max(start, options.padding) - options.padding;
                const std::size_t to = std::min(L, start + options.kernel_size - options.padding);
                std::copy_n(in + from * C, C, best);
                std::fill_n(at, C, static_cast<std::int32_t>(from));
                for (std::size_t t = from + 1; t < to; ++t)
                    for (std::size_t c = 0; c < C; ++c)
                        if (const T v = in[t * C + c]; v > best[c] || std::isnan(v)) {
                            best[c] = v;
                            at[c] = static_cast<std::int32_t>(t);
                        }
            }
        });
        if (keep) keep->winner = std::move(winner);
    }
    void backward(const saved& keep, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x,
                  tensor<T>* dx) const {
        if (!dx) return;
        const std::size_t B = x.shape()[0], L = x.shape()[1], C = x.shape()[2], Lo = y.shape()[1];
        if (!dx->ensure(x.shape())) dx->fill(T(0));
        for (std::size_t r = 0; r < B * Lo; ++r) {
            T* to = dx->data() + r / Lo * L * C;
            for (std::size_t c = 0; c < C; ++c)
                to[static_cast<std::size_t>(keep.winner[r * C + c]) * C + c] += dy[r * C + c];
        }
    }
};
template <class X> auto max_pool1d(const X& x, max_pool1d_options o = {}) {
    return op::apply(max_pool1d_op<scalar_of_t<X>>{o}, x);
}

} // namespace smldist::inline SMLDIST_ABI::op

#endif

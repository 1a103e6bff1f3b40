// SPDX-License-Identifier: BSD-3-Clause
/// Sums, means and extremes: over all elements, over one axis, over time; running sums.
#ifndef SMLDIST_OP_REDUCE_HPP
#define SMLDIST_OP_REDUCE_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "smldist/core/parallel.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/op/normed.hpp"
#include "smldist/op/operand.hpp"
#include "smldist/spec/reduce.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

using reduce_options = spec::reduce_options;
/// The axis of a reduction over all elements.
inline constexpr std::nullopt_t all_axes = std::nullopt;

namespace detail {
/// x around the axis that is reduced, or around all elements.
inline axis_view reduced(std::string_view where, const reduce_options& o, const shape& x) {
    if (!o.axis) return {1, x.size(), 1};
    return around(x, spec::resolve_axis(where, x, *o.axis));
}
} // namespace detail

/// See spec::sum and spec::mean.
///
/// Gradients  dx = dy (sum) or dy/n (mean), repeated along the n reduced elements.
/// Keeps      nothing beyond x.
template <class T, class S> struct reduce_op : S {
    using scalar = T;
    struct saved {};
    static constexpr bool averages = std::is_same_v<S, spec::mean>;

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        const auto [outer, n, inner] = view(x.shape());
        if (outer == 1 && inner == 1)
            y[0] = kernel::sum(n, x.data());
        else if (inner == 1)
            kernel::row_sum(outer, n, x.data(), y.data(), false);
        else
            for (std::size_t o = 0; o < outer; ++o)
                kernel::column_sum(n, inner, x.data() + o * n * inner, y.data() + o * inner, false);
        if constexpr (averages) kernel::scale(y.size(), T(1) / static_cast<T>(n), y.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        const auto [outer, n, inner] = view(x.shape());
        const T share = averages ? T(1) / static_cast<T>(n) : T(1);
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
    detail::axis_view view(const shape& x) const { return detail::reduced(S::name, *this, x); }
};

template <class X> [[nodiscard]] auto sum(const X& x, reduce_options o = {}) {
    return op::apply(reduce_op<scalar_of_t<X>, spec::sum>{{o}}, x);
}
template <class X> [[nodiscard]] auto mean(const X& x, reduce_options o = {}) {
    return op::apply(reduce_op<scalar_of_t<X>, spec::mean>{{o}}, x);
}

/// See spec::max and spec::min.
///
/// Gradients  dy goes to the extreme; of equal elements to the first, also over all axes, where torch.amax divides it.
/// Keeps      the position of every extreme.
template <class T, class S> struct extreme_op : S {
    using scalar = T;
    struct saved {
        tensor<std::int32_t> winner; ///< as y: the index along the axis
    };

    void forward(saved* keep, tensor<T>& y, const tensor<T>& x) const {
        const auto [outer, n, inner] = detail::reduced(S::name, *this, x.shape());
        if (keep) keep->winner = tensor<std::int32_t>::uninitialized(y.shape());
        kernel::extreme<std::is_same_v<S, spec::max>>(outer, n, inner, x.data(), y.data(),
                                                      keep ? keep->winner.data() : nullptr);
    }
    void backward(const saved& keep, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        const auto [outer, n, inner] = detail::reduced(S::name, *this, x.shape());
        if (!dx->ensure(x.shape())) dx->fill(T(0));
        for (std::size_t o = 0; o < outer; ++o)
            for (std::size_t i = 0; i < inner; ++i) {
                const std::size_t at = o * inner + i;
                (*dx)[(o * n + static_cast<std::size_t>(keep.winner[at])) * inner + i] += dy[at];
            }
    }
};

template <class X> [[nodiscard]] auto max(const X& x, reduce_options o = {}) {
    return op::apply(extreme_op<scalar_of_t<X>, spec::max>{{o}}, x);
}
template <class X> [[nodiscard]] auto min(const X& x, reduce_options o = {}) {
    return op::apply(extreme_op<scalar_of_t<X>, spec::min>{{o}}, x);
}

/// See spec::argmax and spec::argmin.
///
/// Gradients  none: the index is constant almost everywhere.
/// Keeps      nothing.
template <class T, class S> struct arg_extreme_op : S {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        const auto [outer, n, inner] = detail::reduced(S::name, *this, x.shape());
        const kernel::scratch<T> values(y.size());
        kernel::extreme<std::is_same_v<S, spec::argmax>>(outer, n, inner, x.data(), values.data(), y.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>&, const tensor<T>&, tensor<T>*) const {}
};

template <class X> [[nodiscard]] auto argmax(const X& x, reduce_options o = {}) {
    return op::apply(arg_extreme_op<scalar_of_t<X>, spec::argmax>{{o}}, x);
}
template <class X> [[nodiscard]] auto argmin(const X& x, reduce_options o = {}) {
    return op::apply(arg_extreme_op<scalar_of_t<X>, spec::argmin>{{{o}}}, x);
}

/// See spec::cumsum.
///
/// Gradients  dx[…,i,…] = sum_{k ≥ i} dy[…,k,…]
/// Keeps      nothing beyond x.
template <class T> struct cumsum_op : spec::cumsum {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const { run<false>(x, y); }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        if (!dx->ensure(x.shape())) return run<true>(dy, *dx);
        auto sums = tensor<T>::uninitialized(x.shape());
        run<true>(dy, sums);
        kernel::axpy(x.size(), T(1), sums.data(), dx->data());
    }

private:
    template <bool backwards> void run(const tensor<T>& x, tensor<T>& y) const {
        const auto [outer, n, inner] = detail::around(x.shape(), spec::resolve_axis("op::cumsum", x.shape(), axis));
        kernel::running_sum<backwards>(outer, n, inner, x.data(), y.data());
    }
};
template <class X> [[nodiscard]] auto cumsum(const X& x, std::ptrdiff_t axis = -1) {
    return op::apply(cumsum_op<scalar_of_t<X>>{{axis}}, x);
}

/// See spec::mean_over_time.
///
/// Gradients  dx[b,t,c] = dy[b,c] / L
/// Keeps      nothing beyond x.
template <class T> struct mean_over_time_op : spec::mean_over_time {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        const auto& s = x.shape();
        kernel::pool_mean(s[0], s.sample_rows(), s.back(), x.data(), y.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        const auto& s = x.shape();
        const bool add = dx->ensure(s);
        kernel::pool_mean_backward(s[0], s.sample_rows(), s.back(), dy.data(), dx->data(), add);
    }
    var<T> read_normed(const normed_value<T>& n) const {
        if (!n.gate.empty()) return {};
        return op::apply(normed_mean_op<T>{n.f}, n.x, n.map);
    }
};
template <class X> [[nodiscard]] auto mean_over_time(const X& x) {
    return op::apply(mean_over_time_op<scalar_of_t<X>>{}, x);
}
/// The same op: the mean over the pixels of images (B, H, W, C).
template <class X> [[nodiscard]] auto global_avg_pool(const X& x) { return op::mean_over_time(x); }

using max_pool1d_options = spec::max_pool1d;

/// See spec::max_pool1d.
///
/// Gradients  dy goes to the maximum, in a tie to the first; a NaN counts as the maximum.
/// Keeps      the position of every winner.
template <class T> struct max_pool1d_op : spec::max_pool1d {
    using scalar = T;
    struct saved {
        tensor<std::int32_t> winner; ///< (B, L', C): the time index in x
    };

    void forward(saved* keep, tensor<T>& y, const tensor<T>& x) const {
        const std::size_t B = x.shape()[0], L = x.shape()[1], C = x.shape()[2], Lo = y.shape()[1];
        auto winner = tensor<std::int32_t>::uninitialized(y.shape());
        parallel_for(B * Lo, kernel::chunk_rows(C * kernel_size), [&](std::size_t first, std::size_t last) {
            for (std::size_t r = first; r < last; ++r)
                kernel::max_pool_row(L, C, kernel_size, r % Lo * stride, padding, x.data() + r / Lo * L * C,
                                     y.data() + r * C, winner.data() + r * C);
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
template <class X> [[nodiscard]] auto max_pool1d(const X& x, max_pool1d_options o = {}) {
    return op::apply(max_pool1d_op<scalar_of_t<X>>{o}, x);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Maxima and means of images over a sliding window.
#ifndef SMLDIST_OP_POOL2D_HPP
#define SMLDIST_OP_POOL2D_HPP

#include <cstddef>
#include <cstdint>
#include <utility>

#include "smldist/kernel/pool2d.hpp"
#include "smldist/op/apply.hpp"
#include "smldist/spec/pool2d.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

using max_pool2d_options = spec::max_pool2d;
using avg_pool2d_options = spec::avg_pool2d;

namespace detail {
/// The sizes of a pooling with the options o.
template <class O> kernel::pool2d_shape pool2d_sizes(const O& o, const shape& x, const shape& y) {
    return {{x[1], y[1], o.kernel_size.height, o.stride.height, o.padding.height},
            {x[2], y[2], o.kernel_size.width, o.stride.width, o.padding.width},
            x[3]};
}
} // namespace detail

/// See spec::max_pool2d.
///
/// Gradients  dy goes to the maximum, in a tie to the first; a NaN counts as the maximum.
/// Keeps      the position of every winner.
template <class T> struct max_pool2d_op : spec::max_pool2d {
    using scalar = T;
    struct saved {
        tensor<std::int32_t> winner; ///< as y: the pixel of its image
    };

    void forward(saved* keep, tensor<T>& y, const tensor<T>& x) const {
        const auto s = detail::pool2d_sizes(*this, x.shape(), y.shape());
        if (keep) keep->winner = tensor<std::int32_t>::uninitialized(y.shape());
        kernel::max_pool2d_forward(x.shape()[0], s, x.data(), y.data(), keep ? keep->winner.data() : nullptr);
    }
    void backward(const saved& keep, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x,
                  tensor<T>* dx) const {
        if (!dx) return;
        if (!dx->ensure(x.shape())) dx->fill(T(0));
        kernel::max_pool2d_backward(x.shape()[0], detail::pool2d_sizes(*this, x.shape(), y.shape()), dy.data(),
                                    keep.winner.data(), dx->data());
    }
};
template <class X> [[nodiscard]] auto max_pool2d(const X& x, max_pool2d_options o = {}) {
    return op::apply(max_pool2d_op<scalar_of_t<X>>{o}, x);
}

/// See spec::avg_pool2d.
///
/// Gradients  dx = sum over the windows that hold a pixel of dy / n
/// Keeps      nothing beyond x.
template <class T> struct avg_pool2d_op : spec::avg_pool2d {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        kernel::avg_pool2d_forward(x.shape()[0], detail::pool2d_sizes(*this, x.shape(), y.shape()),
                                   !count_include_pad, x.data(), y.data());
    }
    void backward(const saved&, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        if (!dx->ensure(x.shape())) dx->fill(T(0));
        kernel::avg_pool2d_backward(x.shape()[0], detail::pool2d_sizes(*this, x.shape(), y.shape()),
                                    !count_include_pad, dy.data(), dx->data());
    }
};
template <class X> [[nodiscard]] auto avg_pool2d(const X& x, avg_pool2d_options o = {}) {
    return op::apply(avg_pool2d_op<scalar_of_t<X>>{o}, x);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

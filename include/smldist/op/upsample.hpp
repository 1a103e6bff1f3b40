// SPDX-License-Identifier: BSD-3-Clause
/// Resampling in time or of images.
#ifndef SMLDIST_OP_UPSAMPLE_HPP
#define SMLDIST_OP_UPSAMPLE_HPP

#include <cstddef>
#include <utility>

#include "smldist/kernel/upsample.hpp"
#include "smldist/op/apply.hpp"
#include "smldist/spec/upsample.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

using upsample_options = spec::upsample;

/// See spec::upsample.
///
/// Gradients  dx is the transpose of the map, applied to dy: each position of dy is added to those that it was read from.
/// Keeps      nothing.
template <class T> struct upsample_op : spec::upsample {
    using scalar = T;
    struct saved {};
    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        const axes a(*this, x.shape(), y.shape());
        kernel::upsample_forward(x.shape()[0], a.rows, a.columns, x.shape().back(), x.data(), y.data());
    }
    void backward(const saved&, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        const axes a(*this, x.shape(), y.shape());
        const bool add = dx->ensure(x.shape());
        kernel::upsample_backward(x.shape()[0], a.rows, a.columns, x.shape().back(), dy.data(), dx->data(), add);
    }

private:
    struct axes {
        kernel::resampled_axis rows, columns;
        axes(const upsample_op& o, const shape& x, const shape& y)
            : rows{x[1], y[1], o.scale, o.linear, o.align_corners} {
            if (x.rank() == 4) columns = {x[2], y[2], o.scale, o.linear, o.align_corners};
        }
    };
};

///     op::upsample(x, {.scale = 2})                       // each step twice
///     op::upsample(image, {.size = {64, 64}, .linear = true})
template <class X> [[nodiscard]] auto upsample(X&& x, const upsample_options& o) {
    return apply(upsample_op<scalar_of_t<X>>{o}, std::forward<X>(x));
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

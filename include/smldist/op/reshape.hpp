// SPDX-License-Identifier: BSD-3-Clause
/// Ops that move elements: reshape, flatten, concat, slice, permute and transpose, pad.
#ifndef SMLDIST_OP_RESHAPE_HPP
#define SMLDIST_OP_RESHAPE_HPP

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <utility>

#include "smldist/kernel/move.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/op/operand.hpp"
#include "smldist/spec/reshape.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// Adds `rows` blocks of `n` elements: kernel::copy_blocks with += in place of =.
template <class T>
void add_blocks(std::size_t rows, std::size_t n, const T* from, std::size_t from_stride, T* to,
                std::size_t to_stride) {
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t i = 0; i < n; ++i) to[r * to_stride + i] += from[r * from_stride + i];
}

/// dx (+)= dy, both with the same elements in the same order.
template <class T> void pass_gradient(tensor<T>* dx, const shape& x, const tensor<T>& dy) {
    if (dx)
        accumulate(
            *dx, x, [](const auto& d) SMLDIST_INLINE_LAMBDA { return d; }, dy);
}

/// The shape of what as_image returns.
SMLDIST_NOINLINE inline shape image_shape(const shape& x, std::size_t height, std::size_t width) {
    const bool rows = x.rank() == 3 && x[1] == height * width;
    const bool image = x.rank() == 4 && x[1] == height && x[2] == width;
    if (!rows && !image)
        raise<shape_error>("op::as_image", "shape is ", x.text(), ", expected (B, ", height * width, ", C) or (B, ",
                           height, ", ", width, ", C)");
    return {x[0], height, width, x.back()};
}

} // namespace detail

/// See spec::reshape.
///
/// Gradients  dx = dy, reshaped back.
template <class T> struct reshape_op : spec::reshape {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const { kernel::copy(x.size(), x.data(), y.data()); }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        detail::pass_gradient(dx, x.shape(), dy);
    }
};

/// See spec::flatten.
///
/// Gradients  dx = dy, reshaped back.
template <class T> struct flatten_op : spec::flatten {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const { kernel::copy(x.size(), x.data(), y.data()); }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        detail::pass_gradient(dx, x.shape(), dy);
    }
};

using concat_options = spec::concat;

/// See spec::concat.
///
/// Gradients  da and db are the two parts of dy.
template <class T> struct concat_op : spec::concat {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& a, const tensor<T>& b) const {
        const auto [rows, na, nb] = parts(a, b);
        kernel::copy_blocks(rows, na, a.data(), na, y.data(), na + nb);
        kernel::copy_blocks(rows, nb, b.data(), nb, y.data() + na, na + nb);
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& a, const tensor<T>& b,
                  tensor<T>* da, tensor<T>* db) const {
        const auto [rows, na, nb] = parts(a, b);
        if (da) take(*da, a.shape(), rows, na, dy.data(), na + nb);
        if (db) take(*db, b.shape(), rows, nb, dy.data() + na, na + nb);
    }

private:
    struct layout {
        std::size_t rows, na, nb; ///< rows of na elements of a followed by nb of b
    };
    layout parts(const tensor<T>& a, const tensor<T>& b) const {
        const std::size_t along = spec::resolve_axis("op::concat", a.shape(), axis);
        const auto va = detail::around(a.shape(), along), vb = detail::around(b.shape(), along);
        return {va.outer, va.n * va.inner, vb.n * vb.inner};
    }
    static void take(tensor<T>& sink, const shape& s, std::size_t rows, std::size_t n, const T* dy,
                     std::size_t stride) {
        if (sink.ensure(s))
            detail::add_blocks(rows, n, dy, stride, sink.data(), n);
        else
            kernel::copy_blocks(rows, n, dy, stride, sink.data(), n);
    }
};

using slice_options = spec::slice;

/// See spec::slice.
///
/// Gradients  dx is dy inside the part, 0 outside.
template <class T> struct slice_op : spec::slice {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        const auto v = view(x);
        const std::size_t n = (end - begin) * v.inner;
        kernel::copy_blocks(v.outer, n, x.data() + begin * v.inner, v.n * v.inner, y.data(), n);
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        const auto v = view(x);
        const std::size_t n = (end - begin) * v.inner;
        if (!dx->ensure(x.shape())) dx->fill(T(0));
        detail::add_blocks(v.outer, n, dy.data(), n, dx->data() + begin * v.inner, v.n * v.inner);
    }

private:
    detail::axis_view view(const tensor<T>& x) const {
        return detail::around(x.shape(), spec::resolve_axis("op::slice", x.shape(), axis));
    }
};

/// See spec::permute.
///
/// Gradients  dx is dy with its axes in the order of x.
template <class T> struct permute_op : spec::permute {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        shape steps; // of the axes of x
        for (std::size_t a = 0; a < axes.rank(); ++a) steps.push_back(x.shape().product(a + 1, axes.rank()));
        kernel::strided s;
        for (const std::size_t a : axes) s.add(x.shape()[a], steps[a]);
        kernel::strided_copy<false>(s, x.data(), y.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        kernel::strided s;
        for (std::size_t a = 0; a < axes.rank(); ++a) {
            const auto i = static_cast<std::size_t>(std::find(axes.begin(), axes.end(), a) - axes.begin());
            s.add(x.shape()[a], dy.shape().product(i + 1, axes.rank()));
        }
        if (dx->ensure(x.shape()))
            kernel::strided_copy<true>(s, dy.data(), dx->data());
        else
            kernel::strided_copy<false>(s, dy.data(), dx->data());
    }
};

/// See spec::pad.
///
/// Gradients  dx is the part of dy in the place of x.
template <class T> struct pad_op : spec::pad {
    using scalar = T;
    struct saved {};

    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        kernel::pad(layout(x.shape(), y.shape()), static_cast<T>(value), x.data(), y.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        const bool add = dx->ensure(x.shape());
        kernel::pad_backward(layout(x.shape(), dy.shape()), dy.data(), dx->data(), add);
    }

private:
    kernel::padded layout(const shape& x, const shape& y) const {
        if (x.rank() == 0) return {1, {1}, {0}, {1}};
        kernel::padded s{x.rank(), {}, {}, {}};
        for (std::size_t a = 0; a < x.rank(); ++a) {
            s.extent[a] = x[a];
            s.before[a] = first(x.rank(), a);
            s.whole[a] = y[a];
        }
        return s;
    }
};

template <class X> [[nodiscard]] auto reshape(const X& x, const shape& target) {
    return op::apply(reshape_op<scalar_of_t<X>>{{target}}, x);
}
/// x (B, H·W, C), whose windows hold the pixels of images row by row, as images (B, H, W, C). A network of images begins
/// with it: it is then trained, saved and deployed as one of windows is, and also takes images as they are.
/// Throws     shape_error if x has another shape.
template <class X> [[nodiscard]] auto as_image(const X& x, std::size_t height, std::size_t width) {
    return op::reshape(x, detail::image_shape(x.shape(), height, width));
}
/// The pixels of images (B, H, W, C) as the steps of windows (B, H·W, C), row by row; windows stay as they are. For what
/// reads windows: a stage of a network that is taught, the values of an attention.
/// Throws     shape_error if x has fewer than three axes.
template <class X> [[nodiscard]] auto as_rows(const X& x) {
    const shape s = x.shape();
    if (s.rank() < 3)
        raise<shape_error>("op::as_rows", "shape is ", s.text(), ", expected (B, H, W, C) or (B, L, C)");
    return op::reshape(x, {s[0], s.sample_rows(), s.back()});
}
template <class X> [[nodiscard]] auto flatten(const X& x) { return op::apply(flatten_op<scalar_of_t<X>>{}, x); }
/// Two inputs; compose for more: concat(concat(a, b), c).
template <class A, class B> [[nodiscard]] auto concat(A&& a, B&& b, std::ptrdiff_t axis = -1) {
    return op::apply(concat_op<scalar_of_t<A, B>>{{axis}}, std::forward<A>(a), std::forward<B>(b));
}
template <class X> [[nodiscard]] auto slice(const X& x, std::ptrdiff_t axis, std::size_t begin, std::size_t end) {
    return op::apply(slice_op<scalar_of_t<X>>{{axis, begin, end}}, x);
}
/// The axes of x in the order of `axes`; negative numbers count from the back.
template <class X> [[nodiscard]] auto permute(const X& x, std::initializer_list<std::ptrdiff_t> axes) {
    spec::permute s;
    for (const std::ptrdiff_t a : axes) s.axes.push_back(spec::resolve_axis("op::permute", x.shape(), a));
    return op::apply(permute_op<scalar_of_t<X>>{s}, x);
}
/// Two axes of x exchanged: a permute.
/// Throws     shape_error if an axis does not exist.
template <class X> [[nodiscard]] auto transpose(const X& x, std::ptrdiff_t a, std::ptrdiff_t b) {
    const shape from = x.shape();
    const std::size_t i = spec::resolve_axis("op::transpose", from, a),
                      k = spec::resolve_axis("op::transpose", from, b);
    spec::permute s;
    for (std::size_t axis = 0; axis < from.rank(); ++axis) s.axes.push_back(axis == i ? k : axis == k ? i : axis);
    return op::apply(permute_op<scalar_of_t<X>>{s}, x);
}

/// Elements before and after x along one axis.
struct pad_amounts {
    std::size_t before = 0, after = 0;
};
/// x between elements `value`. The amounts are those of the last axis, then of the one before it, …: for x (B, L, C),
/// `pad(x, {{0, 0}, {3, 1}})` lengthens time.
template <class X> [[nodiscard]] auto pad(const X& x, std::initializer_list<pad_amounts> amounts, double value = 0) {
    spec::pad s{{}, {}, value};
    for (const auto& [before, after] : amounts) {
        s.before.push_back(before);
        s.after.push_back(after);
    }
    return op::apply(pad_op<scalar_of_t<X>>{s}, x);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

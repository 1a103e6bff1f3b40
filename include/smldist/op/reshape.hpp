// SPDX-License-Identifier: BSD-3-Clause
/// Ops that move elements: reshape, flatten, concat, slice.
#ifndef SMLDIST_OP_RESHAPE_HPP
#define SMLDIST_OP_RESHAPE_HPP

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "smldist/kernel/vector.hpp"
#include "smldist/op/operand.hpp"

namespace smldist::inline SMLDIST_ABI::op {

namespace detail {

/// Copies `rows` blocks of `n` elements between arrays whose rows are `from_stride` and `to_stride` apart.
template <class T>
void copy_blocks(std::size_t rows, std::size_t n, const T* from, std::size_t from_stride, T* to,
                 std::size_t to_stride) {
    for (std::size_t r = 0; r < rows; ++r) std::copy_n(from + r * from_stride, n, to + r * to_stride);
}
/// The same, adding.
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

} // namespace detail

/// The same elements, in row-major order, under another shape.
///
/// Shapes     x any · y the given shape
/// Gradients  dx = dy, reshaped back.
/// Cost       a copy; counted as 0 MACs.
/// Throws     shape_error if the number of elements differs.
template <class T> struct reshape_op {
    using scalar = T;
    struct saved {};
    static constexpr std::string_view name = "reshape";

    shape target;

    void attributes(auto&& visit) const { visit("shape", target.text()); }
    std::uint64_t macs(const shape&) const { return 0; }
    shape infer(const shape& x) const {
        if (x.size() != target.size())
            raise<shape_error>("op::reshape", "shape is ", x.text(), ", expected as many elements as ",
                               target.text());
        return target;
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& x) const { kernel::copy(x.size(), x.data(), y.data()); }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        detail::pass_gradient(dx, x.shape(), dy);
    }
};

/// (B, …) → (B, product of the rest); unlike reshape it fits any batch.
/// Throws     shape_error on a scalar.
template <class T> struct flatten_op {
    using scalar = T;
    struct saved {};
    static constexpr std::string_view name = "flatten";

    void attributes(auto&&) const {}
    std::uint64_t macs(const shape&) const { return 0; }
    shape infer(const shape& x) const {
        if (x.rank() == 0) raise<shape_error>("op::flatten", "shape is (), expected at least one axis");
        return {x[0], x.product(1, x.rank())};
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& x) const { kernel::copy(x.size(), x.data(), y.data()); }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        detail::pass_gradient(dx, x.shape(), dy);
    }
};

struct concat_options {
    std::ptrdiff_t axis = -1; ///< negative: from the back
};

/// a followed by b along one axis.
///
/// Shapes     a, b equal but for the axis · y the same, with the sum of both extents at the axis
/// Gradients  da and db are the two parts of dy.
/// Cost       a copy; counted as 0 MACs.
/// Throws     shape_error if the axis does not exist or another extent differs.
template <class T> struct concat_op {
    using scalar = T;
    struct saved {};
    static constexpr std::string_view name = "concat";

    concat_options options;

    void attributes(auto&& visit) const { visit("axis", options.axis); }
    std::uint64_t macs(const shape&, const shape&) const { return 0; }
    shape infer(const shape& a, const shape& b) const {
        const std::size_t axis = detail::resolve_axis("op::concat", a, options.axis);
        if (a.rank() != b.rank() || !(a.with(axis, 0) == b.with(axis, 0)))
            raise<shape_error>("op::concat", "shape of b is ", b.text(), ", expected that of a, ", a.text(),
                               ", but for axis ", axis);
        return a.with(axis, a[axis] + b[axis]);
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& a, const tensor<T>& b) const {
        const auto [rows, na, nb] = parts(a, b);
        detail::copy_blocks(rows, na, a.data(), na, y.data(), na + nb);
        detail::copy_blocks(rows, nb, b.data(), nb, y.data() + na, na + nb);
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
        const std::size_t axis = detail::resolve_axis("op::concat", a.shape(), options.axis);
        const auto va = detail::around(a.shape(), axis), vb = detail::around(b.shape(), axis);
        return {va.outer, va.n * va.inner, vb.n * vb.inner};
    }
    static void take(tensor<T>& sink, const shape& s, std::size_t rows, std::size_t n, const T* dy,
                     std::size_t stride) {
        if (sink.ensure(s))
            detail::add_blocks(rows, n, dy, stride, sink.data(), n);
        else
            detail::copy_blocks(rows, n, dy, stride, sink.data(), n);
    }
};

struct slice_options {
    std::ptrdiff_t axis = -1; ///< negative: from the back
    std::size_t begin = 0, end = 0;
};

/// The part [begin, end) of x along one axis.
///
/// Shapes     x any · y as x, with end − begin at the axis
/// Gradients  dx is dy inside the part, 0 outside.
/// Cost       a copy; counted as 0 MACs.
/// Throws     shape_error if the axis does not exist or not begin ≤ end ≤ its extent.
template <class T> struct slice_op {
    using scalar = T;
    struct saved {};
    static constexpr std::string_view name = "slice";

    slice_options options;

    void attributes(auto&& visit) const {
        visit("axis", options.axis);
        visit("begin", options.begin);
        visit("end", options.end);
    }
    std::uint64_t macs(const shape&) const { return 0; }
    shape infer(const shape& x) const {
        const std::size_t axis = detail::resolve_axis("op::slice", x, options.axis);
        if (options.begin > options.end || options.end > x[axis])
            raise<shape_error>("op::slice", "part is [", options.begin, ", ", options.end, "), expected inside [0, ",
                               x[axis], ") of axis ", axis, "; got shape ", x.text());
        return x.with(axis, options.end - options.begin);
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        const auto v = view(x);
        const std::size_t n = (options.end - options.begin) * v.inner;
        detail::copy_blocks(v.outer, n, x.data() + options.begin * v.inner, v.n * v.inner, y.data(), n);
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        const auto v = view(x);
        const std::size_t n = (options.end - options.begin) * v.inner;
        if (!dx->ensure(x.shape())) dx->fill(T(0));
        detail::add_blocks(v.outer, n, dy.data(), n, dx->data() + options.begin * v.inner, v.n * v.inner);
    }

private:
    detail::axis_view view(const tensor<T>& x) const {
        return detail::around(x.shape(), detail::resolve_axis("op::slice", x.shape(), options.axis));
    }
};

template <class X> auto reshape(const X& x, const shape& target) {
    return op::apply(reshape_op<scalar_of_t<X>>{target}, x);
}
template <class X> auto flatten(const X& x) { return op::apply(flatten_op<scalar_of_t<X>>{}, x); }
/// Two inputs; compose for more: concat(concat(a, b), c).
template <class A, class B> auto concat(A&& a, B&& b, std::ptrdiff_t axis = -1) {
    return op::apply(concat_op<scalar_of_t<A, B>>{{axis}}, std::forward<A>(a), std::forward<B>(b));
}
template <class X> auto slice(const X& x, std::ptrdiff_t axis, std::size_t begin, std::size_t end) {
    return op::apply(slice_op<scalar_of_t<X>>{{axis, begin, end}}, x);
}

} // namespace smldist::inline SMLDIST_ABI::op

#endif

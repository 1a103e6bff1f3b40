// SPDX-License-Identifier: BSD-3-Clause
/// What the op families share: axes, and adding into a gradient sink.
#ifndef SMLDIST_OP_OPERAND_HPP
#define SMLDIST_OP_OPERAND_HPP

#include <cstddef>
#include <string_view>

#include "smldist/kernel/vector.hpp"
#include "smldist/op/apply.hpp"

namespace smldist::inline SMLDIST_ABI::op {

namespace detail {

/// x of any rank seen as (outer, n, inner) around one axis.
struct axis_view {
    std::size_t outer, n, inner;
};
inline axis_view around(const shape& x, std::size_t axis) {
    return {x.product(0, axis), x[axis], x.product(axis + 1, x.rank())};
}

/// The axis meant by `axis`; a negative one counts from the back.
inline std::size_t resolve_axis(std::string_view where, const shape& x, std::ptrdiff_t axis) {
    const auto rank = static_cast<std::ptrdiff_t>(x.rank());
    if (axis < -rank || axis >= rank)
        raise<shape_error>(where, "axis is ", axis, ", expected one of ", rank, " axes; got shape ", x.text());
    return static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
}

/// sink (+)= f(x, …) element by element, each x with the elements of `s`.
template <class T, class F, class... X>
void accumulate(tensor<T>& sink, const shape& s, const F& f, const tensor<X>&... x) {
    if (sink.ensure(s))
        kernel::map_add(s.size(), f, sink.data(), x.data()...);
    else
        kernel::map(s.size(), f, sink.data(), x.data()...);
}

} // namespace detail

} // namespace smldist::inline SMLDIST_ABI::op

#endif

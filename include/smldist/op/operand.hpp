// SPDX-License-Identifier: BSD-3-Clause
/// What the op families share: views of axes, and adding into a gradient sink.
#ifndef SMLDIST_OP_OPERAND_HPP
#define SMLDIST_OP_OPERAND_HPP

#include <cstddef>

#include "smldist/kernel/vector.hpp"
#include "smldist/op/apply.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// x of any rank seen as (outer, n, inner) around one axis.
struct axis_view {
    std::size_t outer, n, inner;
};
inline axis_view around(const shape& x, std::size_t axis) {
    return {x.product(0, axis), x[axis], x.product(axis + 1, x.rank())};
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

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

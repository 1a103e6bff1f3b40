// SPDX-License-Identifier: BSD-3-Clause
/// Ops that choose elements by a mask or by indices: where, embedding, gather.
#ifndef SMLDIST_OP_SELECT_HPP
#define SMLDIST_OP_SELECT_HPP

#include <algorithm>
#include <cstddef>

#include "smldist/kernel/select.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/broadcast.hpp"
#include "smldist/op/operand.hpp"
#include "smldist/spec/select.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// y (+)= a where the mask is not 0, else b, each broadcast to the shape of y.
template <bool add, class T, class M>
void broadcast_choose(const shape& y, T* to, const shape& sm, const M* mask, const shape& sa, const T* a,
                      const shape& sb, const T* b) {
    const std::size_t n = y.size();
    if (n == 0) return;
    const auto simple = [n](const shape& s) { return s.size() == n || s.size() == 1; };
    if (simple(sm) && simple(sa) && simple(sb)) {
        const std::size_t dm = sm.size() == n, da = sa.size() == n, db = sb.size() == n;
        parallel_for(n, kernel::chunk_elements, [&](std::size_t first, std::size_t last) {
            kernel::choose<add>(last - first, mask + first * dm, dm, a + first * da, da, b + first * db, db,
                                to + first);
        });
        return;
    }
    const broadcast_walk wm(sm, y), wa(sa, y), wb(sb, y);
    const std::size_t C = y.back();
    parallel_for(n / C, kernel::chunk_rows(C), [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r)
            kernel::choose<add>(C, mask + wm.row(r), wm.step(), a + wa.row(r), wa.step(), b + wb.row(r), wb.step(),
                                to + r * C);
    });
}

/// Throws usage_error unless every index is a whole number from 0 to n − 1.
template <class I> void check_indices(std::string_view where, const tensor<I>& index, std::size_t n) {
    for (std::size_t i = 0; i < index.size(); ++i)
        if (!kernel::is_index(index[i], n))
            raise<usage_error>(where, "index ", i, " is ", double(index[i]), ", expected a whole number from 0 to ",
                               double(n) - 1);
}

} // namespace detail

/// See spec::where.
///
/// Gradients  da = dy where the mask is not 0, else 0 · db the other way round; each summed over the axes along which
///            the operand was repeated. dy is chosen, not multiplied, so what is not chosen passes on no NaN.
/// Keeps      nothing beyond the mask.
template <class T> struct where_op : spec::where {
    using scalar = T;
    struct saved {};

    template <class M>
    void forward(saved*, tensor<T>& y, const tensor<M>& mask, const tensor<T>& a, const tensor<T>& b) const {
        detail::broadcast_choose<false>(y.shape(), y.data(), mask.shape(), mask.data(), a.shape(), a.data(),
                                        b.shape(), b.data());
    }
    template <class M>
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<M>& mask, const tensor<T>& a,
                  const tensor<T>& b, tensor<M>*, tensor<T>* da, tensor<T>* db) const {
        if (da) operand_gradient<true>(dy, mask, a.shape(), *da);
        if (db) operand_gradient<false>(dy, mask, b.shape(), *db);
    }

private:
    /// dx (+)= dy where the mask chose x, else 0, summed to the shape of x.
    template <bool chosen, class M>
    static void operand_gradient(const tensor<T>& dy, const tensor<M>& mask, const shape& x, tensor<T>& dx) {
        if (x.size() != dy.size()) {
            auto term = tensor<T>::uninitialized(dy.shape());
            part<chosen, false>(dy, mask, term);
            detail::sum_to(term, x, dx);
        } else if (dx.ensure(x)) {
            part<chosen, true>(dy, mask, dx);
        } else {
            part<chosen, false>(dy, mask, dx);
        }
    }
    template <bool chosen, bool add, class M>
    static void part(const tensor<T>& dy, const tensor<M>& mask, tensor<T>& to) {
        const T zero(0);
        const shape &y = dy.shape(), none;
        detail::broadcast_choose<add>(y, to.data(), mask.shape(), mask.data(), chosen ? y : none,
                                      chosen ? dy.data() : &zero, chosen ? none : y, chosen ? &zero : dy.data());
    }
};

/// a where the mask is not 0, else b. One of a and b may be a number.
template <class M, class A, class B> [[nodiscard]] auto where(const M& mask, const A& a, const B& b) {
    if constexpr (detail::number<A>)
        return op::where(mask, detail::constant_beside(b, a), b);
    else if constexpr (detail::number<B>)
        return op::where(mask, a, detail::constant_beside(a, b));
    else
        return op::apply(where_op<scalar_of_t<A, B>>{}, mask, a, b);
}

/// See spec::embedding.
///
/// Gradients  dweight[n] = sum of dy over the places whose index is n; none into the index.
/// Keeps      nothing beyond the index.
/// Throws     when run usage_error if an index is not a whole number from 0 to N − 1. A trace has no values to check; a
///            program, which raises nothing, gives a row of NaN.
template <class T> struct embedding_op : spec::embedding {
    using scalar = T;
    struct saved {};

    template <class I> void forward(saved*, tensor<T>& y, const tensor<I>& index, const tensor<T>& weight) const {
        const std::size_t N = weight.shape()[0], D = weight.shape()[1];
        detail::check_indices("op::embedding", index, N);
        kernel::take_rows(index.size(), N, D, index.data(), weight.data(), y.data());
    }
    template <class I>
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<I>& index,
                  const tensor<T>& weight, tensor<I>*, tensor<T>* dweight) const {
        if (!dweight) return;
        if (!dweight->ensure(weight.shape())) dweight->fill(T(0));
        kernel::add_rows_at(index.size(), weight.shape()[1], index.data(), dy.data(), dweight->data());
    }
};

/// The rows of weight (N, D) that `index` names: index (…) → (…, D). With a tensor of integers and a parameter on a
/// tape, pass `op::lift(v, weight)` for any var v of the tape: integers do not know the tape.
template <class I, class W> [[nodiscard]] auto embedding(const I& index, const W& weight) {
    return op::apply(embedding_op<scalar_of_t<W>>{}, index, weight);
}

/// See spec::gather.
///
/// Gradients  dx = dy added at the places that were read, in the order of dy; none into the index.
/// Keeps      nothing beyond the index.
/// Throws     when run usage_error if an index is not a whole number below the extent of the axis; a trace and a
///            program as embedding.
template <class T> struct gather_op : spec::gather {
    using scalar = T;
    struct saved {};

    template <class I> void forward(saved*, tensor<T>& y, const tensor<T>& x, const tensor<I>& index) const {
        const kernel::places s = layout(x.shape(), index.shape());
        detail::check_indices("op::gather", index, s.n);
        kernel::gather(s, index.data(), x.data(), y.data());
    }
    template <class I>
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<I>& index,
                  tensor<T>* dx, tensor<I>*) const {
        if (!dx) return;
        if (!dx->ensure(x.shape())) dx->fill(T(0));
        kernel::add_at(layout(x.shape(), index.shape()), index.data(), dy.data(), dx->data());
    }

private:
    kernel::places layout(const shape& x, const shape& index) const {
        const std::size_t along = spec::resolve_axis("op::gather", x, axis);
        kernel::places s{x.rank(), along, x[along], {}, {}};
        for (std::size_t a = 0; a < x.rank(); ++a) {
            s.extent[a] = index[a];
            s.step[a] = x.product(a + 1, x.rank());
        }
        return s;
    }
};

/// The elements of x at `index` along one axis, an index of the rank of x.
template <class X, class I> [[nodiscard]] auto gather(const X& x, std::ptrdiff_t axis, const I& index) {
    return op::apply(gather_op<scalar_of_t<X>>{{axis}}, x, index);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

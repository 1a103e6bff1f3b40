// SPDX-License-Identifier: BSD-3-Clause
/// The single entry point of every op for all three worlds: a tensor is computed, a var is computed and recorded, a
/// symbol is only traced.
///
/// An op is the description (spec/all.hpp) with its gradient (see docs/adding_an_op.md):
///
///     template <class T> struct linear_op : spec::linear {
///         using scalar = T;
///         struct saved;                                      what backward needs beyond inputs and result
///         void forward(saved* keep, tensor<T>& y, inputs…) const;      y has the inferred shape; keep may be null
///         void backward(const saved&, const tensor<T>& y, const tensor<T>& dy, inputs…, sinks…) const;
///     };
///
/// A sink is a tensor<T>*: null when that gradient is not needed; a tensor without elements means zero (`ensure`).
/// Two sinks may be the same tensor (add(x, x)), so a backward finishes one sink before it starts the next.
/// Optional:
///
///     generator stream;                                  filled from the tape's generator before `forward`
///     void notes(saved&, tape<T>&, inputs…) const;       after `forward`, on a tape: notes for the optimiser's step
///     var<T> read_normed(const normed_value<T>&, other inputs…) const;
///
/// `read_normed` is called instead of all this when the first input is a normalised value that is not stored (tape.hpp). It
/// records an op that computes the value while it reads it, or returns an empty var; the value is then stored first.
#ifndef SMLDIST_OP_APPLY_HPP
#define SMLDIST_OP_APPLY_HPP

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "smldist/autograd/tape.hpp"
#include "smldist/graph/attributes.hpp"
#include "smldist/graph/graph.hpp"
#include "smldist/op/batch_share.hpp"
#include "smldist/spec/options.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// How a tensor, var, symbol, parameter or buffer enters each world.
template <class A> struct argument {
    static_assert(sizeof(A) == 0, "an op's inputs must be tensors, vars, symbols, parameters or buffers");
};

template <class T> struct argument<tensor<T>> {
    using scalar = T;
    static constexpr bool is_var = false, is_symbol = false;
    static const tensor<T>& value(const tensor<T>& a) { return a; }
    static symbol trace(graph& g, const tensor<T>& a) {
        graph::node n;
        n.what = graph::kind::constant;
        n.shape = a.shape();
        using held = std::conditional_t<std::is_integral_v<T> && !std::is_same_v<T, std::int32_t>, double, T>;
        n.values = std::vector<held>(a.begin(), a.end());
        return symbol::append(g, std::move(n));
    }
};
template <class T> struct argument<var<T>> {
    using scalar = T;
    static constexpr bool is_var = true, is_symbol = false;
    static const tensor<T>& value(const var<T>& a) { return a.value(); }
};
template <> struct argument<symbol> {
    static constexpr bool is_var = false, is_symbol = true;
    static symbol trace(graph&, const symbol& a) { return a; }
};
template <class T> struct argument<parameter<T>> {
    using scalar = T;
    static constexpr bool is_var = false, is_symbol = false;
    static const tensor<T>& value(const parameter<T>& a) { return a.value; }
    static symbol trace(graph& g, const parameter<T>& a) {
        return symbol::reference(g, graph::kind::parameter, &a, a.shape());
    }
};
template <class V> struct argument<buffer<V>> {
    using scalar = V;
    static constexpr bool is_var = false, is_symbol = false;
    static const tensor<V>& value(const buffer<V>& a) { return a.value; }
    static symbol trace(graph& g, const buffer<V>& a) {
        return symbol::reference(g, graph::kind::buffer, &a, a.shape());
    }
};

/// An input that is a node of the tape.
struct node_slot {
    std::uint32_t id;
    template <class T> const tensor<T>& value(const tape<T>& t) const { return t.value(id); }
    template <class T> tensor<T>* sink(tape<T>& t) const { return t.sink(id); }
    template <class T> bool needs(tape<T>& t) const { return t.sink(id) != nullptr; }
};
/// An input referenced by address, without gradient: a buffer of the model.
template <class V> struct held_slot {
    const tensor<V>* held;
    template <class T> const tensor<V>& value(const tape<T>&) const { return *held; }
    template <class T> tensor<V>* sink(tape<T>&) const { return nullptr; }
    template <class T> bool needs(tape<T>&) const { return false; }
};

template <class T> node_slot enter(tape<T>& t, const var<T>& v) { return {t.node_of(v)}; }
template <class T> node_slot enter(tape<T>& t, const parameter<T>& p) { return {t.leaf(p).id}; }
template <class T> node_slot enter(tape<T>&, const parameter<T>&&) = delete; // the tape refers to it
template <class T> node_slot enter(tape<T>& t, const tensor<T>& x) { return {t.input(x).id}; }
template <class T> node_slot enter(tape<T>& t, tensor<T>&& x) { return {t.input(std::move(x)).id}; }
/// Integers, masks and indices, become numbers of the tape's type.
template <class T, class V>
requires std::is_integral_v<V> node_slot enter(tape<T>& t, const tensor<V>& x) { return {t.input(cast<T>(x)).id}; }
template <class T, class V> held_slot<V> enter(tape<T>&, const buffer<V>& b) { return {&b.value}; }
template <class T, class V> held_slot<V> enter(tape<T>&, const buffer<V>&&) = delete; // as for a parameter

/// Whether all floating-point inputs are of type T; integer ones are labels, masks or indices.
template <class T, class... A>
constexpr bool one_type = ((std::is_same_v<typename argument<A>::scalar, T> ||
                            std::is_integral_v<typename argument<A>::scalar>)&&...);

/// What an op keeps on the tape until backward.
template <class T, class Op, class... S> struct op_record : tape<T>::record {
    using record = typename tape<T>::record;

    op_record(Op o, S... s) : record{&differentiate, nullptr}, op(std::move(o)), slots(s...) {
        if constexpr (!std::is_trivially_destructible_v<op_record>)
            this->destroy = [](record& r) { static_cast<op_record&>(r).~op_record(); };
    }
    static void differentiate(record& r, tape<T>& t, const tensor<T>& y, const tensor<T>& dy) {
        const auto& self = static_cast<op_record&>(r);
        std::apply([&](const S&... s) { self.op.backward(self.saved, y, dy, s.value(t)..., s.sink(t)...); },
                   self.slots);
    }

    Op op;
    typename Op::saved saved{};
    std::tuple<S...> slots;
};

template <class T> tape<T>* tape_of(const var<T>& v) { return v.owner; }
template <class A> std::nullptr_t tape_of(const A&) { return nullptr; }
inline graph* graph_of(const symbol& s) { return s.owner; }
template <class A> std::nullptr_t graph_of(const A&) { return nullptr; }

template <class P> void pick(P*& to, P* from) {
    if (from && to && to != from) raise<usage_error>("op::apply", "inputs are of two tapes or graphs, expected one");
    if (from) to = from;
}
template <class P> void pick(P*&, std::nullptr_t) {}

/// The checks of an op and its result's shape: compiled once, for all worlds.
template <class Op, class... Shape> SMLDIST_NOINLINE shape infer(const Op& op, const Shape&... inputs) {
    return op.infer(inputs...);
}
/// An op's result, with what backward needs kept unless `keep` is null: compiled once, for the two worlds that compute.
template <class Op, class... X>
SMLDIST_NOINLINE tensor<typename Op::scalar> compute(const Op& op, typename Op::saved* keep, const X&... x) {
    auto y = tensor<typename Op::scalar>::uninitialized(infer(op, x.shape()...));
    op.forward(keep, y, x...);
    return y;
}

/// A new stream for an op that draws a word for each element of x; of a share of a batch it takes the words of its rows.
template <class T> SMLDIST_NOINLINE generator own_stream(generator& random, const tensor<T>& x) {
    generator stream = random.split(random.bits64());
    if (const batch_share* const share = current_share())
        stream.set_position(share->first * (x.size() / std::max<std::size_t>(x.shape()[0], 1)));
    return stream;
}

/// Records an op. A constructor, because a braced call enters the inputs in order, from left to right.
template <class T, class Op, class... S> struct recorded {
    var<T> result;

    SMLDIST_NOINLINE recorded(tape<T>& t, Op&& op, S... s) {
        if constexpr (requires { op.stream; })
            op.stream = own_stream(t.random(), std::get<0>(std::tie(s...)).value(t));
        const bool needs = (s.needs(t) || ...);
        constexpr bool has_notes = requires(typename Op::saved & k) { op.notes(k, t, s.value(t)...); };
        static_assert(
            !requires(typename Op::saved & k) { op.notes(k, t); }, "an op's notes take its inputs too");
        op_record<T, Op, S...>* r = nullptr;
        if (needs || has_notes) r = &t.template emplace_record<op_record<T, Op, S...>>(std::move(op), s...);
        auto y = compute(r ? r->op : op, r ? &r->saved : nullptr, s.value(t)...);
        if constexpr (has_notes) r->op.notes(r->saved, t, s.value(t)...);
        result = t.push_result(std::move(y), r, needs);
    }
};
template <class T, class Op, class... S> recorded(tape<T>&, Op&&, S...) -> recorded<T, Op, S...>;

/// The result of an op on a normalised value that is not stored, from the op's fused form; empty if it has none.
template <class T, class Op, class X, class... More>
var<T> read_normed(tape<T>& t, const Op& op, const X& x, More&&... more) {
    if constexpr (requires(const normed_value<T>& n) { op.read_normed(n, std::forward<More>(more)...); })
        if (const normed_value<T>* const found = t.normed(x)) {
            const normed_value<T> n = *found; // a copy: recording below may move it
            infer(op, x.shape(), more.shape()...);
            const var<T> y = op.read_normed(n, std::forward<More>(more)...);
            if (!y.empty()) t.normed_was_read(x);
            return y;
        }
    return {};
}
/// Records an op whose inputs are on the tape or go there.
template <class T, class Op, class X, class... More> var<T> record(tape<T>& t, Op&& op, X&& x, More&&... more) {
    if constexpr (std::is_same_v<std::remove_cvref_t<X>, var<T>>)
        if (const var<T> y = read_normed(t, op, x, std::forward<More>(more)...); !y.empty()) return y;
    return recorded{t, std::move(op), enter(t, std::forward<X>(x)), enter(t, std::forward<More>(more))...}.result;
}

SMLDIST_NOINLINE inline symbol append_op(graph& g, std::string_view name, const shape& s, std::uint64_t macs,
                                         std::initializer_list<std::uint32_t> inputs) {
    graph::node n;
    n.name = std::string(name);
    n.shape = s;
    n.macs = macs;
    n.inputs = inputs;
    return symbol::append(g, std::move(n));
}

/// Traces an op; a constructor, as `recorded`.
struct traced {
    symbol result;

    template <class Op, class... S>
    SMLDIST_NOINLINE traced(graph& g, const Op& op, const S&... s)
        : result(append_op(g, Op::name, infer(op, s.shape()...), spec::macs_of(op, s.shape()...), {s.id...})) {
        static_assert(
            !requires { op.attributes([](auto&&...) {}); },
            "an op names its options in static void visit(auto& self, auto&& f), not in attributes()");
        spec::visit_options(op, attribute_writer{g.nodes.back()});
    }
};

} // namespace detail

/// Runs `op` on its inputs (tensors, vars, symbols, parameters, buffers) in the world of the inputs.
///
/// Any symbol: a node is traced and a symbol returned. Any var: the result is computed, recorded and a var returned.
/// Otherwise the result is computed. The three agree: the same `infer` checks, the same `forward` computes.
template <class Op, class... A> [[nodiscard]] auto apply(Op op, A&&... args) {
    using namespace detail;
    if constexpr ((argument<std::remove_cvref_t<A>>::is_symbol || ...)) {
        graph* g = nullptr;
        (pick(g, graph_of(args)), ...);
        return traced{*g, op, argument<std::remove_cvref_t<A>>::trace(*g, args)...}.result;
    } else if constexpr ((argument<std::remove_cvref_t<A>>::is_var || ...)) {
        using T = typename Op::scalar;
        static_assert(one_type<T, std::remove_cvref_t<A>...>, "an op's inputs must have one floating-point type");
        tape<T>* t = nullptr;
        (pick(t, tape_of(args)), ...);
        return record(*t, std::move(op), std::forward<A>(args)...);
    } else {
        using T = typename Op::scalar;
        static_assert(one_type<T, std::remove_cvref_t<A>...>, "an op's inputs must have one floating-point type");
        return compute(op, nullptr, argument<std::remove_cvref_t<A>>::value(args)...);
    }
}

/// The scalar type that an op on X, … computes with: that of the first tensor, var, parameter or buffer; float for only
/// symbols, where nothing is computed.
template <class X, class... More> struct scalar_of {
    using type = typename detail::argument<std::remove_cvref_t<X>>::scalar;
};
template <class... More> struct scalar_of<symbol, More...> { using type = float; };
template <class Second, class... More> struct scalar_of<symbol, Second, More...> : scalar_of<Second, More...> {};
template <class... X> using scalar_of_t = typename scalar_of<std::remove_cvref_t<X>...>::type;

/// A parameter as a value of the world that `like` lives in: a copy, the tape's leaf, or the graph's node. An op whose
/// only inputs are parameters needs it; otherwise it would compute without being recorded.
template <class T> [[nodiscard]] tensor<T> lift(const tensor<T>&, const parameter<T>& p) { return p.value; }
template <class T> [[nodiscard]] var<T> lift(const var<T>& like, const parameter<T>& p) {
    return {like.owner, like.owner->leaf(p).id};
}
template <class T> [[nodiscard]] symbol lift(const symbol& like, const parameter<T>& p) {
    return detail::argument<parameter<T>>::trace(*like.owner, p);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

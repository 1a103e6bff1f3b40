// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_NN_SEQUENTIAL_HPP
#define SMLDIST_NN_SEQUENTIAL_HPP

#include <cstddef>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "smldist/core/activation.hpp"
#include "smldist/core/parameter.hpp"
#include "smldist/op/pointwise.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

/// Layers one after the other, as one layer: y = f_n(… f_1(x)).
///
///     const nn::sequential net(nn::linear<float>(64, 128, g), activation::relu,
///                              [](const auto& x) { return op::scale(x, 0.5); }, nn::linear<float>(128, 10, g));
///     const auto y = net(x, mode::train);
///
/// An element is a layer, called as f(x, mode) if it takes a mode and as f(x) otherwise; an activation; or a function, such
/// as a lambda, of any value. A function is not visited, so it must not own parameters: it is trivially copyable. Members are
/// named "0", "1", … as by torch.nn.Sequential, where activations and functions count too. std::get<i>(net.layers) is the
/// i-th of them.
///
/// Shapes     those of the elements
/// Throws     what the elements throw.
/// Source     torch.nn.Sequential.
template <class... F> struct sequential {
    static_assert(sizeof...(F) > 0, "nn::sequential needs at least one layer");
    static_assert(((module_like<F> || std::is_trivially_copyable_v<F>)&&...),
                  "an element of nn::sequential must be a layer with visit(), or a function that owns nothing");
    std::tuple<F...> layers;

    sequential() = default;
    explicit sequential(F... elements) : layers(std::move(elements)...) {}
    sequential(const sequential&) = default;
    sequential(sequential&&) noexcept = default;
    ~sequential() = default;
    /// Lambdas with captures, which C++ does not assign, are copied.
    sequential& operator=(sequential other) noexcept {
        assign(other, std::index_sequence_for<F...>());
        return *this;
    }

    template <class X> X operator()(const X& x, mode m = mode::eval) const {
        m = mode_of(*this, m);
        return std::apply(
            [&](const auto& first, const auto&... rest) {
                X y = call(first, x, m);
                ((y = call(rest, y, m)), ...);
                return y;
            },
            layers);
    }
    static void visit(auto& self, auto&& member) {
        std::apply(
            [&](auto&... element) {
                std::size_t i = 0;
                (visit_one(i++, element, member), ...);
            },
            self.layers);
    }

private:
    template <std::size_t... I> void assign(sequential& from, std::index_sequence<I...>) {
        (assign_one(std::get<I>(layers), std::get<I>(from.layers)), ...);
    }
    template <class E> static void assign_one(E& to, E& from) {
        if constexpr (std::is_trivially_copyable_v<E>)
            std::construct_at(&to, from);
        else
            to = std::move(from);
    }
    template <class E, class X> static X call(const E& element, const X& x, mode m) {
        if constexpr (std::is_same_v<E, activation>)
            return op::activate(x, element);
        else if constexpr (requires { element(x, m); })
            return element(x, m);
        else
            return element(x);
    }
    static void visit_one(std::size_t i, auto& element, auto&& member) {
        if constexpr (module_like<std::remove_const_t<std::remove_reference_t<decltype(element)>>>)
            member(std::to_string(i), element);
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif

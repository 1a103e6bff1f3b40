// SPDX-License-Identifier: BSD-3-Clause
/// The heads that a network can have, the classifiers on its feature. `head_config` is the list of them.
///
/// A head is a layer and its description, a struct of options without tensors that has
///
///     name, path         in configurations; of its tensors in a model file
///     visit(self, f)     f(name, option) for each option: bool, size, double or an enum with names
///     check()            throws usage_error for a value out of range; only where there is something to check
///     sizes(D, N, f)     f(n) for each tensor of the layer, n elements, known before anything is allocated
///     make<T>(D, N, g)   the layer
///
/// for features of width D and N classes. The layer is called with (f) or (f, mode) and returns the logits (B, N), or
/// {memory, logits} as nn::memory does. A description lives beside its layer; a new one needs a line here and no other.
#ifndef SMLDIST_MODEL_HEADS_HPP
#define SMLDIST_MODEL_HEADS_HPP

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>
#include <variant>

#include "smldist/core/outputs.hpp"
#include "smldist/nn/blended_head.hpp"
#include "smldist/nn/hopfield.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/nn/memory.hpp"
#include "smldist/nn/mlp.hpp"
#include "smldist/nn/prototype.hpp"

namespace smldist::model {
SMLDIST_NAMESPACE_BEGIN

/// One linear map.
struct linear_head {
    static constexpr std::string_view name = "linear", path = "intuition";

    static void visit(auto&, auto&&) {}
    void sizes(double D, double N, auto&& f) const { f(N * D), f(N); }
    template <class T> nn::linear<T> make(std::size_t features, std::size_t classes, generator& g) const {
        return nn::linear<T>(features, classes, g);
    }
    friend bool operator==(const linear_head&, const linear_head&) = default;
};
using memory_head = nn::memory_options;       ///< label-valued Hopfield memory
using prototype_head = nn::prototype_options; ///< cosine to one prototype per class
using mlp_head = nn::mlp_options;             ///< one hidden layer
using lookup_head = nn::lookup_options;       ///< Hopfield lookup with learned values
using blended_head = nn::blended_options;     ///< two linear classifiers, blended by learned weights

/// The head of a network. A network visits its heads in this order.
using head_config = std::variant<linear_head, memory_head, prototype_head, mlp_head, lookup_head, blended_head>;

namespace detail {
template <class T, class Config> struct layers_of;
template <class T, class... Heads> struct layers_of<T, std::variant<Heads...>> {
    using type = std::variant<decltype(std::declval<const Heads&>().template make<T>(std::size_t(), std::size_t(),
                                                                                     std::declval<generator&>()))...>;
};
template <std::size_t... I>
constexpr std::array<std::string_view, sizeof...(I)> names_of_heads(std::index_sequence<I...>) {
    return {std::variant_alternative_t<I, head_config>::name...};
}
using each_head = std::make_index_sequence<std::variant_size_v<head_config>>;
} // namespace detail

/// The layer of a head; its index is that of its description in head_config.
template <class T> using head_layer = typename detail::layers_of<T, head_config>::type;

inline constexpr auto head_names = detail::names_of_heads(detail::each_head());

/// The head's name.
[[nodiscard]] inline std::string_view text(const head_config& head) { return head_names[head.index()]; }
/// The head of that name with its default options. Throws usage_error for an unknown name.
SMLDIST_FUNCTION head_config parse_head(std::string_view word);
/// Throws usage_error for an option out of range.
SMLDIST_FUNCTION void check(const head_config& head);
/// Whether the head's answers in training are logits, so that a search can mix them with others.
[[nodiscard]] SMLDIST_FUNCTION bool is_candidate(const head_config& head);

/// The layer of a head.
template <class T>
[[nodiscard]] head_layer<T> make_head(const head_config& head, std::size_t features, std::size_t classes,
                                      generator& g) {
    return std::visit([&](const auto& h) { return head_layer<T>(h.template make<T>(features, classes, g)); }, head);
}

/// The logits of a head; a memory writes its association into `association`.
template <class T, class X>
[[nodiscard]] X classify(const head_layer<T>& head, const X& f, memory_outputs<X>& association, mode m) {
    return std::visit(
        [&](const auto& layer) -> X {
            if constexpr (requires { layer(f, m).logits; }) {
                auto result = layer(f, m);
                association = std::move(result.memory);
                return std::move(result.logits);
            } else if constexpr (requires { layer(f, m); })
                return layer(f, m);
            else
                return layer(f);
        },
        head);
}

/// member(path, layer) for every layer of a list of heads, in the order of head_config.
template <class Heads, class Member> void visit_heads(Heads& heads, Member&& member) {
    const auto each = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
        for (auto& head : heads)
            if (auto* layer = std::get_if<I>(&head)) member(std::variant_alternative_t<I, head_config>::path, *layer);
    };
    [&]<std::size_t... I>(std::index_sequence<I...>) { (each(std::integral_constant<std::size_t, I>()), ...); }
    (detail::each_head());
}

SMLDIST_NAMESPACE_END
} // namespace smldist::model

#if SMLDIST_TRAIN_BODIES
#include "smldist/model/heads.ipp"
#endif

#endif

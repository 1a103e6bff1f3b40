// SPDX-License-Identifier: BSD-3-Clause
/// The names of enumerators in configurations, model files and messages: one table beside each enumeration.
#ifndef SMLDIST_CORE_ENUM_NAMES_HPP
#define SMLDIST_CORE_ENUM_NAMES_HPP

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "smldist/core/error.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// What an enumeration whose enumerators count from 0 is called, and how each is written, in their order. It is the result of
/// a function in the enumeration's namespace:
///
///     enum class penalty : std::uint8_t { square, huber };
///     constexpr auto enum_names(penalty) { return enum_table("loss::penalty", "square", "huber"); }
template <std::size_t N> struct enum_table {
    std::string_view enumeration; ///< in messages
    std::array<std::string_view, N> names;

    template <class... S>
    constexpr explicit enum_table(std::string_view called, S... written) : enumeration(called), names{written...} {}
};
template <class... S> enum_table(std::string_view, S...) -> enum_table<sizeof...(S)>;

/// An enumeration with a table.
template <class E>
concept named_enum = std::is_enum_v<E> && requires(E e) {
    enum_names(e).names;
};

namespace detail {
template <class E> inline constexpr auto enum_table_of = enum_names(E{});

/// The place of `word` in the n names; n if it is none of them.
SMLDIST_COLD SMLDIST_NOINLINE inline std::size_t find_name(std::string_view word, const std::string_view* names,
                                                           std::size_t n) {
    std::size_t i = 0;
    while (i < n && names[i] != word) ++i;
    return i;
}
[[noreturn]] SMLDIST_COLD SMLDIST_NOINLINE inline void unknown_name(std::string_view where, std::string_view word,
                                                                    const std::string_view* names, std::size_t n) {
    std::string all;
    for (std::size_t i = 0; i < n; ++i) (all += i == 0 ? "" : i + 1 == n ? " or " : ", ") += names[i];
    raise<usage_error>(where, "name is \"", word, "\", expected ", all);
}
} // namespace detail

/// The names of E, in the order of the enumerators.
template <named_enum E> [[nodiscard]] constexpr const auto& names_of() { return detail::enum_table_of<E>.names; }

/// The name of an enumerator.
template <named_enum E> [[nodiscard]] constexpr std::string_view name_of(E e) {
    SMLDIST_ASSERT(static_cast<std::size_t>(e) < names_of<E>().size());
    return names_of<E>()[static_cast<std::size_t>(e)];
}

/// The enumerator of that name, if there is one.
template <named_enum E> [[nodiscard]] std::optional<E> find_enum(std::string_view word) {
    const auto& names = names_of<E>();
    const std::size_t i = detail::find_name(word, names.data(), names.size());
    if (i == names.size()) return std::nullopt;
    return static_cast<E>(i);
}

/// The enumerator of that name. `where` begins the message of the error, for programs that know an option by another name.
/// Throws     usage_error that lists the names.
template <named_enum E>
[[nodiscard]] E parse_enum(std::string_view word, std::string_view where = detail::enum_table_of<E>.enumeration) {
    if (const auto e = find_enum<E>(word)) return *e;
    detail::unknown_name(where, word, names_of<E>().data(), names_of<E>().size());
}

SMLDIST_NAMESPACE_END
} // namespace smldist

#endif

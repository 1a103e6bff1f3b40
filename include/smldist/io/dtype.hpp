// SPDX-License-Identifier: BSD-3-Clause
/// Element types of tensors in files, and their conversion from and to C++ types. Files are little-endian; these
/// functions read and write them on any host.
#ifndef SMLDIST_IO_DTYPE_HPP
#define SMLDIST_IO_DTYPE_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "smldist/core/config.hpp"

namespace smldist::io {
SMLDIST_NAMESPACE_BEGIN

enum class dtype : std::uint8_t { f64, i64, f32, i32, f16, bf16, i16, i8, u8, boolean };

namespace detail {
struct dtype_row {
    std::string_view name;
    std::size_t size;
};
inline constexpr std::array<dtype_row, 10> dtype_table{{{"F64", 8},
                                                        {"I64", 8},
                                                        {"F32", 4},
                                                        {"I32", 4},
                                                        {"F16", 2},
                                                        {"BF16", 2},
                                                        {"I16", 2},
                                                        {"I8", 1},
                                                        {"U8", 1},
                                                        {"BOOL", 1}}};
} // namespace detail

/// Bytes of one element; also its alignment.
[[nodiscard]] constexpr std::size_t size_of(dtype type) {
    return detail::dtype_table[static_cast<std::size_t>(type)].size;
}
/// The name in a safetensors header, such as "F32".
[[nodiscard]] constexpr std::string_view name_of(dtype type) {
    return detail::dtype_table[static_cast<std::size_t>(type)].name;
}
/// The type of that name in `out`; false when there is none.
constexpr bool find_dtype(std::string_view name, dtype& out) {
    for (std::size_t i = 0; i < detail::dtype_table.size(); ++i)
        if (detail::dtype_table[i].name == name) return out = static_cast<dtype>(i), true;
    return false;
}

/// A C++ type that a file can hold as it is: float, double, bool, std::uint8_t and the signed integers.
template <class T>
concept storable = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, bool> ||
    std::same_as<T, std::uint8_t> ||(std::signed_integral<T> && !std::same_as<T, char>);

template <storable T> [[nodiscard]] constexpr dtype dtype_of() {
    if constexpr (std::floating_point<T>) return sizeof(T) == 8 ? dtype::f64 : dtype::f32;
    if constexpr (std::same_as<T, bool>) return dtype::boolean;
    if constexpr (std::same_as<T, std::uint8_t>) return dtype::u8;
    return sizeof(T) == 8 ? dtype::i64 : sizeof(T) == 4 ? dtype::i32 : sizeof(T) == 2 ? dtype::i16 : dtype::i8;
}

/// The value of an IEEE 754 binary16 number; exact.
[[nodiscard]] inline float from_f16(std::uint16_t bits) {
    const std::uint32_t sign = (bits & 0x8000U) << 16;
    const std::uint32_t exponent = bits >> 10 & 31U;
    const std::uint32_t fraction = bits & 1023U;
    if (exponent == 0) { // fraction · 2^-24
        const float value = static_cast<float>(fraction) * 0x1p-24F;
        return sign ? -value : value;
    }
    return std::bit_cast<float>(sign | (exponent == 31 ? 255 : exponent + 112) << 23 | fraction << 13);
}
/// The value of a bfloat16 number, the upper half of a float; exact.
[[nodiscard]] inline float from_bf16(std::uint16_t bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// Result of a conversion.
enum class conversion : std::uint8_t { done, wrong_type, out_of_range };

namespace detail {

/// The object of type W stored little-endian at `from`.
template <class W> W load_word(const std::byte* from) {
    std::array<std::byte, sizeof(W)> bytes;
    std::memcpy(bytes.data(), from, sizeof(W));
    if constexpr (std::endian::native == std::endian::big) std::reverse(bytes.begin(), bytes.end());
    return std::bit_cast<W>(bytes);
}

/// Whether a number is neither infinite nor NaN. Looks at the bits, so -ffast-math does not matter.
template <class W> constexpr bool finite_bits(W word, W exponent) { return (word & exponent) != exponent; }
inline bool finite(double x) {
    return finite_bits<std::uint64_t>(std::bit_cast<std::uint64_t>(x), 0x7FF0'0000'0000'0000);
}
inline bool finite(float x) { return finite_bits<std::uint32_t>(std::bit_cast<std::uint32_t>(x), 0x7F80'0000); }

template <class S, class T> conversion convert(S value, T& to) {
    if constexpr (std::same_as<S, T>) {
        to = value;
    } else if constexpr (std::same_as<T, bool> || (std::floating_point<S> && std::integral<T>)) {
        return conversion::wrong_type;
    } else if constexpr (std::floating_point<T>) {
        to = static_cast<T>(value);
        if constexpr (std::floating_point<S> && sizeof(S) > sizeof(T))
            if (finite(value) && !finite(to)) return conversion::out_of_range;
    } else if constexpr (std::same_as<S, bool>) {
        to = static_cast<T>(value);
    } else {
        if (!std::in_range<T>(value)) return conversion::out_of_range;
        to = static_cast<T>(value);
    }
    return conversion::done;
}

/// convert(decode(word), to) for words of type W; stops at the first that fails.
template <class W, class T, class F> conversion convert_all(std::span<const std::byte> from, T* to, F decode) {
    conversion result = conversion::done;
    for (std::size_t i = 0; i * sizeof(W) < from.size() && result == conversion::done; ++i)
        result = convert(decode(load_word<W>(from.data() + i * sizeof(W))), to[i]);
    return result;
}

/// Has no branch per word, so that compilers vectorise it.
template <class W> bool all_finite(std::span<const std::byte> from, W exponent) {
    const auto word = [&](std::size_t i) { return load_word<W>(from.data() + i * sizeof(W)); };
    constexpr std::size_t chunk = 256;
    const std::size_t n = from.size() / sizeof(W);
    bool good = true;
    std::size_t i = 0;
    for (; n - i >= chunk; i += chunk) {
        W bad = 0;
        for (std::size_t k = 0; k < chunk; ++k) bad |= static_cast<W>(!finite_bits(word(i + k), exponent));
        if (bad) return false;
    }
    for (; i < n; ++i) good = good && finite_bits(word(i), exponent);
    return good;
}

} // namespace detail

/// Converts the elements in `from`, a multiple of size_of(type) bytes, to `to`; exactly, or from wider to narrower floating
/// point and from integer to floating point with rounding.
///
/// wrong_type     floating point to integer or bool, integer to bool. Decided by the types; `to` is untouched.
/// out_of_range   an integer that T cannot hold, a finite number that would become infinite, a BOOL neither 0 nor 1.
template <class T> conversion decode(dtype type, std::span<const std::byte> from, T* to) {
    static_assert(std::is_arithmetic_v<T>, "io::decode: T must be float, double, bool or an integer type");
    if constexpr (storable<T> && !std::same_as<T, bool> && std::endian::native == std::endian::little)
        if (type == dtype_of<T>()) {
            if (!from.empty()) std::memcpy(to, from.data(), from.size());
            return conversion::done;
        }
    const auto same = [](auto value) { return value; };
    switch (type) {
    case dtype::f64:
        return detail::convert_all<double>(from, to, same);
    case dtype::f32:
        return detail::convert_all<float>(from, to, same);
    case dtype::f16:
        return detail::convert_all<std::uint16_t>(from, to, from_f16);
    case dtype::bf16:
        return detail::convert_all<std::uint16_t>(from, to, from_bf16);
    case dtype::i64:
        return detail::convert_all<std::int64_t>(from, to, same);
    case dtype::i32:
        return detail::convert_all<std::int32_t>(from, to, same);
    case dtype::i16:
        return detail::convert_all<std::int16_t>(from, to, same);
    case dtype::i8:
        return detail::convert_all<std::int8_t>(from, to, same);
    case dtype::u8:
        return detail::convert_all<std::uint8_t>(from, to, same);
    case dtype::boolean:
        break;
    }
    if (std::any_of(from.begin(), from.end(), [](std::byte b) { return b > std::byte{1}; }))
        return conversion::out_of_range;
    return detail::convert_all<std::uint8_t>(from, to, [](std::uint8_t byte) { return byte != 0; });
}

/// The bytes of `n` values as a file holds them.
template <storable T> [[nodiscard]] std::vector<std::byte> encode(const T* from, std::size_t n) {
    std::vector<std::byte> bytes(n * sizeof(T));
    for (std::size_t i = 0; i < n; ++i) {
        auto value = std::bit_cast<std::array<std::byte, sizeof(T)>>(from[i]);
        if constexpr (std::endian::native == std::endian::big) std::reverse(value.begin(), value.end());
        std::memcpy(bytes.data() + i * sizeof(T), value.data(), sizeof(T));
    }
    return bytes;
}

/// Whether the elements hold no infinity and no NaN.
[[nodiscard]] inline bool all_finite(dtype type, std::span<const std::byte> from) {
    switch (type) {
    case dtype::f64:
        return detail::all_finite<std::uint64_t>(from, 0x7FF0'0000'0000'0000);
    case dtype::f32:
        return detail::all_finite<std::uint32_t>(from, 0x7F80'0000);
    case dtype::f16:
        return detail::all_finite<std::uint16_t>(from, 0x7C00);
    case dtype::bf16:
        return detail::all_finite<std::uint16_t>(from, 0x7F80);
    default:
        return true;
    }
}

SMLDIST_NAMESPACE_END
} // namespace smldist::io

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// A tensor of a file: description and bytes, conversion to C++ arrays, and the errors that it can have.
#ifndef SMLDIST_IO_TENSOR_VIEW_HPP
#define SMLDIST_IO_TENSOR_VIEW_HPP

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "smldist/core/error.hpp"
#include "smldist/core/shape.hpp"
#include "smldist/io/dtype.hpp"
#include "smldist/io/json_scanner.hpp"

namespace smldist::io {
SMLDIST_NAMESPACE_BEGIN

/// The rules that a file can break.
enum class violation : std::uint8_t {
    file_too_short,   ///< fewer than 8 bytes
    header_too_long,  ///< N > 100 000 000
    header_truncated, ///< 8 + N > file size
    header_start,     ///< the header does not begin with '{'
    header_utf8,      ///< the header is not valid UTF-8
    header_json,      ///< the header is not JSON
    header_trailing,  ///< something other than spaces after the object
    duplicate_key,    ///< a name, metadata key or entry key occurs twice
    metadata_type,    ///< __metadata__ is not an object of strings
    metadata_count,   ///< more than 16 384 metadata entries
    tensor_count,     ///< more than 65 536 tensors
    name_too_long,    ///< a name of more than 512 bytes
    entry_type,       ///< an entry is not an object
    entry_key,        ///< an entry has another key than dtype, shape, data_offsets
    entry_incomplete, ///< an entry lacks one of them
    dtype_unknown,    ///< dtype is not one of io::dtype
    shape_type,       ///< shape is not an array of integers
    rank_too_high,    ///< more than 8 extents
    offsets_type,     ///< data_offsets is not an array of two integers
    integer_range,    ///< an integer is negative, written with fraction or exponent, or larger than 2^48 - 1
    offsets_reversed, ///< end < begin
    offsets_range,    ///< end lies beyond the byte buffer
    size_overflow,    ///< the number of elements overflows
    size_mismatch,    ///< product of the shape × size of the dtype differs from end - begin
    first_offset,     ///< the first tensor does not begin at 0
    hole,             ///< a tensor begins after the end of the previous one
    overlap,          ///< a tensor begins before the end of the previous one
    file_size,        ///< bytes after the last tensor
    not_finite,       ///< infinity or NaN, when they are refused
    tensor_missing,   ///< at: there is no tensor of that name
    value_count,      ///< copy_to: another number of elements is requested
    value_type,       ///< copy_to: this conversion loses information
    value_range,      ///< copy_to: a value does not fit, or a BOOL is neither 0 nor 1
};

/// What is wrong with a file, for callers without exceptions.
struct format_fault {
    violation kind{};
    std::string what;
};

/// Error: a file breaks a rule or does not hold what is requested.
class format_error : public data_error {
public:
    format_error(violation kind, const std::string& message) : data_error(message), kind_(kind) {}
    violation kind() const { return kind_; }

private:
    violation kind_;
};

namespace limit {
inline constexpr std::uint64_t header = 100'000'000; ///< bytes of JSON
inline constexpr std::uint64_t integer = (std::uint64_t(1) << 48) - 1;
inline constexpr std::size_t tensors = 65'536;
inline constexpr std::size_t metadata = 16'384; ///< entries
inline constexpr std::size_t name = 512;        ///< bytes
} // namespace limit

/// One tensor: its description, and its elements as a file holds them (row-major, little-endian), owned elsewhere.
struct tensor_view {
    std::string name;
    dtype type = dtype::f32;
    shape extents;
    std::span<const std::byte> bytes;
};

using metadata_map = std::map<std::string, std::string, std::less<>>;

namespace detail {
/// Sets the fault; returns false.
[[gnu::cold]] SMLDIST_NOINLINE inline bool set_fault(format_fault& fault, violation kind,
                                                     std::initializer_list<message_part> parts) {
    fault.kind = kind;
    fault.what.clear();
    append_parts(fault.what, parts.begin(), parts.size());
    return false;
}
[[noreturn]] inline void raise_format(const format_fault& fault) {
#if defined(__cpp_exceptions)
    throw format_error(fault.kind, "safetensors: " + fault.what);
#else
    raise<data_error>("safetensors", fault.what);
#endif
}
} // namespace detail

/// Copies the `n` elements of `tensor` to `to`, converted as io::decode does. Returns false with `fault` set when n is not
/// the number of elements, when the conversion would lose information, or when a value does not fit.
template <class T> bool copy_to(const tensor_view& tensor, T* to, std::size_t n, format_fault& fault) {
    const auto fail = [&](violation kind, std::string_view what, std::string_view wanted) {
        return detail::set_fault(fault, kind,
                                 {"tensor ", quote(tensor.name), " has dtype ", name_of(tensor.type), " and shape ",
                                  tensor.extents.text(), ", expected ", what, wanted});
    };
    if (n != tensor.extents.size() || n * size_of(tensor.type) != tensor.bytes.size())
        return fail(violation::value_count, std::to_string(n), " elements");
    const conversion result = decode(tensor.type, tensor.bytes, to);
    if (result == conversion::wrong_type)
        return fail(violation::value_type, std::is_same_v<T, bool> ? "BOOL" : "an integer dtype", "");
    if (result == conversion::out_of_range)
        return fail(violation::value_range, "values that fit the type they are read as", "");
    return true;
}
/// The same. Throws format_error.
template <class T> void copy_to(const tensor_view& tensor, T* to, std::size_t n) {
    format_fault fault;
    if (!copy_to(tensor, to, n, fault)) detail::raise_format(fault);
}

/// The elements of `tensor` in place, if they are valid elements of type T on this machine; null if they must be
/// copied.
template <storable T> [[nodiscard]] const T* in_place(const tensor_view& tensor) {
    const bool aligned = reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % alignof(T) == 0;
    if (tensor.type != dtype_of<T>() || std::endian::native != std::endian::little || !aligned) return nullptr;
    return reinterpret_cast<const T*>(tensor.bytes.data());
}

/// A view of `extents.size()` values in memory, for the writer.
template <storable T> [[nodiscard]] tensor_view view_of(std::string name, const shape& extents, const T* values) {
    static_assert(std::endian::native == std::endian::little, "view_of: on a big-endian host, encode() the values");
    return {std::move(name), dtype_of<T>(), extents, std::as_bytes(std::span(values, extents.size()))};
}

SMLDIST_NAMESPACE_END
} // namespace smldist::io

#endif

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/io/dtype.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <random>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace io = smldist::io;
using io::conversion;
using io::dtype;

namespace {

std::vector<std::byte> bytes(std::initializer_list<unsigned> values) {
    std::vector<std::byte> out;
    for (const unsigned v : values) out.push_back(static_cast<std::byte>(v));
    return out;
}

/// decode of one element; the result in `to`.
template <class T> conversion one(dtype type, const std::vector<std::byte>& from, T& to) {
    return io::decode(type, from, &to);
}

template <class T> T value(dtype type, const std::vector<std::byte>& from) {
    T to{};
    REQUIRE(one(type, from, to) == conversion::done);
    return to;
}

constexpr dtype all[] = {dtype::f64,  dtype::i64, dtype::f32, dtype::i32, dtype::f16,
                         dtype::bf16, dtype::i16, dtype::i8,  dtype::u8,  dtype::boolean};

} // namespace

TEST_CASE("names and sizes") {
    constexpr std::string_view names[] = {"F64", "I64", "F32", "I32", "F16", "BF16", "I16", "I8", "U8", "BOOL"};
    constexpr std::size_t sizes[] = {8, 8, 4, 4, 2, 2, 2, 1, 1, 1};
    for (std::size_t i = 0; i < 10; ++i) {
        CHECK(io::name_of(all[i]) == names[i]);
        CHECK(io::size_of(all[i]) == sizes[i]);
        dtype found{};
        CHECK(io::find_dtype(names[i], found));
        CHECK(found == all[i]);
    }
    dtype untouched = dtype::i8;
    for (const std::string_view name : {"", "f32", "F32 ", "U16", "F8_E4M3"})
        CHECK_FALSE(io::find_dtype(name, untouched));
    CHECK(untouched == dtype::i8);
}

TEST_CASE("types that files hold as they are") {
    static_assert(io::dtype_of<float>() == dtype::f32 && io::dtype_of<double>() == dtype::f64);
    static_assert(io::dtype_of<std::int64_t>() == dtype::i64 && io::dtype_of<std::int32_t>() == dtype::i32);
    static_assert(io::dtype_of<std::int16_t>() == dtype::i16 && io::dtype_of<std::int8_t>() == dtype::i8);
    static_assert(io::dtype_of<std::uint8_t>() == dtype::u8 && io::dtype_of<bool>() == dtype::boolean);
    static_assert(!io::storable<std::uint32_t> && !io::storable<char> && !io::storable<long double>);
    CHECK(io::storable<float>);
}

TEST_CASE("little-endian bytes on any host") {
    CHECK(value<double>(dtype::f64, bytes({0, 0, 0, 0, 0, 0, 0xF8, 0xBF})) == -1.5);
    CHECK(value<float>(dtype::f32, bytes({0, 0, 0xC0, 0x3F})) == 1.5F);
    CHECK(value<float>(dtype::f16, bytes({0x00, 0xC1})) == -2.5F);
    CHECK(value<float>(dtype::bf16, bytes({0xC0, 0x3F})) == 1.5F);
    CHECK(value<std::int64_t>(dtype::i64, bytes({1, 2, 3, 4, 5, 6, 7, 0x88})) == std::int64_t(0x8807060504030201));
    CHECK(value<std::int32_t>(dtype::i32, bytes({1, 2, 3, 0x84})) == std::int32_t(0x84030201));
    CHECK(value<std::int16_t>(dtype::i16, bytes({1, 0x82})) == std::int16_t(0x8201));
    CHECK(value<std::int8_t>(dtype::i8, bytes({0x81})) == -127);
    CHECK(value<std::uint8_t>(dtype::u8, bytes({0x81})) == 129);
    CHECK(value<bool>(dtype::boolean, bytes({1})));
    const double one_and_a_half = 1.5;
    CHECK(io::encode(&one_and_a_half, 1) == bytes({0, 0, 0, 0, 0, 0, 0xF8, 0x3F}));
}

TEST_CASE("all binary16 and bfloat16 numbers") {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const bool negative = bits >> 15;
        const int exponent = bits >> 10 & 31, fraction = bits & 1023;
        const float half = io::from_f16(static_cast<std::uint16_t>(bits));
        REQUIRE(std::signbit(half) == negative);
        if (exponent == 31)
            REQUIRE((fraction ? std::isnan(half) : std::isinf(half)));
        else // the definition: 2^(e-15) · (1 + f/1024), subnormal below
            REQUIRE(std::abs(half) ==
                    std::ldexp(static_cast<float>(fraction + (exponent ? 1024 : 0)), (exponent ? exponent : 1) - 25));

        const float brain = io::from_bf16(static_cast<std::uint16_t>(bits));
        REQUIRE(std::bit_cast<std::uint32_t>(brain) == bits << 16);
    }
}

TEST_CASE_TEMPLATE("encode and decode keep every bit", T, float, double, std::int64_t, std::int32_t, std::int16_t,
                   std::int8_t, std::uint8_t) {
    using W = std::conditional_t<sizeof(T) == 8, std::uint64_t,
                                 std::conditional_t<sizeof(T) == 4, std::uint32_t,
                                                    std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint8_t>>>;
    std::mt19937_64 random(3);
    std::vector<T> from(1000), to(1000);
    for (T& v : from) v = std::bit_cast<T>(static_cast<W>(random())); // signalling NaNs among them
    const auto file = io::encode(from.data(), from.size());
    REQUIRE(io::decode(io::dtype_of<T>(), file, to.data()) == conversion::done);
    for (std::size_t i = 0; i < from.size(); ++i) REQUIRE(std::bit_cast<W>(from[i]) == std::bit_cast<W>(to[i]));
}

TEST_CASE("conversions that fit") {
    const auto f64 = [](double v) { return io::encode(&v, 1); };
    const auto i64 = [](std::int64_t v) { return io::encode(&v, 1); };
    CHECK(value<float>(dtype::f64, f64(0.1)) == 0.1F);
    CHECK(value<float>(dtype::f64, f64(1e-300)) == 0);
    CHECK(std::isinf(value<float>(dtype::f64, f64(std::numeric_limits<double>::infinity()))));
    CHECK(std::isnan(value<float>(dtype::f64, f64(std::nan("")))));
    CHECK(value<double>(dtype::f32, bytes({0, 0, 0xC0, 0x3F})) == 1.5);
    CHECK(value<double>(dtype::f16, bytes({0, 0x3C})) == 1);
    CHECK(value<double>(dtype::bf16, bytes({0x80, 0x3F})) == 1);
    CHECK(value<float>(dtype::i64, i64(-3)) == -3);
    CHECK(value<double>(dtype::i64, i64((std::int64_t(1) << 53) + 1)) == 0x1p53); // rounds
    CHECK(value<std::int8_t>(dtype::i64, i64(-128)) == -128);
    CHECK(value<std::uint64_t>(dtype::i64, i64(5)) == 5);
    CHECK(value<std::int32_t>(dtype::u8, bytes({255})) == 255);
    CHECK(value<float>(dtype::boolean, bytes({1})) == 1);
    CHECK(value<std::int32_t>(dtype::boolean, bytes({1})) == 1);
}

TEST_CASE("conversions that do not fit") {
    const auto f64 = [](double v) { return io::encode(&v, 1); };
    const auto i64 = [](std::int64_t v) { return io::encode(&v, 1); };
    float real{};
    CHECK(one(dtype::f64, f64(1e39), real) == conversion::out_of_range);
    CHECK(one(dtype::f64, f64(-3.5e38), real) == conversion::out_of_range);
    std::int8_t i8{};
    CHECK(one(dtype::i64, i64(128), i8) == conversion::out_of_range);
    CHECK(one(dtype::u8, bytes({128}), i8) == conversion::out_of_range);
    std::uint8_t u8{};
    CHECK(one(dtype::i8, bytes({0xFF}), u8) == conversion::out_of_range);
    std::uint64_t u64{};
    CHECK(one(dtype::i64, i64(-1), u64) == conversion::out_of_range);
    bool flag{};
    CHECK(one(dtype::boolean, bytes({2}), flag) == conversion::out_of_range);
    CHECK(one(dtype::boolean, bytes({255}), real) == conversion::out_of_range);

    std::int64_t wide = 42;
    for (const dtype type : {dtype::f64, dtype::f32, dtype::f16, dtype::bf16}) {
        CHECK(one(type, bytes({0, 0, 0, 0, 0, 0, 0, 0}), wide) == conversion::wrong_type);
        CHECK(one(type, bytes({0, 0, 0, 0, 0, 0, 0, 0}), flag) == conversion::wrong_type);
    }
    for (const dtype type : {dtype::i64, dtype::i32, dtype::i16, dtype::i8, dtype::u8})
        CHECK(one(type, bytes({0, 0, 0, 0, 0, 0, 0, 0}), flag) == conversion::wrong_type);
    CHECK(wide == 42);
}

TEST_CASE("a conversion stops at the first element that fails") {
    const std::int64_t from[] = {1, 2, 300, 4};
    std::int8_t to[] = {0, 0, 0, 0};
    CHECK(io::decode(dtype::i64, io::encode(from, 4), to) == conversion::out_of_range);
    CHECK(to[1] == 2);
    CHECK(to[3] == 0);
}

TEST_CASE("nothing to decode is no error") {
    for (const dtype type : all) CHECK(io::decode(type, {}, static_cast<float*>(nullptr)) == conversion::done);
    CHECK(io::encode(static_cast<const float*>(nullptr), 0).empty());
}

TEST_CASE("all_finite finds infinity and NaN in the floating-point types") {
    const double inf = std::numeric_limits<double>::infinity();
    for (const double bad : {inf, -inf, std::nan("")}) {
        const double wide[] = {0, 1, bad};
        const float narrow[] = {0, 1, static_cast<float>(bad)};
        CHECK_FALSE(io::all_finite(dtype::f64, io::encode(wide, 3)));
        CHECK(io::all_finite(dtype::f64, io::encode(wide, 2)));
        CHECK_FALSE(io::all_finite(dtype::f32, io::encode(narrow, 3)));
        CHECK(io::all_finite(dtype::f32, io::encode(narrow, 2)));
    }
    const double largest[] = {std::numeric_limits<double>::max(), std::numeric_limits<double>::denorm_min()};
    CHECK(io::all_finite(dtype::f64, io::encode(largest, 2)));
    CHECK_FALSE(io::all_finite(dtype::f16, bytes({0, 0, 0x00, 0x7C})));
    CHECK(io::all_finite(dtype::f16, bytes({0, 0, 0xFF, 0x7B})));
    CHECK_FALSE(io::all_finite(dtype::bf16, bytes({0, 0, 0xC0, 0xFF})));
    CHECK(io::all_finite(dtype::bf16, bytes({0, 0, 0x7F, 0x7F})));
    CHECK(io::all_finite(dtype::i64, bytes({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F})));
    CHECK(io::all_finite(dtype::u8, bytes({0xFF})));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/io/tensor_view.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace io = smldist::io;
using io::violation;

namespace {

template <class T> violation refusal(const io::tensor_view& view, T* to, std::size_t n, std::string& message) {
    try {
        io::copy_to(view, to, n);
    } catch (const io::format_error& e) {
        message = e.what();
        io::format_fault fault;
        CHECK_FALSE(io::copy_to(view, to, n, fault)); // the door without exceptions says the same
        CHECK(fault.kind == e.kind());
        CHECK("safetensors: " + fault.what == message);
        return e.kind();
    }
    FAIL("no format_error");
    return {};
}

} // namespace

TEST_CASE("view_of looks at values in memory, copy_to copies and converts them") {
    const float values[] = {1, 2.5F, -3, 4, 5, 6};
    const io::tensor_view view = io::view_of("w", {2, 3}, values);
    CHECK(view.name == "w");
    CHECK(view.type == io::dtype::f32);
    CHECK(view.extents == smldist::shape{2, 3});
    CHECK(static_cast<const void*>(view.bytes.data()) == values);
    CHECK(view.bytes.size() == sizeof(values));
    double to[6] = {};
    io::copy_to(view, to, 6);
    for (int i = 0; i < 6; ++i) CHECK(to[i] == static_cast<double>(values[i]));
}

TEST_CASE("a scalar and an empty tensor") {
    const std::int64_t step = 7;
    std::int32_t got = 0;
    io::copy_to(io::view_of("step", {}, &step), &got, 1);
    CHECK(got == 7);
    io::copy_to(io::view_of("none", {3, 0}, static_cast<const float*>(nullptr)), static_cast<float*>(nullptr), 0);
}

TEST_CASE("copy_to refuses another number of elements") {
    const float values[] = {1, 2, 3, 4};
    float to[5] = {};
    std::string message;
    auto view = io::view_of("w", {2, 2}, values);
    CHECK(refusal(view, to, 5, message) == violation::value_count);
    CHECK(message == "safetensors: tensor \"w\" has dtype F32 and shape (2, 2), expected 5 elements");
    CHECK(refusal(view, to, 3, message) == violation::value_count);
    view.bytes = view.bytes.first(12); // a view that does not hold what it says
    CHECK(refusal(view, to, 4, message) == violation::value_count);
}

TEST_CASE("copy_to refuses conversions that lose information") {
    const float reals[] = {1, 2};
    const std::int32_t integers[] = {1, 300};
    std::int32_t i[2] = {};
    std::int8_t small[2] = {};
    bool flags[2] = {};
    std::string message;
    CHECK(refusal(io::view_of("w", {2}, reals), i, 2, message) == violation::value_type);
    CHECK(message == "safetensors: tensor \"w\" has dtype F32 and shape (2), expected an integer dtype");
    CHECK(refusal(io::view_of("w", {2}, integers), flags, 2, message) == violation::value_type);
    CHECK(message == "safetensors: tensor \"w\" has dtype I32 and shape (2), expected BOOL");
    CHECK(refusal(io::view_of("w", {2}, integers), small, 2, message) == violation::value_range);
    CHECK(message == "safetensors: tensor \"w\" has dtype I32 and shape (2), expected values that fit the type they "
                     "are read as");
}

TEST_CASE("a format_error is a data_error") {
    const float values[] = {1};
    float to{};
    CHECK_THROWS_AS(io::copy_to(io::view_of("w", {1}, values), &to, 2), smldist::data_error);
}

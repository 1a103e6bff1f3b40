// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/io/safetensors_writer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace io = smldist::io;
using smldist::usage_error;

namespace {

std::string header_of(const io::byte_vector& file) {
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < 8; ++i) n |= std::to_integer<std::uint64_t>(file[i]) << (8 * i);
    REQUIRE(8 + n <= file.size());
    return {reinterpret_cast<const char*>(file.data()) + 8, n};
}

} // namespace

TEST_CASE("the bytes of a small file") {
    const float w[] = {1, -2};
    const std::uint8_t flags[] = {7};
    const auto file = io::write_safetensors(
        std::vector{io::view_of("flags", {1}, flags), io::view_of("w", {2, 1}, w)}, {{"z", "1"}, {"a", "\"\n"}});
    const std::string header =
        R"({"__metadata__":{"a":"\"\n","z":"1"},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
        R"("flags":{"dtype":"U8","shape":[1],"data_offsets":[8,9]}})";
    CHECK(header_of(file) == header + std::string((8 - header.size() % 8) % 8, ' '));
    CHECK(file.size() == 8 + header_of(file).size() + 9);
    CHECK(std::memcmp(file.data() + file.size() - 9, w, 8) == 0);
    CHECK(file.back() == std::byte{7});
}

TEST_CASE("nothing to write") {
    const auto file = io::write_safetensors({});
    CHECK(file.size() == 16);
    CHECK(header_of(file) == "{}      ");
}

TEST_CASE("order: descending size of the dtype, then name; the order of the input does not matter") {
    const double d[] = {1};
    const std::int64_t l[] = {1};
    const float f[] = {1};
    const std::int16_t s[] = {1};
    const std::int8_t c[] = {1};
    std::vector<io::tensor_view> tensors{io::view_of("f", {1}, f), io::view_of("b", {1}, l),
                                         io::view_of("c", {1}, c), io::view_of("a", {1}, d),
                                         io::view_of("e", {1}, f), io::view_of("s", {1}, s)};
    const auto file = io::write_safetensors(tensors);
    const std::string header = header_of(file);
    std::size_t at = 0;
    for (const char* name : {"\"a\":", "\"b\":", "\"e\":", "\"f\":", "\"s\":", "\"c\":"}) {
        const auto next = header.find(name);
        REQUIRE(next != header.npos);
        CHECK(next > at);
        at = next;
    }
    do CHECK(io::write_safetensors(tensors) == file);
    while (std::next_permutation(tensors.begin(), tensors.end(),
                                 [](const auto& a, const auto& b) { return a.name < b.name; }));
}

TEST_CASE("the byte buffer begins 8-aligned whatever the length of the names") {
    const double value = 1;
    for (std::size_t n = 0; n < 20; ++n)
        CHECK(header_of(io::write_safetensors(std::vector{io::view_of(std::string(n, 'n'), {}, &value)})).size() %
                  8 ==
              0);
}

TEST_CASE("what the reader would refuse is a usage_error") {
    const float w[] = {1, 2};
    const auto refused = [&](auto change) {
        auto view = io::view_of("w", {2}, w);
        change(view);
        CHECK_THROWS_AS((void)io::write_safetensors(std::vector{view}), usage_error);
    };
    refused([](io::tensor_view& v) { v.name = "__metadata__"; });
    refused([](io::tensor_view& v) { v.name = std::string(513, 'n'); });
    refused([](io::tensor_view& v) { v.name = "\xFF"; });
    refused([](io::tensor_view& v) { v.extents = {3}; });
    refused([](io::tensor_view& v) { v.type = io::dtype::f64; });
    refused([](io::tensor_view& v) { v.bytes = v.bytes.first(7); });
    refused([](io::tensor_view& v) {
        v.extents = {0, std::size_t(1) << 48};
        v.bytes = {};
    });
    const std::vector<io::tensor_view> twice{io::view_of("w", {2}, w), io::view_of("w", {1}, w)};
    CHECK_THROWS_WITH_AS((void)io::write_safetensors(twice),
                         "write_safetensors: name \"w\" occurs twice, expected once", usage_error);
    CHECK_THROWS_AS((void)io::write_safetensors({}, {{"a", "\x80"}}), usage_error);
    CHECK_THROWS_AS((void)io::write_safetensors({}, {{"\x80", "a"}}), usage_error);
    CHECK_THROWS_AS((void)io::write_safetensors({}, {{"a", std::string(100'000'001, 'x')}}), usage_error);

    std::vector<io::tensor_view> many(65'537);
    for (std::size_t i = 0; i < many.size(); ++i) many[i] = io::view_of(std::to_string(i), {0}, w);
    CHECK_THROWS_AS((void)io::write_safetensors(many), usage_error);
    io::metadata_map entries;
    for (int i = 0; i < 16'385; ++i) entries[std::to_string(i)] = "";
    CHECK_THROWS_AS((void)io::write_safetensors({}, entries), usage_error);
}

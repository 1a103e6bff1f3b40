// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/io/safetensors.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

#include "memory_limit.hpp"

namespace io = smldist::io;
using io::violation;

namespace {

constexpr io::dtype types[] = {io::dtype::f64,  io::dtype::i64, io::dtype::f32, io::dtype::i32, io::dtype::f16,
                               io::dtype::bf16, io::dtype::i16, io::dtype::i8,  io::dtype::u8,  io::dtype::boolean};

/// Tensors of every dtype and of rank 0 to 8 with random bytes, which `storage` holds.
std::vector<io::tensor_view> sample(std::vector<std::vector<std::byte>>& storage, unsigned seed, std::size_t n) {
    std::mt19937_64 random(seed);
    std::vector<io::tensor_view> tensors(n);
    storage.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
        io::tensor_view& t = tensors[i];
        t.name = "layer." + std::to_string(i) + ".\xC3\xA9\"\\\n";
        t.type = types[i % 10];
        for (std::size_t rank = random() % 9; rank > 0; --rank)
            t.extents.push_back(random() % 3 + (random() % 8 > 0));
        storage[i].resize(t.extents.size() * io::size_of(t.type));
        for (std::byte& b : storage[i]) b = static_cast<std::byte>(random());
        t.bytes = storage[i];
    }
    return tensors;
}

bool same(std::span<const std::byte> a, std::span<const std::byte> b) {
    return std::vector(a.begin(), a.end()) == std::vector(b.begin(), b.end());
}

io::byte_vector small_file() {
    const float w[] = {1, 2, 3};
    const std::uint8_t u[] = {4, 5};
    return io::write_safetensors(std::vector{io::view_of("w", {3}, w), io::view_of("u", {2, 1}, u)}, {{"k", "v\n"}});
}

io::byte_vector file(const std::string& header) {
    io::byte_vector bytes(8 + header.size());
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::byte>(std::uint64_t(header.size()) >> (8 * i));
    for (std::size_t i = 0; i < header.size(); ++i) bytes[8 + i] = static_cast<std::byte>(header[i]);
    return bytes;
}

/// Reads `bytes` in a process that may grow by their size + 16 MiB: with the bytes themselves, the memory that the
/// reader promises. Checks that it ends as wanted.
void within_promise(std::string_view what, io::byte_vector bytes, bool wanted_good, violation wanted = {}) {
    CAPTURE(what);
    const ending end = run_within(bytes.size() + (16U << 20), [&] {
        io::safetensors_file out;
        io::format_fault fault;
        const bool good = io::safetensors_file::parse(std::move(bytes), out, fault);
        return good == wanted_good && (good || fault.kind == wanted);
    });
    CHECK(end == ending::as_wanted);
}

} // namespace

TEST_CASE("written files are read back bit for bit, and written again byte for byte") {
    for (const std::size_t n : {0U, 1U, 10U, 200U}) {
        std::vector<std::vector<std::byte>> storage;
        const auto tensors = sample(storage, static_cast<unsigned>(n), n);
        const io::metadata_map metadata{
            {"", ""}, {"architecture", R"({"a": [1, 2]})"}, {"\x01\x7F", "\xF0\x9F\x98\x80"}};
        const auto bytes = io::write_safetensors(tensors, metadata);
        const auto f = io::safetensors_file::parse(bytes);
        CHECK(f.metadata() == metadata);
        REQUIRE(f.tensors().size() == n);
        for (const io::tensor_view& t : tensors) {
            const io::tensor_view& got = f.at(t.name);
            CHECK(got.type == t.type);
            CHECK(got.extents == t.extents);
            CHECK(same(got.bytes, t.bytes));
            CHECK(static_cast<std::size_t>(got.bytes.data() - f.buffer().data()) % io::size_of(t.type) == 0);
        }
        CHECK(io::write_safetensors(f.tensors(), f.metadata()) == bytes);
    }
}

TEST_CASE("through a file on disk") {
    const std::string path =
        (std::filesystem::temp_directory_path() / ("smldist-safetensors-" + std::to_string(::getpid()))).string();
    io::write_file_atomically(path, small_file());
    const auto f = io::safetensors_file::load(path);
    float w[3] = {};
    io::copy_to(f.at("w"), w, 3);
    CHECK(w[2] == 3);
    CHECK(f.metadata().at("k") == "v\n");

    io::write_file_atomically(path, "short");
    CHECK_THROWS_WITH_AS((void)io::safetensors_file::load(path),
                         ("safetensors: " + path + ": file size is 5, expected at least 8").c_str(),
                         io::format_error);
    std::filesystem::remove(path);
    CHECK_THROWS_AS((void)io::safetensors_file::load(path), smldist::io_error);
}

TEST_CASE("a file cut anywhere, or with a byte more, is refused") {
    const auto bytes = small_file();
    io::safetensors_file out;
    io::format_fault fault;
    REQUIRE(io::safetensors_file::parse(bytes, out, fault));
    for (std::size_t n = 0; n < bytes.size(); ++n) {
        CAPTURE(n);
        CHECK_FALSE(
            io::safetensors_file::parse({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n)}, out, fault));
        const bool in_header = n >= 8 && n < bytes.size() - 14;
        CHECK(fault.kind == (n < 8       ? violation::file_too_short
                             : in_header ? violation::header_truncated
                                         : violation::offsets_range));
    }
    auto longer = bytes;
    longer.push_back({});
    CHECK_FALSE(io::safetensors_file::parse(longer, out, fault));
    CHECK(fault.kind == violation::file_size);
}

TEST_CASE("a header cut anywhere is refused") {
    const std::string header = R"({"__metadata__":{"a":"b"},"w":{"dtype":"U8","shape":[0,1],"data_offsets":[0,0]}})";
    io::safetensors_file out;
    io::format_fault fault;
    REQUIRE(io::safetensors_file::parse(file(header), out, fault));
    for (std::size_t n = 0; n < header.size(); ++n)
        CHECK_FALSE(io::safetensors_file::parse(file(header.substr(0, n)), out, fault));
}

TEST_CASE("mutated files give a file or a typed error") {
    std::vector<std::vector<std::byte>> storage;
    const std::vector<io::byte_vector> seeds{
        small_file(), io::write_safetensors(sample(storage, 5, 6), {{"a", "b"}, {"c", "\xC3\xA9"}}),
        io::write_safetensors({})};
    static constexpr std::string_view tokens[] = {
        "\"",  "{", "}",  "[",   "]",       ",",        ":",  "\\u0000",        "-1",
        "1e9", "0", "99", "F64", "\\ud800", "\x80\xFF", "  ", "281474976710656"};
    std::mt19937_64 random(1);
    std::vector<std::size_t> buffer;
    for (const auto& seed : seeds) {
        const auto file = io::safetensors_file::parse(seed);
        buffer.push_back(file.buffer().size());
    }
    std::size_t good = 0, total = 0;
    for (int round = 0; round < 20'000; ++round) {
        const std::size_t seed = random() % seeds.size();
        io::byte_vector bytes = seeds[seed];
        for (auto changes = random() % 4 + 1; changes > 0 && !bytes.empty(); --changes) {
            const std::size_t at = random() % bytes.size();
            const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
            switch (random() % 5) {
            case 0:
                *place = static_cast<std::byte>(random());
                break;
            case 1:
                *place ^= static_cast<std::byte>(1U << random() % 8);
                break;
            case 2:
                bytes.erase(place);
                break;
            case 3:
                bytes.insert(place, static_cast<std::byte>(random()));
                break;
            default:
                const std::string_view token = tokens[random() % std::size(tokens)];
                for (std::size_t i = 0; i < token.size() && at + i < bytes.size(); ++i)
                    bytes[at + i] = static_cast<std::byte>(token[i]);
            }
        }
        if (random() % 2 && bytes.size() > 8) { // let the length fit again, so that more gets past it
            std::size_t n = bytes.size() - 8 - std::min(bytes.size() - 8, buffer[seed]);
            for (std::size_t i = 0; i < 8; ++i, n >>= 8) bytes[i] = static_cast<std::byte>(n);
        }
        io::safetensors_file out;
        io::format_fault fault;
        ++total;
        if (!io::safetensors_file::parse(bytes, out, fault)) {
            if (fault.what.empty() || fault.kind >= violation::tensor_missing) FAIL("no fault");
            continue;
        }
        ++good;
        // What was accepted can be used: read as double, found by name, written and read again.
        for (const io::tensor_view& t : out.tensors()) {
            std::vector<double> values(t.extents.size());
            if (!io::copy_to(t, values.data(), values.size(), fault) && fault.kind != violation::value_range)
                FAIL(fault.what);
            if (out.find(t.name) != &t) FAIL(t.name);
        }
        const auto again = io::safetensors_file::parse(io::write_safetensors(out.tensors(), out.metadata()));
        if (again.tensors().size() != out.tensors().size()) FAIL("another file");
    }
    CHECK(total == 20'000);
    CHECK(good > 500);
}

TEST_CASE("resource bombs give a typed error within the promised memory") {
    const std::string entry = R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";

    const auto refused = [](std::string_view what, const std::string& header, violation kind) {
        within_promise(what, file(header), false, kind);
    };
    const auto accepted = [](std::string_view what, const std::string& header) {
        within_promise(what, file(header), true);
    };
    const auto repeat = [](std::size_t n, std::string_view part) {
        std::string text;
        for (std::size_t i = 0; i < n; ++i) text += part;
        return text;
    };
    const auto shape = [](const std::string& extents) {
        return R"({"a":{"dtype":"F64","shape":)" + extents + R"(,"data_offsets":[0,0]}})";
    };

    within_promise("length 2^64 - 1", io::byte_vector(16, std::byte{0xFF}), false, violation::header_too_long);
    {
        std::string spaces(100'000'000, ' ');
        spaces.front() = '{';
        refused("100 MB of spaces", spaces, violation::header_json);
        spaces.back() = '}';
        accepted("100 MB of spaces in the object", spaces);
        spaces.back() = ' ';
        spaces[1] = '}';
        accepted("100 MB of spaces behind the object", spaces);
    }
    std::string tensors = "{";
    for (int i = 0; i < 1'000'000; ++i) tensors += "\"" + std::to_string(i) + "\":" + entry + ",";
    refused("10^6 tensors", tensors, violation::tensor_count);

    refused("dimensions 2^32", shape("[4294967296,4294967296]"), violation::size_overflow);
    refused("dimensions 2^48 - 1", shape("[281474976710655,281474976710655]"), violation::size_overflow);
    refused("dimension 2^62 + 1", shape("[4611686018427387905]"), violation::integer_range);
    refused("dimension -1", shape("[-1]"), violation::integer_range);
    refused("dimensions without end", shape("[1" + repeat(10'000'000, ",1") + "]"), violation::rank_too_high);
    refused("a number of 50 MB", shape("[1" + std::string(50'000'000, '1') + "]"), violation::header_json);

    refused("depth 10^5 for an entry", "{\"a\":" + std::string(100'000, '['), violation::entry_type);
    refused("depth 10^5 for a shape", "{\"a\":{\"shape\":" + std::string(100'000, '['), violation::shape_type);
    refused("depth 10^5 of objects", repeat(100'000, "{\"a\":"), violation::entry_key);

    refused("duplicate tensors", "{" + repeat(60'000, "\"a\":" + entry + ",") + "\"a\":" + entry + "}",
            violation::duplicate_key);
    refused("duplicate metadata", "{\"__metadata__\":{" + repeat(1'000'000, "\"a\":\"\",") + "\"a\":\"\"}}",
            violation::duplicate_key);
    refused("a name of 50 MB", "{\"" + std::string(50'000'000, 'n') + "\":" + entry + "}", violation::name_too_long);
    accepted("metadata of 50 MB", "{\"__metadata__\":{\"a\":\"" + std::string(50'000'000, 'v') + "\"}}");
    accepted("escapes of 30 MB", "{\"__metadata__\":{\"a\":\"" + repeat(5'000'000, "\\u0041") + "\"}}");
}

TEST_CASE("the largest tables that are accepted fit the promised memory") {
    // As many tensors and metadata entries as there may be; their strings take most beyond their length at 16, 24, …
    for (const std::size_t length : {0U, 16U, 24U, 40U, 56U}) {
        const auto text = [length](int i) {
            const std::string number = std::to_string(i);
            return '"' + std::string(length - std::min(length, number.size()), 'x') + number + '"';
        };
        std::string header = "{\"__metadata__\":{";
        for (int i = 0; i < 16'384; ++i) header += (i ? "," : "") + text(i) + ":" + text(i);
        header += "}";
        for (int i = 0; i < 65'536; ++i)
            header += "," + text(i) + R"(:{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
        within_promise(std::to_string(length), file(header + "}"), true);
    }
}

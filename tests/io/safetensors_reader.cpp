// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/io/safetensors_reader.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace io = smldist::io;
using io::violation;
using namespace std::string_literals;

namespace {

io::byte_vector bytes_of(std::uint64_t n, const std::string& rest) {
    io::byte_vector file;
    for (int shift = 0; shift < 64; shift += 8) file.push_back(static_cast<std::byte>(n >> shift));
    for (const char c : rest) file.push_back(static_cast<std::byte>(c));
    return file;
}
/// A file of this header and that many zero bytes.
io::byte_vector file(const std::string& header, std::size_t buffer = 0) {
    return bytes_of(header.size(), header + std::string(buffer, '\0'));
}
std::string entry(const std::string& name, const std::string& type, const std::string& shape,
                  const std::string& offsets) {
    return '"' + name + R"(":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + '}';
}

struct outcome {
    bool good = false;
    violation kind{};
    std::string what;
};
outcome read(io::byte_vector bytes, io::safetensors_options options = {}) {
    io::safetensors_file out;
    io::format_fault fault;
    outcome result;
    result.good = io::safetensors_file::parse(std::move(bytes), out, fault, options);
    if (!result.good) {
        result.kind = fault.kind;
        result.what = fault.what;
        CHECK_FALSE(fault.what.empty());
        CHECK(fault.what.size() < 500);
        CHECK(out.tensors().empty());
        CHECK(out.buffer().empty());
    }
    return result;
}

} // namespace

TEST_CASE("a file by hand") {
    std::string header =
        R"({"b":{"shape":[2],"data_offsets":[4,8],"dtype":"I16"},"__metadata__":{"z":"1","a":"\u00e9\n"},)";
    header +=
        R"("":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"e":{"dtype":"F64","shape":[0,3],"data_offsets":[4,4]} }   )";
    const auto n = header.size();
    const auto f = io::safetensors_file::parse(bytes_of(n, header + "\0\0\xC0\x3F\1\0\xFF\xFF"s));
    REQUIRE(f.tensors().size() == 3);
    CHECK(f.tensors()[0].name == "");
    CHECK(f.tensors()[1].name == "e");
    CHECK(f.tensors()[2].name == "b");
    CHECK(f.buffer().size() == 8);
    CHECK(f.metadata() == io::metadata_map{{"a", "\xC3\xA9\n"}, {"z", "1"}});

    float scalar = 0;
    io::copy_to(f.at(""), &scalar, 1);
    CHECK(scalar == 1.5F);
    std::int16_t pair[2] = {};
    io::copy_to(f.at("b"), pair, 2);
    CHECK(pair[0] == 1);
    CHECK(pair[1] == -1);
    CHECK(f.at("e").extents == smldist::shape{0, 3});
    CHECK(f.at("e").bytes.empty());
    CHECK(f.at("").extents.rank() == 0);

    CHECK(f.find("c") == nullptr);
    try {
        (void)f.at("c");
        FAIL("found");
    } catch (const io::format_error& e) {
        CHECK(e.kind() == violation::tensor_missing);
        CHECK(e.what() == "safetensors: tensor \"c\" is missing"s);
    }
}

TEST_CASE("files that are valid") {
    const auto t = [](const std::string& shape, const std::string& offsets) {
        return "{" + entry("t", "U8", shape, offsets) + "}";
    };
    CHECK(read(file("{}")).good);
    CHECK(read(file("{}      ")).good);
    CHECK(read(file("{ \n\t\r}")).good); // white space inside is JSON's affair
    CHECK(read(file("{\"__metadata__\":{}}")).good);
    CHECK(read(file(t("[3]", "[0,3]"), 3)).good);
    CHECK(read(file(t("[]", "[0,1]"), 1)).good);
    CHECK(read(file(t("[1,1,1,1,1,1,1,2]", "[0,2]"), 2)).good);
    CHECK(read(file(t("[0]", "[0,0]"))).good);
    CHECK(read(file(t("[0,281474976710655,281474976710655]", "[0,0]"))).good);
    CHECK(read(file("{" + entry(std::string(512, 'n'), "U8", "[1]", "[0,1]") + "}", 1)).good);
    CHECK(read(file("{" + entry("t", "BOOL", "[1]", "[0,1]") + "}", 1)).good);
    CHECK(read(file("{" + entry("a", "U8", "[0]", "[0,0]") + "," + entry("b", "U8", "[1]", "[0,1]") + "," +
                        entry("c", "U8", "[0]", "[1,1]") + "," + entry("d", "U8", "[0]", "[0,0]") + "}",
                    1))
              .good);
}

TEST_CASE("every rule of the format, one file each") {
    const auto t = [](const std::string& body) { return "{\"t\":{" + body + "}}"; };
    const auto u8 = [](const std::string& shape, const std::string& offsets) {
        return "{" + entry("t", "U8", shape, offsets) + "}";
    };
    const auto two = [](const std::string& a, const std::string& b) {
        return "{" + entry("a", "U8", "[2]", a) + "," + entry("b", "U8", "[2]", b) + "}";
    };
    const std::string shape = R"("shape":[1])", offsets = R"("data_offsets":[0,1])", type = R"("dtype":"U8")";
    struct bad {
        violation kind;
        std::string_view why;
        io::byte_vector bytes;
        io::safetensors_options options = {};
    };
    const std::vector<bad> files{
        {violation::file_too_short, "empty", {}},
        {violation::file_too_short, "7 bytes", io::byte_vector(7)},
        {violation::header_too_long, "N = 100 000 001", bytes_of(100'000'001, "{}")},
        {violation::header_too_long, "N = 2^64 - 1", bytes_of(UINT64_MAX, "{}")},
        {violation::header_too_long, "8 + N wraps to 0", bytes_of(UINT64_MAX - 7, "{}")},
        {violation::header_too_long, "N = 2^63", bytes_of(std::uint64_t(1) << 63, "{}")},
        {violation::header_truncated, "N one too large", bytes_of(3, "{}")},
        {violation::header_truncated, "N = 100 000 000 in a small file", bytes_of(100'000'000, "{}")},
        {violation::header_start, "N = 0", bytes_of(0, "")},
        {violation::header_start, "leading space", file(" {}")},
        {violation::header_start, "an array", file("[]")},
        {violation::header_start, "byte order mark", file("\xEF\xBB\xBF{}")},
        {violation::header_utf8, "a lone continuation", file("{\"\x80\":1}")},
        {violation::header_utf8, "an overlong slash", file("{\"\xC0\xAF\":1}")},
        {violation::header_utf8, "a surrogate", file("{\"\xED\xA0\x80\":1}")},
        {violation::header_utf8, "in the padding", file("{}\xFF")},
        {violation::header_json, "unclosed", file("{")},
        {violation::header_json, "no value", file("{\"a\"}")},
        {violation::header_json, "trailing comma", file("{" + entry("t", "U8", "[1]", "[0,1]") + ",}", 1)},
        {violation::header_json, "trailing comma in an entry", file(t(type + "," + shape + "," + offsets + ","), 1)},
        {violation::header_json, "no comma in a shape", file(u8("[1 1]", "[0,1]"), 1)},
        {violation::header_json, "01", file(u8("[01]", "[0,1]"), 1)},
        {violation::header_json, "lone surrogate escape", file("{\"\\uD800\":1}")},
        {violation::header_json, "control character", file("{\"\n\":1}")},
        {violation::header_json, "bad escape in metadata", file(R"({"__metadata__":{"a":"\x"}})")},
        {violation::header_json, "bad escape in a dtype", file(t(R"("dtype":"\x")"))},
        {violation::header_trailing, "a second object", file("{}{}")},
        {violation::header_trailing, "a NUL", file("{} \0"s)},
        {violation::header_trailing, "a newline", file("{}\n")},
        {violation::duplicate_key, "two tensors",
         file("{" + entry("t", "U8", "[1]", "[0,1]") + "," + entry("t", "U8", "[1]", "[1,2]") + "}", 2)},
        {violation::duplicate_key, "the same tensor twice",
         file("{" + entry("t", "U8", "[1]", "[0,1]") + "," + entry("t", "U8", "[1]", "[0,1]") + "}", 1)},
        {violation::duplicate_key, "behind an escape",
         file("{" + entry("t", "U8", "[1]", "[0,1]") + "," + entry("\\u0074", "U8", "[1]", "[1,2]") + "}", 2)},
        {violation::duplicate_key, "__metadata__", file(R"({"__metadata__":{},"__metadata__":{}})")},
        {violation::duplicate_key, "a metadata key", file(R"({"__metadata__":{"a":"1","b":"2","a":"1"}})")},
        {violation::duplicate_key, "dtype", file(t(type + "," + type + "," + shape + "," + offsets), 1)},
        {violation::duplicate_key, "shape", file(t(type + "," + shape + "," + shape + "," + offsets), 1)},
        {violation::duplicate_key, "data_offsets", file(t(type + "," + shape + "," + offsets + "," + offsets), 1)},
        {violation::metadata_type, "a string", file(R"({"__metadata__":"a"})")},
        {violation::metadata_type, "null", file(R"({"__metadata__":null})")},
        {violation::metadata_type, "a number in it", file(R"({"__metadata__":{"a":1}})")},
        {violation::metadata_type, "an object in it", file(R"({"__metadata__":{"a":{}}})")},
        {violation::name_too_long, "513 bytes",
         file("{" + entry(std::string(513, 'n'), "U8", "[1]", "[0,1]") + "}", 1)},
        {violation::entry_type, "an array", file("{\"t\":[]}")},
        {violation::entry_type, "a number", file("{\"t\":1}")},
        {violation::entry_key, "one more", file(t(type + "," + shape + "," + offsets + ",\"x\":1"), 1)},
        {violation::entry_key, "another case", file(t("\"DType\":\"U8\"," + shape + "," + offsets), 1)},
        {violation::entry_incomplete, "nothing", file(t(""))},
        {violation::entry_incomplete, "no dtype", file(t(shape + "," + offsets), 1)},
        {violation::entry_incomplete, "no shape", file(t(type + "," + offsets), 1)},
        {violation::entry_incomplete, "no data_offsets", file(t(type + "," + shape), 1)},
        {violation::dtype_unknown, "U16", file("{" + entry("t", "U16", "[1]", "[0,2]") + "}", 2)},
        {violation::dtype_unknown, "lower case", file("{" + entry("t", "u8", "[1]", "[0,1]") + "}", 1)},
        {violation::dtype_unknown, "empty", file("{" + entry("t", "", "[1]", "[0,1]") + "}", 1)},
        {violation::dtype_unknown, "a number", file(t("\"dtype\":8"))},
        {violation::shape_type, "a number", file(u8("1", "[0,1]"), 1)},
        {violation::shape_type, "null", file(u8("null", "[0,1]"), 1)},
        {violation::shape_type, "a string in it", file(u8("[\"1\"]", "[0,1]"), 1)},
        {violation::shape_type, "nothing behind a comma", file(u8("[1,]", "[0,1]"), 1)},
        {violation::shape_type, "an array in it", file(u8("[[1]]", "[0,1]"), 1)},
        {violation::rank_too_high, "9", file(u8("[1,1,1,1,1,1,1,1,1]", "[0,1]"), 1)},
        {violation::offsets_type, "an object", file(u8("[1]", "{}"), 1)},
        {violation::offsets_type, "none", file(u8("[1]", "[]"), 1)},
        {violation::offsets_type, "one", file(u8("[1]", "[0]"), 1)},
        {violation::offsets_type, "three", file(u8("[1]", "[0,1,1]"), 1)},
        {violation::offsets_type, "true", file(u8("[1]", "[0,true]"), 1)},
        {violation::integer_range, "-1", file(u8("[-1]", "[0,1]"), 1)},
        {violation::integer_range, "-0", file(u8("[-0]", "[0,0]"))},
        {violation::integer_range, "1.0", file(u8("[1.0]", "[0,1]"), 1)},
        {violation::integer_range, "1e0", file(u8("[1e0]", "[0,1]"), 1)},
        {violation::integer_range, "2^48", file(u8("[281474976710656]", "[0,1]"), 1)},
        {violation::integer_range, "2^64 + 1", file(u8("[18446744073709551617]", "[0,1]"), 1)},
        {violation::integer_range, "2^62 + 1", file(u8("[4611686018427387905]", "[0,1]"), 1)},
        {violation::integer_range, "an offset of -1", file(u8("[1]", "[-1,0]"), 1)},
        {violation::integer_range, "an offset of 2^48", file(u8("[1]", "[0,281474976710656]"), 1)},
        {violation::offsets_reversed, "[1,0]", file(u8("[1]", "[1,0]"), 1)},
        {violation::offsets_range, "one beyond", file(u8("[2]", "[0,2]"), 1)},
        {violation::offsets_range, "far beyond", file(u8("[281474976710655]", "[0,281474976710655]"), 1)},
        {violation::size_overflow, "2^94 bytes", file(u8("[140737488355328,140737488355328]", "[0,1]"), 1)},
        {violation::size_overflow, "wraps to 0", file(u8("[4294967296,4294967296]", "[0,0]"))},
        {violation::size_overflow, "before a 0", file(u8("[281474976710655,281474976710655,0]", "[0,0]"))},
        {violation::size_mismatch, "too few bytes", file(u8("[3]", "[0,2]"), 2)},
        {violation::size_mismatch, "too many bytes", file(u8("[3]", "[0,4]"), 4)},
        {violation::size_mismatch, "F32 as U8", file("{" + entry("t", "F32", "[4]", "[0,4]") + "}", 4)},
        {violation::size_mismatch, "a scalar of no bytes", file(u8("[]", "[0,0]"))},
        {violation::size_mismatch, "2^32 elements of 8 bytes",
         file("{" + entry("t", "F64", "[4294967296]", "[0,8]") + "}", 8)},
        {violation::first_offset, "begins at 1", file(u8("[1]", "[1,2]"), 2)},
        {violation::first_offset, "an empty tensor at 1", file(u8("[0]", "[1,1]"), 1)},
        {violation::hole, "one byte", file(two("[0,2]", "[3,5]"), 5)},
        {violation::hole, "in the other order", file(two("[3,5]", "[0,2]"), 5)},
        {violation::overlap, "one byte", file(two("[0,2]", "[1,3]"), 3)},
        {violation::overlap, "the same bytes", file(two("[0,2]", "[0,2]"), 2)},
        {violation::overlap, "an empty tensor inside another",
         file("{" + entry("a", "U8", "[2]", "[0,2]") + "," + entry("b", "U8", "[0]", "[1,1]") + "}", 2)},
        {violation::file_size, "a byte behind the last tensor", file(u8("[1]", "[0,1]"), 2)},
        {violation::file_size, "a byte and no tensor", file("{}", 1)},
        {violation::not_finite,
         "an F32 infinity",
         bytes_of(56, "{" + entry("t", "F32", "[1]", "[0,4]") + "}  \0\0\x80\x7F"s),
         {true}},
    };
    std::set<violation> seen;
    for (const bad& b : files) {
        CAPTURE(b.why);
        const outcome got = read(b.bytes, b.options);
        CHECK_FALSE(got.good);
        CHECK_MESSAGE(got.kind == b.kind, got.what);
        seen.insert(b.kind);
    }
    // Two counts have a test below; the last four are not about a file's form.
    CHECK(seen.size() == static_cast<std::size_t>(violation::value_range) + 1 - 2 - 4);
}

TEST_CASE("messages name the subject, what is there and what is expected") {
    CHECK(read(io::byte_vector(3)).what == "file size is 3, expected at least 8");
    CHECK(read(bytes_of(9, "{}")).what == "header length is 9, expected at most 2");
    CHECK(read(file("{\"a\" 1}")).what == "expected ':' at byte 5 of the header");
    CHECK(read(file("{" + entry("a\\n", "F8", "[1]", "[0,1]") + "}", 1)).what ==
          "dtype of \"a\\n\" is \"F8\", expected F64, I64, F32, I32, F16, BF16, I16, I8, U8 or BOOL");
    CHECK(read(file("{" + entry("a", "F32", "[2,3]", "[0,20]") + "}", 20)).what ==
          "shape and dtype of \"a\" take 24 bytes, but data_offsets span 20");
    CHECK_THROWS_WITH_AS((void)io::safetensors_file::parse(file("{}", 1)),
                         "safetensors: file size is 11, expected 10", io::format_error);
}

TEST_CASE("the counts: 65 536 tensors, 16 384 metadata entries") {
    std::string tensors = "{", metadata = "{\"__metadata__\":{";
    for (int i = 0; i < 65'536; ++i)
        tensors += (i ? "," : "") +
                   entry(std::to_string(i), "U8", "[1]", "[" + std::to_string(i) + "," + std::to_string(i + 1) + "]");
    for (int i = 0; i < 16'384; ++i) metadata += (i ? ",\"" : "\"") + std::to_string(i) + "\":\"\"";
    const auto f = io::safetensors_file::parse(file(tensors + "}", 65'536));
    CHECK(f.tensors().size() == 65'536);
    CHECK(f.tensors()[40'000].name == "40000");
    CHECK(f.find("65535") == &f.tensors().back());
    const auto many = io::safetensors_file::parse(file(metadata + "}}"));
    CHECK(many.metadata().size() == 16'384);

    const std::string one_more = entry("x", "U8", "[1]", "[65536,65537]");
    CHECK(read(file(tensors + "," + one_more + "}", 65'537)).kind == violation::tensor_count);
    CHECK(read(file(metadata + ",\"x\":\"\"}}")).kind == violation::metadata_count);
}

TEST_CASE("infinity and NaN are refused on demand only") {
    const std::string header = "{" + entry("t", "F16", "[2]", "[0,4]") + "}";
    const auto with = [&](const std::string& values) { return bytes_of(header.size(), header + values); };
    CHECK(read(with("\x00\x3C\x00\x7C"s)).good);
    CHECK(read(with("\x00\x3C\x00\x7C"s), {.require_finite = true}).kind == violation::not_finite);
    CHECK(read(with("\x00\x3C\x01\xFE"s), {.require_finite = true}).what == "tensor \"t\" holds infinity or NaN");
    CHECK(read(with("\x00\x3C\xFF\x7B"s), {.require_finite = true}).good);
}

TEST_CASE("views stay valid when the file moves") {
    auto a = io::safetensors_file::parse(file("{" + entry("t", "U8", "[3]", "[0,3]") + "}", 3));
    const auto* const at = a.at("t").bytes.data();
    io::safetensors_file b = std::move(a);
    CHECK(b.at("t").bytes.data() == at);
    CHECK(b.buffer().data() == at);
    a = io::safetensors_file();
    CHECK(a.tensors().empty());
    CHECK(a.find("t") == nullptr);
    const io::safetensors_file none;
    CHECK(none.buffer().empty());
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/io/sealed.hpp"

#include <doctest/doctest.h>
#include <utility>
#include <vector>

#include "raises.hpp"
#include "smldist/io/sha256.hpp"

using namespace smldist;

namespace {

const std::vector<float> values{1, 2, 3};

io::byte_vector sealed(std::string version = "1") {
    const std::vector<io::tensor_view> tensors{io::view_of("x", shape{3}, values.data())};
    return io::write_sealed(tensors, {{"format", "test"}, {"format_version", std::move(version)}});
}

} // namespace

TEST_CASE("write_sealed: the metadata hold the SHA-256 of the buffer and all that was given") {
    const auto file = io::safetensors_file::parse(sealed());
    CHECK(io::metadata_entry(file, "sha256_of_buffer", "test") == io::sha256_hex(file.buffer()));
    CHECK(io::metadata_entry(file, "format", "test") == "test");
    io::check_seal(file, "test", "1", "test");
    CHECK_RAISES(data_error, "test: metadata key \"none\" is missing", io::metadata_entry(file, "none", "test"));
}

TEST_CASE("check_seal: another format, another version or a changed byte is a data_error") {
    const auto file = io::safetensors_file::parse(sealed());
    CHECK_RAISES(data_error, "format is \"test\", expected \"other\"",
                 (io::check_seal(file, "other", "1", "file"), 0));
    CHECK_RAISES(data_error, "format_version is \"1\", expected \"2\"",
                 (io::check_seal(file, "test", "2", "file"), 0));
    auto bytes = sealed();
    bytes.back() ^= std::byte{1};
    const auto changed = io::safetensors_file::parse(std::move(bytes));
    CHECK_RAISES(data_error, "file: SHA-256 of the weights is", (io::check_seal(changed, "test", "1", "file"), 0));
}

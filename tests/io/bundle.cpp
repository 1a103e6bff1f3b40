// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/io/bundle.hpp"

#include <doctest/doctest.h>
#include <limits>

using namespace smldist;

namespace {

const float window[8] = {1, 2, 3, 4, 5, 6, 7, 8};
const float logits[2] = {0.5f, -0.5f};

std::vector<io::tensor_view> tensors() {
    return {{std::string(io::selftest_input), io::dtype::f32, {1, 4, 2}, std::as_bytes(std::span(window))},
            {std::string(io::selftest_output), io::dtype::f32, {1, 2}, std::as_bytes(std::span(logits))}};
}

io::model_facts facts() {
    io::model_facts f;
    f.architecture = io::json::parse(R"({"type":"x"})");
    f.graph = io::json::parse("{}");
    f.normaliser = {normaliser_kind::robust, {0.1f, 1e-30f}, {3, 4}, {-1, -2}, {1, 2}};
    f.window = 4;
    f.hop = 2;
    f.rate_hz = 12.5;
    f.channels = {"a", "ü"};
    f.units = {"g", "m/s²"};
    f.labels = {"sit", "stand"};
    f.seed = std::numeric_limits<std::uint64_t>::max();
    return f;
}

/// The file with one metadata entry replaced (or removed, for null), everything else as it was.
io::byte_vector with(std::string key, const char* value) {
    const auto file = io::safetensors_file::parse(io::write_bundle(facts(), tensors()));
    auto m = file.metadata();
    if (value)
        m[key] = value;
    else
        m.erase(key);
    return io::write_safetensors(file.tensors(), m);
}

void refuse(io::byte_vector bytes, std::string_view what) {
    try {
        io::read_bundle(std::move(bytes));
        FAIL("expected a data_error about ", what);
    } catch (const data_error& e) {
        CHECK_MESSAGE(std::string_view(e.what()).find(what) != std::string_view::npos, e.what());
    }
}

} // namespace

TEST_CASE("facts come back as they went") {
    const auto b = io::read_bundle(io::write_bundle(facts(), tensors()));
    CHECK(b.facts.normaliser == facts().normaliser);
    CHECK(b.facts.window == 4);
    CHECK(b.facts.hop == 2);
    CHECK(b.facts.rate_hz == 12.5);
    CHECK(b.facts.channels == facts().channels);
    CHECK(b.facts.units == facts().units);
    CHECK(b.facts.labels == facts().labels);
    CHECK(b.facts.seed == facts().seed);
    CHECK(b.facts.architecture == facts().architecture);
    CHECK(b.file.tensors().size() == 2);
    CHECK(b.facts.created_by == "smldist " SMLDIST_VERSION_STRING);
}

TEST_CASE("the file is an ordinary safetensors file with the promised metadata") {
    const auto file = io::safetensors_file::parse(io::write_bundle(facts(), tensors()));
    for (const char* key : {"format", "format_version", "architecture", "graph", "preprocess", "labels", "created_by",
                            "seed", "selftest_input", "selftest_output", "sha256_of_buffer"})
        CHECK_MESSAGE(file.metadata().count(key) == 1, key);
    CHECK(file.metadata().at("sha256_of_buffer") == io::sha256_hex(file.buffer()));
}

TEST_CASE("every fact is checked") {
    for (const char* key : {"format", "format_version", "architecture", "graph", "preprocess", "labels", "created_by",
                            "seed", "selftest_input", "selftest_output", "sha256_of_buffer"})
        refuse(with(key, nullptr), key);
    refuse(with("format", "pt"), "format");
    refuse(with("format_version", "2"), "format_version");
    refuse(with("sha256_of_buffer", "0000"), "SHA-256");
    refuse(with("architecture", "{"), "json");
    refuse(with("labels", "[1]"), "json");
    refuse(with("seed", "-1"), "seed");
    refuse(with("seed", "18446744073709551616"), "seed");
    refuse(with("selftest_input", "other"), "self-test");
    const std::string good =
        io::safetensors_file::parse(io::write_bundle(facts(), tensors())).metadata().at("preprocess");
    const auto preprocess = [&](const std::string& from, const std::string& to, std::string_view what) {
        std::string text = good;
        const std::size_t at = text.find(from);
        REQUIRE(at != std::string::npos);
        refuse(with("preprocess", text.replace(at, from.size(), to).c_str()), what);
    };
    preprocess("BLC", "BCL", "layout");
    preprocess("robust", "magic", "magic");
    preprocess("\"window\":4", "\"window\":0", "preprocess");
    preprocess("\"rate_hz\":12.5", "\"rate_hz\":-1", "preprocess");
    preprocess("[3.0,4.0]", "[3.0]", "preprocess");
    preprocess("[3.0,4.0]", "[3.0,1e60]", "range");
    preprocess("\"low\":[-1.0,-2.0]", "\"low\":[-1.0,5.0]", "reversed");
}

TEST_CASE("a weight that is not finite is refused") {
    const float wrong[2] = {std::numeric_limits<float>::quiet_NaN(), 0};
    auto t = tensors();
    t[1].bytes = std::as_bytes(std::span(wrong));
    CHECK_THROWS_AS(io::read_bundle(io::write_bundle(facts(), t)), data_error);
}

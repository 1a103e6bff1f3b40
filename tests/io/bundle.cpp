// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/io/bundle.hpp"

#include <doctest/doctest.h>
#include <limits>

#include "memory_limit.hpp"

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
        static_cast<void>(io::read_bundle(std::move(bytes)));
        FAIL("expected a data_error about ", what);
    } catch (const data_error& e) {
        CHECK_MESSAGE(std::string_view(e.what()).find(what) != std::string_view::npos, e.what());
    }
}

} // namespace

TEST_CASE("facts are read as they were written") {
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
    const auto whole = io::safetensors_file::parse(io::write_bundle(facts(), tensors()));
    const std::string good = whole.metadata().at("preprocess");
    const auto preprocess = [&](const std::string& from, const std::string& to, std::string_view what) {
        std::string text = good;
        const std::size_t at = text.find(from);
        REQUIRE(at != std::string::npos);
        refuse(with("preprocess", text.replace(at, from.size(), to).c_str()), what);
    };
    preprocess("BLC", "BCL", "layout");
    preprocess("robust", "magic", "magic");
    preprocess("\"window\":4", "\"window\":0", "preprocess");
    preprocess("\"window\":4", "\"window\":4611686018427387904", "window and stride of preprocess");
    preprocess("\"stride\":2", "\"stride\":4611686018427387904", "window and stride of preprocess");
    preprocess("\"window\":4", "\"window\":5", "shapes of the self-test");
    preprocess("\"rate_hz\":12.5", "\"rate_hz\":-1", "preprocess");
    preprocess("[3.0,4.0]", "[3.0]", "preprocess");
    preprocess("[3.0,4.0]", "[3.0,1e60]", "range");
    preprocess("\"low\":[-1.0,-2.0]", "\"low\":[-1.0,5.0]", "reversed");
}

TEST_CASE("check_preprocess: facts that contradict each other are refused before they are written") {
    io::check_preprocess(facts());
    io::model_facts raw = facts();
    raw.normaliser = {};
    raw.units.clear();
    io::check_preprocess(raw);
    const auto refused = [](auto change, std::string_view what) {
        io::model_facts f = facts();
        change(f);
        try {
            io::check_preprocess(f);
            FAIL("expected a data_error about ", what);
        } catch (const data_error& e) {
            CHECK_MESSAGE(std::string_view(e.what()).find(what) != std::string_view::npos, e.what());
        }
    };
    refused([](auto& f) { f.window = 0; }, "inconsistent");
    refused([](auto& f) { f.rate_hz = std::numeric_limits<double>::infinity(); }, "inconsistent");
    refused([](auto& f) { f.channels.push_back("c"); }, "inconsistent");
    refused([](auto& f) { f.units.pop_back(); }, "inconsistent");
    refused([](auto& f) { f.normaliser.scale.clear(); }, "inconsistent");
    refused([](auto& f) { f.normaliser.offset[1] = std::numeric_limits<float>::quiet_NaN(); }, "out of range");
    refused([](auto& f) { f.normaliser.high[1] = -3; }, "clip bounds of channel 1 are reversed");
}

TEST_CASE("a weight that is not finite is refused") {
    const float wrong[2] = {std::numeric_limits<float>::quiet_NaN(), 0};
    auto t = tensors();
    t[1].bytes = std::as_bytes(std::span(wrong));
    CHECK_THROWS_AS(static_cast<void>(io::read_bundle(io::write_bundle(facts(), t))), data_error);
}

TEST_CASE("the texts of a file share one budget, and what they take is bounded by the file") {
    const auto repeat = [](std::size_t n, const std::string& part, const std::string& last) {
        std::string text = "[";
        for (std::size_t i = 0; i < n; ++i) text += part;
        return text + last + "]";
    };
    const auto within = [](const std::string& name, const io::byte_vector& bytes, bool good) {
        CAPTURE(name);
        const cost c = measured([&] {
            try {
                static_cast<void>(io::read_bundle(io::byte_vector(bytes)));
                return good;
            } catch (const data_error&) { return !good; }
        });
        CHECK(c.end == ending::as_wanted);
        CHECK_MESSAGE(keeps_promise(c, 2 * bytes.size()), c.seconds, " s, ", c.bytes >> 10, " KiB");
    };
    const auto file = [](const std::string& text, int texts) {
        const auto b = io::safetensors_file::parse(io::write_bundle(facts(), tensors()));
        auto m = b.metadata();
        m["architecture"] = text;
        if (texts > 1) m["graph"] = text;
        if (texts > 2) m["labels"] = text;
        return io::write_safetensors(b.tensors(), m);
    };
    within("one of 60 000 values", file(repeat(60'000, "0,", "0"), 1), true);
    within("two of 60 000 values", file(repeat(60'000, "0,", "0"), 2), false);
    within("three of 30 000 texts", file(repeat(30'000, "\"0123456789abcdef\",", "\"\""), 3), false);
    within("long texts", file("[\"" + std::string(3'000'000, 's') + "\"]", 2), true);
    within("longer texts", file("[\"" + std::string(20'000'000, 's') + "\"]", 2), false);
    within("objects of one", file(repeat(49'000, "{\"\":0},", "0"), 1), true);
    std::string members = "{\"\":0";
    for (int i = 0; i < 90'000; ++i) members += ",\"" + std::to_string(i) + "\":\"\"";
    within("an object of many", file(members + "}", 1), true);
}

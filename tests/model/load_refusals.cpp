// SPDX-License-Identifier: BSD-3-Clause
// Model files that are refused, each with a message that names the cause, and networks that are therefore not saved.
#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "load_check.hpp"

using namespace smldist;

TEST_CASE("load: forged files are refused with a message that names the cause") {
    using facts_t = io::model_facts;
    using tensors_t = std::vector<io::tensor_view>;
    refuse(forged([](facts_t& f, tensors_t&) { f.architecture.set("type", "resnet"); }), "type");
    refuse(forged([](facts_t& f, tensors_t&) { f.architecture.set("classes", 5); }), "labels");
    refuse(forged([](facts_t& f, tensors_t&) { f.architecture.set("head", "oracle"); }), "oracle");
    refuse(forged([](facts_t& f, tensors_t&) { f.architecture.set("tail", 65536); }), "architecture needs");
    refuse(forged([](facts_t& f, tensors_t&) { f.architecture.set("tail", 12); }), "shape of");
    refuse(forged([](facts_t& f, tensors_t&) { f.architecture.set("projected", 65536); }), "architecture needs");
    refuse(forged([](facts_t& f, tensors_t&) { f.architecture.set("projected", 65537); }), "projected");
    refuse(forged([](facts_t& f, tensors_t&) { f.architecture.set("rows", io::json::array{}); }), "rows");
    refuse(forged([](facts_t& f, tensors_t&) {
               f.architecture.set("rows", io::json::array{io::json("3,16,8,SE,RE,2,A"), io::json("4,8,8,-,HS,1,A")});
           }),
           "4,8,8");
    refuse(forged([](facts_t& f, tensors_t&) { f.normaliser.scale.pop_back(); }), "preprocess");
    refuse(forged([](facts_t& f, tensors_t&) { f.normaliser.offset[0] += 0.5f; }), "self-test");
    refuse(forged([](facts_t& f, tensors_t&) { f.window = 64; }), "self-test");
    refuse(forged([](facts_t& f, tensors_t&) { f.labels.pop_back(); }), "labels");
    refuse(forged([](facts_t&, tensors_t& t) { t.pop_back(); }), "");
    refuse(forged([](facts_t&, tensors_t& t) {
               io::tensor_view extra = t.front();
               extra.name = "extra";
               t.push_back(extra);
           }),
           "number of tensors");
    refuse(forged([](facts_t&, tensors_t& t) {
               for (auto& v : t)
                   if (v.name == "memory.labels") {
                       static const std::int32_t wrong[8] = {0, 0, 1, 1, 2, 2, 3, 9};
                       v.bytes = std::as_bytes(std::span(wrong));
                   }
           }),
           "label of pattern 7 is 9");
}

TEST_CASE("load: truncated files are refused and flipped bits never crash") {
    const model::network<float> net(small(), generator(1));
    const auto bytes = model::to_bytes(net, facts(), window());
    for (std::size_t n = 0; n < bytes.size(); n += 1 + bytes.size() / 97)
        CHECK_THROWS_AS(
            model::load<float>(io::read_bundle(io::byte_vector(bytes.begin(), bytes.begin() + static_cast<long>(n)))),
            data_error);
    generator g(11);
    std::size_t refused = 0;
    for (int i = 0; i < 200; ++i) {
        auto wrong = bytes;
        wrong[g.below(wrong.size())] ^= std::byte(1u << g.below(8));
        try {
            model::load<float>(io::read_bundle(std::move(wrong)));
        } catch (const data_error&) { ++refused; }
    }
    CHECK(refused > 150); // a flipped bit in created_by, a label's text or a hop is another valid file
}

TEST_CASE("load: names and windows in a file are bounded; the message begins with the path") {
    using facts_t = io::model_facts;
    using tensors_t = std::vector<io::tensor_view>;
    const std::string endless(100'000, ',');
    refuse(forged([&](facts_t& f, tensors_t&) { f.architecture.set("preset", endless); }), "length of a name");
    refuse(forged([&](facts_t& f, tensors_t&) { f.architecture.set("head", endless); }), "length of a name");
    refuse(forged([&](facts_t& f, tensors_t&) { f.architecture.set("rows", io::json::array{io::json(endless)}); }),
           "length of a name");
    for (const std::size_t window : {std::size_t(1) << 62, std::size_t(1) << 32, std::size_t(64)}) {
        CAPTURE(window);
        const auto path = (std::filesystem::temp_directory_path() / "smldist-load-window.safetensors").string();
        io::write_file_atomically(path, forged([&](facts_t& f, tensors_t&) { f.window = window; }));
        try {
            model::load<float>(path);
            FAIL("expected a data_error");
        } catch (const data_error& e) {
            CHECK(std::string(e.what()).starts_with(path + ": model file: "));
            CHECK(std::string(e.what()).find(std::to_string(window)) != std::string::npos);
        }
        std::filesystem::remove(path);
    }
}

namespace {

/// A network, its facts and its self-test, each kind of wrong.
struct wrong_model {
    const char* what; ///< in the message
    std::function<void(model::network<float>&, io::model_facts&, tensor<float>&)> spoil;
};
const float not_a_number = std::numeric_limits<float>::quiet_NaN(), infinite = std::numeric_limits<float>::infinity();
const wrong_model wrong_models[] = {
    {"infinity or NaN", [](auto& net, auto&, auto&) { net.backbone.stem.conv.weight.value[0] = not_a_number; }},
    {"infinity or NaN", [](auto& net, auto&, auto&) { net.backbone.stem.norm.running_mean.value[0] = infinite; }},
    {"infinity or NaN", [](auto&, auto&, auto& window) { window[0] = not_a_number; }},
    {"infinity or NaN",
     [](auto& net, auto&, auto&) { net.backbone.stem.norm.weight.value.fill(3e38f); }}, // the logits overflow
    {"preprocess", [](auto&, auto& f, auto&) { f.hop = 0; }},
    {"preprocess", [](auto&, auto& f, auto&) { f.rate_hz = 0; }},
    {"preprocess", [](auto&, auto& f, auto&) { f.rate_hz = -50; }},
    {"preprocess", [](auto&, auto& f, auto&) { f.units.pop_back(); }},
    {"preprocess",
     [](auto&, auto& f, auto&) {
         f.normaliser.low = {0, 0, 0};
     }},
    {"clip bounds of channel 1",
     [](auto&, auto& f, auto&) {
         f.normaliser.low = {0, 1, 0}, f.normaliser.high = {1, 0, 1};
     }},
    {"label of pattern 0 is 9", [](auto& net, auto&, auto&) { net.memory()->labels.value[0] = 9; }},
    {"of class 1", [](auto& net, auto&, auto&) { net.memory()->labels.value.fill(0); }}, // classes without a pattern
    {"beta is 1000", [](auto& net, auto&, auto&) { memory_of(net.config).beta = 1000; }},
    {"bn_eps", [](auto& net, auto&, auto&) { net.config.backbone.norm.eps = 0; }},
    {"dropout", [](auto& net, auto&, auto&) { net.config.dropout = 1; }},
    {"shape of", [](auto& net, auto&, auto&) { net.config.backbone.tail = 12; }}, // not the layers' any more
};

/// The bytes of a model file, whatever is wrong with it.
io::byte_vector unchecked(const model::network<float>& net, io::model_facts f, const tensor<float>& x) {
    f.architecture = model::to_json(net.config);
    f.graph = smldist::to_json(model::trace(net, f.window));
    tensor<float> logits(shape{1, net.config.classes});
    try {
        logits = model::raw_logits<float>(net, f.normaliser.high.empty() ? facts().normaliser : f.normaliser, x);
    } catch (const error&) {} // the reader's self-test shall find it
    std::vector<io::tensor_view> tensors;
    walk(net, [&](const std::string& path, const auto& leaf) {
        tensors.push_back(model::detail::view_of(path, leaf.value));
    });
    tensors.push_back(model::detail::view_of(std::string(io::selftest_input), x));
    tensors.push_back(model::detail::view_of(std::string(io::selftest_output), logits));
    return io::write_bundle(f, tensors);
}

} // namespace

TEST_CASE("save: refuses what load would refuse and leaves the old file intact") {
    namespace fs = std::filesystem;
    const fs::path folder = fs::temp_directory_path() / "smldist-save-test";
    fs::remove_all(folder);
    fs::create_directory(folder);
    const std::string path = (folder / "model.safetensors").string();
    const model::network<float> good(small(), generator(1));
    model::save(path, good, facts(), window());
    const auto before = io::read_file(path);
    CHECK(before == unchecked(good, facts(), window()));
    for (const auto& wrong : wrong_models) {
        CAPTURE(&wrong - wrong_models);
        auto net = good;
        auto f = facts();
        auto x = window();
        wrong.spoil(net, f, x);
        refuse(unchecked(net, f, x), wrong.what);
        try {
            model::save(path, net, f, x);
            FAIL("expected an error about ", wrong.what);
        } catch (const error& e) {
            CHECK_MESSAGE(std::string_view(e.what()).find(wrong.what) != std::string_view::npos, e.what());
        }
        CHECK(io::read_file(path) == before);
        CHECK(std::distance(fs::directory_iterator(folder), fs::directory_iterator()) == 1);
    }
    // Text and numbers that no JSON can hold.
    auto text = facts();
    text.labels[0] = "\xff";
    CHECK_THROWS_WITH_AS(model::save(path, good, text, window()), "json: string is not UTF-8 at its byte 0",
                         usage_error);
    for (const float number : {not_a_number, infinite, -infinite}) {
        CAPTURE(number);
        auto f = facts(), g = facts(), h = facts();
        f.rate_hz = double(number);
        g.normaliser.scale[0] = number;
        h.normaliser.low = {0, number, 0}, h.normaliser.high = {1, 1, 1};
        for (const auto* bad : {&f, &g, &h}) CHECK_THROWS_AS(model::save(path, good, *bad, window()), data_error);
    }
    CHECK(io::read_file(path) == before);
    fs::remove_all(folder);
}

TEST_CASE("save: facts that do not fit the network are refused") {
    const model::network<float> net(small(), generator(1));
    CHECK_THROWS_AS(model::to_bytes(net, facts(), tensor<float>(shape{1, 16, 3})), shape_error);
    auto f = facts();
    f.labels.pop_back();
    CHECK_THROWS_AS(model::to_bytes(net, f, window()), usage_error);
    f = facts();
    f.normaliser.offset.pop_back();
    CHECK_THROWS_AS(model::to_bytes(net, f, window()), shape_error);
}

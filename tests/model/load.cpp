// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/model/load.hpp"

#include <cstdio>
#include <cstring>
#include <doctest/doctest.h>
#include <filesystem>
#include <functional>
#include <limits>

#include "io/forged.hpp"
#include "io/memory_limit.hpp"
#include "model/small.hpp"

using namespace smldist;

namespace {

tensor<float> window() {
    tensor<float> w(shape{1, 32, 3});
    generator g(5);
    for (float& v : w) v = static_cast<float>(g.normal());
    return w;
}

/// The file of `net` with its architecture or one of its tensors replaced, self-test and hash made anew.
template <class Edit> io::byte_vector forged(Edit edit) {
    const model::network<float> net(small(), generator(1));
    const auto b = io::read_bundle(model::to_bytes(net, facts(), window()));
    io::model_facts f = facts();
    f.architecture = b.facts.architecture;
    f.graph = b.facts.graph;
    std::vector<io::tensor_view> tensors = b.file.tensors();
    edit(f, tensors);
    return io::write_bundle(f, tensors);
}

void refuse(io::byte_vector bytes, std::string_view what) {
    try {
        model::load<float>(io::read_bundle(std::move(bytes)));
        FAIL("expected a data_error about ", what);
    } catch (const data_error& e) {
        CHECK_MESSAGE(std::string_view(e.what()).find(what) != std::string_view::npos, e.what());
    }
}

} // namespace

TEST_CASE("a network comes back from its file bit for bit, with its facts") {
    for (const auto& [head, projected] :
         {std::pair(heads::linear, 0u), {heads::memory, 0u}, {heads::linear, 11u}, {heads::memory, 1u}}) {
        auto c = small(head);
        c.projected = projected;
        model::network<float> net(c, generator(1));
        net.backbone.stem.norm.running_mean.value.fill(0.25f);
        const auto path = (std::filesystem::temp_directory_path() / "smldist-load-test.safetensors").string();
        model::save(path, net, facts(), window());
        const auto back = model::load<float>(path);
        std::filesystem::remove(path);
        std::vector<const tensor<float>*> mine;
        walk(net, [&](const std::string&, const auto& leaf) {
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(leaf.value)>, tensor<float>>)
                mine.push_back(&leaf.value);
        });
        std::size_t i = 0;
        walk(back.net, [&](const std::string& name, const auto& leaf) {
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(leaf.value)>, tensor<float>>)
                CHECK_MESSAGE(identical(*mine.at(i++), leaf.value), name);
        });
        CHECK(back.facts.normaliser == facts().normaliser);
        CHECK(back.facts.labels == facts().labels);
        CHECK(back.facts.channels == facts().channels);
        CHECK(back.facts.units == facts().units);
        CHECK(back.facts.window == 32);
        CHECK(back.facts.hop == 16);
        CHECK(back.facts.rate_hz == 50);
        CHECK(back.facts.seed == 7);
        CHECK(model::to_json(back.net.config) == model::to_json(net.config));
        CHECK(back.net.config.projected == projected);
        const auto x = window();
        CHECK(identical(net(x).logits, back.net(x).logits));
        // Writing what was read gives the same file.
        CHECK(model::to_bytes(back.net, back.facts, window()) == model::to_bytes(net, facts(), window()));
    }
}

TEST_CASE("a compressed memory, several heads and a lookup come back too") {
    auto c = small();
    memory_of(c).heads = 4;
    model::network<float> heads(c, generator(1));
    model::network<float> merged(small(), generator(1));
    merged.take_memory(heads, model::memory_transfer::copy, 1);
    const model::network<float> lookup(small(heads::lookup), generator(1));
    for (const auto* net : std::initializer_list<const model::network<float>*>{&heads, &merged, &lookup}) {
        const auto bytes = model::to_bytes(*net, facts(), window());
        const auto back = model::load<float>(io::read_bundle(std::vector(bytes)));
        CHECK(identical(back.net(window()).logits, (*net)(window()).logits));
        CHECK(model::to_bytes(back.net, back.facts, window()) == bytes);
    }
    CHECK(merged.memory()->options.heads == 4);
    CHECK(merged.memory()->log_mass.value.size() == 4);
    std::size_t n = 0;
    walk(lookup, [&](const std::string&, const auto& leaf) { n += leaf.value.size(); });
    CHECK(model::element_count(lookup.config) == double(n));
    refuse(forged([](io::model_facts& f, auto&) {
               io::json m = f.architecture.at("head");
               m.set("heads", std::size_t(3));
               f.architecture.set("head", std::move(m));
           }),
           "heads is 3");
}

TEST_CASE("the graph in the file names tensors that the file holds") {
    const model::network<float> net(small(), generator(1));
    const auto b = io::read_bundle(model::to_bytes(net, facts(), window()));
    std::size_t named = 0, ops = 0;
    for (const auto& n : b.facts.graph.as_array("nodes")) {
        if (const auto* name = n.find("tensor")) {
            CHECK(b.file.find(name->as_string()) != nullptr);
            ++named;
        }
        ops += n.as_string("kind") == "op";
    }
    CHECK(named == b.file.tensors().size() - 2);
    CHECK(ops > 20);
}

TEST_CASE("files that lie are refused with a message that names the lie") {
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

TEST_CASE("truncation and flipped bits never pass") {
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

TEST_CASE("what load refuses is not saved, and the old file is intact") {
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
        auto f = facts(), g = facts(), h = facts();
        f.rate_hz = double(number);
        g.normaliser.scale[0] = number;
        h.normaliser.low = {0, number, 0}, h.normaliser.high = {1, 1, 1};
        for (const auto* bad : {&f, &g, &h}) CHECK_THROWS_AS(model::save(path, good, *bad, window()), data_error);
    }
    CHECK(io::read_file(path) == before);
    fs::remove_all(folder);
}

TEST_CASE("facts that do not fit the network are refused when saving") {
    const model::network<float> net(small(), generator(1));
    CHECK_THROWS_AS(model::to_bytes(net, facts(), tensor<float>(shape{1, 16, 3})), shape_error);
    auto f = facts();
    f.labels.pop_back();
    CHECK_THROWS_AS(model::to_bytes(net, f, window()), usage_error);
    f = facts();
    f.normaliser.offset.pop_back();
    CHECK_THROWS_AS(model::to_bytes(net, f, window()), shape_error);
}

TEST_CASE("what is frozen comes back frozen; a file without frozen modules says nothing of it") {
    const auto frozen_in = [](const io::byte_vector& bytes) {
        const auto b = io::read_bundle(io::byte_vector(bytes));
        const io::json* list = b.facts.architecture.find("frozen");
        return list ? list->dump() : "none";
    };
    const auto frozen_paths = [](const auto& net) {
        std::string paths;
        walk(net, [&](const std::string& path, const auto& leaf) {
            if constexpr (requires { leaf.frozen; }) {
                CHECK(leaf.trainable == !leaf.frozen);
                if (leaf.frozen) paths += path + " ";
            }
        });
        return paths;
    };
    const model::network<float> start(small(), generator(1));
    CHECK(frozen_in(model::to_bytes(start, facts(), window())) == "none");
    const std::pair<std::function<void(model::network<float>&)>, const char*> cases[] = {
        {[](auto& net) { freeze(net); }, R"(["backbone","memory"])"},
        {[](auto& net) { freeze(net.backbone); }, R"(["backbone"])"},
        {[](auto& net) { freeze(net.backbone.stem.norm), freeze(net.memory()->keys); },
         R"(["backbone.stem.norm","memory.keys"])"},
        {[](auto& net) { freeze(net.backbone.blocks[1]), freeze(net.backbone.stem.conv); },
         R"(["backbone.stem.conv","backbone.blocks.1"])"},
        {[](auto& net) { freeze(net.backbone), unfreeze(net.backbone.stem.conv); },
         R"(["backbone.stem.norm","backbone.blocks","backbone.tail"])"}};
    for (const auto& [spoil, list] : cases) {
        auto net = start;
        spoil(net);
        const auto bytes = model::to_bytes(net, facts(), window());
        CHECK(frozen_in(bytes) == list);
        const auto back = model::load<float>(io::read_bundle(io::byte_vector(bytes)));
        CHECK(frozen_paths(back.net) == frozen_paths(net));
        CHECK(frozen_paths(net) != "");
        CHECK(model::to_bytes(back.net, back.facts, window()) == bytes);
        auto thawed = back.net;
        unfreeze(thawed);
        CHECK(model::to_bytes(thawed, back.facts, window()) == model::to_bytes(start, facts(), window()));
    }
    using facts_t = io::model_facts;
    for (const char* name : {"head", "backbone.stem.norm.running_mean", "back", "backbone.", ""})
        refuse(forged([&](facts_t& f, auto&) { f.architecture.set("frozen", io::json::array{io::json(name)}); }),
               "frozen module");
    refuse(forged([](facts_t& f, auto&) { f.architecture.set("frozen", "backbone"); }), "");
    refuse(forged([](facts_t& f, auto&) { f.architecture.set("frozen", io::json::array{io::json(1)}); }), "");
}

namespace {

/// A file of this configuration with a self-test of `window` samples, whose logits are zeros.
io::byte_vector with_window(model::network_config c, std::size_t window) {
    c.backbone.channels = 1;
    c.classes = 3;
    c.head = heads::linear;
    const model::network<float> net(c, generator(1));
    io::model_facts f;
    f.window = 8;
    f.hop = 1;
    f.rate_hz = 50;
    f.channels = {"x"};
    f.labels = {"a", "b", "c"};
    const auto b = io::read_bundle(model::to_bytes(net, f, tensor<float>(shape{1, 8, 1})));
    f.architecture = b.facts.architecture;
    f.graph = b.facts.graph;
    f.window = window;
    const std::vector<float> zeros(window);
    auto tensors = b.file.tensors();
    for (auto& t : tensors)
        if (t.name == io::selftest_input) t = io::view_of(t.name, {1, window, 1}, zeros.data());
    return io::write_bundle(f, tensors);
}

model::network_config one_row(std::size_t stem, const char* row) {
    model::network_config c;
    c.backbone.stem = stem;
    c.backbone.rows = {model::parse_row(row)};
    c.backbone.tail = 4;
    return c;
}

void refuse_within_promise(const std::string& name, const io::byte_vector& bytes, const std::string& what) {
    CAPTURE(name);
    const cost c = measured([&] {
        try {
            model::load<float>(io::read_bundle(io::byte_vector(bytes)));
        } catch (const data_error& e) {
            if (std::string(e.what()).find(what) != std::string::npos) return true;
            std::fprintf(stderr, "%s\n", e.what());
        }
        return false;
    });
    CHECK(c.end == ending::as_wanted);
    CHECK_MESSAGE(keeps_promise(c, 2 * bytes.size()), name, ": ", c.seconds, " s, ", c.bytes >> 10, " KiB");
}

} // namespace

TEST_CASE("a self-test that asks for much more than the file is refused before it is given any") {
    refuse_within_promise("wide", with_window(one_row(4000, "1,4000,4,-,RE,1"), 20'000), "work with its self-test");
    refuse_within_promise("wider", with_window(one_row(10'000, "1,10000,4,-,RE,1"), 100'000),
                          "work with its self-test");
    // Little work, but values of 8 MB each.
    refuse_within_promise("long", with_window(one_row(128, "1,128,1,-,RE,1"), 32'768), "the values of its self-test");
    forged_graph g(8);
    refuse_within_promise("another graph", g.file(g.logits(0)), "\"type\" is missing");
    const auto frozen = [](std::size_t n, std::size_t length) {
        return forged([&](io::model_facts& f, auto&) {
            io::json::array names;
            for (std::size_t i = 0; i < n; ++i)
                names.emplace_back(std::string(length - std::to_string(i).size(), '0') + std::to_string(i));
            f.architecture.set("frozen", std::move(names));
        });
    };
    refuse_within_promise("many frozen modules", frozen(90'000, 17), "frozen module");
    refuse_within_promise("long names of frozen modules", frozen(2, std::size_t(7) << 20), "frozen module");
}

TEST_CASE("what presets and long windows need is given, and the option gives more") {
    for (const auto& [name, length] :
         {std::pair("har_teacher", 4096), {"har_student", 8192}, {"mobilenet_v3_large", 512}}) {
        const std::string preset = name;
        CAPTURE(preset);
        auto c = model::preset(preset);
        c.backbone.channels = 3;
        c.classes = 4;
        const model::network<float> net(c, generator(1));
        auto f = facts();
        f.window = static_cast<std::size_t>(length);
        const auto bytes = model::to_bytes(net, f, tensor<float>(shape{1, f.window, 3}));
        memory::trim();
        const cost taken = measured([&] {
            const auto back = model::load<float>(io::read_bundle(io::byte_vector(bytes)));
            return identical(back.net.head<nn::linear<float>>()->weight.value,
                             net.head<nn::linear<float>>()->weight.value);
        });
        CHECK(taken.end == ending::as_wanted);
        CHECK_MESSAGE(keeps_promise(taken, 2 * bytes.size()), taken.seconds, " s, ", taken.bytes >> 10, " KiB");
        // In double the weights take twice as much.
        CHECK(model::load<double>(io::read_bundle(io::byte_vector(bytes))).net.config.preset == preset);
    }
    auto f = facts();
    f.window = 32'768;
    const auto path = (std::filesystem::temp_directory_path() / "smldist-load-long.safetensors").string();
    auto c = one_row(128, "1,128,1,-,RE,1");
    c.backbone.channels = 3;
    c.classes = 4;
    model::save(path, model::network<float>(c, generator(1)), f, tensor<float>(shape{1, f.window, 3}));
    memory::trim(); // blocks that the thread keeps would serve the self-test
    try {
        model::load<float>(path);
        FAIL("expected a data_error");
    } catch (const data_error& e) { CHECK(std::string(e.what()).starts_with(path + ": model file: memory with")); }
    CHECK(model::load<float>(path, {.memory = std::size_t(1) << 29}).facts.window == f.window);
    std::filesystem::remove(path);
}

TEST_CASE("names and windows in a file are bounded, and the message begins with its path") {
    using facts_t = io::model_facts;
    using tensors_t = std::vector<io::tensor_view>;
    const std::string endless(100'000, ',');
    refuse(forged([&](facts_t& f, tensors_t&) { f.architecture.set("preset", endless); }), "length of a name");
    refuse(forged([&](facts_t& f, tensors_t&) { f.architecture.set("head", endless); }), "length of a name");
    refuse(forged([&](facts_t& f, tensors_t&) { f.architecture.set("rows", io::json::array{io::json(endless)}); }),
           "length of a name");
    for (const std::size_t window : {std::size_t(1) << 62, std::size_t(1) << 32, std::size_t(64)}) {
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

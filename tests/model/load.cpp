// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/model/load.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "load_check.hpp"

using namespace smldist;

TEST_CASE("load: gives back the network bit for bit with its facts") {
    for (const auto& row :
         {std::pair(heads::linear, 0u), {heads::memory, 0u}, {heads::linear, 11u}, {heads::memory, 1u}}) {
        const auto& [head, projected] = row;
        CAPTURE(model::text(row.first));
        CAPTURE(row.second);
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

TEST_CASE("load: gives back compressed memories and several heads and lookups") {
    auto c = small();
    memory_of(c).heads = 4;
    model::network<float> heads(c, generator(1));
    model::network<float> merged(small(), generator(1));
    merged.take_memory(heads, model::memory_transfer::copy, 1);
    const model::network<float> lookup(small(heads::lookup), generator(1));
    for (const auto* net : std::initializer_list<const model::network<float>*>{&heads, &merged, &lookup}) {
        CAPTURE(model::text(net->config.head));
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

TEST_CASE("load: the graph in the file names only tensors of the file") {
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

TEST_CASE("load: frozen modules come back frozen; without any the file does not mention them") {
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
    for (const auto& row : cases) {
        const auto& [spoil, list] = row;
        CAPTURE(std::string(row.second));
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
    for (const std::string name : {"head", "backbone.stem.norm.running_mean", "back", "backbone.", ""}) {
        CAPTURE(name);
        refuse(forged([&](facts_t& f, auto&) { f.architecture.set("frozen", io::json::array{io::json(name)}); }),
               "frozen module");
    }
    refuse(forged([](facts_t& f, auto&) { f.architecture.set("frozen", "backbone"); }), "");
    refuse(forged([](facts_t& f, auto&) { f.architecture.set("frozen", io::json::array{io::json(1)}); }), "");
}

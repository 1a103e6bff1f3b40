// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/model/architecture.hpp"

#include <doctest/doctest.h>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "model/small.hpp"

using namespace smldist;

namespace {

std::size_t held(const model::network_config& c) {
    const model::network<float> net(c, generator(0));
    std::size_t n = 0;
    walk(net, [&](const std::string&, const auto& leaf) { n += leaf.value.size(); });
    return n;
}

/// Every head with options that are not the default ones, by itself and in a search.
std::vector<model::network_config> configs() {
    std::vector<model::network_config> all;
    for (const model::head_config& head : std::vector<model::head_config>{
             model::linear_head{},
             model::memory_head{.patterns_per_class = 3,
             .width = 12,
             .updates = 2,
             .beta = 7,
             .kappa = 0.25,
             .dropout = 0.5,
             .heads = 4},
             model::prototype_head{}, model::mlp_head{.hidden = 7}, model::lookup_head{.patterns_per_class = 3},
             model::blended_head{.evaluation = nn::blended_output::intuition}})
        all.push_back(small(head));
    auto c = searching(small(), {all[3].head, all[1].head, all[0].head, all[4].head, all[2].head});
    c.temperature = 0.3;
    all.push_back(c);
    c.projected = 11;
    c.backbone.form = {.gate_before_activation = true, .se_bias = false, .always_expand = true};
    all.push_back(c);
    return all;
}

/// What version 0.1 wrote for the network of small() with that head.
io::json of_0_1(const std::string& head, const std::string& memory = "") {
    return io::json::parse(
        R"({"type":"mobilenet_v3_1d","preset":"","channels":3,"stem":8,"rows":["3,16,8,SE,RE,2,A","5,8,8,-,HS,1,A"],)"
        R"("tail":16,"causal":false,"bn_eps":1e-05,"bn_momentum":0.1,"classes":4,)" +
        head + R"(,"memory":{"patterns_per_class":2,"width":8,"updates":0,"beta":5.0,"kappa":0.5)" + memory +
        R"(},"dropout":0.2})");
}

void refuses(const io::json& j, std::string_view what) {
    try {
        model::config_from_json(j);
        FAIL("expected a data_error about ", what);
    } catch (const data_error& e) {
        CHECK_MESSAGE(std::string_view(e.what()).find(what) != std::string_view::npos, e.what());
    }
}

} // namespace

TEST_CASE("architecture: element_count is the number of stored elements for every preset and three heads") {
    for (const auto name : model::preset_names)
        for (const double width : {1.0, 0.5})
            for (const auto& head : {heads::linear, heads::memory, heads::blended}) {
                CAPTURE(name);
                CAPTURE(width);
                CAPTURE(model::text(head));
                auto c = model::preset(name, width);
                c.head = head;
                c.projected = name == "har_nano" ? std::size_t(64 * width) + 1 : 0;
                CHECK(model::element_count(c) == double(held(c)));
            }
}

TEST_CASE("architecture: every head survives JSON and element_count is what its network holds") {
    for (const auto& c : configs()) {
        CAPTURE(model::head_name(c));
        const io::json j = model::to_json(c);
        const auto back = model::config_from_json(io::json::parse(j.dump()));
        CHECK(back.head == (c.candidates.empty() ? c.head : model::head_config()));
        CHECK(back.candidates == c.candidates);
        CHECK(back.temperature == c.temperature);
        CHECK(back.backbone == c.backbone);
        CHECK(back.projected == c.projected);
        CHECK(model::to_json(back) == j);
        CHECK(model::element_count(c) == double(held(c)));
    }
}

TEST_CASE("architecture: JSON of version 0.1 is read") {
    const auto head = [](const char* text) { return model::config_from_json(of_0_1(text)).head; };
    CHECK(head(R"("head":"linear")") == heads::linear);
    CHECK(head(R"("head":"memory")") == heads::memory);
    CHECK(head(R"("head":"prototype")") == heads::prototype);
    CHECK(head(R"("head":"mlp","hidden":7)") == model::head_config(model::mlp_head{.hidden = 7}));
    CHECK(head(R"("head":"lookup")") == heads::lookup);
    CHECK(model::config_from_json(of_0_1(R"("head":"memory")", R"(,"dropout":0.25,"heads":2)")).head ==
          model::head_config(model::memory_head{.patterns_per_class = 2, .width = 8, .dropout = 0.25, .heads = 2}));
    const auto code = model::config_from_json(of_0_1(R"("head":"ref2021","compat":"ref2021","evaluation":"fused")"));
    CHECK(code.head == model::head_config(model::blended_head{.evaluation = nn::blended_output::fused}));
    CHECK(code.backbone.form == model::public_code_form);
    CHECK(code.backbone.form.gate_before_activation);
    CHECK(code.backbone.form.pooled_activation == activation::hard_swish);
    CHECK(model::config_from_json(of_0_1(R"("head":"linear","compat":"smldist")")).backbone == small().backbone);
    const auto search = model::config_from_json(
        of_0_1(R"("head":"search","candidates":["mlp","memory","linear"],"temperature":0.7,"hidden":8)"));
    CHECK(search.candidates == std::vector{heads::mlp, heads::memory, heads::linear});
    CHECK(search.temperature == 0.7);
    const auto narrow = model::config_from_json(of_0_1(R"("head":"linear","projected":11)"));
    CHECK(narrow.projected == 11);

    refuses(of_0_1(R"("head":"oracle")"), "oracle");
    refuses(of_0_1(R"("head":"search","candidates":[])"), "number of candidates");
    refuses(of_0_1(R"("head":"search","candidates":["mlp","mlp"])"), "mlp appears twice");
    refuses(of_0_1(R"("head":"search","candidates":["ref2021"])"), "expected a head that returns logits in training");
    refuses(of_0_1(R"("head":"search","candidates":["search"])"), "\"search\"");
    refuses(of_0_1(R"("head":"search","candidates":["mlp","memory","linear","lookup","prototype","mlp","mlp"])"),
            "number of candidates");
    refuses(of_0_1(R"("head":"memory")", R"(,"heads":3)"), "heads is 3");
    refuses(of_0_1(R"("head":"memory")", R"(,"dropout":1)"), "dropout is 1");
    refuses(of_0_1(R"("head":"linear","compat":"2021")"), "2021");
    refuses(of_0_1(R"("head":"ref2021","evaluation":"none")"), "evaluation");
}

TEST_CASE("architecture: options that are out of range or of another type or too long are refused") {
    const auto with = [](const model::head_config& head, const char* option, io::json value) {
        io::json j = model::to_json(small(head)), h = j.at("head");
        h.set(option, std::move(value));
        j.set("head", std::move(h));
        return j;
    };
    const std::string endless(1000, 'x');
    refuses(with(heads::memory, "name", "oracle"), "oracle");
    refuses(with(heads::memory, "name", endless), "length of a name");
    refuses(with(heads::memory, "name", 3), "");
    refuses(with(heads::memory, "patterns_per_class", 0), "patterns_per_class");
    refuses(with(heads::memory, "patterns_per_class", 65537), "patterns_per_class");
    refuses(with(heads::memory, "width", "wide"), "width");
    refuses(with(heads::memory, "updates", 65), "updates is 65, expected at most 64");
    refuses(with(heads::memory, "beta", 0.05), "beta is 0.05");
    refuses(with(heads::memory, "kappa", 1.5), "kappa is 1.5");
    refuses(with(heads::mlp, "hidden", 0), "hidden is 0");
    refuses(with(heads::lookup, "patterns_per_class", 0), "patterns_per_class is 0");
    refuses(with(heads::blended, "evaluation", "none"),
            "evaluation: name is \"none\", expected memory, intuition or fused");
    refuses(with(heads::blended, "evaluation", endless), "length of a name");
    const auto set = [](io::json j, const char* member, io::json value) {
        j.set(member, std::move(value));
        return j;
    };
    const io::json plain = model::to_json(small()), search = model::to_json(searching(small()));
    refuses(set(search, "candidates", io::json::array{}), "number of candidates");
    refuses(set(search, "candidates", io::json::array(100)), "");
    refuses(set(search, "temperature", 0), "temperature");
    refuses(set(plain, "head", io::json::array{}), "");
    io::json form;
    form.set("se_bias", 1);
    refuses(set(plain, "form", form), "se_bias");
    form = {};
    form.set("pooled_activation", "SOFT");
    refuses(set(plain, "form", form), "SOFT");
    refuses(set(plain, "form", "none"), "");
    refuses(set(of_0_1(R"("head":"memory")"), "memory", "none"), "");
    refuses(set(plain, "type", "own"), "model::load_into");
}

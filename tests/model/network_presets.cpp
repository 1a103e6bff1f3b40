// SPDX-License-Identifier: BSD-3-Clause
// The presets: sizes, costs, shapes, names.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "presets.hpp"

using namespace smldist;

TEST_CASE("preset: parameters and MACs and shapes are those of the table") {
    const struct {
        std::string_view name;
        double width;
        std::size_t parameters;
        std::uint64_t macs;
        std::size_t length, features;
    } table[] = {
        {"mobilenet_v3_large", 1, 2906966, 9410752, 4, 960},
        {"mobilenet_v3_large", 0.5, 752910, 2470400, 4, 480},
        {"mobilenet_v3_large", 0.25, 202342, 709312, 4, 240},
        {"mobilenet_v3_small", 1, 883814, 2598720, 4, 576},
        {"mobilenet_v3_small", 0.5, 234574, 713664, 4, 288},
        {"mobilenet_v3_small", 0.25, 69006, 226816, 4, 144},
        {"har_teacher", 1, 1165454, 6428672, 8, 256},
        {"har_student", 1, 25510, 212800, 8, 96},
        {"har_nano", 1, 8302, 100512, 8, 48},
    };
    for (const auto& row : table) {
        CAPTURE(row.name);
        CAPTURE(row.width);
        const network net(model::preset(row.name, row.width), generator(1));
        CHECK(parameter_count(net) == row.parameters);
        graph g;
        const auto out = net(symbol::input(g, "x", {1, 128, 9}));
        CHECK(g.macs() == row.macs);
        CHECK(out.feature.shape() == shape{1, row.features});
        CHECK(out.logits.shape() == shape{1, 6});
        REQUIRE(out.stages.size() == 3);
        for (std::size_t i = 0; i < 3; ++i) CHECK(out.stages[i].shape()[1] == 32u >> i); // strides 4, 8, 16
        const auto last =
            std::find_if(g.nodes.rbegin(), g.nodes.rend(), [](const auto& n) { return n.name == "mean_over_time"; });
        CHECK(g.nodes[last->inputs[0]].shape[1] == row.length);
    }
}

TEST_CASE("preset: names and widths give their configurations; others are refused") {
    for (const auto name : model::preset_names) {
        CAPTURE(name);
        const auto c = model::preset(name);
        CHECK(c.preset == name);
        CHECK(c.backbone.form == model::backbone_form{});
        CHECK(c.head == linear_head);
        CHECK(c.classes == 6);
        CHECK(c.backbone.channels == 9);
        CHECK(c.dropout == 0.2);
    }
    CHECK(model::preset("har_student", 0.5).backbone.stem == 8);
    CHECK_THROWS_WITH_AS(
        model::preset("har_studnet"),
        "model::preset: name is \"har_studnet\", expected one of har_teacher, har_student, har_nano, "
        "mobilenet_v3_small, mobilenet_v3_large",
        usage_error);
    for (const double width : {0.0, -1.0, 17.0, std::nan("")}) {
        CAPTURE(width);
        CHECK_THROWS_AS(model::preset("har_nano", width), usage_error);
    }
    CHECK(model::parse_head("linear") == linear_head);
    CHECK(model::parse_head(model::text(memory_head)) == model::head_config(model::memory_head{}));
    CHECK_THROWS_AS(model::parse_head("svm"), usage_error);
    auto c = model::preset("har_nano");
    c.classes = 1;
    CHECK_THROWS_WITH_AS(network(c, generator(1)), "model::network: number of classes is 1, expected at least 2",
                         usage_error);
}

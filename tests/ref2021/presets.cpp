// SPDX-License-Identifier: BSD-3-Clause
/// The public code's form of a network: the sizes of its example, heads and files.
#include "smldist/ref2021/presets.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "small.hpp"
#include "smldist/graph/summary.hpp"
#include "smldist/model/load.hpp"

using namespace smldist;

namespace {

/// Parameters and MACs of a configuration, from section 2 of docs/ref2021.md.
struct size_of_network {
    std::size_t parameters = 0, macs = 0;
};
size_of_network size_by_hand(const model::network_config& c, std::size_t length) {
    size_of_network s;
    std::size_t L = length, in = model::ceil8(c.backbone.channels);
    const auto conv = [&](std::size_t from, std::size_t to, std::size_t kernel, std::size_t stride) {
        L = (L + stride - 1) / stride;
        s.parameters += from * to * kernel + 2 * to;
        s.macs += L * from * to * kernel;
    };
    conv(c.backbone.channels, in, 3, 2);
    for (const auto& r : c.backbone.rows) {
        conv(in, r.expanded, 1, 1);
        conv(1, r.expanded, r.kernel_size, r.stride);
        if (r.se) {
            s.parameters += 2 * r.expanded * (r.expanded / 4);
            s.macs += 2 * r.expanded * (r.expanded / 4);
        }
        conv(r.expanded, r.out, 1, 1);
        in = r.out;
    }
    const std::size_t D = c.backbone.tail, N = c.classes;
    conv(in, D, 1, 1);
    s.parameters += 6 * D + D * D + D + 2 * (D * N + N) + 2;
    s.macs += D * D + 2 * D * N;
    return s;
}

struct published {
    std::string name;
    std::size_t parameters, macs;
};
const published table[] = {{"ref2021_teacher", 78203250, 310519424}, {"ref2021_student", 53112370, 228493504}};
constexpr std::size_t length = 225, width = 512;
const std::size_t dead_parameters = ref2021::dead_parameters(width);
const std::size_t dead_macs = ref2021::dead_macs(width);

/// Traces the preset and holds it against size_by_hand; returns the anchors as "L x C".
std::string traced_anchors(const std::string& name, double scale) {
    auto config = ref2021::preset(name, scale);
    config.head = model::blended_head{
        .evaluation = nn::blended_output::fused}; // memory alone would leave the intuition out of the graph
    const model::network<float> net(config, generator(1));
    graph g;
    const auto out = net(symbol::input(g, "x", {1, length, 63}));
    const auto wanted = size_by_hand(net.config, length);
    CHECK(parameter_count(net) == wanted.parameters);
    CHECK(g.macs() == wanted.macs);
    CHECK(summarise(g).parameters + 4 * config.backbone.tail == wanted.parameters); // two norms
    CHECK(out.logits.shape() == shape{1, 8});
    std::string anchors;
    for (const auto& s : out.stages)
        anchors += std::to_string(s.shape()[1]) + "x" + std::to_string(s.shape()[2]) + " ";
    return anchors;
}

} // namespace

TEST_CASE("ref2021: the published example has its parameters and MACs and anchors") {
    for (const auto& row : table) {
        CAPTURE(row.name);
        const auto whole = size_by_hand(ref2021::preset(row.name), length);
        CHECK(whole.parameters + dead_parameters == row.parameters);
        CHECK(whole.macs + dead_macs == row.macs);
        // The count by hand is that of a network, and of the stages' shapes: here of a narrow one.
        CHECK(traced_anchors(row.name, 0.125) == "15x32 8x128 4x256 ");
    }
    CHECK(dead_parameters == 525312);
    generator g(1);
    CHECK(parameter_count(nn::blended_head<float>(width, 8, g)) + dead_parameters == 799250);
}

TEST_CASE("ref2021: the published student at full width has its parameters and MACs and anchors" *
          doctest::test_suite("slow")) {
    CHECK(traced_anchors("ref2021_student", 1) == "15x256 8x1024 4x2048 ");
}

TEST_CASE("ref2021: names and scales give presets; others are refused") {
    for (const auto name : ref2021::preset_names)
        for (const double scale : {0.125, 0.0625})
            for (const model::head_config& head :
                 std::vector<model::head_config>{model::linear_head{}, model::memory_head{}, model::blended_head{}}) {
                CAPTURE(name);
                CAPTURE(scale);
                CAPTURE(model::text(head));
                auto c = ref2021::preset(name, scale);
                CHECK(c.preset == name);
                CHECK(c.backbone.form == ref2021::form);
                CHECK(c.head == model::head_config(model::blended_head{}));
                CHECK(c.backbone.channels == 63);
                CHECK(c.classes == 8);
                CHECK(c.dropout == 0);
                CHECK(c.backbone.tail == std::size_t(512 * scale));
                c.head = head;
                std::size_t n = 0;
                const model::network<float> net(c, generator(0));
                walk(net, [&](const std::string&, const auto& leaf) { n += leaf.value.size(); });
                CHECK(model::element_count(c) == double(n));
            }
    CHECK_THROWS_WITH_AS(ref2021::preset("teacher"),
                         "ref2021::preset: name is \"teacher\", expected one of ref2021_teacher, ref2021_student",
                         usage_error);
    for (const double scale : {0.0, -1.0, 17.0}) {
        CAPTURE(scale);
        CHECK_THROWS_AS(ref2021::preset("ref2021_student", scale), usage_error);
    }
}

TEST_CASE("ref2021: blocks and stem and widths are those of the public code") {
    const model::network<float> net(small(), generator(1));
    const auto& blocks = net.backbone.blocks;
    CHECK(net.backbone.stem.conv.weight.shape() == shape{8, 5, 3}); // ceil8(5), though the config says 16
    REQUIRE(blocks[0].expand);                                      // though 8 = 8
    CHECK(blocks[0].se->fc1.weight.shape() == shape{2, 8});         // 8 / 4, unrounded
    CHECK(blocks[0].se->fc1.bias.empty());
    CHECK(blocks[1].expand->conv.weight.shape() == shape{24, 8, 1}); // ceil8(20)
    CHECK(blocks[1].se->fc1.weight.shape() == shape{6, 24});
    CHECK(blocks[1].project.conv.weight.shape() == shape{16, 24, 1}); // ceil8(12)
    CHECK(blocks[2].residual);
    CHECK(model::element_count(net.config) == [&] {
        double n = 0;
        walk(net, [&n](const std::string&, const auto& leaf) { n += double(leaf.value.size()); });
        return n;
    }());
    for (const std::size_t v : {1u, 8u, 9u, 63u, 64u}) {
        CAPTURE(v);
        CHECK(model::ceil8(v) == (v <= 8 ? 8u : v == 9 ? 16u : 64u));
    }
    auto other = small().backbone;
    other.form = {};
    CHECK_FALSE(other == small().backbone);
}

TEST_CASE("network.up_to_stage: computes the same stages and nothing behind them") {
    const model::network<double> net(small(), generator(1));
    const auto x = array("x");
    const auto whole = net(x);
    for (std::size_t i = 0; i < 3; ++i) {
        const auto part = net.up_to_stage(i, x);
        REQUIRE(part.stages.size() == i + 1);
        for (std::size_t k = 0; k <= i; ++k) CHECK(identical(part.stages[k], whole.stages[k]));
        CHECK(part.feature.empty());
        CHECK(part.logits.empty());
    }
    graph g;
    net.up_to_stage(0, symbol::input(g, "x", {1, 20, 5}));
    CHECK(g.macs() == 10 * 5 * 8 * 3 + 10 * 8 * 8 + 5 * 8 * 3 + 2 * 8 * 2 + 5 * 8 * 8); // stem and block 0
    CHECK_THROWS_WITH_AS(net.up_to_stage(3, x),
                         "network.up_to_stage: stage is 3, expected below the number of anchors, 3", usage_error);
}

TEST_CASE("ref2021: the student takes over the teacher's head and continues to train it") {
    const model::network<float> teacher(small(), generator(1));
    model::network<float> student(small(), generator(2));
    ref2021::take_head(student, teacher);
    CHECK(identical(student.head<nn::blended_head<float>>()->value.weight.value,
                    teacher.head<nn::blended_head<float>>()->value.weight.value));
    for_each_parameter(*student.head<nn::blended_head<float>>(), [](const auto& p) { CHECK(p.trainable); });
    auto narrow = small();
    narrow.backbone.tail = 8;
    auto linear = small();
    linear.head = model::linear_head{};
    for (const auto& c : {narrow, linear}) {
        CAPTURE(model::text(c.head));
        model::network<float> other(c, generator(2));
        CHECK_THROWS_AS(ref2021::take_head(other, teacher), usage_error);
    }
    // SimKD takes it frozen
    model::network<float> borrower(linear, generator(3));
    borrower.take_classifier(teacher, generator(4));
    REQUIRE(borrower.head<nn::blended_head<float>>());
    for_each_parameter(*borrower.head<nn::blended_head<float>>(), [](const auto& p) { CHECK_FALSE(p.trainable); });
    // and no search holds it: its answers in training are no logits
    auto searching = small();
    searching.candidates = {model::linear_head{}, model::blended_head{}};
    CHECK_THROWS_WITH_AS(model::network<float>(searching, generator(1)),
                         "model::network: candidate is blended, expected a head that returns logits in training",
                         usage_error);
}

TEST_CASE("ref2021: model files name the form and head; other files do not mention them") {
    auto c = small();
    c.head = model::blended_head{.evaluation = nn::blended_output::fused};
    const model::network<float> net(c, generator(1));
    io::model_facts facts;
    facts.normaliser.kind = normaliser_kind::none;
    facts.window = 20;
    facts.hop = 10;
    facts.rate_hz = 45;
    for (const char* name : {"a", "b", "c", "d", "e"}) {
        facts.channels.push_back(name);
        facts.units.push_back("g");
        if (facts.labels.size() < 4) facts.labels.push_back(name);
    }
    tensor<float> window(shape{1, 20, 5});
    generator g(5);
    for (float& v : window) v = static_cast<float>(g.normal());
    const auto back = model::load<float>(io::read_bundle(model::to_bytes(net, facts, window)));
    CHECK(back.net.config.backbone == c.backbone);
    CHECK(back.net.config.head == c.head);
    CHECK(identical(back.net(window).logits, net(window).logits));

    const io::json ours = model::to_json(c), plain = model::to_json(model::preset("har_nano"));
    CHECK(ours.at("form").as_bool("gate_before_activation"));
    CHECK(ours.at("head").as_string("evaluation") == "fused");
    for (const std::string member : {"compat", "form"}) {
        CAPTURE(member);
        CHECK_FALSE(plain.find(member));
        io::json lie = ours;
        lie.set(member, "none");
        CHECK_THROWS_AS(model::config_from_json(lie), data_error);
    }
    io::json lie = ours, head = ours.at("head");
    head.set("evaluation", "none");
    lie.set("head", head);
    CHECK_THROWS_AS(model::config_from_json(lie), data_error);
    // Files of version 0.1 name form and head by one word.
    io::json old;
    for (const auto& [name, value] : ours.as_object())
        if (name != "form") old.set(name, value);
    old.set("compat", "ref2021");
    old.set("head", "ref2021");
    old.set("evaluation", "fused");
    const auto read = model::config_from_json(old);
    CHECK(read.backbone == c.backbone);
    CHECK(model::to_json(read) == ours);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/load.hpp"

#include <doctest/doctest.h>
#include <filesystem>

#include "deploy/check.hpp"
#include "smldist/model/load.hpp"

using namespace smldist;

namespace {

model::network_config small(model::head_kind head) {
    model::network_config c;
    c.backbone.channels = 3;
    c.backbone.stem = 8;
    c.backbone.rows = {model::parse_row("3,16,8,SE,RE,2,A"), model::parse_row("5,8,8,-,HS,1,A")};
    c.backbone.tail = 16;
    c.classes = 4;
    c.head = head;
    c.memory.patterns_per_class = 2;
    c.memory.width = 8;
    return c;
}

io::model_facts facts() {
    io::model_facts f;
    f.normaliser = {normaliser_kind::zscore, {0.1f, -0.2f, 1.0f / 3}, {1, 2, 3.3f}, {}, {}};
    f.window = 32;
    f.hop = 16;
    f.rate_hz = 50;
    f.channels = {"x", "y", "z"};
    f.units = {"g", "g", "g"};
    f.labels = {"a", "b", "c", "d"};
    return f;
}

model::network<float> disturbed(model::head_kind head) {
    model::network<float> net(small(head), generator(1));
    disturb(net, 2);
    return net;
}

std::vector<std::byte> file(const model::network<float>& net) {
    return model::to_bytes(net, facts(), noise({1, 32, 3}, 5));
}

/// The text of the graph with the first `from` replaced, in a file that is otherwise whole.
std::vector<std::byte> edited(const std::string& from, const std::string& to) {
    const auto b = io::read_bundle(file(disturbed(model::head_kind::memory)));
    std::string text = b.facts.graph.dump();
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    io::model_facts f = b.facts;
    f.graph = io::json::parse(text);
    const auto tensors = b.file.tensors();
    return io::write_bundle(f, tensors);
}

void refuse(std::vector<std::byte> bytes, std::string_view what) {
    try {
        deploy::load(io::read_bundle(std::move(bytes)));
        FAIL("expected a data_error about ", what);
    } catch (const data_error& e) {
        CHECK_MESSAGE(std::string_view(e.what()).find(what) != std::string::npos, e.what());
    }
}

} // namespace

TEST_CASE("load: the graph of a file alone gives the network's outputs for raw units, for every head") {
    using enum model::head_kind;
    for (const auto head : {linear, memory, prototype, mlp, lookup, search, ref2021}) {
        CAPTURE(model::text(head));
        const auto net = disturbed(head);
        auto b = io::read_bundle(file(net));
        b.facts.architecture = io::json();
        const auto m = deploy::load(std::move(b), {.batch = 4, .outputs = {"stages", "feature"}});
        CHECK(m.facts.labels[3] == "d");
        CHECK(m.net.outputs().size() == 4);
        CHECK(m.net.length() == 32);
        const auto x = noise({5, 32, 3}, 7);
        auto normal = x;
        facts().normaliser.apply(normal.data(), normal.shape().rows());
        same_outputs(m.net, x, net(normal, mode::eval));
    }
}

TEST_CASE("load: a file that is wrong is refused with what is wrong") {
    refuse(edited("\"conv1d\"", "\"wavelet\""), "is the op \"wavelet\", which programs do not know");
    refuse(edited("\"kind\":\"op\"", "\"kind\":\"loop\""), "kind of node");
    refuse(edited("\"stride\":2", "\"stride\":0"), "(conv1d): groups and channels do not fit");
    refuse(edited("\"stride\":2", "\"stride\":1"), "expected (1, 32, 8)");
    refuse(edited("\"stride\":2", "\"stride\":2.5"), "an attribute is out of range");
    refuse(edited("\"stride\":2,", ""), "attribute stride is missing");
    refuse(edited("\"shape\":[1,32,3]", "\"shape\":[1,31,3]"), "expected one input (1, 32, 3)");
    refuse(edited("\"shape\":[1,32,3]", "\"shape\":[1,4294967296,3]"), "a shape is out of range");
    refuse(edited("\"tensor\":\"backbone.stem.conv.weight\"", "\"tensor\":\"none\""), "none");
    refuse(edited("\"tensor\":\"backbone.stem.conv.weight\",", ""), "it has no values");
    refuse(edited("stem.norm.weight", "stem.norm.bias"), "stem.norm.bias belongs to two nodes");
    refuse(edited("\"name\":\"logits\"", "\"name\":\"scores\""), "it has no logits");
    refuse(edited("\"low\":-2.3", "\"low\":4.2"), "self-test gives logit");
    refuse(edited("\"relu\"", "\"selu\""), "self-test gives logit");
}

TEST_CASE("load: options that do not fit the file, and files on disk") {
    const auto net = disturbed(model::head_kind::linear);
    const auto path = (std::filesystem::temp_directory_path() / "smldist_deploy_load.smldist").string();
    model::save(path, net, facts(), noise({1, 32, 3}, 5));
    CHECK(deploy::load(path, {.length = 32}).net.channels() == 3);
    CHECK_THROWS_AS(deploy::load(path, {.length = 33}), usage_error);
    CHECK_THROWS_AS(deploy::load(path, {.outputs = {"memory"}}), usage_error);
    CHECK_THROWS_AS(deploy::load(path + ".none"), io_error);
    io::write_file_atomically(path, std::vector<std::byte>(100));
    try {
        deploy::load(path);
        FAIL("expected a data_error");
    } catch (const data_error& e) { CHECK(std::string_view(e.what()).starts_with(path)); }
    std::filesystem::remove(path);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/load.hpp"

#include <doctest/doctest.h>
#include <filesystem>

#include "deploy/check.hpp"
#include "model/small.hpp"
#include "smldist/model/load.hpp"

using namespace smldist;

namespace {

model::network<float> disturbed(model::head_kind head) {
    model::network<float> net(small(head), generator(1));
    disturb(net, 2);
    return net;
}

io::byte_vector file(const model::network<float>& net) { return model::to_bytes(net, facts(), noise({1, 32, 3}, 5)); }

/// The text of the graph with the first `from` replaced, in a file that is otherwise whole.
io::byte_vector edited(const std::string& from, const std::string& to) {
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

void refuse(io::byte_vector bytes, std::string_view what) {
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

TEST_CASE("load: weights that cannot be read where they lie are converted") {
    const auto net = disturbed(model::head_kind::memory);
    const auto x = noise({2, 32, 3}, 7);
    const auto logits = [&](io::byte_vector bytes) {
        const auto m = deploy::load(io::read_bundle(std::move(bytes)), {.batch = 2});
        std::vector<float> to(8);
        m.net.run(x.data(), to.data());
        return to;
    };
    const auto expected = logits(file(net));

    auto odd = file(net); // one space more in the header: no weight is aligned
    odd[0] = static_cast<std::byte>(std::to_integer<unsigned>(odd[0]) + 1);
    REQUIRE(odd[0] != std::byte{0});
    std::size_t header = 0;
    for (std::size_t i = 0; i < 8; ++i) header |= std::to_integer<std::size_t>(odd[i]) << 8 * i;
    odd.insert(odd.begin() + 7 + static_cast<std::ptrdiff_t>(header), std::byte{' '});
    CHECK(logits(odd) == expected);

    const auto b = io::read_bundle(file(net));
    auto tensors = b.file.tensors();
    std::vector<std::vector<double>> wide;
    for (auto& t : tensors)
        if (t.type == io::dtype::f32) {
            auto& values = wide.emplace_back(t.extents.size());
            io::copy_to(t, values.data(), values.size());
            t = io::view_of(t.name, t.extents, values.data());
        }
    CHECK(logits(io::write_bundle(b.facts, tensors)) == expected);
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

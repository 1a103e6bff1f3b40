// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/model/file.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "deploy/check.hpp"
#include "io/forged.hpp"
#include "io/memory_limit.hpp"
#include "model/small.hpp"
#include "smldist/deploy/load.hpp"
#include "smldist/model/load.hpp"
#include "smldist/nn/conv_norm.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/select.hpp"
#include "smldist/op/softmax.hpp"

using namespace smldist;

namespace {

/// The network of examples/07_own_network.cpp, in float or double, with a memory as a second head.
template <class T> struct cnn {
    std::vector<nn::conv_norm<T>> layers;
    nn::memory<T> head;

    cnn(std::size_t channels, std::size_t classes, generator g, std::size_t patterns = 2) {
        for (const std::size_t width : {8u, 12u}) {
            layers.emplace_back(channels, width, 5, g,
                                nn::conv_norm_options{.stride = 2, .activation = nn::activation::hard_swish});
            channels = width;
        }
        head = nn::memory<T>(channels, classes, g, {.patterns_per_class = patterns, .width = 8});
    }
    template <class X> outputs<X> operator()(X x, mode m = mode::eval) const {
        outputs<X> out;
        for (const auto& layer : layers) out.stages.push_back(x = layer(x, m));
        out.feature = op::mean_over_time(x);
        auto result = head(out.feature, m);
        out.memory = std::move(result.memory);
        out.logits = std::move(result.logits);
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("layers", self.layers);
        member("head", self.head);
    }
};

template <class T = float> cnn<T> disturbed(std::uint64_t seed = 2) {
    cnn<T> net(3, 4, generator(1));
    disturb(net, seed);
    return net;
}

tensor<float> window() { return noise({1, 32, 3}, 5); }

template <class M> std::string bits(const M& net) {
    std::string all;
    walk(net, [&](const std::string& path, const auto& leaf) {
        all += path;
        all.append(reinterpret_cast<const char*>(leaf.value.data()), leaf.value.size() * sizeof(*leaf.value.data()));
    });
    return all;
}

/// load_into refuses the bytes, says why, and does not change the network.
void refuse(io::byte_vector bytes, std::string_view what, cnn<float> net = disturbed()) {
    const std::string before = bits(net);
    try {
        model::load_into(net, io::read_bundle(std::move(bytes)));
        FAIL("expected a data_error about ", what);
    } catch (const data_error& e) {
        CHECK_MESSAGE(std::string_view(e.what()).find(what) != std::string_view::npos, e.what());
    }
    CHECK(bits(net) == before);
}

/// The file of a network with its facts or tensors changed; self-test and hash are made anew.
template <class Edit> io::byte_vector forged(Edit edit) {
    const auto b = io::read_bundle(model::to_bytes(disturbed(), facts(), window()));
    io::model_facts f = b.facts;
    auto tensors = b.file.tensors();
    edit(f, tensors);
    return io::write_bundle(f, tensors);
}
using tensors_t = std::vector<io::tensor_view>;

} // namespace

namespace {
/// A network whose call uses numbers and constant tensors, one of them infinite.
template <class T> struct with_constants {
    nn::conv_norm<T> layer;
    nn::linear<T> head;

    explicit with_constants(generator g) : layer(3, 8, 3, g, {.stride = 2}), head(8, 4, g) {}
    template <class X> outputs<X> operator()(const X& x, mode m = mode::eval) const {
        outputs<X> out;
        const tensor<T> hidden(shape{8}, {0, 0, -std::numeric_limits<T>::infinity(), 0, 0, 0, 0, 0});
        const tensor<std::int32_t> every_other(shape{8}, {1, 0, 1, 0, 1, 0, 1, 0});
        const X h = 2 / (1 + layer(x, m) * layer(x, m));
        out.feature = op::where(every_other, op::softmax(op::mean_over_time(h) + hidden), 0.25);
        out.logits = head(out.feature) / 3;
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("layer", self.layer);
        member("head", self.head);
    }
};
} // namespace

TEST_CASE_TEMPLATE("file: numbers and constant tensors of a network are in its file", T, float, double) {
    with_constants<T> net{generator(1)}, back{generator(2)};
    disturb(net, 3);
    const auto bytes = model::to_bytes<T>(net, facts(), window());
    const auto said = model::load_into<T>(back, io::read_bundle(io::byte_vector(bytes)));
    const auto x = noise({5, 32, 3}, 7);
    CHECK(identical(back(cast<T>(x)).logits, net(cast<T>(x)).logits));
    CHECK(model::to_bytes<T>(back, said, window()) == bytes);

    auto normal = x;
    facts().normaliser.apply(normal.data(), normal.shape().rows());
    const auto program = deploy::load(io::read_bundle(io::byte_vector(bytes)), {.batch = 4});
    std::vector<float> logits(5 * 4);
    runtime::workspace w(program.net);
    program.net.run(x.data(), logits.data(), 5, w);
    CHECK(difference(logits, cast<float>(net(cast<T>(normal)).logits)) < 1e-5);
}

TEST_CASE("file: a constant of the graph that no node names is refused") {
    const auto b = io::read_bundle(model::to_bytes(disturbed(), facts(), window()));
    auto tensors = b.file.tensors();
    const float one = 1;
    tensors.push_back(
        {std::string(io::constant_prefix) + "0", io::dtype::f32, {1}, std::as_bytes(std::span(&one, 1))});
    refuse(io::write_bundle(b.facts, tensors), "number of tensors");
}

TEST_CASE_TEMPLATE("file: a user's own network can be saved and read back and compiled", T, float, double) {
    const auto net = disturbed<T>();
    const auto path = (std::filesystem::temp_directory_path() / "smldist-own-network.safetensors").string();
    model::save<T>(path, net, facts(), window());

    cnn<T> back(3, 4, generator(9));
    const auto said = model::load_into<T>(back, path);
    CHECK(bits(back) == bits(net));
    CHECK(said.labels == facts().labels);
    CHECK(said.normaliser == facts().normaliser);
    CHECK(said.architecture.as_string("type") == "own");
    auto x = noise({5, 32, 3}, 7);
    CHECK(identical(back(cast<T>(x)).logits, net(cast<T>(x)).logits));
    // Writing what was read gives the same file.
    CHECK(model::to_bytes<T>(back, said, window()) == io::read_file(path));

    const auto program = deploy::load(path, {.batch = 4, .outputs = {"all"}});
    CHECK(program.facts.labels == facts().labels);
    auto normal = x;
    facts().normaliser.apply(normal.data(), normal.shape().rows());
    const auto want = net(cast<T>(normal), mode::eval);
    outputs<tensor<float>> rounded;
    for (const auto& s : want.stages) rounded.stages.push_back(cast<float>(s));
    rounded.feature = cast<float>(want.feature);
    rounded.memory = {cast<float>(want.memory.scores), cast<float>(want.memory.retrieved)};
    rounded.logits = cast<float>(want.logits);
    same_outputs(program.net, x, rounded);
    std::filesystem::remove(path);
}

TEST_CASE("file: a user's own architecture and the frozen modules are kept") {
    auto net = disturbed();
    auto f = facts();
    f.architecture.set("type", "cnn");
    f.architecture.set("widths", io::json::array{io::json(8), io::json(12)});
    freeze(net.layers[0]);
    const auto bytes = model::to_bytes(net, f, window());
    cnn<float> back(3, 4, generator(9));
    freeze(back.head); // thawed, for the file says so
    const auto said = model::load_into(back, io::read_bundle(io::byte_vector(bytes)));
    CHECK(said.architecture.as_string("type") == "cnn");
    CHECK(said.architecture.as_array("widths").size() == 2);
    CHECK(is_frozen(back.layers[0]));
    CHECK_FALSE(is_frozen(back.layers[1]));
    for_each_parameter(back.head, [](const auto& p) {
        CHECK_FALSE(p.frozen);
        CHECK(p.trainable);
    });
    // The facts of a file name no module that is thawed since.
    unfreeze(back);
    const auto thawed = io::read_bundle(model::to_bytes(back, said, window()));
    CHECK(thawed.facts.architecture.find("frozen") == nullptr);
    CHECK(thawed.facts.architecture.as_string("type") == "cnn");
    f.architecture = "cnn";
    CHECK_THROWS_AS(model::to_bytes(net, f, window()), data_error);
}

TEST_CASE("file: the file of another network is refused with the name of the tensor") {
    refuse(model::to_bytes(model::network<float>(small(), generator(1)), facts(), window()), "layers.0.conv.weight");
    refuse(model::to_bytes(cnn<float>(3, 4, generator(1), 3), facts(), window()), "shape of head.keys is (12, 8)");
    auto five = facts();
    five.labels.push_back("e");
    refuse(model::to_bytes(cnn<float>(3, 5, generator(1)), five, window()), "shape of head.keys");
    // A file of one's own network is none of model::network.
    try {
        model::load<float>(io::read_bundle(model::to_bytes(disturbed(), facts(), window())));
        FAIL("expected a data_error");
    } catch (const data_error& e) {
        CHECK(std::string(e.what()) ==
              "model file: type of the architecture is \"own\", expected "
              "\"mobilenet_v3_1d\" or \"mobilenet_v3_2d\"; model::load_into reads other networks");
    }
    const auto path = (std::filesystem::temp_directory_path() / "smldist-another.safetensors").string();
    io::write_file_atomically(path, model::to_bytes(cnn<float>(3, 4, generator(1), 3), facts(), window()));
    auto net = disturbed();
    try {
        model::load_into(net, path);
        FAIL("expected a data_error");
    } catch (const data_error& e) { CHECK(std::string(e.what()).starts_with(path + ": model file: shape of")); }
    std::filesystem::remove(path);
    CHECK_THROWS_AS(model::load_into(net, path), io_error);
}

TEST_CASE("file: forged files are refused") {
    refuse(forged([](auto&, tensors_t& t) { std::erase_if(t, [](auto& v) { return v.name == "head.log_beta"; }); }),
           "head.log_beta");
    refuse(forged([](auto&, tensors_t& t) {
               t.push_back(t.front());
               t.back().name = "extra";
           }),
           "number of tensors");
    refuse(forged([](auto&, tensors_t& t) {
               for (auto& v : t)
                   if (v.name == "head.labels") {
                       static const std::int32_t wrong[8] = {0, 0, 1, 1, 2, 2, 3, 9};
                       v.bytes = std::as_bytes(std::span(wrong));
                   }
           }),
           "label of pattern 7 is 9");
    refuse(forged([](auto&, tensors_t& t) {
               for (auto& v : t)
                   if (v.name == "layers.0.norm.running_mean") {
                       static const float moved[8] = {5, 5, 5, 5, 5, 5, 5, 5};
                       v.bytes = std::as_bytes(std::span(moved));
                   }
           }),
           "self-test gives logit");
    refuse(forged([](io::model_facts& f, auto&) { f.architecture.set("frozen", io::json::array{io::json("tail")}); }),
           "frozen module \"tail\"");
    refuse(forged([](io::model_facts& f, auto&) { f.architecture.set("frozen", 3); }), "");
    // More logits than the network has, or fewer: other labels and a self-test to match.
    for (const std::size_t classes : {3u, 5u}) {
        CAPTURE(classes);
        refuse(forged([&](io::model_facts& f, tensors_t& t) {
                   static const float zeros[5] = {};
                   f.labels.assign(classes, "x");
                   for (auto& v : t)
                       if (v.name == io::selftest_output) v = io::view_of(v.name, {1, classes}, zeros);
               }),
               "shape of the network's logits is (1, 4), expected (1, " + std::to_string(classes) + ")");
    }
    // Another number of channels.
    refuse(forged([&](io::model_facts& f, tensors_t& t) {
               static const float zeros[64] = {};
               f.channels.pop_back();
               f.units.pop_back();
               f.normaliser = {normaliser_kind::none, {}, {}, {}, {}};
               for (auto& v : t)
                   if (v.name == io::selftest_input) v = io::view_of(v.name, {1, 32, 2}, zeros);
           }),
           "self-test failed");
}

TEST_CASE("file: damaged bytes never crash load_into and refused ones do not change the network") {
    const auto bytes = model::to_bytes(disturbed(), facts(), window());
    const cnn<float> start(3, 4, generator(9));
    const std::string before = bits(start);
    std::size_t refused = 0;
    generator g(11);
    for (int i = 0; i < 200; ++i) {
        auto wrong = bytes;
        wrong[g.below(wrong.size())] ^= std::byte(1u << g.below(8));
        auto net = start;
        try {
            model::load_into(net, io::read_bundle(std::move(wrong)));
        } catch (const data_error&) {
            ++refused;
            CHECK(bits(net) == before);
        }
    }
    CHECK(refused > 150);
    for (std::size_t n = 0; n < bytes.size(); n += 1 + bytes.size() / 41) {
        auto net = start;
        CHECK_THROWS_AS(model::load_into(net, io::read_bundle(io::byte_vector(
                                                  bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n)))),
                        data_error);
    }
}

TEST_CASE("file: a self-test that needs much more memory or work than the file is refused before it runs") {
    for (const std::size_t length : {std::size_t(200'000), std::size_t(1'000'000)}) {
        const std::vector<float> zeros(length * 3);
        const auto bytes = forged([&](io::model_facts& f, tensors_t& t) {
            f.window = length;
            for (auto& v : t)
                if (v.name == io::selftest_input) v = io::view_of(v.name, {1, length, 3}, zeros.data());
        });
        auto net = disturbed();
        memory::trim();
        refuse_within_promise(std::to_string(length) + " samples", bytes, "self-test",
                              [&](io::byte_vector b) { model::load_into(net, io::read_bundle(std::move(b))); });
    }
}

TEST_CASE("file: facts that do not fit are refused when saving") {
    const auto net = disturbed();
    CHECK_THROWS_AS(model::to_bytes(net, facts(), noise({1, 16, 3}, 1)), shape_error);
    auto f = facts();
    f.labels.pop_back();
    CHECK_THROWS_WITH_AS(
        model::to_bytes(net, f, window()),
        "model::to_bytes: number of labels is 3, expected one per logit of the self-test, whose shape is (1, 4)",
        usage_error);
    f = facts();
    f.hop = 0;
    CHECK_THROWS_AS(model::to_bytes(net, f, window()), data_error);
    auto broken = net;
    broken.layers[0].conv.weight.value[0] = NAN;
    CHECK_THROWS_AS(model::to_bytes(broken, facts(), window()), data_error);
}

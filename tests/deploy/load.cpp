// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/load.hpp"

#include <doctest/doctest.h>
#include <filesystem>

#include "deploy/check.hpp"
#include "io/forged.hpp"
#include "io/memory_limit.hpp"
#include "model/small.hpp"
#include "smldist/model/load.hpp"

using namespace smldist;

namespace {

model::network<float> disturbed(const model::network_config& c) {
    model::network<float> net(c, generator(1));
    disturb(net, 2);
    return net;
}

io::byte_vector file(const model::network<float>& net) { return model::to_bytes(net, facts(), noise({1, 32, 3}, 5)); }

/// The text of the graph with the first `from` replaced, in a file that is otherwise whole.
io::byte_vector edited(const std::string& from, const std::string& to) {
    const auto b = io::read_bundle(file(disturbed(small())));
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

TEST_CASE("load: the graph of a file gives the network's outputs for raw units and every head") {
    std::vector<model::network_config> configs{searching(small())};
    for (const auto& head : heads::all) configs.push_back(small(head));
    for (const auto& c : configs) {
        CAPTURE(model::head_name(c));
        const auto net = disturbed(c);
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

TEST_CASE("load: weights that cannot be read in place are converted") {
    const auto net = disturbed(small());
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

TEST_CASE("load: a wrong file is refused with an error that names the cause") {
    refuse(edited("\"conv1d\"", "\"wavelet\""), "is the op \"wavelet\", which programs do not know");
    refuse(edited("\"kind\":\"op\"", "\"kind\":\"loop\""), "kind of node");
    refuse(edited("\"stride\":2", "\"stride\":0"), "(conv1d): op::conv1d: stride, dilation, groups are 0, 1, 1");
    refuse(edited("\"stride\":2", "\"stride\":1"), "expected (1, 32, 8)");
    refuse(edited("\"stride\":2", "\"stride\":2.5"), "(conv1d): attribute stride is out of range");
    refuse(edited("\"stride\":2,", ""), "attribute stride is missing");
    refuse(edited("\"stride\":2", "\"stride\":2,\"step\":1"), "(conv1d): number of attributes is 6, expected 5");
    refuse(edited("\"shape\":[1,32,3]", "\"shape\":[1,31,3]"), "expected one input (1, 32, 3)");
    refuse(edited("\"shape\":[1,32,3]", "\"shape\":[1,4294967296,3]"), "a shape is out of range");
    refuse(edited("\"tensor\":\"backbone.stem.conv.weight\"", "\"tensor\":\"none\""), "none");
    refuse(edited("\"tensor\":\"backbone.stem.conv.weight\",", ""), "it has no values");
    refuse(edited("stem.norm.weight", "stem.norm.bias"), "stem.norm.bias belongs to two nodes");
    refuse(edited("\"name\":\"logits\"", "\"name\":\"scores\""), "it has no logits");
    refuse(edited("\"low\":-2.3", "\"low\":4.2"), "self-test gives logit");
    refuse(edited("\"relu\"", "\"selu\""), "self-test gives logit");
}

TEST_CASE("load: a self-test may differ by the rounding of its network") {
    // Sharp lookups behind a layer-norm of small features, computed in double: 1.6e-4 of the largest logit where packs have
    // four lanes.
    auto c = small(heads::lookup);
    const std::uint64_t seed = 350;
    model::network<double> net(c, generator(seed));
    generator g(seed + 1000);
    walk(net, [&](const std::string& path, auto& leaf) {
        const bool lookup = path.find("lookup") != std::string::npos, norm = path.find("norm") != std::string::npos;
        for (auto& v : leaf.value) {
            using V = std::remove_reference_t<decltype(v)>;
            if (path.ends_with("running_var"))
                v = V(0.5 + g.uniform());
            else if (lookup && !norm && path.ends_with("weight"))
                v = V(0.5 * g.normal());
            else if (path.ends_with("patterns"))
                v = V(g.normal());
            else if (path.ends_with("log_beta"))
                v = V(0);
        }
    });
    auto f = facts();
    f.normaliser = {};
    tensor<float> x(shape{1, 32, 3});
    for (float& v : x) v = static_cast<float>(g.normal());
    const auto bytes = model::to_bytes(net, f, x);
    const auto m = deploy::load(io::read_bundle(io::byte_vector(bytes)));
    std::vector<float> got(4);
    m.net.run(x.data(), got.data());
    const auto want = net(cast<double>(x), mode::eval).logits;
    double largest = 1;
    for (const double v : want) largest = std::max(largest, std::abs(v));
    for (std::size_t n = 0; n < 4; ++n) CHECK(std::abs(double(got[n]) - want[n]) < 1e-3 * largest);
    CHECK(model::load<float>(io::read_bundle(io::byte_vector(bytes))).facts.window == 32);

    // What moves the logits by more than rounding is still refused.
    auto b = io::read_bundle(io::byte_vector(bytes));
    auto tensors = b.file.tensors();
    std::vector<double> logits(want.begin(), want.end());
    logits[1] += 0.01 * largest;
    for (auto& t : tensors)
        if (t.name == io::selftest_output) t = io::view_of(t.name, {1, 4}, logits.data());
    refuse(io::write_bundle(b.facts, tensors), "self-test gives logit 1");
}

TEST_CASE("load: options that do not fit the file are refused; files on disk are read") {
    const auto net = disturbed(small(heads::linear));
    const auto path = (std::filesystem::temp_directory_path() / "smldist_deploy_load.smldist").string();
    model::save(path, net, facts(), noise({1, 32, 3}, 5));
    CHECK(deploy::load(path, {.length = 32}).net.channels() == 3);
    CHECK_THROWS_AS(deploy::load(path, {.length = 33}), usage_error);
    CHECK_THROWS_AS(deploy::load(path, {.height = 4, .width = 8}), usage_error);
    CHECK_THROWS_AS(deploy::load(path, {.outputs = {"memory"}}), usage_error);
    CHECK_THROWS_AS(deploy::load(path + ".none"), io_error);
    io::write_file_atomically(path, std::vector<std::byte>(100));
    try {
        deploy::load(path);
        FAIL("expected a data_error");
    } catch (const data_error& e) { CHECK(std::string_view(e.what()).starts_with(path)); }
    std::filesystem::remove(path);
}

namespace {

/// Checks that a file is refused with `what` in the message, as soon and with as little memory as SECURITY.md says.
void refuse_within_promise(const std::string& name, const io::byte_vector& bytes, const std::string& what) {
    ::refuse_within_promise(name, bytes, what,
                            [](io::byte_vector b) { deploy::load(io::read_bundle(std::move(b))); });
}

} // namespace

TEST_CASE("load: a small file that requests much memory or work is refused before it gets any") {
    { // 2^24 elements from one, and a hundred of them alive together
        forged_graph g(8);
        std::size_t v = 0;
        for (int i = 0; i < 21; ++i) v = g.twice(v, 1);
        std::size_t sum = v;
        for (int i = 0; i < 100; ++i)
            sum = g.op("add", g.shape_of(v), {sum, g.op("affine", g.shape_of(v), {v}, R"("scale":1,"offset":1)")});
        refuse_within_promise("nested concatenations", g.file(g.logits(sum)), "work with its steps");
    }
    { // the values of one product take 26 MB, with little work
        forged_graph g(2560);
        const auto v = g.op("matmul", {1, 2560, 2560}, {0, 0}, R"("transpose_a":0,"transpose_b":1)");
        refuse_within_promise("an outer product", g.file(g.logits(v)), "the values of its self-test");
    }
    {
        forged_graph g(8);
        std::vector<std::size_t> pools;
        for (int i = 0; i < 200; ++i)
            pools.push_back(g.op("adaptive_avg_pool1d", {1, 1 << 23, 1}, {0}, R"("length":8388608)"));
        std::size_t sum = pools[0];
        for (const std::size_t p : pools) sum = g.op("add", {1, 1 << 23, 1}, {sum, p});
        refuse_within_promise("pools to 2^23", g.file(g.logits(sum)), "work with its steps");
    }
    const auto of_constants = [](forged_graph& g, std::size_t rows, std::size_t columns) {
        std::size_t v = g.parameter({2, 2});
        while (g.shape_of(v)[0] < rows) v = g.twice(v, 0);
        while (g.shape_of(v)[1] < columns) v = g.twice(v, 1);
        return v;
    };
    { // constants of 2^21 elements, thirty of them
        forged_graph g(8);
        const std::size_t v = of_constants(g, 1 << 10, 1 << 11);
        std::size_t c = v;
        for (int i = 0; i < 30; ++i) c = g.op("exp", g.shape_of(v), {v});
        const std::size_t y =
            g.op("mul", {1, 1 << 10, 1 << 11}, {g.op("mean", {1, 1, 1}, {0}, R"("axis":1,"keepdim":1)"), c});
        refuse_within_promise("constants", g.file(g.logits(y)), "its constants");
    }
    { // fifty products of constants, 2^27 multiply-accumulates each
        forged_graph g(8);
        std::size_t v = of_constants(g, 512, 512);
        for (int i = 0; i < 50; ++i) v = g.op("matmul", {512, 512}, {v, v}, R"("transpose_a":0,"transpose_b":0)");
        const std::size_t y =
            g.op("mul", {1, 512, 512}, {g.op("mean", {1, 1, 1}, {0}, R"("axis":1,"keepdim":1)"), v});
        refuse_within_promise("products of constants", g.file(g.logits(y)), "work with its steps");
    }
    { // windows of 8191 samples at every sample
        forged_graph g(16384);
        std::size_t v = 0;
        for (int i = 0; i < 20; ++i)
            v = g.op("max_pool1d", {1, 16384, 1}, {v}, R"("kernel_size":8191,"stride":1,"padding":4095)");
        refuse_within_promise("maxima of long windows", g.file(g.logits(v)), "work with its steps");
    }
    { // transposed convolutions of a thousand taps
        forged_graph g(16384);
        const std::size_t w = g.parameter({1, 1, 1023}), none = g.absent();
        std::size_t v = 0;
        for (int i = 0; i < 60; ++i)
            v = g.op("conv_transpose1d", {1, 16384, 1}, {v, w, none},
                     R"("stride":1,"padding":511,"output_padding":0,"dilation":1,"groups":1)");
        refuse_within_promise("transposed convolutions", g.file(g.logits(v)), "work with its steps");
    }
    { // resampling to 2^23 steps, and group norms of them
        forged_graph g(8);
        const std::size_t none = g.absent();
        std::size_t sum = 0;
        for (int i = 0; i < 60; ++i) {
            const std::size_t y = g.op("upsample", {1, 1 << 23, 1}, {0},
                                       "\"size\":\"(8388608)\",\"scale\":0,\"linear\":1,\"align_corners\":0");
            const std::size_t z = g.op("group_norm", {1, 1 << 23, 1}, {y, none, none}, R"("groups":1,"eps":1)");
            sum = i == 0 ? z : g.op("add", {1, 1 << 23, 1}, {sum, z});
        }
        refuse_within_promise("resampling", g.file(g.logits(sum)), "work with its steps");
    }
    { // updates of many states
        forged_graph g(4096);
        const std::size_t keys = g.parameter({1, 1}), beta = g.parameter({1});
        std::size_t v = 0;
        for (int i = 0; i < 4; ++i) v = g.op("hopfield", {1, 4096, 1}, {v, keys, beta}, R"("updates":1024,"eps":0)");
        refuse_within_promise("updates", g.file(g.logits(v)), "work with its steps");
    }
    { // weights of one row of 63, which packing rounds up to a unit of rows
        forged_graph g(63 * 4);
        const std::size_t none = g.absent();
        const std::size_t x = g.op("reshape", {1, 4, 63}, {0}, "\"shape\":\"(1, 4, 63)\"");
        std::size_t sum = 0;
        for (int i = 0; i < 3000; ++i) {
            const std::size_t y = g.op("linear", {1, 4, 1}, {x, g.parameter({1, 63}), none});
            sum = i == 0 ? y : g.op("add", {1, 4, 1}, {sum, y});
        }
        refuse_within_promise("narrow weights", g.file(g.logits(sum)), "memory with its");
    }
    { // nodes, outputs, inputs and attributes by the ten thousand
        forged_graph chain(8);
        std::size_t v = 0;
        for (int i = 0; i < 20'000; ++i) v = chain.op("relu", {1, 8, 1}, {v});
        refuse_within_promise("nodes", chain.file(chain.logits(v)), "too many values");
        forged_graph wide(8);
        std::size_t sum = 0;
        for (int i = 0; i < 3500; ++i)
            sum = wide.op("add", {1, 16, 1}, {wide.twice(0, 1), i == 0 ? wide.twice(0, 1) : sum});
        refuse_within_promise("steps", wide.file(wide.logits(sum)), "memory with its steps");
        forged_graph g(8);
        const std::size_t y = g.logits(0);
        refuse_within_promise("outputs", g.file(y, 33'000), "memory with its graph");
        std::string attributes = "\"a\":1";
        for (int i = 0; i < 90'000; ++i) attributes += ",\"a" + std::to_string(i) + "\":1";
        refuse_within_promise("attributes", g.file(g.op("relu", {1, 3}, {y}, attributes)), "memory with its graph");
        forged_graph many(8);
        const std::vector<std::size_t> inputs(90'000, many.logits(0));
        refuse_within_promise("inputs", many.file(many.op("relu", {1, 3}, inputs)), "number of inputs");
    }
}

TEST_CASE("load: shapes that overflow are refused even with an extent of 0") {
    refuse(edited("\"shape\":[1,32,3]", "\"shape\":[0,16777216,16777216,16777216,16777216]"),
           "a shape is out of range");
    forged_graph g(8);
    const std::size_t a = g.parameter({4096, 1}), b = g.parameter({1, 8192});
    refuse(g.file(g.logits(g.op("mul", {1, 8, 1}, {0, g.op("add", {4096, 2}, {a, b})}))),
           "(add): shape is (4096, 2), expected (4096, 8192)");
}

TEST_CASE("load: presets and long windows fit the default limit; an option raises it") {
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
        const auto bytes = model::to_bytes(net, f, noise({1, f.window, 3}, 5));
        const cost taken =
            measured([&] { return deploy::load(io::read_bundle(io::byte_vector(bytes))).net.length() == f.window; });
        CHECK(taken.end == ending::as_wanted);
        CHECK_MESSAGE(keeps_promise(taken, 2 * bytes.size()), taken.seconds, " s, ", taken.bytes >> 10, " KiB");
    }
    forged_graph g(2560); // its logits are those of the file: 0, from differences
    const auto v = g.op("matmul", {1, 2560, 2560}, {0, 0}, R"("transpose_a":0,"transpose_b":1)");
    const auto bytes = g.file(g.logits(g.op("sub", {1, 2560, 2560}, {v, v})));
    CHECK_THROWS_AS(deploy::load(io::read_bundle(io::byte_vector(bytes))), data_error);
    CHECK(
        deploy::load(io::read_bundle(io::byte_vector(bytes), {.memory = std::size_t(1) << 29})).facts.labels.size() ==
        3);
    const auto path = (std::filesystem::temp_directory_path() / "smldist_deploy_load_large.smldist").string();
    io::write_file_atomically(path, bytes);
    CHECK_THROWS_AS(deploy::load(path), data_error);
    CHECK(deploy::load(path, {}, {.memory = std::size_t(1) << 29}).net.channels() == 1);
    std::filesystem::remove(path);
}

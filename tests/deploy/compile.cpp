// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/compile.hpp"

#include <doctest/doctest.h>
#include <thread>

#include "allocations.hpp"
#include "deploy/check.hpp"
#include "model/small.hpp"
#include "smldist/model/network.hpp"
#include "smldist/nn/gru_cell.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/ref2021/presets.hpp"

using namespace smldist;

namespace {

const model::head_config three = model::memory_head{.patterns_per_class = 3, .width = 8};

model::network_config three_blocks(const model::head_config& head = three) {
    auto c = small(head);
    c.backbone.rows = {model::parse_row("3,16,8,SE,RE,2,A"), model::parse_row("5,24,8,-,HS,1,A"),
                       model::parse_row("7,8,12,SE,SELU,2,A")};
    c.backbone.tail = 20;
    return c;
}

/// The program of a network gives all its outputs, for batches that do and do not fill the slices.
void compiles(const model::network_config& c, std::size_t length, std::size_t windows = 3) {
    model::network<float> net(c, generator(1));
    disturb(net, 2);
    const auto p = deploy::compile(net, {.batch = 2, .length = length, .outputs = {"all"}});
    const auto x = noise({windows, length, c.backbone.channels}, 3);
    const auto want = net(x, mode::eval);
    CHECK(p.outputs().size() == want.stages.size() + (want.memory.empty() ? 2 : 4));
    same_outputs(p, x, want);
}

/// The last state of a recurrent layer, classified.
struct recurrent {
    nn::gru_cell<float> cell;
    nn::linear<float> head;
    template <class X> outputs<X> operator()(const X& x, mode) const {
        const auto at = [&x](std::size_t t) { return op::flatten(op::slice(x, 1, t, t + 1)); };
        outputs<X> out;
        out.feature = cell(at(0));
        for (std::size_t t = 1; t < x.shape()[1]; ++t) out.feature = cell(at(t), out.feature);
        out.logits = head(out.feature);
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("cell", self.cell);
        member("head", self.head);
    }
};

template <class F> void refuses(F&& f, std::string_view what) {
    try {
        f();
        FAIL("expected a usage_error about ", what);
    } catch (const usage_error& e) {
        CHECK_MESSAGE(std::string_view(e.what()).find(what) != std::string::npos, e.what());
    }
}

} // namespace

TEST_CASE("compile: an unrolled recurrent layer gives the network's outputs") {
    generator g(1);
    recurrent net{nn::gru_cell<float>(3, 10, g), nn::linear<float>(10, 4, g)};
    const auto p = deploy::compile(net, {.batch = 2, .length = 5, .channels = 3});
    const auto x = noise({3, 5, 3}, 3);
    same_outputs(p, x, net(x, mode::eval));
}

TEST_CASE("compile: every preset gives the network's outputs") {
    for (const auto name : model::preset_names) {
        CAPTURE(name);
        compiles(model::preset(name, 0.5), 128);
    }
    for (const auto name : ref2021::preset_names) {
        CAPTURE(name);
        compiles(ref2021::preset(name, 0.0625), 128);
    }
}

TEST_CASE("compile: every head gives the network's outputs") {
    auto mixed = searching(three_blocks(), {heads::linear, three, heads::prototype, heads::mlp});
    mixed.temperature = 0.7;
    std::vector<model::network_config> all{mixed};
    for (const auto& head : heads::all) all.push_back(three_blocks(head.index() == 1 ? three : head));
    for (auto c : all) {
        CAPTURE(model::head_name(c));
        compiles(c, 32);
        c.projected = 10;
        compiles(c, 33);
    }
    for (const auto e : {nn::blended_output::intuition, nn::blended_output::fused}) {
        compiles(three_blocks(model::blended_head{.evaluation = e}), 32);
    }
}

TEST_CASE("compile: every form of a memory gives the network's outputs") {
    auto c = three_blocks(three);
    for (const std::size_t count : {1u, 2u})
        for (const std::size_t updates : {0u, 2u}) {
            CAPTURE(count);
            CAPTURE(updates);
            memory_of(c).heads = count;
            memory_of(c).updates = updates;
            compiles(c, 32);
            model::network<float> net(c, generator(5));
            net.memory()->compress(2);
            disturb(net, 6);
            const auto x = noise({2, 32, 3}, 7);
            same_outputs(deploy::compile(net, {.length = 32, .outputs = {"all"}}), x, net(x, mode::eval));
        }
}

TEST_CASE("compile: causal networks and the head kept by a search give the network's outputs") {
    auto c = searching(three_blocks(), {heads::linear, three, heads::prototype, heads::mlp});
    c.backbone.causal = true;
    compiles(c, 40);
    model::network<float> net(c, generator(1));
    net.keep("mlp");
    const auto x = noise({2, 40, 3}, 3);
    same_outputs(deploy::compile(net, {.length = 40}), x, net(x, mode::eval));
}

TEST_CASE("compile: a network in double gives its outputs in float") {
    model::network<double> net(three_blocks(three), generator(1));
    disturb(net, 2);
    const auto x = noise({2, 32, 3}, 3);
    const auto got = run_all(deploy::compile(net, {.length = 32}), x);
    CHECK(difference(got[0], cast<float>(net(cast<double>(x), mode::eval).logits)) < 1e-5);
}

TEST_CASE("compile: the normaliser is folded in with its clipping and padding stays 0") {
    model::network<float> net(three_blocks(heads::linear), generator(1));
    disturb(net, 2);
    auto x = noise({3, 32, 3}, 3);
    for (float& v : x) v = 9.81f + 3 * v;
    for (const bool clips : {false, true}) {
        CAPTURE(clips);
        normaliser n{normaliser_kind::zscore, {9.5f, 10, 8}, {0.3f, 0.4f, 0}, {}, {}};
        if (clips) {
            n.kind = normaliser_kind::robust;
            n.low = {8, 9, 7};
            n.high = {11, 12, 9};
        }
        const auto p = deploy::compile(net, {.length = 32, .normaliser = n, .outputs = {"all"}});
        auto normal = x;
        n.apply(normal.data(), normal.shape().rows());
        same_outputs(p, x, net(normal, mode::eval));
        CHECK(p.report().rows[0].ops.starts_with("normalise + conv1d + batch_norm + hard_swish"));
    }
}

TEST_CASE("compile: outputs are chosen by name and only what they need is computed") {
    const model::network<float> net(three_blocks(three), generator(1));
    const auto all = deploy::compile(net, {.length = 32, .outputs = {"all"}});
    const auto logits = deploy::compile(net, {.length = 32});
    const auto stage = deploy::compile(net, {.length = 32, .outputs = {"stages.0"}});
    REQUIRE(logits.outputs().size() == 1);
    CHECK(logits.outputs()[0].name == "logits");
    CHECK(logits.report().macs < all.report().macs);
    CHECK(stage.report().macs < logits.report().macs);
    CHECK(deploy::compile(net, {.length = 32, .outputs = {"memory", "feature"}}).outputs().size() == 3);
    CHECK(all.find("stages.2") == 2);
    CHECK(all.find("x") == all.outputs().size());
    refuses([&] { deploy::compile(net, {.length = 32, .outputs = {"logit"}}); }, "\"logit\"");
    refuses([&] { deploy::compile(net, {}); }, "length and channels are 0 and 3");
    refuses([&] { deploy::compile(net, {.batch = 0, .length = 32}); }, "batch is 0");
    CHECK_THROWS_AS(deploy::compile(net, {.length = 32, .channels = 4}), shape_error);
    const normaliser two{normaliser_kind::zscore, {0, 0}, {1, 1}, {}, {}};
    CHECK_THROWS_AS(deploy::compile(net, {.length = 32, .normaliser = two}), shape_error);
}

TEST_CASE("compile: there is one step per convolution and linear map and mean over time") {
    const model::network<float> net(model::preset("har_student"), generator(1));
    const auto r = deploy::compile(net, {.length = 128}).report();
    for (const auto& row : r.rows) CHECK_MESSAGE(row.ops.find("batch_norm") != 0, row.ops);
    std::size_t products = 0;
    for (const auto& row : r.rows) products += row.step == "gemm" || row.step == "conv" || row.step == "depthwise";
    CHECK(products == 1 + 3 + 4 + 4 + 2 * 3 + 1 + 1); // stem, expansions, depthwise, projections, gates, tail, head
    CHECK(r.rows.size() == products + 1);             // the mean over time that ends the backbone
    CHECK(r.macs == 212800);
    CHECK(runtime::text(r).find("conv1d + batch_norm + hard_swish + mean_over_time") != std::string::npos);
    CHECK(runtime::text(r).find("gate + conv1d + batch_norm + add") != std::string::npos);
}

TEST_CASE("compile: a run does not allocate for any number of windows") {
    model::network<float> net(three_blocks(model::lookup_head{.patterns_per_class = 3}), generator(1));
    const auto p = deploy::compile(net, {.batch = 64, .length = 32});
    const auto x = noise({70, 32, 3}, 3);
    std::vector<float> first(70 * 4), again(70 * 4), own(64 * 4);
    runtime::workspace w(p);
    std::size_t count = 0;
    std::thread([&] { // a thread that has nothing warm
        const std::size_t before = allocations();
        p.run(x.data(), first.data(), 70, w);
        p.run(x.data(), again.data(), 70, w);
        count = allocations() - before;
    })
        .join();
    CHECK(count == 0);
    CHECK(first == again);
    p.run(x.data(), own.data());
    const std::size_t before = allocations();
    p.run(x.data(), own.data());
    CHECK(allocations() == before);
    CHECK(std::equal(own.begin(), own.end(), first.begin()));
}

TEST_CASE("compile: many threads with a workspace each run one program and get the same bits") {
    model::network<float> net(three_blocks(three), generator(1));
    const auto p = deploy::compile(net, {.batch = 8, .length = 32});
    const auto x = noise({20, 32, 3}, 3);
    std::vector<float> want(20 * 4);
    runtime::workspace w(p);
    p.run(x.data(), want.data(), 20, w);
    std::vector<std::vector<float>> got(4, std::vector<float>(20 * 4));
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            runtime::workspace mine(p);
            for (int i = 0; i < 20; ++i) p.run(x.data(), got[t].data(), 20, mine);
        });
    for (auto& t : threads) t.join();
    for (const auto& g : got) CHECK(g == want);
    // A window's bits do not depend on what runs beside it.
    for (std::size_t i = 0; i < 20; ++i) {
        std::vector<float> one(4);
        p.run(x.data() + i * 96, one.data(), 1, w);
        CHECK(std::equal(one.begin(), one.end(), want.begin() + static_cast<std::ptrdiff_t>(4 * i)));
    }
}

TEST_CASE("compile: a run on the pool's threads gives the same bits and does not allocate") {
    model::network<float> net(three_blocks(three), generator(1));
    const auto p = deploy::compile(net, {.batch = 64, .length = 32, .outputs = {"all"}});
    const std::size_t before = threads();
    for (const std::size_t windows : {1u, 2u, 5u, 70u}) {
        CAPTURE(windows);
        const auto x = noise({windows, 32, 3}, 3);
        const auto want = run_all(p, x);
        for (const std::size_t n : {2u, 3u}) {
            CAPTURE(n);
            set_threads(n);
            runtime::workspace w(p, n);
            auto got = want;
            std::vector<float*> to;
            for (auto& o : got) to.push_back(o.data());
            for (auto& o : got) std::fill(o.begin(), o.end(), NAN);
            const std::size_t allocated = allocations();
            p.run(x.data(), to, windows, w);
            CHECK(allocations() == allocated);
            CHECK(got == want);
            for (auto& o : got) std::fill(o.begin(), o.end(), NAN);
            p.run(x.data(), to, windows, n);
            CHECK(got == want);
        }
    }
    set_threads(before);
}

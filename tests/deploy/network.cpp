// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/network.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/deploy/load.hpp"
#include "smldist/distill/distiller.hpp"
#include "smldist/distill/fit.hpp"
#include "smldist/model/file.hpp"
#include "smldist/model/network.hpp"
#include "smldist/nn/inverted_residual.hpp"
#include "smldist/op/pool2d.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/train/fit.hpp"

using namespace smldist;

namespace {

constexpr std::size_t side = 12; ///< of the images below

/// A network of images of 12 x 12 pixels in grey: dense stem, pooling, a block of MobileNetV3, mean, linear head.
struct image_network {
    nn::conv_norm2d<float> stem;
    nn::inverted_residual2d<float> block;
    nn::linear<float> head;

    image_network() = default;
    image_network(std::size_t width, std::size_t classes, generator g)
        : stem(1, width, 3, g, {.activation = nn::activation::hard_swish}),
          block({.in = width,
                 .expanded = 2 * width,
                 .out = width,
                 .squeezed = width / 2,
                 .activation = nn::activation::hard_swish},
                g),
          head(width, classes, g) {}
    template <class X> outputs<X> operator()(const X& x, mode m = mode::eval) const {
        outputs<X> out;
        X h = op::max_pool2d(stem(op::as_image(x, side, side), m));
        h = block(h, m);
        out.stages.push_back(op::as_rows(h));
        out.feature = op::global_avg_pool(h);
        out.logits = head(out.feature);
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("stem", self.stem);
        member("block", self.block);
        member("head", self.head);
    }
};

/// Bars that lie, bars that stand and squares, anywhere in the image, with noise.
data::windows shapes(std::size_t n, std::uint64_t seed) {
    data::windows set;
    set.x = tensor<float>(shape{n, side * side, 1});
    set.info.channels = {"grey"};
    set.info.labels = {"lying", "standing", "square"};
    generator g(seed);
    for (std::size_t i = 0; i < n; ++i) {
        const int label = static_cast<int>(i % 3);
        const std::size_t height = label == 0 ? 2 : 6, width = label == 1 ? 2 : 6;
        const auto at = [&](std::size_t extent) {
            return static_cast<std::size_t>(g.uniform() * double(side - extent + 1));
        };
        const std::size_t top = at(height), left = at(width);
        float* const image = set.x.data() + i * side * side;
        for (std::size_t p = 0; p < side * side; ++p) {
            const std::size_t row = p / side, column = p % side;
            const bool inside = row >= top && row < top + height && column >= left && column < left + width;
            image[p] = static_cast<float>((inside ? 1 : 0) + 0.2 * g.normal());
        }
        set.label.push_back(label);
        set.subject.push_back(0);
    }
    return set;
}

} // namespace

TEST_CASE("network: a program is called like the network it was compiled from") {
    auto c = model::preset("har_nano");
    c.head = model::memory_head{};
    model::network<float> net(c, generator(1));
    disturb(net, 2);
    const deploy::network fast(deploy::compile(net, {.length = 64, .outputs = {"all"}}));
    const auto x = noise({3, 64, c.backbone.channels}, 3);
    const auto got = fast(x), want = net(x, mode::eval);
    REQUIRE(got.stages.size() == want.stages.size());
    const auto same = [](const tensor<float>& a, const tensor<float>& b) {
        CHECK(a.shape() == b.shape());
        CHECK(difference({a.begin(), a.end()}, b) < 1e-5);
    };
    for (std::size_t i = 0; i < want.stages.size(); ++i) same(got.stages[i], want.stages[i]);
    same(got.feature, want.feature);
    same(got.memory.scores, want.memory.scores);
    same(got.memory.retrieved, want.memory.retrieved);
    same(got.logits, want.logits);

    graph g;
    const auto traced = fast(symbol::input(g, "x", x.shape()));
    CHECK(traced.stages[1].shape() == want.stages[1].shape());
    CHECK(traced.logits.shape() == want.logits.shape());

    CHECK_THROWS_AS(fast(x, mode::train), usage_error);
    CHECK_THROWS_AS(fast(noise({3, 65, 9}, 3)), shape_error);
    CHECK_THROWS_AS(deploy::network(deploy::compile(net, {.length = 64, .outputs = {"feature"}})), usage_error);
    CHECK_THROWS_AS(deploy::network(deploy::compile(net, {.length = 64, .outputs = {"stages.1", "logits"}})),
                    usage_error);
}

TEST_CASE("network: a program teaches like its network on any number of threads") {
    model::network_config c = model::preset("har_nano");
    c.head = model::memory_head{};
    model::network<float> teacher(c, generator(1));
    disturb(teacher, 2);
    c = model::preset("har_nano", 0.5);
    c.head = model::memory_head{};
    model::network<float> student(c, generator(2));
    student.take_memory(teacher, model::memory_transfer::copy_slow);
    const deploy::network fast(deploy::compile(teacher, {.batch = 32, .length = 128, .outputs = {"all"}}));

    const data::train_test set = data::synthetic({.users = 2, .test_users = 1, .seconds = 20});
    const normaliser normal = data::fit_normaliser(set.train, normaliser_kind::zscore);
    data::loader_options o;
    o.batch = 32;
    data::loader loader(set.train, o, normal, generator(3));
    data::batch batch;
    REQUIRE(loader.next(batch));
    REQUIRE(batch.size() == 32);
    const shape window{32, 128, 9};
    CHECK(distill::common_lengths(fast, student, window, window) ==
          distill::common_lengths(teacher, student, window, window));

    const auto losses = [&](const auto& by) {
        distill::distiller objective(by, student, distill::calibrate(by, set.train, normal), {}, window,
                                     generator(4));
        tape<float> t;
        return objective(t, student(t.input(batch.x), mode::eval), batch, 0).terms;
    };
    const auto want = losses(teacher);
    REQUIRE(want["soft"] > 0);
    REQUIRE(want["stage"] > 0);
    REQUIRE(want["memory"] > 0);
    const std::size_t before = threads();
    std::vector<double> first;
    for (const std::size_t n : {1u, 2u, 3u}) {
        CAPTURE(n);
        set_threads(n);
        const auto got = losses(fast);
        CHECK(got["hard"] == doctest::Approx(want["hard"]).epsilon(1e-5));
        CHECK(got["soft"] == doctest::Approx(want["soft"]).epsilon(1e-5));
        CHECK(got["stage"] == doctest::Approx(want["stage"]).epsilon(1e-5));
        CHECK(got["memory"] == doctest::Approx(want["memory"]).epsilon(1e-5));
        if (first.empty()) first = {got["hard"], got["soft"], got["stage"], got["memory"]};
        CHECK(first == std::vector<double>{got["hard"], got["soft"], got["stage"], got["memory"]});
    }
    set_threads(before);
}

TEST_CASE("network: a network of images is trained, taught by a program, saved and run as a program") {
    const auto training = shapes(240, 1), test = shapes(60, 2);
    const normaliser normal = data::fit_normaliser(training, normaliser_kind::zscore);
    const train::training_options brief{.epochs = 8, .batch = 24, .augment = {}};

    image_network net(12, 3, generator(1));
    train::fit(net, training, test, normal, brief);
    CHECK(train::evaluate(net, test, normal).macro_f1 > 0.9);

    auto x = test.x;
    normal.apply(x.data(), x.shape().rows());
    const auto want = net(x);
    const auto images = op::as_image(x, side, side);
    CHECK(identical(net(images).logits, want.logits));
    const deploy::network fast(
        deploy::compile(net, {.batch = 24, .height = side, .width = side, .channels = 1, .outputs = {"all"}}));
    const auto same = [](const tensor<float>& a, const tensor<float>& b) {
        CHECK(a.shape() == b.shape());
        CHECK(difference({a.begin(), a.end()}, b) < 1e-5);
    };
    for (const auto& in : {x, images}) {
        const auto got = fast(in);
        same(got.stages[0], want.stages[0]);
        same(got.logits, want.logits);
    }
    CHECK_THROWS_AS(fast(noise({1, side, side - 1, 1}, 3)), shape_error);
    CHECK_THROWS_AS(fast(noise({1, side / 2, 2 * side, 1}, 3)), shape_error);

    image_network student(8, 3, generator(2));
    train::training_options longer = brief;
    longer.epochs = 20;
    const auto history = distill::fit(student, fast, training, test, normal, longer).history;
    CHECK(train::evaluate(student, test, normal).macro_f1 > 0.8);
    CHECK(history.back().train["soft"] < 0.5 * history.front().train["soft"]);
    CHECK(history.back().train["stage"] < history.front().train["stage"]);

    const io::model_facts facts{.normaliser = normal,
                                .window = side * side,
                                .hop = side * side,
                                .rate_hz = 1,
                                .channels = {"grey"},
                                .units = {""},
                                .labels = training.info.labels};
    const io::byte_vector bytes = model::to_bytes(net, facts, test.select({0}).x);
    const auto loaded = deploy::load(io::read_bundle(io::byte_vector(bytes)), {.batch = 24});
    same_outputs(loaded.net, test.x, want);
    image_network back(12, 3, generator(3));
    model::load_into(back, io::read_bundle(io::byte_vector(bytes)));
    CHECK(identical(back(x).logits, want.logits));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/shapes.hpp"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>

#include "raises.hpp"

using namespace smldist;

namespace {

constexpr data::shapes_options small{.train = 12, .test = 8, .height = 16, .width = 20, .channels = 2};

} // namespace

TEST_CASE("shapes: the classes come in turn and no image is in both parts") {
    const data::train_test s = data::shapes(small);
    CHECK(s.train.x.shape() == shape{12, 320, 2});
    CHECK(s.test.x.shape() == shape{8, 320, 2});
    CHECK(s.train.class_counts() == std::vector<std::size_t>{3, 3, 3, 3});
    CHECK(s.train.info.labels == std::vector<std::string>{"disc", "square", "triangle", "cross"});
    CHECK(s.train.subject.back() == 11);
    CHECK(s.test.subject.front() == 12);
}

TEST_CASE("shapes: an image depends on the seed and its number only") {
    const auto all = data::shapes(small), again = data::shapes(small);
    CHECK(identical(all.train.x, again.train.x));
    auto o = small;
    o.train = 8;
    const auto fewer = data::shapes(o); // its first test images are the last of the training above
    CHECK(std::equal(fewer.test.x.data(), fewer.test.window(4), all.train.window(8)));
    o.seed = 1;
    CHECK_FALSE(identical(data::shapes(o).test.x, fewer.test.x));
}

TEST_CASE("shapes: without noise an image has a shape of the promised size inside a ground of one brightness") {
    data::shapes_options o{.train = 400, .test = 4, .noise = 0};
    const data::windows w = data::shapes(o).train;
    // area / radius², of a disc, square, triangle and cross
    const double area[] = {3.1416, 2, 1.2990, 4 * 0.28 * 0.96 * 2 - 4 * 0.28 * 0.28};
    std::size_t light = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
        const float* x = w.window(i);
        const float ground = x[0]; // the corner: a shape that lies inside covers at most a part of it
        double far = 0, sum = 0;
        for (std::size_t p = 0; p < w.length(); ++p) {
            far = std::abs(double(x[p] - ground)) > std::abs(far) ? double(x[p] - ground) : far;
            sum += double(x[p] - ground);
        }
        CHECK(std::abs(far) >= 0.3 - 1e-6);
        CHECK(std::abs(far) <= 0.7 + 1e-6);
        const double radius = std::sqrt(sum / far / area[w.label[i]]);
        CHECK(radius >= 0.18 * 32 * 0.9);
        CHECK(radius <= 0.36 * 32 * 1.1);
        light += far > 0 ? 1 : 0;
    }
    CHECK(light > 150);
    CHECK(light < 250);
}

TEST_CASE("shapes: options out of range are refused") {
    const auto with = [](auto change) {
        auto o = small;
        change(o);
        return data::shapes(o);
    };
    CHECK_RAISES(usage_error, "train is 3", with([](auto& o) { o.train = 3; }));
    CHECK_RAISES(usage_error, "test is 0", with([](auto& o) { o.test = 0; }));
    CHECK_RAISES(usage_error, "height is 7", with([](auto& o) { o.height = 7; }));
    CHECK_RAISES(usage_error, "width is 5000", with([](auto& o) { o.width = 5000; }));
    CHECK_RAISES(usage_error, "channels is 0", with([](auto& o) { o.channels = 0; }));
    CHECK_RAISES(usage_error, "noise is -1", with([](auto& o) { o.noise = -1; }));
}

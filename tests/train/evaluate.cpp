// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/evaluate.hpp"

#include <limits>

#include "tiny.hpp"

using namespace smldist;

TEST_CASE("for_each_batch: covers the windows once in order; the batch size changes no bit") {
    const sets& s = few();
    const network net = make(student_config());
    const auto logits = [&](std::size_t batch) {
        tensor<float> all(shape{s.train.size(), 6});
        std::size_t next = 0;
        train::for_each_batch(
            net, s.train, s.normal,
            [&](std::size_t first, const outputs<tensor<float>>& out) {
                CHECK(first == next);
                CHECK(out.logits.shape() == shape{std::min(batch, s.train.size() - first), 6});
                std::copy(out.logits.begin(), out.logits.end(), all.data() + first * 6);
                next += out.logits.shape()[0];
            },
            batch);
        CHECK(next == s.train.size());
        return all;
    };
    const auto whole = logits(s.train.size());
    CHECK(identical(whole, net(data::normalised(s.train, s.normal).x, mode::eval).logits));
    for (const std::size_t batch : {1u, 7u, 64u}) {
        CAPTURE(batch);
        CHECK(identical(logits(batch), whole));
    }
}

TEST_CASE("predict: returns the softmax of the logits with rows that sum to 1") {
    const sets& s = few();
    for (const auto head : {heads::linear, heads::memory}) {
        CAPTURE(model::text(head));
        const network net = make(student_config(head));
        const auto p = train::predict(net, s.train, s.normal);
        REQUIRE(p.shape() == shape{s.train.size(), 6});
        const auto z = net(data::normalised(s.train, s.normal).x, mode::eval).logits;
        for (std::size_t i = 0; i < s.train.size(); ++i) {
            double sum = 0, weights = 0;
            for (std::size_t n = 0; n < 6; ++n) {
                sum += double(p(i, n));
                weights += std::exp(double(z(i, n)));
            }
            CHECK(std::abs(sum - 1) < 1e-6);
            CHECK(double(p(i, 2)) == doctest::Approx(std::exp(double(z(i, 2))) / weights).epsilon(1e-5));
        }
    }
}

TEST_CASE("evaluate: returns the figures of the predicted classes") {
    const sets& s = few();
    const network net = make(student_config());
    const auto p = train::predict(net, s.test, s.normal);
    const auto e = train::evaluate(net, s.test, s.normal);
    std::size_t right = 0;
    for (std::size_t i = 0; i < s.test.size(); ++i) right += metric::most_probable(p, i) == s.test.label[i] ? 1 : 0;
    CHECK(e.accuracy == double(right) / double(s.test.size()));
    CHECK(e.counts.total() == s.test.size());
    CHECK(e.subject_f1.size() == 3);
    CHECK(e.calibration_error == metric::expected_calibration_error(p, s.test.label));
}

TEST_CASE("evaluate: selecting channels before or after normalisation is the same") {
    const sets& s = few();
    const network net = make(narrow_config());
    const auto p = train::predict(net, s.test, s.normal, total_acc);
    CHECK(identical(p, train::predict(net, s.test.select_channels(total_acc), s.normal.select_channels(total_acc))));
    CHECK(train::evaluate(net, s.test, s.normal, total_acc).counts.total() == s.test.size());
    CHECK_THROWS_AS((void)train::evaluate(net, s.test, s.normal), shape_error);
    CHECK_THROWS_AS((void)train::evaluate(net, s.test, s.normal, std::vector<std::size_t>{6, 7, 9}), usage_error);
}

TEST_CASE("evaluate: invalid arguments are refused") {
    const sets& s = few();
    const network net = make(student_config());
    data::windows none = s.train.select({});
    CHECK_THROWS_AS((void)train::evaluate(net, none, s.normal), data_error);
    CHECK_THROWS_AS((void)train::predict(net, none, s.normal), data_error);
    data::windows bad = s.train;
    bad.x[40] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_AS((void)train::evaluate(net, bad, s.normal), data_error);

    normaliser other = s.normal;
    other.offset.pop_back();
    other.scale.pop_back();
    CHECK_THROWS_AS((void)train::evaluate(net, s.train, other), shape_error);
    model::network_config c = student_config();
    c.backbone.channels = 6;
    CHECK_THROWS_AS((void)train::evaluate(make(c), s.train, s.normal), shape_error);

    c = student_config();
    c.classes = 3; // the labels go up to 5
    CHECK_THROWS_AS((void)train::evaluate(make(c), s.train, s.normal), usage_error);

    network broken = net;
    broken.head<nn::linear<float>>()->bias.value[0] = std::numeric_limits<float>::infinity();
    CHECK_THROWS_AS((void)train::evaluate(broken, s.train, s.normal), numeric_error);
}

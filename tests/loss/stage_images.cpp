// SPDX-License-Identifier: BSD-3-Clause
/// Stage losses of images: pixels are compared, and extents brought together along each axis.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "check.hpp"
#include "raises.hpp"
#include "stage_check.hpp"

using namespace smldist;
using loss::stage_options;

namespace {

/// Value, and gradient by the student.
template <class F> std::pair<double, tensor<double>> derivative(const tensor<double>& x, F&& f) {
    tape<double> t;
    const auto v = t.variable(x);
    const auto y = f(v);
    t.backward(y);
    return {y.value().item(), *t.gradient(v)};
}

tensor<double> rows_of(const tensor<double>& x) {
    return tensor<double>(x).reshaped({x.shape()[0], x.shape().sample_rows(), x.shape().back()});
}

} // namespace

TEST_CASE("stage loss of images: the plain loss is the standardised mean squared error over pixels") {
    const tensor<double> x = normal({2, 3, 5, 4}, 1), t = normal({2, 3, 5, 4}, 2);
    const auto s = random_statistics(4);
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double d = (x[i] - t[i]) / (s.std[i % 4] + 1e-5);
        sum += d * d / double(x.size());
    }
    CHECK(stage(x, t, s, stage_options::plain()).item() == doctest::Approx(sum).epsilon(1e-12));
}

TEST_CASE("stage loss of images: the fused form is the composition, for every option that images have") {
    for (const shape& extents : {shape{4, 6}, shape{3, 6}, shape{6, 4}, shape{8, 9}})
        for (const std::size_t channels : {4u, 3u})
            for (const auto match :
                 {loss::length_match::spectral, loss::length_match::pool, loss::length_match::linear})
                for (const auto pen : {loss::penalty::square, loss::penalty::huber, loss::penalty::absolute})
                    for (const auto scale :
                         {loss::standardise::channel, loss::standardise::none, loss::standardise::sample}) {
                        CAPTURE(extents.text());
                        CAPTURE(channels);
                        CAPTURE(name_of(match));
                        CAPTURE(name_of(pen));
                        CAPTURE(name_of(scale));
                        stage_options o;
                        o.match = match;
                        o.pen = pen;
                        o.scale = scale;
                        const tensor<double> x = normal({3, extents[0], extents[1], channels}, 1),
                                             t = normal({3, 4, 6, 4}, 2);
                        generator g(3);
                        const loss::stage_loss<double> l(x.shape(), t.shape(), random_statistics(4), o, {}, g);
                        CHECK(l.fused());
                        const auto fused = derivative(x, [&](const auto& v) { return l(v, t); });
                        const auto composed = derivative(x, [&](const auto& v) { return l.composed(v, t); });
                        CHECK(fused.first == doctest::Approx(composed.first).epsilon(1e-12));
                        CHECK(difference(fused.second, composed.second, 1e-12) == "");
                        // with a projector, a tape leaves its normalisation to the loss, which changes roundings
                        if (channels == 4) CHECK(l(x, t).item() == fused.first);
                    }
}

TEST_CASE("stage loss of images: gradients are exact") {
    const tensor<double> t = normal({2, 4, 3, 4}, 2);
    for (const auto scale : {loss::standardise::channel, loss::standardise::sample}) {
        stage_options o;
        o.scale = scale;
        check_op("stage_loss", {normal({2, 3, 5, 4}, 1)},
                 [&](const auto& in) { return stage(in[0], t, random_statistics(4), o); });
    }
}

TEST_CASE("stage loss of images: an image with one pixel in an axis is a window along the other") {
    // images of 1 × L are windows of L samples, whatever brings the lengths together
    for (const auto match : {loss::length_match::spectral, loss::length_match::pool, loss::length_match::linear}) {
        stage_options o;
        o.match = match;
        o.basis = loss::time_basis::none;
        const tensor<double> x = normal({2, 1, 9, 4}, 1), t = normal({2, 1, 6, 4}, 2);
        const auto s = random_statistics(4);
        const double image = stage(x, t, s, o).item(), window = stage(rows_of(x), rows_of(t), s, o).item();
        CHECK(image == doctest::Approx(window).epsilon(1e-12));
        const auto upright = [](const tensor<double>& y) {
            return tensor<double>(y).reshaped({2, y.shape()[2], 1, 4});
        };
        CHECK(stage(upright(x), upright(t), s, o).item() == doctest::Approx(window).epsilon(1e-12));
    }
}

TEST_CASE("stage loss of images: axes of equal extents keep their pixels") {
    const loss::stage::compared_rows<double> r({2, 3, 4, 1}, {2, 3, 6, 1}, stage_options::plain(), {});
    const auto narrow = loss::make_length_map<double>(loss::length_match::spectral, 4, 6);
    CHECK(r.teacher.shape() == shape{12, 18});
    CHECK(r.teacher(5, 6 + 2) == narrow(1, 2)); // pixel (1, 1) of (1, 2)
    CHECK(r.teacher(5, 2) == 0);
    CHECK(r.student(5, 4) == loss::make_length_map<double>(loss::length_match::spectral, 4, 4)(1, 0));
    CHECK(loss::stage::compared_rows<double>({2, 3, 4, 1}, {2, 3, 4, 1}, stage_options::plain(), {}).teacher.empty());
}

TEST_CASE("stage loss of images: options that read frequencies and unlike features are refused") {
    const auto make = [](auto change, const shape& x = {2, 4, 4, 3}, const std::vector<double>& weights = {}) {
        stage_options o;
        change(o);
        generator g(1);
        return loss::stage_loss<double>(x, {2, 4, 4, 3}, random_statistics(3), o, weights, g);
    };
    CHECK_RAISES(usage_error, "alpha is 0.5, expected 0 for images", make([](auto& o) { o.alpha = 0.5; }));
    CHECK_RAISES(usage_error, "eta is 0.1, expected 0 for images", make([](auto& o) { o.eta = 0.1; }));
    CHECK_RAISES(usage_error, "weights are uncertainty",
                 make([](auto& o) { o.weights.kind = loss::weighting::uncertainty; }));
    CHECK_RAISES(usage_error, "expected 0 for features without a time axis",
                 make([](auto&) {}, {2, 4, 4, 3}, {1, 1}));
    CHECK_RAISES(usage_error, "both (B, H, W, C)", make([](auto&) {}, {2, 16, 3}));
    CHECK_RAISES(usage_error, "both (B, H, W, C)", make([](auto&) {}, {2, 4, 4, 3, 1}));
    const auto unequal = make([](auto&) {}, {2, 6, 4, 3});
    CHECK_RAISES(shape_error, "loss::discrepancy", unequal(normal({2, 5, 4, 3}), normal({2, 4, 4, 3})));
    CHECK_RAISES(shape_error, "loss::discrepancy", unequal(normal({2, 6, 4, 3}), normal({2, 4, 5, 3})));
}

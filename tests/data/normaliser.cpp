// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/normaliser.hpp"

#include <doctest/doctest.h>
#include <limits>

#include "smldist/data/split.hpp"

using namespace smldist;
using floats = std::vector<float>;

namespace {

/// One channel per column of `rows`, one window per row.
data::windows of_rows(std::initializer_list<std::initializer_list<float>> rows) {
    data::windows w;
    const tensor<float> x(rows);
    w.x = x.reshaped({x.shape()[0], 1, x.shape()[1]});
    w.label.assign(x.shape()[0], 0);
    w.subject.assign(x.shape()[0], 1);
    w.info.labels = {"a"};
    return w;
}

} // namespace

TEST_CASE("z-score by hand") {
    const auto w = of_rows({{1, 10}, {3, 10}, {5, 40}, {7, 40}}); // means 4, 25; variances 5, 225
    const normaliser n = fit_normaliser(w, normaliser_kind::zscore);
    CHECK(n.kind == normaliser_kind::zscore);
    CHECK(n.offset == floats{4, 25});
    CHECK(n.scale[0] == doctest::Approx(1 / std::sqrt(5.0)));
    CHECK(n.scale[1] == doctest::Approx(1 / 15.0));
    const auto y = data::normalised(w, n).x;
    CHECK(y[1] == doctest::Approx(-1));
    CHECK(y[5] == doctest::Approx(1));
}

TEST_CASE("robust: Tukey's fence, clipped, to [0, 1]") {
    // 1 … 8 and 100: quartiles 3 and 7, fence [-3, 13].
    const auto w = of_rows({{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}, {100}});
    const normaliser n = fit_normaliser(w, normaliser_kind::robust);
    CHECK(n.low == floats{-3});
    CHECK(n.high == floats{13});
    tensor<float> x({5, 1}, {-50, -3, 5, 13, 100});
    data::normalise(x, n);
    CHECK(identical(x, tensor<float>({5, 1}, {0, 0, 0.5f, 1, 1})));
    // Quartiles between samples: 1, 2, 3, 4 gives 1.75 and 3.25 (numpy's default), fence [-0.5, 5.5].
    const normaliser m = fit_normaliser(of_rows({{4}, {1}, {3}, {2}}), normaliser_kind::robust);
    CHECK(m.low == floats{-0.5f});
    CHECK(m.high == floats{5.5f});
}

TEST_CASE("min-max maps the training range to [0, 1] and clips when asked to, as the public code does") {
    const normaliser n = fit_normaliser(of_rows({{-2}, {6}, {0}}), normaliser_kind::minmax);
    tensor<float> x({3}, {-2, 6, 14});
    x = x.reshaped({3, 1});
    data::normalise(x, n);
    CHECK(identical(x, tensor<float>({3, 1}, {0, 1, 2})));
    const normaliser clipped = fit_normaliser(of_rows({{-2}, {6}, {0}}), normaliser_kind::minmax, true);
    CHECK(clipped.low == floats{-2});
    CHECK(clipped.high == floats{6});
    tensor<float> z({4, 1}, {-3, 2, 6, 14});
    data::normalise(z, clipped);
    CHECK(identical(z, tensor<float>({4, 1}, {0, 0.5f, 1, 1})));
    // Nothing else clips for it.
    CHECK(fit_normaliser(of_rows({{-2}, {6}}), normaliser_kind::zscore, true).low.empty());
}

TEST_CASE("shared: one scale a sensor triple, no offset; single channels are standardised") {
    auto w = of_rows({{3, 0, 0, 1}, {0, 4, 0, 3}}); // squares of the triple: 25 in 6 values
    w.info.triples = {{0, 1, 2}};
    const normaliser n = fit_normaliser(w, normaliser_kind::shared);
    CHECK(n.offset == floats{0, 0, 0, 2});
    CHECK(n.scale[0] == doctest::Approx(std::sqrt(6 / 25.0)));
    CHECK(n.scale[1] == n.scale[0]);
    CHECK(n.scale[2] == n.scale[0]);
    CHECK(n.scale[3] == doctest::Approx(1));
}

TEST_CASE("a channel without spread becomes 0, whatever follows") {
    for (const auto kind : {normaliser_kind::zscore, normaliser_kind::robust, normaliser_kind::minmax}) {
        CAPTURE(static_cast<int>(kind));
        const normaliser n = fit_normaliser(of_rows({{0.1f, 1}, {0.1f, 2}, {0.1f, 3}}), kind);
        tensor<float> x({2, 2}, {0.1f, 2, 99, 2});
        data::normalise(x, n);
        CHECK(x(0, 0) == 0);
        CHECK(x(1, 0) == 0);
        CHECK(all_finite(x));
    }
    auto still = of_rows({{0, 0, 0}, {0, 0, 0}});
    still.info.triples = {{0, 1, 2}};
    CHECK(fit_normaliser(still, normaliser_kind::shared).scale == floats{0, 0, 0});
}

TEST_CASE("values near the largest float: finite numbers or a data_error that names the channel") {
    using enum normaliser_kind;
    const auto channels_of = [](std::initializer_list<float> values) {
        data::windows w = of_rows({{0, 0, 0, 0}});
        w.x = tensor<float>(shape{values.size(), 1, 4});
        for (std::size_t r = 0; const float v : values) {
            w.x[4 * r + 1] = v; // a triple of one axis that moves, and a channel by itself
            w.x[4 * r + 3] = -v;
            ++r;
        }
        w.label.assign(values.size(), 0);
        w.subject.assign(values.size(), 1);
        w.info.triples = {{0, 1, 2}};
        return w;
    };
    const auto fits = [](const data::windows& w, normaliser_kind kind) {
        const normaliser n = fit_normaliser(w, kind);
        for (const auto* v : {&n.offset, &n.scale, &n.low, &n.high})
            for (const float x : *v) CHECK(std::isfinite(x));
        const tensor<float> y = data::normalised(w, n).x;
        CHECK(all_finite(y));
        return *std::max_element(y.begin(), y.end());
    };
    // The wider the values, the fewer kinds can take them: the fence of robust is wider than the data.
    const auto half = channels_of({-4e37f, -1e37f, 1e37f, 4e37f});
    CHECK(fits(half, zscore) == doctest::Approx(1.372).epsilon(1e-3));
    CHECK(fits(half, shared) == doctest::Approx(2.376).epsilon(1e-3));
    CHECK(fits(half, robust) == doctest::Approx(11.0 / 14));
    CHECK(fits(half, minmax) == doctest::Approx(1));
    const auto most = channels_of({-1.5e38f, 1.5e38f, -1.5e38f, 1.5e38f});
    CHECK(fits(most, zscore) == doctest::Approx(1));
    CHECK(fits(most, shared) == doctest::Approx(std::sqrt(3.0)));
    CHECK(fits(most, minmax) == doctest::Approx(1));
    CHECK_THROWS_WITH_AS(fit_normaliser(most, robust),
                         "fit_normaliser: channel 1 lies between -1.5000000027488779e+38 and 1.5000000027488779e+38, "
                         "expected a range that robust brings to finite numbers",
                         data_error);
    const auto all = channels_of({-3e38f, 3e38f, -3e38f, 3e38f});
    CHECK(fits(all, zscore) == doctest::Approx(1)); // mean 0
    CHECK(fits(all, shared) == doctest::Approx(std::sqrt(3.0)));
    CHECK_THROWS_AS(fit_normaliser(all, robust), data_error);
    CHECK_THROWS_AS(fit_normaliser(all, minmax), data_error);
    const auto uneven = channels_of({-3e38f, -3e38f, -3e38f, 3e38f}); // 3e38 is 4.5e38 from the mean
    CHECK_THROWS_AS(fit_normaliser(uneven, zscore), data_error);
    CHECK_THROWS_AS(fit_normaliser(uneven, shared), data_error); // of the channel by itself
}

TEST_CASE("statistics come from the windows given: held-out subjects leave no trace") {
    auto w = of_rows({{1}, {3}, {5}, {7}, {1000}, {2000}});
    w.subject = {1, 1, 2, 2, 3, 3};
    const auto [held_out, train] = data::by_subject(w, {3});
    const normaliser n = fit_normaliser(train, normaliser_kind::zscore);
    CHECK(n.offset == floats{4});
    auto changed = w;
    changed.x[4] = -1e6f;
    CHECK(fit_normaliser(data::by_subject(changed, {3}).out, normaliser_kind::zscore) == n);
    CHECK(!(fit_normaliser(changed, normaliser_kind::zscore) == n));
}

TEST_CASE("select_channels: chosen channels come out as they do among all, for every kind") {
    auto w = of_rows({{3, 0, 0, 1}, {0, 4, 0, 3}, {1, -2, 5, 90}, {2, 7, 1, -4}});
    w.info.triples = {{0, 1, 2}};
    using enum normaliser_kind;
    for (const auto kind : {none, zscore, robust, minmax, shared}) {
        CAPTURE(static_cast<int>(kind));
        const normaliser n = fit_normaliser(w, kind);
        CHECK(n.select_channels({}) == n);
        for (const std::vector<std::size_t>& chosen :
             {std::vector<std::size_t>{1}, std::vector<std::size_t>{0, 2, 3}, std::vector<std::size_t>{3, 1}}) {
            CAPTURE(chosen.size());
            const normaliser some = n.select_channels(chosen);
            CHECK(some.kind == kind);
            const auto sliced = data::normalised(w.select_channels(chosen), some).x;
            CHECK(identical(sliced, data::select_channels(data::normalised(w, n).x, chosen)));
        }
        if (kind != none) CHECK_THROWS_AS(n.select_channels(std::vector<std::size_t>{0, 4}), usage_error);
    }
    // One axis keeps the scale of its triple: it is not fitted anew.
    const normaliser x = fit_normaliser(w, shared).select_channels(std::vector<std::size_t>{0});
    CHECK(x.scale[0] == fit_normaliser(w, shared).scale[1]);
}

TEST_CASE("none, any rank, wrong channels, bad input") {
    const auto w = of_rows({{1, 2}, {3, 4}});
    const normaliser none = fit_normaliser(w, normaliser_kind::none);
    CHECK(none == normaliser{});
    CHECK(identical(data::normalised(w, none).x, w.x));
    const normaliser n = fit_normaliser(w, normaliser_kind::zscore);
    tensor<float> row({2}, {2, 3}), three(shape{1, 3});
    data::normalise(row, n);
    CHECK(identical(row, tensor<float>({2}, {0, 0})));
    CHECK_THROWS_AS(data::normalise(three, n), shape_error);
    tensor<float> scalar{shape{}};
    CHECK_THROWS_AS(data::normalise(scalar, n), shape_error);
    CHECK_THROWS_AS(fit_normaliser(data::windows{}, normaliser_kind::zscore), data_error);
    auto bad = w;
    bad.x[3] = std::numeric_limits<float>::infinity();
    CHECK_THROWS_AS(fit_normaliser(bad, normaliser_kind::zscore), data_error);
}

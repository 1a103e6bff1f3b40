// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/features.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <doctest/doctest.h>
#include <functional>
#include <limits>
#include <numbers>
#include <set>
#include <string>
#include <vector>

#include "reference.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/core/random.hpp"
#include "smldist/data/synthetic.hpp"

using namespace smldist;

namespace {

/// N windows of a sensor acc_x, acc_y, acc_z and a channel, each sample by its place.
data::windows made(std::size_t N, std::size_t L, double rate,
                   const std::function<double(std::size_t, std::size_t)>& f) {
    data::windows w;
    w.x = tensor<float>(shape{N, L, 4});
    for (std::size_t i = 0; i < N; ++i)
        for (std::size_t t = 0; t < L; ++t)
            for (std::size_t c = 0; c < 4; ++c) w.x(i, t, c) = static_cast<float>(f(t, c));
    w.label.assign(N, 0);
    w.subject.assign(N, 1);
    w.info.labels = {"any"};
    w.info.channels = {"acc_x", "acc_y", "acc_z", "heart"};
    w.info.rate_hz = rate;
    w.info.triples = {{0, 1, 2}};
    return w;
}

/// Of window 0.
double value(const data::feature_table& table, const std::string& name) {
    const auto at = std::find(table.names.begin(), table.names.end(), name);
    REQUIRE_MESSAGE(at != table.names.end(), name);
    return double(table.values(0, static_cast<std::size_t>(at - table.names.begin())));
}

void check_finite(const data::feature_table& table) {
    for (std::size_t i = 0; i < table.values.size(); ++i)
        CHECK_MESSAGE(std::isfinite(table.values.data()[i]), table.names[i % table.names.size()]);
}

bool is_any_of(const std::string& name, const std::vector<std::string>& ends) {
    return std::any_of(ends.begin(), ends.end(), [&](const std::string& end) { return name.ends_with("." + end); });
}

} // namespace

TEST_CASE("features equal those of NumPy and SciPy") {
    for (const std::string c : {"l128", "l50", "l96", "l9"}) {
        CAPTURE(c);
        const auto x = reference("features.safetensors", c + "/x"),
                   want = reference("features.safetensors", c + "/y");
        auto w = made(x.shape()[0], x.shape()[1], reference("features.safetensors", c + "/rate").data()[0],
                      [](std::size_t, std::size_t) { return 0; });
        std::transform(x.begin(), x.end(), w.x.begin(), [](double v) { return static_cast<float>(v); });
        const auto got = data::features(w);
        REQUIRE(got.values.shape() == want.shape());
        REQUIRE(got.names.size() == want.shape()[1]);
        for (std::size_t i = 0; i < want.shape()[0]; ++i)
            for (std::size_t f = 0; f < want.shape()[1]; ++f)
                CHECK_MESSAGE(double(got.values(i, f)) == doctest::Approx(want(i, f)).epsilon(1e-5).scale(1e-3),
                              got.names[f]);
    }
}

TEST_CASE("features have names of their own, by signal and feature") {
    const auto w = made(1, 32, 50, [](std::size_t t, std::size_t c) { return std::sin(double(t * (c + 1))); });
    const auto table = data::features(w);
    CHECK(table.names.size() == 4 * (16 + 10 + 16) + 16 + 10 + 16 + 4);
    CHECK(table.values.shape() == shape{1, table.names.size()});
    CHECK(std::set<std::string>(table.names.begin(), table.names.end()).size() == table.names.size());
    CHECK(table.names.front() == "acc_x.mean");
    CHECK(table.names.back() == "acc.magnitude_area");
    for (const std::string name : {"heart.jerk.autocorrelation_16", "acc.length.dominant_hz", "acc.jerk_length.mean",
                                   "acc.correlation_yz", "heart.octave_6"})
        CHECK(std::count(table.names.begin(), table.names.end(), name) == 1);
    auto unnamed = w;
    unnamed.info.channels.clear();
    CHECK(data::features(unnamed).names.front() == "channel 0.mean");
    CHECK(data::features(unnamed).names.back() == "sensor 0.magnitude_area");
}

TEST_CASE("features of a sine are its known values") {
    // 6.25 Hz, bin 16 of 128 at 50 Hz: 8 samples a period, 16 periods.
    const double a = 3, at = 2 * std::numbers::pi / 8;
    const auto w = made(1, 128, 50, [&](std::size_t t, std::size_t c) {
        const double angle = at * (double(t) + 0.5);
        return c == 0 ? 2 + a * std::sin(angle) : c == 1 ? a * std::cos(angle) : c == 2 ? -a * std::cos(angle) : 7;
    });
    const auto f = data::features(w);
    const auto near = [](double v) { return doctest::Approx(v).epsilon(1e-5).scale(1e-2); };
    CHECK(value(f, "acc_x.mean") == near(2));
    CHECK(value(f, "acc_x.sd") == near(a / std::numbers::sqrt2));
    CHECK(value(f, "acc_x.energy") == near(4 + a * a / 2));
    CHECK(value(f, "acc_x.max") == near(2 + a * std::cos(at / 2)));
    CHECK(value(f, "acc_x.min") == near(2 - a * std::cos(at / 2)));
    CHECK(value(f, "acc_x.skewness") == near(0));
    CHECK(value(f, "acc_x.kurtosis") == near(-1.5));
    CHECK(value(f, "acc_x.mean_crossings") == near(31 / (127 / 50.0))); // one each half period
    CHECK(value(f, "acc_x.zero_crossings") == near(32 / (127 / 50.0))); // below 0 for two samples a period
    CHECK(value(f, "acc_x.autocorrelation_8") == near(120 / 128.0));
    CHECK(value(f, "acc_x.autocorrelation_4") == near(-124 / 128.0));
    CHECK(value(f, "acc_x.dominant_hz") == near(6.25));
    CHECK(value(f, "acc_x.dominant_share") == near(2 / 3.0)); // the neighbours have a quarter of its power each
    CHECK(value(f, "acc_x.centroid_hz") == near(6.25));
    CHECK(value(f, "acc_x.octave_2") == near(a * a / 2 * 5 / 6)); // bin 16 is the lowest of octave 2: 6.25 to 12.5 Hz
    CHECK(value(f, "acc_x.octave_3") == near(a * a / 2 / 6));
    CHECK(value(f, "acc_x.octave_1") == near(0));
    const double p = 2 / 3.0, q = 1 / 6.0;
    CHECK(value(f, "acc_x.entropy") == near(-(p * std::log(p) + 2 * q * std::log(q)) / std::log(64.0)));
    CHECK(value(f, "acc_x.jerk.sd") == near(50 * a / std::numbers::sqrt2 * 2 * std::sin(at / 2)).epsilon(1e-2));
    CHECK(value(f, "acc.correlation_yz") == near(-1));
    CHECK(value(f, "acc.correlation_xy") == near(0));
    CHECK(value(f, "heart.mean") == 7);
    CHECK(value(f, "heart.sd") == 0);

    auto unknown = w;
    unknown.info.rate_hz = 0; // a second is then a sample
    CHECK(value(data::features(unknown), "acc_x.dominant_hz") == near(0.125));
    CHECK(value(data::features(unknown), "acc_x.mean_crossings") == near(31 / 127.0));
}

TEST_CASE("features of windows without change are defined") {
    for (const double level : {0.0, 0.1, -9.81, 1e30}) {
        const auto f = data::features(
            made(1, 64, 50, [&](std::size_t, std::size_t c) { return level * (1 + 0.37 * double(c)); }));
        check_finite(f);
        for (const std::string& name : f.names)
            if (!is_any_of(name, {"mean", "min", "max", "energy", "magnitude_area"}) ||
                name.find("jerk") != name.npos)
                CHECK_MESSAGE(value(f, name) == 0, name);
        CHECK(value(f, "acc_x.mean") == double(static_cast<float>(level)));
        CHECK(value(f, "acc_x.min") == double(static_cast<float>(level)));
    }
    // A sensor that turns has a length that is constant in the precision of its samples.
    const auto turning = data::features(made(1, 64, 50, [](std::size_t t, std::size_t c) {
        return c == 0 ? std::cos(0.3 * double(t)) : c == 1 ? std::sin(0.3 * double(t)) : 0;
    }));
    CHECK(value(turning, "acc.length.sd") == 0);
    CHECK(value(turning, "acc.length.kurtosis") == 0);
    CHECK(value(turning, "acc.length.dominant_hz") == 0);
    CHECK(value(turning, "acc_x.dominant_hz") > 0);
}

TEST_CASE("features are finite for every finite window") {
    const double most = double(std::numeric_limits<float>::max()),
                 least = double(std::numeric_limits<float>::denorm_min());
    for (const std::size_t L : {1u, 2u, 3u, 4u, 5u, 17u, 64u})
        for (const double rate : {0.0, 1e-300, 1e-160, 50.0, 1e308})
            for (const double size : {most, least, 1e-30, 1.0}) {
                CAPTURE(L);
                CAPTURE(rate);
                CAPTURE(size);
                check_finite(data::features(made(1, L, rate, [&](std::size_t t, std::size_t c) {
                    return (t * (c + 1) % 3 == 0 ? 1.0 : -1.0) * size;
                })));
            }
    auto w = made(1, 8, 50, [](std::size_t t, std::size_t) { return double(t); });
    w.x(0, 3, 1) = std::numeric_limits<float>::infinity();
    CHECK_THROWS_AS(data::features(w), data_error);
}

TEST_CASE("features change with shift and scale as their formulas do") {
    generator random(3);
    std::vector<double> noise(4 * 128);
    for (double& v : noise) v = random.normal();
    const auto of = [&](double shift, double scale) {
        return data::features(
            made(1, 128, 50, [&](std::size_t t, std::size_t c) { return shift + scale * noise[4 * t + c]; }));
    };
    const auto base = of(0, 1), shifted = of(16, 1), scaled = of(0, 4);
    for (const std::string& name : base.names) {
        const auto near = [&](double v) { return doctest::Approx(v).epsilon(1e-4).scale(1e-2); };
        const bool of_channel = !name.starts_with("acc.");
        if (of_channel && !is_any_of(name, {"mean", "min", "max", "energy", "zero_crossings"}))
            CHECK_MESSAGE(value(shifted, name) == near(value(base, name)), name);
        if (of_channel && is_any_of(name, {"mean", "min", "max"}) && name.find("jerk") == name.npos)
            CHECK_MESSAGE(value(shifted, name) == near(value(base, name) + 16), name);
        const bool square =
            is_any_of(name, {"energy", "octave_1", "octave_2", "octave_3", "octave_4", "octave_5", "octave_6"});
        const bool in_unit = is_any_of(name, {"mean", "sd", "mad", "min", "max", "iqr", "magnitude_area"});
        CHECK_MESSAGE(value(scaled, name) == near(value(base, name) * (square ? 16 : in_unit ? 4 : 1)), name);
    }
}

TEST_CASE("features: the power of all octaves is the variance of the windowed signal") {
    generator random(5);
    std::vector<double> noise(4 * 100);
    for (double& v : noise) v = random.normal();
    const auto f = data::features(made(1, 100, 50, [&](std::size_t t, std::size_t c) { return noise[4 * t + c]; }));
    double octaves = 0, mean = 0, power = 0, dc = 0, window = 0;
    for (int j = 1; j <= 6; ++j) octaves += value(f, "heart.octave_" + std::to_string(j));
    for (std::size_t t = 0; t < 100; ++t) mean += noise[4 * t + 3] / 100;
    for (std::size_t t = 0; t < 100; ++t) {
        const double h = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * double(t) / 100);
        const double y = h * (noise[4 * t + 3] - mean);
        power += y * y;
        window += h * h;
        dc += y;
    }
    CHECK(octaves == doctest::Approx((power - dc * dc / 100) / window).epsilon(1e-5)); // Parseval, without k = 0
}

#if SMLDIST_TRAIN_BODIES // else the transform is inside the library
TEST_CASE("features: the transform equals its definition for every length") {
    generator random(7);
    for (std::size_t n = 1; n <= 130; ++n) {
        std::vector<double> x(n), re(n), im(n);
        for (double& v : x) v = random.normal();
        data::detail::fourier transform(n);
        transform(x.data(), re.data(), im.data());
        double off = 0;
        for (std::size_t k = 0; k < n; ++k) {
            std::complex<double> want = 0;
            for (std::size_t t = 0; t < n; ++t)
                want += x[t] * std::polar(1.0, -2 * std::numbers::pi * double(k * t % n) / double(n));
            off = std::max(off, std::abs(want - std::complex<double>(re[k], im[k])));
        }
        CHECK_MESSAGE(off < 1e-11, n);
    }
}
#endif

TEST_CASE("features do not depend on the number of threads or on other windows") {
    const auto w = data::synthetic({}).train;
    const std::size_t before = threads();
    set_threads(1);
    const auto one = data::features(w);
    set_threads(3);
    CHECK(identical(data::features(w).values, one.values));
    set_threads(before);
    const auto alone = data::features(w.select({17}));
    CHECK(alone.names == one.names);
    for (std::size_t f = 0; f < one.names.size(); ++f) CHECK(alone.values(0, f) == one.values(17, f));
}

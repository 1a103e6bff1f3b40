// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/resample.hpp"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <numbers>

#include "smldist/core/random.hpp"
#include "smldist/data/window.hpp"

using namespace smldist;
using data::resample_options;
using data::stamped_signal;

namespace {

/// One channel that holds f(true time) for each sample.
template <class F> stamped_signal planted(const std::vector<double>& taken, std::vector<double> stamps, F f) {
    stamped_signal s{1, {}, std::move(stamps), {}};
    for (const double t : taken) s.samples.push_back(static_cast<float>(f(t)));
    return s;
}

std::vector<double> even(std::size_t n, double rate, double begin = 0) {
    std::vector<double> t(n);
    for (std::size_t i = 0; i < n; ++i) t[i] = begin + double(i) / rate;
    return t;
}

/// The largest distance of channel c from f at begin + k / rate.
template <class F> double deviation(const data::recording& r, std::size_t c, double begin, double rate, F f) {
    double worst = 0;
    for (std::size_t k = 0; k < r.labels.size(); ++k)
        worst = std::max(worst, std::abs(double(r.samples(k, c)) - f(begin + double(k) / rate)));
    return worst;
}

constexpr double hz = 2, omega = 2 * std::numbers::pi * hz;
double wave(double t) { return std::sin(omega * t + 0.3); }

} // namespace

TEST_CASE("resample: a signal on the grid is returned unchanged") {
    stamped_signal s{2, {}, {}, {}};
    for (int t = 0; t < 64; ++t) { // at 64 Hz every time is exact
        s.samples.insert(s.samples.end(), {float(t * t), -float(t)});
        s.stamps.push_back(10 + t / 64.0);
        s.labels.push_back(t / 16);
    }
    for (const std::size_t smooth : {0u, 5u}) {
        CAPTURE(smooth);
        const auto r = data::resample({s}, {64, 0.5, smooth}, 3);
        REQUIRE(r.size() == 1);
        CHECK(r[0].subject == 3);
        CHECK(r[0].labels == s.labels);
        CHECK(std::equal(s.samples.begin(), s.samples.end(), r[0].samples.begin(), r[0].samples.end()));
    }
    CHECK(data::resample({s}, {32, 0.5, 0}, 3)[0].labels.size() == 32);
    CHECK(data::resample({s}, {128, 0.5, 0}, 3)[0].labels.size() == 127);
}

TEST_CASE("resample: a band-limited signal at uneven times is met within the bound of linear interpolation") {
    generator g(1);
    std::vector<double> t{0};
    while (t.back() < 5) t.push_back(t.back() + g.uniform(0.004, 0.020));
    double step = 0;
    for (std::size_t i = 1; i < t.size(); ++i) step = std::max(step, t[i] - t[i - 1]);
    for (const double rate : {37.0, 50.0, 100.0, 130.0}) {
        CAPTURE(rate);
        const auto r = data::resample({planted(t, t, wave)}, {rate, 0.5, 0}, 0);
        REQUIRE(r.size() == 1);
        CHECK(r[0].labels.size() == static_cast<std::size_t>(t.back() * rate) + 1);
        CHECK(deviation(r[0], 0, 0, rate, wave) < omega * omega * step * step / 8 + 1e-6);
    }
}

TEST_CASE("resample: stamps in bursts are spread to the times of the samples") {
    // Taken each 9.76 ms, delivered at the next multiple of a period that changes between 5 and 60 ms.
    generator g(2);
    const auto taken = even(1000, 102.5);
    std::vector<double> stamps;
    double delivery = 0, delay = 0;
    for (const double t : taken) {
        while (delivery < t) delivery += g.uniform(0.005, 0.060);
        stamps.push_back(delivery);
        delay += (delivery - t) / double(taken.size());
    }
    const auto times = data::smooth_stamps(stamps, 50, 0.5);
    double raw = 0, spread = 0;
    for (std::size_t i = 0; i < taken.size(); ++i) {
        raw = std::max(raw, std::abs(stamps[i] - taken[i] - delay));
        spread = std::max(spread, std::abs(times[i] - taken[i] - delay));
    }
    CHECK(raw > 0.025);
    CHECK(spread < 0.010); // below one sample; the mean delay itself cannot be known
    const auto late = [&](double t) { return wave(t - delay); };
    const resample_options trusting{100, 0.5, 0}, smoothing{100, 0.5, 50};
    const auto rough = data::resample({planted(taken, stamps, wave)}, trusting, 0);
    const auto smooth = data::resample({planted(taken, stamps, wave)}, smoothing, 0);
    CHECK(deviation(smooth[0], 0, times[0], 100, late) < 0.5 * deviation(rough[0], 0, stamps[0], 100, late));
}

TEST_CASE("smooth_stamps: even stamps stay; time never runs backwards") {
    const auto even_stamps = even(200, 100, 1.6e9);
    const auto same = data::smooth_stamps(even_stamps, 7, 0.5);
    for (std::size_t i = 0; i < same.size(); ++i) REQUIRE(std::abs(same[i] - even_stamps[i]) < 1e-6);
    generator g(3);
    for (int round = 0; round < 50; ++round) {
        CAPTURE(round);
        std::vector<double> stamps{1.6e9};
        while (stamps.size() < 120)
            stamps.push_back(stamps.back() + (g.chance(0.4) ? 0 : g.chance(0.05) ? 1.0 : g.uniform(0, 0.05)));
        for (const std::size_t smooth : {0u, 1u, 5u, 500u}) {
            CAPTURE(smooth);
            const auto times = data::smooth_stamps(stamps, smooth, 0.5);
            REQUIRE(times.size() == stamps.size());
            CHECK(std::is_sorted(times.begin(), times.end()));
            for (std::size_t i = 1; i < stamps.size(); ++i) // a gap stays a gap
                if (stamps[i] - stamps[i - 1] > 0.5) REQUIRE(times[i] - times[i - 1] > 0.5 - 1e-6);
        }
    }
    CHECK(data::smooth_stamps({}, 3, 0.5).empty());
}

TEST_CASE("resample: a gap splits; nothing is made up within it, no window crosses it") {
    generator g(4);
    for (int round = 0; round < 20; ++round) {
        CAPTURE(round);
        // Channel 0 counts the stretches of the device, so a window across a gap would not be constant.
        stamped_signal s{1, {}, {0}, {}};
        s.samples.push_back(0);
        float stretch = 0;
        while (s.size() < 400) {
            const bool gap = g.chance(0.02);
            if (gap) ++stretch;
            s.stamps.push_back(s.stamps.back() + (gap ? g.uniform(0.11, 3) : g.uniform(0, 0.1)));
            s.samples.push_back(stretch);
        }
        s.labels.assign(s.size(), 0);
        auto r = data::resample({s}, {50, 0.1, 3}, round);
        CHECK(r.size() == static_cast<std::size_t>(stretch) + 1);
        data::recording_set set{std::move(r), {}, {}};
        set.info.labels = {"only"};
        set.drop_shorter(16);
        const auto w = data::cut(set.recordings, set.info, {16, 4});
        for (std::size_t i = 0; i < w.size(); ++i) {
            REQUIRE(std::all_of(w.window(i), w.window(i) + 16, [&](float v) { return v == *w.window(i); }));
            REQUIRE(w.subject[i] == round);
        }
    }
}

TEST_CASE("resample: devices of other rates and starts share one clock") {
    const auto slow = even(300, 52, 1.013), fast = even(900, 117, 0.4), other = even(700, 100, 0);
    auto a = planted(slow, slow, wave), b = planted(fast, fast, [](double t) { return std::cos(omega * t); });
    auto c = planted(other, other, [](double t) { return 3 * t; });
    const auto r = data::resample({a, b, c}, {80, 0.5, 0}, 1);
    REQUIRE(r.size() == 1);
    CHECK(r[0].samples.shape()[1] == 3);
    const double end = std::min({slow.back(), fast.back(), other.back()});
    CHECK(r[0].labels.size() == static_cast<std::size_t>((end - 1.013) * 80) + 1);
    const double bound = omega * omega / 52 / 52 / 8 + 1e-6;
    CHECK(deviation(r[0], 0, 1.013, 80, wave) < bound);
    CHECK(deviation(r[0], 1, 1.013, 80, [](double t) { return std::cos(omega * t); }) < bound);
    CHECK(deviation(r[0], 2, 1.013, 80, [](double t) { return 3 * t; }) < 1e-5);
    CHECK(r[0].labels == std::vector<int>(r[0].labels.size(), -1));
    // A gap of either device splits both; devices that never run together share nothing.
    b.stamps.erase(b.stamps.begin() + 300, b.stamps.begin() + 400);
    b.samples.erase(b.samples.begin() + 300, b.samples.begin() + 400);
    c.stamps.erase(c.stamps.begin() + 420, c.stamps.begin() + 500);
    c.samples.erase(c.samples.begin() + 420, c.samples.begin() + 500);
    const auto parts = data::resample({a, b, c}, {80, 0.5, 0}, 1);
    REQUIRE(parts.size() == 3);
    CHECK(deviation(parts[1], 2, fast[400], 80, [](double t) { return 3 * t; }) < 1e-5);
    CHECK(deviation(parts[2], 2, other[500], 80, [](double t) { return 3 * t; }) < 1e-5);
    for (double& t : b.stamps) t += 100;
    CHECK(data::resample({a, b}, {80, 0.5, 0}, 1).empty());
}

TEST_CASE("resample: labels are those of the nearest sample, and none where devices disagree") {
    stamped_signal a{1, {0, 1, 2, 3}, {0, 1, 2, 3}, {0, 0, 1, 1}}, b{1, {0, 1, 2, 3}, {0, 1, 2, 3}, {0, 1, 1, -1}};
    const stamped_signal silent{1, {0, 1, 2, 3}, {0, 1, 2, 3}, {}};
    const resample_options o{4, 1.5, 0};
    CHECK(data::resample({a}, o, 0)[0].labels == std::vector<int>{0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1});
    CHECK(data::resample({silent, a}, o, 0)[0].labels == data::resample({a}, o, 0)[0].labels);
    CHECK(data::resample({a, b}, o, 0)[0].labels == std::vector<int>{0, 0, -1, -1, -1, -1, 1, 1, 1, 1, -1, -1, -1});
}

TEST_CASE("resample: samples with one stamp are a jump; a single sample is a recording") {
    const stamped_signal s{1, {0, 1, 7, 5, 6}, {0, 1, 1, 1, 2}, {}};
    const auto r = data::resample({s}, {2, 1.5, 0}, 0);
    CHECK(identical(r[0].samples, tensor<float>({5, 1}, {0, 0.5f, 5, 5.5f, 6})));
    const auto one = data::resample({{1, {4}, {9}, {2}}}, {50, 1, 3}, 0);
    REQUIRE(one.size() == 1);
    CHECK(one[0].labels == std::vector<int>{2});
    CHECK(data::resample({{1, {}, {}, {}}}, {50, 1, 0}, 0).empty());
}

TEST_CASE("resample refuses what does not fit") {
    const stamped_signal good{1, {0, 1}, {0, 1}, {}};
    for (const resample_options bad : {resample_options{0, 1, 0}, resample_options{-5, 1, 0},
                                       resample_options{std::numeric_limits<double>::infinity(), 1, 0},
                                       resample_options{50, 0, 0}, resample_options{50, std::nan(""), 0}}) {
        CAPTURE(bad.rate_hz);
        CAPTURE(bad.max_gap);
        CHECK_THROWS_AS(data::resample({good}, bad, 0), usage_error);
    }
    CHECK_THROWS_AS(data::resample({}, {}, 0), usage_error);
    const auto refused = [&](auto change) {
        stamped_signal s = good;
        change(s);
        CHECK_THROWS_AS(static_cast<void>(data::resample({good, s}, {}, 0)), data_error);
    };
    refused([](auto& s) { s.stamps = {1, 0}; });
    refused([](auto& s) { s.stamps = {0, std::nan("")}; });
    refused([](auto& s) { s.stamps = {0}; });
    refused([](auto& s) { s.labels = {1}; });
    refused([](auto& s) { s.channels = 0; });
}

TEST_CASE("resample: stamps in another unit are refused") {
    const auto stamped = [](std::size_t n, double step) {
        stamped_signal s{1, std::vector<float>(n, 1), {}, {}};
        for (std::size_t i = 0; i < n; ++i) s.stamps.push_back(double(i) * step);
        return s;
    };
    const auto message = [&](double step, resample_options o, std::size_t n = 8400) {
        try {
            static_cast<void>(data::resample({stamped(n, step)}, o, 0));
        } catch (const data_error& e) { return std::string(e.what()); }
        return std::string();
    };
    // The rate of the devices is not known: a thousand times too long or short is another unit, a hundred may be meant.
    CHECK(message(0.02, {50, 0.5, 0}) == "");
    CHECK(message(0.001, {10, 0.5, 0}) == "");
    CHECK(message(0.1, {1000, 0.5, 0}) == "");
    CHECK(message(20, {50, 0.5, 0}) ==
          "resample: device 0: median step between stamps is 20 s, expected about 0.02 s, as at 50 Hz: 1000 times as "
          "long; are the stamps in another unit?");
    CHECK(message(2e-5, {50, 0.5, 0}).find("times as short") != std::string::npos);
    CHECK(message(2e-8, {50, 0.5, 0}).find("times as short") != std::string::npos);
    CHECK(message(20, {50, 0.5, 0}, 8) == ""); // seven steps say too little
    // It is known.
    CHECK(message(0.02, {20, 0.5, 0, 50}) == "");
    CHECK(message(0.039, {20, 0.5, 0, 50}) == "");
    CHECK(message(0.041, {20, 0.5, 0, 50}).find("times as long") != std::string::npos);
    CHECK(message(0.009, {20, 0.5, 0, 50}).find("times as short") != std::string::npos);
    CHECK_THROWS_AS(data::resample({stamped(2, 1)}, {20, 0.5, 0, -1}, 0), usage_error);
    // What no array can hold is refused, not converted.
    CHECK_THROWS_AS(data::resample({stamped(2, 1e300)}, {50, 1e301, 0}, 0), data_error);
}

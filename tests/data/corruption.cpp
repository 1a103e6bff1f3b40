// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/corruption.hpp"

#include <doctest/doctest.h>

#include "smldist/core/parallel.hpp"

using namespace smldist;
using data::corruption;

namespace {

constexpr std::size_t N = 40, L = 32, C = 7;

/// Two people with a device of two 3-axis sensors and one channel more.
data::windows example() {
    data::windows w{tensor<float>(shape{N, L, C}), std::vector<int>(N, 0), {}, {}};
    generator g(3);
    for (float& v : w.x) v = static_cast<float>(1 + 2 * g.normal());
    for (std::size_t i = 0; i < N; ++i) w.subject.push_back(i < N / 2 ? 4 : 9);
    w.info.channels = {"ax", "ay", "az", "gx", "gy", "gz", "light"};
    w.info.labels = {"still"};
    w.info.rate_hz = 50;
    w.info.triples = {{0, 1, 2}, {3, 4, 5}};
    return w;
}

tensor<float> corrupted(const corruption& how, std::uint64_t seed = 0) {
    data::windows w = example();
    data::corrupt(w, how, generator(seed));
    return w.x;
}

corruption turned(double degrees) {
    corruption how;
    how.rotation = degrees;
    return how;
}

} // namespace

TEST_CASE("corrupt: the defaults do nothing; the same seed does the same for any number of threads") {
    CHECK_FALSE(corruption().any());
    CHECK(identical(corrupted({}), example().x));
    corruption all{30, 20, 0.5, {4}};
    CHECK(all.any());
    set_threads(1);
    const auto one = corrupted(all);
    set_threads(3);
    CHECK(identical(corrupted(all), one));
    set_threads(1);
    CHECK_FALSE(identical(corrupted(all, 1), one));
}

TEST_CASE("corrupt: a person's device is worn turned by the angle, all its sensors alike") {
    const auto x = example().x, y = corrupted(turned(40));
    for (const std::size_t i : {std::size_t(0), N - 1})
        for (std::size_t t = 0; t < L; ++t) {
            CAPTURE(i);
            double before = 0, after = 0, between_before = 0, between_after = 0, cosine = 0;
            for (std::size_t c = 0; c < 3; ++c) {
                before += double(x(i, t, c)) * double(x(i, t, c));
                after += double(y(i, t, c)) * double(y(i, t, c));
                between_before += double(x(i, t, c)) * double(x(i, t, c + 3));
                between_after += double(y(i, t, c)) * double(y(i, t, c + 3));
                cosine += double(x(i, t, c)) * double(y(i, t, c));
            }
            CHECK(after == doctest::Approx(before).epsilon(1e-5));
            CHECK(between_after == doctest::Approx(between_before).epsilon(1e-4)); // one matrix for both sensors
            CHECK(cosine / before >=
                  std::cos(40 * std::numbers::pi / 180) - 1e-5); // least for vectors across the axis
            CHECK(y(i, t, 6) == x(i, t, 6));
        }
    CHECK(identical(corrupted(turned(0)), x));
    // Windows of one person are turned alike, those of two people are not: rotate a constant vector.
    data::windows w = example();
    w.x.fill(1);
    data::corrupt(w, turned(40), generator(0));
    CHECK(w.x(0, 0, 0) == w.x(N / 2 - 1, L - 1, 0));
    CHECK(w.x(0, 0, 0) != w.x(N - 1, 0, 0));
}

TEST_CASE("corrupt: a lower rate keeps its samples and draws straight lines between them") {
    corruption how;
    how.rate_hz = 12.5;
    const auto x = example().x, y = corrupted(how);
    for (std::size_t t = 0; t < L; t += 4) CHECK(y(7, t, 2) == x(7, t, 2));
    CHECK(y(7, L - 1, 2) == x(7, L - 1, 2));
    CHECK(y(7, 1, 2) == doctest::Approx(0.75 * double(x(7, 0, 2)) + 0.25 * double(x(7, 4, 2))));
    CHECK(y(7, 6, 5) == doctest::Approx(0.5 * double(x(7, 4, 5)) + 0.5 * double(x(7, 8, 5))));
    how.rate_hz = 50;
    CHECK(identical(corrupted(how), x));
    how.rate_hz = 30; // samples 0, 1, 3, 5, 6, 8 …
    const auto z = corrupted(how);
    for (const std::size_t t : std::initializer_list<std::size_t>{0, 1, 3, 5, 6, 8}) CHECK(z(3, t, 0) == x(3, t, 0));
    CHECK(z(3, 2, 0) == doctest::Approx(0.5 * double(x(3, 1, 0)) + 0.5 * double(x(3, 3, 0))));
}

TEST_CASE("corrupt: noise has the asked share of the channel's spread; a missing channel is its mean") {
    corruption how;
    how.noise = 0.5;
    const auto x = example().x, y = corrupted(how);
    double mean = 0, square = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double d = double(y[i]) - double(x[i]);
        mean += d / double(x.size());
        square += d * d / double(x.size());
    }
    CHECK(mean == doctest::Approx(0).epsilon(0.05)); // 8 960 draws: sd of the mean is 0.01
    CHECK(std::sqrt(square) == doctest::Approx(0.5 * 2).epsilon(0.05));

    how = {};
    how.missing = {3, 6};
    const auto z = corrupted(how);
    for (std::size_t i = 0; i < N; ++i) {
        CHECK(z(i, 0, 3) == z(0, 0, 3));
        CHECK(z(i, L - 1, 6) == doctest::Approx(1).epsilon(0.2));
        CHECK(z(i, 5, 4) == x(i, 5, 4));
    }
}

TEST_CASE("corrupt: bad options are errors that name them") {
    const auto refused = [](corruption how) { CHECK_THROWS_AS(corrupted(how), usage_error); };
    refused({-1, 0, 0, {}});
    refused({181, 0, 0, {}});
    refused({0, 51, 0, {}});
    refused({0, -1, 0, {}});
    refused({0, 0, std::nan(""), {}});
    CHECK_THROWS_WITH_AS(corrupted({0, 0, 0, {2, 7}}), "corruption: missing channel is 7, expected less than 7",
                         usage_error);
    data::windows w = example();
    w.info.triples.clear();
    CHECK_THROWS_AS(data::corrupt(w, turned(10), generator(0)), usage_error);
}

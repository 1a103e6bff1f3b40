// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <vector>

using namespace smldist;

namespace {

using words = std::array<std::uint32_t, 4>;

/// Philox4x32-10 written from the paper, to hold the generator against.
words philox(words c, std::array<std::uint32_t, 2> k) {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t p0 = 0xD2511F53ull * c[0], p1 = 0xCD9E8D57ull * c[2];
        c = {std::uint32_t(p1 >> 32) ^ c[1] ^ k[0], std::uint32_t(p1), std::uint32_t(p0 >> 32) ^ c[3] ^ k[1],
             std::uint32_t(p0)};
        k = {k[0] + 0x9E3779B9u, k[1] + 0xBB67AE85u};
    }
    return c;
}

double mean(const std::vector<double>& x) { return std::accumulate(x.begin(), x.end(), 0.0) / double(x.size()); }

double moment(const std::vector<double>& x, int order) {
    double sum = 0;
    for (const double v : x) sum += std::pow(v, order);
    return sum / double(x.size());
}

} // namespace

TEST_CASE("philox: known answers of Random123") {
    CHECK(philox({0, 0, 0, 0}, {0, 0}) == words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    constexpr std::uint32_t ones = 0xffffffff;
    CHECK(philox({ones, ones, ones, ones}, {ones, ones}) == words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
          words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("generator: counter = (position / 4, stream), key = seed") {
    generator zero;
    for (const std::uint32_t w : words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}) CHECK(zero.bits() == w);

    const std::uint64_t seed = 0x299f31d0a4093822, stream = 0x0370734413198a2e;
    for (const std::uint64_t position : {0ull, 4ull, 4ull * 0x243f6a88, 0xfffffffffffffff0ull}) {
        generator g(seed, stream);
        g.set_position(position);
        const std::uint64_t block = position / 4;
        const words wanted = philox(
            {std::uint32_t(block), std::uint32_t(block >> 32), std::uint32_t(stream), std::uint32_t(stream >> 32)},
            {std::uint32_t(seed), std::uint32_t(seed >> 32)});
        for (const std::uint32_t w : wanted) CHECK(g.bits() == w);
    }
}

TEST_CASE("generator: many words at once are those of as many calls") {
    for (const std::uint64_t start : {0ull, 1ull, 3ull, 62ull, 0xFFFFFFFF0ull * 4 + 2})
        for (const std::size_t n : {0u, 1u, 5u, 63u, 64u, 67u, 130u, 1000u}) {
            generator one(5, 6), many(5, 6);
            one.set_position(start);
            many.set_position(start);
            std::vector<std::uint32_t> words(n + 1, 7u);
            many.bits(n, words.data());
            for (std::size_t i = 0; i < n; ++i) REQUIRE(words[i] == one.bits());
            CHECK(words[n] == 7);
            CHECK(many.position() == start + n);
            CHECK(many.bits() == one.bits());
        }
}

TEST_CASE("generator: a stream is resumed from its position; a copy continues independently") {
    generator g(5, 6);
    std::vector<std::uint32_t> all;
    for (int i = 0; i < 50; ++i) all.push_back(g.bits());
    CHECK(g.position() == 50);
    for (const std::uint64_t start : {0u, 1u, 3u, 4u, 17u}) {
        generator again(g.seed(), g.stream());
        again.set_position(start);
        CHECK(again.bits() == all[start]);
        generator copy = again;
        CHECK(copy.bits() == all[start + 1]);
        CHECK(again.bits() == all[start + 1]);
    }
    g.set_position(2); // backwards, into a block that was left
    CHECK(g.bits() == all[2]);
    generator pair(5, 6);
    CHECK(pair.bits64() == (all[0] | std::uint64_t(all[1]) << 32));
}

TEST_CASE("generator: the same values on every machine") {
    generator g(42);
    CHECK(g.uniform() == 0.46858651833910503);
    CHECK(g.normal() == -0.41011294279565136);
    CHECK(g.normal() == -0.4480366278979277);
    CHECK(g.below(1000) == 454);
    CHECK(g.split(7).bits64() == 0x79441d0ad76ed337);
    CHECK(generator(42).beta(0.2, 0.4) == 0.005902248802039504);
    CHECK(generator(42, 2).beta(8, 16) == 0.35904216968038211);
}

TEST_CASE("uniform: inside (0, 1), moments, interval") {
    generator g(1);
    std::vector<double> x(200000);
    for (double& v : x) v = g.uniform();
    CHECK(*std::min_element(x.begin(), x.end()) > 0);
    CHECK(*std::max_element(x.begin(), x.end()) < 1);
    const double n = double(x.size());
    CHECK(std::abs(mean(x) - 0.5) < 4 * std::sqrt(1.0 / 12 / n));
    CHECK(std::abs(moment(x, 2) - 1.0 / 3) < 4 * std::sqrt(4.0 / 45 / n));
    for (int i = 0; i < 1000; ++i) {
        const double v = g.uniform(-3, 5);
        REQUIRE(v > -3);
        REQUIRE(v < 5);
    }
}

TEST_CASE("normal: moments, symmetry of the quantile, known quantiles") {
    generator g(2);
    std::vector<double> x(200000);
    for (double& v : x) v = g.normal();
    const double n = double(x.size());
    CHECK(std::abs(mean(x)) < 4 / std::sqrt(n));
    CHECK(std::abs(moment(x, 2) - 1) < 4 * std::sqrt(2 / n));
    CHECK(std::abs(moment(x, 3)) < 4 * std::sqrt(15 / n));
    CHECK(std::abs(moment(x, 4) - 3) < 4 * std::sqrt(96 / n));

    CHECK(detail::normal_quantile(0.5) == 0);
    CHECK(detail::normal_quantile(0.975) == doctest::Approx(1.959963984540054).epsilon(1e-15));
    CHECK(detail::normal_quantile(0.9) == doctest::Approx(1.2815515655446004).epsilon(1e-15));
    CHECK(detail::normal_quantile(1e-10) == doctest::Approx(-6.361340902404056).epsilon(1e-14));
    CHECK(detail::normal_quantile(1e-15) == doctest::Approx(-7.941345326170997).epsilon(1e-14));
    for (const double p : {0x1p-53, 1e-8, 0.01, 0.3, 0.499})
        CHECK(detail::normal_quantile(p) == doctest::Approx(-detail::normal_quantile(1 - p)).epsilon(1e-7));
}

TEST_CASE("portable_log: as std::log to 1e-14") {
    for (double x = 1; x > 1e-300; x *= 0.8137)
        CHECK(std::abs(detail::portable_log(x) - std::log(x)) <= 1e-14 * std::abs(std::log(x)));
    for (double x = 1.0001; x < 1e300; x *= 1.3)
        CHECK(std::abs(detail::portable_log(x) - std::log(x)) <= 1e-14 * std::abs(std::log(x)));
}

TEST_CASE("portable_exp: as std::exp to 1e-15") {
    for (double x = -699.9; x < 700; x += 0.3137)
        CHECK(std::abs(detail::portable_exp(x) - std::exp(x)) <= 1e-15 * std::exp(x));
    CHECK(detail::portable_exp(0) == 1);
    CHECK(detail::portable_exp(-1e300) == 0);
    CHECK(detail::portable_exp(1e300) == HUGE_VAL);
}

TEST_CASE("beta: inside [0, 1], moments") {
    for (const auto& c : {std::pair(0.2, 0.2), {1.0, 1.0}, {0.5, 3.0}, {4.0, 4.0}, {30.0, 2.0}, {0.01, 0.02}}) {
        const double a = c.first, b = c.second;
        generator g(6, 1);
        std::vector<double> x(100000);
        for (double& v : x) v = g.beta(a, b);
        CHECK(*std::min_element(x.begin(), x.end()) >= 0);
        CHECK(*std::max_element(x.begin(), x.end()) <= 1);
        const double n = double(x.size()), s = a + b;
        CAPTURE(a);
        CAPTURE(b);
        const auto exact = [&](int order) { // E[x^k] = Π_j (a+j)/(a+b+j)
            double m = 1;
            for (int j = 0; j < order; ++j) m *= (a + j) / (s + j);
            return m;
        };
        for (const int k : {1, 2, 3}) {
            const double error = std::sqrt((exact(2 * k) - exact(k) * exact(k)) / n);
            CHECK(std::abs(moment(x, k) - exact(k)) < 4 * error);
        }
    }
}

TEST_CASE("beta: the ends of the range") {
    generator g(7);
    int high = 0;
    for (int i = 0; i < 10000; ++i) {
        const double x = g.beta(1e-6, 1e-6); // next to 0 or 1, each as often
        REQUIRE((x < 1e-4 || x > 1 - 1e-4));
        high += x > 0.5 ? 1 : 0;
        REQUIRE(std::abs(g.beta(1e6, 1e6) - 0.5) < 5e-3);
    }
    CHECK(std::abs(high - 5000) < 4 * 50);
}

TEST_CASE("below: in range, every value as often") {
    generator g(3);
    std::vector<double> hits(7);
    const int n = 70000;
    for (int i = 0; i < n; ++i) ++hits.at(g.below(7));
    double chi = 0;
    for (const double h : hits) chi += (h - n / 7.0) * (h - n / 7.0) / (n / 7.0);
    CHECK(chi < 27.9); // chi², 6 degrees of freedom: 1e-4
    for (int i = 0; i < 100; ++i) CHECK(g.below(1) == 0);

    // With n = 3·2^62 a multiplication without rejection would give multiples of 3 half the time.
    double multiples = 0;
    for (int i = 0; i < 30000; ++i) multiples += g.below(std::size_t(3) << 62) % 3 == 0 ? 1 : 0;
    CHECK(std::abs(multiples / 30000 - 1.0 / 3) < 4 * std::sqrt(2.0 / 9 / 30000));
}

TEST_CASE("chance and shuffle") {
    generator g(4);
    double hits = 0;
    for (int i = 0; i < 100000; ++i) hits += g.chance(0.2) ? 1 : 0;
    CHECK(std::abs(hits / 100000 - 0.2) < 4 * std::sqrt(0.16 / 100000));

    std::map<std::vector<int>, double> orders;
    for (int i = 0; i < 60000; ++i) {
        std::vector<int> v{1, 2, 3};
        g.shuffle(v.begin(), v.end());
        ++orders[v];
    }
    CHECK(orders.size() == 6);
    double chi = 0;
    for (const auto& [order, h] : orders) chi += (h - 10000) * (h - 10000) / 10000;
    CHECK(chi < 25.7); // 5 degrees of freedom: 1e-4
    std::vector<int> none;
    g.shuffle(none.begin(), none.end());
    CHECK(none.empty());
}

TEST_CASE("split: streams of their own that neither move nor repeat the parent") {
    const generator parent(9, 1);
    CHECK(parent.split(3).bits64() == parent.split(3).bits64());
    CHECK(parent.position() == 0);
    std::map<std::uint64_t, int> streams;
    streams[parent.stream()] = 1;
    for (std::uint64_t k = 0; k < 2000; ++k) ++streams[parent.split(k).stream()];
    for (std::uint64_t k = 0; k < 100; ++k) ++streams[parent.split(1).split(k).stream()];
    for (const auto& [stream, count] : streams) REQUIRE(count == 1);

    generator moved = parent;
    moved.bits();
    CHECK(moved.split(3).bits64() == parent.split(3).bits64());
    CHECK(generator(9, 2).split(3).bits64() != parent.split(3).bits64());
    CHECK(generator(8, 1).split(3).bits64() != parent.split(3).bits64());

    generator a = parent.split(0), b = parent.split(1);
    std::vector<double> products(50000);
    for (double& p : products) p = a.normal() * b.normal();
    CHECK(std::abs(mean(products)) < 4 / std::sqrt(double(products.size())));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/cluster.hpp"

#include <set>

#include "check.hpp"

using namespace smldist;

namespace {

/// `each` points around each of four corners far apart.
tensor<double> blobs(std::size_t each) {
    tensor<double> x(shape{4 * each, 2});
    generator g(3);
    for (std::size_t i = 0; i < 4 * each; ++i) {
        x(i, 0) = 10 * double(i % 4 / 2) + 0.3 * g.normal();
        x(i, 1) = 10 * double(i % 2) + 0.3 * g.normal();
    }
    return x;
}

double cost(const tensor<double>& points, const std::vector<std::size_t>& medoids) {
    double sum = 0;
    for (std::size_t i = 0; i < points.shape()[0]; ++i) {
        double near = 1e300;
        for (const std::size_t m : medoids)
            near = std::min(near, std::hypot(points(i, 0) - points(m, 0), points(i, 1) - points(m, 1)));
        sum += near;
    }
    return sum;
}

} // namespace

TEST_CASE("k_means: finds well separated groups from any seed with their means as centres") {
    const auto x = blobs(25);
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        generator g(seed);
        const auto c = nn::k_means(x, 4, g);
        std::set<std::size_t> corners;
        for (std::size_t j = 0; j < 4; ++j) {
            const auto corner = std::size_t(2 * std::lround(c(j, 0) / 10) + std::lround(c(j, 1) / 10));
            corners.insert(corner);
            double mean[2] = {0, 0};
            for (std::size_t i = corner; i < 100; i += 4)
                for (std::size_t d = 0; d < 2; ++d) mean[d] += x(i, d) / 25;
            CHECK(c(j, 0) == doctest::Approx(mean[0]).epsilon(1e-9));
            CHECK(c(j, 1) == doctest::Approx(mean[1]).scale(1).epsilon(1e-9));
        }
        CHECK(corners.size() == 4);
    }
}

TEST_CASE("k_means: one cluster and a cluster per point and equal points work; one seed gives the same bits") {
    const auto x = blobs(2);
    generator g(1);
    const auto all = nn::k_means(x, 8, g);
    for (std::size_t i = 0; i < 8; ++i) {
        bool met = false;
        for (std::size_t j = 0; j < 8; ++j) met = met || (all(j, 0) == x(i, 0) && all(j, 1) == x(i, 1));
        CHECK(met);
    }
    const auto one = nn::k_means(x, 1, g);
    CHECK(one(0, 0) == doctest::Approx(5).epsilon(0.1));
    const auto equal = nn::k_means(tensor<double>(shape{5, 2}, 3.0), 3, g);
    for (const double v : equal) CHECK(v == 3);
    generator a(9), b(9);
    CHECK(identical(nn::k_means(x, 3, a), nn::k_means(x, 3, b)));
}

TEST_CASE("k_medoids: chooses one point of each group and no single swap is better") {
    const auto x = blobs(6);
    const auto m = nn::k_medoids(x, 4);
    std::set<std::size_t> corners;
    for (const std::size_t i : m.index) corners.insert(i % 4);
    CHECK(corners.size() == 4);
    for (std::size_t i = 0; i < x.shape()[0]; ++i) CHECK(m.index[m.cluster[i]] % 4 == i % 4);
    for (const std::size_t k : {2u, 3u, 5u}) {
        CAPTURE(k);
        const auto best = nn::k_medoids(x, k);
        REQUIRE(best.index.size() == k);
        CHECK(std::is_sorted(best.index.begin(), best.index.end()));
        const double now = cost(x, best.index);
        for (std::size_t j = 0; j < k; ++j)
            for (std::size_t i = 0; i < x.shape()[0]; ++i) {
                auto other = best.index;
                other[j] = i;
                CHECK(cost(x, other) >= now - 1e-9);
            }
    }
}

TEST_CASE("k_medoids: a medoid per point and equal points work") {
    const auto x = blobs(2);
    const auto all = nn::k_medoids(x, 8);
    for (std::size_t i = 0; i < 8; ++i) CHECK(all.cluster[i] == i);
    const auto equal = nn::k_medoids(tensor<double>(shape{5, 2}, 3.0), 2);
    CHECK(equal.index.size() == 2);
    for (const std::size_t c : equal.cluster) CHECK(c == 0);
}

TEST_CASE("clusters: invalid arguments are refused") {
    generator g(1);
    const tensor<float> x(shape{3, 2});
    CHECK_RAISES(usage_error, "number of clusters is 4, expected 1 to 3", nn::k_means(x, 4, g));
    CHECK_RAISES(usage_error, "number of clusters is 0", nn::k_medoids(x, 0));
    CHECK_RAISES(shape_error, "expected (n, width)", nn::k_means(tensor<float>(shape{3}), 1, g));
}

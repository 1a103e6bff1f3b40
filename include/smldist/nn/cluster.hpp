// SPDX-License-Identifier: BSD-3-Clause
/// Clustering of points, for the patterns of a memory: means to start from, medoids to keep.
#ifndef SMLDIST_NN_CLUSTER_HPP
#define SMLDIST_NN_CLUSTER_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "smldist/core/random.hpp"
#include "smldist/core/tensor.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

namespace detail {
template <class T> double squared_distance(const T* a, const T* b, std::size_t width) {
    double sum = 0;
    for (std::size_t i = 0; i < width; ++i) sum += (double(a[i]) - double(b[i])) * (double(a[i]) - double(b[i]));
    return sum;
}
template <class T> void check_points(const char* where, const tensor<T>& points, std::size_t k) {
    if (points.shape().rank() != 2)
        raise<shape_error>(where, "shape of the points is ", points.shape().text(), ", expected (n, width)");
    if (k == 0 || k > points.shape()[0])
        raise<usage_error>(where, "number of clusters is ", k, ", expected 1 to ", points.shape()[0]);
}
} // namespace detail

/// Centres of k clusters: Lloyd's iterations from k-means++ seeds, until nothing changes or `rounds` are done.
///
///     minimises Σ_i min_j ‖x_i - c_j‖²
///
/// Shapes     points (n, h) · result (k, h)
/// Cost       rounds · n · k · h. A cluster that loses all its points takes the point farthest from its centre.
/// Throws     shape_error for points that are not a matrix; usage_error unless 1 ≤ k ≤ n.
/// Source     Lloyd 1982; Arthur and Vassilvitskii 2007 for the seeds, greedy as in scikit-learn.
template <class T> tensor<T> k_means(const tensor<T>& points, std::size_t k, generator& g, std::size_t rounds = 50) {
    detail::check_points("nn::k_means", points, k);
    const std::size_t n = points.shape()[0], h = points.shape()[1];
    tensor<T> centres(shape{k, h});
    std::vector<double> distance(n, std::numeric_limits<double>::infinity());
    std::vector<std::size_t> nearest(n, 0);
    const auto point = [&](std::size_t i) { return points.data() + i * h; };

    // Seeds: each drawn by squared distance to those before; the best of a few draws is taken.
    const auto trials = 2 + static_cast<std::size_t>(std::log(double(k)));
    std::vector<double> closer(n), best_distance(n);
    for (std::size_t j = 0; j < k; ++j) {
        double total = 0, best = std::numeric_limits<double>::infinity();
        for (const double d : distance) total += d;
        std::size_t chosen = static_cast<std::size_t>(g.below(n));
        for (std::size_t trial = 0; trial < (j == 0 ? 1 : trials); ++trial) {
            std::size_t seed = chosen;
            if (j > 0) {
                double draw = g.uniform(0, total);
                for (seed = 0; seed + 1 < n && (draw -= distance[seed]) >= 0;) ++seed;
            }
            double left = 0;
            for (std::size_t i = 0; i < n; ++i) {
                closer[i] = std::min(distance[i], detail::squared_distance(point(i), point(seed), h));
                left += closer[i];
            }
            if (left < best) best = left, chosen = seed, best_distance = closer;
        }
        distance = best_distance;
        std::copy_n(point(chosen), h, centres.data() + j * h);
    }
    for (std::size_t round = 0; round < rounds; ++round) {
        bool moved = round == 0;
        for (std::size_t i = 0; i < n; ++i) {
            std::size_t best = 0;
            distance[i] = std::numeric_limits<double>::infinity();
            for (std::size_t j = 0; j < k; ++j)
                if (const double d = detail::squared_distance(point(i), centres.data() + j * h, h); d < distance[i])
                    distance[i] = d, best = j;
            moved = moved || nearest[i] != best;
            nearest[i] = best;
        }
        if (!moved) break;
        std::vector<double> sum(k * h, 0);
        std::vector<std::size_t> count(k, 0);
        for (std::size_t i = 0; i < n; ++i) {
            ++count[nearest[i]];
            for (std::size_t c = 0; c < h; ++c) sum[nearest[i] * h + c] += double(point(i)[c]);
        }
        for (std::size_t j = 0; j < k; ++j) {
            if (count[j] == 0) {
                const auto far = std::max_element(distance.begin(), distance.end()) - distance.begin();
                std::copy_n(point(static_cast<std::size_t>(far)), h, centres.data() + j * h);
                distance[static_cast<std::size_t>(far)] = 0;
                continue;
            }
            for (std::size_t c = 0; c < h; ++c)
                centres[j * h + c] = static_cast<T>(sum[j * h + c] / double(count[j]));
        }
    }
    return centres;
}

/// k points that represent all: their indices, and which of them each point belongs to.
struct medoids {
    std::vector<std::size_t> index;   ///< (k), ascending
    std::vector<std::size_t> cluster; ///< (n), position in `index`
};

/// Medoids by greedy build and then swaps, until no swap lowers the sum of distances to the nearest medoid.
///
/// Deterministic. For the few patterns of a class: cost k · (n - k) · n distances per round.
/// Shapes     points (n, h)
/// Throws     shape_error for points that are not a matrix; usage_error unless 1 ≤ k ≤ n.
/// Source     Kaufman and Rousseeuw 1987 (PAM).
template <class T> medoids k_medoids(const tensor<T>& points, std::size_t k) {
    detail::check_points("nn::k_medoids", points, k);
    const std::size_t n = points.shape()[0], h = points.shape()[1];
    std::vector<double> distance(n * n);
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j)
            distance[i * n + j] =
                std::sqrt(detail::squared_distance(points.data() + i * h, points.data() + j * h, h));
    std::vector<bool> chosen(n, false);
    const auto cost = [&] {
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i) {
            double near = std::numeric_limits<double>::infinity();
            for (std::size_t j = 0; j < n; ++j)
                if (chosen[j]) near = std::min(near, distance[i * n + j]);
            sum += near;
        }
        return sum;
    };
    double now = std::numeric_limits<double>::infinity();
    for (std::size_t step = 0; step < k; ++step) {
        std::size_t best = n;
        for (std::size_t j = 0; j < n; ++j) {
            if (chosen[j]) continue;
            chosen[j] = true;
            if (const double c = cost(); best == n || c < now) now = c, best = j;
            chosen[j] = false;
        }
        chosen[best] = true;
    }
    for (bool better = true; better;) {
        better = false;
        for (std::size_t out = 0; out < n; ++out)
            for (std::size_t in = 0; in < n; ++in) {
                if (!chosen[out] || chosen[in]) continue;
                chosen[out] = false;
                chosen[in] = true;
                if (const double c = cost(); c < now * (1 - 1e-12)) {
                    now = c;
                    better = true;
                } else {
                    chosen[out] = true;
                    chosen[in] = false;
                }
            }
    }
    medoids m;
    for (std::size_t j = 0; j < n; ++j)
        if (chosen[j]) m.index.push_back(j);
    for (std::size_t i = 0; i < n; ++i) {
        std::size_t near = 0;
        for (std::size_t j = 1; j < k; ++j)
            if (distance[i * n + m.index[j]] < distance[i * n + m.index[near]]) near = j;
        m.cluster.push_back(near);
    }
    return m;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif

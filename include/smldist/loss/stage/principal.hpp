// SPDX-License-Identifier: BSD-3-Clause
/// Principal components of a feature's channels: the few directions in which a teacher's features vary most.
#ifndef SMLDIST_LOSS_STAGE_PRINCIPAL_HPP
#define SMLDIST_LOSS_STAGE_PRINCIPAL_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

#include "smldist/core/tensor.hpp"
#include "smldist/kernel/vector.hpp"

namespace smldist::loss::stage {
SMLDIST_NAMESPACE_BEGIN

/// Orthonormal directions, sorted by descending variance of the feature along them.
template <class T> struct principal_components {
    tensor<T> directions; ///< (C, C), one per row; a row of zeros where the variance is 0
    tensor<T> variance;   ///< (C)

    /// The fewest components with at least `share` of the variance, at most `limit` and at least 1.
    std::size_t count(double share, std::size_t limit) const {
        const double total = std::accumulate(variance.begin(), variance.end(), 0.0);
        double sum = 0;
        std::size_t n = 0;
        const std::size_t most = std::min(limit, variance.size());
        while (n < most && (n == 0 || sum < share * total)) sum += double(variance[n++]);
        return n;
    }
};

/// Eigenvectors and eigenvalues of a symmetric matrix without negative eigenvalues, such as a correlation.
///
/// One-sided Jacobi: rows are rotated in pairs until they are orthogonal; a row is then an eigenvector times its eigenvalue.
/// The largest element of a direction is positive.
///
/// Shapes     a (C, C)
/// Cost       about 5 C³ multiply-adds in each of some 10 sweeps. For set-up, not for hot loops.
/// Source     Hestenes 1958; de Rijk 1989.
template <class T> [[nodiscard]] principal_components<T> principal(tensor<double> a) {
    const std::size_t C = a.shape()[0];
    SMLDIST_ASSERT(a.shape() == (shape{C, C}));
    const auto row = [&](std::size_t i) { return a.data() + i * C; };
    const auto dot = [&](std::size_t i, std::size_t j) { return kernel::dot(C, row(i), row(j)); };
    double largest = 0;
    for (std::size_t i = 0; i < C; ++i) largest = std::max(largest, dot(i, i));
    bool rotated = true;
    for (int sweep = 0; rotated && sweep < 40; ++sweep) {
        rotated = false;
        for (std::size_t i = 0; i < C; ++i)
            for (std::size_t j = i + 1; j < C; ++j) {
                const double p = dot(i, i), q = dot(j, j), both = dot(i, j);
                if (std::abs(both) <= 1e-10 * std::sqrt(p * q) + 1e-20 * largest) continue;
                rotated = true;
                const double z = (q - p) / (2 * both);
                const double tangent = (z < 0 ? -1 : 1) / (std::abs(z) + std::sqrt(1 + z * z));
                const double cosine = 1 / std::sqrt(1 + tangent * tangent), sine = cosine * tangent;
                double *x = row(i), *y = row(j);
                for (std::size_t c = 0; c < C; ++c)
                    std::tie(x[c], y[c]) = std::pair(cosine * x[c] - sine * y[c], sine * x[c] + cosine * y[c]);
            }
    }
    std::vector<double> value(C);
    for (std::size_t i = 0; i < C; ++i) value[i] = std::sqrt(dot(i, i));
    std::vector<std::size_t> order(C);
    std::iota(order.begin(), order.end(), std::size_t(0));
    std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return value[i] > value[j]; });
    principal_components<T> out{tensor<T>(shape{C, C}), tensor<T>(shape{C})};
    for (std::size_t i = 0; i < C; ++i) {
        const double* from = row(order[i]);
        const double length = value[order[i]];
        if (length <= 1e-9 * value[order[0]]) break; // rounding of a null space
        out.variance[i] = static_cast<T>(length);
        const double top =
            *std::max_element(from, from + C, [](double x, double y) { return std::abs(x) < std::abs(y); });
        for (std::size_t c = 0; c < C; ++c)
            out.directions(i, c) = static_cast<T>(from[c] / (top < 0 ? -length : length));
    }
    return out;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::stage

#endif

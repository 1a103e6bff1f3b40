// SPDX-License-Identifier: BSD-3-Clause
/// How far a network's arrays are from PyTorch's.
#ifndef SMLDIST_TESTS_MODEL_DEVIATION_HPP
#define SMLDIST_TESTS_MODEL_DEVIATION_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "smldist/core/tensor.hpp"

/// Largest difference, in units of the largest magnitude wanted (at least 1e-3); infinite when the shapes differ.
template <class T> double deviation(const smldist::tensor<T>& got, const smldist::tensor<double>& wanted) {
    if (!(got.shape() == wanted.shape())) return HUGE_VAL;
    double worst = 0, scale = 1e-3;
    for (std::size_t i = 0; i < got.size(); ++i) {
        const double d = std::abs(double(got[i]) - wanted[i]);
        worst = std::max(worst, std::isnan(d) ? HUGE_VAL : d);
        scale = std::max(scale, std::abs(wanted[i]));
    }
    return worst / scale;
}

#endif

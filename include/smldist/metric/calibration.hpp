// SPDX-License-Identifier: BSD-3-Clause
/// Calibration: how far predicted probabilities can be trusted.
#ifndef SMLDIST_METRIC_CALIBRATION_HPP
#define SMLDIST_METRIC_CALIBRATION_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/core/tensor.hpp"

namespace smldist::metric {
SMLDIST_NAMESPACE_BEGIN

/// One bin of a reliability diagram.
struct reliability_bin {
    std::size_t count = 0;
    double confidence = 0, accuracy = 0; ///< means over the bin; 0 when it is empty
};

/// Class of highest probability in row i of p (N, K); the first in a tie.
[[nodiscard]] inline int most_probable(const tensor<float>& p, std::size_t i) {
    const std::size_t classes = p.shape().back();
    const float* row = p.data() + i * classes;
    return static_cast<int>(std::max_element(row, row + classes) - row);
}

/// Reliability diagram of probabilities (N, K): bin m of M holds the windows whose highest probability is in
/// (m/M, (m+1)/M].
/// Throws     usage_error for 0 bins or a label not in [0, K); shape_error unless there is one row per label;
///            numeric_error for a value outside [0, 1] (rounding errors up to 1e-5 are accepted).
[[nodiscard]] inline std::vector<reliability_bin> reliability(const tensor<float>& probabilities,
                                                              const std::vector<int>& labels, std::size_t bins = 15) {
    const shape& s = probabilities.shape();
    if (bins == 0) raise<usage_error>("reliability", "number of bins is 0, expected at least 1");
    if (s.rank() != 2 || s[0] != labels.size() || s[1] == 0)
        raise<shape_error>("reliability", "shape of probabilities is ", s.text(), ", expected (", labels.size(),
                           ", K)");
    for (std::size_t i = 0; i < probabilities.size(); ++i)
        if (!(probabilities[i] >= -1e-5f && probabilities[i] <= 1 + 1e-5f))
            raise<numeric_error>("reliability", "probability in row ", i / s[1], " is ", probabilities[i],
                                 ", expected 0 to 1");
    std::vector<reliability_bin> diagram(bins);
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if (labels[i] < 0 || static_cast<std::size_t>(labels[i]) >= s[1])
            raise<usage_error>("reliability", "label in row ", i, " is ", labels[i], ", expected 0 to ", s[1] - 1);
        const int n = most_probable(probabilities, i);
        const double p = double(probabilities[i * s[1] + static_cast<std::size_t>(n)]);
        const double place = std::clamp(std::ceil(p * double(bins)) - 1, 0.0, double(bins - 1));
        reliability_bin& bin = diagram[static_cast<std::size_t>(place)];
        ++bin.count;
        bin.confidence += p;
        bin.accuracy += n == labels[i] ? 1 : 0;
    }
    for (reliability_bin& bin : diagram)
        if (bin.count > 0) {
            bin.confidence /= double(bin.count);
            bin.accuracy /= double(bin.count);
        }
    return diagram;
}

/// Expected calibration error, Σ_m (n_m / N) |accuracy_m - confidence_m| over equal-width bins of the confidence.
/// Throws     as reliability does. Source  Guo et al. 2017.
[[nodiscard]] inline double expected_calibration_error(const tensor<float>& probabilities,
                                                       const std::vector<int>& labels, std::size_t bins = 15) {
    double error = 0;
    for (const reliability_bin& bin : reliability(probabilities, labels, bins))
        error += double(bin.count) * std::abs(bin.accuracy - bin.confidence);
    return labels.empty() ? 0 : error / double(labels.size());
}

SMLDIST_NAMESPACE_END
} // namespace smldist::metric

#endif

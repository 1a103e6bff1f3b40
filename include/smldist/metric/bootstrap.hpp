// SPDX-License-Identifier: BSD-3-Clause
/// Whether one method beats another on the same people: the paired bootstrap.
#ifndef SMLDIST_METRIC_BOOTSTRAP_HPP
#define SMLDIST_METRIC_BOOTSTRAP_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/core/random.hpp"
#include "smldist/metric/confusion.hpp"

namespace smldist::metric {
SMLDIST_NAMESPACE_BEGIN

/// What is known of the difference of two methods.
struct bootstrap_result {
    double difference = 0;    ///< of the people as they are
    double low = 0, high = 0; ///< interval that holds the given share of the resampled differences
    /// Two-sided: twice the share of resampled differences on the less frequent side of 0, at most 1.
    double p = 1;
};

/// How one person's windows were predicted by two methods.
struct paired_counts {
    confusion first, second;
};

/// Paired bootstrap of the difference in macro-F1, second less first.
///
///     d* = F(sum over i of second[k_i]) - F(sum over i of first[k_i]),   k_i drawn from the n people with replacement
///
/// People are drawn, not windows: windows of one person are alike, and intervals over windows are far too narrow. Both
/// methods keep the same people in each draw, so what makes a person difficult cancels out. low and high are percentiles of
/// the `resamples` differences. p counts the draws themselves: (1 + count) / (1 + resamples) per side.
/// Cost       O(resamples * people * classes²).
/// Throws     data_error for fewer than two people; usage_error when numbers of classes differ, there are no resamples, or
///            the share is not inside (0, 1).
/// Source     Efron and Tibshirani 1993, chapters 8 and 13; Field and Welsh 2007 (resampling of clusters).
[[nodiscard]] inline bootstrap_result paired_bootstrap(const std::vector<paired_counts>& people, generator random,
                                                       std::size_t resamples = 10000, double share = 0.95) {
    if (people.size() < 2)
        raise<data_error>("paired_bootstrap", "number of people is ", people.size(), ", expected at least 2");
    if (resamples == 0 || !(share > 0 && share < 1))
        raise<usage_error>("paired_bootstrap", "number of resamples is ", resamples, " and share ", share,
                           ", expected at least 1 and a share between 0 and 1");
    const std::size_t classes = people[0].first.classes();
    const auto difference = [&](auto person) {
        confusion first(classes), second(classes);
        for (std::size_t i = 0; i < people.size(); ++i) {
            const paired_counts& drawn = people[person(i)];
            first.merge(drawn.first);
            second.merge(drawn.second);
        }
        return second.macro_f1() - first.macro_f1();
    };
    bootstrap_result result;
    result.difference = difference([](std::size_t i) { return i; });
    std::vector<double> drawn(resamples);
    for (double& d : drawn) d = difference([&](std::size_t) { return random.below(people.size()); });
    std::sort(drawn.begin(), drawn.end());
    const auto quantile = [&](double q) { // linear between neighbours, as numpy
        const double at = q * double(resamples - 1);
        const auto below = static_cast<std::size_t>(at);
        const double next = drawn[std::min(below + 1, resamples - 1)];
        return drawn[below] + (at - double(below)) * (next - drawn[below]);
    };
    result.low = quantile((1 - share) / 2);
    result.high = quantile((1 + share) / 2);
    const auto not_above = static_cast<double>(std::upper_bound(drawn.begin(), drawn.end(), 0.0) - drawn.begin());
    const auto not_below = static_cast<double>(drawn.end() - std::lower_bound(drawn.begin(), drawn.end(), 0.0));
    result.p = std::min(1.0, 2 * (1 + std::min(not_above, not_below)) / (1 + double(resamples)));
    return result;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::metric

#endif

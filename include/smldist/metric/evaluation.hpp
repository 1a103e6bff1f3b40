// SPDX-License-Identifier: BSD-3-Clause
/// The figures reported for a network on a set of windows.
#ifndef SMLDIST_METRIC_EVALUATION_HPP
#define SMLDIST_METRIC_EVALUATION_HPP

#include <cstddef>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/core/tensor.hpp"
#include "smldist/metric/calibration.hpp"
#include "smldist/metric/confusion.hpp"

namespace smldist::metric {
SMLDIST_NAMESPACE_BEGIN

struct evaluation {
    confusion counts;
    double accuracy = 0, macro_f1 = 0; ///< see confusion::macro_f1
    std::size_t absent_classes = 0;    ///< classes that macro_f1 leaves out
    /// Macro F1 of the worst subject, over the classes in that subject's labels or predictions: an activity that the
    /// subject never performed does not count, unless it is predicted.
    double worst_subject_f1 = 0;
    int worst_subject = 0;                          ///< the lowest number in a tie
    std::vector<std::pair<int, double>> subject_f1; ///< (subject, macro F1), subjects ascending
    std::optional<double> calibration_error;        ///< 15 bins; empty without probabilities
};

/// Evaluates predicted classes.
/// Throws     data_error when there are no windows; shape_error when the lists differ in length; usage_error when a
///            class is not in [0, classes).
[[nodiscard]] inline evaluation evaluate(std::size_t classes, const std::vector<int>& labels,
                                         const std::vector<int>& subjects, const std::vector<int>& predicted) {
    if (labels.empty()) raise<data_error>("evaluate", "number of windows is 0, expected at least one");
    if (subjects.size() != labels.size() || predicted.size() != labels.size())
        raise<shape_error>("evaluate", "numbers of subjects and predictions are ", subjects.size(), " and ",
                           predicted.size(), ", expected one per label: ", labels.size());
    evaluation e;
    e.counts = confusion(classes);
    std::map<int, confusion> by_subject;
    for (std::size_t i = 0; i < labels.size(); ++i)
        by_subject.try_emplace(subjects[i], classes).first->second.add(labels[i], predicted[i]);
    for (const auto& [subject, counts] : by_subject) {
        e.counts.merge(counts);
        const double f1 = counts.macro_f1();
        if (e.subject_f1.empty() || f1 < e.worst_subject_f1) {
            e.worst_subject_f1 = f1;
            e.worst_subject = subject;
        }
        e.subject_f1.emplace_back(subject, f1);
    }
    e.accuracy = e.counts.accuracy();
    e.macro_f1 = e.counts.macro_f1();
    e.absent_classes = e.counts.absent();
    return e;
}

/// Evaluates probabilities (N, K): the most probable class of each row, and the calibration error.
/// Throws     as above and as reliability does.
[[nodiscard]] inline evaluation evaluate(const std::vector<int>& labels, const std::vector<int>& subjects,
                                         const tensor<float>& probabilities) {
    const double calibration_error = expected_calibration_error(probabilities, labels);
    std::vector<int> predicted(labels.size());
    for (std::size_t i = 0; i < predicted.size(); ++i) predicted[i] = most_probable(probabilities, i);
    evaluation e = evaluate(probabilities.shape().back(), labels, subjects, predicted);
    e.calibration_error = calibration_error;
    return e;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::metric

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Splits by subject. There is no random split: windows of one recording overlap, so it would test on samples seen in
/// training (the same network scores 99.8 % that way and 85.1 % on unseen people, 10.1109/ACCESS.2020.3010715).
#ifndef SMLDIST_DATA_SPLIT_HPP
#define SMLDIST_DATA_SPLIT_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

#include "smldist/core/random.hpp"
#include "smldist/data/window.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// Throws data_error, naming the person, when a subject is in both sets.
SMLDIST_FUNCTION void require_disjoint_subjects(const windows& a, const windows& b);

struct subject_split {
    windows in, out;
};

/// `in`: the windows of the listed subjects; `out`: the others. Both keep the order of the windows.
/// Throws     data_error when a listed subject has no window.
[[nodiscard]] SMLDIST_FUNCTION subject_split by_subject(const windows& w, const std::vector<int>& subjects);

/// The listed subjects for testing, all others for training.
/// Throws     data_error when a listed subject has no window, and when no subject is left for training.
[[nodiscard]] SMLDIST_FUNCTION train_test test_on(const windows& w, const std::vector<int>& subjects);

/// Test subjects of a dataset without an official split: every third person in ascending order (the 3rd, the 6th, …).
/// Throws     data_error when there are fewer than three subjects.
[[nodiscard]] SMLDIST_FUNCTION std::vector<int> every_third_subject(const windows& w);

struct hold_out {
    windows train, validation;
    std::vector<int> validation_subjects; ///< ascending
};

/// Holds `count` subjects out for validation; the choice depends only on the seed and the subjects.
/// Throws     usage_error unless 0 < count < number of subjects.
[[nodiscard]] SMLDIST_FUNCTION hold_out hold_out_subjects(const windows& w, std::size_t count, std::uint64_t seed);

/// The subjects to test on in each fold: k groups of about equally many windows. For use with by_subject.
/// The largest remaining subject goes to the smallest group (as scikit-learn's GroupKFold).
/// Throws     usage_error unless 2 ≤ k ≤ number of subjects.
[[nodiscard]] SMLDIST_FUNCTION std::vector<std::vector<int>> group_k_fold(const windows& w, std::size_t k);

/// One fold per subject, ascending. Throws usage_error when there are fewer than two subjects.
[[nodiscard]] SMLDIST_FUNCTION std::vector<std::vector<int>> leave_one_subject_out(const windows& w);

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/split.ipp"
#endif

#endif

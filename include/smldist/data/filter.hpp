// SPDX-License-Identifier: BSD-3-Clause
/// Windows of chosen people and classes, and no more than so many minutes of each.
#ifndef SMLDIST_DATA_FILTER_HPP
#define SMLDIST_DATA_FILTER_HPP

#include <string>
#include <vector>

#include "smldist/data/window.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// Which windows to keep. People are named as by signal_info::subject_name: "anna", or "3" in sets that number them.
struct window_filter {
    std::vector<std::string> subjects; ///< only these people; empty: all
    std::vector<std::string> exclude;  ///< not these people, even when `subjects` lists them
    std::vector<std::string> classes;  ///< only these of info.labels; empty: all
    double max_minutes = 0;            ///< at most so much of each class of each person; 0: everything

    /// Whether it leaves anything out.
    bool any() const { return !subjects.empty() || !exclude.empty() || !classes.empty() || max_minutes > 0; }
};

/// A copy of the windows that the filter keeps, in their order. Only the chosen classes remain in info.labels, in
/// their order, and labels are renumbered to match.
///
/// Of each person and class the first windows are kept, as many as last at most `max_minutes`: n windows of length L,
/// one each hop h, last (n - 1) h + L. Windows without classes count for each person.
/// Throws     usage_error for a name that is not in the data, listing the known ones; for classes of windows without
///            classes; for minutes that are negative or not finite; for minutes without a positive hop and sampling
///            rate. data_error when no window is left.
[[nodiscard]] SMLDIST_FUNCTION windows filtered(const windows& w, const window_filter& f, double hop_seconds);

/// The same of both sides, which share their classes. A name may occur on one side only, and one side may lose all of its
/// windows. Throws as above; data_error when no window is left on either side.
[[nodiscard]] SMLDIST_FUNCTION train_test filtered(const train_test& sets, const window_filter& f,
                                                   double hop_seconds);

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/filter.ipp"
#endif

#endif

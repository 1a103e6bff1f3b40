// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/split.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

void require_disjoint_subjects(const windows& a, const windows& b) {
    const std::vector<int> left = a.subjects(), right = b.subjects();
    for (const int s : left)
        if (std::binary_search(right.begin(), right.end(), s))
            raise<data_error>("split", "subject ", s, " is on both sides, expected disjoint subjects");
}

subject_split by_subject(const windows& w, const std::vector<int>& subjects) {
    for (const int s : subjects)
        if (std::find(w.subject.begin(), w.subject.end(), s) == w.subject.end())
            raise<data_error>("by_subject", "subject ", s, " has no window, expected one of ", w.subjects().size(),
                              " subjects in the data");
    std::vector<std::size_t> in, out;
    for (std::size_t i = 0; i < w.size(); ++i)
        (std::find(subjects.begin(), subjects.end(), w.subject[i]) != subjects.end() ? in : out).push_back(i);
    return {w.select(in), w.select(out)};
}

train_test test_on(const windows& w, const std::vector<int>& subjects) {
    auto [test, train] = by_subject(w, subjects);
    if (train.empty()) raise<data_error>("test_on", "number of training windows is 0, expected at least one");
    return {std::move(train), std::move(test)};
}

std::vector<int> every_third_subject(const windows& w) {
    const std::vector<int> subjects = w.subjects();
    if (subjects.size() < 3)
        raise<data_error>("every_third_subject", "number of subjects is ", subjects.size(), ", expected at least 3");
    std::vector<int> third;
    for (std::size_t i = 2; i < subjects.size(); i += 3) third.push_back(subjects[i]);
    return third;
}

hold_out hold_out_subjects(const windows& w, std::size_t count, std::uint64_t seed) {
    std::vector<int> chosen = w.subjects();
    if (count == 0 || count >= chosen.size())
        raise<usage_error>("hold_out_subjects", "number of subjects to hold out is ", count, ", expected 1 to ",
                           chosen.empty() ? 0 : chosen.size() - 1, " of ", chosen.size());
    generator(seed).shuffle(chosen.begin(), chosen.end());
    chosen.resize(count);
    std::sort(chosen.begin(), chosen.end());
    auto [validation, train] = by_subject(w, chosen);
    return {std::move(train), std::move(validation), std::move(chosen)};
}

std::vector<std::vector<int>> group_k_fold(const windows& w, std::size_t k) {
    std::vector<int> subjects = w.subjects();
    if (k < 2 || k > subjects.size())
        raise<usage_error>("group_k_fold", "number of folds is ", k, ", expected 2 to ", subjects.size(),
                           " (one per subject)");
    std::vector<std::size_t> count(subjects.size()), load(k), order(subjects.size());
    for (const int s : w.subject)
        ++count[static_cast<std::size_t>(std::lower_bound(subjects.begin(), subjects.end(), s) - subjects.begin())];
    std::iota(order.begin(), order.end(), std::size_t(0));
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return count[a] > count[b]; });
    std::vector<std::vector<int>> folds(k);
    for (const std::size_t s : order) {
        const auto to = static_cast<std::size_t>(std::min_element(load.begin(), load.end()) - load.begin());
        folds[to].push_back(subjects[s]);
        load[to] += count[s];
    }
    for (auto& fold : folds) std::sort(fold.begin(), fold.end());
    return folds;
}

std::vector<std::vector<int>> leave_one_subject_out(const windows& w) {
    std::vector<std::vector<int>> folds;
    for (const int s : w.subjects()) folds.push_back({s});
    if (folds.size() < 2)
        raise<usage_error>("leave_one_subject_out", "number of subjects is ", folds.size(), ", expected at least 2");
    return folds;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

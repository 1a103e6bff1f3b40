// SPDX-License-Identifier: BSD-3-Clause
#include "folds.hpp"

#include "experiment.hpp"
#include "smldist/core/error.hpp"
#include "smldist/data/split.hpp"

namespace har {

using namespace smldist;

std::vector<std::vector<int>> folds_of(const options& o, const data::windows& windows) {
    windows.check_trainable();
    const std::size_t people = windows.subjects().size();
    if (people < 3)
        raise<data_error>("--data", "number of people is ", people,
                          ", expected at least 3: one to test, one for validation and one to train on");
    if (o.folds == 1 || o.folds > people)
        raise<usage_error>("--folds", "number is ", o.folds, ", expected 2 to ", people,
                           ", the number of people, or 0 to leave one person out at a time");
    auto folds = o.folds == 0 ? data::leave_one_subject_out(windows) : data::group_k_fold(windows, o.folds);
    for (const auto& fold : folds) {
        const std::size_t left = people - fold.size(), held_out = validation_people(o, left);
        if (left > held_out) continue;
        raise<data_error>("--folds", "number of people to train on is ", left, " when ", fold.size(), " of ", people,
                          " are tested, expected more than the ", held_out,
                          " that --validation-subjects holds out for validation");
    }
    return folds;
}

} // namespace har

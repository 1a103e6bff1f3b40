// SPDX-License-Identifier: BSD-3-Clause
/// The groups of people of whom each is tested once.
#ifndef HAR_FOLDS_HPP
#define HAR_FOLDS_HPP

#include <vector>

#include "options.hpp"
#include "smldist/data/window.hpp"

namespace har {

/// The people to test in each fold, as --folds asks. Checks first that the windows can be trained on in every fold.
/// Throws     data_error for fewer than three people, and when a fold leaves nobody to train on; usage_error for a number
///            of folds that the people do not allow; as windows::check_trainable.
std::vector<std::vector<int>> folds_of(const options& o, const smldist::data::windows& windows);

} // namespace har

#endif

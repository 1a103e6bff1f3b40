// SPDX-License-Identifier: BSD-3-Clause
/// Training a classifier by its labels, in one call.
#ifndef SMLDIST_TRAIN_FIT_HPP
#define SMLDIST_TRAIN_FIT_HPP

#include "smldist/core/normaliser.hpp"
#include "smldist/data/window.hpp"
#include "smldist/train/loop.hpp"
#include "smldist/train/objective.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

/// Trains `net` in place by labels only, and leaves it as it is after the last epoch. For another objective, callbacks or
/// reports use a `training`, as these lines do.
///
///     train::fit(net, people.train, people.validation, normal, {.epochs = 30});
///
/// Returns    the network of the best epoch, the reports of all epochs, and the time.
/// Throws     as training.
template <class Network>
training_result<Network> fit(Network& net, const data::windows& train, const data::windows& validation,
                             const normaliser& normal, const training_options& options = {}) {
    supervised labels;
    return training(net, labels, train, validation, normal, options).run();
}

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#endif

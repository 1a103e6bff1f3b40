// SPDX-License-Identifier: BSD-3-Clause
/// What a training reports, and its state, which callbacks read and change.
#ifndef SMLDIST_TRAIN_STATE_HPP
#define SMLDIST_TRAIN_STATE_HPP

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "smldist/core/normaliser.hpp"
#include "smldist/data/window.hpp"
#include "smldist/metric/evaluation.hpp"
#include "smldist/train/loss_terms.hpp"
#include "smldist/train/training_options.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

struct epoch_report {
    std::size_t epoch = 0;         ///< from 1
    loss_terms train;              ///< mean over the training windows of the epoch
    double lr = 0;                 ///< of the epoch's last step
    metric::evaluation validation; ///< of the classes; empty for windows without them, or with a target and a metric
    double score = 0;              ///< of training_options::metric on the validation windows
    bool best = false;             ///< better than after every epoch before
    double seconds = 0;            ///< of this epoch
};

/// Where a running epoch stands, for a progress bar.
struct step_report {
    std::size_t epoch, epochs, step, steps;
    double loss;
};

template <class Network> struct training_result {
    Network best;                      ///< copy at the best validation score (the first of equals)
    std::size_t best_epoch = 0;        ///< from 1
    std::vector<epoch_report> history; ///< one per epoch
    double seconds = 0;
};

/// The part of the state that does not depend on the network.
struct run_state {
    std::size_t epoch = 0;          ///< from 1; 0 before the first
    std::size_t epochs = 0;         ///< that were asked for
    std::size_t step = 0;           ///< of the epoch, from 1; 0 before its first step
    std::size_t steps = 0;          ///< per epoch
    double lr = 0;                  ///< of the step, from the schedule; before_step may change it
    std::optional<double> momentum; ///< likewise; none: as the optimiser has it
    loss_terms terms;               ///< of the last step
    epoch_report report;            ///< of the last epoch; complete in after_epoch
    std::size_t best_epoch = 0;     ///< with the best score, from 1; up to date in after_epoch
    /// Set this in before_epoch when you write the network's parameters: averages of the weights then start again.
    bool moved = false;
    bool stopping = false;

    /// Ends the epoch after the current step and the training after that epoch's validation.
    void stop() { stopping = true; }
};

/// The state of a training of one type of network. A callback gets it in all its members:
///
/// | member            | called                                                                                   |
/// |-------------------|------------------------------------------------------------------------------------------|
/// | before_training   | once, before the first epoch                                                             |
/// | before_epoch      | before its first step                                                                    |
/// | before_step       | with `step`, `lr` and `momentum` of the next step                                        |
/// | after_step        | after the optimiser's step, with its `terms`; not after a step that diverged             |
/// | before_validation | after the epoch's last step: the place to set `shown`                                    |
/// | after_epoch       | after validation, with the epoch's `report`                                              |
/// | after_training    | once, when `network` is what training returns                                            |
///
/// A callback that keeps something from step to step names it in visit_state (archive.hpp), so that a checkpoint holds it; where
/// that needs the training's state, it has a member checkpoint(archive&, state<Network>&) instead. When a training goes on from a
/// checkpoint, before_training has been called before.
template <class Network> struct state : run_state {
    Network& network; ///< in training
    const Network*
        shown; ///< what is validated, copied as the best, and written to `network` in the end: `network`, or an average
    const training_options& options;
    const data::windows& train;
    const data::windows& validation;
    const normaliser& normal;
    /// Takes the running statistics of a network with averaged weights anew: one pass over the epoch's batches in mode::train.
    std::function<void(Network&)> refresh_statistics;

    state(Network& net, const training_options& o, const data::windows& t, const data::windows& v,
          const normaliser& n)
        : network(net), shown(&net), options(o), train(t), validation(v), normal(n) {}
    state(const state&) = delete;
    state& operator=(const state&) = delete;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#endif

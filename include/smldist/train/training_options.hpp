// SPDX-License-Identifier: BSD-3-Clause
/// Options of a training run.
#ifndef SMLDIST_TRAIN_TRAINING_OPTIONS_HPP
#define SMLDIST_TRAIN_TRAINING_OPTIONS_HPP

#include <cmath>
#include <cstdint>
#include <vector>

#include "smldist/core/check.hpp"
#include "smldist/data/loader.hpp"
#include "smldist/optim/any_optimiser.hpp"
#include "smldist/optim/any_schedule.hpp"
#include "smldist/train/memory_initialisation.hpp"
#include "smldist/train/validation_metric.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

struct training_options {
    std::size_t epochs = 40;
    std::size_t batch = 64; ///< windows of a step
    std::size_t accumulate =
        1;            ///< parts in which a batch is computed, one after the other: less memory for a large batch
    double lr = 4e-3; ///< largest of the schedule
    double weight_decay = 1e-3;
    optim::optimiser_kind optimiser = optim::optimiser_kind::adamw;
    optim::schedule_options schedule = {}; ///< plateau observes the score on the validation windows
    bool plateau_on_last_loss = false;     ///< plateau observes the loss of an epoch's last batch instead
    double clip = 5;                       ///< largest global norm of the gradient
    std::size_t patience = 0;              ///< stop after this many epochs without a better score; 0: never
    double ema = 0;             ///< decay of averaged weights, which are then validated and returned; 0: none
    std::size_t swa_epochs = 0; ///< average the networks after each of the last so many epochs; 0: none
    bool balanced = false;      ///< draw classes uniformly
    std::uint64_t seed = 0;
    data::augment_options augment = data::augment_options::reference();
    double mixup = 0;                       ///< α of mixup; 0: none
    std::vector<std::size_t> channels = {}; ///< of the windows that the network sees; empty: all
    memory_initialisation memory =
        memory_initialisation::random; ///< unless the network takes its patterns from a teacher

    validation_metric metric = {}; ///< of the score; empty: macro-F1

    /// How a training loads its batches.
    data::loader_options loader() const {
        data::loader_options l;
        l.batch = batch;
        l.balanced = balanced;
        l.augment = augment;
        l.mixup = mixup;
        return l;
    }
    /// Throws usage_error for a value out of range, for ema together with swa_epochs, for plateau_on_last_loss with another
    /// schedule, and for a plateau that looks for large figures where the metric is an error, or for small ones where it
    /// is not.
    void check() const {
        const option_check o{"training_options"};
        o.need(epochs >= 1, "epochs", double(epochs), "at least 1");
        o.need(batch >= 2, "batch", double(batch), "at least 2");
        o.need(accumulate >= 1 && accumulate <= batch / 2, "accumulate", double(accumulate),
               "1 to half of batch, since a part has at least two windows");
        o.positive("lr", lr);
        o.at_least_0("weight_decay", weight_decay);
        o.need(clip > 0, "clip", clip, "above 0");
        o.need(ema >= 0 && ema < 1, "ema", ema, "0 ≤ ema < 1");
        o.need(swa_epochs <= epochs, "swa_epochs", double(swa_epochs), "at most as many as epochs");
        o.need(ema == 0 || swa_epochs == 0, "swa_epochs", double(swa_epochs), "0 with ema: one average of the two");
        o.need(memory == memory_initialisation::random || epochs >= 2, "epochs", double(epochs),
               "at least 2 with k_means, which places the memory after the first");
        o.need(!plateau_on_last_loss || schedule.kind == optim::schedule_kind::plateau, "schedule",
               name_of(schedule.kind), "plateau with plateau_on_last_loss");
        if (schedule.kind == optim::schedule_kind::plateau && !plateau_on_last_loss) {
            const bool large = schedule.plateau.mode == optim::plateau_options::direction::max;
            if (large != metric.larger_is_better)
                raise<usage_error>("training_options", "schedule.plateau.mode is ", large ? "max" : "min",
                                   ", expected ", large ? "min" : "max", " as the metric's direction");
        }
        schedule.check();
        augment.check();
        data::check_mixup(mixup);
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Callbacks: early stopping, averages of the weights, the best network, a memory placed by k-means.
#ifndef SMLDIST_TRAIN_CALLBACKS_HPP
#define SMLDIST_TRAIN_CALLBACKS_HPP

#include <cstddef>
#include <optional>

#include "smldist/core/random.hpp"
#include "smldist/optim/ema.hpp"
#include "smldist/optim/swa.hpp"
#include "smldist/train/archive.hpp"
#include "smldist/train/memory_initialisation.hpp"
#include "smldist/train/state.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

/// Ends training after `patience` epochs without a better score. Shortcut: training_options::patience.
struct early_stopping {
    std::size_t patience = 10; ///< at least 1

    void after_epoch(run_state& s) const {
        if (s.epoch - s.best_epoch >= patience) s.stop();
    }
};

/// Averages the weights exponentially, one update per step; the average is validated and returned (optim::ema). Begins anew
/// when another callback moved the weights. Shortcut: training_options::ema.
template <class Network> class ema {
public:
    /// Throws     usage_error unless 0 ≤ decay < 1, when training begins.
    explicit ema(double decay = 0.999) : decay_(decay) {}

    void before_training(state<Network>& s) { begin(s); }
    void before_step(state<Network>& s) {
        if (s.step == 1 && s.moved) begin(s);
    }
    void after_step(state<Network>& s) {
        if (average_) average_->update(s.network);
    }
    void checkpoint(archive& a, state<Network>&) { a("average", *average_); }

private:
    void begin(state<Network>& s) {
        average_.emplace(s.network, decay_);
        s.shown = &average_->model;
    }

    double decay_;
    std::optional<optim::ema<Network>> average_; ///< none before training begins
};

/// Averages the networks after each of the last `epochs` epochs; the mean, its running statistics taken anew over the
/// epoch's batches, is validated and returned (optim::swa). Begins anew when another callback moved the weights. Shortcut:
/// training_options::swa_epochs.
template <class Network> class swa {
public:
    explicit swa(std::size_t epochs) : epochs_(epochs) {}

    void before_training(state<Network>&) { mean_.reset(); }
    void before_step(state<Network>& s) {
        if (!(s.step == 1 && s.moved && mean_)) return;
        mean_.reset();
        s.shown = &s.network;
    }
    void before_validation(state<Network>& s) {
        if (s.epoch + epochs_ <= s.epochs) return;
        if (!mean_) mean_.emplace(s.network);
        mean_->update(s.network);
        s.refresh_statistics(mean_->model);
        s.shown = &mean_->model;
    }
    void checkpoint(archive& a, state<Network>& s) {
        bool any = mean_.has_value();
        a("any", any);
        if (!any) return;
        if (!mean_) mean_.emplace(s.network);
        a("mean", *mean_);
        s.shown = &mean_->model;
    }

private:
    std::size_t epochs_;
    std::optional<optim::swa<Network>> mean_;
};

/// Keeps a copy of the network of the best epoch. A training keeps its own copy, for training_result::best.
template <class Network> struct best_model {
    std::optional<Network> model; ///< none before the first epoch ends

    void before_training(state<Network>&) { model.reset(); }
    void after_epoch(state<Network>& s) {
        if (s.report.best) model = *s.shown;
    }
    void checkpoint(archive& a, state<Network>& s) {
        bool any = model.has_value();
        a("any", any);
        if (!any) return;
        if (!model) model = s.network;
        a("model", *model);
    }
};

/// Moves the patterns of a memory to the k-means centres of the network's features before epoch `epoch`, when features and
/// running statistics are meaningful and most of the training is still to come. Shortcut: memory_initialisation::k_means.
/// Throws     as place_memory.
struct k_means_memory {
    std::size_t epoch = 2;

    template <class Network> void before_epoch(state<Network>& s) const {
        if (s.epoch != epoch) return;
        place_memory(s.network, s.train, s.normal, generator(s.options.seed, 2), s.options.channels);
        s.moved = true;
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#endif

// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_TRAIN_LR_FINDER_HPP
#define SMLDIST_TRAIN_LR_FINDER_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <vector>

#include "smldist/core/check.hpp"
#include "smldist/core/random.hpp"
#include "smldist/data/loader.hpp"
#include "smldist/train/loop.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

struct lr_finder_options {
    double low = 1e-6, high = 1; ///< the rates of the first and of the last step
    std::size_t steps = 100;
    double smoothing = 0.98; ///< decay of the average of the losses
    double worse = 4;        ///< ends when the average is this many times the smallest so far

    /// Throws usage_error for a value out of range.
    void check() const {
        const option_check o{"train::find_learning_rate"};
        o.positive("low", low);
        o.positive("high", high);
        o.need(low < high, "low", low, "less than high");
        o.need(steps >= 10, "steps", double(steps), "at least 10");
        o.need(smoothing >= 0 && smoothing < 1, "smoothing", smoothing, "0 ≤ smoothing < 1");
        o.need(worse > 1, "worse", worse, "above 1");
    }
};

/// The losses of a training whose learning rate grows in every step.
struct lr_curve {
    std::vector<double> lr, loss,
        smooth; ///< of each step: rate, loss before the update, average of the losses so far

    /// The rate at which the smooth loss falls most steeply over ln lr; none when it falls nowhere. The first tenth of the
    /// steps is left out, where the average rests on few losses. As the largest rate of a schedule it is cautious.
    std::optional<double> steepest() const {
        std::optional<double> best;
        double slope = 0;
        for (std::size_t i = std::max<std::size_t>(1, lr.size() / 10); i + 1 < lr.size(); ++i) {
            const double here = (smooth[i + 1] - smooth[i - 1]) / std::log(lr[i + 1] / lr[i - 1]);
            if (here < slope) slope = here, best = lr[i];
        }
        return best;
    }
    /// The rate of the smallest smooth loss. Beyond it training gets worse: the largest rate of a schedule should be a
    /// tenth of it or less.
    double at_minimum() const {
        return lr[static_cast<std::size_t>(std::min_element(smooth.begin(), smooth.end()) - smooth.begin())];
    }
};

namespace detail {
/// Sets the learning rate of the next step.
struct given_rate {
    double lr = 0;
    void before_step(run_state& s) const { s.lr = lr; }
};
} // namespace detail

/// Learning-rate range test: trains copies of the network and the objective while the rate grows from step to step.
///
///     lr_k = low (high/low)^(k/(steps-1)),   smooth_k = Σ_i β^(k-i) loss_i / Σ_i β^(k-i),   β = smoothing
///
///     const auto curve = train::find_learning_rate(net, train::supervised(), people.train, normal, options);
///     if (const auto lr = curve.steepest()) options.lr = *lr;
///
/// Ends early when the smooth loss is `worse` times its smallest, or when a loss is not finite. Takes batch, optimiser,
/// augmentation, clipping and seed from the options; schedule and averages do not matter. The same seed gives the same curve.
/// Throws     usage_error and data_error as training.
/// Source     Smith 2017, Cyclical Learning Rates for Training Neural Networks, sec. 3.3; smoothing and rules as in fastai.
template <class Network, class Objective>
[[nodiscard]] lr_curve find_learning_rate(const Network& net, const Objective& objective, const data::windows& train,
                                          const normaliser& normal, training_options options,
                                          const lr_finder_options& o = {}) {
    o.check();
    options.schedule = {.kind = optim::schedule_kind::constant};
    options.plateau_on_last_loss = false;
    options.ema = 0;
    options.swa_epochs = 0;
    Network copy = net;
    Objective own = objective;
    training t(copy, own, train, train, normal, options);
    detail::given_rate rate;
    t.add(rate);

    data::loader loader(train, options.loader(), normal, generator(options.seed, 1));
    data::batch batch;
    std::size_t epoch = 1;
    loader.start(epoch);
    lr_curve curve;
    double sum = 0, weight = 0, best = 0;
    for (std::size_t k = 0; k < o.steps; ++k) {
        if (!loader.next(batch)) {
            loader.start(++epoch);
            loader.next(batch);
        }
        rate.lr = o.low * std::pow(o.high / o.low, double(k) / double(o.steps - 1));
        const double loss = t.step(batch).total;
        if (!std::isfinite(loss)) break;
        sum = o.smoothing * sum + loss;
        weight = o.smoothing * weight + 1;
        curve.lr.push_back(rate.lr);
        curve.loss.push_back(loss);
        curve.smooth.push_back(sum / weight);
        best = k == 0 ? sum / weight : std::min(best, sum / weight);
        if (sum / weight - best > (o.worse - 1) * std::abs(best)) break;
    }
    if (curve.lr.empty())
        raise<numeric_error>("train::find_learning_rate",
                             "loss or gradient of the first step is not finite, expected a ", "finite number");
    return curve;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#endif

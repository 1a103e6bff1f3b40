// SPDX-License-Identifier: BSD-3-Clause
/// The part of a training that depends neither on the network nor on the objective, so that it is compiled once.
#ifndef SMLDIST_TRAIN_EPOCHS_HPP
#define SMLDIST_TRAIN_EPOCHS_HPP

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "smldist/autograd/tape.hpp"
#include "smldist/data/prefetcher.hpp"
#include "smldist/metric/evaluation.hpp"
#include "smldist/op/softmax.hpp"
#include "smldist/optim/any_optimiser.hpp"
#include "smldist/optim/any_schedule.hpp"
#include "smldist/train/archive.hpp"
#include "smldist/train/callback.hpp"
#include "smldist/train/state.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

/// Functions that a training calls, for programs that need no callback object; each may be empty.
struct run_functions {
    std::function<void(const epoch_report&)> on_epoch; ///< after the callbacks' after_epoch
    std::function<void(const step_report&)> on_step;   ///< after the callbacks' after_step
    std::function<bool()> stop; ///< asked after on_step; true ends training after that epoch's validation
    /// Called with each batch of run() before its step; may change it, even its size. The means of a report still weight
    /// the step by the number of windows that the loader gave.
    std::function<void(data::batch&)> on_batch;
    /// Called between backward and clipping, also when the loss is not finite; may change the gradients, with
    /// tape::for_each_gradient, and the terms that are reported.
    std::function<void(tape<float>&, loss_terms&)> on_gradients;
};

namespace detail {

/// Epochs of steps, the schedule, validation, reports, and the test for divergence. `training_loop` adds the network,
/// `training` the objective.
class epoch_loop : public run_functions {
public:
    epoch_loop(const epoch_loop&) = delete;
    epoch_loop& operator=(const epoch_loop&) = delete;

    /// The reports of the epochs so far, while it runs and after a checkpoint was restored.
    const std::vector<epoch_report>& history() const { return history_; }
    /// Whether no epoch is to come, unless `stop` ends the training: true in the last on_epoch.
    bool finished() const { return now_->stopping || now_->epoch >= options_.epochs; }

    /// One step on a batch: forward, backward and update, and the callbacks around it; public so that benchmarks and tests can
    /// time and count it. A loss or gradient that is not finite updates nothing and is returned as the total.
    loss_terms step(const data::batch& b) {
        begin_step();
        now_->terms = update(b, progress_);
        if (std::isfinite(now_->terms.total)) call(moment::after_step);
        return now_->terms;
    }

protected:
    SMLDIST_COLD epoch_loop(const data::windows& train, const data::windows& validation, const normaliser& normal,
                            const training_options& options)
        : options_(checked(options, train)),
          normal_(normal),
          train_(train),
          validation_(validation),
          optimiser_(options.optimiser, options.lr, options.weight_decay),
          tape_(options.seed),
          loader_(data::loader(train, options.loader(), normal, generator(options.seed, 1))),
          steps_(loader_.batches()),
          schedule_(options.schedule, options.lr, options.epochs, steps_) {
        validation.check();
        if (validation.length() != train.length() || validation.channels() != train.channels())
            raise<data_error>("training", "windows of validation are ", validation.x.shape().text(),
                              ", expected (N, ", train.length(), ", ", train.channels(), ") as in training");
        if (validation.targets() != train.targets() || validation.label.empty() != train.label.empty())
            raise<data_error>("training", "numbers of labels and of the target's columns of validation are ",
                              validation.label.size(), " and ", validation.targets(),
                              ", expected labels only where training has them, and ", train.targets(), " columns");
        if (validation.label.empty() && options.metric.empty())
            raise<usage_error>("training", "metric is empty, expected one for windows without classes, such as "
                                           "train::r2_score() or train::f1_score()");
    }
    ~epoch_loop() = default;

    /// Forward, backward and the optimiser's step for one batch; the tape is clear.
    virtual loss_terms update(const data::batch& b, double progress) = 0;
    /// Logits of the validation windows by the network that is shown.
    virtual tensor<float> validation_logits() const = 0;
    virtual void call(moment m) = 0;
    /// Copies the network; makes it what was copied last.
    virtual void keep_good() = 0;
    virtual void restore_good() = 0;

    /// Runs the epochs and returns their reports. Everything but the network begins anew, unless a checkpoint was restored.
    SMLDIST_COLD std::vector<epoch_report> run_epochs() {
        begin_ = epoch_begin_ = clock::now();
        if (!std::exchange(restored_, false)) {
            start_anew();
            keep_good();
        }
        while (in_epoch_ || !(finished() || asked_)) {
            try {
                if (!std::exchange(in_epoch_, true)) {
                    begin_epoch();
                    call(moment::before_epoch);
                    loader_.start(now_->epoch);
                }
                run_steps();
                call(moment::before_validation);
                validate();
            } catch (const numeric_error&) {
                in_epoch_ = false;
                restore_good();
                throw;
            }
            keep_good();
            now_->report.seconds = epoch_seconds();
            history_.push_back(now_->report);
            in_epoch_ = false;
            call(moment::after_epoch);
            if (on_epoch) on_epoch(now_->report);
        }
        return std::exchange(history_, {});
    }
    /// Seconds of the training so far, with those before a restored checkpoint.
    double seconds() const { return earlier_seconds_ + seconds_since(begin_); }

    /// Resets what earlier steps and runs have changed.
    SMLDIST_COLD void start_anew() {
        optimiser_ = optim::any_optimiser<float>(options_.optimiser, options_.lr, options_.weight_decay);
        schedule_ = optim::any_schedule(options_.schedule, options_.lr, options_.epochs, steps_);
        tape_.random() = generator(options_.seed);
        step_ = 0;
        reference_.reset();
        history_.clear();
        in_epoch_ = asked_ = restored_ = false;
        earlier_seconds_ = earlier_epoch_seconds_ = 0;
        *now_ = run_state();
        now_->epochs = options_.epochs;
        now_->steps = steps_;
        call(moment::before_training);
    }

    /// Whether the state is one that an uninterrupted training passes through: not after `stop` has cut an epoch short.
    bool resumable() const { return !asked_ || now_->step == steps_; }
    /// Saves or restores what does not depend on the network; train/checkpoint.hpp has the body.
    SMLDIST_FUNCTION void checkpoint_epochs(archive& a);
    bool in_epoch() const { return in_epoch_; }
    bool restored() const { return restored_; }
    void set_restored() { restored_ = true; }

    using clock = std::chrono::steady_clock;
    static double seconds_since(clock::time_point t) {
        return std::chrono::duration<double>(clock::now() - t).count();
    }

    /// The windows of a batch as the network sees them.
    tensor<float> seen(const data::batch& b) const { return data::select_channels(b.x, options_.channels); }

    /// Calls f(k, batch) for the batches of the running epoch again, k from 1. It uses another tape, so training is not
    /// affected.
    template <class F> void repeat_epoch(F f) {
        tape_.reset();
        loader_.start(now_->epoch);
        for (std::size_t k = 1; loader_.next(batch_); ++k) f(k, batch_);
    }

    run_state* now_ = nullptr; ///< for the derived class to set before anything runs
    training_options options_;
    const normaliser normal_;
    const data::windows& train_;
    const data::windows& validation_;
    optim::any_optimiser<float> optimiser_;
    tape<float> tape_;

private:
    static const training_options& checked(const training_options& o, const data::windows& train) {
        o.check();
        train.check_trainable();
        if (train.size() < 2) raise<data_error>("training", "number of windows is 1, expected at least 2");
        for (const std::size_t c : o.channels)
            if (c >= train.channels())
                raise<usage_error>("training", "channel is ", c, ", expected less than ", train.channels());
        return o;
    }

    void begin_epoch() {
        ++now_->epoch;
        now_->step = 0;
        now_->moved = false;
        now_->report = epoch_report();
        now_->report.epoch = now_->epoch;
        sum_ = {};
        windows_ = 0;
        epoch_begin_ = clock::now();
        earlier_epoch_seconds_ = 0;
    }
    double epoch_seconds() const { return earlier_epoch_seconds_ + seconds_since(epoch_begin_); }

    /// The steps of the epoch that are left.
    void run_steps() {
        while (!(now_->step > 0 && now_->stopping) && loader_.next(batch_)) {
            const double size = double(batch_.size());
            ++now_->step;
            begin_step();
            if (on_batch) on_batch(batch_);
            now_->terms = update(batch_, progress_);
            check_loss(now_->terms.total);
            call(moment::after_step);
            sum_ += now_->terms * size;
            windows_ += size;
            if (on_step) on_step({now_->epoch, now_->epochs, now_->step, now_->steps, now_->terms.total});
            if (stop && stop()) asked_ = true;
            if (asked_) break;
        }
        now_->report.train = sum_ * (1 / windows_);
    }
    /// Sets rate and momentum of the next step; clears the tape.
    void begin_step() {
        progress_ = double(step_) / double(schedule_.total());
        now_->lr = schedule_.lr(step_);
        now_->momentum = schedule_.momentum(step_);
        ++step_;
        call(moment::before_step);
        optimiser_.set(now_->lr, now_->momentum);
        tape_.reset();
    }
    SMLDIST_COLD void check_loss(double total) {
        if (!reference_) reference_ = std::max(1.0, std::abs(total));
        if (!std::isfinite(total) || std::abs(total) > divergence * *reference_)
            raise<numeric_error>("training", "loss or gradient at epoch ", now_->epoch, ", step ", now_->step, " is ",
                                 total, ", expected a finite number below ", divergence * *reference_,
                                 "; a smaller learning rate than ", options_.lr, " may help");
    }

    /// A network may train on batch statistics and yet have running statistics that overflow.
    SMLDIST_COLD void validate() {
        epoch_report& report = now_->report;
        try {
            const tensor<float> logits = validation_logits();
            const bool chosen = !options_.metric.empty();
            if (!validation_.label.empty() && !(chosen && validation_.targets() > 0))
                report.validation = metric::evaluate(validation_.label, validation_.subject, op::softmax(logits));
            report.score = chosen ? options_.metric.value(logits, validation_) : report.validation.macro_f1;
            if (!std::isfinite(report.score))
                raise<numeric_error>("training", "score ", options_.metric.name, " is ", report.score,
                                     ", expected a finite number");
        } catch (const numeric_error& e) {
            raise<numeric_error>("training", "validation after epoch ", now_->epoch, ", step ", steps_,
                                 " failed: ", e.what(), "; a smaller learning rate than ", options_.lr, " may help");
        }
        report.lr = now_->lr;
        report.best = now_->best_epoch == 0 || options_.metric.better(report.score, best_score_);
        if (report.best) {
            best_score_ = report.score;
            now_->best_epoch = now_->epoch;
        }
        schedule_.observe(options_.plateau_on_last_loss ? now_->terms.total : report.score);
    }

    static constexpr double divergence = 1000; ///< times the first step's loss

    data::prefetcher loader_;
    data::batch batch_;
    std::size_t steps_;     ///< per epoch
    std::size_t step_ = 0;  ///< of the run, from 0: the next one
    double progress_ = 0;   ///< of the current step, from 0 to 1
    double best_score_ = 0; ///< of now_->best_epoch
    optim::any_schedule schedule_;
    std::optional<double> reference_; ///< the first step's loss, at least 1

    std::vector<epoch_report> history_;
    loss_terms sum_;        ///< over the windows of the running epoch
    double windows_ = 0;    ///< so far in the epoch
    bool in_epoch_ = false; ///< an epoch has begun and not ended
    bool asked_ = false;    ///< `stop` has returned true
    bool restored_ = false; ///< the next run goes on from a checkpoint
    clock::time_point begin_ = clock::now(), epoch_begin_ = begin_;
    double earlier_seconds_ = 0, earlier_epoch_seconds_ = 0; ///< before the checkpoint
    std::string data_;                                       ///< tells the windows from others; empty: not yet known
};

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#endif

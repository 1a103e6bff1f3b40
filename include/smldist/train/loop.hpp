// SPDX-License-Identifier: BSD-3-Clause
/// One trainer for teacher, student and distilled student.
#ifndef SMLDIST_TRAIN_LOOP_HPP
#define SMLDIST_TRAIN_LOOP_HPP

#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "smldist/autograd/tape.hpp"
#include "smldist/core/outputs.hpp"
#include "smldist/data/prefetcher.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/optim/choice.hpp"
#include "smldist/optim/ema.hpp"
#include "smldist/optim/swa.hpp"
#include "smldist/train/evaluate.hpp"
#include "smldist/train/training_options.hpp"

namespace smldist::inline SMLDIST_ABI::train {

/// The parts of a loss, each as it enters the sum; means over an epoch in reports.
struct loss_terms {
    double total = 0, hard = 0, soft = 0, stage = 0, memory = 0;
    double repaired = 0; ///< share of samples whose teacher was wrong

    loss_terms& operator+=(const loss_terms& o) {
        total += o.total;
        hard += o.hard;
        soft += o.soft;
        stage += o.stage;
        memory += o.memory;
        repaired += o.repaired;
        return *this;
    }
    friend loss_terms operator*(loss_terms a, double k) {
        for (double* v : {&a.total, &a.hard, &a.soft, &a.stage, &a.memory, &a.repaired}) *v *= k;
        return a;
    }
};

/// What an objective gives for one batch.
struct objective_value {
    var<float> loss;
    loss_terms terms;
};

/// Plain supervised training: cross entropy with the labels, or with their mixtures.
struct supervised {
    double label_smoothing = 0;

    objective_value operator()(tape<float>&, const outputs<var<float>>& out, const data::batch& b, double) const {
        const auto loss = loss::cross_entropy(
            out.logits, b.label, {.label_smoothing = label_smoothing, .class_weight = {}}, {b.other, b.share});
        const double value = double(loss.value().item());
        loss_terms terms;
        terms.total = terms.hard = value;
        return {loss, terms};
    }
    static void visit(auto&, auto&&) {}
};

struct epoch_report {
    std::size_t epoch = 0; ///< from 1
    loss_terms train;
    double lr = 0; ///< at the epoch's end
    metric::evaluation validation;
    bool best = false;
    double seconds = 0; ///< of this epoch
};

/// Where a running epoch stands, for a progress bar.
struct step_report {
    std::size_t epoch, epochs, step, steps;
    double loss;
};

template <class Network> struct training_result {
    Network best;                      ///< copy at the best validation macro-F1 (the first of equals)
    std::size_t best_epoch = 0;        ///< from 1
    std::vector<epoch_report> history; ///< one an epoch
    double seconds = 0;
};

namespace detail {

/// What training does around its steps: all that does not depend on the objective, compiled once a network.
template <class Network> class training_loop {
public:
    std::function<void(const epoch_report&)> on_epoch;
    std::function<void(const step_report&)> on_step;
    std::function<bool()> stop; ///< asked after every step; true ends training after that epoch's validation

    training_loop(Network& net, const data::windows& train, const data::windows& validation, const normaliser& normal,
                  const training_options& options)
        : net_(net),
          options_(checked(options, train)),
          optimiser_(options.optimiser, options.lr, options.weight_decay),
          tape_(options.seed),
          train_(train),
          validation_(validation),
          normal_(normal),
          loader_(data::loader(train, loader_options(options), normal, generator(options.seed, 1))),
          steps_(loader_.batches()),
          schedule_(options.schedule, options.lr, options.epochs, steps_) {
        validation.check();
        if (validation.length() != train.length() || validation.channels() != train.channels())
            raise<data_error>("training", "windows of validation are ", validation.x.shape().text(),
                              ", expected (N, ", train.length(), ", ", train.channels(), ") as in training");
        if (options.memory == memory_initialisation::k_means) check_placement(net, train);
    }

    /// Trains for `epochs` epochs, or until `stop` says so. Called again, it begins anew with the network as it is then:
    /// optimiser, schedule, averages and random numbers are those of a new training.
    training_result<Network> run() {
        using clock = std::chrono::steady_clock;
        const auto seconds_since = [](clock::time_point t) {
            return std::chrono::duration<double>(clock::now() - t).count();
        };
        const auto begin = clock::now();
        training_result<Network> result;
        Network good = net_;
        start_anew();
        double best = -1;
        for (std::size_t epoch = 1; epoch <= options_.epochs; ++epoch) {
            const auto start = clock::now();
            epoch_report report;
            report.epoch = epoch;
            if (epoch == 2 && options_.memory == memory_initialisation::k_means) place();
            try {
                report.train = run_epoch(epoch);
                if (epoch + options_.swa_epochs > options_.epochs) extend_mean(epoch);
                report.validation = validate(current(), epoch);
            } catch (const numeric_error&) {
                net_ = std::move(good);
                throw;
            }
            report.lr = lr_;
            schedule_.observe(options_.plateau_on_last_loss ? last_loss_ : report.validation.macro_f1);
            report.best = report.validation.macro_f1 > best;
            if (report.best) {
                best = report.validation.macro_f1;
                result.best = current();
                result.best_epoch = epoch;
            }
            good = net_;
            report.seconds = seconds_since(start);
            result.history.push_back(report);
            if (on_epoch) on_epoch(report);
            if (stopping_ || (options_.patience > 0 && epoch - result.best_epoch >= options_.patience)) break;
        }
        if (&current() != &net_) net_ = current();
        result.seconds = seconds_since(begin);
        return result;
    }

    virtual loss_terms step(const data::batch& b) = 0;

    /// The network as it is validated and returned: averaged, with ema and in the last swa_epochs.
    const Network& current() const { return mean_ ? mean_->model : average_ ? average_->model : net_; }

protected:
    ~training_loop() = default;

    /// What runs of a network in a step.
    virtual outputs<var<float>> forward(const Network& net, const var<float>& x) const = 0;

    /// The windows of a batch as the network sees them.
    tensor<float> seen(const data::batch& b) const { return data::select_channels(b.x, options_.channels); }
    /// Rate and momentum of the next step; clears the tape. Returns how far training is, from 0 to 1.
    double begin_step() {
        const double progress = double(step_) / double(schedule_.total());
        lr_ = schedule_.lr(step_);
        optimiser_.set(lr_, schedule_.momentum(step_));
        ++step_;
        tape_.reset();
        return progress;
    }

    Network& net_;
    training_options options_;
    optim::any_optimiser<float> optimiser_;
    std::optional<optim::ema<Network>> average_;
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
    static data::loader_options loader_options(const training_options& o) {
        data::loader_options l;
        l.batch = o.batch;
        l.balanced = o.balanced;
        l.augment = o.augment;
        l.mixup = o.mixup;
        return l;
    }

    /// What a run begins with, whatever the steps and runs before left behind.
    void start_anew() {
        optimiser_ = optim::any_optimiser<float>(options_.optimiser, options_.lr, options_.weight_decay);
        schedule_ = optim::any_schedule(options_.schedule, options_.lr, options_.epochs, steps_);
        tape_.random() = generator(options_.seed);
        step_ = 0;
        stopping_ = false;
        reference_.reset();
        if (options_.ema > 0) average_.emplace(net_, options_.ema);
        mean_.reset();
    }

    loss_terms run_epoch(std::size_t epoch) {
        loss_terms sum;
        double windows = 0;
        std::size_t at = 0;
        loader_.start(epoch);
        while (loader_.next(batch_)) {
            const loss_terms terms = step(batch_);
            ++at;
            if (!reference_) reference_ = std::max(1.0, std::abs(terms.total));
            if (!std::isfinite(terms.total) || std::abs(terms.total) > divergence * *reference_)
                raise<numeric_error>("training", "loss or gradient at epoch ", epoch, ", step ", at, " is ",
                                     terms.total, ", expected a finite number below ", divergence * *reference_,
                                     "; a smaller learning rate than ", options_.lr, " may help");
            sum += terms * double(batch_.size());
            last_loss_ = terms.total;
            windows += double(batch_.size());
            if (on_step) on_step({epoch, options_.epochs, at, steps_, terms.total});
            if (stop && stop()) {
                stopping_ = true;
                break;
            }
        }
        return sum * (1 / windows);
    }

    /// Puts the memory's patterns where the features are by now; averages begin anew.
    void place() {
        place_memory(net_, train_, normal_, generator(options_.seed, 2), options_.channels);
        if (average_) average_.emplace(net_, options_.ema);
        mean_.reset();
    }

    /// Takes the network of this epoch into the mean, and the mean's running statistics from the epoch's batches. On a
    /// tape of its own: training goes on as if nothing had happened.
    void extend_mean(std::size_t epoch) {
        if (!mean_) mean_.emplace(net_);
        mean_->update(net_);
        tape_.reset();
        tape<float> t(options_.seed);
        loader_.start(epoch);
        for (std::size_t k = 1; loader_.next(batch_); ++k) {
            t.reset();
            forward(mean_->model, t.input(seen(batch_)));
            optim::refresh_statistics(mean_->model, t, k);
        }
    }

    /// A network may train on batch statistics and yet have running statistics that overflow.
    metric::evaluation validate(const Network& current, std::size_t epoch) const {
        try {
            return evaluate(current, validation_, normal_, options_.channels);
        } catch (const numeric_error& e) {
            raise<numeric_error>("training", "validation after epoch ", epoch, ", step ", steps_,
                                 " failed: ", e.what(), "; a smaller learning rate than ", options_.lr, " may help");
        }
    }

    static constexpr double divergence = 1000; ///< times the first step's loss

    const data::windows& train_;
    const data::windows& validation_;
    const normaliser normal_;
    data::prefetcher loader_;
    data::batch batch_;
    std::size_t steps_, step_ = 0;
    optim::any_schedule schedule_;
    double lr_ = 0; ///< of the last step
    std::optional<optim::swa<Network>> mean_;
    std::optional<double> reference_;
    double last_loss_ = 0; ///< of the last step
    bool stopping_ = false;
};

} // namespace detail

/// Trains `net` in place and leaves it as it is after the last epoch.
///
/// Every epoch: batches in a seeded order, augmented, normalised and mixed; forward in mode::train, `objective`,
/// backward, clipping, the optimiser's step under the schedule; then macro-F1 on the validation windows. The objective's
/// own parameters (projectors) are trained along. An objective that needs a part of the network alone has a member
/// `forward(net, x)`, which then runs in the place of net(x, mode::train). The same seed gives the same bits for any number
/// of threads.
///
/// With `channels` the network sees those of each batch alone; augmentation, normaliser and objective, and so the teacher
/// in it, still see all: a rotation turns a whole sensor before some of it is left out.
///
/// With ema, or in the last swa_epochs, the averaged network is validated and returned instead of `net`. The mean of swa
/// takes its running statistics in one more pass over the epoch's batches.
///
/// With memory_initialisation::k_means the patterns of the memory move to the centres of the network's features between the first
/// epoch and the second: by then features and running statistics mean something, and most of the training is to come.
///
///     training<net, objective> t(net, objective, train, validation, normaliser, options);
///     t.on_epoch = …;  auto result = t.run();
///
/// Refers to network, objective and windows, which must outlive it; normaliser and options are copied.
///
/// Throws     usage_error and data_error before the first step for wrong options or data; numeric_error when the loss or
///            gradient is not finite or the loss explodes: it names epoch and step, and `net` is then the network after
///            the last good epoch (its initial state in the first epoch).
template <class Network, class Objective> class training final : public detail::training_loop<Network> {
    using loop = detail::training_loop<Network>;

public:
    training(Network& net, Objective& objective, const data::windows& train, const data::windows& validation,
             const normaliser& normal, const training_options& options)
        : loop(net, train, validation, normal, options), objective_(objective) {}
    training(Network&, Objective&, const data::windows&&, const data::windows&, const normaliser&,
             const training_options&) = delete; // the windows must outlive it
    training(Network&, Objective&, const data::windows&, const data::windows&&, const normaliser&,
             const training_options&) = delete;

    /// Forward, backward and update for one batch; public so that benchmarks and tests can time and count it.
    loss_terms step(const data::batch& b) override {
        const double progress = this->begin_step();
        tape<float>& t = this->tape_;
        const auto out = forward(this->net_, t.input(this->seen(b)));
        const objective_value value = objective_(t, out, b, progress);
        if (!std::isfinite(value.terms.total)) return value.terms;
        t.backward(value.loss);
        joined both{&this->net_, &objective_};
        const double norm = optim::clip_gradient_norm(both, t, this->options_.clip);
        if (!std::isfinite(norm)) return {norm, 0, 0, 0, 0, 0};
        this->optimiser_.step(both, t);
        if (this->average_) this->average_->update(this->net_);
        return value.terms;
    }

private:
    outputs<var<float>> forward(const Network& net, const var<float>& x) const override {
        if constexpr (requires { objective_.forward(net, x); })
            return objective_.forward(net, x);
        else
            return net(x, mode::train);
    }
    /// Network and objective as one module for the optimiser.
    struct joined {
        Network* net;
        Objective* objective;
        static void visit(auto& self, auto&& member) {
            member("net", *self.net);
            member("objective", *self.objective);
        }
    };

    Objective& objective_;
};

} // namespace smldist::inline SMLDIST_ABI::train

#endif

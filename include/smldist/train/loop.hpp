// SPDX-License-Identifier: BSD-3-Clause
/// Training of any network for any objective.
#ifndef SMLDIST_TRAIN_LOOP_HPP
#define SMLDIST_TRAIN_LOOP_HPP

#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>

#include "smldist/autograd/tape.hpp"
#include "smldist/core/outputs.hpp"
#include "smldist/optim/gradient_accumulator.hpp"
#include "smldist/optim/step.hpp"
#include "smldist/optim/swa.hpp"
#include "smldist/train/archive.hpp"
#include "smldist/train/batch_parts.hpp"
#include "smldist/train/callback.hpp"
#include "smldist/train/callbacks.hpp"
#include "smldist/train/door.hpp"
#include "smldist/train/epochs.hpp"
#include "smldist/train/evaluate.hpp"
#include "smldist/train/objective.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// What training does that depends on the network and not on the objective, compiled once per network.
template <class Network> class training_loop : public epoch_loop {
public:
    /// Adds a callback (state.hpp): a value with members such as after_epoch(state<Network>&). An lvalue is referred to and must
    /// outlive this object, an rvalue is moved in. Callbacks are called in the order in which they were added, after those
    /// that the options ask for.
    template <class C> void add(C&& callback) { callbacks_.add(std::forward<C>(callback)); }

    /// Trains for `epochs` epochs, or until something stops it. Called again, it begins anew with the network as it is then:
    /// optimiser, schedule, callbacks and random numbers are those of a new training.
    training_result<Network> run();

    /// The network as it is validated and returned: averaged, with ema and in the last swa_epochs.
    const Network& current() const { return *state_.shown; }

protected:
    /// Saves or restores everything but the objective.
    void checkpoint(archive& a) {
        if (a.restoring()) {
            state_.shown = &state_.network;
            start_anew();
        }
        checkpoint_epochs(a);
        a("network", state_.network);
        a.within("callbacks", [&] { callbacks_.checkpoint(a, state_); });
        if (a.restoring() && best_.model.has_value() == history().empty())
            raise<data_error>("checkpoint", "number of reports is ", history().size(),
                              ", expected the best network where there are some");
        if (!in_epoch() && a.restoring()) keep_good();
        if (!in_epoch()) return;
        if (a.restoring()) good_ = state_.network;
        a("good", *good_);
    }

    training_loop(Network& net, const data::windows& train, const data::windows& validation, const normaliser& normal,
                  const training_options& options);
    ~training_loop() = default;

    /// The part of a network that a step runs.
    virtual outputs<var<float>> forward(const Network& net, const var<float>& x) const = 0;

    Network& network() { return state_.network; }

private:
    SMLDIST_COLD tensor<float> validation_logits() const override {
        return logits(*state_.shown, validation_, normal_, options_.channels);
    }
    void call(moment m) override { callbacks_.call(m, state_); }
    SMLDIST_COLD void keep_good() override { good_ = state_.network; }
    SMLDIST_COLD void restore_good() override {
        state_.network = std::move(*good_);
        state_.shown = &state_.network;
    }

    state<Network> state_;
    callback_list<state<Network>> callbacks_;
    best_model<Network> best_;
    std::optional<Network> good_; ///< after the last good epoch
};

template <class Network>
SMLDIST_COLD training_loop<Network>::training_loop(Network& net, const data::windows& train,
                                                   const data::windows& validation, const normaliser& normal,
                                                   const training_options& options)
    : epoch_loop(train, validation, normal, options), state_(net, options_, train_, validation_, normal_) {
    now_ = &state_;
    state_.refresh_statistics = [this](Network& averaged) {
        tape<float> t(options_.seed);
        repeat_epoch([&](std::size_t k, const data::batch& b) {
            t.reset();
            forward(averaged, t.input(seen(b)));
            optim::refresh_statistics(averaged, t, k);
        });
    };
    if (options_.memory == memory_initialisation::k_means) {
        check_placement(net, train);
        add(k_means_memory{});
    }
    if (options_.ema > 0) add(ema<Network>(options_.ema));
    if (options_.swa_epochs > 0) add(swa<Network>(options_.swa_epochs));
    add(best_);
    if (options_.patience > 0) add(early_stopping{options_.patience});
}

template <class Network> SMLDIST_COLD training_result<Network> training_loop<Network>::run() {
    if (!restored()) state_.shown = &state_.network;
    auto history = run_epochs();
    if (state_.shown != &state_.network) state_.network = *state_.shown;
    state_.shown = &state_.network;
    good_.reset();
    call(moment::after_training);
    return {std::move(*best_.model), state_.best_epoch, std::move(history), seconds()};
}

} // namespace detail

/// Trains `net` in place and leaves it as it is after the last epoch.
///
/// Every epoch: batches in a seeded order, augmented, normalised and mixed; forward in mode::train, `objective`,
/// backward, clipping, the optimiser's step under the schedule; then the score on the validation windows: macro-F1, or
/// options.metric. The objective's own parameters (projectors) are trained along. An objective that needs only a part of the
/// network has a member `forward(net, x)`, which then runs in place of net(x, mode::train). The same seed gives the same
/// bits for any number of threads.
///
/// With `accumulate` a batch is computed in so many parts, one after the other, and their gradients are joined: memory is
/// that of one part. Gradient, dropout and loss are those of the whole batch up to rounding, but batch-norm takes the
/// statistics of each part, and an objective that compares windows with each other compares those of a part.
///
/// With `channels` the network sees only those of each batch; augmentation, normaliser and objective, and so the teacher
/// in it, still see all: a rotation turns a whole sensor before some of it is left out.
///
/// With ema, or in the last swa_epochs, the averaged network is validated and returned instead of `net`. These and other
/// options are shortcuts for callbacks (callbacks.hpp); `add` takes callbacks of your own.
///
///     train::training t(net, objective, train, validation, normaliser, options);
///     t.add(train::early_stopping{.patience = 5});
///     auto result = t.run();
///
/// Network    a copyable module with visit, whose call net(x, mode) returns `outputs`, in float.
/// Refers to network, objective and windows, which must outlive it; normaliser and options are copied.
///
/// Throws     usage_error and data_error before the first step for wrong options or data; numeric_error when the loss or
///            gradient is not finite or the loss explodes: it names epoch and step, and `net` is then the network after
///            the last good epoch (its initial state in the first epoch). What callbacks and functions throw passes through.
template <class Network, class Objective> class training final : public detail::training_loop<Network> {
    using loop = detail::training_loop<Network>;

public:
    training(Network& net, Objective& objective, const data::windows& train, const data::windows& validation,
             const normaliser& normal, const training_options& options);
    training(Network&, Objective&, const data::windows&&, const data::windows&, const normaliser&,
             const training_options&) = delete; // the windows must outlive it
    training(Network&, Objective&, const data::windows&, const data::windows&&, const normaliser&,
             const training_options&) = delete;

    // For train/checkpoint.hpp: saves or restores the whole training, and only what belongs to the caller.
    void checkpoint(archive& a) {
        loop::checkpoint(a);
        a("objective", objective_);
    }
    void checkpoint_modules(archive& a) {
        a("network", this->network());
        a("objective", objective_);
    }
    using loop::resumable, loop::set_restored;

private:
    loss_terms update(const data::batch& b, double progress) override;
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
    data::batch part_;                       ///< of a batch, with options.accumulate
    optim::gradient_accumulator<float> sum_; ///< over the parts
};

template <class Network, class Objective>
training<Network, Objective>::training(Network& net, Objective& objective, const data::windows& train,
                                       const data::windows& validation, const normaliser& normal,
                                       const training_options& options)
    : loop(net, train, validation, normal, options), objective_(objective) {}

template <class Network, class Objective>
loss_terms training<Network, Objective>::update(const data::batch& b, double progress) {
    tape<float>& t = this->tape_;
    joined both{&this->network(), &objective_};
    const auto pass = [&](const data::batch& part, double weight) {
        const auto out = forward(this->network(), t.input(this->seen(part)));
        objective_value value = objective_(t, out, part, progress);
        t.backward(value.loss, static_cast<float>(weight));
        return value.terms;
    };
    loss_terms terms;
    if (this->options_.accumulate == 1) {
        terms = pass(b, 1);
    } else {
        for (batch_parts p(b, this->options_.accumulate, t.random(), part_); p.next();) {
            terms += pass(p.part(), p.weight()) * p.weight();
            if (p.last()) break;
            sum_.add(both, t);
            t.reset();
        }
        sum_.release(both, t);
    }
    if (this->on_gradients) this->on_gradients(t, terms);
    if (!std::isfinite(terms.total)) return terms;
    const double norm = optim::clip_gradient_norm(both, t, this->options_.clip);
    if (!std::isfinite(norm)) {
        loss_terms failed;
        failed.total = norm;
        return failed;
    }
    this->optimiser_.step(both, t);
    return terms;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#endif

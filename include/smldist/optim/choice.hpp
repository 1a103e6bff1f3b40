// SPDX-License-Identifier: BSD-3-Clause
/// An optimiser and a schedule chosen at run time, by name.
#ifndef SMLDIST_OPTIM_CHOICE_HPP
#define SMLDIST_OPTIM_CHOICE_HPP

#include <cstdint>
#include <optional>
#include <string_view>

#include "smldist/optim/adam.hpp"
#include "smldist/optim/ranger.hpp"
#include "smldist/optim/schedule.hpp"
#include "smldist/optim/sgd.hpp"

namespace smldist::inline SMLDIST_ABI::optim {

enum class optimiser_kind : std::uint8_t { adamw, adam, sgd, radam, ranger };

inline constexpr std::string_view text(optimiser_kind k) {
    constexpr std::string_view names[] = {"adamw", "adam", "sgd", "radam", "ranger"};
    return names[static_cast<std::size_t>(k)];
}
/// The inverse of text(optimiser_kind). Throws usage_error.
inline optimiser_kind parse_optimiser(std::string_view word) {
    using enum optimiser_kind;
    for (const auto k : {adamw, adam, sgd, radam, ranger})
        if (text(k) == word) return k;
    raise<usage_error>("optim::optimiser_kind", "name is \"", word, "\", expected adamw, adam, sgd, radam or ranger");
}

enum class schedule_kind : std::uint8_t { one_cycle, cosine, warm_restarts, plateau, constant };

inline constexpr std::string_view text(schedule_kind k) {
    constexpr std::string_view names[] = {"one_cycle", "cosine", "warm_restarts", "plateau", "constant"};
    return names[static_cast<std::size_t>(k)];
}
/// The inverse of text(schedule_kind). Throws usage_error.
inline schedule_kind parse_schedule(std::string_view word) {
    using enum schedule_kind;
    for (const auto k : {one_cycle, cosine, warm_restarts, plateau, constant})
        if (text(k) == word) return k;
    raise<usage_error>("optim::schedule_kind", "name is \"", word,
                       "\", expected one_cycle, cosine, warm_restarts, plateau or constant");
}

/// One of the optimisers. Decay is decoupled in adamw and ranger and added to the gradient in the others; sgd has
/// momentum 0.9; all else is the optimiser's default. Optimisers that are not chosen hold no state.
template <class T> class any_optimiser {
public:
    /// Throws     usage_error for a rate or decay that is negative or not finite.
    any_optimiser(optimiser_kind kind, double lr, double weight_decay)
        : kind_(kind),
          adam_({.lr = lr, .weight_decay = weight_decay, .decoupled = kind == optimiser_kind::adamw}),
          sgd_({.lr = lr, .momentum = 0.9, .weight_decay = weight_decay}),
          radam_({.lr = lr, .weight_decay = weight_decay}),
          ranger_(optim::ranger<T>(lr, weight_decay)) {}

    /// Sets the learning rate of the next steps and, if given, the momentum (β1 for Adam and its variants).
    void set(double lr, std::optional<double> momentum) {
        switch (kind_) {
        case optimiser_kind::adamw:
        case optimiser_kind::adam:
            return write(adam_.options.lr, adam_.options.beta1, lr, momentum);
        case optimiser_kind::sgd:
            return write(sgd_.options.lr, sgd_.options.momentum, lr, momentum);
        case optimiser_kind::radam:
            return write(radam_.options.lr, radam_.options.beta1, lr, momentum);
        case optimiser_kind::ranger:
            return write(ranger_.inner.options.lr, ranger_.inner.options.beta1, lr, momentum);
        }
    }
    /// One step along the tape's gradients; writes the noted running statistics too. Errors: for_each_gradient.
    template <class M> void step(M& model, tape<T>& t) {
        switch (kind_) {
        case optimiser_kind::adamw:
        case optimiser_kind::adam:
            return adam_.step(model, t);
        case optimiser_kind::sgd:
            return sgd_.step(model, t);
        case optimiser_kind::radam:
            return radam_.step(model, t);
        case optimiser_kind::ranger:
            return ranger_.step(model, t);
        }
    }
    optimiser_kind kind() const { return kind_; }

private:
    static void write(double& lr_option, double& momentum_option, double lr, std::optional<double> momentum) {
        lr_option = lr;
        if (momentum) momentum_option = *momentum;
    }

    optimiser_kind kind_;
    adam<T> adam_;
    sgd<T> sgd_;
    radam<T> radam_;
    lookahead<radam<T>> ranger_;
};

/// Options of a schedule.
struct schedule_options {
    schedule_kind kind = schedule_kind::one_cycle;
    std::size_t restart_epochs = 10; ///< warm_restarts: the first period …
    std::size_t restart_mult = 2;    ///< … and how much longer each is than the one before
    plateau_options plateau{.mode = plateau_options::direction::max}; ///< of the metric observed after each epoch

    /// Throws usage_error for a value out of range, whatever the kind.
    void check() const {
        const auto need = [](bool ok, const char* what, std::size_t got) {
            if (!ok) raise<usage_error>("optim::schedule_options", what, " is ", got, ", expected at least 1");
        };
        need(restart_epochs >= 1, "restart_epochs", restart_epochs);
        need(restart_mult >= 1, "restart_mult", restart_mult);
        plateau.check();
    }
};

/// One of the schedules, with the largest rate `lr`.
class any_schedule {
public:
    /// Throws     usage_error for options out of range, no epochs or no steps, or a rate that is not positive.
    any_schedule(const schedule_options& o, double lr, std::size_t epochs, std::size_t steps_per_epoch)
        : kind_(o.kind), max_(lr), plateau_(lr, o.plateau) {
        o.check();
        cycle_.max = cosine_.max = restarts_.max = lr;
        cycle_.total = cosine_.total = epochs * steps_per_epoch;
        restarts_.period = o.restart_epochs * steps_per_epoch;
        restarts_.mult = o.restart_mult;
        if (cycle_.total == 0)
            raise<usage_error>("optim::any_schedule", "epochs and steps of one are ", epochs, " and ",
                               steps_per_epoch, ", expected at least 1");
    }

    /// The rate of a step, from 0.
    double lr(std::size_t step) const {
        switch (kind_) {
        case schedule_kind::one_cycle:
            return cycle_(step);
        case schedule_kind::cosine:
            return cosine_(step);
        case schedule_kind::warm_restarts:
            return restarts_(step);
        case schedule_kind::plateau:
            return plateau_.lr();
        case schedule_kind::constant:
            break;
        }
        return max_;
    }
    /// The momentum of a step, if the schedule changes it: only one_cycle does.
    std::optional<double> momentum(std::size_t step) const {
        if (kind_ != schedule_kind::one_cycle) return std::nullopt;
        return cycle_.momentum(step);
    }
    /// Receives the metric of an epoch, for plateau.
    void observe(double figure) { plateau_.observe(figure); }
    std::size_t total() const { return cycle_.total; } ///< steps of the run

private:
    schedule_kind kind_;
    double max_;
    one_cycle cycle_;
    cosine cosine_;
    warm_restarts restarts_;
    plateau plateau_;
};

} // namespace smldist::inline SMLDIST_ABI::optim

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// An optimiser chosen at run time, by name.
#ifndef SMLDIST_OPTIM_ANY_OPTIMISER_HPP
#define SMLDIST_OPTIM_ANY_OPTIMISER_HPP

#include <cstdint>
#include <optional>

#include "smldist/core/enum_names.hpp"
#include "smldist/optim/adam.hpp"
#include "smldist/optim/ranger.hpp"
#include "smldist/optim/sgd.hpp"

namespace smldist::optim {
SMLDIST_NAMESPACE_BEGIN

enum class optimiser_kind : std::uint8_t { adamw, adam, sgd, radam, ranger };
constexpr auto enum_names(optimiser_kind) {
    return enum_table("optim::optimiser_kind", "adamw", "adam", "sgd", "radam", "ranger");
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
    /// What steps change, for train/checkpoint.hpp.
    static void visit_state(auto& self, auto&& member) {
        switch (self.kind_) {
        case optimiser_kind::adamw:
        case optimiser_kind::adam:
            return member("adam", self.adam_);
        case optimiser_kind::sgd:
            return member("sgd", self.sgd_);
        case optimiser_kind::radam:
            return member("radam", self.radam_);
        case optimiser_kind::ranger:
            return member("ranger", self.ranger_);
        }
    }

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

SMLDIST_NAMESPACE_END
} // namespace smldist::optim

#endif

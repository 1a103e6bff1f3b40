// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_OPTIM_SGD_HPP
#define SMLDIST_OPTIM_SGD_HPP

#include "smldist/core/check.hpp"
#include "smldist/kernel/update.hpp"
#include "smldist/optim/step.hpp"

namespace smldist::optim {
SMLDIST_NAMESPACE_BEGIN

struct sgd_options {
    double lr = 1e-2, momentum = 0, weight_decay = 0;
    bool nesterov = false;

    /// Throws usage_error for a value out of range.
    void check() const {
        const option_check o{"optim::sgd"};
        detail::check_rate_and_decay(o, lr, weight_decay);
        o.at_least_0("momentum", momentum);
    }
};

/// Stochastic gradient descent with momentum.
///
///     u = momentum u + g + weight_decay w,   w -= lr u          nesterov: w -= lr (g + momentum u)
///
/// lr and weight_decay are multiplied by the parameter's rate and decay (0 for biases, norms and β).
/// Throws     usage_error for options out of range; in step as for_each_gradient.
/// Source     torch.optim.SGD (dampening 0).
template <class T> struct sgd {
    using scalar = T;
    sgd_options options; ///< may change between steps
    std::vector<tensor<T>> velocity;

    sgd() = default;
    explicit sgd(const sgd_options& o) : options(o) { o.check(); }

    /// One step along the tape's gradients; writes the noted running statistics too.
    template <class M> void step(M& model, tape<T>& t) {
        for_each_gradient(model, t, [this](std::size_t i, parameter<T>& p, const tensor<T>& g) { update(i, p, g); });
    }
    /// The step of parameter number i.
    void update(std::size_t i, parameter<T>& p, const tensor<T>& g) {
        const bool first = i >= velocity.size() || velocity[i].empty();
        tensor<T>& u = detail::state_of(velocity, i, p.shape());
        const double rate = options.lr * p.rate;
        kernel::sgd_update(g.size(), static_cast<T>(rate), static_cast<T>(options.momentum),
                           static_cast<T>(p.decay * options.weight_decay), options.nesterov, first, g.data(),
                           p.value.data(), u.data());
    }
    /// What steps change, for train/checkpoint.hpp.
    static void visit_state(auto& self, auto&& member) { member("velocity", self.velocity); }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::optim

#endif

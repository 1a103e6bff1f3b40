// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_OPTIM_ADAM_HPP
#define SMLDIST_OPTIM_ADAM_HPP

#include <cstdint>

#include "smldist/core/check.hpp"
#include "smldist/kernel/update.hpp"
#include "smldist/optim/step.hpp"

namespace smldist::optim {
SMLDIST_NAMESPACE_BEGIN

struct adam_options {
    double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
    bool decoupled = false; ///< true: AdamW

    /// Throws usage_error for a value out of range.
    void check() const {
        const option_check o{"optim::adam"};
        detail::check_rate_and_decay(o, lr, weight_decay);
        detail::check_moments(o, beta1, beta2, eps);
    }
};

/// Adam, and AdamW with `decoupled`.
///
///     m = β1 m + (1-β1) g,  v = β2 v + (1-β2) g²,  w -= lr m/(1-β1^t) / (sqrt(v/(1-β2^t)) + eps)
///     Adam adds weight_decay · w to g;  AdamW first scales w by 1 - lr · weight_decay
///
/// lr and weight_decay are multiplied by the parameter's rate and decay (0 for biases, norms and β).
/// Throws     usage_error for options out of range; in step as for_each_gradient.
/// Source     Kingma and Ba 2015; Loshchilov and Hutter 2019; torch.optim.Adam, AdamW.
template <class T> struct adam {
    using scalar = T;
    adam_options options; ///< may change between steps (schedules write lr and beta1)
    std::vector<tensor<T>> first, second;
    std::vector<std::uint64_t> steps; ///< t of each parameter

    adam() = default;
    explicit adam(const adam_options& o) : options(o) { o.check(); }

    /// One step along the tape's gradients; writes the noted running statistics too.
    template <class M> void step(M& model, tape<T>& t) {
        for_each_gradient(model, t, [this](std::size_t i, parameter<T>& p, const tensor<T>& g) { update(i, p, g); });
    }
    /// The step of parameter number i.
    void update(std::size_t i, parameter<T>& p, const tensor<T>& g) {
        tensor<T>& m = detail::state_of(first, i, p.shape());
        tensor<T>& v = detail::state_of(second, i, p.shape());
        const double n = double(detail::count_step(steps, i));
        const auto& o = options;
        const double lr = o.lr * p.rate;
        const double decay = p.decay * o.weight_decay;
        const kernel::adam_factors<T> f{.beta1 = static_cast<T>(o.beta1),
                                        .beta2 = static_cast<T>(o.beta2),
                                        .rate = static_cast<T>(lr / (1 - std::pow(o.beta1, n))),
                                        .correction = static_cast<T>(1 / std::sqrt(1 - std::pow(o.beta2, n))),
                                        .eps = static_cast<T>(o.eps),
                                        .decay = static_cast<T>(o.decoupled ? 1 - lr * decay : 1),
                                        .l2 = static_cast<T>(o.decoupled ? 0 : decay)};
        kernel::adam_update(g.size(), f, g.data(), p.value.data(), m.data(), v.data());
    }
    /// What steps change, for train/checkpoint.hpp.
    static void visit_state(auto& self, auto&& member) {
        member("first", self.first);
        member("second", self.second);
        member("steps", self.steps);
    }
};

/// AdamW: Adam with decoupled weight decay, 1e-2 unless said otherwise.
template <class T> [[nodiscard]] adam<T> adamw(double lr = 1e-3, double weight_decay = 1e-2) {
    adam_options o;
    o.lr = lr;
    o.weight_decay = weight_decay;
    o.decoupled = true;
    return adam<T>(o);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::optim

#endif

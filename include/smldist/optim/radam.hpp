// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_OPTIM_RADAM_HPP
#define SMLDIST_OPTIM_RADAM_HPP

#include <cmath>
#include <cstdint>

#include "smldist/core/check.hpp"
#include "smldist/kernel/update.hpp"
#include "smldist/optim/step.hpp"

namespace smldist::optim {
SMLDIST_NAMESPACE_BEGIN

struct radam_options {
    double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
    bool decoupled = false; ///< decay scales the parameter, as in AdamW, and is not added to the gradient
    double threshold = 5;   ///< the step is adaptive where ρ_t exceeds it

    /// Throws usage_error for a value out of range.
    void check() const {
        const option_check o{"optim::radam"};
        detail::check_rate_and_decay(o, lr, weight_decay);
        detail::check_moments(o, beta1, beta2, eps);
        o.need(threshold >= 4 && std::isfinite(threshold), "threshold", threshold,
               "at least 4"); // below 4 the variance of the adaptive rate does not exist
    }
};

/// The rectification of Adam's step by the second moment after t steps.
///
///     ρ∞ = 2/(1-β2) - 1,   ρ_t = ρ∞ - 2 t β2^t / (1-β2^t),   r_t² = (ρ_t-4)(ρ_t-2) ρ∞ / ((ρ∞-4)(ρ∞-2) ρ_t)
///
/// ρ_t is the number of gradients that the second moment is worth, r_t compares its variance with the final one.
struct radam_rectification {
    double length; ///< ρ_t
    double factor; ///< r_t; meaningful where ρ_t > 4

    radam_rectification(double beta2, std::uint64_t t) {
        const double limit = 2 / (1 - beta2) - 1, power = std::pow(beta2, double(t));
        length = limit - 2 * double(t) * power / (1 - power);
        factor = std::sqrt((length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length));
    }
};

/// Rectified Adam: plain momentum until the second moment can be trusted.
///
///     m = β1 m + (1-β1) g,  v = β2 v + (1-β2) g²,  m̂ = m/(1-β1^t)
///     ρ_t > threshold:  w -= lr r_t m̂ sqrt(1-β2^t) / (sqrt(v) + eps)          else:  w -= lr m̂
///
/// With β2 = 0.999 step 6 is the first adaptive one. lr and weight_decay are multiplied by the
/// parameter's rate and decay (0 for biases, norms and β).
/// Throws     usage_error for options out of range; in step as for_each_gradient.
/// Source     Liu et al. 2020; torch.optim.RAdam.
template <class T> struct radam {
    using scalar = T;
    radam_options options; ///< may change between steps
    std::vector<tensor<T>> first, second;
    std::vector<std::uint64_t> steps; ///< t of each parameter

    radam() = default;
    explicit radam(const radam_options& o) : options(o) { o.check(); }

    /// One step along the tape's gradients; writes the noted running statistics too.
    template <class M> void step(M& model, tape<T>& t) {
        for_each_gradient(model, t, [this](std::size_t i, parameter<T>& p, const tensor<T>& g) { update(i, p, g); });
    }
    /// The step of parameter number i. Without adaptation it is Adam's with the denominator 0 · sqrt(v) + 1.
    void update(std::size_t i, parameter<T>& p, const tensor<T>& g) {
        tensor<T>& m = detail::state_of(first, i, p.shape());
        tensor<T>& v = detail::state_of(second, i, p.shape());
        const std::uint64_t n = detail::count_step(steps, i);
        const auto& o = options;
        const radam_rectification rectified(o.beta2, n);
        const bool adaptive = rectified.length > o.threshold;
        const double scale = adaptive ? rectified.factor * std::sqrt(1 - std::pow(o.beta2, double(n))) : 1;
        const double lr = o.lr * p.rate;
        const double decay = p.decay * o.weight_decay;
        const kernel::adam_factors<T> f{.beta1 = static_cast<T>(o.beta1),
                                        .beta2 = static_cast<T>(o.beta2),
                                        .rate = static_cast<T>(lr * scale / (1 - std::pow(o.beta1, double(n)))),
                                        .correction = static_cast<T>(adaptive ? 1 : 0),
                                        .eps = static_cast<T>(adaptive ? o.eps : 1),
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

SMLDIST_NAMESPACE_END
} // namespace smldist::optim

#endif

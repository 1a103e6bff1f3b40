// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_OPTIM_LOOKAHEAD_HPP
#define SMLDIST_OPTIM_LOOKAHEAD_HPP

#include <algorithm>
#include <cstdint>
#include <utility>

#include "smldist/core/check.hpp"
#include "smldist/kernel/update.hpp"
#include "smldist/optim/step.hpp"

namespace smldist::optim {
SMLDIST_NAMESPACE_BEGIN

struct lookahead_options {
    std::size_t k = 5;  ///< steps of the inner optimiser between two synchronisations
    double alpha = 0.5; ///< share of the difference by which the slow weights follow

    /// Throws usage_error for a value out of range.
    void check() const {
        const option_check o{"optim::lookahead"};
        o.need(k >= 1, "k", double(k), "at least 1");
        o.up_to(1, "alpha", alpha);
    }
};

/// Lookahead around any optimiser: the inner one moves the model's weights, the fast ones; every k steps
///
///     slow += α (fast - slow),   fast = slow
///
/// The slow weights start at the value before the first step. Steps are counted per parameter.
/// Inner      has scalar, update(index, parameter, gradient): sgd, adam, radam.
/// Throws     usage_error for options out of range; in step as for_each_gradient.
/// Source     Zhang et al. 2019.
template <class Inner> struct lookahead {
    using scalar = typename Inner::scalar;
    Inner inner;
    lookahead_options options;
    std::vector<tensor<scalar>> slow;
    std::vector<std::uint64_t> steps; ///< of each parameter

    lookahead() = default;
    explicit lookahead(Inner o, const lookahead_options& l = {}) : inner(std::move(o)), options(l) { l.check(); }

    /// One step along the tape's gradients; writes the noted running statistics too.
    template <class M> void step(M& model, tape<scalar>& t) {
        for_each_gradient(model, t,
                          [this](std::size_t i, parameter<scalar>& p, const tensor<scalar>& g) { update(i, p, g); });
    }
    /// The step of parameter number i.
    void update(std::size_t i, parameter<scalar>& p, const tensor<scalar>& g) {
        tensor<scalar>& s = detail::state_of(slow, i, p.shape());
        const std::uint64_t n = detail::count_step(steps, i);
        if (n == 1) std::copy(p.value.begin(), p.value.end(), s.begin());
        inner.update(i, p, g);
        if (n % options.k != 0) return;
        kernel::approach(s.size(), static_cast<scalar>(options.alpha), p.value.data(), s.data());
        std::copy(s.begin(), s.end(), p.value.begin());
    }
    /// What steps change, for train/checkpoint.hpp.
    static void visit_state(auto& self, auto&& member) {
        member("inner", self.inner);
        member("slow", self.slow);
        member("steps", self.steps);
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::optim

#endif

// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_OPTIM_GRADIENT_ACCUMULATOR_HPP
#define SMLDIST_OPTIM_GRADIENT_ACCUMULATOR_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

#include "smldist/kernel/vector.hpp"
#include "smldist/optim/step.hpp"

namespace smldist::optim {
SMLDIST_NAMESPACE_BEGIN

/// Sums the gradients of several passes into one optimiser's step: a batch in parts takes the memory of one part.
///
///     optim::gradient_accumulator<float> sum;
///     for (std::size_t k = 0; k < parts; ++k) {
///         t.reset();
///         const auto loss = …;                   // the mean over part k
///         t.backward(loss, share_of(k));         // its share of the rows
///         if (k + 1 < parts) sum.add(model, t);
///     }
///     sum.release(model, t);                     // the tape now has the gradient of the whole batch
///     optimiser.step(model, t);
///
/// Refers to no model; parameters are told apart by their place in it.
template <class T> class gradient_accumulator {
public:
    /// Adds the gradients on the tape to the sum, and writes the running statistics noted there. The tape may then be reset.
    /// Throws     as for_each_gradient; usage_error when a parameter has another shape than before.
    template <class M> void add(M& model, tape<T>& t) {
        for_each_gradient(model, t, [this](std::size_t i, parameter<T>& p, const tensor<T>& g) {
            if (i >= held_.size()) held_.resize(i + 1);
            tensor<T>& sum = detail::state_of(sums_, i, p.shape());
            if (held_[i])
                kernel::axpy(g.size(), T(1), g.data(), sum.data());
            else
                kernel::copy(g.size(), g.data(), sum.data());
            held_[i] = 1;
        });
    }
    /// Adds the sum to the gradients on the tape, also of parameters that its pass did not use, and begins anew.
    template <class M> void release(M& model, tape<T>& t) {
        std::size_t i = 0;
        detail::visit_parameters<T>(model, [&](parameter<T>& p) {
            if (i < held_.size() && held_[i]) {
                t.backward(t.leaf(p), sums_[i]);
                held_[i] = 0;
            }
            ++i;
        });
    }

private:
    std::vector<tensor<T>> sums_;    ///< of each parameter; empty before its first gradient
    std::vector<std::uint8_t> held_; ///< whether sums_[i] is part of the sum
};

SMLDIST_NAMESPACE_END
} // namespace smldist::optim

#endif

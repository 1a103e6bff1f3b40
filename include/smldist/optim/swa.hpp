// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_OPTIM_SWA_HPP
#define SMLDIST_OPTIM_SWA_HPP

#include <cstddef>
#include <vector>

#include "smldist/autograd/tape.hpp"
#include "smldist/core/parameter.hpp"
#include "smldist/optim/ema.hpp"
#include "smldist/optim/step.hpp"

namespace smldist::optim {
SMLDIST_NAMESPACE_BEGIN

/// Stochastic weight averaging: the mean of the models it is given, usually one per epoch near the end of training.
///
///     θ̄ += (θ - θ̄)/n after n models;   buffers are those of the last model
///
/// The running statistics do not match the averaged weights: recompute them with refresh_statistics before evaluation.
/// Source     Izmailov et al. 2018; torch.optim.swa_utils.AveragedModel.
template <class M> struct swa {
    M model;
    std::size_t models = 0;

    explicit swa(const M& start) : model(start) {}
    /// Adds `current`, a model of the same structure. Only the first call allocates.
    void update(const M& current) { detail::approach(model, current, 1 / double(++models), leaves_); }
    /// What updates change, for train/checkpoint.hpp.
    static void visit_state(auto& self, auto&& member) {
        member("model", self.model);
        member("models", self.models);
    }

private:
    std::vector<const void*> leaves_;
};

/// Replaces the running statistics of a model by their mean over batches. Call it after the forward pass of each batch:
///
///     for (std::size_t k = 1; loader.next(batch); ++k) {
///         t.reset();
///         model(t.input(batch.x), mode::train);
///         optim::refresh_statistics(model, t, k);
///     }
///
/// After batch k (from 1) they are the mean of those of batches 1 … k; what they were before does not matter.
/// Source     torch.optim.swa_utils.update_bn.
template <class M, class T> void refresh_statistics(M& model, const tape<T>& t, std::size_t batch) {
    detail::visit_leaves<T>(
        model, [](parameter<T>&) {}, [&](buffer<T>& b) { t.average_notes(b, batch); });
}

SMLDIST_NAMESPACE_END
} // namespace smldist::optim

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// What is minimised: an objective makes a loss of a network's outputs and a batch.
///
///     train::objective_value operator()(tape<float>& t, const outputs<var<float>>& out, const data::batch& b, double progress);
///     static void visit(auto& self, auto&& member);   // the objective's own parameters, which are trained along; may be empty
///
/// `progress` runs from 0 to 1 over the training.
#ifndef SMLDIST_TRAIN_OBJECTIVE_HPP
#define SMLDIST_TRAIN_OBJECTIVE_HPP

#include "smldist/autograd/tape.hpp"
#include "smldist/core/outputs.hpp"
#include "smldist/data/loader.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/train/loss_terms.hpp"

namespace smldist::inline SMLDIST_ABI::train {

/// What an objective returns for one batch.
struct objective_value {
    var<float> loss;
    loss_terms terms;
};

/// Classification by labels only: cross entropy with the labels, or with their mixtures.
struct supervised {
    double label_smoothing = 0;

    objective_value operator()(tape<float>&, const outputs<var<float>>& out, const data::batch& b, double) const {
        const auto loss = loss::cross_entropy(
            out.logits, b.label, {.label_smoothing = label_smoothing, .class_weight = {}}, {b.other, b.share});
        loss_terms terms;
        terms.total = double(loss.value().item());
        terms.add("hard", terms.total);
        return {loss, terms};
    }
    static void visit(auto&, auto&&) {}
};

} // namespace smldist::inline SMLDIST_ABI::train

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// What is minimised: an objective computes a loss from a network's outputs and a batch.
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
#include "smldist/loss/binary_cross_entropy.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/loss/mse.hpp"
#include "smldist/train/loss_terms.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

/// What an objective returns for one batch.
struct objective_value {
    var<float> loss;
    loss_terms terms;
};

/// Classification by labels only: cross entropy with the labels, or with their mixtures.
struct supervised {
    double label_smoothing = 0;

    SMLDIST_FUNCTION objective_value operator()(tape<float>& t, const outputs<var<float>>& out, const data::batch& b,
                                                double progress) const;
    static void visit(auto&, auto&&) {}
};

/// Regression: the mean squared error of the logits (B, K) against the target (B, K) of the windows. Mixup mixes the targets.
/// Throws     data_error for windows without a target; shape_error when the network has another number of outputs.
struct regression {
    SMLDIST_FUNCTION objective_value operator()(tape<float>& t, const outputs<var<float>>& out, const data::batch& b,
                                                double progress) const;
    static void visit(auto&, auto&&) {}
};

/// Multi-label classification: the binary cross entropy of the logits (B, K) with the target (B, K) of the windows, 1 where a
/// label applies and 0 elsewhere. Mixup mixes the targets.
///
///     train::multi_label objective{{.pos_weight = {1, 4}}};
///
/// Throws     data_error for windows without a target or a target outside [0, 1]; shape_error when the network has another number
///            of outputs.
struct multi_label {
    loss::binary_cross_entropy_options options = {};

    SMLDIST_FUNCTION objective_value operator()(tape<float>& t, const outputs<var<float>>& out, const data::batch& b,
                                                double progress) const;
    static void visit(auto&, auto&&) {}
};

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#if SMLDIST_TRAIN_BODIES
#include "smldist/train/objective.ipp"
#endif

#endif

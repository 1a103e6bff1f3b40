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

/// Regression: the mean squared error of the logits (B, K) against the target (B, K) of the windows. Mixup mixes the targets.
/// Throws     data_error for windows without a target; shape_error when the network has another number of outputs.
struct regression {
    objective_value operator()(tape<float>&, const outputs<var<float>>& out, const data::batch& b, double) const {
        if (b.target.empty()) raise<data_error>("train::regression", "windows have no target, expected one");
        const auto loss = loss::mse(out.logits, b.target);
        loss_terms terms;
        terms.total = double(loss.value().item());
        terms.add("squared_error", terms.total);
        return {loss, terms};
    }
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

    objective_value operator()(tape<float>&, const outputs<var<float>>& out, const data::batch& b, double) const {
        if (b.target.empty()) raise<data_error>("train::multi_label", "windows have no target, expected one");
        const auto loss = loss::binary_cross_entropy(out.logits, b.target, options);
        loss_terms terms;
        terms.total = double(loss.value().item());
        terms.add("cross_entropy", terms.total);
        return {loss, terms};
    }
    static void visit(auto&, auto&&) {}
};

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#endif

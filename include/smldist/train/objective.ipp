// SPDX-License-Identifier: BSD-3-Clause
/// The functions of train/objective.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include "smldist/loss/mse.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

objective_value supervised::operator()(tape<float>&, const outputs<var<float>>& out, const data::batch& b,
                                       double) const {
    const auto loss = loss::cross_entropy(
        out.logits, b.label, {.label_smoothing = label_smoothing, .class_weight = {}}, {b.other, b.share});
    loss_terms terms;
    terms.total = double(loss.value().item());
    terms.add("hard", terms.total);
    return {loss, terms};
}

objective_value regression::operator()(tape<float>&, const outputs<var<float>>& out, const data::batch& b,
                                       double) const {
    if (b.target.empty()) raise<data_error>("train::regression", "windows have no target, expected one");
    const auto loss = loss::mse(out.logits, b.target);
    loss_terms terms;
    terms.total = double(loss.value().item());
    terms.add("squared_error", terms.total);
    return {loss, terms};
}

objective_value multi_label::operator()(tape<float>&, const outputs<var<float>>& out, const data::batch& b,
                                        double) const {
    if (b.target.empty()) raise<data_error>("train::multi_label", "windows have no target, expected one");
    const auto loss = loss::binary_cross_entropy(out.logits, b.target, options);
    loss_terms terms;
    terms.total = double(loss.value().item());
    terms.add("cross_entropy", terms.total);
    return {loss, terms};
}

SMLDIST_NAMESPACE_END
} // namespace smldist::train

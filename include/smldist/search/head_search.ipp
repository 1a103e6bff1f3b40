// SPDX-License-Identifier: BSD-3-Clause
/// The functions of search/head_search.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "smldist/core/check.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/op/softmax.hpp"

namespace smldist::search {
SMLDIST_NAMESPACE_BEGIN

void search_options::check() const {
    const option_check o{"search_options"};
    o.at_least_0("guard", guard);
    o.at_least_0("cost", cost);
    o.at_least_0("entropy", entropy);
    o.need(warmup >= 0 && warmup < 1, "warmup", warmup, "0 ≤ warmup < 1");
    o.need(last_tau > 0 && first_tau >= last_tau && std::isfinite(first_tau), "last_tau", last_tau,
           "0 < last_tau ≤ first_tau");
    o.up_to(1, "tolerance", tolerance);
}

head_search::head_search(std::vector<double> costs, const search_options& o)
    : options_(o), costs_(shape{costs.size()}) {
    o.check();
    const double dearest = costs.empty() ? 0 : *std::max_element(costs.begin(), costs.end());
    for (std::size_t j = 0; j < costs.size(); ++j)
        costs_[j] = static_cast<float>(dearest > 0 ? costs[j] / dearest : 0);
}

train::objective_value head_search::operator()(tape<float>&, const outputs<var<float>>& out, const data::batch& b,
                                               double progress) const {
    const loss::cross_entropy_options ce{.label_smoothing = options_.label_smoothing, .class_weight = {}};
    const auto nll = loss::cross_entropy(out.logits, b.label, ce, {b.other, b.share});
    const std::size_t J = costs_.size(), N = out.logits.shape()[1];
    if (out.candidates.empty() || out.candidates.weights.shape()[0] != J)
        raise<usage_error>("search::head_search", "network has no head under search with ", J, " candidates");
    const auto a = op::scale(out.candidates.weights, 1 / tau_);
    const auto omega = op::softmax(a);
    auto extra = op::scale(op::sum(op::mul(omega, op::log_softmax(a))), -options_.entropy * progress);
    extra = op::add(extra, op::scale(op::sum(op::mul(omega, costs_)), options_.cost));
    const double guard = options_.guard * (1 - progress) / double(J);
    for (std::size_t j = 0; j < J && guard > 0; ++j)
        extra = op::add(extra, op::scale(loss::cross_entropy(op::slice(out.candidates.logits, -1, j * N, (j + 1) * N),
                                                             b.label, ce, {b.other, b.share}),
                                         guard));
    const auto y = op::add(nll, extra);
    train::loss_terms terms;
    terms.add("hard", double(nll.value().item()));
    terms.total = double(y.value().item());
    return {y, terms};
}

std::string search_report::reason(double tolerance) const {
    std::size_t best = 0;
    for (std::size_t j = 1; j < candidates.size(); ++j)
        if (candidates[j].validation.macro_f1 > candidates[best].validation.macro_f1) best = j;
    const auto f1 = [&](std::size_t j) { return std::to_string(candidates[j].validation.macro_f1).substr(0, 6); };
    if (best == chosen) return candidates[chosen].name + ": best on validation, macro-F1 " + f1(chosen);
    return candidates[chosen].name + ": cheapest within " + std::to_string(tolerance).substr(0, 5) +
           " of the best on validation, macro-F1 " + f1(chosen) + " against " + f1(best) + " of " +
           candidates[best].name;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::search

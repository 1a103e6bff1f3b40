// SPDX-License-Identifier: BSD-3-Clause
/// Automatic search among unlike classifiers: train a mixture of heads, verify each on validation subjects, keep one.
#ifndef SMLDIST_SEARCH_HEAD_SEARCH_HPP
#define SMLDIST_SEARCH_HEAD_SEARCH_HPP

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "smldist/graph/graph.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/op/softmax.hpp"
#include "smldist/train/evaluate.hpp"
#include "smldist/train/loop.hpp"

namespace smldist::search {
SMLDIST_NAMESPACE_BEGIN

struct search_options {
    double guard = 0.2;                   ///< ν, weight of every candidate's own loss, falling to 0 over the search
    double cost = 0.01;                   ///< μ, weight of the expected cost (MACs, the dearest candidate is 1)
    double entropy = 0.1;                 ///< ζ at the end of the search, rising from 0
    double warmup = 0.1;                  ///< share of the epochs with equal weights
    double first_tau = 1, last_tau = 0.1; ///< τ of the mixture, falling exponentially after the warm-up
    double tolerance = 0.003;             ///< δ: macro-F1 that a cheaper head may lose against the best
    double label_smoothing = 0;

    /// Throws usage_error for a value out of range.
    SMLDIST_FUNCTION void check() const;
};

/// MACs of each candidate for one window, backbone left out.
/// Network: has config.candidates and keep(i); see model::network.
template <class Network> std::vector<double> candidate_costs(const Network& net, const shape& window) {
    std::vector<double> costs;
    double least = 0;
    for (std::size_t j = 0; j < net.config.candidates.size(); ++j) {
        Network one = net;
        one.keep(j);
        graph g;
        one(symbol::input(g, "x", window), mode::eval);
        costs.push_back(double(g.macs()));
        least = costs.size() == 1 ? costs[0] : std::min(least, costs.back());
    }
    for (double& c : costs) c -= least;
    return costs;
}

/// Objective of a network whose head is under search.
///
///     y = NLL(mixture) + ν(e) mean_j CE(z_j) + μ Σ_j ω_j cost_j + ζ(e) H(ω),   ω = softmax(a/τ(e))
///
/// The likelihood of the mixture moves weight to the candidate that explains the labels (its gradient on a is
/// ω_j - responsibility_j); the guard keeps every candidate trained; the entropy term makes the weights decide. The
/// architecture logits are learned on the same batches as the weights. [OURS: the paper's abstract names an auto-search
/// in heterogeneous classifiers; the formulas are this project's.]
///
///     search::head_search objective(search::candidate_costs(net, shape{1, L, C}), options);
///     train::training t(net, objective, train, validation, normaliser, training_options);
///     t.add(objective);   // which sets τ before each epoch
///     t.run();
///     search::decide(net, validation, normaliser, options);
class head_search {
public:
    /// `costs` as candidate_costs gives them; they are scaled to a largest of 1.
    SMLDIST_FUNCTION head_search(std::vector<double> costs, const search_options& o);

    /// As a callback of the training: enters the epoch.
    template <class Network> void before_epoch(train::state<Network>& s) {
        enter_epoch(s.network, s.epoch, s.epochs);
    }

    /// Sets the network up for one epoch (from 1): equal weights in the warm-up, then τ. For a loop of your own; a training
    /// calls it when the objective is added as a callback.
    template <class Network> void enter_epoch(Network& net, std::size_t epoch, std::size_t epochs) {
        const double done = double(epoch - 1) / double(epochs);
        const double at = std::clamp((done - options_.warmup) / (1 - options_.warmup), 0.0, 1.0);
        net.architecture_logits.trainable = done >= options_.warmup && !net.architecture_logits.frozen;
        net.config.temperature = options_.first_tau * std::pow(options_.last_tau / options_.first_tau, at);
        tau_ = net.config.temperature;
    }

    SMLDIST_FUNCTION train::objective_value operator()(tape<float>& t, const outputs<var<float>>& out,
                                                       const data::batch& b, double progress) const;
    static void visit(auto&, auto&&) {}
    static void visit_state(auto& self, auto&& member) { member("tau", self.tau_); }

private:
    search_options options_;
    tensor<float> costs_; ///< (J)
    double tau_ = 1;      ///< of the epoch
};

/// What the search found out about one candidate.
struct candidate_report {
    std::string name;
    double weight = 0;             ///< ω at the end of the search
    double macs = 0;               ///< beyond the cheapest candidate's
    metric::evaluation validation; ///< with only this head
};

struct search_report {
    std::vector<candidate_report> candidates;
    metric::evaluation mixture; ///< on the validation windows
    std::size_t chosen = 0;

    /// One line that tells why the head won.
    SMLDIST_FUNCTION std::string reason(double tolerance) const;
};

/// Evaluates every candidate by itself and the mixture on the validation windows, then keeps the cheapest candidate whose
/// macro-F1 is within the tolerance of the best (a tie goes to the better, then to the earlier one). The kept head gives
/// the same bits as before. `channels` as in evaluate.
template <class Network>
search_report decide(Network& net, const data::windows& validation, const normaliser& normal,
                     const search_options& o = {}, std::span<const std::size_t> channels = {}) {
    o.check();
    search_report r;
    r.mixture = train::evaluate(net, validation, normal, channels);
    const auto costs = candidate_costs(
        net, shape{1, validation.length(), channels.empty() ? validation.channels() : channels.size()});
    const tensor<float> weights = op::softmax(op::scale(net.architecture_logits.value, 1 / net.config.temperature));
    double best = 0;
    for (std::size_t j = 0; j < costs.size(); ++j) {
        Network one = net;
        one.keep(j);
        r.candidates.push_back({std::string(text(net.config.candidates[j])), double(weights[j]), costs[j],
                                train::evaluate(one, validation, normal, channels)});
        best = std::max(best, r.candidates.back().validation.macro_f1);
    }
    bool found = false;
    for (std::size_t j = 0; j < costs.size(); ++j) {
        const auto& c = r.candidates[j];
        if (c.validation.macro_f1 < best - o.tolerance) continue;
        const auto& now = r.candidates[r.chosen];
        if (!found || c.macs < now.macs || (c.macs == now.macs && c.validation.macro_f1 > now.validation.macro_f1))
            r.chosen = j;
        found = true;
    }
    net.keep(r.chosen);
    return r;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::search

#if SMLDIST_TRAIN_BODIES
#include "smldist/search/head_search.ipp"
#endif

#endif

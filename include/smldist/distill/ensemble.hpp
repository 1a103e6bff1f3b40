// SPDX-License-Identifier: BSD-3-Clause
/// Several networks as one teacher.
#ifndef SMLDIST_DISTILL_ENSEMBLE_HPP
#define SMLDIST_DISTILL_ENSEMBLE_HPP

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/core/outputs.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/train/evaluate.hpp"

namespace smldist::distill {
SMLDIST_NAMESPACE_BEGIN

/// Networks with the same classes that answer together.
///
///     logits = 1/K · Σ_k logits_k              K members
///
/// Stages, feature and memory are those of one member, the leader: the features of independently trained networks cannot be
/// averaged. The softmax of mean logits is the normalised geometric mean of the members' probabilities. An ensemble is a
/// network in all three worlds, so it is compiled, evaluated and distilled as one:
///
///     distill::ensemble teachers(std::move(members));   // of model::network<float>, of any presets
///     teachers.lead(distill::nearest_member(teachers, validation, normal));
///     distill::fit(student, teachers, train, validation, normal);
///
/// Shapes     as of its members; logits (B, N).
/// Source     Hansen and Salamon 1990, "Neural network ensembles"; as a teacher Hinton et al. 2015, arXiv 1503.02531.
template <class Network> class ensemble {
public:
    /// Throws     usage_error without members.
    explicit ensemble(std::vector<Network> members, std::size_t leader = 0) : members_(std::move(members)) {
        if (members_.empty()) raise<usage_error>("distill::ensemble", "number of members is 0, expected at least 1");
        lead(leader);
    }

    /// Throws     shape_error when the members have different classes; what a member throws for such an input.
    template <class X> outputs<X> operator()(const X& x, mode m = mode::eval) const {
        outputs<X> out;
        X sum;
        for (std::size_t k = 0; k < members_.size(); ++k) {
            outputs<X> own = members_[k](x, m);
            sum = k == 0 ? own.logits : op::add(sum, own.logits);
            if (k == leader_) out = std::move(own);
        }
        out.logits = members_.size() == 1 ? sum : op::scale(sum, 1.0 / double(members_.size()));
        return out;
    }

    [[nodiscard]] const std::vector<Network>& members() const { return members_; }
    /// The member whose stages, feature and memory the ensemble returns.
    [[nodiscard]] const Network& leader() const { return members_[leader_]; }
    /// Makes member `k` the leader.
    /// Throws     usage_error when there is no such member.
    void lead(std::size_t k) {
        if (k >= members_.size())
            raise<usage_error>("distill::ensemble", "leader is ", k, ", expected below the number of members, ",
                               members_.size());
        leader_ = k;
    }

    static void visit(auto& self, auto&& member) { member("members", self.members_); }

private:
    std::vector<Network> members_;
    std::size_t leader_ = 0;
};

/// The member whose answers are nearest to those of the ensemble, on windows that no member was trained on.
///
///     argmin_k  1/n · Σ_i KL(p_i ‖ p_i,k)      p the softmax of the mean logits, p_k that of member k's logits
///
/// Returns    its index; the lowest in a tie.
/// Throws     as train::for_each_batch; data_error without windows; numeric_error when an answer is not finite.
template <class Network>
[[nodiscard]] std::size_t nearest_member(const ensemble<Network>& e, const data::windows& validation,
                                         const normaliser& normal, std::span<const std::size_t> channels = {}) {
    if (validation.empty())
        raise<data_error>("distill::nearest_member", "number of windows is 0, expected at least 1");
    std::vector<tensor<double>> log_p;
    for (const Network& member : e.members())
        log_p.push_back(op::log_softmax(cast<double>(train::logits(member, validation, normal, channels))));
    tensor<double> mean = log_p.front();
    for (std::size_t k = 1; k < log_p.size(); ++k) mean = op::add(mean, log_p[k]);
    const tensor<double> together = op::log_softmax(op::scale(mean, 1.0 / double(log_p.size())));
    std::size_t nearest = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < log_p.size(); ++k) {
        double distance = 0;
        for (std::size_t i = 0; i < together.size(); ++i)
            distance += std::exp(together[i]) * (together[i] - log_p[k][i]);
        if (!std::isfinite(distance))
            raise<numeric_error>("distill::nearest_member", "divergence of member ", k, " is ", distance,
                                 ", expected a finite one");
        if (distance < least) nearest = k, least = distance;
    }
    return nearest;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::distill

#endif

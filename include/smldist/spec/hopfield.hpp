// SPDX-License-Identifier: BSD-3-Clause
/// Descriptions of the retrieval from a modern Hopfield network, plain and with a mask or other rules for when it stops.
#ifndef SMLDIST_SPEC_HOPFIELD_HPP
#define SMLDIST_SPEC_HOPFIELD_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "smldist/core/enum_names.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/shape.hpp"

namespace smldist::spec {
SMLDIST_NAMESPACE_BEGIN

/// Moves states towards stored patterns: at most U updates of a modern Hopfield network.
///
///     p_u = softmax(beta * keys q_u),   q_{u+1} = keysᵀ p_u,   until ‖q_{u+1} - q_u‖ < eps or u = U
///
/// Every state stops independently, so the result does not depend on the rest of the batch.
///
/// Shapes     q (…, Q, h) · keys (M, h), or (B, M, h) for q (B, Q, h) or for q (Q, h), which then starts in every sample ·
///            beta (1) · y as q, (B, Q, h) with keys (B, M, h)
/// Cost       2 * U * rows * M * h multiply-accumulates.
/// Throws     shape_error if keys do not fit q or beta is not one number; usage_error if eps < 0.
/// Source     Ramsauer et al. 2020 (arXiv 2008.02217), eq. 3; the reference code stops a whole batch at once.
struct hopfield {
    std::size_t updates = 1; ///< U, the largest number of updates of a state
    double eps = 1e-4;       ///< a state that moved less than this (Euclidean) stops; 0: always U updates

    /// U for "until it stops": after so many updates a state that still moves stays where it is.
    static constexpr std::size_t until_rest = 1024;

    /// The extents of a call. Steps are elements from one group of states to the next, 0 for shared operands.
    struct sizes {
        std::size_t groups, rows, M, h, key_step, state_step;
        sizes(const shape& q, const shape& keys)
            : groups(keys.rank() == 3 ? keys[0] : 1),
              rows(q.rank() == 2 ? q[0] : q.rows() / groups),
              M(keys[keys.rank() - 2]),
              h(q.back()),
              key_step(keys.rank() == 3 ? M * h : 0),
              state_step(q.rank() == 2 ? 0 : rows * h) {}
    };

    static constexpr std::string_view name = "hopfield";
    static void visit(auto& self, auto&& f) {
        f("updates", self.updates);
        f("eps", self.eps);
    }
    std::uint64_t macs(const shape& q, const shape& keys, const shape&) const {
        const sizes s(q, keys);
        return 2 * std::uint64_t(updates) * s.groups * s.rows * s.M * s.h;
    }
    shape infer(const shape& q, const shape& keys, const shape& beta) const {
        const bool shared_keys = keys.rank() == 2, shared_state = q.rank() == 2;
        const bool paired = keys.rank() == 3 && (shared_state || (q.rank() == 3 && keys[0] == q[0]));
        if (q.rank() < 2 || !(shared_keys || paired) || keys.size() == 0 || keys.back() != q.back())
            raise<shape_error>("op::hopfield", "shapes of state and keys are ", q.text(), " and ", keys.text(),
                               ", expected (…, Q, h) and (M, h), or (B, Q, h) or (Q, h) and (B, M, h)");
        if (beta.size() != 1)
            raise<shape_error>("op::hopfield", "shape of beta is ", beta.text(), ", expected one number");
        if (!(eps >= 0)) raise<usage_error>("op::hopfield", "eps is ", eps, ", expected at least 0");
        return shared_state && !shared_keys ? shape{keys[0], q[0], q[1]} : q;
    }
};

/// Which change ends the updates of a Hopfield retrieval. ‖·‖ is Euclidean for a state, Frobenius for an association (Q, M).
enum class hopfield_stop : std::uint8_t {
    state,  ///< ‖q_{u+1} - q_u‖ < eps: every state by itself
    sample, ///< ‖p_u - p_{u-1}‖ ≤ eps: the states of a sample together
    batch   ///< max over the samples of ‖p_u - p_{u-1}‖ ≤ eps: all states together
};
constexpr auto enum_names(hopfield_stop) { return enum_table("hopfield_stop", "state", "sample", "batch"); }

/// Throws     shape_error unless the mask has a column for each pattern and its other axes repeat to those of the scores.
SMLDIST_COLD inline void check_mask(std::string_view where, const shape& scores, const shape& mask) {
    const std::size_t rank = mask.rank(), missing = scores.rank() - rank;
    bool fits = rank >= 1 && rank <= std::min<std::size_t>(3, scores.rank()) && mask.back() == scores.back();
    for (std::size_t a = 0; fits && a + 1 < rank; ++a) fits = mask[a] == 1 || mask[a] == scores[missing + a];
    if (!fits)
        raise<shape_error>(where, "shape of the mask is ", mask.text(), " for scores ", scores.text(),
                           ", expected (M), (1 or Q, M) or (1 or B, 1 or Q, M)");
}

/// As hopfield, with a mask on the associations and a choice of when the updates end.
///
///     p_u = softmax(beta * keys q_u + mask),   q_{u+1} = keysᵀ p_u
///
/// A mask of -∞ excludes a pattern from a state: its association is 0, exactly. A state without any pattern has only
/// associations of 0 and becomes 0, with gradients of 0 (PyTorch gives NaN). Rules about associations compare p_u with
/// p_{u-1} before they make update u+1, so there is at least one update; with eps = 0 all rules make the same updates.
///
/// Shapes     q, keys, beta, y as hopfield · mask (M), (1 or Q, M) or (1 or B, 1 or Q, M), or empty.
///            A sample is a (Q, h) of y; y (Q, h) is one sample.
/// Cost       2 * U * rows * M * h multiply-accumulates.
/// Throws     as hopfield; shape_error if the mask does not fit.
/// Source     Ramsauer et al. 2020 (arXiv 2008.02217), eq. 3; `batch` is the rule of its authors' library.
struct masked_hopfield {
    std::size_t updates = 1;                   ///< U, the largest number of updates
    double eps = 1e-4;                         ///< threshold of `stop`; 0: always U updates
    hopfield_stop stop = hopfield_stop::state; ///< which change is compared with eps

    static constexpr std::string_view name = "masked_hopfield";
    static void visit(auto& self, auto&& f) {
        f("updates", self.updates);
        f("eps", self.eps);
        f("stop", self.stop);
    }
    std::uint64_t macs(const shape& q, const shape& keys, const shape& beta, const shape&) const {
        return hopfield{updates, eps}.macs(q, keys, beta);
    }
    shape infer(const shape& q, const shape& keys, const shape& beta, const shape& mask) const {
        const shape y = hopfield{updates, eps}.infer(q, keys, beta);
        if (mask.size() != 0) check_mask("op::masked_hopfield", y.with(y.rank() - 1, keys[keys.rank() - 2]), mask);
        return y;
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif

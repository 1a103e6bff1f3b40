// SPDX-License-Identifier: BSD-3-Clause
/// Description of the retrieval from a modern Hopfield network.
#ifndef SMLDIST_SPEC_HOPFIELD_HPP
#define SMLDIST_SPEC_HOPFIELD_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

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

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif

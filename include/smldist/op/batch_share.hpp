// SPDX-License-Identifier: BSD-3-Clause
/// A batch that several processes compute together.
#ifndef SMLDIST_OP_BATCH_SHARE_HPP
#define SMLDIST_OP_BATCH_SHARE_HPP

#include <cstddef>

#include "smldist/core/config.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

/// The share of a batch that this process computes while others compute the rest. Two kinds of ops need to know: dropout
/// draws for its rows as in the whole batch, and batch-norm can take the statistics of all shares.
///
/// Every process runs the same ops in the same order, and each computes the mean of the loss over its own rows; the
/// gradient of the whole batch is then the mean of the processes' gradients, weighted by their numbers of rows.
struct batch_share {
    std::size_t first = 0; ///< its first row (element of axis 0), among those of the whole batch
    double weight = 1;     ///< of each of its rows in sums over all shares
    /// Replaces n values by their sums over all shares, the same bits in every process; null: batch-norm takes the
    /// statistics of this share only.
    void (*sum)(void* context, double* values, std::size_t n) = nullptr;
    void* context = nullptr;
};

/// The share of this thread's tape; null: its batches are whole. It must stay as it is from forward to backward.
inline const batch_share*& current_share() {
    SMLDIST_THREAD_LOCAL const batch_share* share = nullptr;
    return share;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

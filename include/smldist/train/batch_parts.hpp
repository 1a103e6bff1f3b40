// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_TRAIN_BATCH_PARTS_HPP
#define SMLDIST_TRAIN_BATCH_PARTS_HPP

#include <algorithm>
#include <cstddef>
#include <utility>

#include "smldist/core/error.hpp"
#include "smldist/core/random.hpp"
#include "smldist/data/loader.hpp"
#include "smldist/op/batch_share.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

/// The parts of a batch that is computed one part after the other (training_options::accumulate).
///
///     for (batch_parts p(batch, parts, t.random(), buffer); p.next();) …      // p.part(), p.weight(), p.last()
///
/// Part k of n has the rows from B k/n to B (k+1)/n, at least two, since batch-norm needs them. Ops that draw at random
/// draw for its rows as in the whole batch: each part begins with the same random stream, and op::current_share() says
/// which rows it has. Refers to all arguments of its constructor.
class batch_parts {
public:
    /// Throws     usage_error when this process computes only a share of the batch, with batch-norm over all shares: the
    ///            processes would wait for each other's parts.
    batch_parts(const data::batch& whole, std::size_t parts, generator& random, data::batch& buffer)
        : whole_(whole),
          random_(random),
          buffer_(buffer),
          start_(random),
          outer_(op::current_share()),
          parts_(std::max<std::size_t>(1, std::min(parts, whole.size() / 2))) {
        if (outer_ && outer_->sum)
            raise<usage_error>("training", "accumulate is ", parts, ", expected 1 with synchronised batch-norm");
    }
    ~batch_parts() { op::current_share() = outer_; }
    batch_parts(const batch_parts&) = delete;
    batch_parts& operator=(const batch_parts&) = delete;

    /// Takes the next part; false when there is none.
    bool next() {
        if (next_ == parts_) return false;
        const std::size_t first = begin(next_), last = begin(next_ + 1);
        data::copy_rows(whole_, first, last, buffer_);
        weight_ = double(last - first) / double(whole_.size());
        share_ = outer_ ? *outer_ : op::batch_share{};
        share_.first += first;
        op::current_share() = &share_;
        random_ = start_;
        ++next_;
        return true;
    }
    const data::batch& part() const { return buffer_; }
    double weight() const { return weight_; } ///< its share of the rows
    bool last() const { return next_ == parts_; }

private:
    std::size_t begin(std::size_t k) const { return whole_.size() * k / parts_; }

    const data::batch& whole_;
    generator& random_;
    data::batch& buffer_;
    const generator start_;
    const op::batch_share* outer_;
    std::size_t parts_, next_ = 0;
    double weight_ = 1;
    op::batch_share share_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#endif

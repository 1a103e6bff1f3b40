// SPDX-License-Identifier: BSD-3-Clause
/// What a network returns: everything that distillation uses.
#ifndef SMLDIST_CORE_OUTPUTS_HPP
#define SMLDIST_CORE_OUTPUTS_HPP

#include <array>
#include <cstddef>

#include "smldist/core/error.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// A short list that lives inside its owner, so that a training step does not allocate for it.
template <class X> class stage_list {
public:
    static constexpr std::size_t capacity = 16;

    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    X& operator[](std::size_t i) { return items_[i]; }
    const X& operator[](std::size_t i) const { return items_[i]; }
    X* begin() { return items_.data(); }
    X* end() { return items_.data() + size_; }
    const X* begin() const { return items_.data(); }
    const X* end() const { return items_.data() + size_; }
    void push_back(X item) {
        if (size_ == capacity) raise<usage_error>("stage_list", "number of stages is more than ", capacity);
        items_[size_++] = std::move(item);
    }

private:
    std::array<X, capacity> items_{};
    std::size_t size_ = 0;
};

/// Outputs of a Hopfield memory head for one batch; empty for other heads.
template <class X> struct memory_outputs {
    X scores;    ///< (B, M) association scores s; the association is softmax(s)
    X retrieved; ///< (B, h) the retrieved pattern, association · keys

    bool empty() const { return scores.empty(); }
};

/// Outputs of the candidates of a head under search for one batch; empty for other heads.
template <class X> struct candidate_outputs {
    X logits;  ///< (B, J·N), one candidate after the other
    X weights; ///< (J) architecture logits a; the mixture is softmax(a/τ)

    bool empty() const { return logits.empty(); }
};

/// Result of a network for a batch; X is a tensor, a tape's var or a symbol.
template <class X> struct outputs {
    stage_list<X> stages;            ///< stages[i] (B, L_i, C_i): features at the anchors
    X feature;                       ///< (B, D): penultimate feature
    memory_outputs<X> memory;        ///< of a memory head
    candidate_outputs<X> candidates; ///< of a head under search
    X logits;                        ///< (B, N)
};

SMLDIST_NAMESPACE_END
} // namespace smldist

#endif

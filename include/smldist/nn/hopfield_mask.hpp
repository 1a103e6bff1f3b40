// SPDX-License-Identifier: BSD-3-Clause
/// Masks on the associations of a Hopfield layer.
#ifndef SMLDIST_NN_HOPFIELD_MASK_HPP
#define SMLDIST_NN_HOPFIELD_MASK_HPP

#include <cstddef>
#include <cstdint>
#include <limits>

#include "smldist/core/tensor.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reshape.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

/// What is added to the scores of a Hopfield layer before the softmax: -∞ excludes a pattern, 0 leaves it; a member without
/// elements is no mask. `M` is tensor<T>, which every world takes, or the value type of the call, so that a mask can be
/// learned. hidden_as<T>(flags) makes one from flags.
template <class M> struct hopfield_masks {
    M padding{}; ///< (B, M), (1, M) or (M): patterns that no state of the sample sees [stored_pattern_padding_mask]
    M association{}; ///< (Q, M) · (B·heads, Q, M) · (B or 1, heads or 1, Q, M) [association_mask]
};

/// -∞ where a flag is set, else 0: PyTorch's boolean mask, True for a pattern that is not seen.
template <class T> [[nodiscard]] tensor<T> hidden_as(const tensor<std::uint8_t>& flags) {
    tensor<T> mask(flags.shape());
    for (std::size_t i = 0; i < flags.size(); ++i)
        if (flags[i] != 0) mask[i] = -std::numeric_limits<T>::infinity();
    return mask;
}

namespace detail {

struct no_masks {};

/// The part of an association mask for one head: (Q, M), or (B, Q, M) for scores with a batch.
template <class M> M association_mask(const M& mask, std::size_t heads, std::size_t head, bool batched) {
    shape s = mask.shape();
    if (s.rank() == 2) return mask;
    if (s.rank() == 3 && s[0] % heads == 0) s = {s[0] / heads, heads, s[1], s[2]};
    if (s.rank() != 4 || (s[1] != 1 && s[1] != heads))
        raise<shape_error>("nn::hopfield", "shape of the association mask is ", mask.shape().text(),
                           ", expected (Q, M), (B·heads, Q, M) or (B or 1, heads or 1, Q, M) with heads = ", heads);
    const M all = op::reshape(mask, s);
    const M own = s[1] == 1 ? all : op::slice(all, 1, head, head + 1);
    return op::reshape(own, batched || s[0] != 1 ? shape{s[0], s[2], s[3]} : shape{s[2], s[3]});
}

/// The whole mask of one head, with a 0 for each pattern that the layer appends; without elements if there is none.
template <class M>
M mask_of_head(const hopfield_masks<M>& masks, std::size_t heads, std::size_t head, bool batched,
               std::size_t appended) {
    M mask = masks.association.empty() ? M() : association_mask(masks.association, heads, head, batched);
    if (!masks.padding.empty()) {
        M p = masks.padding;
        const shape s = p.shape();
        if (s.rank() == 2 && (batched || s[0] != 1)) p = op::reshape(p, {s[0], 1, s[1]});
        mask = mask.empty() ? p : op::add(mask, p);
    }
    if (mask.empty() || appended == 0) return mask;
    // Zeros, of -∞ too, without a gradient. Not a tensor: the graph in a model file has no elements of constants.
    const M zeros = op::scale(op::clamp(op::slice(mask, -1, 0, 1), 0, 0), 0);
    for (std::size_t i = 0; i < appended; ++i) mask = op::concat(mask, zeros);
    return mask;
}

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif

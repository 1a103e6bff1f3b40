// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_OPTIM_EMA_HPP
#define SMLDIST_OPTIM_EMA_HPP

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "smldist/core/parameter.hpp"
#include "smldist/kernel/update.hpp"

namespace smldist::optim {
SMLDIST_NAMESPACE_BEGIN

namespace detail {
/// Moves every parameter of `mean` towards that of `current`, a model of the same structure, by the share s of the
/// difference, and copies the buffers. `leaves` is working memory, kept so that only the first call allocates.
template <class M> void approach(M& mean, const M& current, double s, std::vector<const void*>& leaves) {
    leaves.clear();
    for_each_leaf(current, [&](const auto& leaf) { leaves.push_back(&leaf); });
    std::size_t next = 0;
    for_each_leaf(mean, [&](auto& mine) {
        using leaf = std::remove_cvref_t<decltype(mine)>;
        const auto& theirs = *static_cast<const leaf*>(leaves.at(next++));
        using T = typename std::remove_cvref_t<decltype(mine.value)>::value_type;
        if constexpr (std::is_same_v<leaf, parameter<T>>) {
            mine.trainable = theirs.trainable;
            mine.frozen = theirs.frozen;
            mine.trainable_before = theirs.trainable_before;
            if (theirs.frozen)
                mine.value = theirs.value; // which no longer changes
            else
                kernel::approach(mine.value.size(), static_cast<T>(s), theirs.value.data(), mine.value.data());
        } else {
            mine.value = theirs.value;
        }
    });
}
} // namespace detail

/// Exponential moving average of a model's parameters; buffers are copied.
///
///     θ' = d θ' + (1-d) θ,   d = min(decay, (1+t)/(10+t)) after t updates
///
/// `model` is the averaged model, ready for evaluation. Source: Polyak averaging; the ramp is TensorFlow's
/// ExponentialMovingAverage with num_updates.
template <class M> struct ema {
    M model;
    double decay = 0.999;
    std::size_t updates = 0;

    explicit ema(const M& start, double d = 0.999) : model(start), decay(d) {
        if (!(d >= 0 && d < 1)) raise<usage_error>("optim::ema", "decay is ", d, ", expected 0 ≤ decay < 1");
    }
    /// Moves the average towards `current`, a model of the same structure. Does not allocate.
    void update(const M& current) {
        const double t = double(updates++), d = std::min(decay, (1 + t) / (10 + t));
        detail::approach(model, current, 1 - d, leaves_);
    }
    /// What updates change, for train/checkpoint.hpp.
    static void visit_state(auto& self, auto&& member) {
        member("model", self.model);
        member("updates", self.updates);
    }

private:
    std::vector<const void*> leaves_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::optim

#endif

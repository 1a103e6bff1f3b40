// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_OPTIM_EMA_HPP
#define SMLDIST_OPTIM_EMA_HPP

#include <algorithm>
#include <cstddef>
#include <vector>

#include "smldist/core/parameter.hpp"

namespace smldist::inline SMLDIST_ABI::optim {

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
        std::vector<const void*>& leaves = leaves_;
        leaves.clear();
        auto collect = [&](const auto& leaf) { leaves.push_back(&leaf); };
        smldist::detail::walk_leaves(current, collect);
        std::size_t next = 0;
        auto average = [&](auto& mine) {
            using leaf = std::remove_cvref_t<decltype(mine)>;
            const auto& theirs = *static_cast<const leaf*>(leaves.at(next++));
            if constexpr (smldist::detail::is_parameter<leaf>::value) {
                using T = typename std::remove_cvref_t<decltype(mine.value)>::value_type;
                for (std::size_t i = 0; i < mine.value.size(); ++i)
                    mine.value[i] += static_cast<T>(1 - d) * (theirs.value[i] - mine.value[i]);
            } else {
                mine.value = theirs.value;
            }
        };
        smldist::detail::walk_leaves(model, average);
    }

private:
    std::vector<const void*> leaves_;
};

} // namespace smldist::inline SMLDIST_ABI::optim

#endif

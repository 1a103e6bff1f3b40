// SPDX-License-Identifier: BSD-3-Clause
/// Where the patterns of a memory start.
#ifndef SMLDIST_TRAIN_MEMORY_INITIALISATION_HPP
#define SMLDIST_TRAIN_MEMORY_INITIALISATION_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "smldist/core/enum_names.hpp"
#include "smldist/core/outputs.hpp"
#include "smldist/core/random.hpp"
#include "smldist/train/evaluate.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

enum class memory_initialisation : std::uint8_t {
    random, ///< as the network was made
    k_means ///< on the centres of the network's own features after the first epoch
};
constexpr auto enum_names(memory_initialisation) {
    return enum_table("train::memory_initialisation", "random", "kmeans");
}

/// A network whose `memory()` points to its memory, or is null.
template <class Network>
concept has_memory = requires(const Network& net) {
    net.memory()->options.patterns_per_class;
};

/// Throws usage_error unless the network has a memory and every class of it a window for each of its patterns.
template <class Network> void check_placement(const Network& net, const data::windows& w) {
    if constexpr (has_memory<Network>) {
        if (net.memory()) {
            const std::size_t wanted = net.memory()->options.patterns_per_class;
            for (std::size_t n = 0; n < net.memory()->classes(); ++n)
                if (const auto got = static_cast<std::size_t>(std::count(w.label.begin(), w.label.end(), int(n)));
                    got < wanted)
                    raise<usage_error>("train::place_memory", "windows of class ", n, " are ", got,
                                       ", expected at least ", wanted, ", one per pattern");
            return;
        }
    }
    raise<usage_error>("train::place_memory", "network has no memory head, expected one");
}

/// Puts the patterns of the network's memory on the k-means centres of its features, class by class: one evaluation pass
/// over the windows, then nn::memory::place. Before training, or between two epochs. `channels` as in for_each_batch.
/// Throws     as check_placement and for_each_batch.
template <class Network>
void place_memory(Network& net, const data::windows& w, const normaliser& normal, generator g,
                  std::span<const std::size_t> channels = {}) {
    check_placement(net, w);
    if constexpr (has_memory<Network>) {
        tensor<float> features;
        const auto keep = [&](std::size_t first, const outputs<tensor<float>>& out) {
            const std::size_t D = out.feature.shape()[1];
            if (features.empty()) features = tensor<float>::uninitialized({w.size(), D});
            std::copy(out.feature.begin(), out.feature.end(), features.data() + first * D);
        };
        for_each_batch(net, w, normal, keep, 128, channels);
        net.memory()->place(features, w.label, g);
    }
}

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#endif

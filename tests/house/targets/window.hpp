// SPDX-License-Identifier: BSD-3-Clause
/// What the programs of this folder classify, the same on all targets.
#ifndef SMLDIST_TESTS_HOUSE_TARGETS_WINDOW_HPP
#define SMLDIST_TESTS_HOUSE_TARGETS_WINDOW_HPP

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <vector>

#include "smldist/deploy/load.hpp"

/// Prints the logits of one window, one per line.
inline void print_logits(const smldist::deploy::loaded& model) {
    std::vector<float> window(model.net.length() * model.net.channels()), logits(model.facts.labels.size());
    for (std::size_t i = 0; i < window.size(); ++i) window[i] = std::sin(0.01f * static_cast<float>(i * i % 1000));
    smldist::runtime::workspace memory(model.net, 3);
    model.net.run(window.data(), logits.data(), 1, memory);
    for (const float v : logits) std::printf("%.9g\n", double(v));
}

#endif

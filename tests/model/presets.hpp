// SPDX-License-Identifier: BSD-3-Clause
/// Networks of the presets, and steps of training on batches of 8 windows.
#ifndef SMLDIST_TESTS_MODEL_PRESETS_HPP
#define SMLDIST_TESTS_MODEL_PRESETS_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/loss/cross_entropy.hpp"
#include "smldist/model/network.hpp"

using network = smldist::model::network<float>;

inline smldist::tensor<float> normal(const smldist::shape& s, std::uint64_t seed = 0) {
    smldist::generator random(7, seed);
    smldist::tensor<float> x(s);
    for (float& v : x) v = static_cast<float>(random.normal());
    return x;
}

inline const smldist::model::head_config linear_head = smldist::model::linear_head{},
                                         memory_head = smldist::model::memory_head{
                                             .patterns_per_class = 3, .width = 16, .updates = 1};
inline const smldist::model::head_config both_heads[] = {linear_head, memory_head};

/// Without dropout, so that training is defined on tensors too.
inline network make(std::string_view preset, smldist::model::head_config head = linear_head, std::uint64_t seed = 1) {
    auto c = smldist::model::preset(preset);
    c.head = head;
    c.dropout = 0;
    return network(c, smldist::generator(seed));
}

/// All parameters and buffers of a network in one row.
inline std::vector<float> all_values(const network& net) {
    std::vector<float> values;
    smldist::walk(net, [&values](const std::string&, const auto& leaf) {
        for (const auto v : leaf.value) values.push_back(static_cast<float>(v));
    });
    return values;
}
inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// Of 8 windows.
inline const std::vector<int> eight_labels{0, 1, 2, 3, 4, 5, 0, 1};

/// One training step on a batch of 8 windows.
template <class Optimiser>
void train_step(network& net, smldist::tape<float>& t, Optimiser& optimiser, const smldist::tensor<float>& x) {
    t.reset();
    const auto out = net(t.input(x), smldist::mode::train);
    t.backward(smldist::loss::cross_entropy(out.logits, std::span<const int>(eight_labels)));
    optimiser.step(net, t);
}

#endif

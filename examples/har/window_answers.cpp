// SPDX-License-Identifier: BSD-3-Clause
#include "window_answers.hpp"

#include <cmath>

#include "smldist/data/window.hpp"
#include "smldist/train/evaluate.hpp"

namespace har {

using namespace smldist;

predictions answer_windows(const model::loaded<float>& m, std::span<const float> samples, std::size_t hop,
                           bool energy, const std::function<void(std::size_t window)>& refuse) {
    const std::size_t L = m.facts.window, C = m.facts.channels.size(), N = m.facts.labels.size();
    const std::size_t n = samples.size() / C, count = n < L ? 0 : (n - L) / hop + 1;
    const std::size_t at_once = std::min<std::size_t>(count, 128);
    predictions all;
    all.classes = N;
    all.probabilities.reserve(count * N);
    data::windows batch;
    batch.info.labels = m.facts.labels;
    for (std::size_t begin = 0; begin < count; begin += at_once) {
        const std::size_t size = std::min(at_once, count - begin);
        if (batch.size() != size) batch.x = tensor<float>::uninitialized({size, L, C});
        batch.label.assign(size, 0);
        batch.subject.assign(size, 0);
        for (std::size_t i = 0; i < size; ++i)
            std::copy_n(samples.data() + (begin + i) * hop * C, L * C, batch.x.data() + i * L * C);
        const auto keep = [&](std::size_t, const outputs<tensor<float>>& out) {
            std::vector<float> energies;
            if (energy && m.net.memory())
                for (const float e : m.net.memory()->energy(out.memory.scores)) energies.push_back(e);
            for (std::size_t i = 0; i < size; ++i) {
                bool finite = energies.empty() || std::isfinite(energies[i]);
                for (std::size_t k = 0; k < N; ++k) finite = finite && std::isfinite(out.logits(i, k));
                if (!finite) refuse(begin + i);
            }
            const tensor<float> p = op::softmax(out.logits);
            all.probabilities.insert(all.probabilities.end(), p.begin(), p.end());
            all.energy.insert(all.energy.end(), energies.begin(), energies.end());
        };
        train::for_each_batch(m.net, batch, m.facts.normaliser, keep, at_once);
    }
    return all;
}

std::vector<segment> merged(const predictions& all, std::size_t length, std::size_t hop) {
    std::vector<segment> segments;
    std::size_t windows = 0; // of the last segment
    for (std::size_t i = 0; i < all.size(); ++i) {
        const std::size_t label = all.label(i), begin = i * hop;
        if (segments.empty() || segments.back().label != label) {
            // Half-way between the middles of this window and the one before it.
            const std::size_t border = i == 0 ? 0 : begin - hop + (length + hop) / 2;
            if (!segments.empty()) segments.back().end = border;
            segments.push_back({border, 0, label, 0});
            windows = 0;
        }
        segment& s = segments.back();
        s.end = begin + length;
        s.probability += (double(all.of(i)[label]) - s.probability) / double(++windows);
    }
    return segments;
}

} // namespace har

// SPDX-License-Identifier: BSD-3-Clause
/// A network's answers for the windows of one recording.
#ifndef HAR_WINDOW_ANSWERS_HPP
#define HAR_WINDOW_ANSWERS_HPP

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "smldist/model/load.hpp"

namespace har {

/// The answers of a network for windows.
struct predictions {
    std::size_t classes = 0;
    std::vector<float> probabilities; ///< (windows, classes)
    std::vector<double> energy; ///< Hopfield energy of each window, when it is asked for and the head is a memory

    std::size_t size() const { return classes == 0 ? 0 : probabilities.size() / classes; }
    std::span<const float> of(std::size_t i) const { return std::span(probabilities).subspan(i * classes, classes); }
    std::size_t label(std::size_t i) const {
        const auto p = of(i);
        return static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin());
    }
};

/// For the windows of samples (n, C) that begin every `hop` samples. `refuse` is called for a window without a finite answer, and
/// throws.
predictions answer_windows(const smldist::model::loaded<float>& m, std::span<const float> samples, std::size_t hop,
                           bool energy, const std::function<void(std::size_t window)>& refuse);

/// Neighbouring windows with the same label, in samples from the first. Each window speaks for the samples around its middle:
/// a segment ends half-way between the middles of two windows.
struct segment {
    std::size_t begin = 0, end = 0, label = 0;
    double probability = 0; ///< of the label, mean over its windows
};
std::vector<segment> merged(const predictions& all, std::size_t length, std::size_t hop);

} // namespace har

#endif

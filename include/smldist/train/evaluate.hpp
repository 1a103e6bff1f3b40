// SPDX-License-Identifier: BSD-3-Clause
/// Running a network over a set of windows.
#ifndef SMLDIST_TRAIN_EVALUATE_HPP
#define SMLDIST_TRAIN_EVALUATE_HPP

#include <algorithm>
#include <cstddef>
#include <span>

#include "smldist/core/outputs.hpp"
#include "smldist/data/normaliser.hpp"
#include "smldist/data/window.hpp"
#include "smldist/metric/evaluation.hpp"
#include "smldist/op/softmax.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

/// Calls f(first, outputs) for consecutive batches of the windows in evaluation mode, normalised. `channels` are those of
/// the windows that the network sees; empty: all.
/// Throws     data_error as windows::check; shape_error when normaliser or network expects other channels; usage_error
///            for a channel that the windows lack.
template <class Network, class F>
void for_each_batch(const Network& net, const data::windows& w, const normaliser& normal, F&& f,
                    std::size_t batch = 128, std::span<const std::size_t> channels = {}) {
    w.check();
    const std::size_t stride = w.length() * w.channels();
    for (std::size_t first = 0; first < w.size(); first += batch) {
        const std::size_t count = std::min(batch, w.size() - first);
        auto x = tensor<float>::uninitialized({count, w.length(), w.channels()});
        std::copy_n(w.window(first), count * stride, x.data());
        data::normalise(x, normal);
        if (!channels.empty()) x = data::select_channels(x, channels);
        f(first, net(x, mode::eval));
    }
}

/// Logits (N, K) of every window. Errors: for_each_batch.
template <class Network>
[[nodiscard]] tensor<float> logits(const Network& net, const data::windows& w, const normaliser& normal,
                                   std::span<const std::size_t> channels = {}) {
    tensor<float> z;
    const auto keep = [&](std::size_t first, const outputs<tensor<float>>& out) {
        const std::size_t K = out.logits.shape()[1];
        if (z.empty()) z = tensor<float>::uninitialized({w.size(), K});
        std::copy(out.logits.begin(), out.logits.end(), z.data() + first * K);
    };
    for_each_batch(net, w, normal, keep, 128, channels);
    return z;
}

/// Class probabilities (N, classes) of every window: softmax of the logits. Errors: for_each_batch.
template <class Network>
[[nodiscard]] tensor<float> predict(const Network& net, const data::windows& w, const normaliser& normal,
                                    std::span<const std::size_t> channels = {}) {
    return op::softmax(logits(net, w, normal, channels));
}

/// Accuracy, F1 figures and calibration on labelled windows.
/// Throws     as for_each_batch; data_error for windows without labels; usage_error when the network has fewer classes than
///            the labels need; numeric_error when its output is not finite.
template <class Network>
[[nodiscard]] metric::evaluation evaluate(const Network& net, const data::windows& w, const normaliser& normal,
                                          std::span<const std::size_t> channels = {}) {
    if (w.label.empty() && !w.empty())
        raise<data_error>("train::evaluate",
                          "windows have no labels, expected classes; see metric/regression.hpp and "
                          "metric/multi_label.hpp for windows with a target");
    return metric::evaluate(w.label, w.subject, predict(net, w, normal, channels));
}

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Decisions from samples as a sensor delivers them, one by one.
#ifndef SMLDIST_RUNTIME_STREAM_HPP
#define SMLDIST_RUNTIME_STREAM_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/kernel/softmax.hpp"
#include "smldist/runtime/program.hpp"

namespace smldist::runtime {
SMLDIST_NAMESPACE_BEGIN

struct stream_options {
    std::size_t hop = 0; ///< samples from one window to the next; 0: half a window
    float smoothing = 0; ///< weight of the past in the mean of the probabilities, 0 ≤ smoothing < 1
};

/// The decision of a stream on a window; valid until its next sample.
struct decision {
    std::uint64_t first;                  ///< the window's first sample, counted from 0
    std::size_t label;                    ///< class of the largest probability, the first in a tie
    std::span<const float> logits;        ///< (N) of this window
    std::span<const float> probabilities; ///< (N) p_i = s p_(i-1) + (1 - s) softmax(logits), s the smoothing
};

/// Runs a program over the windows of an endless recording.
///
///     runtime::stream s(net, {.hop = 32});
///     while (sensor.read(sample))                       // (C) values, in the units that the program takes
///         if (const auto* d = s.push(sample)) show(d->label);
///
/// The ring has room for two windows and holds each sample twice, so a window is never moved. Its logits have the same
/// bits as for the same window in a batch. A push allocates, throws and locks nothing; the last push of each hop takes
/// as long as the program for one window, all others take some nanoseconds.
///
/// The program must outlive the stream and may be shared with others. Compile it with the normaliser, or load it
/// from a model file, to push raw sensor units.
/// Throws     usage_error for a program without logits and for a smoothing out of range.
class stream {
public:
    explicit stream(const program& net, stream_options o = {})
        : net_(&net),
          hop_(o.hop == 0 ? std::max<std::size_t>(1, net.length() / 2) : o.hop),
          smoothing_(o.smoothing),
          ring_(2 * net.length() * net.channels()),
          workspace_(net),
          targets_(net.outputs().size(), nullptr) {
        const std::size_t logits = net.find("logits");
        if (logits == net.outputs().size())
            raise<usage_error>("runtime::stream", "the program has no output named logits, expected one");
        if (!(o.smoothing >= 0 && o.smoothing < 1))
            raise<usage_error>("runtime::stream", "smoothing is ", o.smoothing, ", expected 0 <= smoothing < 1");
        for (auto* v : {&logits_, &now_, &mean_}) v->resize(net.outputs()[logits].size);
        targets_[logits] = logits_.data();
    }
    explicit stream(const program&&, stream_options = {}) = delete; // the program must outlive it
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;

    /// Takes one sample of channels() values. Returns the decision on the window that it completes, otherwise null.
    /// Also null for a window whose logits are not finite, because a sample in it is not finite or too large; the mean
    /// is not updated then. A program that must report this (`har predict` ends with an error) looks at window().
    const decision* push(std::span<const float> sample) {
        const std::size_t L = net_->length(), C = net_->channels(), at = pushed_ % L;
        SMLDIST_ASSERT(sample.size() == C);
        for (const std::size_t copy : {at, at + L}) std::copy_n(sample.data(), C, ring_.data() + copy * C);
        ++pushed_;
        if (pushed_ < L || (pushed_ - L) % hop_ != 0) return nullptr;
        return decide(ring_.data() + (at + 1) % L * C);
    }

    /// The last length() samples (length(), channels()), valid until the next sample. Needs length() samples.
    std::span<const float> window() const {
        const std::size_t L = net_->length(), C = net_->channels();
        SMLDIST_ASSERT(pushed_ >= L);
        return {ring_.data() + pushed_ % L * C, L * C};
    }

    /// Forgets all samples, as before a new recording.
    void reset() { pushed_ = decided_ = 0; }

    std::size_t hop() const { return hop_; }

private:
    const decision* decide(const float* window) {
        const std::size_t N = logits_.size();
        net_->run(window, targets_, 1, workspace_);
        if (!std::all_of(logits_.begin(), logits_.end(), [](float v) { return std::isfinite(v); })) return nullptr;
        kernel::softmax(1, N, logits_.data(), now_.data());
        const float past = decided_++ == 0 ? 0 : smoothing_;
        for (std::size_t n = 0; n < N; ++n) mean_[n] = past == 0 ? now_[n] : past * mean_[n] + (1 - past) * now_[n];
        const auto best = std::max_element(mean_.begin(), mean_.end()) - mean_.begin();
        decision_ = {pushed_ - net_->length(), static_cast<std::size_t>(best), logits_, mean_};
        return &decision_;
    }

    const program* net_;
    std::size_t hop_;
    float smoothing_;
    std::vector<float> ring_; ///< (2 L, C): sample t in rows t mod L and t mod L + L
    workspace workspace_;
    std::vector<float*> targets_;            ///< one per output: only the logits are written
    std::vector<float> logits_, now_, mean_; ///< (N)
    std::uint64_t pushed_ = 0, decided_ = 0;
    decision decision_{};
};

SMLDIST_NAMESPACE_END
} // namespace smldist::runtime

#endif

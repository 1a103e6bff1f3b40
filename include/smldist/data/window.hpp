// SPDX-License-Identifier: BSD-3-Clause
/// Windows of equal length, with labels or targets, and the cutting of continuous recordings into them.
#ifndef SMLDIST_DATA_WINDOW_HPP
#define SMLDIST_DATA_WINDOW_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/core/tensor.hpp"
#include "smldist/data/recording.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// The channels `chosen` of x (…, C), in that order: (…, number chosen); x itself when none is chosen.
/// Throws usage_error for a channel that is not below C.
[[nodiscard]] inline tensor<float> select_channels(const tensor<float>& x, std::span<const std::size_t> chosen) {
    if (chosen.empty()) return x;
    const std::size_t rank = x.shape().rank(), C = rank == 0 ? 0 : x.shape().back(), rows = x.shape().rows();
    for (const std::size_t c : chosen)
        if (c >= C) raise<usage_error>("select_channels", "channel is ", c, ", expected less than ", C);
    auto y = tensor<float>::uninitialized(x.shape().with(rank - 1, chosen.size()));
    float* to = y.data();
    for (std::size_t r = 0; r < rows; ++r)
        for (const std::size_t c : chosen) *to++ = x[r * C + c];
    return y;
}

/// N windows of L samples and C channels with what a network learns of each: what it is trained and tested on.
///
/// Every window has a class, a row of the target, or both:
///
///     classification             label (N), no target; info.labels names the classes
///     regression, multi-label    target (N, K), label empty; info.labels names the K columns of the target
///     both at once               label (N) and target (N, K); info.labels names the classes
///
/// The target of a multi-label task is 1 where a label applies and 0 elsewhere.
struct windows {
    tensor<float> x;          ///< (N, L, C)
    std::vector<int> label;   ///< one per window, in [0, classes()); empty: windows without classes
    std::vector<int> subject; ///< one per window
    signal_info info;
    tensor<float> target = {}; ///< (N, K), or tensor(): none

    std::size_t size() const { return x.shape().rank() == 3 ? x.shape()[0] : 0; }
    bool empty() const { return size() == 0; }
    std::size_t length() const { return x.shape().rank() == 3 ? x.shape()[1] : 0; }
    std::size_t channels() const { return x.shape().rank() == 3 ? x.shape()[2] : 0; }
    /// How many names info.labels has: as many as a network has outputs for label, or without label for target.
    std::size_t classes() const { return info.labels.size(); }
    /// K, the columns of the target; 0: there is none.
    std::size_t targets() const { return target.shape().rank() == 2 ? target.shape()[1] : 0; }
    /// The (L, C) samples of window i.
    const float* window(std::size_t i) const { return x.data() + i * length() * channels(); }

    /// The subjects that occur, ascending.
    std::vector<int> subjects() const {
        std::vector<int> s = subject;
        std::sort(s.begin(), s.end());
        s.erase(std::unique(s.begin(), s.end()), s.end());
        return s;
    }
    /// Windows of each class; an empty list for windows without classes.
    std::vector<std::size_t> class_counts() const {
        std::vector<std::size_t> count(label.empty() && targets() > 0 ? 0 : classes());
        for (const int n : label) ++count.at(static_cast<std::size_t>(n));
        return count;
    }
    /// Names of the classes without a window, which can be neither learned nor measured here. Check it after every
    /// split: a class may occur on only one side.
    std::vector<std::string> missing_classes() const {
        std::vector<std::string> names;
        const auto count = class_counts();
        for (std::size_t n = 0; n < count.size(); ++n)
            if (count[n] == 0) names.push_back(info.labels[n]);
        return names;
    }
    /// A copy of the windows at `indices`, in that order. Throws usage_error when an index is not below size().
    [[nodiscard]] windows select(const std::vector<std::size_t>& indices) const {
        const std::size_t stride = length() * channels();
        windows w{tensor<float>::uninitialized({indices.size(), length(), channels()}), {}, {}, info};
        if (targets() > 0) w.target = tensor<float>::uninitialized({indices.size(), targets()});
        w.label.reserve(label.empty() ? 0 : indices.size());
        w.subject.reserve(indices.size());
        float *to = w.x.data(), *to_target = w.target.data();
        for (const std::size_t i : indices) {
            if (i >= size()) raise<usage_error>("windows.select", "index is ", i, ", expected less than ", size());
            to = std::copy_n(window(i), stride, to);
            to_target = std::copy_n(target.data() + i * targets(), targets(), to_target);
            if (!label.empty()) w.label.push_back(label[i]);
            w.subject.push_back(subject[i]);
        }
        return w;
    }

    /// A copy of only these channels, in that order; empty: all. Throws usage_error for a channel not below channels().
    windows select_channels(std::span<const std::size_t> chosen) const {
        return {data::select_channels(x, chosen), label, subject, info.select_channels(chosen), target};
    }

    /// The check of every function that takes windows. Throws data_error when there are none, when sizes disagree, when
    /// a label is out of range, when there is neither label nor target, or when a sample or a target is NaN or infinite
    /// (naming window, sample and channel).
    void check() const {
        if (empty() && label.empty()) raise<data_error>("windows", "number of windows is 0, expected at least one");
        if (empty() || length() == 0 || channels() == 0)
            raise<data_error>("windows", "samples have shape ", x.shape().text(), ", expected (N, L, C)");
        if (subject.size() != size())
            raise<data_error>("windows", "number of subjects is ", subject.size(),
                              ", expected one per window: ", size());
        if (!(target.shape() == shape{0}) && !(target.shape() == shape{size(), std::max<std::size_t>(targets(), 1)}))
            raise<data_error>("windows", "target has shape ", target.shape().text(), ", expected (", size(), ", K)");
        if (label.empty() && targets() > 0 && classes() != targets())
            raise<data_error>("windows", "number of names in info.labels is ", classes(),
                              ", expected one per column of the target: ", targets());
        info.check(channels());
        if (label.size() != size() && (!label.empty() || targets() == 0))
            raise<data_error>("windows", "number of labels is ", label.size(), ", expected one per window: ", size(),
                              targets() == 0 ? " (or a target)" : " (or none)");
        for (std::size_t i = 0; i < label.size(); ++i)
            if (label[i] < 0 || static_cast<std::size_t>(label[i]) >= classes())
                raise<data_error>("windows", "label of window ", i, " is ", label[i], ", expected 0 to ",
                                  classes() - 1);
        const auto first_not_finite = [](const tensor<float>& values) {
            const float* bad = std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
            return static_cast<std::size_t>(bad - values.begin());
        };
        if (const std::size_t at = first_not_finite(x); at < x.size()) {
            const std::size_t row = at / channels();
            raise<data_error>("windows", "window ", row / length(), ", sample ", row % length(), ", ",
                              info.channel_name(at % channels()), " is ", x[at], ", expected a finite number");
        }
        if (const std::size_t at = first_not_finite(target); at < target.size())
            raise<data_error>("windows", "window ", at / targets(), ", target ", at % targets(), " is ", target[at],
                              ", expected a finite number");
    }

    /// Calls check() and requires at least two classes or two different targets. Throws data_error when fewer than two
    /// classes occur and all windows have the same target.
    void check_trainable() const {
        check();
        for (std::size_t i = targets(); i < target.size(); ++i)
            if (target[i] != target[i - targets()]) return;
        if (label.empty())
            raise<data_error>("windows", "all ", size(), " windows have the same target, expected at least two");
        const auto count = class_counts();
        if (std::count(count.begin(), count.end(), 0u) + 1 < static_cast<std::ptrdiff_t>(count.size())) return;
        raise<data_error>("windows", "all ", size(), " windows have the label ",
                          info.labels[static_cast<std::size_t>(label[0])], ", expected at least two classes");
    }
};

/// A dataset with its official split.
struct train_test {
    windows train, test;
};

/// The rule that gives a window its label.
enum class label_rule : std::uint8_t {
    majority, ///< the most frequent label of its samples; the lowest in a tie
    last,     ///< the label of its last sample, as a stream would see it
    constant  ///< windowing restarts in every run of equal labels; runs shorter than a window give none
};

struct cut_options {
    std::size_t length = 128, hop = 64;
    label_rule rule = label_rule::majority;
    double labelled = 0.5; ///< smallest share of labelled samples in a window that is kept
};

namespace detail {

inline void check_recording(const recording& r, std::size_t number, const signal_info& info, std::size_t channels,
                            std::size_t length) {
    const std::string where = "cut: recording " + std::to_string(number);
    const shape& s = r.samples.shape();
    if (s.rank() != 2 || s[1] != channels)
        raise<data_error>(where, "shape is ", s.text(), ", expected (n, ", channels, ")");
    if (r.labels.size() != s[0])
        raise<data_error>(where, "number of labels is ", r.labels.size(), ", expected one per sample: ", s[0]);
    if (s[0] < length)
        raise<data_error>(where, "number of samples is ", s[0], ", expected at least one window of ", length);
    for (std::size_t t = 0; t < s[0]; ++t) {
        if (r.labels[t] < -1 || r.labels[t] >= static_cast<int>(info.labels.size()))
            raise<data_error>(where, "label of sample ", t, " is ", r.labels[t], ", expected -1 to ",
                              info.labels.size() - 1);
        for (std::size_t c = 0; c < channels; ++c)
            if (!std::isfinite(r.samples(t, c)))
                raise<data_error>(where, "sample ", t, ", ", info.channel_name(c), " is ", r.samples(t, c),
                                  ", expected a finite number");
    }
}

/// The label of a window under `majority` or `last`; -1: none.
inline int window_label(const int* labels, const cut_options& o, std::vector<std::size_t>& count) {
    std::fill(count.begin(), count.end(), 0);
    std::size_t labelled = 0;
    for (std::size_t t = 0; t < o.length; ++t)
        if (labels[t] >= 0) {
            ++count[static_cast<std::size_t>(labels[t])];
            ++labelled;
        }
    if (labelled == 0 || double(labelled) < o.labelled * double(o.length)) return -1;
    return o.rule == label_rule::last
               ? labels[o.length - 1]
               : static_cast<int>(std::max_element(count.begin(), count.end()) - count.begin());
}

} // namespace detail

/// Cuts recordings into windows of `length` samples that start `hop` samples apart. No window crosses a recording.
///
/// Windows without a label or with too few labelled samples are left out; the tail shorter than a window as well.
/// Throws     usage_error when length or hop is 0; data_error when a recording is shorter than a window, has another
///            number of channels, a label out of range or a sample that is not finite, or when no window remains.
[[nodiscard]] inline windows cut(const std::vector<recording>& recordings, const signal_info& info,
                                 const cut_options& o = {}) {
    if (o.length == 0 || o.hop == 0)
        raise<usage_error>("cut", "length is ", o.length, " and hop is ", o.hop, ", expected both at least 1");
    if (!(o.labelled >= 0 && o.labelled <= 1))
        raise<usage_error>("cut", "smallest labelled share is ", o.labelled, ", expected 0 to 1");
    if (recordings.empty()) raise<data_error>("cut", "number of recordings is 0, expected at least one");
    const shape& first = recordings[0].samples.shape();
    const std::size_t channels = first.rank() == 2 ? first[1] : 0;
    if (channels == 0) raise<data_error>("cut", "shape of recording 0 is ", first.text(), ", expected (n, C)");
    info.check(channels);

    windows w;
    w.info = info;
    std::vector<const float*> start;
    std::vector<std::size_t> count(info.labels.size());
    const auto keep = [&](const recording& r, std::size_t t, int label) {
        if (label < 0) return;
        start.push_back(r.samples.data() + t * channels);
        w.label.push_back(label);
        w.subject.push_back(r.subject);
    };
    for (std::size_t k = 0; k < recordings.size(); ++k) {
        const recording& r = recordings[k];
        detail::check_recording(r, k, info, channels, o.length);
        const std::size_t n = r.labels.size();
        if (o.rule == label_rule::constant)
            for (std::size_t begin = 0, end; begin < n; begin = end) {
                for (end = begin + 1; end < n && r.labels[end] == r.labels[begin];) ++end;
                for (std::size_t t = begin; t + o.length <= end; t += o.hop) keep(r, t, r.labels[begin]);
            }
        else
            for (std::size_t t = 0; t + o.length <= n; t += o.hop)
                keep(r, t, detail::window_label(r.labels.data() + t, o, count));
    }
    if (start.empty()) raise<data_error>("cut", "number of labelled windows is 0, expected at least one");
    w.x = tensor<float>::uninitialized({start.size(), o.length, channels});
    float* to = w.x.data();
    for (const float* from : start) to = std::copy_n(from, o.length * channels, to);
    return w;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#endif

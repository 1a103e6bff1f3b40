// SPDX-License-Identifier: BSD-3-Clause
/// Windows of equal length, with labels or targets, and the cutting of continuous recordings into them.
#ifndef SMLDIST_DATA_WINDOW_HPP
#define SMLDIST_DATA_WINDOW_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "smldist/core/enum_names.hpp"
#include "smldist/core/tensor.hpp"
#include "smldist/data/recording.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// The channels `chosen` of x (…, C), in that order: (…, number chosen); x itself when none is chosen.
/// Throws usage_error for a channel that is not below C.
[[nodiscard]] SMLDIST_FUNCTION tensor<float> select_channels(const tensor<float>& x,
                                                             std::span<const std::size_t> chosen);

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
    SMLDIST_FUNCTION std::vector<int> subjects() const;
    /// Windows of each class; an empty list for windows without classes.
    SMLDIST_FUNCTION std::vector<std::size_t> class_counts() const;
    /// Names of the classes without a window, which can be neither learned nor measured here. Check it after every
    /// split: a class may occur on only one side.
    SMLDIST_FUNCTION std::vector<std::string> missing_classes() const;
    /// A copy of the windows at `indices`, in that order. Throws usage_error when an index is not below size().
    [[nodiscard]] SMLDIST_FUNCTION windows select(const std::vector<std::size_t>& indices) const;

    /// A copy of only these channels, in that order; empty: all. Throws usage_error for a channel not below channels().
    windows select_channels(std::span<const std::size_t> chosen) const {
        return {data::select_channels(x, chosen), label, subject, info.select_channels(chosen), target};
    }

    /// The check of every function that takes windows. Throws data_error when there are none, when sizes disagree, when
    /// a label is out of range, when there is neither label nor target, or when a sample or a target is NaN or infinite
    /// (naming window, sample and channel).
    SMLDIST_FUNCTION void check() const;

    /// Calls check() and requires at least two classes or two different targets. Throws data_error when fewer than two
    /// classes occur and all windows have the same target.
    SMLDIST_FUNCTION void check_trainable() const;
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

constexpr auto enum_names(label_rule) { return enum_table("label rule", "majority", "last", "constant"); }

struct cut_options {
    std::size_t length = 128, hop = 64;
    label_rule rule = label_rule::majority;
    double labelled = 0.5; ///< smallest share of labelled samples in a window that is kept
};

/// Cuts recordings into windows of `length` samples that start `hop` samples apart. No window crosses a recording.
///
/// Windows without a label or with too few labelled samples are left out; the tail shorter than a window as well.
/// Throws     usage_error when length or hop is 0; data_error when a recording is shorter than a window, has another
///            number of channels, a label out of range or a sample that is not finite, or when no window remains.
[[nodiscard]] SMLDIST_FUNCTION windows cut(const std::vector<recording>& recordings, const signal_info& info,
                                           const cut_options& o = {});

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/window.ipp"
#endif

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Statistics of the teacher, measured before distillation starts.
#ifndef SMLDIST_DISTILL_TEACHER_STATISTICS_HPP
#define SMLDIST_DISTILL_TEACHER_STATISTICS_HPP

#include <functional>
#include <vector>

#include "smldist/core/outputs.hpp"
#include "smldist/loss/stage.hpp"
#include "smldist/train/evaluate.hpp"

namespace smldist::distill {
SMLDIST_NAMESPACE_BEGIN

/// Statistics of one of the teacher's stages over the training set.
struct stage_statistics {
    loss::feature_statistics<float> feature;
    loss::band_statistics bands; ///< if the band weights are measured
    std::size_t length = 0;      ///< at which teacher and student are compared
    double rate_hz = 0;          ///< sampling rate at that length; 0 if the data's is unknown
};

/// Statistics of a teacher over the training set. They are measured once, by calibrate, and do not change in training.
struct teacher_statistics {
    std::vector<stage_statistics> stages;    ///< one per anchor
    loss::feature_statistics<float> feature; ///< of the penultimate feature
    double teacher_accuracy = 0; ///< on the training set, in evaluation mode; 0 for windows without classes
};

namespace detail {
/// Running mean of each channel and covariance of all pairs, merged batch by batch (Chan et al. 1979).
class channel_moments {
public:
    SMLDIST_FUNCTION void add(const tensor<float>& x);
    SMLDIST_FUNCTION loss::feature_statistics<float> statistics() const;

private:
    std::vector<double> mean_;
    tensor<double> product_; ///< Σ (x_c - mean_c)(x_d - mean_d)
    std::size_t count_ = 0;
};

/// Takes the index of a batch's first window and the teacher's outputs.
using batch_visitor = std::function<void(std::size_t first, outputs<tensor<float>>)>;

/// See distill::calibrate. `pass` runs the teacher over the training windows.
SMLDIST_FUNCTION teacher_statistics calibrate(const std::function<void(const batch_visitor&)>& pass,
                                              const data::windows& train, const loss::stage_options& o,
                                              const std::vector<std::size_t>& lengths);
} // namespace detail

/// Evaluation passes of the teacher over the training windows: one for the moments of its features, and if the band
/// weights are measured (loss::weighting::fisher, energy) a second one for the spectra of the standardised features.
/// `lengths[i]` is the length at which stage i is compared, the shorter of teacher's and student's; empty: the teacher's.
/// Stages of images have no spectra.
/// Throws     as for_each_batch; usage_error for lengths that the teacher's stages cannot be brought to, for fisher
/// weights on windows without classes, and as loss::stage_options::check_for_images.
template <class Teacher>
[[nodiscard]] teacher_statistics calibrate(const Teacher& teacher, const data::windows& train,
                                           const normaliser& normal, const loss::stage_options& o = {},
                                           const std::vector<std::size_t>& lengths = {}) {
    return detail::calibrate(
        [&](const detail::batch_visitor& see) { train::for_each_batch(teacher, train, normal, see); }, train, o,
        lengths);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::distill

#if SMLDIST_TRAIN_BODIES
#include "smldist/distill/teacher_statistics.ipp"
#endif

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// What distillation knows of the teacher before it starts.
#ifndef SMLDIST_DISTILL_PLAN_HPP
#define SMLDIST_DISTILL_PLAN_HPP

#include <cmath>
#include <vector>

#include "smldist/core/outputs.hpp"
#include "smldist/distill/evaluate.hpp"
#include "smldist/loss/stage.hpp"

namespace smldist::inline SMLDIST_ABI::distill {

/// Statistics of a teacher over the training set, taken once and then frozen.
struct plan {
    std::vector<loss::feature_statistics<float>> stages; ///< one an anchor
    loss::feature_statistics<float> feature;             ///< of the penultimate feature
    double teacher_accuracy = 0;                         ///< on the training set, in evaluation mode
};

namespace detail {
/// Running mean and variance of each channel, merged batch by batch (Chan et al. 1979).
class channel_moments {
public:
    void add(const tensor<float>& x) {
        const std::size_t C = x.shape().back(), R = x.shape().rows();
        if (mean_.empty()) mean_.resize(C), square_.resize(C);
        for (std::size_t c = 0; c < C; ++c) {
            double mean = 0, square = 0;
            for (std::size_t r = 0; r < R; ++r) mean += double(x[r * C + c]);
            mean /= double(R);
            for (std::size_t r = 0; r < R; ++r) square += std::pow(double(x[r * C + c]) - mean, 2);
            const double n = double(count_), m = double(R), shift = mean - mean_[c];
            mean_[c] += shift * m / (n + m);
            square_[c] += square + shift * shift * n * m / (n + m);
        }
        count_ += R;
    }
    loss::feature_statistics<float> statistics() const {
        loss::feature_statistics<float> s{tensor<float>(shape{mean_.size()}), tensor<float>(shape{mean_.size()})};
        for (std::size_t c = 0; c < mean_.size(); ++c) {
            s.mean[c] = static_cast<float>(mean_[c]);
            s.std[c] = static_cast<float>(std::sqrt(square_[c] / double(count_)));
        }
        return s;
    }

private:
    std::vector<double> mean_, square_;
    std::size_t count_ = 0;
};
} // namespace detail

/// One evaluation pass of the teacher over the training windows. Errors: for_each_batch.
template <class Teacher>
plan calibrate(const Teacher& teacher, const data::windows& train, const normaliser& normal) {
    std::vector<detail::channel_moments> stages;
    detail::channel_moments feature;
    std::size_t right = 0;
    for_each_batch(teacher, train, normal, [&](std::size_t first, const outputs<tensor<float>>& out) {
        stages.resize(out.stages.size());
        for (std::size_t i = 0; i < stages.size(); ++i) stages[i].add(out.stages[i]);
        feature.add(out.feature);
        const std::size_t N = out.logits.shape()[1];
        for (std::size_t b = 0; b < out.logits.shape()[0]; ++b) {
            const float* z = out.logits.data() + b * N;
            right += std::max_element(z, z + N) - z == train.label[first + b] ? 1 : 0;
        }
    });
    plan p;
    for (const auto& s : stages) p.stages.push_back(s.statistics());
    p.feature = feature.statistics();
    p.teacher_accuracy = double(right) / double(train.size());
    return p;
}

} // namespace smldist::inline SMLDIST_ABI::distill

#endif

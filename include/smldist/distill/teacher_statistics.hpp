// SPDX-License-Identifier: BSD-3-Clause
/// Statistics of the teacher, measured before distillation starts.
#ifndef SMLDIST_DISTILL_TEACHER_STATISTICS_HPP
#define SMLDIST_DISTILL_TEACHER_STATISTICS_HPP

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "smldist/core/outputs.hpp"
#include "smldist/loss/stage.hpp"
#include "smldist/op/linear.hpp"
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
    void add(const tensor<float>& x) {
        const std::size_t C = x.shape().back(), R = x.shape().rows();
        if (mean_.empty()) mean_.resize(C), product_ = tensor<double>(shape{C, C});
        std::vector<double> shift(C);
        auto centred = tensor<double>::uninitialized({R, C});
        for (std::size_t c = 0; c < C; ++c) {
            double mean = 0;
            for (std::size_t r = 0; r < R; ++r) mean += double(x[r * C + c]);
            mean /= double(R);
            for (std::size_t r = 0; r < R; ++r) centred[r * C + c] = double(x[r * C + c]) - mean;
            shift[c] = mean - mean_[c];
        }
        const double n = double(count_), m = double(R), weight = n * m / (n + m);
        const tensor<double> square = op::matmul(centred, centred, {.transpose_a = true, .transpose_b = false});
        for (std::size_t c = 0; c < C; ++c) {
            for (std::size_t d = 0; d < C; ++d) product_(c, d) += square(c, d) + shift[c] * shift[d] * weight;
            mean_[c] += shift[c] * m / (n + m);
        }
        count_ += R;
    }
    loss::feature_statistics<float> statistics() const {
        const std::size_t C = mean_.size();
        loss::feature_statistics<float> s{tensor<float>(shape{C}), tensor<float>(shape{C})};
        for (std::size_t c = 0; c < C; ++c) {
            s.mean[c] = static_cast<float>(mean_[c]);
            s.std[c] = static_cast<float>(std::sqrt(product_(c, c) / double(count_)));
        }
        const tensor<float> inverse = loss::stage::inverse_std(s);
        tensor<double> standardised = product_;
        for (std::size_t c = 0; c < C; ++c)
            for (std::size_t d = 0; d < C; ++d)
                standardised(c, d) *= double(inverse[c]) * double(inverse[d]) / double(count_);
        s.principal = loss::principal<float>(std::move(standardised));
        return s;
    }

private:
    std::vector<double> mean_;
    tensor<double> product_; ///< Σ (x_c - mean_c)(x_d - mean_d)
    std::size_t count_ = 0;
};
} // namespace detail

/// Evaluation passes of the teacher over the training windows: one for the moments of its features, and if the band
/// weights are measured (loss::weighting::fisher, energy) a second one for the spectra of the standardised features.
/// `lengths[i]` is the length at which stage i is compared, the shorter of teacher's and student's; empty: the teacher's.
/// Throws     as for_each_batch; usage_error for lengths that the teacher's stages cannot be brought to, and for fisher
/// weights on windows without classes.
template <class Teacher>
[[nodiscard]] teacher_statistics calibrate(const Teacher& teacher, const data::windows& train,
                                           const normaliser& normal, const loss::stage_options& o = {},
                                           const std::vector<std::size_t>& lengths = {}) {
    const bool classes = train.targets() == 0 || !train.label.empty();
    if (!classes && o.weights.kind == loss::weighting::fisher)
        raise<usage_error>("distill::calibrate",
                           "weights are fisher and windows have no classes, expected other weights");
    std::vector<detail::channel_moments> stages;
    detail::channel_moments feature;
    std::size_t right = 0;
    teacher_statistics p;
    train::for_each_batch(teacher, train, normal, [&](std::size_t first, const outputs<tensor<float>>& out) {
        stages.resize(out.stages.size());
        p.stages.resize(out.stages.size());
        for (std::size_t i = 0; i < stages.size(); ++i) {
            stages[i].add(out.stages[i]);
            p.stages[i].length = out.stages[i].shape()[1];
        }
        feature.add(out.feature);
        const std::size_t N = out.logits.shape()[1];
        for (std::size_t b = 0; classes && b < out.logits.shape()[0]; ++b) {
            const float* z = out.logits.data() + b * N;
            right += std::max_element(z, z + N) - z == train.label[first + b] ? 1u : 0u;
        }
    });
    if (!lengths.empty() && lengths.size() != p.stages.size())
        raise<usage_error>("distill::calibrate", "number of lengths is ", lengths.size(), ", expected ",
                           p.stages.size());
    p.feature = feature.statistics();
    p.teacher_accuracy = double(right) / double(train.size());

    std::vector<loss::time_bands<float>> bases;
    std::vector<tensor<float>> maps;
    for (std::size_t i = 0; i < p.stages.size(); ++i) {
        auto& stage = p.stages[i];
        stage.feature = stages[i].statistics();
        const std::size_t from = stage.length;
        if (!lengths.empty()) stage.length = lengths[i];
        stage.rate_hz = train.info.rate_hz * double(stage.length) / double(train.length());
        bases.push_back(loss::make_basis<float>(o.basis, stage.length));
        maps.push_back(stage.length == from ? bases[i].matrix
                                            : loss::product(bases[i].matrix, loss::make_length_map<float>(
                                                                                 o.match, stage.length, from)));
        stage.bands = {classes ? train.classes() : 1, bases[i].bands.size(), stage.feature.mean.size()};
    }
    if (o.weights.kind != loss::weighting::fisher && o.weights.kind != loss::weighting::energy) return p;
    const std::vector<int> labels = classes ? train.label : std::vector<int>(train.size(), 0);
    train::for_each_batch(teacher, train, normal, [&](std::size_t first, outputs<tensor<float>> out) {
        for (std::size_t i = 0; i < p.stages.size(); ++i) {
            tensor<float>& x = out.stages[i];
            loss::standardise_by(p.stages[i].feature, x);
            p.stages[i].bands.add(op::matmul(maps[i], x), bases[i].bands,
                                  std::span(labels).subspan(first, x.shape()[0]));
        }
    });
    return p;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::distill

#endif

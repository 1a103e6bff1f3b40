// SPDX-License-Identifier: BSD-3-Clause
/// The functions of distill/teacher_statistics.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "smldist/loss/stage/principal.hpp"
#include "smldist/op/linear.hpp"

namespace smldist::distill {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

void channel_moments::add(const tensor<float>& x) {
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

loss::feature_statistics<float> channel_moments::statistics() const {
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

teacher_statistics calibrate(const std::function<void(const batch_visitor&)>& pass, const data::windows& train,
                             const loss::stage_options& o, const std::vector<std::size_t>& lengths) {
    const bool classes = train.targets() == 0 || !train.label.empty();
    if (!classes && o.weights.kind == loss::weighting::fisher)
        raise<usage_error>("distill::calibrate",
                           "weights are fisher and windows have no classes, expected other weights");
    std::vector<channel_moments> stages;
    channel_moments feature;
    std::size_t right = 0;
    std::vector<bool> images; // of the stages
    teacher_statistics p;
    pass([&](std::size_t first, const outputs<tensor<float>>& out) {
        stages.resize(out.stages.size());
        p.stages.resize(out.stages.size());
        images.resize(out.stages.size());
        for (std::size_t i = 0; i < stages.size(); ++i) {
            stages[i].add(out.stages[i]);
            p.stages[i].length = out.stages[i].shape().sample_rows();
            images[i] = out.stages[i].shape().rank() == 4;
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

    std::vector<loss::time_bands<float>> bases(p.stages.size());
    std::vector<tensor<float>> maps(p.stages.size());
    for (std::size_t i = 0; i < p.stages.size(); ++i) {
        auto& stage = p.stages[i];
        stage.feature = stages[i].statistics();
        const std::size_t from = stage.length;
        if (!lengths.empty()) stage.length = lengths[i];
        if (images[i]) { // without frequencies along time
            o.check_for_images();
            continue;
        }
        stage.rate_hz = train.info.rate_hz * double(stage.length) / double(train.length());
        bases[i] = loss::make_basis<float>(o.basis, stage.length);
        maps[i] = stage.length == from
                      ? bases[i].matrix
                      : loss::product(bases[i].matrix, loss::make_length_map<float>(o.match, stage.length, from));
        stage.bands = {classes ? train.classes() : 1, bases[i].bands.size(), stage.feature.mean.size()};
    }
    if (o.weights.kind != loss::weighting::fisher && o.weights.kind != loss::weighting::energy) return p;
    if (!images.empty() && std::find(images.begin(), images.end(), false) == images.end()) return p;
    const std::vector<int> labels = classes ? train.label : std::vector<int>(train.size(), 0);
    pass([&](std::size_t first, outputs<tensor<float>> out) {
        for (std::size_t i = 0; i < p.stages.size(); ++i) {
            if (images[i]) continue;
            tensor<float>& x = out.stages[i];
            loss::standardise_by(p.stages[i].feature, x);
            p.stages[i].bands.add(op::matmul(maps[i], x), bases[i].bands,
                                  std::span(labels).subspan(first, x.shape()[0]));
        }
    });
    return p;
}

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::distill

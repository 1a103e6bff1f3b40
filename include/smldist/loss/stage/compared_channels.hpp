// SPDX-License-Identifier: BSD-3-Clause
/// The channels in which a student's feature is compared with its teacher's, and the maps of both features to them.
#ifndef SMLDIST_LOSS_STAGE_COMPARED_CHANNELS_HPP
#define SMLDIST_LOSS_STAGE_COMPARED_CHANNELS_HPP

#include <algorithm>
#include <cstddef>
#include <utility>

#include "smldist/loss/stage/feature_statistics.hpp"
#include "smldist/loss/stage/projector.hpp"
#include "smldist/loss/stage/stage_options.hpp"
#include "smldist/loss/stage/target_map.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/normed.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"

namespace smldist::loss::stage {
SMLDIST_NAMESPACE_BEGIN

/// A feature as (B, L, C): (B, D) as one with a single time step, (B, 1, D), an image (B, H, W, C) as its rows of pixels,
/// (B, H·W, C); x itself if it is of rank 3.
template <class X> [[nodiscard]] X in_time(X x) {
    const shape& s = x.shape();
    if (s.rank() == 3) return x;
    return op::reshape(x, shape{s[0], s.sample_rows(), s.back()});
}

/// Each channel of each sample scaled to root mean square 1 along time, or over the image.
///
///     y[b,t,c] = x[b,t,c] / √(mean_t x[b,t,c]² + 1e-8)
///
/// Shapes     x (B, L, C) or (B, H, W, C) · y (B, L, C) or (B, H·W, C)
template <class X> [[nodiscard]] X unit_rows(const X& feature) {
    const X x = in_time(feature);
    const X mean_square = op::mean(x * x, {.axis = 1, .keepdim = true});
    return x * op::exp(-0.5 * op::log(mean_square + 1e-8));
}

/// Common channels of one pair of features, and the maps of both features to them.
///
///     F̂_T = (F_T - mean)/(std + eps)           standardise::channel
///     F̂_T = F_T directionsᵀ + offset           the same, where a projector predicts principal components (principal_map)
///     F̂_T = F_T                                teacher_space::components, and standardise::none
///     F̂_T = unit_rows(F_T)                     standardise::sample, for features with time, and images
///
/// F̂_S is the projector's result, with standardise::sample its unit_rows; without a projector F_S is treated like F_T.
/// There is a projector if the numbers of channels differ, if their scales differ (scales_differ, only with
/// standardise::channel), or if the teacher's feature comes in components.
///
/// Shapes     F_S (B, L_S, C_S), (B, H_S, W_S, C_S) or (B, C_S) · F_T the same with T · F̂_S, F̂_T (…, width())
/// Throws     usage_error from the constructor for options out of range, features of unlike rank or with other ranks than 2
///            to 4, and statistics that do not fit the teacher's feature; as principal_map.
template <class T> class compared_channels {
public:
    compared_channels(const shape& student, const shape& teacher, const feature_statistics<T>& statistics,
                      const stage_options& o) {
        o.check();
        if (student.rank() != teacher.rank() || student.rank() < 2 || student.rank() > 4)
            raise<usage_error>("loss::stage_loss", "features of student and teacher are ", student.text(), " and ",
                               teacher.text(), ", expected both (B, L, C), both (B, H, W, C) or both (B, D)");
        const std::size_t C = statistics.mean.size();
        const bool in_components = statistics.space == teacher_space::components;
        const bool unlike =
            statistics.std.size() == C && o.scale == standardise::channel && scales_differ(statistics);
        projected_ = in_components || student.back() != C || unlike;
        if (projected_) components_ = principal_map<T>(statistics, o, student.back());
        if (in_components && components() == 0)
            raise<usage_error>("loss::stage_loss", "the teacher's feature is in components, expected channels, which "
                                                   "these options and statistics compare; see principal_map");
        if (in_components && teacher.back() != components())
            raise<usage_error>("loss::stage_loss", "components of the teacher's feature are ", teacher.back(),
                               ", expected ", components());
        if ((!in_components && teacher.back() != C) || statistics.std.size() != C)
            raise<usage_error>("loss::stage_loss", "channels of the statistics are ", statistics.std.size(),
                               ", expected ", teacher.back());
        width_ = components() > 0 ? components() : C;
        project_teacher_ = components() > 0 && !in_components;
        by_sample_ = o.scale == standardise::sample && student.rank() >= 3;
        if (o.scale == standardise::channel) {
            const tensor<T> inverse = inverse_std(statistics);
            normal_ = tensor<T>(shape{3, C});
            std::copy_n(statistics.mean.data(), C, normal_.data());
            std::copy_n(inverse.data(), C, normal_.data() + C);
        }
    }

    /// Whether the student's feature passes a projector.
    bool projected() const { return projected_; }
    /// Makes the projector. Its scales start at the deviations of the components that it predicts, or at 1.
    projector<T> make_projector(std::size_t student_channels, generator& g) const {
        projector<T> p(student_channels, width_, g);
        if (components() > 0) p.norm.weight.value = components_.std;
        return p;
    }
    std::size_t width() const { return width_; }
    /// How many principal components of the teacher are compared; 0: its channels are.
    std::size_t components() const { return components_.offset.size(); }
    /// Whether unit_rows scales each sample.
    bool by_sample() const { return by_sample_; }

    /// F̂_S from the projector's result, or from F_S without a projector.
    template <class X> X student(X x) const {
        if (by_sample_) return unit_rows(x);
        if (projected_) return x;
        return standardised(std::move(x));
    }
    /// F̂_T from F_T.
    tensor<T> teacher(tensor<T> t) const {
        if (by_sample_) return unit_rows(t);
        if (project_teacher_) return op::linear(t, components_.directions, components_.offset);
        if (components() > 0) return t;
        return standardised(std::move(t));
    }

    /// The map (3, C) of op::normalise_op that standardises the student; empty: none is applied.
    tensor<T> student_normal() const { return projected_ ? tensor<T>() : normal_; }
    /// The affine map in teacher(), without unit_rows.
    target_map<T> target() const {
        if (project_teacher_) return target_map<T>::onto(components_.directions, components_.offset);
        if (components() > 0 || normal_.empty()) return {};
        const std::size_t C = normal_.shape()[1];
        tensor<T> factor(shape{C}), offset(shape{C});
        for (std::size_t c = 0; c < C; ++c) {
            factor[c] = normal_[C + c];
            offset[c] = -normal_[c] * factor[c];
        }
        return {std::move(factor), std::move(offset)};
    }

private:
    /// x standardised by the teacher's mean and deviation of each channel.
    template <class X> X standardised(X x) const {
        if (normal_.empty()) return x;
        return op::apply(op::normalise_op<T>{}, std::move(x), normal_);
    }

    tensor<T> normal_; ///< (3, C), the statistics as a map of op::normalise_op; empty: features as they are
    component_map<T> components_; ///< principal components that are compared; empty: channels are
    std::size_t width_ = 0;
    bool projected_ = false, project_teacher_ = false, by_sample_ = false;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::stage

#endif

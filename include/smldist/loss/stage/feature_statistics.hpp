// SPDX-License-Identifier: BSD-3-Clause
/// Statistics of a teacher's feature, measured before distillation starts, and principal components made from them.
#ifndef SMLDIST_LOSS_STAGE_FEATURE_STATISTICS_HPP
#define SMLDIST_LOSS_STAGE_FEATURE_STATISTICS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "smldist/kernel/vector.hpp"
#include "smldist/loss/stage/principal.hpp"
#include "smldist/loss/stage/stage_options.hpp"

namespace smldist::loss::stage {
SMLDIST_NAMESPACE_BEGIN

/// What the last axis of a teacher's feature holds when a stage loss receives it.
enum class teacher_space : std::uint8_t {
    channels,  ///< the channels that the statistics describe
    components ///< their principal components: the teacher has applied principal_map (distill::projected_teacher)
};

/// Per-channel mean and standard deviation of a teacher's feature over the training set.
template <class T> struct feature_statistics {
    tensor<T> mean, std;                    ///< (C)
    principal_components<T> principal = {}; ///< of the standardised channels; empty: not measured
    teacher_space space =
        teacher_space::channels; ///< what the teacher returns; mean and std describe its channels in either case
};

/// 1/(std + eps) of each channel; 0 for a dead channel, whose std is 0 or below a thousandth of the root mean square of all:
/// such a channel carries no signal, and dividing by its std would let noise dominate the loss.
template <class T> [[nodiscard]] tensor<T> inverse_std(const feature_statistics<T>& s) {
    constexpr double eps = 1e-5, dead = 1e-3;
    const std::size_t C = s.std.size();
    const double rms =
        std::sqrt(double(kernel::dot(C, s.std.data(), s.std.data())) / double(std::max<std::size_t>(1, C)));
    auto inverse = tensor<T>::uninitialized({C});
    for (std::size_t c = 0; c < C; ++c)
        inverse[c] = double(s.std[c]) > dead * rms ? static_cast<T>(1 / (double(s.std[c]) + eps)) : T(0);
    return inverse;
}
/// Whether the teacher's channels vary so much less than a student's, whose batch-norm starts at variance 1, that their
/// standardised difference would only measure the ratio of the scales: mean_c 1/(std + eps)² above 1000.
///
/// Teachers whose batch-norm statistics have settled give 1 to 10, at the penultimate feature up to 130. After only a
/// few training steps the running variances are still close to their initial values; every layer then reduces the
/// scale, and the last layers give 1e4 to 1e6.
template <class T> [[nodiscard]] bool scales_differ(const feature_statistics<T>& s) {
    constexpr double most = 1000;
    const tensor<T> inverse = inverse_std(s);
    return double(kernel::dot(inverse.size(), inverse.data(), inverse.data())) > most * double(inverse.size());
}

/// x ← (x - mean)/(std + eps) for each channel, 0 for dead channels: what stage_loss compares.
template <class T> void standardise_by(const feature_statistics<T>& s, tensor<T>& x) {
    const tensor<T> inverse = inverse_std(s);
    kernel::map_columns(
        x.shape().rows(), inverse.size(), [](auto v, auto m, auto k) { return (v - m) * k; }, x.data(), x.data(),
        s.mean.data(), inverse.data());
}

/// The map from a teacher's channels to the principal components that stage_loss compares.
template <class T> struct component_map {
    tensor<T> directions, offset; ///< (n, C), (n): F̂ = F directionsᵀ + offset; empty: channels are compared
    tensor<T> std;                ///< (n), of the components
};

/// The components that a projector from `student_channels` is to predict.
///
///     F̂ = √(n/Σλ) Uᵀ (F - mean)/(std + eps)
///
/// U holds the n directions of largest variance λ of the standardised channels. n is the smallest number that explains
/// the share `explained` of the variance, but at most student_channels, since a linear projector reaches no more
/// directions. The components' mean variance is 1, like that of the channels. Empty with channel_match::all, other
/// scales than `channel`, or statistics without directions.
/// Throws     usage_error if the directions do not fit the channels.
template <class T>
[[nodiscard]] component_map<T> principal_map(const feature_statistics<T>& s, const stage_options& o,
                                             std::size_t student_channels) {
    const auto& known = s.principal;
    const std::size_t C = s.mean.size();
    component_map<T> map;
    if (o.channels == channel_match::all || o.scale != standardise::channel || known.variance.empty()) return map;
    if (!(known.variance.shape() == shape{C}) || !(known.directions.shape() == shape{C, C}))
        raise<usage_error>("loss::principal_map", "shape of the principal directions is ",
                           known.directions.shape().text(), ", expected (", C, ", ", C, ")");
    const std::size_t n = known.count(o.explained, student_channels);
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += double(known.variance[i]);
    const double scale = sum > 0 ? std::sqrt(double(n) / sum) : 1;
    const tensor<T> inverse = inverse_std(s);
    map = {tensor<T>(shape{n, C}), tensor<T>(shape{n}), tensor<T>(shape{n})};
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t c = 0; c < C; ++c) {
            map.directions(i, c) = static_cast<T>(scale) * known.directions(i, c) * inverse[c];
            map.offset[i] -= map.directions(i, c) * s.mean[c];
        }
        map.std[i] = static_cast<T>(scale * std::sqrt(double(known.variance[i])));
    }
    return map;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::stage

#endif

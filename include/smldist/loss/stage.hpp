// SPDX-License-Identifier: BSD-3-Clause
/// Stage distillation: the student's intermediate features follow the teacher's.
#ifndef SMLDIST_LOSS_STAGE_HPP
#define SMLDIST_LOSS_STAGE_HPP

#include "smldist/loss/mse.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/nn/norm.hpp"

namespace smldist::inline SMLDIST_ABI::loss {

/// Per-channel mean and standard deviation of a teacher's feature over the training set.
template <class T> struct feature_statistics {
    tensor<T> mean, std; ///< (C)
};

/// Training-only map from the student's channels to the teacher's: pointwise convolution without bias, then batch-norm.
///
/// Shapes     x (…, C_S) · y (…, C_T)
template <class T> struct projector {
    nn::linear<T> map;
    nn::batch_norm<T> norm;

    projector() = default;
    projector(std::size_t from, std::size_t to, generator& g) : map(from, to, g, false), norm(to) {
        nn::init::kaiming_normal_(map.weight.value, g, nn::init::fan::out);
    }
    template <class X> X operator()(const X& x, mode m) const { return norm(map(x), m); }
    static void visit(auto& self, auto&& member) {
        member("map", self.map);
        member("norm", self.norm);
    }
};

/// Stage loss of one feature pair, standardised by the teacher's statistics so that scale does not dominate.
///
///     y = 1/(B·L·C) * sum (F̂_S - F̂_T)²,   F̂_T = (F_T - mean)/(std + eps)
///     F̂_S = (F_S - mean)/(std + eps) when channels agree;   F̂_S = projector(F_S) otherwise
///
/// The teacher is a constant. [OURS: the paper's abstract says that stage distillation constrains the *direction* of
/// intermediate features; the formula is this project's. Without statistics and projector it is plain MSE.]
///
/// Shapes     student (B, L, C_S) or (B, D_S) · teacher (B, L, C_T) or (B, D_T) · y ()
/// Throws     shape_error if lengths differ, or channels differ and there is no projector.
template <class X, class T>
auto stage(const X& student, tensor<T> teacher, const feature_statistics<T>& statistics,
           const projector<T>* map = nullptr, mode m = mode::train) {
    constexpr T eps = T(1e-5);
    const std::size_t C = statistics.std.size();
    if (teacher.shape().rank() < 2 || teacher.shape().back() != C || statistics.mean.size() != C)
        raise<shape_error>("loss::stage", "shape of the teacher's feature is ", teacher.shape().text(),
                           ", expected (…, ", C, ") for its statistics");
    if (!map && student.shape().back() != C)
        raise<shape_error>("loss::stage", "channels of student and teacher are ", student.shape().back(), " and ", C,
                           ", expected them equal without a projector");
    auto inverse = tensor<T>::uninitialized({C});
    for (std::size_t c = 0; c < C; ++c) inverse[c] = T(1) / (statistics.std[c] + eps);
    if (!map) return op::apply(mse_op<T>{}, student, std::move(teacher), std::move(inverse));
    auto shift = tensor<T>::uninitialized({C});
    for (std::size_t c = 0; c < C; ++c) shift[c] = -statistics.mean[c] * inverse[c];
    kernel::map_columns(
        teacher.shape().rows(), C, [](auto v, auto k, auto s) { return v * k + s; }, teacher.data(), teacher.data(),
        inverse.data(), shift.data());
    return op::apply(mse_op<T>{}, (*map)(student, m), std::move(teacher), tensor<T>());
}

} // namespace smldist::inline SMLDIST_ABI::loss

#endif

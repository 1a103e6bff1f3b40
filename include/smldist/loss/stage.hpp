// SPDX-License-Identifier: BSD-3-Clause
/// Stage distillation: the student's intermediate features follow the teacher's, in frequency and without phase.
#ifndef SMLDIST_LOSS_STAGE_HPP
#define SMLDIST_LOSS_STAGE_HPP

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "smldist/loss/discrepancy.hpp"
#include "smldist/loss/feature_statistics.hpp"
#include "smldist/loss/mse.hpp"
#include "smldist/loss/stage_options.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/nn/norm.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/op/softmax.hpp"

namespace smldist::inline SMLDIST_ABI::loss {

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

/// Stage loss of one pair of features, frequency-aware.
///
///     F̂_T = (F_T - mean)/(std + eps),   F̂_S = projector(F_S), or as F̂_T when channels and scales agree
///     y = 1/(B·L·C) Σ_{b,r,c} w̃_r pen(d[b,r,c]) + η · phase-free term,   d = M (A_S F̂_S - A_T F̂_T)
///
/// Where channels differ, or so do scales (detail::scales_differ), the projector predicts the teacher's principal components, F̂_T as in principal_map. With
/// channel_match::all, other scales than `channel`, or statistics without directions, it predicts all C_T channels.
///
/// M is the orthonormal basis along time, w̃ the band weights of its rows (mean 1), A_S and A_T bring both to the shorter
/// length. With α = 0 and a square penalty this is the mean squared error in time, by Parseval. The phase-free terms
/// work on the real DFT whatever M is, with its powers P_k = |X_k|² of band k with m_k rows and weight w_k:
///
///     magnitude  1/(B·L·C) Σ m_k w_k (ln(1+√P_S) - ln(1+√P_T))²      (w_k = 1 where M is another basis)
///     kl         spectral_kl_op       attention  1/B Σ_{b,k} (Q_S/‖Q_S‖ - Q_T/‖Q_T‖)²,   Q_k = Σ_c P_k,c
///
/// With weighting::uncertainty the first sum is 1/L Σ_r (½ e_r exp(-v) + ½ v), e_r the row's mean penalty, v learned for
/// each band. The teacher is a constant. [OURS: the paper's abstract says that stage distillation constrains the
/// *direction* of intermediate features and prioritises frequency-related ones; the formulas are this project's.]
///
/// Shapes     student (B, L_S, C_S) or (B, D_S) · teacher (B, L_T, C_T) or (B, D_T), or its components in place of its
///            channels (distill::in_components) · y ()
/// Throws     usage_error when constructed with features of unlike rank or options out of range; shape_error if a feature
///            is not what it was constructed for.
/// Source     Parseval; see docs/paper_map.md for what is reconstruction.
template <class T> class stage_loss {
public:
    /// Features of rank 2 have no time: their loss is plain, whatever the options say but for the penalty and the scale.
    /// `weights` has one entry for each band of the basis at the shorter length (band_weights); empty: uniform.
    stage_loss(const shape& student, const shape& teacher, const feature_statistics<T>& statistics,
               const stage_options& o, const std::vector<double>& weights, generator& g)
        : options_(o) {
        o.check();
        if (student.rank() != teacher.rank() || (student.rank() != 2 && student.rank() != 3))
            raise<usage_error>("loss::stage_loss", "features of student and teacher are ", student.text(), " and ",
                               teacher.text(), ", expected both (B, L, C) or both (B, D)");
        const std::size_t C = statistics.mean.size();
        const bool unlike =
            statistics.std.size() == C && o.scale == standardise::channel && detail::scales_differ(statistics);
        const bool projected = student.back() != C || unlike;
        if (projected) components_ = principal_map<T>(statistics, o, student.back());
        answered_ = teacher.back() != C && teacher.back() == components();
        if ((teacher.back() != C && !answered_) || statistics.std.size() != C)
            raise<usage_error>("loss::stage_loss", "channels of the statistics are ", statistics.std.size(),
                               ", expected ", teacher.back());
        if (o.scale == standardise::channel) {
            const tensor<T> inverse = detail::inverse_std(statistics);
            normal_ = tensor<T>(shape{3, C});
            std::copy_n(statistics.mean.data(), C, normal_.data());
            std::copy_n(inverse.data(), C, normal_.data() + C);
        }
        if (projected) {
            map_ = projector<T>(student.back(), components() > 0 ? components() : C, g);
            if (components() > 0) map_->norm.weight.value = components_.std;
        }
        if (student.rank() == 2)
            fused_ = std::make_shared<const discrepancy_tables<T>>(target());
        else
            set_up_time(student[1], teacher[1], weights);
    }

    template <class X> X operator()(const X& student, tensor<T> teacher, mode m = mode::train) const {
        X s = map_ ? (*map_)(student, m) : student;
        if (options_.scale == standardise::sample && student.shape().rank() == 3)
            s = unit_rows(s), teacher = unit_rows(teacher);
        if (fused_)
            return op::apply(discrepancy_op<T>{fused_, options_.pen, options_.delta}, s, map_ ? tensor<T>() : normal_,
                             std::move(teacher));
        const X x = map_ ? std::move(s) : standardised(std::move(s));
        if (components() == 0)
            teacher = standardised(std::move(teacher));
        else if (!answered_)
            teacher = op::linear(teacher, components_.directions, components_.offset);
        const X rows = op::matmul(student_map_, x);
        const tensor<T> target = op::matmul(teacher_map_, teacher);
        X y = banded(op::apply(row_penalty_op<T>{options_.pen, options_.delta}, rows, target));
        if (options_.eta == 0 || options_.term == phase_free::none) return y;
        if (student_dft_.empty()) return op::add(y, op::scale(without_phase(rows, target), options_.eta));
        return op::add(y, op::scale(without_phase(op::matmul(student_dft_, x), op::matmul(teacher_dft_, teacher)),
                                    options_.eta));
    }

    /// The projector, when channels differ, and the learned ln σ² of weighting::uncertainty.
    static void visit(auto& self, auto&& member) {
        member("projector", self.map_);
        member("log_variance", self.log_variance_);
    }

    /// Bands of the basis along time, and their weights w; empty for plain losses.
    const time_bands<T>& basis() const { return basis_; }
    const std::vector<double>& weights() const { return weights_; }
    /// How many principal components of the teacher are compared; 0: its channels are.
    std::size_t components() const { return components_.offset.size(); }

private:
    using band = typename time_bands<T>::band;

    void set_up_time(std::size_t from_student, std::size_t from_teacher, const std::vector<double>& weights) {
        const std::size_t L = std::min(from_student, from_teacher);
        const bool learned = options_.weights.kind == weighting::uncertainty;
        const bool dft = options_.eta > 0 && options_.term != phase_free::none && L >= 4;
        if (!dft) options_.eta = 0;
        if (from_student == from_teacher && options_.alpha == 0 && !learned && !dft &&
            options_.pen == penalty::square) { // the basis changes nothing
            fused_ = std::make_shared<const discrepancy_tables<T>>(target());
            return;
        }
        basis_ = make_basis<T>(options_.basis, L);
        weights_ = weights.empty() ? std::vector<double>(basis_.bands.size(), 1) : weights;
        if (weights_.size() != basis_.bands.size())
            raise<usage_error>("loss::stage_loss", "number of band weights is ", weights_.size(), ", expected ",
                               basis_.bands.size());
        const auto onto = [&](const time_bands<T>& basis, std::size_t from) {
            return from_student == from_teacher ? basis.matrix
                                                : product(basis.matrix, make_length_map<T>(options_.match, L, from));
        };
        student_map_ = onto(basis_, from_student);
        teacher_map_ = onto(basis_, from_teacher);
        row_weight_ = tensor<T>(shape{L});
        expand_ = tensor<T>(shape{L, basis_.bands.size()});
        for (std::size_t k = 0; k < basis_.bands.size(); ++k)
            for (std::size_t r = 0; r < basis_.bands[k].rows; ++r) {
                row_weight_[basis_.bands[k].first_row + r] =
                    static_cast<T>(1 - options_.alpha + options_.alpha * weights_[k]);
                expand_(basis_.bands[k].first_row + r, k) = T(1);
            }
        if (learned) {
            log_variance_.value = tensor<T>(shape{basis_.bands.size()});
            log_variance_.decay = false;
        }
        if (!dft) {
            if (!learned) fuse({}, {});
            return;
        }
        const bool same = options_.basis == time_basis::rdft;
        const time_bands<T> fourier = same ? basis_ : make_basis<T>(time_basis::rdft, L);
        if (!same) student_dft_ = onto(fourier, from_student), teacher_dft_ = onto(fourier, from_teacher);
        bands_ = std::make_shared<const std::vector<band>>(fourier.bands);
        magnitude_weight_ = tensor<T>(shape{bands_->size()});
        for (std::size_t k = 0; k < bands_->size(); ++k)
            magnitude_weight_[k] = static_cast<T>(double((*bands_)[k].rows) * (same ? weights_[k] : 1) / double(L));
        if (same && !learned && options_.term == phase_free::magnitude) fuse(fourier.bands, magnitude_weight_);
    }
    /// From here on one op computes the loss: maps and weights as they stand, with these bands of the magnitude term.
    void fuse(const std::vector<band>& bands, tensor<T> band_weight) {
        tensor<T> row_weight = row_weight_;
        kernel::scale(row_weight.size(), T(1) / static_cast<T>(row_weight.size()), row_weight.data());
        kernel::scale(band_weight.size(), static_cast<T>(options_.eta), band_weight.data());
        const bool rdft = options_.basis == time_basis::rdft && basis_.bands.size() > 1 &&
                          student_map_.shape()[1] == row_weight.size() &&
                          teacher_map_.shape()[1] == row_weight.size();
        fused_ = std::make_shared<const discrepancy_tables<T>>(target(), student_map_, teacher_map_, rdft, row_weight,
                                                               bands, std::move(band_weight));
    }
    /// What brings the teacher's feature to what is compared.
    target_map<T> target() const {
        if (answered_) return {};
        if (components() > 0) return target_map<T>::onto(components_.directions, components_.offset);
        if (normal_.empty()) return {};
        const std::size_t C = normal_.shape()[1];
        tensor<T> factor(shape{C}), offset(shape{C});
        for (std::size_t c = 0; c < C; ++c) {
            factor[c] = normal_[C + c];
            offset[c] = -normal_[c] * factor[c];
        }
        return {std::move(factor), std::move(offset)};
    }

    /// By the teacher's statistics of each channel.
    template <class X> X standardised(X x) const {
        if (normal_.empty()) return x;
        return op::apply(op::normalise_op<T>{}, std::move(x), normal_);
    }
    template <class X> static X unit_rows(const X& x) {
        const X mean_square = op::mean(op::mul(x, x), {.axis = 1, .keepdim = true});
        return op::mul(x, op::exp(op::scale(op::log(op::add_scalar(mean_square, 1e-8)), -0.5)));
    }
    /// Σ_r w̃_r e_r / L, or with learned variances.
    template <class X> X banded(const X& e) const {
        if (log_variance_.empty()) return op::mean(op::mul(e, row_weight_));
        const X v = op::linear(op::lift(e, log_variance_), expand_, tensor<T>());
        return op::scale(op::mean(op::add(op::mul(e, op::exp(op::scale(v, -1))), v)), 0.5);
    }
    template <class X> X without_phase(const X& rows, const tensor<T>& target) const {
        const band_power_op<T> power{bands_};
        const X p = op::apply(power, rows);
        const tensor<T> q = op::apply(power, target);
        if (options_.term == phase_free::kl)
            return op::apply(spectral_kl_op<T>{options_.temperature}, p,
                             spectral_kl_op<T>::distribution(q, options_.temperature));
        if (options_.term == phase_free::attention)
            return mse(op::l2_normalize(op::sum(p, {.axis = -1})), op::l2_normalize(op::sum(q, {.axis = -1})),
                       double(bands_->size()));
        const X e =
            op::apply(row_penalty_op<T>{}, op::apply(log_magnitude_op<T>{}, p), op::apply(log_magnitude_op<T>{}, q));
        return op::sum(op::mul(e, magnitude_weight_));
    }

    stage_options options_;
    std::optional<projector<T>> map_;
    parameter<T> log_variance_; ///< (K)
    tensor<T> normal_;          ///< (3, C), the statistics as a map of op::normalise_op; empty: features as they are
    component_map<T> components_; ///< of the teacher that are compared; empty: its channels are
    bool answered_ = false;       ///< the teacher's features come as components already
    std::shared_ptr<const discrepancy_tables<T>> fused_; ///< null: several ops, for what the one does not know
    time_bands<T> basis_;
    std::vector<double> weights_;         ///< w of each band
    tensor<T> student_map_, teacher_map_; ///< (L, L_S), (L, L_T): length map, then basis; empty: nothing to do
    tensor<T> row_weight_, expand_;       ///< w̃ (L); which band a row is of (L, K)
    std::shared_ptr<const std::vector<band>> bands_; ///< of the real DFT
    tensor<T> student_dft_, teacher_dft_;            ///< where the basis is another than the real DFT
    tensor<T> magnitude_weight_;                     ///< m_k w_k / L
};

} // namespace smldist::inline SMLDIST_ABI::loss

#endif

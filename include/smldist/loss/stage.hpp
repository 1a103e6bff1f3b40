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
#include "smldist/loss/mse.hpp"
#include "smldist/loss/principal.hpp"
#include "smldist/loss/stage_options.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/nn/norm.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/op/softmax.hpp"

namespace smldist::inline SMLDIST_ABI::loss {

/// Per-channel mean and standard deviation of a teacher's feature over the training set.
template <class T> struct feature_statistics {
    tensor<T> mean, std;                    ///< (C)
    principal_components<T> principal = {}; ///< of the standardised channels; empty: not measured
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

namespace detail {
/// 1/(std + eps) of each channel; 0 for a dead channel, whose std is below a thousandth of the root mean square of all:
/// it carries no signal, and dividing by it would make noise rule the loss.
template <class T> tensor<T> inverse_std(const feature_statistics<T>& s) {
    constexpr double eps = 1e-5, dead = 1e-3;
    const std::size_t C = s.std.size();
    const double rms =
        std::sqrt(double(kernel::dot(C, s.std.data(), s.std.data())) / double(std::max<std::size_t>(1, C)));
    auto inverse = tensor<T>::uninitialized({C});
    for (std::size_t c = 0; c < C; ++c)
        inverse[c] = double(s.std[c]) < dead * rms ? T(0) : static_cast<T>(1 / (double(s.std[c]) + eps));
    return inverse;
}
} // namespace detail

/// x ← (x - mean)/(std + eps) for each channel, 0 for dead channels: what stage_loss compares.
template <class T> void standardise_by(const feature_statistics<T>& s, tensor<T>& x) {
    const tensor<T> inverse = detail::inverse_std(s);
    kernel::map_columns(
        x.shape().rows(), inverse.size(), [](auto v, auto m, auto k) { return (v - m) * k; }, x.data(), x.data(),
        s.mean.data(), inverse.data());
}

/// Stage loss of one pair of features, frequency-aware.
///
///     F̂_T = (F_T - mean)/(std + eps),   F̂_S = projector(F_S), or as F̂_T when channels agree
///     y = 1/(B·L·C) Σ_{b,r,c} w̃_r pen(d[b,r,c]) + η · phase-free term,   d = M (A_S F̂_S - A_T F̂_T)
///
/// Where channels differ the projector predicts the teacher's principal components: F̂_T = √(n/Σλ) Uᵀ (F_T - mean)/(std + eps),
/// U the n directions of largest variance λ of the standardised channels. n ≤ C_S, since no linear projector reaches more
/// directions at once, and no more than `explained` of the variance needs; their mean variance is 1, as that of the
/// channels. With channel_match::all, other scales than `channel`, or statistics without directions, the projector predicts
/// all C_T channels.
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
/// Shapes     student (B, L_S, C_S) or (B, D_S) · teacher (B, L_T, C_T) or (B, D_T) · y ()
/// Throws     usage_error when constructed with features of unlike rank or options out of range; shape_error if a feature
///            is not what it was constructed for.
/// Source     Parseval; see docs/paper_map.md for what is reconstruction.
template <class T> class stage_loss {
public:
    /// Features of rank 2 have no time: their loss is plain, whatever the options say but for the penalty and the scale.
    /// `weights` has one entry for each band of the basis at the shorter length (band_weights); empty: uniform.
    stage_loss(const shape& student, const shape& teacher, feature_statistics<T> statistics, const stage_options& o,
               const std::vector<double>& weights, generator& g)
        : options_(o), statistics_(std::move(statistics)) {
        o.check();
        if (student.rank() != teacher.rank() || (student.rank() != 2 && student.rank() != 3))
            raise<usage_error>("loss::stage_loss", "features of student and teacher are ", student.text(), " and ",
                               teacher.text(), ", expected both (B, L, C) or both (B, D)");
        if (statistics_.mean.size() != teacher.back() || statistics_.std.size() != teacher.back())
            raise<usage_error>("loss::stage_loss", "channels of the statistics are ", statistics_.std.size(),
                               ", expected ", teacher.back());
        inverse_ = detail::inverse_std(statistics_);
        zeros_ = tensor<T>(inverse_.shape());
        ones_ = tensor<T>(inverse_.shape(), T(1));
        if (student.back() != teacher.back()) set_up_projector(student.back(), g);
        if (student.rank() == 3) set_up_time(student[1], teacher[1], weights);
    }

    template <class X> X operator()(const X& student, tensor<T> teacher, mode m = mode::train) const {
        if (directions_.empty())
            teacher = standardised(std::move(teacher));
        else
            teacher = op::linear(teacher, directions_, offset_);
        X s = map_ ? (*map_)(student, m) : standardised(student);
        if (options_.scale == standardise::sample && s.shape().rank() == 3)
            s = unit_rows(s), teacher = unit_rows(teacher);
        if (fused_) return op::apply(discrepancy_op<T>{fused_, options_.pen, options_.delta}, s, std::move(teacher));
        if (student_map_.empty()) return plain(s, std::move(teacher));
        const X rows = op::matmul(student_map_, s);
        const tensor<T> target = op::matmul(teacher_map_, teacher);
        X y = banded(op::apply(row_penalty_op<T>{options_.pen, options_.delta}, rows, target));
        if (options_.eta == 0 || options_.term == phase_free::none) return y;
        if (student_dft_.empty()) return op::add(y, op::scale(without_phase(rows, target), options_.eta));
        return op::add(y, op::scale(without_phase(op::matmul(student_dft_, s), op::matmul(teacher_dft_, teacher)),
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
    std::size_t components() const { return offset_.size(); }

private:
    using band = typename time_bands<T>::band;

    void set_up_projector(std::size_t from, generator& g) {
        const auto& known = statistics_.principal;
        const std::size_t C = statistics_.mean.size();
        if (options_.channels == channel_match::all || options_.scale != standardise::channel ||
            known.variance.empty()) {
            map_ = projector<T>(from, C, g);
            return;
        }
        if (!(known.variance.shape() == shape{C}) || !(known.directions.shape() == shape{C, C}))
            raise<usage_error>("loss::stage_loss", "shape of the principal directions is ",
                               known.directions.shape().text(), ", expected (", C, ", ", C, ")");
        const std::size_t n = known.count(options_.explained, from);
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i) sum += double(known.variance[i]);
        const double scale = sum > 0 ? std::sqrt(double(n) / sum) : 1;
        directions_ = tensor<T>(shape{n, C});
        offset_ = tensor<T>(shape{n});
        map_ = projector<T>(from, n, g);
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t c = 0; c < C; ++c) {
                directions_(i, c) = static_cast<T>(scale) * known.directions(i, c) * inverse_[c];
                offset_[i] -= directions_(i, c) * statistics_.mean[c];
            }
            map_->norm.weight.value[i] = static_cast<T>(scale * std::sqrt(double(known.variance[i])));
        }
    }
    void set_up_time(std::size_t from_student, std::size_t from_teacher, const std::vector<double>& weights) {
        const std::size_t L = std::min(from_student, from_teacher);
        const bool learned = options_.weights.kind == weighting::uncertainty;
        const bool dft = options_.eta > 0 && options_.term != phase_free::none && L >= 4;
        if (!dft) options_.eta = 0;
        if (from_student == from_teacher && options_.alpha == 0 && !learned && !dft &&
            options_.pen == penalty::square)
            return; // the basis changes nothing
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
        fused_ = std::make_shared<const discrepancy_tables<T>>(student_map_, teacher_map_, rdft, row_weight, bands,
                                                               std::move(band_weight));
    }

    /// By the teacher's statistics of each channel.
    template <class X> X standardised(X x) const {
        if (!(x.shape().back() == inverse_.size()))
            raise<shape_error>("loss::stage_loss", "shape of a feature is ", x.shape().text(), ", expected (…, ",
                               inverse_.size(), ")");
        if (options_.scale != standardise::channel) return x;
        constexpr op::batch_norm_options exact{.eps = 0};
        return op::apply(op::batch_norm_eval_op<T>{exact}, std::move(x), inverse_, zeros_, statistics_.mean, ones_);
    }
    template <class X> static X unit_rows(const X& x) {
        const X mean_square = op::mean(op::mul(x, x), {.axis = 1, .keepdim = true});
        return op::mul(x, op::exp(op::scale(op::log(op::add_scalar(mean_square, 1e-8)), -0.5)));
    }
    template <class X> X plain(const X& s, tensor<T> teacher) const {
        if (options_.pen == penalty::square) return mse(s, std::move(teacher));
        const shape& full = teacher.shape();
        const shape rows{1, full.rows(), full.back()};
        return op::mean(op::apply(row_penalty_op<T>{options_.pen, options_.delta}, op::reshape(s, rows),
                                  std::move(teacher).reshaped(rows)));
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
    feature_statistics<T> statistics_;
    std::optional<projector<T>> map_;
    parameter<T> log_variance_;        ///< (K)
    tensor<T> inverse_, zeros_, ones_; ///< (C), 1/(std + eps) of the teacher's channels and constants beside it
    tensor<T> directions_, offset_;    ///< (n, C), (n): the teacher's principal components; empty: its channels
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

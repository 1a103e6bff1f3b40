// SPDX-License-Identifier: BSD-3-Clause
/// The rows in which two features are compared along time: coefficients in a basis at the shorter length, each with a weight.
#ifndef SMLDIST_LOSS_STAGE_COMPARED_ROWS_HPP
#define SMLDIST_LOSS_STAGE_COMPARED_ROWS_HPP

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "smldist/loss/mse.hpp"
#include "smldist/loss/stage/spectral.hpp"
#include "smldist/loss/stage/stage_options.hpp"
#include "smldist/loss/stage/time_basis.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"

namespace smldist::loss::stage {
SMLDIST_NAMESPACE_BEGIN

/// Constant maps along time and weights of the rows, for one pair of features.
///
///     s = M A_S F̂_S,   t = M A_T F̂_T,   w̃_r = 1 - α + α w_k for row r of band k
///
/// M is the basis at L = min(L_S, L_T), A_S and A_T bring both features to it (make_length_map; 1 for equal lengths).
/// Where the basis changes nothing, M = 1 and w̃ = 1: for a square penalty with α = 0, without phase-free term, at
/// equal lengths (Parseval). A feature of rank 2 has no time axis and counts as a single step, without weights and
/// phase-free term.
///
/// An image (B, H, W, C) has its H·W pixels as rows, and M = 1, w̃ = 1, without phase-free term: frequencies along its rows
/// would mean nothing. Each axis is brought to the shorter extent: A = A_H ⊗ A_W, where the map of an axis of equal extents is 1.
///
/// Shapes     F̂ (B, L_S or L_T, C) · s, t (B, L, C)
/// Throws     usage_error from the constructor unless there is one band weight per band, or none; for band weights that no
///            term reads: α = 0 without the magnitude term in the real DFT, or features without a time axis; as
///            check_for_images for images.
template <class T> struct compared_rows {
    using band = typename time_bands<T>::band;

    tensor<T> student, teacher;  ///< M A_S (L, L_S), M A_T (L, L_T); empty: both are 1
    tensor<T> weight;            ///< w̃ (L)
    time_bands<T> basis;         ///< M and its bands; empty: the basis changes nothing
    std::vector<double> weights; ///< w of each band of it
    tensor<T> band_of_row;       ///< (L, K), 1 where row r is of band k; only for learned variances
    bool learned = false;        ///< weighting::uncertainty
    double eta = 0;              ///< weight of the phase-free term; 0 without it and for fewer than 4 rows

    std::shared_ptr<const std::vector<band>> spectrum; ///< bands of the real DFT, for the phase-free term
    tensor<T> student_dft, teacher_dft;                ///< like student and teacher; empty: those are the real DFT
    tensor<T> magnitude_weight;                        ///< m_k w_k / L

    compared_rows(const shape& of_student, const shape& of_teacher, const stage_options& o,
                  const std::vector<double>& given) {
        const bool timed = of_student.rank() == 3;
        check_weights(timed, o, given.size());
        if (of_student.rank() == 4) {
            compare_pixels(of_student, of_teacher, o);
            return;
        }
        const std::size_t S = timed ? of_student[1] : 1, R = timed ? of_teacher[1] : 1, L = std::min(S, R);
        learned = timed && o.weights.kind == weighting::uncertainty;
        eta = timed && o.term != phase_free::none && L >= 4 ? o.eta : 0;
        weight = tensor<T>(shape{L}, T(1));
        if (!timed || (S == R && o.alpha == 0 && !learned && eta == 0 && o.pen == penalty::square)) {
            student = teacher = make_basis<T>(time_basis::none, L).matrix;
            return;
        }
        basis = make_basis<T>(o.basis, L);
        weights = given.empty() ? std::vector<double>(basis.bands.size(), 1) : given;
        if (weights.size() != basis.bands.size())
            raise<usage_error>("loss::stage_loss", "number of band weights is ", weights.size(), ", expected ",
                               basis.bands.size());
        const auto onto = [&](const time_bands<T>& b, std::size_t from) {
            return S == R ? b.matrix : product(b.matrix, make_length_map<T>(o.match, L, from));
        };
        student = onto(basis, S);
        teacher = onto(basis, R);
        if (learned) band_of_row = tensor<T>(shape{L, basis.bands.size()});
        for (std::size_t k = 0; k < basis.bands.size(); ++k)
            for (std::size_t i = 0; i < basis.bands[k].rows; ++i) {
                const std::size_t r = basis.bands[k].first_row + i;
                weight[r] = static_cast<T>(1 - o.alpha + o.alpha * weights[k]);
                if (learned) band_of_row(r, k) = T(1);
            }
        if (eta == 0) return;
        const bool same = o.basis == time_basis::rdft;
        const time_bands<T> fourier = same ? basis : make_basis<T>(time_basis::rdft, L);
        if (!same) student_dft = onto(fourier, S), teacher_dft = onto(fourier, R);
        spectrum = std::make_shared<const std::vector<band>>(fourier.bands);
        magnitude_weight = tensor<T>(shape{spectrum->size()});
        for (std::size_t k = 0; k < spectrum->size(); ++k)
            magnitude_weight[k] = static_cast<T>(double((*spectrum)[k].rows) * (same ? weights[k] : 1) / double(L));
    }

private:
    SMLDIST_COLD void compare_pixels(const shape& of_student, const shape& of_teacher, const stage_options& o) {
        o.check_for_images();
        const auto to = [&](std::size_t axis) { return std::min(of_student[axis], of_teacher[axis]); };
        const std::size_t L = to(1) * to(2);
        weight = tensor<T>(shape{L}, T(1));
        if (of_student[1] == of_teacher[1] && of_student[2] == of_teacher[2]) return;
        basis = make_basis<T>(time_basis::none, L);
        weights = {1};
        const auto along = [&](std::size_t axis, const shape& from) {
            return of_student[axis] == of_teacher[axis] ? make_basis<T>(time_basis::none, to(axis)).matrix
                                                        : make_length_map<T>(o.match, to(axis), from[axis]);
        };
        student = kronecker(along(1, of_student), along(2, of_student));
        teacher = kronecker(along(1, of_teacher), along(2, of_teacher));
    }
    /// Throws usage_error if n band weights are given and no term of the loss reads them.
    SMLDIST_COLD static void check_weights(bool timed, const stage_options& o, std::size_t n) {
        const bool magnitude = o.eta > 0 && o.term == phase_free::magnitude && o.basis == time_basis::rdft;
        if (n > 0 && !timed)
            raise<usage_error>("loss::stage_loss", "number of band weights is ", n,
                               ", expected 0 for features without a time axis");
        if (n > 0 && o.alpha == 0 && !magnitude)
            raise<usage_error>("loss::stage_loss", "number of band weights is ", n,
                               " and alpha is 0, expected no weights, or alpha above 0");
    }
};

/// Mean of the rows' penalties e (L) with a learned variance σ² for each band, v = ln σ² (K).
///
///     y = 1/L Σ_r (½ e_r exp(-v) + ½ v),   v of r's band
///
/// Source     Kendall, Gal and Cipolla, CVPR 2018.
template <class X, class T>
[[nodiscard]] X mean_by_variance(const X& e, const parameter<T>& log_variance, const tensor<T>& band_of_row) {
    const X v = op::linear(op::lift(e, log_variance), band_of_row, tensor<T>());
    return 0.5 * op::mean(e * op::exp(-v) + v);
}

/// Phase-free term of the features x and z, whose rows are s and t. P_k = |X_k|² is the power of band k of the real DFT,
/// which has m_k rows and weight w_k; it is taken in the real DFT whatever the basis M is.
///
///     magnitude  1/(B·L·C) Σ m_k w_k (ln(1+√P_S) - ln(1+√P_T))²      (w_k = 1 where M is another basis)
///     kl         spectral_kl_op       attention  1/B Σ_{b,k} (Q_S/‖Q_S‖ - Q_T/‖Q_T‖)²,   Q_k = Σ_c P_k,c
///
/// Shapes     x (B, L_S, C) · z (B, L_T, C), constant · s, t (B, L, C) · y ()
/// Source     [OURS]
template <class X, class T>
[[nodiscard]] X without_phase(const compared_rows<T>& rows, const stage_options& o, const X& x, const tensor<T>& z,
                              const X& s, const tensor<T>& t) {
    const band_power_op<T> power{rows.spectrum};
    const bool same = rows.student_dft.empty();
    const X p = same ? op::apply(power, s) : op::apply(power, op::matmul(rows.student_dft, x));
    const tensor<T> q = same ? op::apply(power, t) : op::apply(power, op::matmul(rows.teacher_dft, z));
    if (o.term == phase_free::kl)
        return op::apply(spectral_kl_op<T>{o.temperature}, p, spectral_kl_op<T>::distribution(q, o.temperature));
    if (o.term == phase_free::attention)
        return mse(op::l2_normalize(op::sum(p, {.axis = -1})), op::l2_normalize(op::sum(q, {.axis = -1})),
                   double(rows.spectrum->size()));
    const log_magnitude_op<T> magnitude;
    const X e = row_penalty(op::apply(magnitude, p), op::apply(magnitude, q));
    return op::sum(e * rows.magnitude_weight);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::stage

#endif

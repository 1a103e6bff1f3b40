// SPDX-License-Identifier: BSD-3-Clause
/// Stage distillation: the student's intermediate features follow the teacher's, in frequency and without phase.
#ifndef SMLDIST_LOSS_STAGE_HPP
#define SMLDIST_LOSS_STAGE_HPP

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "smldist/loss/stage/band_weights.hpp"
#include "smldist/loss/stage/compared_channels.hpp"
#include "smldist/loss/stage/compared_rows.hpp"
#include "smldist/loss/stage/fused.hpp"
#include "smldist/loss/stage/projector.hpp"

namespace smldist::loss {
SMLDIST_NAMESPACE_BEGIN

// The names of loss/stage/ that users of stage_loss write.
using stage::band_statistics, stage::band_weights, stage::time_bands, stage::make_basis, stage::make_length_map,
    stage::product;
using stage::feature_statistics, stage::teacher_space, stage::principal_components, stage::principal,
    stage::principal_map, stage::component_map, stage::standardise_by, stage::projector;
using stage::stage_options, stage::weighting_options, stage::weighting, stage::time_basis, stage::length_match,
    stage::penalty, stage::phase_free, stage::standardise, stage::channel_match;

/// Stage loss of one pair of features, frequency-aware.
///
///     y = 1/(B·L·C) Σ_{b,r,c} w̃_r pen(d[b,r,c]) + η · phase-free term,   d = M (A_S F̂_S - A_T F̂_T)
///
/// F̂_T is the teacher's feature standardised by its statistics, or its principal components. F̂_S is the student's
/// feature, after a projector if the channels differ in number or greatly in scale (stage::compared_channels).
/// M is an orthonormal basis along time, A_S and A_T bring both features to the shorter length, w̃ = 1 - α + α w weights the
/// rows of M by their frequency band (stage::compared_rows). With α = 0 and a square penalty the first term is the mean
/// squared error in time, by Parseval. The phase-free term compares powers of the real DFT (stage::without_phase).
///
/// With weighting::uncertainty the first term is 1/L Σ_r (½ e_r exp(-v) + ½ v), e_r the row's mean penalty, v learned for
/// each band. Features of images are compared pixel by pixel: M = 1 and w̃ = 1. The teacher is a constant. [OURS: the paper's
/// abstract says that stage distillation constrains the *direction* of intermediate features and prioritises frequency-related
/// ones; the formulas are this project's.]
///
/// Shapes     student (B, L_S, C_S), (B, H_S, W_S, C_S) or (B, D_S) · teacher (B, L_T, C_T), (B, H_T, W_T, C_T) or (B, D_T), or
///            with teacher_space::components in the statistics its components in place of its channels · y ()
/// Throws     usage_error when constructed with features of unlike rank, options out of range, statistics of other
///            features, or band weights that no term reads (stage::compared_rows); shape_error if a feature is not what it
///            was constructed for.
/// Source     Parseval; see docs/paper_map.md for what is reconstruction.
template <class T> class stage_loss {
public:
    /// Features of rank 2 have no time axis: only the options penalty, scale and channels apply to them. To images these and
    /// match apply.
    /// `weights` has one entry for each band of the basis at the shorter length (band_weights); empty: uniform.
    stage_loss(const shape& student, const shape& teacher, const feature_statistics<T>& statistics,
               const stage_options& o, const std::vector<double>& weights, generator& g)
        : options_(o),
          channels_(student, teacher, statistics, o),
          rows_(student, teacher, o, weights),
          fused_(channels_, rows_, o) {
        if (channels_.projected()) projector_ = channels_.make_projector(student.back(), g);
        if (!rows_.learned) return;
        log_variance_.value = tensor<T>(shape{rows_.basis.bands.size()});
        log_variance_.decay = 0;
    }

    /// y as a composition of ops that follows the formula line by line.
    template <class X> X composed(const X& student, tensor<T> teacher, mode m = mode::train) const {
        const X x = stage::in_time(channels_.student(projected(student, m)));      // F̂_S
        const tensor<T> z = stage::in_time(channels_.teacher(std::move(teacher))); // F̂_T
        const X s = mapped(rows_.student, x);                                      // M A_S F̂_S
        const tensor<T> t = mapped(rows_.teacher, z);                              // M A_T F̂_T
        const X e = stage::row_penalty(s, t, options_.pen, options_.delta);        // e_r = mean_{b,c} pen(d)
        X y = rows_.learned ? stage::mean_by_variance(e, log_variance_, rows_.band_of_row)
                            : op::mean(e * rows_.weight); // 1/L Σ_r w̃_r e_r
        if (rows_.eta == 0) return y;
        return y + rows_.eta * stage::without_phase(rows_, options_, x, z, s, t);
    }
    /// y. Where the fused form applies, it replaces composed().
    template <class X> X operator()(const X& student, tensor<T> teacher, mode m = mode::train) const {
        if (!fused_) return composed(student, std::move(teacher), m);
        return fused_(projected(student, m), std::move(teacher));
    }
    /// Whether the fused form applies.
    bool fused() const { return static_cast<bool>(fused_); }

    /// The projector, if there is one, and the learned ln σ² of weighting::uncertainty.
    static void visit(auto& self, auto&& member) {
        member("projector", self.projector_);
        member("log_variance", self.log_variance_);
    }

    /// Bands of the basis along time, and their weights w; empty where the basis changes nothing.
    const time_bands<T>& basis() const { return rows_.basis; }
    const std::vector<double>& weights() const { return rows_.weights; }
    /// How many principal components of the teacher are compared; 0: its channels are.
    std::size_t components() const { return channels_.components(); }

private:
    template <class X> static X mapped(const tensor<T>& m, const X& x) { return m.empty() ? x : op::matmul(m, x); }
    /// The student's feature, through the projector if there is one.
    template <class X> X projected(const X& student, mode m) const {
        return projector_ ? (*projector_)(student, m) : student;
    }

    stage_options options_;
    stage::compared_channels<T> channels_;
    stage::compared_rows<T> rows_;
    stage::fused_comparison<T> fused_;
    std::optional<projector<T>> projector_;
    parameter<T> log_variance_; ///< (K)
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss

#endif

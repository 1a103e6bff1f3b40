// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_LOSS_BASELINE_SELECTIVITY_HPP
#define SMLDIST_LOSS_BASELINE_SELECTIVITY_HPP

#include <span>
#include <string_view>

#include "smldist/loss/baseline/setting.hpp"
#include "smldist/loss/mse.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/norm.hpp"

namespace smldist::loss::baseline {
SMLDIST_NAMESPACE_BEGIN

struct selectivity_options {
    weights weight{.term = 50};

    /// Throws usage_error for a value out of range.
    void check() const { weight.check("loss::baseline::selectivity_options"); }
};

/// Neuron selectivity transfer (NST): the channels of student and teacher, seen as samples of one distribution over time
/// courses, have the same distribution. The distance is the squared maximum mean discrepancy with the kernel k(u,v) = (uᵀv)².
///
///     y = weight * sum_i mean_b MMD²(F̂_S,i[b], F̂_T,i[b]),   F̂[b,:,c] = F[b,:,c] / ‖F[b,:,c]‖
///     MMD²(U, V) = mean_cc' k(u_c, u_c') + mean_dd' k(v_d, v_d') - 2 mean_cd k(u_c, v_d)
///                = ‖G(U) - G(V)‖²_F,   G(U) = U Uᵀ / C   (L, L)
///
/// The longer of both stages is averaged to the length of the shorter. Works for any number of channels, without a
/// regressor. Order, sign and scale of the channels have no effect.
///
/// Shapes     stages[i] (B, L_i, C_i), as many of the student as of the teacher · y ()
/// Gradients  into F_S through G and the normalisation.
/// Cost       2 B L² C multiply-accumulates per stage of each network.
/// Throws     shape_error if the numbers of stages differ or are 0.
/// Source     Huang and Wang 2017 (arXiv 1707.01219), polynomial kernel with d = 2, c = 0; weight of RepDistiller.
struct selectivity {
    static constexpr std::string_view name = "nst";
    selectivity_options options;

    void prepare(const outputs<shape>& student, const outputs<shape>& teacher, generator&) const {
        options.check();
        detail::check_all_stages("loss::baseline::selectivity", student, teacher);
    }
    template <class X, class T>
    X operator()(const outputs<X>& student, const outputs<tensor<T>>& teacher, std::span<const int>) const {
        return detail::sum_over_stages("loss::baseline::selectivity", student, teacher,
                                       [this](const X& s, const tensor<T>& t) {
                                           const auto [from, to] = detail::same_length(s, t);
                                           const double L = double(to.shape()[1]); // mse divides by B L²
                                           return mse(gram(from), gram(to), options.weight.term * L * L);
                                       });
    }
    static void visit(auto&, auto&&) {}

private:
    /// G (B, L, L) of F (B, L, C). The product with the identity matrix brings time, which is normalised, to the last
    /// axis.
    template <class X> static X gram(const X& f) {
        using T = op::scalar_of_t<X>;
        const std::size_t L = f.shape()[1];
        tensor<T> unit(shape{L, L});
        for (std::size_t t = 0; t < L; ++t) unit[t * (L + 1)] = 1;
        const X channels = op::l2_normalize(op::matmul(f, unit, {.transpose_a = true}));
        return op::scale(op::matmul(channels, channels, {.transpose_a = true}), 1 / double(f.shape()[2]));
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::baseline

#endif

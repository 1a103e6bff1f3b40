// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_LOSS_BASELINE_ATTENTION_HPP
#define SMLDIST_LOSS_BASELINE_ATTENTION_HPP

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "smldist/core/check.hpp"
#include "smldist/loss/baseline/setting.hpp"
#include "smldist/loss/mse.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/reduce.hpp"

namespace smldist::loss::baseline {
SMLDIST_NAMESPACE_BEGIN

struct attention_options {
    weights weight{.term = 1000};
    int power = 2; ///< p, 2 or 4: a higher power emphasises the strongest channels

    /// Throws usage_error for a value out of range.
    void check() const {
        const option_check o{"loss::baseline::attention_options"};
        weight.check(o.where);
        o.need(power == 2 || power == 4, "power", double(power), "2 or 4");
    }
};

/// Attention transfer (AT): student and teacher are active at the same times.
///
///     y = weight * sum_i 1/(B·L) * sum (Â(F_S,i) - Â(F_T,i))²,   Â(F)[b,:] = A[b,:]/‖A[b,:]‖,   A[b,t] = mean_c F[b,t,c]^p
///
/// The longer of both stages is averaged to the length of the shorter. Works for any channels, without a regressor.
///
/// Shapes     stages[i] (B, L_i, C_i), as many of the student as of the teacher · y ()
/// Gradients  into F_S through mean, power and normalisation.
/// Throws     shape_error if the numbers of stages differ or are 0.
/// Source     Zagoruyko and Komodakis 2017 (arXiv 1612.03928); p and weight of RepDistiller.
struct attention {
    static constexpr std::string_view name = "at";
    attention_options options;

    void prepare(const outputs<shape>& student, const outputs<shape>& teacher, generator&) const {
        options.check();
        detail::check_all_stages("loss::baseline::attention", student, teacher);
    }
    template <class X, class T>
    X operator()(const outputs<X>& student, const outputs<tensor<T>>& teacher, std::span<const int>) const {
        return detail::sum_over_stages("loss::baseline::attention", student, teacher,
                                       [this](const X& s, const tensor<T>& t) { return stage(s, t); });
    }
    static void visit(auto&, auto&&) {}

private:
    template <class X, class T> X stage(const X& student, const tensor<T>& teacher) const {
        const auto [from, to] = detail::same_length(student, teacher);
        return mse(map(from), map(to), options.weight.term);
    }
    /// Â (B, L) of F (B, L, C)
    template <class X> X map(const X& f) const {
        X power = op::mul(f, f);
        if (options.power == 4) power = op::mul(power, power);
        return op::l2_normalize(op::mean(power, {.axis = -1}));
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::baseline

#endif

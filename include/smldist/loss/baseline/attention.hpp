// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_LOSS_BASELINE_ATTENTION_HPP
#define SMLDIST_LOSS_BASELINE_ATTENTION_HPP

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "smldist/loss/baseline/setting.hpp"
#include "smldist/loss/mse.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/reduce.hpp"

namespace smldist::inline SMLDIST_ABI::loss::baseline {

struct attention_options {
    weights weight{.term = 1000};
    int power = 2; ///< p, 2 or 4: a higher one looks at the strongest channels

    /// Throws usage_error for a value out of range.
    void check() const {
        constexpr std::string_view where = "loss::baseline::attention_options";
        weight.check(where);
        detail::need(power == 2 || power == 4, where, "power", double(power), "2 or 4");
    }
};

/// Attention transfer (AT): student and teacher are active at the same times.
///
///     y = weight * sum_i 1/(B·L) * sum (Â(F_S,i) - Â(F_T,i))²,   Â(F)[b,:] = A[b,:]/‖A[b,:]‖,   A[b,t] = mean_c F[b,t,c]^p
///
/// The longer of both stages is averaged to the length of the shorter. Any channels fit: no regressor.
///
/// Shapes     stages[i] (B, L_i, C_i), as many of the student as of the teacher · y ()
/// Gradients  on F_S through mean, power and normalisation.
/// Throws     shape_error if the numbers of stages differ or are 0.
/// Source     Zagoruyko and Komodakis 2017 (arXiv 1612.03928); p and weight of RepDistiller.
struct attention {
    static constexpr std::string_view name = "at";
    attention_options options;

    void prepare(const outputs<shape>& student, const outputs<shape>& teacher, generator&) const {
        constexpr std::string_view where = "loss::baseline::attention";
        options.check();
        if (student.stages.empty() || student.stages.size() != teacher.stages.size())
            raise<usage_error>(where, "numbers of stages of student and teacher are ", student.stages.size(), " and ",
                               teacher.stages.size(), ", expected them equal, at least 1");
        for (std::size_t i = 0; i < student.stages.size(); ++i) {
            detail::check_stage(where, "student", student, i);
            detail::check_stage(where, "teacher", teacher, i);
        }
    }
    template <class X, class T>
    X operator()(const outputs<X>& student, const outputs<tensor<T>>& teacher, std::span<const int>) const {
        if (student.stages.empty() || student.stages.size() != teacher.stages.size())
            raise<shape_error>("loss::baseline::attention", "numbers of stages of student and teacher are ",
                               student.stages.size(), " and ", teacher.stages.size(),
                               ", expected them equal, at least 1");
        X sum = stage(student.stages[0], teacher.stages[0]);
        for (std::size_t i = 1; i < student.stages.size(); ++i)
            sum = op::add(sum, stage(student.stages[i], teacher.stages[i]));
        return sum;
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

} // namespace smldist::inline SMLDIST_ABI::loss::baseline

#endif

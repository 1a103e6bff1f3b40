// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_LOSS_BASELINE_SIMILARITY_HPP
#define SMLDIST_LOSS_BASELINE_SIMILARITY_HPP

#include <optional>
#include <span>
#include <string_view>

#include "smldist/loss/baseline/setting.hpp"
#include "smldist/loss/mse.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/reshape.hpp"

namespace smldist::loss::baseline {
SMLDIST_NAMESPACE_BEGIN

struct similarity_options {
    weights weight{.term = 3000};
    std::optional<std::size_t> stage; ///< none: the last of each network

    /// Throws usage_error for a value out of range.
    void check() const { weight.check("loss::baseline::similarity_options"); }
};

/// Similarity-preserving distillation (SP): windows that are similar for the teacher are similar for the student.
///
///     y = weight / B² * ‖G(F_S) - G(F_T)‖²_F,   G(F) = rows of F Fᵀ scaled to unit length,   F flattened to (B, L·C)
///
/// Works for any lengths and channels, with neither regressor nor pooling. Unchanged when the flattened features are
/// rotated or scaled.
///
/// Shapes     stage (B, L_S, C_S) of the student, (B, L_T, C_T) of the teacher · y ()
/// Gradients  into F_S through G.
/// Cost       B² L C multiply-accumulates each.
/// Throws     usage_error without that stage; shape_error if the batches differ.
/// Source     Tung and Mori 2019 (arXiv 1907.09682); stage and weight of RepDistiller.
struct similarity {
    static constexpr std::string_view name = "sp";
    similarity_options options;

    void prepare(const outputs<shape>& student, const outputs<shape>& teacher, generator&) const {
        constexpr std::string_view where = "loss::baseline::similarity";
        options.check();
        detail::check_stage(where, "student", student, stage_of(student.stages.size()));
        detail::check_stage(where, "teacher", teacher, stage_of(teacher.stages.size()));
    }
    template <class X, class T>
    X operator()(const outputs<X>& student, const outputs<tensor<T>>& teacher, std::span<const int>) const {
        const std::size_t s = stage_of(student.stages.size()), t = stage_of(teacher.stages.size());
        if (s >= student.stages.size() || t >= teacher.stages.size())
            raise<usage_error>("loss::baseline::similarity", "numbers of stages are ", student.stages.size(), " and ",
                               teacher.stages.size(), ", expected more than ", s, " and ", t);
        return mse(gram(student.stages[s]), gram(teacher.stages[t]), options.weight.term);
    }
    static void visit(auto&, auto&&) {}

private:
    std::size_t stage_of(std::size_t stages) const { return options.stage.value_or(stages == 0 ? 0 : stages - 1); }
    template <class X> static X gram(const X& f) {
        const X flat = op::flatten(f);
        return op::l2_normalize(op::matmul(flat, flat, {.transpose_b = true}));
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::baseline

#endif

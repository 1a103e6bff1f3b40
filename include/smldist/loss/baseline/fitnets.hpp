// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_LOSS_BASELINE_FITNETS_HPP
#define SMLDIST_LOSS_BASELINE_FITNETS_HPP

#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "smldist/loss/baseline/setting.hpp"
#include "smldist/loss/mse.hpp"
#include "smldist/nn/conv_norm.hpp"

namespace smldist::loss::baseline {
SMLDIST_NAMESPACE_BEGIN

struct fitnets_options {
    weights weight{.term = 100};
    std::optional<std::size_t> stage; ///< hint and guided layer; none: the middle stage of each network, S/2
    bool relu = false;                ///< ReLU after the regressor, for teachers whose stages are never negative

    /// Throws usage_error for a value out of range.
    void check() const { weight.check("loss::baseline::fitnets_options"); }
};

/// FitNets: a regressor on one stage of the student predicts the teacher's stage.
///
///     y = weight / (B·L·C_T) * sum (regressor(F_S) - F_T)²,   regressor = pointwise convolution · BN (· ReLU)
///
/// The longer of both stages is averaged to the length of the shorter. The regressor is trained with the student and
/// then discarded. The original first trains up to the hint and then the whole network; RepDistiller, mdistiller and
/// this class do both at once. Their regressor ends with a ReLU since their stages are activations; stages here have
/// both signs, so the ReLU is an option.
///
/// Shapes     stage (B, L_S, C_S) of the student, (B, L_T, C_T) of the teacher · y ()
/// Gradients  through the regressor, its batch-norm in training mode, into F_S and its weights.
/// Throws     usage_error before prepare(), or without that stage; shape_error if the stages are not what was prepared.
/// Source     Romero et al. 2015 (arXiv 1412.6550); weight and layer of RepDistiller.
template <class T> struct fitnets {
    static constexpr std::string_view name = "fitnets";
    fitnets_options options;
    std::optional<nn::conv_norm<T>> regressor; ///< made by prepare()

    void prepare(const outputs<shape>& student, const outputs<shape>& teacher, generator& g) {
        constexpr std::string_view where = "loss::baseline::fitnets";
        options.check();
        const std::size_t s = stage_of(student.stages.size()), t = stage_of(teacher.stages.size());
        detail::check_stage(where, "student", student, s);
        detail::check_stage(where, "teacher", teacher, t);
        regressor = nn::conv_norm<T>(student.stages[s].back(), teacher.stages[t].back(), 1, g,
                                     {.activation = options.relu ? nn::activation::relu : nn::activation::none});
    }
    template <class X>
    X operator()(const outputs<X>& student, const outputs<tensor<T>>& teacher, std::span<const int>) const {
        constexpr std::string_view where = "loss::baseline::fitnets";
        const std::size_t s = stage_of(student.stages.size()), t = stage_of(teacher.stages.size());
        if (!regressor) raise<usage_error>(where, "regressor is absent, expected prepare() first");
        if (s >= student.stages.size() || t >= teacher.stages.size())
            raise<usage_error>(where, "numbers of stages are ", student.stages.size(), " and ", teacher.stages.size(),
                               ", expected more than ", s, " and ", t);
        auto [from, to] = detail::same_length(student.stages[s], teacher.stages[t]);
        return mse((*regressor)(from, mode::train), std::move(to), options.weight.term);
    }
    static void visit(auto& self, auto&& member) { member("regressor", self.regressor); }

private:
    std::size_t stage_of(std::size_t stages) const { return options.stage.value_or(stages / 2); }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::baseline

#endif

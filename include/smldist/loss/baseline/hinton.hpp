// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_LOSS_BASELINE_HINTON_HPP
#define SMLDIST_LOSS_BASELINE_HINTON_HPP

#include <span>
#include <string_view>

#include "smldist/core/check.hpp"
#include "smldist/loss/baseline/setting.hpp"
#include "smldist/loss/divergence.hpp"
#include "smldist/loss/logit_norm.hpp"

namespace smldist::loss::baseline {
SMLDIST_NAMESPACE_BEGIN

struct hinton_options {
    weights weight{.hard = 0.1, .term = 0.9};
    double temperature = 4;             ///< T
    logit_norm norm = logit_norm::none; ///< zscore: logit standardisation (LSKD)
    double norm_scale = 10;             ///< s of norm l2

    /// Throws usage_error for a value out of range.
    void check() const {
        const option_check o{"loss::baseline::hinton_options"};
        weight.check(o.where);
        o.positive("temperature", temperature);
        o.positive("norm_scale", norm_scale);
    }
};

/// Knowledge distillation (KD): the student's softened distribution follows the teacher's.
///
///     y = weight T² mean_b KL(softmax(z_T/T) ‖ softmax(z_S/T)),   z normalised first when `norm` says so
///
/// Shapes     logits (B, N) of both · y ()
/// Gradients  into z_S, with norm none: weight T (softmax(z_S/T) - softmax(z_T/T))/B.
/// Throws     shape_error if the logits differ in shape.
/// Source     Hinton, Vinyals and Dean 2015 (arXiv 1503.02531); T = 4 and weights 0.1 and 0.9 of RepDistiller and
///            mdistiller. zscore: Sun et al., CVPR 2024.
struct hinton {
    static constexpr std::string_view name = "hinton";
    hinton_options options;

    void prepare(const outputs<shape>& student, const outputs<shape>& teacher, generator&) const {
        options.check();
        detail::check_classes("loss::baseline::hinton", student, teacher);
    }
    template <class X, class T>
    X operator()(const outputs<X>& student, const outputs<tensor<T>>& teacher, std::span<const int>) const {
        const auto& o = options;
        detail::check_logits("loss::baseline::hinton", student.logits.shape(), teacher.logits.shape());
        return divergence(normalise(student.logits, o.norm, o.norm_scale),
                          soften(normalise(teacher.logits, o.norm, o.norm_scale), o.temperature), o.temperature,
                          o.weight.term);
    }
    static void visit(auto&, auto&&) {}
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::baseline

#endif

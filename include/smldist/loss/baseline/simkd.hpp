// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_LOSS_BASELINE_SIMKD_HPP
#define SMLDIST_LOSS_BASELINE_SIMKD_HPP

#include <span>
#include <string_view>

#include "smldist/loss/baseline/setting.hpp"
#include "smldist/loss/mse.hpp"

namespace smldist::loss::baseline {
SMLDIST_NAMESPACE_BEGIN

struct simkd_options {
    weights weight{.hard = 0};

    /// Throws usage_error for a value out of range.
    void check() const { weight.check("loss::baseline::simkd_options"); }
};

/// SimKD: the student reuses the teacher's frozen classifier and learns only the feature in front of it.
///
///     y = weight / (B·D_T) * sum (f_S - f_T)²,   f_S = projector(student's own feature)
///
/// The projector and the classifier are parts of the student, because it needs both at run time: its `feature` is the
/// projected one, its logits are those of the teacher's classifier, and both count in its parameters and MACs. Calling
/// model::network::take_classifier builds such a network; a network of your own does it in its call operator. Training,
/// validation, saving and export then see the student as it will run. No label is used.
///
/// The original projects the feature map before pooling by 1×1, 3×3 and 1×1 convolutions; here the pooled feature goes
/// through three linear maps, which costs less at run time.
///
/// Shapes     feature (B, D_T) of both · y ()
/// Gradients  into f_S: 2 weight (f_S - f_T)/(B·D_T).
/// Throws     usage_error in prepare() and shape_error in the call if the features differ in width.
/// Source     Chen et al., Knowledge Distillation with the Reused Teacher Classifier, CVPR 2022 (arXiv 2203.14001), and
///            its repository DefangChen/SimKD.
struct simkd {
    static constexpr std::string_view name = "simkd";
    simkd_options options;

    void prepare(const outputs<shape>& student, const outputs<shape>& teacher, generator&) const {
        constexpr std::string_view where = "loss::baseline::simkd";
        options.check();
        detail::check_classes(where, student, teacher);
        detail::check_features(where, student, teacher);
        if (student.feature.back() != teacher.feature.back())
            raise<usage_error>(where, "widths of the features of student and teacher are ", student.feature.back(),
                               " and ", teacher.feature.back(),
                               ", expected them equal: give the student the teacher's classifier first");
    }
    template <class X, class T>
    X operator()(const outputs<X>& student, const outputs<tensor<T>>& teacher, std::span<const int>) const {
        return mse(student.feature, teacher.feature, options.weight.term);
    }
    static void visit(auto&, auto&&) {}
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::baseline

#endif

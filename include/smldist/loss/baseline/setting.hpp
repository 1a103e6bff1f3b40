// SPDX-License-Identifier: BSD-3-Clause
/// What the distillation baselines share: the weights of their terms, and the matching of student and teacher shapes.
///
/// A baseline is a value with `name`, `options` and these members:
///
///     // throws usage_error if the networks, known by the shapes they return, do not fit; makes regressors
///     void prepare(const outputs<shape>& student, const outputs<shape>& teacher, generator&);
///     // the term of one batch, with its weight; the teacher is a constant
///     X operator()(const outputs<X>& student, const outputs<tensor<T>>& teacher, std::span<const int> labels) const;
///     // the trainable parts
///     static void visit(auto& self, auto&& member);
///
/// The distiller adds the cross entropy with the labels (distill/baseline.hpp). docs/baselines.md compares the methods.
#ifndef SMLDIST_LOSS_BASELINE_SETTING_HPP
#define SMLDIST_LOSS_BASELINE_SETTING_HPP

#include <string_view>
#include <utility>

#include "smldist/core/check.hpp"
#include "smldist/core/outputs.hpp"
#include "smldist/core/random.hpp"
#include "smldist/core/shape.hpp"
#include "smldist/op/adaptive_pool.hpp"
#include "smldist/op/arithmetic.hpp"

namespace smldist::loss::baseline {
SMLDIST_NAMESPACE_BEGIN

/// The objective's weights: hard · cross entropy + ramp · term · (the method's own loss).
struct weights {
    double hard = 1;    ///< of the cross entropy with the labels
    double term = 1;    ///< of the method's loss
    double warm_up = 0; ///< share of training in which the ramp rises from 0 to 1

    /// Throws usage_error for a value out of range.
    void check(std::string_view where) const {
        const option_check o{where};
        o.at_least_0("weight of the labels", hard);
        o.at_least_0("weight of the term", term);
        o.up_to(1, "warm_up", warm_up);
    }
};

namespace detail {

/// Throws usage_error unless both networks have the same number of classes.
inline void check_classes(std::string_view where, const outputs<shape>& student, const outputs<shape>& teacher) {
    if (student.logits.rank() != 2 || !(student.logits == teacher.logits))
        raise<usage_error>(where, "logits of student and teacher are ", student.logits.text(), " and ",
                           teacher.logits.text(), ", expected the same (B, N)");
}
/// Throws shape_error unless both are the same (B, N).
inline void check_logits(std::string_view where, const shape& student, const shape& teacher) {
    if (student.rank() != 2 || student.size() == 0 || !(student == teacher))
        raise<shape_error>(where, "logits of student and teacher are ", student.text(), " and ", teacher.text(),
                           ", expected the same (B, N)");
}
/// Throws usage_error unless stage `i` is there and holds (B, L, C).
inline void check_stage(std::string_view where, std::string_view whose, const outputs<shape>& of, std::size_t i) {
    if (i >= of.stages.size())
        raise<usage_error>(where, "stage is ", i, ", but the ", whose, " has ", of.stages.size(), " stages");
    if (of.stages[i].rank() != 3)
        raise<usage_error>(where, "stage ", i, " of the ", whose, " is ", of.stages[i].text(),
                           ", expected (B, L, C)");
}
/// Throws usage_error unless both have equally many stages, at least one, and each holds (B, L, C).
inline void check_all_stages(std::string_view where, const outputs<shape>& student, const outputs<shape>& teacher) {
    if (student.stages.empty() || student.stages.size() != teacher.stages.size())
        raise<usage_error>(where, "numbers of stages of student and teacher are ", student.stages.size(), " and ",
                           teacher.stages.size(), ", expected them equal, at least 1");
    for (std::size_t i = 0; i < student.stages.size(); ++i) {
        check_stage(where, "student", student, i);
        check_stage(where, "teacher", teacher, i);
    }
}
/// Throws usage_error unless both features are vectors.
inline void check_features(std::string_view where, const outputs<shape>& student, const outputs<shape>& teacher) {
    if (student.feature.rank() != 2 || teacher.feature.rank() != 2)
        raise<usage_error>(where, "features of student and teacher are ", student.feature.text(), " and ",
                           teacher.feature.text(), ", expected (B, D)");
}

/// Both features of one stage, the longer in time averaged to the length of the shorter.
template <class X, class T> std::pair<X, tensor<T>> same_length(const X& student, const tensor<T>& teacher) {
    if (student.shape().rank() != 3 || teacher.shape().rank() != 3)
        raise<shape_error>("loss::baseline", "stages of student and teacher are ", student.shape().text(), " and ",
                           teacher.shape().text(), ", expected (B, L, C)");
    const std::size_t S = student.shape()[1], L = teacher.shape()[1];
    if (S > L) return {op::adaptive_avg_pool1d(student, L), teacher};
    if (L > S) return {student, op::adaptive_avg_pool1d(teacher, S)};
    return {student, teacher};
}

/// The sum of f(stage of the student, stage of the teacher) over all stages.
/// Throws     shape_error if the numbers of stages differ or are 0.
template <class X, class T, class F>
X sum_over_stages(std::string_view where, const outputs<X>& student, const outputs<tensor<T>>& teacher, const F& f) {
    if (student.stages.empty() || student.stages.size() != teacher.stages.size())
        raise<shape_error>(where, "numbers of stages of student and teacher are ", student.stages.size(), " and ",
                           teacher.stages.size(), ", expected them equal, at least 1");
    X sum = f(student.stages[0], teacher.stages[0]);
    for (std::size_t i = 1; i < student.stages.size(); ++i)
        sum = op::add(sum, f(student.stages[i], teacher.stages[i]));
    return sum;
}

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::baseline

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Memory distillation: the student associates a window with the same stored patterns as the teacher and retrieves the
/// same pattern.
#ifndef SMLDIST_LOSS_MEMORY_HPP
#define SMLDIST_LOSS_MEMORY_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>

#include "smldist/core/check.hpp"
#include "smldist/core/outputs.hpp"
#include "smldist/loss/divergence.hpp"
#include "smldist/loss/mse.hpp"
#include "smldist/op/arithmetic.hpp"

namespace smldist::loss {
SMLDIST_NAMESPACE_BEGIN

struct memory_options {
    double association = 1; ///< λ_a
    double retrieval = 1;   ///< λ_r
    double temperature = 1; ///< τ of the association

    /// Throws usage_error for a value out of range.
    void check() const {
        const option_check o{"loss::memory_options"};
        o.at_least_0("association", association);
        o.at_least_0("retrieval", retrieval);
        o.positive("temperature", temperature);
    }
};

/// For each pattern of the teacher the student's pattern that represents it, as network::take_memory returns it; empty:
/// both have the same patterns.
using pattern_assignment = std::span<const std::size_t>;

/// Scores of merged patterns: their softmax is the association summed over the members of each pattern.
///
///     y[b,j] = ln Σ_{m: to[m] = j} exp(s[b,m])
///
/// Shapes     s (B, M) · to (M), values in 0 … patterns - 1, each at least once · y (B, patterns)
/// Throws     shape_error if `to` does not fit s; usage_error for a value out of range or without members.
template <class T>
[[nodiscard]] tensor<T> merge_scores(const tensor<T>& s, pattern_assignment to, std::size_t patterns) {
    const std::size_t M = to.size();
    if (s.shape().rank() != 2 || s.shape()[1] != M)
        raise<shape_error>("loss::memory", "shape of the teacher's scores is ", s.shape().text(), ", expected (B, ",
                           M, "), as many patterns as are assigned");
    const std::size_t B = s.shape()[0];
    tensor<T> y(shape{B, patterns}), top(shape{B, patterns}, -std::numeric_limits<T>::infinity());
    for (std::size_t m = 0; m < M; ++m) {
        if (to[m] >= patterns)
            raise<usage_error>("loss::memory", "assignment of pattern ", m, " is ", to[m], ", expected 0 to ",
                               patterns - 1, ", a pattern of the student");
        for (std::size_t b = 0; b < B; ++b)
            top[b * patterns + to[m]] = std::max(top[b * patterns + to[m]], s[b * M + m]);
    }
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t m = 0; m < M; ++m)
            y[b * patterns + to[m]] += std::exp(s[b * M + m] - top[b * patterns + to[m]]);
    for (std::size_t i = 0; i < y.size(); ++i) {
        if (y[i] == T(0)) // each member adds to it, the likeliest adds 1
            raise<usage_error>("loss::memory", "pattern ", i % patterns,
                               " of the student represents 0 of the teacher's, expected at least 1");
        y[i] = top[i] + std::log(y[i]);
    }
    return y;
}

/// Memory loss ("explain and store"): matches associations and retrieved patterns over the same memory, or over that memory
/// with patterns merged.
///
///     y = λ_a τ² mean_b KL(a_T ‖ a_S) + λ_r mean_b ‖r_S - r_T‖²/h,   a = softmax(s/τ)
///
/// If the student's memory is a compressed form of the teacher's, s_T are the scores of the merged patterns
/// (merge_scores): a_T is the teacher's association summed over the members of each pattern, softened by τ.
/// network::take_memory copies the patterns beforehand. The teacher is a constant. [OURS: formula of this project for
/// the property that the paper's abstract asks for.]
///
/// Shapes     scores (B, M) · retrieved (B, h), the same for student and teacher, except M with an assignment · y ()
/// Gradients  into the student's scores λ_a τ (a_S - a_T)/B; into r_S 2 λ_r (r_S - r_T)/(B h).
/// Throws     usage_error if a network has no memory, as memory_options::check and as merge_scores; shape_error if the
///            memories differ.
template <class X, class T>
[[nodiscard]] X memory(const memory_outputs<X>& student, const memory_outputs<tensor<T>>& teacher,
                       const memory_options& o = {}, pattern_assignment merged = {}) {
    o.check();
    if (student.empty() || teacher.empty())
        raise<usage_error>("loss::memory", "a network has no memory head, expected one on student and teacher");
    tensor<T> a =
        soften(merged.empty() ? teacher.scores : merge_scores(teacher.scores, merged, student.scores.shape().back()),
               o.temperature);
    const X association = divergence(student.scores, std::move(a), o.temperature, o.association);
    const X retrieval = mse(student.retrieved, teacher.retrieved, o.retrieval);
    return association + retrieval;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::loss

#endif

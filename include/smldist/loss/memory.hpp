// SPDX-License-Identifier: BSD-3-Clause
/// Memory distillation: the student explains a window by the same stored patterns, and retrieves the same pattern.
#ifndef SMLDIST_LOSS_MEMORY_HPP
#define SMLDIST_LOSS_MEMORY_HPP

#include <cmath>

#include "smldist/core/outputs.hpp"
#include "smldist/kernel/softmax.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/loss/mse.hpp"
#include "smldist/op/arithmetic.hpp"

namespace smldist::inline SMLDIST_ABI::loss {

struct memory_options {
    double association = 1; ///< λ_a
    double retrieval = 1;   ///< λ_r
    double temperature = 1; ///< τ of the association

    /// Throws usage_error for a value out of range.
    void check() const {
        const auto need = [](bool ok, const char* what, double got, const char* wanted) {
            if (!ok) raise<usage_error>("loss::memory_options", what, " is ", got, ", expected ", wanted);
        };
        need(association >= 0 && std::isfinite(association), "association", association, "at least 0");
        need(retrieval >= 0 && std::isfinite(retrieval), "retrieval", retrieval, "at least 0");
        need(temperature > 0 && std::isfinite(temperature), "temperature", temperature, "a positive number");
    }
};

/// Memory loss ("explain and store"): matches associations and retrieved patterns over the same memory.
///
///     y = λ_a τ² mean_b KL(a_T ‖ a_S) + λ_r mean_b ‖r_S - r_T‖²/h,   a = softmax(s/τ)
///
/// The store itself is handed over beforehand by network::take_memory. The teacher is a constant. [OURS: formula of this
/// project for the property that the paper's abstract asks for.]
///
/// Shapes     scores (B, M) · retrieved (B, h), of student and teacher alike · y ()
/// Gradients  on the student's scores λ_a τ (a_S - a_T)/B; on r_S 2 λ_r (r_S - r_T)/(B h).
/// Throws     usage_error if a network has no memory and as memory_options::check; shape_error if the memories differ.
template <class X, class T>
X memory(const memory_outputs<X>& student, const memory_outputs<tensor<T>>& teacher, const memory_options& o = {}) {
    o.check();
    if (student.empty() || teacher.empty())
        raise<usage_error>("loss::memory", "a network has no memory head, expected one on student and teacher");
    tensor<T> a = teacher.scores;
    const std::size_t B = a.shape()[0];
    for (T& v : a) v /= static_cast<T>(o.temperature);
    kernel::softmax(B, a.shape().back(), a.data(), a.data());
    const double scale = o.association * o.temperature * o.temperature / double(B);
    const double offset = scale * detail::negative_entropy(a);
    for (T& v : a) v *= static_cast<T>(scale);
    const X association = op::apply(soft_cross_entropy_op<T>{o.temperature, offset}, student.scores, std::move(a));
    const X retrieval = mse(student.retrieved, teacher.retrieved, o.retrieval);
    return op::add(association, retrieval);
}

} // namespace smldist::inline SMLDIST_ABI::loss

#endif

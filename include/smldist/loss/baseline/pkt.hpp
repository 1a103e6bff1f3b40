// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_LOSS_BASELINE_PKT_HPP
#define SMLDIST_LOSS_BASELINE_PKT_HPP

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>
#include <utility>

#include "smldist/kernel/vector.hpp"
#include "smldist/loss/baseline/setting.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/norm.hpp"

namespace smldist::loss::baseline {
SMLDIST_NAMESPACE_BEGIN

/// Divergence of two tables of cosines, each row read as a distribution.
///
///     y = scale / B² * sum_{i,j} P_t[i,j] ln((P_t[i,j] + eps)/(P_c[i,j] + eps)),   P_c[i,:] = (c[i,:] + 1)/sum_j (c[i,j] + 1)
///
/// Shapes     c (B, B) · t (B, B), constant · y ()
/// Gradients  with g = -scale P_t/(P_c + eps)/B²:  dc[i,j] = dy (g[i,j] - sum_k g[i,k] P_c[i,k]) / sum_k (c[i,k] + 1)
/// Keeps      dc for dy = 1.
/// Throws     shape_error unless both are the same square.
template <class T> struct affinity_divergence_op {
    using scalar = T;
    double scale = 1, eps = 1e-7;
    struct saved {
        tensor<T> dc;
    };
    static constexpr std::string_view name = "affinity_divergence";
    static void visit(auto& self, auto&& f) {
        f("scale", self.scale);
        f("eps", self.eps);
    }
    shape infer(const shape& c, const shape& t) const {
        if (c.rank() != 2 || c.size() == 0 || c[0] != c[1] || !(c == t))
            raise<shape_error>("loss::baseline::pkt", "shapes of the cosines are ", c.text(), " and ", t.text(),
                               ", expected two of (B, B)");
        return {};
    }
    void forward(saved* keep, tensor<T>& y, const tensor<T>& c, const tensor<T>& t) const {
        const std::size_t B = c.shape()[0];
        const T e = static_cast<T>(eps), factor = static_cast<T>(scale / double(c.size()));
        auto p = tensor<T>::uninitialized({B}), q = tensor<T>::uninitialized({B});
        if (keep) keep->dc = tensor<T>::uninitialized(c.shape());
        double total = 0;
        for (std::size_t i = 0; i < B; ++i) {
            const T mass = distribution(B, c.data() + i * B, p.data());
            distribution(B, t.data() + i * B, q.data());
            T sum = 0, along = 0;
            for (std::size_t j = 0; j < B; ++j) {
                sum += q[j] * std::log((q[j] + e) / (p[j] + e));
                along += q[j] / (p[j] + e) * p[j];
            }
            total += double(sum);
            if (keep)
                for (std::size_t j = 0; j < B; ++j) keep->dc[i * B + j] = factor * (along - q[j] / (p[j] + e)) / mass;
        }
        y[0] = static_cast<T>(total * scale / double(c.size()));
    }
    void backward(const saved& keep, const tensor<T>&, const tensor<T>& dy, const tensor<T>& c, const tensor<T>&,
                  tensor<T>* dc, tensor<T>*) const {
        if (!dc) return;
        if (!dc->ensure(c.shape())) dc->fill(T(0));
        kernel::axpy(c.size(), dy[0], keep.dc.data(), dc->data());
    }

private:
    /// p[j] = (c[j] + 1)/mass; returns mass = sum_j (c[j] + 1). Rounding may put a cosine below -1.
    static T distribution(std::size_t n, const T* c, T* p) {
        for (std::size_t j = 0; j < n; ++j) p[j] = std::max(T(0), c[j] + T(1));
        const T mass = kernel::sum(n, p);
        kernel::scale(n, T(1) / mass, p);
        return mass;
    }
};

struct pkt_options {
    weights weight{.term = 30000};

    /// Throws usage_error for a value out of range.
    void check() const { weight.check("loss::baseline::pkt_options"); }
};

/// Probabilistic knowledge transfer (PKT): a window has the same neighbours for student and teacher.
///
///     y = weight * mean_{i,j} P_T[i,j] ln((P_T[i,j] + ε)/(P_S[i,j] + ε)),   P[i,j] ∝ (cos(f_i, f_j) + 1)/2 in j,   ε = 1e-7
///
/// Unchanged when a feature is scaled or all are rotated. Works for any widths.
///
/// Shapes     feature (B, D_S) of the student, (B, D_T) of the teacher · y ()
/// Gradients  into f_S through the cosines.
/// Cost       B² D multiply-accumulates each and B² logarithms.
/// Throws     shape_error if the batches differ or the features are not (B, D).
/// Source     Passalis and Tefas 2018 (arXiv 1803.10837); weight of RepDistiller, which takes f/(‖f‖ + ε) where this takes
///            f/max(‖f‖, 1e-12).
struct pkt {
    static constexpr std::string_view name = "pkt";
    pkt_options options;

    void prepare(const outputs<shape>& student, const outputs<shape>& teacher, generator&) const {
        options.check();
        detail::check_features("loss::baseline::pkt", student, teacher);
    }
    template <class X, class T>
    X operator()(const outputs<X>& student, const outputs<tensor<T>>& teacher, std::span<const int>) const {
        return op::apply(affinity_divergence_op<T>{options.weight.term}, cosines(student.feature),
                         cosines(teacher.feature));
    }
    static void visit(auto&, auto&&) {}

private:
    template <class X> static X cosines(const X& f) {
        const X unit = op::l2_normalize(f);
        return op::matmul(unit, unit, {.transpose_b = true});
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::baseline

#endif

// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_LOSS_BASELINE_DIST_HPP
#define SMLDIST_LOSS_BASELINE_DIST_HPP

#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>

#include "smldist/core/check.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/loss/baseline/setting.hpp"
#include "smldist/loss/divergence.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/softmax.hpp"

namespace smldist::loss::baseline {
SMLDIST_NAMESPACE_BEGIN

/// What a correlation runs along: the classes of every sample, or the samples of every class.
enum class correlate : std::uint8_t { classes, samples };

/// Mean distance of Pearson correlation of the rows or columns of two matrices.
///
///     y = scale * (1 - mean_r <u_r, v_r>/(‖u_r‖‖v_r‖ + eps)),   u_r, v_r: row (or column) r of x and of t, centred
///
/// Shapes     x (R, C) · t as x, constant · y ()
/// Gradients  with D = ‖u‖‖v‖ + eps, n vectors:  du = -dy scale/n * (v/D - <u, v>‖v‖/(‖u‖ D²) u); for u = 0 only
///            the first part. u and v are centred, so dx = du.
/// Keeps      dx for dy = 1.
/// Throws     shape_error unless x and t are the same (R, C).
template <class T> struct pearson_op {
    using scalar = T;
    correlate along = correlate::classes;
    double scale = 1, eps = 1e-8;
    struct saved {
        tensor<T> dx;
    };
    static constexpr std::string_view name = "pearson";
    static void visit(auto& self, auto&& f) {
        f("along", self.along == correlate::classes ? "classes" : "samples");
        f("scale", self.scale);
        f("eps", self.eps);
    }
    shape infer(const shape& x, const shape& t) const {
        if (x.rank() != 2 || x.size() == 0 || !(x == t))
            raise<shape_error>("loss::baseline::dist", "shapes of x and target are ", x.text(), " and ", t.text(),
                               ", expected two of (B, N)");
        return {};
    }
    void forward(saved* keep, tensor<T>& y, const tensor<T>& x, const tensor<T>& t) const {
        const std::size_t R = x.shape()[0], C = x.shape()[1];
        const bool rows = along == correlate::classes;
        const std::size_t vectors = rows ? R : C, n = rows ? C : R, step = rows ? 1 : C;
        auto u = tensor<T>::uninitialized({n}), v = tensor<T>::uninitialized({n});
        if (keep) keep->dx = tensor<T>::uninitialized(x.shape());
        const T slope = static_cast<T>(-scale / double(vectors));
        double total = 0;
        for (std::size_t r = 0; r < vectors; ++r) {
            const std::size_t first = rows ? r * C : r;
            centre(n, x.data() + first, step, u.data());
            centre(n, t.data() + first, step, v.data());
            const T uu = std::sqrt(kernel::dot(n, u.data(), u.data())),
                    vv = std::sqrt(kernel::dot(n, v.data(), v.data()));
            const T uv = kernel::dot(n, u.data(), v.data()), D = uu * vv + static_cast<T>(eps);
            total += double(uv / D);
            if (!keep) continue;
            const T pull = uu > T(0) ? uv / D * vv / (uu * D) : T(0);
            for (std::size_t i = 0; i < n; ++i) keep->dx[first + i * step] = slope * (v[i] / D - pull * u[i]);
        }
        y[0] = static_cast<T>(scale * (1 - total / double(vectors)));
    }
    void backward(const saved& keep, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>&,
                  tensor<T>* dx, tensor<T>*) const {
        if (!dx) return;
        if (!dx->ensure(x.shape())) dx->fill(T(0));
        kernel::axpy(x.size(), dy[0], keep.dx.data(), dx->data());
    }

private:
    /// out[i] = x[i step] - mean
    static void centre(std::size_t n, const T* x, std::size_t step, T* out) {
        for (std::size_t i = 0; i < n; ++i) out[i] = x[i * step];
        const T mean = kernel::sum(n, out) / static_cast<T>(n);
        for (std::size_t i = 0; i < n; ++i) out[i] -= mean;
    }
};

struct dist_options {
    weights weight;
    double temperature = 1;     ///< τ
    double beta = 1, gamma = 1; ///< weights of the relation between classes and of that within a class

    /// Throws usage_error for a value out of range.
    void check() const {
        const option_check o{"loss::baseline::dist_options"};
        weight.check(o.where);
        o.positive("temperature", temperature);
        o.at_least_0("beta", beta);
        o.at_least_0("gamma", gamma);
    }
};

/// Distillation from a stronger teacher (DIST): the student's probabilities need only correlate with the teacher's.
///
///     y = weight τ² (β (1 - mean_b ρ(Y_S[b,:], Y_T[b,:])) + γ (1 - mean_n ρ(Y_S[:,n], Y_T[:,n]))),   Y = softmax(z/τ)
///
/// ρ is Pearson's correlation, so positive affine maps of a row (first part) or column (second) of Y_S cost nothing.
///
/// Shapes     logits (B, N) of both · y ()
/// Gradients  into z_S through the softmax; see pearson_op.
/// Throws     shape_error if the logits differ in shape.
/// Source     Huang et al., NeurIPS 2022 (arXiv 2205.10536); β, γ, τ are the defaults of its repository hunto/DIST_KD, which
///            takes 2, 2, 4 for some pairs of networks.
struct dist {
    static constexpr std::string_view name = "dist";
    dist_options options;

    void prepare(const outputs<shape>& student, const outputs<shape>& teacher, generator&) const {
        options.check();
        detail::check_classes("loss::baseline::dist", student, teacher);
    }
    template <class X, class T>
    X operator()(const outputs<X>& student, const outputs<tensor<T>>& teacher, std::span<const int>) const {
        detail::check_logits("loss::baseline::dist", student.logits.shape(), teacher.logits.shape());
        const auto& o = options;
        const double scale = o.weight.term * o.temperature * o.temperature;
        const X p = op::softmax(op::scale(student.logits, 1 / o.temperature));
        const tensor<T> q = soften(teacher.logits, o.temperature);
        return op::add(op::apply(pearson_op<T>{correlate::classes, scale * o.beta}, p, q),
                       op::apply(pearson_op<T>{correlate::samples, scale * o.gamma}, p, q));
    }
    static void visit(auto&, auto&&) {}
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::baseline

#endif

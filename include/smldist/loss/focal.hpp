// SPDX-License-Identifier: BSD-3-Clause
/// Focal loss: cross entropy in which samples that are classified well weigh little, for classes that are rare.
#ifndef SMLDIST_LOSS_FOCAL_HPP
#define SMLDIST_LOSS_FOCAL_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/kernel/softmax.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/op/apply.hpp"

namespace smldist::loss {
SMLDIST_NAMESPACE_BEGIN

/// Focal loss of logits with a matrix of targets, whose rows need not sum to one (they carry the weights).
///
///     y = -Σ_{b,n} q[b,n] (1 - p[b,n])^γ ln p[b,n],   p = softmax(z)
///
/// 1 - p is computed as the sum of p over the other classes, so that it keeps its digits where p is near 1.
///
/// Shapes     z (B, N) · q (B, N), constant · y ()
/// Gradients  dz[b,j] = dy Σ_n q[b,n] s[b,n] ([n = j] - p[b,j]),   s = γ p (1 - p)^(γ-1) ln p - (1 - p)^γ;  none into q.
/// Keeps      p.
/// Throws     shape_error if q does not fit z; usage_error if γ is negative or not finite.
/// Source     Lin et al. 2017 (1708.02002), eq. 4 and 5.
template <class T> struct focal_op {
    using scalar = T;
    double gamma = 2;
    struct saved {
        tensor<T> p;
    };
    static constexpr std::string_view name = "focal";
    static void visit(auto& self, auto&& f) { f("gamma", self.gamma); }
    shape infer(const shape& z, const shape& q) const {
        option_check{"loss::focal"}.at_least_0("gamma", gamma);
        if (z.rank() != 2 || z.size() == 0 || !(z == q))
            raise<shape_error>("loss::focal", "shapes of logits and targets are ", z.text(), " and ", q.text(),
                               ", expected two of (B, N)");
        return {};
    }
    void forward(saved* keep, tensor<T>& y, const tensor<T>& z, const tensor<T>& q) const {
        const std::size_t B = z.shape()[0], N = z.shape()[1];
        saved local;
        tensor<T>& p = keep ? keep->p : local.p;
        p = tensor<T>::uninitialized(z.shape());
        kernel::softmax(B, N, z.data(), p.data());
        auto log_total = tensor<T>::uninitialized({B});
        kernel::log_sum_exp(B, N, z.data(), log_total.data());
        T sum = 0;
        for (std::size_t i = 0; i < z.size(); ++i)
            if (q[i] != T(0)) sum -= q[i] * focus(rest(p, i)) * (z[i] - log_total[i / N]);
        y[0] = sum;
    }
    void backward(const saved& s, const tensor<T>&, const tensor<T>& dy, const tensor<T>& z, const tensor<T>& q,
                  tensor<T>* dz, tensor<T>*) const {
        if (!dz) return;
        if (!dz->ensure(z.shape())) dz->fill(T(0));
        const std::size_t N = z.shape()[1];
        for (std::size_t i = 0; i < z.size(); ++i) {
            if (q[i] == T(0)) continue;
            const T others = rest(s.p, i), d = dy[0] * q[i] * slope(s.p[i], others);
            const std::size_t first = i / N * N;
            for (std::size_t j = first; j < first + N; ++j) (*dz)[j] += d * (j == i ? others : -s.p[j]);
        }
    }

private:
    /// The probability of all other classes of the row of element i.
    static T rest(const tensor<T>& p, std::size_t i) {
        const std::size_t N = p.shape()[1], first = i / N * N;
        T sum = 0;
        for (std::size_t j = first; j < first + N; ++j)
            if (j != i) sum += p[j];
        return sum;
    }
    T focus(T rest) const { return std::pow(rest, static_cast<T>(gamma)); }
    /// dL/dln p of L = -(1 - p)^γ ln p
    T slope(T p, T rest) const {
        if (rest == T(0) || gamma == 0) return -focus(rest);
        const T log_p = rest < T(0.5) ? std::log1p(-rest) : std::log(p);
        return focus(rest) * (p == T(0) ? T(-1) : static_cast<T>(gamma) * p * log_p / rest - T(1));
    }
};

struct focal_options {
    double gamma = 2; ///< γ: 0 is the cross entropy; the higher, the less a sample counts that is classified well
    std::vector<double> alpha = {}; ///< α: a weight per class, or none
};

/// Mean focal loss of logits with integer labels, or with mixtures of two.
///
///     y = 1/B Σ_b -α[y_b] (1 - p[b,y_b])^γ ln p[b,y_b],   p = softmax(z),   α = 1 when empty
///
/// The mean is over the samples, not weighted by α, as in the detectors for which it was proposed. For a mixed sample with
/// share s, the term of the label counts s and that of the other label 1 - s.
///
///     loss::focal(out.logits, batch.label, {.gamma = 2, .alpha = {0.2, 1}}, {batch.other, batch.share})
///
/// Shapes     z (B, N) · labels (B) in 0 … N-1 · result ()
/// Throws     shape_error and data_error if the labels do not fit; usage_error if γ or a weight is negative or not finite,
///            the weights are not one per class, or the share is outside [0, 1].
/// Source     Lin et al. 2017 (1708.02002), eq. 5, with softmax in place of the sigmoid.
template <class X>
[[nodiscard]] auto focal(const X& z, std::span<const int> labels, const focal_options& o = {},
                         const mixed_labels& mix = {}) {
    using T = op::scalar_of_t<X>;
    check_labels(z, labels);
    if (!mix.other.empty()) check_labels(z, mix.other);
    const std::size_t B = z.shape()[0], N = z.shape()[1];
    const option_check check{"loss::focal"};
    check.up_to(1, "share of the label", mix.share);
    if (!o.alpha.empty() && o.alpha.size() != N)
        raise<usage_error>("loss::focal", "number of alpha is ", o.alpha.size(), ", expected one per class: ", N);
    for (const double a : o.alpha) check.at_least_0("alpha of a class", a);
    tensor<T> q(z.shape());
    const auto put = [&](std::size_t b, int label, double share) {
        const auto n = static_cast<std::size_t>(label);
        q[b * N + n] += static_cast<T>((o.alpha.empty() ? 1 : o.alpha[n]) * share / double(B));
    };
    for (std::size_t b = 0; b < B; ++b) {
        put(b, labels[b], mix.other.empty() ? 1 : mix.share);
        if (!mix.other.empty()) put(b, mix.other[b], 1 - mix.share);
    }
    return op::apply(focal_op<T>{o.gamma}, z, std::move(q));
}

/// Mean focal loss of logits of independent labels with a constant target.
///
///     y = 1/n Σ_{b,k} a[b,k] r[b,k]^γ (t ln(1 + exp(-z)) + (1 - t) ln(1 + exp z)),   n elements
///     r = t σ(-z) + (1 - t) σ(z),   a = α t + (1 - α)(1 - t), or 1 without α
///
/// Shapes     z (…, K) · t as z, constant · y ()
/// Gradients  dz = dy/n a (r^γ (σ(z) - t) + γ r^(γ-1) (1 - 2t) σ(z) σ(-z) c),   c the cross entropy in brackets;  none into t.
/// Keeps      nothing.
/// Throws     shape_error if t does not fit z; usage_error if γ is negative or not finite or α is outside [0, 1].
/// Source     torchvision.ops.sigmoid_focal_loss with reduction "mean".
template <class T> struct binary_focal_op {
    using scalar = T;
    double gamma = 2;
    std::optional<double> alpha = {};
    struct saved {};
    static constexpr std::string_view name = "binary_focal";
    static void visit(auto& self, auto&& f) {
        f("gamma", self.gamma);
        f("alpha", self.alpha);
    }
    shape infer(const shape& z, const shape& t) const {
        const option_check check{"loss::binary_focal"};
        check.at_least_0("gamma", gamma);
        if (alpha) check.up_to(1, "alpha", *alpha);
        if (z.rank() < 1 || z.size() == 0 || !(z == t))
            raise<shape_error>("loss::binary_focal", "shapes of logits and target are ", z.text(), " and ", t.text(),
                               ", expected two of (…, K)");
        return {};
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& z, const tensor<T>& t) const {
        T sum = 0;
        for (std::size_t i = 0; i < z.size(); ++i) {
            const element e(z[i], t[i]);
            sum += weight(t[i]) * std::pow(e.wrong, static_cast<T>(gamma)) * e.entropy;
        }
        y[0] = sum / static_cast<T>(z.size());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& z, const tensor<T>& t,
                  tensor<T>* dz, tensor<T>*) const {
        if (!dz) return;
        const bool add = dz->ensure(z.shape());
        const T scale = dy[0] / static_cast<T>(z.size()), power = static_cast<T>(gamma);
        for (std::size_t i = 0; i < z.size(); ++i) {
            const element e(z[i], t[i]);
            T d = std::pow(e.wrong, power) * ((T(1) - t[i]) * e.on - t[i] * e.off);
            if (gamma != 0 && e.wrong > T(0))
                d += power * std::pow(e.wrong, power) * (T(1) - t[i] - t[i]) * e.on * e.off / e.wrong * e.entropy;
            d *= scale * weight(t[i]);
            (*dz)[i] = add ? (*dz)[i] + d : d;
        }
    }

private:
    struct element {
        T on, off; ///< σ(z), σ(-z)
        T wrong;   ///< r
        T entropy;
        element(T z, T t) {
            const T small = std::exp(-std::abs(z)), more = T(1) / (T(1) + small), less = small * more;
            on = z > T(0) ? more : less;
            off = z > T(0) ? less : more;
            wrong = t * off + (T(1) - t) * on;
            entropy = (T(1) - t) * std::max(z, T(0)) + t * std::max(-z, T(0)) + std::log1p(small);
        }
    };
    T weight(T t) const {
        return alpha ? static_cast<T>(*alpha) * t + static_cast<T>(1 - *alpha) * (T(1) - t) : T(1);
    }
};

struct binary_focal_options {
    double gamma = 2;                 ///< γ
    std::optional<double> alpha = {}; ///< α: the weight of a label that applies; 1 - α that of one that does not
};

/// Mean focal loss of independent labels against a constant target between 0 and 1. See binary_focal_op.
///
///     loss::binary_focal(out.logits, batch.target, {.alpha = 0.25})     // as Lin et al. and torchvision
///
/// Throws     as binary_focal_op; data_error for a target outside [0, 1].
template <class X>
[[nodiscard]] auto binary_focal(const X& z, tensor<op::scalar_of_t<X>> target, const binary_focal_options& o = {}) {
    using T = op::scalar_of_t<X>;
    for (std::size_t i = 0; i < target.size(); ++i)
        if (!(target[i] >= T(0) && target[i] <= T(1)))
            raise<data_error>("loss::binary_focal", "element ", i, " of the target is ", target[i],
                              ", expected 0 to 1");
    return op::apply(binary_focal_op<T>{o.gamma, o.alpha}, z, std::move(target));
}

SMLDIST_NAMESPACE_END
} // namespace smldist::loss

#endif

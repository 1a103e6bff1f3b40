// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_LOSS_BASELINE_DKD_HPP
#define SMLDIST_LOSS_BASELINE_DKD_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

#include "smldist/core/check.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/loss/baseline/setting.hpp"
#include "smldist/loss/cross_entropy.hpp"

namespace smldist::loss::baseline {
SMLDIST_NAMESPACE_BEGIN

/// Divergence split at the label. With b = softmax(z/T)_y and p̂ = softmax of z/T over the classes n ≠ y:
///
///     y = scale T²/B * sum_b (alpha KL((b_t, 1 - b_t) ‖ (b_z, 1 - b_z)) + beta KL(p̂_t ‖ p̂_z))
///
/// Shapes     z (B, N), t (B, N) and label (B), class numbers, constant · y ()
/// Gradients  with s = dy scale T/B:  dz_y = s alpha (b_z - b_t) ·
///            dz_n = -s alpha (b_z - b_t) p̂_z,n + s beta (p̂_z,n - p̂_t,n) for n ≠ y
/// Keeps      dz for dy = 1.
/// Throws     shape_error unless z and t are the same (B, N) with N ≥ 2 and label is (B); labels are in 0 … N-1.
template <class T> struct decoupled_divergence_op {
    using scalar = T;
    double temperature = 4, alpha = 1, beta = 8, scale = 1;
    struct saved {
        tensor<T> dz;
    };
    static constexpr std::string_view name = "decoupled_divergence";
    static void visit(auto& self, auto&& f) {
        f("temperature", self.temperature);
        f("alpha", self.alpha);
        f("beta", self.beta);
        f("scale", self.scale);
    }
    shape infer(const shape& z, const shape& t, const shape& label) const {
        if (z.rank() != 2 || z[0] == 0 || z[1] < 2 || !(z == t) || !(label == shape{z[0]}))
            raise<shape_error>("loss::baseline::dkd", "shapes of logits and labels are ", z.text(), ", ", t.text(),
                               " and ", label.text(), ", expected (B, N) twice with N >= 2, and (B)");
        return {};
    }
    void forward(saved* keep, tensor<T>& y, const tensor<T>& z, const tensor<T>& t, const tensor<T>& label) const {
        const std::size_t B = z.shape()[0], N = z.shape()[1];
        const T a = static_cast<T>(alpha), b = static_cast<T>(beta);
        const T slope = static_cast<T>(scale * temperature / double(B));
        if (keep) keep->dz = tensor<T>::uninitialized(z.shape());
        double total = 0;
        for (std::size_t i = 0; i < B; ++i) {
            const auto n_y = static_cast<std::size_t>(label[i]);
            const split s(z.data() + i * N, N, n_y, temperature), q(t.data() + i * N, N, n_y, temperature);
            const T sure_s = std::exp(s.log_target), sure_t = std::exp(q.log_target);
            const T target =
                sure_t * (q.log_target - s.log_target) + std::exp(q.log_others) * (q.log_others - s.log_others);
            T others = 0;
            for (std::size_t n = 0; n < N; ++n) {
                if (n == n_y) continue;
                const T log_s = s(n), log_t = q(n), p_s = std::exp(log_s), p_t = std::exp(log_t);
                if (p_t > T(0)) others += p_t * (log_t - log_s);
                if (keep) keep->dz[i * N + n] = slope * (b * (p_s - p_t) - a * (sure_s - sure_t) * p_s);
            }
            if (keep) keep->dz[i * N + n_y] = slope * a * (sure_s - sure_t);
            total += alpha * double(target) + beta * double(others);
        }
        y[0] = static_cast<T>(total * scale * temperature * temperature / double(B));
    }
    void backward(const saved& keep, const tensor<T>&, const tensor<T>& dy, const tensor<T>& z, const tensor<T>&,
                  const tensor<T>&, tensor<T>* dz, tensor<T>*, tensor<T>*) const {
        if (!dz) return;
        if (!dz->ensure(z.shape())) dz->fill(T(0));
        kernel::axpy(z.size(), dy[0], keep.dz.data(), dz->data());
    }

private:
    /// One row's softmax(z/T), split at the label.
    struct split {
        const T* z;
        T inverse, lse_others;    ///< 1/T; lse of z/T over n ≠ y
        T log_target, log_others; ///< ln b and ln(1 - b)

        split(const T* row, std::size_t N, std::size_t label, double temperature)
            : z(row), inverse(static_cast<T>(1 / temperature)) {
            T top = -std::numeric_limits<T>::infinity(), sum = 0;
            for (std::size_t n = 0; n < N; ++n)
                if (n != label) top = std::max(top, z[n] * inverse);
            for (std::size_t n = 0; n < N; ++n)
                if (n != label) sum += std::exp(z[n] * inverse - top);
            lse_others = top + std::log(sum);
            const T margin = lse_others - z[label] * inverse; // ln((1 - b)/b)
            log_target = -softplus(margin);
            log_others = -softplus(-margin);
        }
        /// ln p̂_n
        T operator()(std::size_t n) const { return z[n] * inverse - lse_others; }
        /// ln(1 + eˣ) without overflow
        static T softplus(T x) { return std::max(x, T(0)) + std::log1p(std::exp(-std::abs(x))); }
    };
};

struct dkd_options {
    weights weight{.warm_up = 1.0 / 12};
    double temperature = 4;     ///< T
    double alpha = 1, beta = 8; ///< weights of the target and the non-target part

    /// Throws usage_error for a value out of range.
    void check() const {
        const option_check o{"loss::baseline::dkd_options"};
        weight.check(o.where);
        o.positive("temperature", temperature);
        o.at_least_0("alpha", alpha);
        o.at_least_0("beta", beta);
    }
};

/// Decoupled knowledge distillation (DKD): KD = target part + (1 - b_T) · non-target part, here with separate weights.
///
///     y = weight T² mean_b (α KL(b_T ‖ b_S) + β KL(p̂_T ‖ p̂_S))
///
/// b is the pair of the label's probability and the rest, p̂ the distribution over the other classes; see
/// decoupled_divergence_op. KD weights the second part by 1 - b_T, which suppresses the dark knowledge of a confident
/// teacher; β does not.
///
/// Shapes     logits (B, N) of both, N ≥ 2 · labels (B) · y ()
/// Throws     shape_error if the logits or the number of labels do not fit; data_error for a label that is not a class.
/// Source     Zhao et al., CVPR 2022 (arXiv 2203.08679); α, β, T of mdistiller, β there 0.5 to 8 by pair of networks; its
///            warm-up of 20 of 240 epochs is a twelfth of training here.
struct dkd {
    static constexpr std::string_view name = "dkd";
    dkd_options options;

    void prepare(const outputs<shape>& student, const outputs<shape>& teacher, generator&) const {
        options.check();
        detail::check_classes("loss::baseline::dkd", student, teacher);
    }
    template <class X, class T>
    X operator()(const outputs<X>& student, const outputs<tensor<T>>& teacher, std::span<const int> labels) const {
        loss::check_labels(teacher.logits, labels);
        auto label = tensor<T>::uninitialized({labels.size()});
        std::transform(labels.begin(), labels.end(), label.begin(), [](int n) { return static_cast<T>(n); });
        const auto& o = options;
        return op::apply(decoupled_divergence_op<T>{o.temperature, o.alpha, o.beta, o.weight.term}, student.logits,
                         teacher.logits, std::move(label));
    }
    static void visit(auto&, auto&&) {}
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::baseline

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Logits distillation with the smoothed conditional rule: soft targets that are repaired where the teacher is wrong.
#ifndef SMLDIST_LOSS_LOGITS_HPP
#define SMLDIST_LOSS_LOGITS_HPP

#include <algorithm>
#include <cmath>
#include <span>

#include "smldist/core/check.hpp"
#include "smldist/core/enum_names.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/loss/divergence.hpp"
#include "smldist/loss/logit_norm.hpp"
#include "smldist/op/arithmetic.hpp"

namespace smldist::loss {
SMLDIST_NAMESPACE_BEGIN

/// The repair of a teacher's distribution whose largest class is not the label.
enum class repair : std::uint8_t {
    mix,      ///< smallest convex move to the one-hot after which the label leads by `margin`; keeps the other ratios
    hardness, ///< softmax(hardness · one-hot), the published code's rule without its further softmaxes
    swap,     ///< exchange the logits of the largest class and the label
    onehot,   ///< only the label
    drop,     ///< no soft term for this sample
    off       ///< leave it: plain distillation
};

constexpr auto enum_names(repair) {
    return enum_table("loss::repair", "mix", "hardness", "swap", "onehot", "drop", "off");
}

struct logits_options {
    double temperature = 3;     ///< T
    double hard = 1, soft = 1;  ///< λ_h, λ_s
    double label_smoothing = 0; ///< ε of the hard term
    repair rule = repair::mix;
    double margin = 0.05;               ///< m of `mix`
    double hardness = 3;                ///< of `hardness`
    logit_norm norm = logit_norm::none; ///< of both sides' logits in the soft term; zscore with rule off is LSKD
    double norm_scale = 10;             ///< s of norm l2

    /// Throws usage_error for a value out of range.
    void check() const {
        const option_check o{"loss::logits_options"};
        o.positive("temperature", temperature);
        o.at_least_0("hard", hard);
        o.at_least_0("soft", soft);
        o.up_to(1, "label_smoothing", label_smoothing);
        o.up_to(1, "margin", margin);
        o.need(hardness > 0, "hardness", hardness, "above 0");
        o.positive("norm_scale", norm_scale);
    }
};

/// Soft targets of one batch.
template <class T> struct soft_targets {
    tensor<T> q;              ///< (B, N); a dropped sample is a row of zeros
    std::size_t repaired = 0; ///< samples whose teacher was wrong
};

/// The smoothed conditional rule. With p = softmax(norm(z_T)/T), a = argmax p, and a ≠ y:
///
///     mix       q = (1-λ) p + λ e_y,   λ = clip((p_a - p_y + m)/(1 + p_a - p_y), 0, 1)
///     hardness  q = softmax(hardness · e_y)
///     swap      q = p with p_a and p_y exchanged       onehot  q = e_y       drop  q = 0       off  q = p
///
/// Where the teacher is right, q = p. Every rule except drop and off gives a distribution whose largest class is y.
///
/// Shapes     z_T (B, N) · labels (B) · q (B, N)
/// Throws     usage_error as logits_options::check; errors of the labels as in cross_entropy.
/// Source     [OURS] for mix; Chen et al.'s public code for hardness; Swapped Logit Distillation (2504.20108) for swap.
template <class T>
[[nodiscard]] soft_targets<T> condition(const tensor<T>& teacher, std::span<const int> labels,
                                        const logits_options& o = {}) {
    o.check();
    check_labels(teacher, labels);
    soft_targets<T> out{soften(normalise(teacher, o.norm, o.norm_scale), o.temperature), 0};
    const std::size_t N = teacher.shape()[1];
    for (std::size_t b = 0; b < labels.size(); ++b) {
        T* q = out.q.data() + b * N;
        const auto y = static_cast<std::size_t>(labels[b]);
        const auto a = static_cast<std::size_t>(std::max_element(q, q + N) - q);
        if (a == y) continue;
        ++out.repaired;
        switch (o.rule) {
        case repair::mix: {
            const T lead = q[a] - q[y];
            const T move = std::clamp((lead + static_cast<T>(o.margin)) / (T(1) + lead), T(0), T(1));
            for (std::size_t n = 0; n < N; ++n) q[n] = (T(1) - move) * q[n] + (n == y ? move : T(0));
            break;
        }
        case repair::hardness: {
            const double other = std::exp(-o.hardness), total = 1 + other * double(N - 1);
            for (std::size_t n = 0; n < N; ++n) q[n] = static_cast<T>((n == y ? 1.0 : other) / total);
            break;
        }
        case repair::swap:
            std::swap(q[a], q[y]);
            break;
        case repair::onehot:
            for (std::size_t n = 0; n < N; ++n) q[n] = n == y ? T(1) : T(0);
            break;
        case repair::drop:
            std::fill(q, q + N, T(0));
            break;
        case repair::off:
            break;
        }
    }
    return out;
}

/// Result of the logits loss.
template <class X> struct logits_result {
    X value;                  ///< hard + soft
    X hard, soft;             ///< each with its weight
    std::size_t repaired = 0; ///< samples of the batch whose teacher was wrong
};

/// Logits loss.
///
///     y = λ_h CE_ε(labels, z_S) + λ_s T² mean_b KL(q ‖ softmax(norm(z_S)/T)),   q = condition(z_T, labels)
///
/// Named methods are special cases: KD (Hinton) is rule off, LSKD (logit standardisation) rule off with norm zscore, SLD
/// (swapped logits of the teacher) rule swap.
///
/// In a mixed batch the labels are the dominant ones: the rule uses them; the target of the hard term is the mixture.
///
/// Shapes     z_S, z_T (B, N) · labels (B) · y ()
/// Gradients  into z_S, with norm none: λ_h (softmax(z_S) - target)/B + λ_s T (softmax(z_S/T) - q)/B; other norms add
///            their own derivative to the soft part. The teacher is a constant.
/// Throws     as condition; shape_error if z_S does not fit z_T.
/// Source     Hinton et al. 2015 for the soft term; see condition for the rule, logit_norm for the norms.
template <class X, class T>
[[nodiscard]] logits_result<X> logits(const X& student, const tensor<T>& teacher, std::span<const int> labels,
                                      const logits_options& o = {}, const mixed_labels& mix = {}) {
    auto [q, repaired] = condition(teacher, labels, o);
    X soft = divergence(normalise(student, o.norm, o.norm_scale), std::move(q), o.temperature, o.soft);
    X hard = op::scale(
        cross_entropy(student, labels, {.label_smoothing = o.label_smoothing, .class_weight = {}}, mix), o.hard);
    X value = op::add(hard, soft);
    return {std::move(value), std::move(hard), std::move(soft), repaired};
}

SMLDIST_NAMESPACE_END
} // namespace smldist::loss

#endif

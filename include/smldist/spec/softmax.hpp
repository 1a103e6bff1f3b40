// SPDX-License-Identifier: BSD-3-Clause
/// Descriptions of softmax and log-sum-exp along the last axis, log-mean-exp of blocks, log-sum-exp by class, and mixtures.
#ifndef SMLDIST_SPEC_SOFTMAX_HPP
#define SMLDIST_SPEC_SOFTMAX_HPP

#include <cstddef>
#include <string_view>

#include "smldist/spec/shapes.hpp"

namespace smldist::spec {
SMLDIST_NAMESPACE_BEGIN

/// y[…,n] = exp(x[…,n] − lse(x[…,:]))
///
/// Shapes     x (…, N) · y as x
/// Cost       one exponential per element; counted as 0 MACs.
/// Throws     shape_error if x has no last axis or N = 0.
/// Source     torch.nn.functional.softmax with dim = −1.
struct softmax {
    static constexpr std::string_view name = "softmax";
    shape infer(const shape& x) const {
        check_last_axis("op::softmax", x);
        return x;
    }
};

/// y[…,n] = x[…,n] − lse(x[…,:])
///
/// Shapes     x (…, N) · y as x
/// Cost       one exponential per element; counted as 0 MACs.
/// Throws     shape_error if x has no last axis or N = 0.
/// Source     torch.nn.functional.log_softmax with dim = −1.
struct log_softmax {
    static constexpr std::string_view name = "log_softmax";
    shape infer(const shape& x) const {
        check_last_axis("op::log_softmax", x);
        return x;
    }
};

/// y[…] = ln sum_n exp(x[…,n]), computed from the largest element so that nothing overflows.
///
/// Shapes     x (…, N) · y (…)
/// Cost       one exponential per element; counted as 0 MACs.
/// Throws     shape_error if x has no last axis or N = 0.
/// Source     torch.logsumexp with dim = −1.
struct log_sum_exp {
    static constexpr std::string_view name = "log_sum_exp";
    shape infer(const shape& x) const {
        check_last_axis("op::log_sum_exp", x);
        return shape(x.begin(), x.end() - 1);
    }
};

/// Log of the mean exponential of J blocks of columns, element by element.
///
///     y[b,n] = ln 1/J sum_j exp(x[b, j N + n])
///
/// Shapes     x (B, J·N) · y (B, N)
/// Cost       one exponential per element; counted as 0 MACs.
/// Throws     shape_error if x is not a matrix or J does not divide its columns.
struct log_mean_exp {
    std::size_t blocks = 1; ///< J

    static constexpr std::string_view name = "log_mean_exp";
    static void visit(auto& self, auto&& f) { f("blocks", self.blocks); }
    shape infer(const shape& x) const {
        if (x.rank() != 2 || x[1] == 0 || blocks == 0 || x[1] % blocks != 0)
            raise<shape_error>("op::log_mean_exp", "shape is ", x.text(), ", expected (B, J·N) with J = ", blocks,
                               " at least 1");
        return {x[0], x[1] / blocks};
    }
};

/// Class logits of a memory whose patterns carry labels.
///
///     z[b,n] = ln sum_{m: label[m] = n} exp(s[b,m]) − kappa ln M_n,   M_n = sum_{m: label[m] = n} exp(log_mass[m])
///
/// With kappa = 0, softmax(z) is the association mass on every class. `s` holds log_mass already.
///
/// Shapes     s (B, M) · label (M) · log_mass (M), or empty for masses of 1 · z (B, N)
/// Cost       2 B M exponentials; counted as 0 MACs.
/// Throws     shape_error if label or log_mass does not fit s; usage_error if kappa is not in [0, 1] or classes is 0.
struct class_log_sum_exp {
    std::size_t classes = 0; ///< N
    double kappa = 0.5;      ///< 0: classes weigh by their mass; 1: every class weighs the same

    static constexpr std::string_view name = "class_log_sum_exp";
    static void visit(auto& self, auto&& f) {
        f("classes", self.classes);
        f("kappa", self.kappa);
    }
    shape infer(const shape& s, const shape& label, const shape& log_mass) const {
        constexpr std::string_view where = "op::class_log_sum_exp";
        if (!(kappa >= 0 && kappa <= 1)) raise<usage_error>(where, "kappa is ", kappa, ", expected 0 <= kappa <= 1");
        if (classes == 0) raise<usage_error>(where, "classes is 0, expected at least 1");
        if (s.rank() != 2) raise<shape_error>(where, "shape of s is ", s.text(), ", expected (B, M)");
        if (!(label == shape{s[1]}))
            raise<shape_error>(where, "shape of label is ", label.text(), ", expected (", s[1], ")");
        if (log_mass.size() != 0 && !(log_mass == shape{s[1]}))
            raise<shape_error>(where, "shape of log_mass is ", log_mass.text(), ", expected (", s[1], ") or none");
        return {s[0], classes};
    }
};

/// Log-probabilities of a mixture of J classifiers.
///
///     y[b,n] = ln Σ_j ω_j p_jn,   ω = softmax(a),   p_j = softmax(z[b, j, :])
///
/// softmax(y) = exp(y): y serves as logits of the mixture.
///
/// Shapes     z (B, J·N), the logits of one classifier after the other · a (J) · y (B, N)
/// Cost       one pass; counted as 0 MACs.
/// Throws     shape_error if J does not divide the columns of z.
/// Source     mixture of experts, Jacobs et al. 1991.
struct mixture {
    static constexpr std::string_view name = "mixture";
    shape infer(const shape& z, const shape& a) const {
        if (z.rank() != 2 || a.rank() != 1 || a[0] == 0 || z[1] == 0 || z[1] % a[0] != 0)
            raise<shape_error>("op::mixture", "shapes of logits and weights are ", z.text(), " and ", a.text(),
                               ", expected (B, J·N) and (J)");
        return {z[0], z[1] / a[0]};
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Descriptions of normalisations: over the rows of each channel (batch-norm), over the channels of each row, or over groups of
/// channels in each sample.
#ifndef SMLDIST_SPEC_NORM_HPP
#define SMLDIST_SPEC_NORM_HPP

#include <cstddef>
#include <string_view>

#include "smldist/spec/shapes.hpp"

namespace smldist::spec {
SMLDIST_NAMESPACE_BEGIN

/// Batch normalisation with stored statistics (evaluation): an affine map of each channel.
///
///     y[r,c] = gamma[c] * (x[r,c] - running_mean[c]) / sqrt(running_var[c] + eps) + beta[c]
///
/// Shapes     x (…, C) · gamma, beta, running_mean, running_var (C) · y as x
/// Throws     shape_error if a vector does not fit x.
/// Source     Ioffe and Szegedy 2015; torch.nn.BatchNorm1d and, for images (B, H, W, C), BatchNorm2d in eval mode.
struct batch_norm {
    double eps = 1e-5;

    static constexpr std::string_view name = "batch_norm";
    static void visit(auto& self, auto&& f) { f("eps", self.eps); }
    shape infer(const shape& x, const shape& gamma, const shape& beta, const shape& mean, const shape& var) const {
        infer_norm("op::batch_norm", x, mean, var);
        return infer_norm("op::batch_norm", x, gamma, beta);
    }
};

/// Layer normalisation of the last axis.
///
///     y[r,c] = (x[r,c] - mean_c x[r,:]) / sqrt(var_c x[r,:] + eps) * gamma[c] + beta[c],   var biased
///
/// Shapes     x (…, C) · gamma, beta (C), or both empty for the plain form · y as x
/// Throws     shape_error if gamma or beta does not fit x.
/// Source     Ba, Kiros and Hinton 2016; torch.nn.LayerNorm.
struct layer_norm {
    double eps = 1e-5;

    static constexpr std::string_view name = "layer_norm";
    static void visit(auto& self, auto&& f) { f("eps", self.eps); }
    shape infer(const shape& x, const shape& gamma, const shape& beta) const {
        if (gamma.size() == 0 && beta.size() == 0 && x.rank() >= 1 && x.size() > 0) return x;
        return infer_norm("op::layer_norm", x, gamma, beta);
    }
};

/// Group normalisation: of groups of neighbouring channels over all positions of each sample.
///
///     y[b,l,c] = (x[b,l,c] - mean) / sqrt(var + eps) * gamma[c] + beta[c],   var biased
///     mean, var: of x[b,:,C'], C' the C/groups channels of the group of c
///
/// With groups = C it is instance normalisation: each channel of each sample is normalised over its positions.
///
/// Shapes     x (B, …, C) · gamma, beta (C), or both empty for the plain form · y as x
/// Throws     shape_error if x is not (B, …, C) with elements, groups does not divide C, or gamma or beta does not fit x;
///            usage_error if groups is 0.
/// Source     Wu and He 2018; torch.nn.functional.group_norm and instance_norm.
struct group_norm {
    std::size_t groups = 1;
    double eps = 1e-5;

    static constexpr std::string_view name = "group_norm";
    static void visit(auto& self, auto&& f) {
        f("groups", self.groups);
        f("eps", self.eps);
    }
    shape infer(const shape& x, const shape& gamma, const shape& beta) const {
        if (groups == 0) raise<usage_error>("op::group_norm", "groups is 0, expected at least 1");
        if (x.rank() < 2 || x.size() == 0 || x.back() % groups != 0)
            raise<shape_error>("op::group_norm", "shape of x is ", x.text(),
                               ", expected (B, …, C) with C divisible by ", groups, " groups");
        return gamma.size() == 0 && beta.size() == 0 ? x : infer_norm("op::group_norm", x, gamma, beta, 2);
    }
};

/// Rows scaled to unit length.
///
///     y[r] = x[r] / max(‖x[r]‖₂, eps)
///
/// Shapes     x (…, C) · y as x
/// Throws     shape_error for a scalar.
/// Source     torch.nn.functional.normalize.
struct l2_normalize {
    double eps = 1e-12;

    static constexpr std::string_view name = "l2_normalize";
    static void visit(auto& self, auto&& f) { f("eps", self.eps); }
    shape infer(const shape& x) const {
        if (x.rank() < 1) raise<shape_error>("op::l2_normalize", "shape of x is ", x.text(), ", expected (…, C)");
        return x;
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif

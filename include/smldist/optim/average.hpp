// SPDX-License-Identifier: BSD-3-Clause
/// Federated averaging: one model from models that were trained apart.
#ifndef SMLDIST_OPTIM_AVERAGE_HPP
#define SMLDIST_OPTIM_AVERAGE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/core/parameter.hpp"
#include "smldist/core/tensor.hpp"

namespace smldist::optim {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

template <class Leaf> inline constexpr char leaf_type = 0; ///< its address tells the type

/// A parameter or buffer of a model whose type is known only by leaf_type.
struct named_leaf {
    std::string path;
    const void* type;
    const void* leaf;
    smldist::shape extents;
};

template <class M> std::vector<named_leaf> named_leaves(const M& model) {
    std::vector<named_leaf> leaves;
    walk(model, [&](const std::string& path, const auto& leaf) {
        leaves.push_back({path, &leaf_type<std::remove_cvref_t<decltype(leaf)>>, &leaf, leaf.shape()});
    });
    return leaves;
}

/// Throws shape_error unless both models have the same leaves; k is the number of the other model.
SMLDIST_COLD inline void require_same_leaves(const std::vector<named_leaf>& first,
                                             const std::vector<named_leaf>& other, std::size_t k) {
    const auto fail = [k](std::string_view what, std::string_view got, std::string_view want) {
        raise<shape_error>("optim::average_models", what, " of model ", k, " is ", got, ", expected ", want,
                           " as in model 0");
    };
    for (std::size_t i = 0; i < std::max(first.size(), other.size()); ++i) {
        const std::string_view want = i < first.size() ? std::string_view(first[i].path) : "none";
        const std::string_view got = i < other.size() ? std::string_view(other[i].path) : "none";
        if (got != want) fail("parameter or buffer " + std::to_string(i), got, want);
        if (first[i].type != other[i].type) fail("type of " + first[i].path, "another", "the same");
        if (!(first[i].extents == other[i].extents))
            fail("shape of " + first[i].path, other[i].extents.text(), first[i].extents.text());
    }
}

/// Each model's share of the mean, p_k = n_k / Σ n. Throws usage_error.
SMLDIST_COLD inline std::vector<double> shares_of_mean(std::size_t models, std::span<const double> weights) {
    constexpr std::string_view where = "optim::average_models";
    if (models == 0) raise<usage_error>(where, "number of models is 0, expected at least 1");
    if (weights.empty()) return std::vector<double>(models, 1 / double(models));
    if (weights.size() != models)
        raise<usage_error>(where, "number of weights is ", weights.size(), ", expected one per model: ", models);
    double sum = 0;
    for (const double w : weights) {
        if (!(w >= 0) || !std::isfinite(w))
            raise<usage_error>(where, "weight is ", w, ", expected a finite number, at least 0");
        sum += w;
    }
    if (!(sum > 0) || !std::isfinite(sum))
        raise<usage_error>(where, "sum of the weights is ", sum, ", expected a finite number above 0");
    std::vector<double> shares(weights.begin(), weights.end());
    for (double& p : shares) p /= sum;
    return shares;
}

/// The path of the mean that belongs to a variance: "a.running_mean" for "a.running_var"; "" for another path.
SMLDIST_COLD inline std::string mean_of_variance(std::string_view path) {
    constexpr std::string_view variance = "running_var";
    if (!path.ends_with(variance)) return "";
    const std::string_view owner = path.substr(0, path.size() - variance.size());
    return owner.empty() || owner.ends_with('.') ? std::string(owner) + "running_mean" : "";
}

} // namespace detail

/// The weighted mean of models of the same structure: federated averaging.
///
///     w = Σ_k p_k w_k,   p_k = n_k / Σ_k n_k      every parameter and buffer of floating-point numbers
///     var = Σ_k p_k (σ²_k + μ_k²) - mean²         batch-norm's running_var, where mean = Σ_k p_k μ_k is its running_mean
///
/// n are the `weights`, usually the number of windows that each model learned from; empty: all equal. A model of weight 0
/// does not count. The running statistics are then those of all data together. A pair of them is recognised by its names,
/// "running_mean" and "running_var" in one layer.
/// Sums are in double and in the order of the models, so the bits do not depend on the number of threads; one model comes
/// back with its bits. Buffers of whole numbers (the labels of a memory's patterns) must be equal. What is trainable or
/// frozen is as in the first model. An optimiser's state is not averaged: every round starts a new one.
///
/// Parameters are averaged by place. That makes sense for models that started from one model and were trained for a short
/// while: their channels still correspond, and so do the patterns of a Hopfield memory. Patterns placed apart (k-means on
/// each person's data) do not correspond, and their mean represents nothing.
///
///     std::vector<network> locals(users.size(), shared);
///     …                                                  // each trains on the data of one person
///     shared = optim::average_models(locals, windows_of_each);
///
/// Throws     usage_error for no models, for weights that do not fit, and for different whole numbers; shape_error, naming
///            the path, for another structure.
/// Source     McMahan et al. 2017 (1602.05629).
template <class M>
[[nodiscard]] SMLDIST_COLD M average_models(std::span<const M> models, std::span<const double> weights = {}) {
    const std::vector<double> share = detail::shares_of_mean(models.size(), weights);
    std::vector<std::vector<detail::named_leaf>> leaves;
    for (const M& m : models) {
        leaves.push_back(detail::named_leaves(m));
        detail::require_same_leaves(leaves.front(), leaves.back(), leaves.size() - 1);
    }

    M mean = models[0];
    std::size_t i = 0;
    walk(mean, [&](const std::string& path, auto& mine) {
        using leaf = std::remove_cvref_t<decltype(mine)>;
        using T = typename std::remove_cvref_t<decltype(mine.value)>::value_type;
        const auto values = [&](std::size_t k, std::size_t at) -> const tensor<T>& {
            return static_cast<const leaf*>(leaves[k][at].leaf)->value;
        };
        // Σ p_k f(k) over the models that count
        const auto weighted = [&](auto f) {
            double sum = 0;
            for (std::size_t k = 0; k < models.size(); ++k)
                if (share[k] > 0) sum += share[k] * f(k);
            return sum;
        };
        if constexpr (std::is_floating_point_v<T>) {
            const bool variance = i > 0 && leaves[0][i - 1].path == detail::mean_of_variance(path) &&
                                  leaves[0][i - 1].type == leaves[0][i].type;
            for (std::size_t j = 0; j < mine.value.size(); ++j) {
                const double centre =
                    variance ? weighted([&](std::size_t k) { return double(values(k, i - 1)[j]); }) : 0;
                mine.value[j] = static_cast<T>(weighted([&](std::size_t k) {
                    const double v = double(values(k, i)[j]);
                    if (!variance) return v;
                    const double distance = double(values(k, i - 1)[j]) - centre;
                    return v + distance * distance; // Σ p (σ² + (μ - mean)²) is the same, and nothing cancels
                }));
            }
        } else {
            for (std::size_t k = 1; k < models.size(); ++k)
                if (!identical(values(k, i), mine.value))
                    raise<usage_error>("optim::average_models", path, " of model ", k,
                                       " differs, expected the whole numbers of model 0");
        }
        ++i;
    });
    return mean;
}
template <class M>
[[nodiscard]] M average_models(const std::vector<M>& models, std::span<const double> weights = {}) {
    return average_models(std::span<const M>(models), weights);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::optim

#endif

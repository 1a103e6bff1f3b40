// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_NN_MEMORY_HPP
#define SMLDIST_NN_MEMORY_HPP

#include <cmath>

#include "smldist/core/outputs.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/hopfield.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/softmax.hpp"

namespace smldist::inline SMLDIST_ABI::nn {

struct memory_options {
    std::size_t patterns_per_class = 8;
    std::size_t width = 32;  ///< h, width of the association space
    std::size_t updates = 0; ///< Hopfield updates of the query before it is associated
    double beta = 5;         ///< initial inverse temperature; learned as ln β within [ln 0.1, ln 100]
    double kappa = 0.5;      ///< 0: a class counts by its number of patterns; 1: by their mean
};

/// Label-valued Hopfield memory: classifies a feature by the labels of the patterns it is associated with.
///
///     q   = normalise(query(f)),   |q| = 1, then `updates` Hopfield updates
///     s_m = beta <keys[m], q> + ln mass_m                             association = softmax(s)
///     z_n = lse of s_m over the patterns of class n - kappa ln M_n    M_n = sum of the masses of class n
///
/// With kappa = 0, softmax(z)_n is the association mass on class n; -z_n/beta is the Hopfield energy of the memory of
/// class n up to terms that do not depend on n. [OURS: the paper's abstract asks for a Hopfield memory that explains and
/// stores; the label-valued form is this project's.]
///
/// Shapes     f (B, D) · keys (M, h), M = classes · patterns_per_class · labels (M) · scores (B, M) · logits (B, N)
/// Init       keys random of unit length, query Xavier-normal.
/// Source     Ramsauer et al. 2020 (arXiv 2008.02217) for association and energy.
template <class T> struct memory {
    linear<T> query;
    parameter<T> keys;           ///< (M, h)
    parameter<T> log_beta;       ///< (1)
    buffer<std::int32_t> labels; ///< (M), class of each pattern
    buffer<T> log_mass;          ///< (M) where patterns stand for several, else absent
    memory_options options;

    static constexpr double min_beta = 0.1, max_beta = 100;

    memory() = default;
    memory(std::size_t features, std::size_t classes, generator& g, memory_options o = {})
        : query(features, o.width, g), options(o) {
        if (classes == 0 || o.patterns_per_class == 0 || o.width == 0)
            raise<usage_error>("nn::memory", "classes, patterns_per_class, width are ", classes, ", ",
                               o.patterns_per_class, ", ", o.width, ", expected at least 1");
        if (!(o.beta >= min_beta && o.beta <= max_beta))
            raise<usage_error>("nn::memory", "beta is ", o.beta, ", expected 0.1 to 100");
        if (!(o.kappa >= 0 && o.kappa <= 1))
            raise<usage_error>("nn::memory", "kappa is ", o.kappa, ", expected 0 to 1");
        init::xavier_normal_(query.weight.value, g);
        const std::size_t patterns = classes * o.patterns_per_class;
        keys.value = tensor<T>(shape{patterns, o.width});
        init::normal_(keys.value, g);
        keys.value = op::l2_normalize(keys.value);
        labels.value = tensor<std::int32_t>(shape{patterns});
        for (std::size_t p = 0; p < patterns; ++p)
            labels.value[p] = static_cast<std::int32_t>(p / o.patterns_per_class);
        log_beta.value = tensor<T>(shape{1}, static_cast<T>(std::log(o.beta)));
        log_beta.decay = false;
    }

    template <class X> struct result {
        memory_outputs<X> memory;
        X logits;
    };
    template <class X> result<X> operator()(const X& f) const {
        X q = op::l2_normalize(query(f));
        const X k = op::lift(f, keys);
        const X beta = op::exp(op::clamp(op::lift(f, log_beta), std::log(min_beta), std::log(max_beta)));
        if (options.updates > 0) q = op::hopfield(q, k, beta, {.updates = options.updates});
        X scores = op::mul(op::matmul(q, k, {.transpose_b = true}), beta);
        if (!log_mass.empty()) scores = op::add(scores, log_mass);
        return {{scores, op::matmul(op::softmax(scores), k)},
                op::class_log_sum_exp(scores, labels, log_mass, {.classes = classes(), .kappa = options.kappa})};
    }

    std::size_t classes() const { return labels.value.size() / options.patterns_per_class; }

    static void visit(auto& self, auto&& member) {
        member("query", self.query);
        member("keys", self.keys);
        member("log_beta", self.log_beta);
        member("labels", self.labels);
        member("log_mass", self.log_mass);
    }
};

} // namespace smldist::inline SMLDIST_ABI::nn

#endif

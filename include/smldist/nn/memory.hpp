// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_NN_MEMORY_HPP
#define SMLDIST_NN_MEMORY_HPP

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>
#include <vector>

#include "smldist/core/outputs.hpp"
#include "smldist/nn/cluster.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/hopfield.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/op/softmax.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

template <class T> struct memory;

/// Describes the memory head of a network (model/heads.hpp).
struct memory_options {
    static constexpr std::string_view name = "memory", path = "memory";

    std::size_t patterns_per_class = 8;
    std::size_t width = 32;  ///< h, width of the association space
    std::size_t updates = 0; ///< Hopfield updates of the query before it is associated
    double beta = 5;         ///< initial inverse temperature; learned as ln β within [ln 0.1, ln 100]
    double kappa = 0.5;      ///< 0: a class counts by its number of patterns; 1: by their mean
    double dropout = 0;      ///< share of the patterns that one sample's logits do not see in training
    std::size_t heads = 1;   ///< H, parts of the association space, each of width h/H with a query of its own

    static constexpr double min_beta = 0.1, max_beta = 100;
    static constexpr std::size_t most_updates = 64;

    /// f(name, option) for each option.
    static void visit(auto& self, auto&& f) {
        f("patterns_per_class", self.patterns_per_class);
        f("width", self.width);
        f("updates", self.updates);
        f("beta", self.beta);
        f("kappa", self.kappa);
        f("dropout", self.dropout);
        f("heads", self.heads);
    }
    /// Throws usage_error for a value out of range.
    void check() const {
        if (patterns_per_class == 0 || width == 0)
            raise<usage_error>("nn::memory", "patterns_per_class and width are ", patterns_per_class, ", ", width,
                               ", expected at least 1");
        if (updates > most_updates)
            raise<usage_error>("nn::memory", "updates is ", updates, ", expected at most ", most_updates);
        if (!(beta >= min_beta && beta <= max_beta))
            raise<usage_error>("nn::memory", "beta is ", beta, ", expected 0.1 to 100");
        if (!(kappa >= 0 && kappa <= 1)) raise<usage_error>("nn::memory", "kappa is ", kappa, ", expected 0 to 1");
        if (!(dropout >= 0 && dropout < 1))
            raise<usage_error>("nn::memory", "dropout is ", dropout, ", expected 0 ≤ dropout < 1");
        if (heads == 0 || width % heads != 0)
            raise<usage_error>("nn::memory", "heads is ", heads, ", expected a divisor of the width ", width);
    }
    /// f(n) for the tensors that the head has for features of width D and N classes, n elements each; log_mass is absent.
    void sizes(double D, double N, auto&& f) const {
        const double h = double(width), M = N * double(patterns_per_class);
        f(h * D), f(h), f(M * h), f(1), f(M);
    }
    template <class T> memory<T> make(std::size_t features, std::size_t classes, generator& g) const;
    friend bool operator==(const memory_options&, const memory_options&) = default;
};

/// Label-valued Hopfield memory: classifies a feature by the labels of the patterns it is associated with.
///
///     q_i = normalise(query(f)_i),   |q_i| = 1 in every head i, then `updates` Hopfield updates over the keys' same part
///     s_m = ln 1/H Σ_i exp(beta <keys[m]_i, q_i>) + ln mass_m                 association = softmax(s)
///     z_n = lse of s_m over the patterns of class n - kappa ln M_n            M_n = sum of the masses of class n
///
/// With kappa = 0, softmax(z)_n is the association mass on class n; -z_n/beta is the Hopfield energy of the memory of
/// class n up to terms that do not depend on n. With one head s_m = beta <keys[m], q> + ln mass_m; with several a pattern
/// is associated when one head finds it, and the heads count by their partition functions. In training the logits see
/// s_m - 20 of a dropped pattern; association and retrieval are whole. [OURS: the paper's abstract asks for a Hopfield
/// memory that explains and stores; the label-valued form is this project's.]
///
/// Shapes     f (B, D) · keys (M, h), M = classes · patterns_per_class · labels (M) · scores (B, M) · logits (B, N)
/// Init       keys random, of unit length in every head; query Xavier-normal.
/// Source     Ramsauer et al. 2020 (arXiv 2008.02217) for association and energy.
template <class T> struct memory {
    linear<T> query;
    parameter<T> keys;           ///< (M, h)
    parameter<T> log_beta;       ///< (1)
    buffer<std::int32_t> labels; ///< (M), class of each pattern
    buffer<T> log_mass;          ///< (M) where patterns represent several, else absent
    memory_options options;

    memory() = default;
    SMLDIST_COLD memory(std::size_t features, std::size_t classes, generator& g, memory_options o = {})
        : query(features, o.width, g), options(o) {
        if (classes == 0 || o.patterns_per_class == 0 || o.width == 0)
            raise<usage_error>("nn::memory", "classes, patterns_per_class, width are ", classes, ", ",
                               o.patterns_per_class, ", ", o.width, ", expected at least 1");
        o.check();
        init::xavier_normal_(query.weight.value, g);
        const std::size_t patterns = classes * o.patterns_per_class;
        keys.value = tensor<T>(shape{patterns, o.width});
        init::normal_(keys.value, g);
        keys.value = normalise(keys.value);
        labels.value = tensor<std::int32_t>(shape{patterns});
        for (std::size_t p = 0; p < patterns; ++p)
            labels.value[p] = static_cast<std::int32_t>(p / o.patterns_per_class);
        log_beta.value = tensor<T>(shape{1}, static_cast<T>(std::log(o.beta)));
        log_beta.decay = 0;
    }

    template <class X> struct result {
        memory_outputs<X> memory;
        X logits;
    };
    template <class X> result<X> operator()(const X& f, mode m = mode::eval) const {
        const X q = project(f);
        const X k = op::lift(f, keys);
        const X beta =
            op::exp(op::clamp(op::lift(f, log_beta), std::log(options.min_beta), std::log(options.max_beta)));
        const auto head_scores = [&](std::size_t head) { return associate(part(q, head), part(k, head), beta); };
        X scores = options.heads == 1 ? associate(q, k, beta)
                                      : op::log_mean_exp(each_head(head_scores), {.blocks = options.heads});
        X retrieved = op::matmul(op::softmax(scores), k);
        const auto classify = [&](const X& s) {
            return op::class_log_sum_exp(s, labels, log_mass, {.classes = classes(), .kappa = options.kappa});
        };
        X logits = options.dropout > 0 && mode_of(*this, m) == mode::train
                       ? classify(op::pattern_dropout(scores, {.p = options.dropout}, m))
                       : classify(scores);
        return {{std::move(scores), std::move(retrieved)}, std::move(logits)};
    }

    /// Association space of features: q, before any Hopfield update.
    template <class X> X project(const X& f) const { return normalise(query(f)); }

    /// Hopfield energy of each sample, from its scores:
    ///
    ///     E(q) = -1/β lse_m(s_m) + ½ ‖q_i‖² + 1/β ln Σ_m mass_m + ½ R²,   R the largest ‖keys_i‖, ‖q_i‖ = 1
    ///
    /// With several heads it is -1/β ln 1/H Σ_i exp(-β E_i), E_i the energies of the heads.
    /// Low for what the memory knows, high for what resembles no pattern. Without updates 0 ≤ E.
    /// Shapes     scores (B, M) · result (B)
    /// Source     Ramsauer et al. 2020 (arXiv 2008.02217), eq. 2.
    tensor<T> energy(const tensor<T>& scores) const {
        const std::size_t M = keys.shape()[0], h = keys.shape()[1];
        if (scores.shape().rank() != 2 || scores.shape()[1] != M)
            raise<shape_error>("nn::memory.energy", "shape of the scores is ", scores.shape().text(),
                               ", expected (B, ", M, ")");
        double radius = 0, mass = log_mass.empty() ? double(M) : 0;
        for (std::size_t m = 0; m < M; ++m) {
            for (std::size_t head = 0; head < options.heads; ++head) {
                double square = 0;
                for (std::size_t c = head * head_width(); c < (head + 1) * head_width(); ++c)
                    square += double(keys.value[m * h + c]) * double(keys.value[m * h + c]);
                radius = std::max(radius, square);
            }
            if (!log_mass.empty()) mass += std::exp(double(log_mass.value[m]));
        }
        const double beta = std::clamp(std::exp(double(log_beta.value.item())), options.min_beta, options.max_beta);
        tensor<T> e = op::log_sum_exp(scores);
        for (T& v : e) v = static_cast<T>((std::log(mass) - double(v)) / beta + 0.5 + 0.5 * radius);
        return e;
    }

    /// Puts the patterns of each class on the k-means centres of its features in association space, at unit length. From
    /// then on each represents only itself: masses of an earlier compression are dropped.
    /// Shapes     features (n, D) · label (n)
    /// Throws     usage_error unless every class has at least patterns_per_class features; shape_error if they do not fit.
    void place(const tensor<T>& features, std::span<const int> label, generator g) {
        const tensor<T> q = project(features);
        const std::size_t h = q.shape().back(), per_class = options.patterns_per_class;
        if (q.shape().rank() != 2 || label.size() != q.shape()[0])
            raise<shape_error>("nn::memory.place", "number of labels is ", label.size(), " for features ",
                               features.shape().text(), ", expected one per row");
        for (std::size_t n = 0; n < classes(); ++n) {
            std::vector<T> points;
            for (std::size_t i = 0; i < label.size(); ++i)
                if (label[i] == static_cast<int>(n))
                    points.insert(points.end(), q.data() + i * h, q.data() + (i + 1) * h);
            const std::size_t count = points.size() / h;
            if (count < per_class)
                raise<usage_error>("nn::memory.place", "features of class ", n, " are ", count,
                                   ", expected at least ", per_class);
            auto own = tensor<T>::uninitialized({count, h});
            std::copy(points.begin(), points.end(), own.begin());
            const tensor<T> centres = normalise(k_means(own, per_class, g));
            std::size_t next = 0;
            for (std::size_t m = 0; m < labels.value.size(); ++m)
                if (labels.value[m] == static_cast<std::int32_t>(n))
                    std::copy_n(centres.data() + next++ * h, h, keys.value.data() + m * h);
        }
        log_mass.value = tensor<T>();
    }

    /// Keeps `per_class` patterns of each class, the medoids of its keys; each survivor takes over the mass of the patterns
    /// that it represents, so that logits are the same where merged patterns coincide.
    /// Returns    for each old pattern the new one that represents it (M).
    /// Throws     usage_error unless 1 ≤ per_class ≤ patterns_per_class.
    std::vector<std::size_t> compress(std::size_t per_class) {
        if (per_class == 0 || per_class > options.patterns_per_class)
            raise<usage_error>("nn::memory.compress", "per_class is ", per_class, ", expected 1 to ",
                               options.patterns_per_class);
        const std::size_t M = keys.shape()[0], h = keys.shape()[1], N = classes();
        std::vector<std::size_t> stands_for(M);
        auto kept = tensor<T>::uninitialized({N * per_class, h});
        auto kept_mass = tensor<T>::uninitialized({N * per_class});
        tensor<std::int32_t> kept_labels(shape{N * per_class});
        for (std::size_t n = 0; n < N; ++n) {
            std::vector<std::size_t> members;
            for (std::size_t m = 0; m < M; ++m)
                if (labels.value[m] == static_cast<std::int32_t>(n)) members.push_back(m);
            auto own = tensor<T>::uninitialized({members.size(), h});
            for (std::size_t i = 0; i < members.size(); ++i)
                std::copy_n(keys.value.data() + members[i] * h, h, own.data() + i * h);
            const medoids best = k_medoids(own, per_class);
            std::vector<double> mass(per_class, 0);
            for (std::size_t i = 0; i < members.size(); ++i) {
                stands_for[members[i]] = n * per_class + best.cluster[i];
                mass[best.cluster[i]] += log_mass.empty() ? 1 : std::exp(double(log_mass.value[members[i]]));
            }
            for (std::size_t j = 0; j < per_class; ++j) {
                std::copy_n(own.data() + best.index[j] * h, h, kept.data() + (n * per_class + j) * h);
                kept_mass[n * per_class + j] = static_cast<T>(std::log(mass[j]));
                kept_labels[n * per_class + j] = static_cast<std::int32_t>(n);
            }
        }
        keys.value = std::move(kept);
        labels.value = std::move(kept_labels);
        log_mass.value = std::move(kept_mass);
        options.patterns_per_class = per_class;
        return stands_for;
    }

    std::size_t classes() const { return labels.value.size() / options.patterns_per_class; }

    static void visit(auto& self, auto&& member) {
        member("query", self.query);
        member("keys", self.keys);
        member("log_beta", self.log_beta);
        member("labels", self.labels);
        member("log_mass", self.log_mass);
    }

private:
    std::size_t head_width() const { return keys.shape()[1] / options.heads; }
    /// The columns of one head.
    template <class X> X part(const X& x, std::size_t head) const {
        return op::slice(x, -1, head * head_width(), (head + 1) * head_width());
    }
    /// f(head) of every head, side by side.
    template <class F> auto each_head(F f) const {
        auto joined = f(std::size_t(0));
        for (std::size_t head = 1; head < options.heads; ++head) joined = op::concat(joined, f(head));
        return joined;
    }
    /// Unit length in every head.
    template <class X> X normalise(const X& x) const {
        if (options.heads == 1) return op::l2_normalize(x);
        return each_head([&](std::size_t head) { return op::l2_normalize(part(x, head)); });
    }
    /// Scores of one head, after the Hopfield updates of its query. Where patterns represent several, they also do in the
    /// updates, and every query makes all of them.
    template <class X> X associate(X q, const X& k, const X& beta) const {
        const auto scores = [&] {
            X s = op::mul(op::matmul(q, k, {.transpose_b = true}), beta);
            if (!log_mass.empty()) s = op::add(s, log_mass);
            return s;
        };
        if (log_mass.empty() && options.updates > 0) q = op::hopfield(q, k, beta, {.updates = options.updates});
        if (!log_mass.empty())
            for (std::size_t u = 0; u < options.updates; ++u) q = op::matmul(op::softmax(scores()), k);
        return scores();
    }
};

template <class T> memory<T> memory_options::make(std::size_t features, std::size_t classes, generator& g) const {
    return memory<T>(features, classes, g, *this);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Modern Hopfield layers: association of a state with patterns that are given, or that are learned.
#ifndef SMLDIST_NN_HOPFIELD_HPP
#define SMLDIST_NN_HOPFIELD_HPP

#include <string_view>

#include <cmath>
#include <optional>

#include "smldist/nn/linear.hpp"
#include "smldist/nn/norm.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/hopfield.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/op/softmax.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

struct hopfield_options {
    std::size_t heads = 1;
    std::size_t head_width = 0;    ///< h, width of the association space of a head; 0: state width / heads
    std::size_t pattern_width = 0; ///< v, width of a retrieved pattern of a head; 0: h
    std::size_t out = 0;           ///< width of the result; 0: state width
    double beta = 0;               ///< inverse temperature; 0: 1/√h
    bool learn_beta = false;
    op::hopfield_options retrieval{.updates = 0, .eps = 1e-4};
    bool normalise = true; ///< layer-norm on state, stored patterns and projection source
    double dropout = 0;    ///< on the last association, in training
};

/// Hopfield association: every state retrieves from the stored patterns.
///
///     q = norm(state) W_qᵀ + b_q,   k = norm(stored) W_kᵀ + b_k,   v = norm(source) W_vᵀ + b_v      (each head its columns)
///     q ← kᵀ softmax(beta k q), at most `updates` times
///     y = [softmax(beta q kᵀ) v of every head] W_oᵀ + b_o
///
/// Shapes     state (B, Q, D_q) or (Q, D_q) for all · stored (B, M, D_y) or (M, D_y) for all ·
///            source as stored, (…, M, D_p) · y (B, Q, out), or (Q, out) when both are for all
/// Init       weights N(0, 0.02²), biases 0.
/// Throws     shape_error if the inputs do not fit; usage_error if heads do not divide the state width.
/// Source     Ramsauer et al. 2020 (arXiv 2008.02217), sec. 3; updates = 0 is one step of attention.
template <class T> struct hopfield_association {
    std::optional<layer_norm<T>> norm_state, norm_stored, norm_source;
    linear<T> query, key, value, out;
    parameter<T> log_beta; ///< (1)
    hopfield_options options;

    hopfield_association() = default;
    SMLDIST_COLD hopfield_association(std::size_t state_width, std::size_t stored_width, std::size_t source_width,
                                      generator& g, hopfield_options o = {}) {
        if (o.heads == 0 || (o.head_width == 0 && state_width % o.heads != 0))
            raise<usage_error>("nn::hopfield", "heads is ", o.heads, ", expected a divisor of the state width ",
                               state_width);
        if (o.head_width == 0) o.head_width = state_width / o.heads;
        if (o.pattern_width == 0) o.pattern_width = o.head_width;
        if (o.out == 0) o.out = state_width;
        if (o.beta == 0) o.beta = 1 / std::sqrt(double(o.head_width));
        if (!(o.beta > 0)) raise<usage_error>("nn::hopfield", "beta is ", o.beta, ", expected a positive number");
        options = o;
        query = linear<T>(state_width, o.heads * o.head_width, g);
        key = linear<T>(stored_width, o.heads * o.head_width, g);
        value = linear<T>(source_width, o.heads * o.pattern_width, g);
        out = linear<T>(o.heads * o.pattern_width, o.out, g);
        for (auto* l : {&query, &key, &value, &out}) init::normal_(l->weight.value, g, 0, 0.02);
        if (o.normalise) {
            norm_state = layer_norm<T>(state_width);
            norm_stored = layer_norm<T>(stored_width);
            norm_source = layer_norm<T>(source_width);
        }
        log_beta.value = tensor<T>(shape{1}, static_cast<T>(std::log(o.beta)));
        log_beta.trainable = o.learn_beta;
        log_beta.decay = 0;
    }
    template <class X> X operator()(const X& state, const X& stored, const X& source, mode m = mode::eval) const {
        const X q = query(norm_state ? (*norm_state)(state) : state);
        const X k = key(norm_stored ? (*norm_stored)(stored) : stored);
        const X v = value(norm_source ? (*norm_source)(source) : source);
        const X beta = op::exp(op::lift(state, log_beta));
        m = mode_of(*this, m);
        X joined;
        for (std::size_t head = 0; head < options.heads; ++head) {
            const X one = retrieve(part(q, head, options.head_width), part(k, head, options.head_width),
                                   part(v, head, options.pattern_width), beta, m);
            joined = head == 0 ? one : op::concat(joined, one);
        }
        return out(joined);
    }
    static void visit(auto& self, auto&& member) {
        member("norm_state", self.norm_state);
        member("norm_stored", self.norm_stored);
        member("norm_source", self.norm_source);
        member("query", self.query);
        member("key", self.key);
        member("value", self.value);
        member("out", self.out);
        member("log_beta", self.log_beta);
    }

private:
    /// The columns of one head.
    template <class X> X part(const X& x, std::size_t head, std::size_t width) const {
        if (options.heads == 1) return x;
        return op::slice(x, -1, head * width, (head + 1) * width);
    }
    template <class X> X retrieve(X q, const X& k, const X& v, const X& beta, mode m) const {
        if (options.retrieval.updates > 0) q = op::hopfield(q, k, beta, options.retrieval);
        X a = op::softmax(op::mul(op::matmul(q, k, {.transpose_b = true}), beta));
        a = op::dropout(a, {.p = options.dropout}, m);
        return op::matmul(a, v);
    }
};

/// Hopfield lookup: every state retrieves from a learned memory.
///
/// Shapes     state (B, Q, D) or (Q, D) · y (B, Q, out) or (Q, out); the memory holds `quantity` patterns of width D
/// Init       patterns N(0, 0.02²).
/// Source     Ramsauer et al. 2020, sec. 3 (the layer "HopfieldLayer").
template <class T> struct hopfield_lookup {
    parameter<T> patterns; ///< (quantity, D)
    hopfield_association<T> association;

    hopfield_lookup() = default;
    SMLDIST_COLD hopfield_lookup(std::size_t width, std::size_t quantity, generator& g, hopfield_options o = {})
        : association(width, width, width, g, o) {
        patterns.value = tensor<T>(shape{quantity, width});
        init::normal_(patterns.value, g, 0, 0.02);
    }
    template <class X> X operator()(const X& state, mode m = mode::eval) const {
        const X memory = op::lift(state, patterns);
        return association(state, memory, memory, m);
    }
    static void visit(auto& self, auto&& member) {
        member("patterns", self.patterns);
        member("association", self.association);
    }
};

/// Hopfield pooling: learned states retrieve from a sequence, which is pattern and projection source at once.
///
/// Shapes     x (B, L, D) · y (B, quantity·out), the results of the states one after the other
/// Init       states N(0, 0.02²).
/// Throws     usage_error if quantity is 0; shape_error if x is not (B, L, D).
/// Source     Ramsauer et al. 2020, sec. 3 (the layer "HopfieldPooling").
template <class T> struct hopfield_pooling {
    parameter<T> states; ///< (quantity, D)
    hopfield_association<T> association;

    hopfield_pooling() = default;
    SMLDIST_COLD hopfield_pooling(std::size_t width, std::size_t quantity, generator& g, hopfield_options o = {})
        : association(width, width, width, g, o) {
        if (quantity == 0) raise<usage_error>("nn::hopfield_pooling", "quantity is 0, expected at least 1");
        states.value = tensor<T>(shape{quantity, width});
        init::normal_(states.value, g, 0, 0.02);
    }
    template <class X> X operator()(const X& x, mode m = mode::eval) const {
        if (x.shape().rank() != 3)
            raise<shape_error>("nn::hopfield_pooling", "shape is ", x.shape().text(), ", expected (B, L, D)");
        return op::flatten(association(op::lift(x, states), x, x, m));
    }
    static void visit(auto& self, auto&& member) {
        member("states", self.states);
        member("association", self.association);
    }
};

/// Classifier by Hopfield lookup whose labels are learned, not given: the logits that a pattern contributes are its row of
/// v W_oᵀ.
///
///     z = hopfield_lookup(f), D → D → N, at most 2 updates of the query until it moves less than 0.01
///
/// Shapes     f (B, D) · z (B, N)
/// Init       as hopfield_lookup.
/// Source     the constructor values of the authors' public code, whose memory is one pattern and therefore a linear map
///            (nn::blended_head); here it holds `quantity` patterns.
template <class T> struct hopfield_classifier {
    hopfield_lookup<T> lookup;

    hopfield_classifier() = default;
    SMLDIST_COLD hopfield_classifier(std::size_t features, std::size_t quantity, std::size_t classes, generator& g,
                                     hopfield_options o = defaults()) {
        o.out = classes;
        lookup = hopfield_lookup<T>(features, quantity, g, o);
    }
    static hopfield_options defaults() {
        hopfield_options o;
        o.retrieval = {.updates = 2, .eps = 1e-2};
        return o;
    }
    template <class X> X operator()(const X& f, mode m = mode::eval) const { return lookup(f, m); }
    static void visit(auto& self, auto&& member) { member("lookup", self.lookup); }
};

/// Describes the lookup head of a network (model/heads.hpp).
struct lookup_options {
    static constexpr std::string_view name = "lookup", path = "lookup";
    std::size_t patterns_per_class = 8;

    static void visit(auto& self, auto&& f) { f("patterns_per_class", self.patterns_per_class); }
    /// Throws usage_error for a value out of range.
    void check() const {
        if (patterns_per_class == 0)
            raise<usage_error>("nn::hopfield_classifier", "patterns_per_class is 0, expected at least 1");
    }
    void sizes(double D, double N, auto&& f) const {
        f(N * double(patterns_per_class) * D), f(1), f(N * D), f(N);
        for (int i = 0; i < 3; ++i) f(D), f(D), f(D * D), f(D);
    }
    template <class T> hopfield_classifier<T> make(std::size_t features, std::size_t classes, generator& g) const {
        return hopfield_classifier<T>(features, classes * patterns_per_class, classes, g);
    }
    friend bool operator==(const lookup_options&, const lookup_options&) = default;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Modern Hopfield layers: association of a state with patterns that are given, or that are learned.
#ifndef SMLDIST_NN_HOPFIELD_HPP
#define SMLDIST_NN_HOPFIELD_HPP

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "smldist/nn/hopfield_mask.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/nn/norm.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/hopfield.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/op/softmax.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

/// A layer-norm of a Hopfield layer.
struct hopfield_norm {
    bool on = true, affine = true;
    double eps = 1e-5;
};

/// What a Hopfield layer has and does. The names of hflayers are in brackets; docs/hopfield.md has the whole table.
struct hopfield_options {
    std::size_t heads = 1;      ///< [num_heads]
    std::size_t head_width = 0; ///< h, width of the association space of a head; 0: state width / heads [hidden_size]
    std::size_t pattern_width = 0; ///< v, width of a retrieved pattern of a head; 0: h [pattern_size]
    std::size_t out = 0;           ///< width of the result; 0: state width [output_size]
    double beta = 0; ///< inverse temperature; 0: 1/√h, or 1 if nothing is projected or normed [scaling]
    bool learn_beta = false;
    /// [update_steps_max, update_steps_eps]; updates = until_rest is None
    op::hopfield_options retrieval{.updates = 0, .eps = 1e-4};
    bool normalise = true; ///< layer-norm on state, stored patterns and projection source; false: on none
    double dropout = 0;    ///< on the last association, in training

    op::hopfield_stop stop = op::hopfield_stop::state;  ///< hflayers: batch
    std::vector<double> head_beta{};                    ///< one for each head; empty: beta
    std::vector<op::hopfield_options> head_retrieval{}; ///< one for each head; empty: retrieval

    hopfield_norm norm_state{}, norm_stored{}, norm_source{}; ///< [normalize_state_pattern, …_affine, …_eps, …]
    hopfield_norm norm_space{.on = false, .affine = false};   ///< of q and k of every head [normalize_hopfield_space]
    bool static_state = false;     ///< no query map: the width is h [state_pattern_as_static]
    bool static_stored = false;    ///< no key map: the width is h [stored_pattern_as_static]
    bool static_source = false;    ///< no value map: the width is v [pattern_projection_as_static]
    bool connected_source = false; ///< the value map reads key(source) [pattern_projection_as_connected]
    bool project_out = true;       ///< false: the heads side by side are the result [disable_out_projection]
    bool bias = true;              ///< of the four maps [input_bias]
    bool bias_pattern = false;     ///< one more pattern, learned in the association space [concat_bias_pattern]
    bool zero_association = false; ///< one more pattern, of zeros [add_zero_association]
    activation association_activation = activation::none; ///< of the result

    // Of hopfield_lookup and hopfield_pooling.
    bool trainable = true;         ///< the patterns of a lookup, the states of a pooling
    bool separate_targets = false; ///< a lookup retrieves from targets of its own [lookup_weights_as_separated]
    bool trainable_targets = true; ///< [lookup_targets_as_trainable]
    std::size_t stored_width = 0;  ///< of stored patterns; 0: width, or h if they are static [stored_pattern_size]
    std::size_t source_width = 0;  ///< of sources; 0: stored_width in a lookup, else width [pattern_projection_size]
};

/// A result with what led to it. M counts the bias pattern and the zero pattern, which come last and in this order.
template <class X> struct hopfield_recall {
    X result;
    X associations; ///< (B, heads, Q, M), or (heads, Q, M) when the inputs are for all; before the dropout
    X patterns;     ///< (B, heads, M, v), or (heads, M, v) when stored and source are for all
};

namespace detail {

/// The width of the association space of a head whose state is projected.
SMLDIST_COLD inline std::size_t hopfield_head_width(const hopfield_options& o, std::size_t width) {
    if (o.heads == 0 || (o.head_width == 0 && width % o.heads != 0))
        raise<usage_error>("nn::hopfield", "heads is ", o.heads, ", expected a divisor of the state width ", width);
    return o.head_width == 0 ? width / o.heads : o.head_width;
}
/// The options with every width filled in.
/// Throws     usage_error for options that contradict each other or the widths.
SMLDIST_COLD inline hopfield_options resolve(hopfield_options o, std::size_t state_width, std::size_t stored_width,
                                             std::size_t source_width) {
    constexpr std::string_view where = "nn::hopfield";
    const auto fits = [&](bool is_static, std::string_view what, std::size_t width, std::size_t wanted) {
        if (is_static && width != wanted)
            raise<usage_error>(where, "width of the static ", what, " is ", width, ", expected ", wanted);
    };
    if (o.static_state && o.heads > 0 && o.head_width == 0) o.head_width = state_width;
    o.head_width = hopfield_head_width(o, state_width);
    const bool connected = o.connected_source && !o.static_stored;
    if (connected && source_width != stored_width)
        raise<usage_error>(where, "width of a connected source is ", source_width,
                           ", expected that of stored patterns, ", stored_width);
    const std::size_t unprojected = connected ? o.head_width : source_width;
    if (o.pattern_width == 0) o.pattern_width = o.static_source ? unprojected : o.head_width;
    fits(o.static_state, "state", state_width, o.head_width);
    fits(o.static_stored, "stored patterns", stored_width, o.head_width);
    fits(o.static_source, "source", unprojected, o.pattern_width);
    if (!o.project_out)
        o.out = o.heads * o.pattern_width;
    else if (o.out == 0)
        o.out = state_width;
    const bool bare = o.static_state && o.static_stored && o.static_source && !o.project_out && !o.norm_space.on;
    if (o.beta == 0) o.beta = bare ? 1 : 1 / std::sqrt(double(o.head_width));
    for (const double beta : o.head_beta)
        if (!(beta > 0)) raise<usage_error>(where, "beta of a head is ", beta, ", expected a positive number");
    if (!(o.beta > 0)) raise<usage_error>(where, "beta is ", o.beta, ", expected a positive number");
    for (const std::size_t n : {o.head_beta.size(), o.head_retrieval.size()})
        if (n != 0 && n != o.heads)
            raise<usage_error>(where, "number of betas or retrievals of heads is ", n, ", expected none or ",
                               o.heads);
    if (o.bias_pattern && (o.static_stored || o.static_source))
        raise<usage_error>(where, "a bias pattern beside static patterns, expected projected ones");
    return o;
}
/// An axis for the heads in the shape of what one head has: (B, 1, …), or (1, …) without a batch.
inline shape with_head_axis(const shape& s) {
    return s.rank() == 3 ? shape{s[0], 1, s[1], s[2]} : shape{1, s[0], s[1]};
}

} // namespace detail

/// Hopfield association: every state retrieves from the stored patterns.
///
///     q = norm(state) W_qᵀ + b_q,   k = norm(stored) W_kᵀ + b_k,   v = norm(source) W_vᵀ + b_v      (each head its columns)
///     q ← kᵀ softmax(beta k q + mask), at most `updates` times
///     a = softmax(beta q kᵀ + mask),   y = [a v of every head] W_oᵀ + b_o
///
/// Options replace the maps: a static input enters every head as it is; connected, v = norm(source) W_kᵀ W_vᵀ with both
/// biases; norm_space makes q and k of a head norm_space(q), norm_space(k); bias and zero patterns are appended to k and v.
///
/// A state without any pattern has associations of 0, and retrieves 0 (PyTorch: NaN).
///
/// Shapes     state (B, Q, D_q) or (Q, D_q) for all · stored (B, M, D_y) or (M, D_y) for all ·
///            source as stored, (…, M, D_p) · y (B, Q, out), or (Q, out) when both are for all
/// Init       weights N(0, 0.02²), biases 0, bias patterns N(0, 0.02²).
/// Throws     shape_error if inputs or masks do not fit; usage_error if heads do not divide the state width or the options
///            contradict each other.
/// Source     Ramsauer et al. 2020 (arXiv 2008.02217), sec. 3; updates = 0 is one step of attention. The options are those
///            of its authors' library hflayers ("Hopfield").
template <class T> struct hopfield_association {
    std::optional<layer_norm<T>> norm_state, norm_stored, norm_source;
    linear<T> query, key, value, out; ///< without a weight where the input is static or the result not projected
    parameter<T> log_beta;            ///< (1), or (heads)
    std::optional<layer_norm<T>> norm_space; ///< (h), one for states and patterns of all heads
    parameter<T> bias_key, bias_value;       ///< (heads·h) and (heads·v)
    hopfield_options options;

    hopfield_association() = default;
    SMLDIST_COLD hopfield_association(std::size_t state_width, std::size_t stored_width, std::size_t source_width,
                                      generator& g, hopfield_options wanted = {})
        : options(detail::resolve(std::move(wanted), state_width, stored_width, source_width)) {
        const hopfield_options& o = options;
        const std::size_t H = o.heads * o.head_width, V = o.heads * o.pattern_width;
        const bool connected = o.connected_source && !o.static_stored;
        if (!o.static_state) query = linear<T>(state_width, H, g, o.bias);
        if (!o.static_stored) key = linear<T>(stored_width, H, g, o.bias);
        if (!o.static_source) value = linear<T>(connected ? H : source_width, V, g, o.bias);
        if (o.project_out) out = linear<T>(V, o.out, g, o.bias);
        for (auto* l : {&query, &key, &value, &out}) init::normal_(l->weight.value, g, 0, 0.02);
        const auto add = [](auto& norm, const hopfield_norm& n, bool on, std::size_t width) {
            if (on && n.on) norm = layer_norm<T>(width, n.affine, {.eps = n.eps});
        };
        add(norm_state, o.norm_state, o.normalise, state_width);
        add(norm_stored, o.norm_stored, o.normalise, stored_width);
        add(norm_source, o.norm_source, o.normalise, source_width);
        add(norm_space, o.norm_space, true, o.head_width);
        log_beta.value = tensor<T>(shape{std::max<std::size_t>(1, o.head_beta.size())});
        for (std::size_t i = 0; i < log_beta.value.size(); ++i)
            log_beta.value[i] = static_cast<T>(std::log(o.head_beta.empty() ? o.beta : o.head_beta[i]));
        log_beta.trainable = o.learn_beta;
        log_beta.decay = 0;
        if (!o.bias_pattern) return;
        bias_key.value = tensor<T>(shape{H});
        bias_value.value = tensor<T>(shape{V});
        for (auto* p : {&bias_key, &bias_value}) {
            init::normal_(p->value, g, 0, 0.02);
            p->decay = 0;
        }
    }
    template <class X> X operator()(const X& state, const X& stored, const X& source, mode m = mode::eval) const {
        return run(state, stored, source, detail::no_masks(), m, [](const X&, const X&) {});
    }
    /// With masks: layer(state, stored, source, {.padding = p}).
    template <class X, class M = tensor<T>>
    X operator()(const X& state, const X& stored, const X& source, const hopfield_masks<M>& masks,
                 mode m = mode::eval) const {
        return run(state, stored, source, masks, m, [](const X&, const X&) {});
    }
    /// As the call, also with the associations and the projected patterns [get_association_matrix,
    /// get_projected_pattern_matrix].
    template <class X, class M = tensor<T>>
    hopfield_recall<X> recall(const X& state, const X& stored, const X& source, const hopfield_masks<M>& masks = {},
                              mode m = mode::eval) const {
        hopfield_recall<X> r;
        const auto append = [](X& to, const X& x) {
            const X one = op::reshape(x, detail::with_head_axis(x.shape()));
            to = to.empty() ? one : op::concat(to, one, -3);
        };
        r.result = run(state, stored, source, masks, m, [&](const X& a, const X& v) {
            append(r.associations, a);
            append(r.patterns, v);
        });
        return r;
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
        member("norm_space", self.norm_space);
        member("bias_key", self.bias_key);
        member("bias_value", self.bias_value);
    }

private:
    /// Calls see(associations, patterns) of each head.
    template <class X, class Masks, class See>
    X run(const X& state, const X& stored, const X& source, const Masks& masks, mode m, const See& see) const {
        check_static(state.shape(), options.static_state, options.head_width);
        check_static(stored.shape(), options.static_stored, options.head_width);
        const bool connected = options.connected_source && !options.static_stored;
        check_static(source.shape(), options.static_source && !connected, options.pattern_width);
        const X q = map(query, norm(norm_state, state)), k = map(key, norm(norm_stored, stored));
        X v = norm(norm_source, source);
        if (connected) v = map(key, std::move(v));
        v = map(value, std::move(v));
        const X beta = op::exp(op::lift(state, log_beta));
        m = mode_of(*this, m);
        X joined;
        for (std::size_t head = 0; head < options.heads; ++head) {
            const std::size_t h = options.head_width, w = options.pattern_width;
            const X one = retrieve(
                norm(norm_space, part(q, head, h)), extended(norm(norm_space, part(k, head, h)), bias_key, head),
                extended(part(v, head, w), bias_value, head),
                log_beta.value.size() == 1 ? beta : op::slice(beta, 0, head, head + 1), masks, head, m, see);
            joined = head == 0 ? one : op::concat(joined, one);
        }
        return op::activate(map(out, joined), options.association_activation);
    }
    SMLDIST_COLD static void check_static(const shape& x, bool is_static, std::size_t width) {
        if (is_static && (x.rank() == 0 || x.back() != width))
            raise<shape_error>("nn::hopfield", "shape of a static input is ", x.text(), ", expected (…, ", width,
                               ")");
    }
    template <class X> static std::remove_cvref_t<X> map(const linear<T>& l, X&& x) {
        if (!l.weight.empty()) return l(x);
        return std::forward<X>(x);
    }
    template <class X> static std::remove_cvref_t<X> norm(const std::optional<layer_norm<T>>& n, X&& x) {
        if (n) return (*n)(x);
        return std::forward<X>(x);
    }
    /// The columns of one head; all of them where they are for every head.
    template <class X> static X part(const X& x, std::size_t head, std::size_t width) {
        if (x.shape().back() == width) return x;
        return op::slice(x, -1, head * width, (head + 1) * width);
    }
    /// The patterns x (…, M, w) of a head, followed by the bias pattern and the zero pattern. A row of zeros is the first
    /// pattern times 0: so it has the batch of x, in a program too.
    template <class X> X extended(X x, const parameter<T>& bias, std::size_t head) const {
        if (bias.empty() && !options.zero_association) return x;
        const X zeros = op::scale(op::slice(x, -2, 0, 1), 0);
        if (!bias.empty()) x = op::concat(x, op::add(zeros, part(op::lift(x, bias), head, x.shape().back())), -2);
        if (options.zero_association) x = op::concat(x, zeros, -2);
        return x;
    }
    template <class X, class Masks, class See>
    X retrieve(X q, const X& k, const X& v, const X& beta, const Masks& masks, std::size_t head, mode m,
               const See& see) const {
        const auto& r = options.head_retrieval.empty() ? options.retrieval : options.head_retrieval[head];
        const op::masked_hopfield_options ruled{r.updates, r.eps, options.stop};
        const auto associate = [&] { return op::mul(op::matmul(q, k, {.transpose_b = true}), beta); };
        X a;
        if constexpr (std::is_same_v<Masks, detail::no_masks>) {
            if (r.updates > 0 && (options.stop == op::hopfield_stop::state || r.eps == 0))
                q = op::hopfield(q, k, beta, r);
            else if (r.updates > 0)
                q = op::masked_hopfield(q, k, beta, tensor<T>(), ruled);
            a = op::softmax(associate());
        } else {
            const std::size_t appended = (bias_key.empty() ? 0u : 1u) + (options.zero_association ? 1u : 0u);
            const bool batched = std::max(q.shape().rank(), k.shape().rank()) == 3;
            const auto mask = detail::mask_of_head(masks, options.heads, head, batched, appended);
            if (mask.empty()) return retrieve(q, k, v, beta, detail::no_masks(), head, m, see);
            if (r.updates > 0) q = op::masked_hopfield(q, k, beta, mask, ruled);
            const X scores = associate();
            spec::check_mask("nn::hopfield", scores.shape(), mask.shape());
            a = op::softmax(op::add(scores, mask));
        }
        see(a, v);
        return op::matmul(op::dropout(a, {.p = options.dropout}, m), v);
    }
};

/// Hopfield lookup: every state retrieves from a learned memory.
///
/// Shapes     state (B, Q, D) or (Q, D) · y (B, Q, out) or (Q, out); the memory holds `quantity` patterns of width D and, with
///            separate_targets, as many targets, which are then projected in their place
/// Init       patterns and targets N(0, 0.02²).
/// Source     Ramsauer et al. 2020, sec. 3 (the layer "HopfieldLayer").
template <class T> struct hopfield_lookup {
    parameter<T> patterns; ///< (quantity, D), or (quantity, stored_width)
    hopfield_association<T> association;
    parameter<T> targets; ///< (quantity, source_width), with separate_targets

    hopfield_lookup() = default;
    SMLDIST_COLD hopfield_lookup(std::size_t width, std::size_t quantity, generator& g, hopfield_options o = {}) {
        const std::size_t head = o.static_state && o.head_width == 0 ? width : detail::hopfield_head_width(o, width);
        if (o.stored_width == 0) o.stored_width = o.static_stored ? head : width;
        if (o.source_width == 0 || !o.separate_targets) o.source_width = o.stored_width;
        association = hopfield_association<T>(width, o.stored_width, o.source_width, g, o);
        patterns.value = tensor<T>(shape{quantity, o.stored_width});
        init::normal_(patterns.value, g, 0, 0.02);
        patterns.trainable = o.trainable;
        if (!o.separate_targets) return;
        targets.value = tensor<T>(shape{quantity, o.source_width});
        init::normal_(targets.value, g, 0, 0.02);
        targets.trainable = o.trainable_targets;
    }
    template <class X> X operator()(const X& state, mode m = mode::eval) const {
        const X memory = op::lift(state, patterns);
        return association(state, memory, source(state, memory), m);
    }
    template <class X, class M = tensor<T>>
    X operator()(const X& state, const hopfield_masks<M>& masks, mode m = mode::eval) const {
        const X memory = op::lift(state, patterns);
        return association(state, memory, source(state, memory), masks, m);
    }
    template <class X, class M = tensor<T>>
    hopfield_recall<X> recall(const X& state, const hopfield_masks<M>& masks = {}, mode m = mode::eval) const {
        const X memory = op::lift(state, patterns);
        return association.recall(state, memory, source(state, memory), masks, m);
    }
    static void visit(auto& self, auto&& member) {
        member("patterns", self.patterns);
        member("association", self.association);
        member("targets", self.targets);
    }

private:
    template <class X> X source(const X& state, const X& memory) const {
        return targets.empty() ? memory : op::lift(state, targets);
    }
};

/// Hopfield pooling: learned states retrieve from a sequence, which is pattern and projection source at once unless a source
/// is given beside it.
///
/// Shapes     x (B, L, D), or stored (B, L, stored_width) and source (B, L, source_width) ·
///            y (B, quantity·out), the results of the states one after the other
/// Init       states N(0, 0.02²).
/// Throws     usage_error if quantity is 0; shape_error if x is not (B, L, D).
/// Source     Ramsauer et al. 2020, sec. 3 (the layer "HopfieldPooling").
template <class T> struct hopfield_pooling {
    parameter<T> states; ///< (quantity, D), or (quantity, h) with static_state
    hopfield_association<T> association;

    hopfield_pooling() = default;
    SMLDIST_COLD hopfield_pooling(std::size_t width, std::size_t quantity, generator& g, hopfield_options o = {}) {
        if (quantity == 0) raise<usage_error>("nn::hopfield_pooling", "quantity is 0, expected at least 1");
        o.head_width = detail::hopfield_head_width(o, width);
        if (o.out == 0) o.out = width;
        if (o.stored_width == 0) o.stored_width = width;
        if (o.source_width == 0) o.source_width = width;
        const std::size_t own = o.static_state ? o.head_width : width;
        association = hopfield_association<T>(own, o.stored_width, o.source_width, g, o);
        states.value = tensor<T>(shape{quantity, own});
        init::normal_(states.value, g, 0, 0.02);
        states.trainable = o.trainable;
    }
    template <class X> X operator()(const X& x, mode m = mode::eval) const { return (*this)(x, x, m); }
    template <class X> X operator()(const X& stored, const X& source, mode m = mode::eval) const {
        return op::flatten(association(queries(stored), stored, source, m));
    }
    template <class X, class M = tensor<T>>
    X operator()(const X& stored, const X& source, const hopfield_masks<M>& masks, mode m = mode::eval) const {
        return op::flatten(association(queries(stored), stored, source, masks, m));
    }
    /// The result is (B, quantity, out).
    template <class X, class M = tensor<T>>
    hopfield_recall<X> recall(const X& stored, const X& source, const hopfield_masks<M>& masks = {},
                              mode m = mode::eval) const {
        return association.recall(queries(stored), stored, source, masks, m);
    }
    static void visit(auto& self, auto&& member) {
        member("states", self.states);
        member("association", self.association);
    }

private:
    template <class X> X queries(const X& stored) const {
        if (stored.shape().rank() != 3)
            raise<shape_error>("nn::hopfield_pooling", "shape is ", stored.shape().text(), ", expected (B, L, D)");
        return op::lift(stored, states);
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

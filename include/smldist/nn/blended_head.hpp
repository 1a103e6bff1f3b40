// SPDX-License-Identifier: BSD-3-Clause
/// Two linear classifiers, one of them after a layer-norm and a value map, blended by learned weights.
#ifndef SMLDIST_NN_BLENDED_HEAD_HPP
#define SMLDIST_NN_BLENDED_HEAD_HPP

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "smldist/core/enum_names.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/nn/norm.hpp"
#include "smldist/op/apply.hpp"
#include "smldist/op/mixture.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reshape.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

/// What blended_head returns in mode::eval.
enum class blended_output : std::uint8_t {
    memory,    ///< y_h, logits
    intuition, ///< y_l, logits
    fused      ///< p, probabilities
};
constexpr auto enum_names(blended_output) { return enum_table("nn::blended_output", "memory", "intuition", "fused"); }

template <class T> struct blended_head;

/// Describes the blended head of a network (model/heads.hpp).
struct blended_options {
    static constexpr std::string_view name = "blended", path = "ref2021"; // its tensors' path since 0.1
    static constexpr bool logits_in_training = false;                     ///< so it cannot be a candidate of a search
    blended_output evaluation = blended_output::memory;

    static void visit(auto& self, auto&& f) { f("evaluation", self.evaluation); }
    void sizes(double D, double N, auto&& f) const {
        for (int i = 0; i < 6; ++i) f(D);
        f(D * D), f(D), f(2);
        for (int i = 0; i < 2; ++i) f(N * D), f(N);
    }
    template <class T> blended_head<T> make(std::size_t features, std::size_t classes, generator& g) const;
    friend bool operator==(const blended_options&, const blended_options&) = default;
};

namespace detail {

/// c, with its gradient sent to the first of three equal tensors.
///
///     y = c,   dy → a when a = b = c,   else → b when b = c,   else → c
///
/// The Hopfield layer of the public code compares its normed inputs by value, and projects one tensor for those that are
/// equal. So a layer-norm gets the gradient that belongs to another with the same result.
///
/// Shapes     a, b, c, y alike
/// Gradients  as above; the inputs before the one that gets dy get zeros, those after it nothing at all.
/// Keeps      nothing.
/// Throws     shape_error unless the shapes are equal.
/// Source     [CODE] the branches of its projections, by reading.
template <class T> struct first_equal_op {
    using scalar = T;
    struct saved {};
    static constexpr std::string_view name = "first_equal";
    shape infer(const shape& a, const shape& b, const shape& c) const {
        if (!(a == c) || !(b == c))
            raise<shape_error>("first_equal", "shapes are ", a.text(), ", ", b.text(), ", ", c.text(),
                               ", expected them equal");
        return c;
    }
    void forward(saved*, tensor<T>& y, const tensor<T>&, const tensor<T>&, const tensor<T>& c) const {
        std::copy(c.begin(), c.end(), y.begin());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& a, const tensor<T>& b,
                  const tensor<T>& c, tensor<T>* da, tensor<T>* db, tensor<T>* dc) const {
        const bool two = std::equal(b.begin(), b.end(), c.begin());
        const bool three = two && std::equal(a.begin(), a.end(), b.begin());
        add(da, dy, three);
        if (three) return;
        add(db, dy, two);
        if (!two) add(dc, dy, true);
    }

private:
    static void add(tensor<T>* sink, const tensor<T>& dy, bool wanted) {
        if (!sink) return;
        if (!sink->ensure(dy.shape())) sink->fill(T(0));
        if (wanted)
            for (std::size_t i = 0; i < dy.size(); ++i) (*sink)[i] += dy[i];
    }
};

} // namespace detail

/// A "memory" of one pattern, which is a linear map, and a linear classifier, blended by learned weights.
///
///     y_h = out(value(norm(f)))                         logits of the memory
///     y_l = intuition(f)
///     p   = softmax(w)_0 softmax(y_h) + softmax(w)_1 softmax(y_l)
///
/// Returns p, which are *probabilities*, in mode::train, and what `evaluation` says in mode::eval: logits by default. The public
/// code builds y_h as a Hopfield layer in which f retrieves from f itself. A softmax over one pattern is 1, so the result is
/// this y_h for any β, number of updates, query map and key map. Those maps get no gradient and are left out here. nn::memory
/// holds patterns that f is compared with.
///
/// The layer-norms of state and stored pattern do not affect y_h either, but while they equal `norm` they get its gradient
/// (detail::first_equal_op). All three begin with weight 1 and bias 0, so a new head trains norm_state in its first step,
/// norm_stored in its second, and `norm` from its third on.
///
/// Shapes     f (B, D) · value (D, D), out and intuition (N, D), w (2) · result (B, N)
/// Init       value N(0, 0.02²), out and intuition N(0, 0.01²), w and biases 0.
/// Source     [CODE] the head of the authors' public code of February 2021, by reading.
template <class T> struct blended_head {
    layer_norm<T> norm_state, norm_stored, norm; ///< of state, stored pattern, and projected pattern
    linear<T> value, out, intuition;
    parameter<T> mixing; ///< w (2): memory, intuition
    blended_output evaluation = blended_output::memory;

    blended_head() = default;
    SMLDIST_COLD blended_head(std::size_t features, std::size_t classes, generator& g)
        : norm_state(features),
          norm_stored(features),
          norm(features),
          value(features, features, g),
          out(features, classes, g),
          intuition(features, classes, g) {
        init::normal_(value.weight.value, g, 0, 0.02);
        mixing.value = tensor<T>(shape{2});
    }

    template <class X> X operator()(const X& f, mode m = mode::eval) const {
        m = mode_of(*this, m);
        if (m == mode::eval && evaluation == blended_output::memory) return recall(f, m);
        if (m == mode::eval && evaluation == blended_output::intuition) return intuition(f);
        return op::exp(op::mixture(op::concat(recall(f, m), intuition(f)), op::lift(f, mixing)));
    }
    static void visit(auto& self, auto&& member) {
        member("norm_state", self.norm_state);
        member("norm_stored", self.norm_stored);
        member("norm", self.norm);
        member("value", self.value);
        member("out", self.out);
        member("intuition", self.intuition);
        member("mixing", self.mixing);
    }

private:
    template <class X> X recall(const X& f, mode m) const {
        if (m == mode::eval) return out(value(norm(f)));
        return out(value(op::apply(detail::first_equal_op<T>{}, norm_state(f), norm_stored(f), norm(f))));
    }
};

template <class T>
blended_head<T> blended_options::make(std::size_t features, std::size_t classes, generator& g) const {
    blended_head<T> head(features, classes, g);
    head.evaluation = evaluation;
    return head;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif

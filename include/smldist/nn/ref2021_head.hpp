// SPDX-License-Identifier: BSD-3-Clause
/// The head of the authors' public code of February 2021, to compare with; docs/ref2021.md explains it.
#ifndef SMLDIST_NN_REF2021_HEAD_HPP
#define SMLDIST_NN_REF2021_HEAD_HPP

#include <array>
#include <cstdint>
#include <string_view>

#include "smldist/nn/linear.hpp"
#include "smldist/nn/norm.hpp"
#include "smldist/op/mixture.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reshape.hpp"

namespace smldist::inline SMLDIST_ABI::nn {

/// What ref2021_head returns in mode::eval.
enum class ref2021_evaluation : std::uint8_t {
    memory,    ///< y_h, logits ("M", the code's choice)
    intuition, ///< y_l, logits ("I")
    fused      ///< p, probabilities
};
inline constexpr std::array<std::string_view, 3> ref2021_evaluation_names{"memory", "intuition", "fused"};

/// A "memory" of one pattern, which is none, and a linear map, mixed by learned weights.
///
///     y_h = out(value(norm(f)))                         logits of the memory
///     y_l = intuition(f)
///     p   = softmax(w)_0 softmax(y_h) + softmax(w)_1 softmax(y_l)
///
/// Returns p, which are *probabilities*, in mode::train, and in mode::eval what `evaluation` says: logits as a rule. The
/// code builds y_h as a Hopfield layer in which f retrieves from f alone. A softmax over one pattern is 1, so whatever β,
/// the number of updates, the query and the key map are, it gives this y_h. Those maps and two layer-norms get no
/// gradient; they are left out here: dead_parameters(D) of them. nn::memory holds patterns that f is compared with.
///
/// Shapes     f (B, D) · value (D, D), out and intuition (N, D), w (2) · result (B, N)
/// Init       value N(0, 0.02²), out and intuition N(0, 0.01²), w and biases 0.
/// Source     [CODE] the public repository's head, by reading.
template <class T> struct ref2021_head {
    layer_norm<T> norm;
    linear<T> value, out, intuition;
    parameter<T> mixing; ///< w (2): memory, intuition

    ref2021_head() = default;
    ref2021_head(std::size_t features, std::size_t classes, generator& g)
        : norm(features), value(features, features, g), out(features, classes, g), intuition(features, classes, g) {
        init::normal_(value.weight.value, g, 0, 0.02);
        mixing.value = tensor<T>(shape{2});
    }

    template <class X>
    X operator()(const X& f, mode m, ref2021_evaluation evaluation = ref2021_evaluation::memory) const {
        m = mode_of(*this, m);
        if (m == mode::eval && evaluation == ref2021_evaluation::memory) return recall(f);
        if (m == mode::eval && evaluation == ref2021_evaluation::intuition) return intuition(f);
        return op::exp(op::mixture(op::concat(recall(f), intuition(f)), op::lift(f, mixing)));
    }
    static void visit(auto& self, auto&& member) {
        member("norm", self.norm);
        member("value", self.value);
        member("out", self.out);
        member("intuition", self.intuition);
        member("mixing", self.mixing);
    }

    /// Parameters of the code's head that no gradient reaches: query and key maps and their layer-norms.
    static constexpr std::size_t dead_parameters(std::size_t features) {
        return 2 * (features * features + features + 2 * features);
    }
    /// Multiply-accumulates that query and key maps cost for one window.
    static constexpr std::size_t dead_macs(std::size_t features) { return 2 * features * features; }

private:
    template <class X> X recall(const X& f) const { return out(value(norm(f))); }
};

} // namespace smldist::inline SMLDIST_ABI::nn

#endif

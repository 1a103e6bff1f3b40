// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_NN_GRU_CELL_HPP
#define SMLDIST_NN_GRU_CELL_HPP

#include <cmath>

#include "smldist/core/parameter.hpp"
#include "smldist/nn/init.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reshape.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

/// One step of a gated recurrent unit: the next state from a sample and the state before it.
///
///     r  = sigmoid(x W_irᵀ + b_ir + h W_hrᵀ + b_hr)
///     z  = sigmoid(x W_izᵀ + b_iz + h W_hzᵀ + b_hz)
///     n  = tanh(x W_inᵀ + b_in + r (h W_hnᵀ + b_hn))
///     h' = (1 - z) n + z h
///
/// weight_ih holds the rows of W_ir, W_iz and W_in in this order; weight_hh, bias_ih and bias_hh likewise.
///
///     X h = cell(op::flatten(op::slice(x, 1, 0, 1)));                                      // from a state of zeros
///     for (std::size_t t = 1; t < L; ++t) h = cell(op::flatten(op::slice(x, 1, t, t + 1)), h);
///
/// Shapes     x (B, C) · h, h' (B, H) · weight_ih (3H, C) · weight_hh (3H, H) · bias_ih, bias_hh (3H), absent with
///            `with_bias = false`
/// Init       all U(-1/√H, 1/√H).
/// Cost       3H (C + H) multiply-accumulates per sample.
/// Throws     usage_error if C or H is 0; shape_error if x or h does not fit.
/// Source     Cho et al. 2014; torch.nn.GRUCell.
template <class T> struct gru_cell {
    parameter<T> weight_ih, weight_hh, bias_ih, bias_hh;

    gru_cell() = default;
    SMLDIST_COLD gru_cell(std::size_t channels, std::size_t hidden, generator& g, bool with_bias = true) {
        if (channels == 0 || hidden == 0)
            raise<usage_error>("nn::gru_cell", "channels, hidden are ", channels, ", ", hidden,
                               ", expected at least 1");
        weight_ih.value = tensor<T>(shape{3 * hidden, channels});
        weight_hh.value = tensor<T>(shape{3 * hidden, hidden});
        if (with_bias) bias_ih.value = bias_hh.value = tensor<T>(shape{3 * hidden});
        bias_ih.decay = bias_hh.decay = 0;
        const double bound = 1 / std::sqrt(double(hidden));
        for (auto* p : {&weight_ih, &weight_hh, &bias_ih, &bias_hh}) init::uniform_(p->value, g, -bound, bound);
    }
    template <class X> X operator()(const X& x, const X& h) const {
        return next(op::linear(x, weight_ih, bias_ih), h);
    }
    /// The step from a state of zeros.
    template <class X> X operator()(const X& x) const {
        const X from_x = op::linear(x, weight_ih, bias_ih);
        return next(from_x, op::scale(part(from_x, 0), 0));
    }
    static void visit(auto& self, auto&& member) {
        member("weight_ih", self.weight_ih);
        member("weight_hh", self.weight_hh);
        member("bias_ih", self.bias_ih);
        member("bias_hh", self.bias_hh);
    }

private:
    template <class X> X next(const X& from_x, const X& h) const {
        const X from_h = op::linear(h, weight_hh, bias_hh);
        const X r = op::sigmoid(op::add(part(from_x, 0), part(from_h, 0)));
        const X z = op::sigmoid(op::add(part(from_x, 1), part(from_h, 1)));
        const X n = op::tanh(op::add(part(from_x, 2), op::mul(r, part(from_h, 2))));
        return op::add(n, op::mul(z, op::sub(h, n)));
    }
    /// Columns [i H, (i+1) H).
    template <class X> X part(const X& gates, std::size_t i) const {
        const std::size_t H = weight_hh.shape()[1];
        return op::slice(gates, -1, i * H, (i + 1) * H);
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif

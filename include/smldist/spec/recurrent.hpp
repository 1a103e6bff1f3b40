// SPDX-License-Identifier: BSD-3-Clause
/// Descriptions of recurrences over time: gated recurrent unit and long short-term memory.
#ifndef SMLDIST_SPEC_RECURRENT_HPP
#define SMLDIST_SPEC_RECURRENT_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "smldist/core/error.hpp"
#include "smldist/core/shape.hpp"

namespace smldist::spec {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// The multiply-accumulates of a recurrence: every step multiplies a sample and a state by the weights.
inline std::uint64_t recurrent_macs(const shape& x, const shape& weight_ih, const shape& weight_hh) {
    return std::uint64_t(x.rows()) * (weight_ih.size() + weight_hh.size());
}

/// Checks what the recurrences have in common; `gates` blocks of H rows make up each weight and bias. Returns (B, L, H).
SMLDIST_COLD inline shape infer_recurrent(std::string_view where, std::size_t gates, const shape& x, const shape& h0,
                                          const shape& c0, const shape& weight_ih, const shape& weight_hh,
                                          const shape& bias_ih, const shape& bias_hh) {
    if (weight_hh.rank() != 2 || weight_hh.size() == 0 || weight_hh[0] != gates * weight_hh[1])
        raise<shape_error>(where, "shape of weight_hh is ", weight_hh.text(), ", expected (", gates,
                           " H, H) with H >= 1");
    const std::size_t H = weight_hh[1];
    if (weight_ih.rank() != 2 || weight_ih[0] != gates * H || weight_ih[1] == 0)
        raise<shape_error>(where, "shape of weight_ih is ", weight_ih.text(), ", expected (", gates * H,
                           ", C) with C >= 1 for weight_hh ", weight_hh.text());
    if (x.rank() != 3 || x[1] == 0 || x[2] != weight_ih[1])
        raise<shape_error>(where, "shape of x is ", x.text(), ", expected (B, L, ", weight_ih[1],
                           ") with L >= 1 for weight_ih ", weight_ih.text());
    for (const shape* s : {&bias_ih, &bias_hh})
        if (s->size() != 0 && !(*s == shape{gates * H}))
            raise<shape_error>(where, "shape of bias is ", s->text(), ", expected (", gates * H, ") or none");
    for (const shape* s : {&h0, &c0})
        if (s->size() != 0 && !(*s == shape{x[0], H}))
            raise<shape_error>(where, "shape of a first state is ", s->text(), ", expected (", x[0], ", ", H,
                               ") or none");
    return {x[0], x[1], H};
}

} // namespace detail

/// Gated recurrent unit over time.
///
///     r_t = sigmoid(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
///     z_t = sigmoid(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
///     n_t = tanh(W_in x_t + b_in + r_t (W_hn h_{t-1} + b_hn))
///     h_t = n_t + z_t (h_{t-1} - n_t)
///
/// y[:,t] = h_t. In reverse, time runs from the last sample to the first: h_t follows h_{t+1}, and y keeps the order of x.
/// weight_ih holds the rows of W_ir, W_iz and W_in in this order; weight_hh and the biases likewise.
///
/// Shapes     x (B, L, C) · h0 (B, H), or empty for zeros · weight_ih (3H, C) · weight_hh (3H, H) ·
///            bias_ih, bias_hh (3H) or empty · y (B, L, H)
/// Cost       B * L * 3H * (C + H) multiply-accumulates.
/// Throws     shape_error if an input does not fit.
/// Source     Cho et al. 2014; torch.nn.GRU with batch_first.
struct gru {
    bool reverse = false;

    static constexpr std::string_view name = "gru";
    static void visit(auto& self, auto&& f) { f("reverse", self.reverse); }
    std::uint64_t macs(const shape& x, const shape&, const shape& weight_ih, const shape& weight_hh, const shape&,
                       const shape&) const {
        return detail::recurrent_macs(x, weight_ih, weight_hh);
    }
    shape infer(const shape& x, const shape& h0, const shape& weight_ih, const shape& weight_hh, const shape& bias_ih,
                const shape& bias_hh) const {
        return detail::infer_recurrent("op::gru", 3, x, h0, shape{0}, weight_ih, weight_hh, bias_ih, bias_hh);
    }
};

/// Long short-term memory over time.
///
///     i_t = sigmoid(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)     f_t, o_t likewise
///     g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
///     c_t = f_t c_{t-1} + i_t g_t,   h_t = o_t tanh(c_t)
///
/// y[:,t] = h_t, in reverse as in gru. With `cells` one row more follows, y[:,L], the last c that was computed: what the
/// next part of a stream starts from. weight_ih holds the rows of W_ii, W_if, W_ig and W_io in this order; weight_hh and
/// the biases likewise.
///
/// Shapes     x (B, L, C) · h0, c0 (B, H), or empty for zeros · weight_ih (4H, C) · weight_hh (4H, H) ·
///            bias_ih, bias_hh (4H) or empty · y (B, L, H), with cells (B, L + 1, H)
/// Cost       B * L * 4H * (C + H) multiply-accumulates.
/// Throws     shape_error if an input does not fit.
/// Source     Hochreiter and Schmidhuber 1997; Gers et al. 2000; torch.nn.LSTM with batch_first.
struct lstm {
    bool reverse = false, cells = false;

    static constexpr std::string_view name = "lstm";
    static void visit(auto& self, auto&& f) {
        f("reverse", self.reverse);
        f("cells", self.cells);
    }
    std::uint64_t macs(const shape& x, const shape&, const shape&, const shape& weight_ih, const shape& weight_hh,
                       const shape&, const shape&) const {
        return detail::recurrent_macs(x, weight_ih, weight_hh);
    }
    shape infer(const shape& x, const shape& h0, const shape& c0, const shape& weight_ih, const shape& weight_hh,
                const shape& bias_ih, const shape& bias_hh) const {
        const shape y = detail::infer_recurrent("op::lstm", 4, x, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh);
        return cells ? y.with(1, y[1] + 1) : y;
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif

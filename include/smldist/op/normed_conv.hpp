// SPDX-License-Identifier: BSD-3-Clause
/// Convolutions that apply a batch-norm's map and an activation to what they read: see op/normed.hpp.
#ifndef SMLDIST_OP_NORMED_CONV_HPP
#define SMLDIST_OP_NORMED_CONV_HPP

#include <cstdint>
#include <string_view>
#include <utility>

#include "smldist/kernel/normed_conv.hpp"
#include "smldist/op/normed.hpp"
#include "smldist/spec/conv1d.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

namespace detail {
/// Adds a gradient to its sink, or moves it there when it is the first; a null sink takes nothing.
template <class T> void give(tensor<T> gradient, tensor<T>* sink) {
    if (!sink) return;
    if (sink->empty())
        *sink = std::move(gradient);
    else
        kernel::axpy(gradient.size(), T(1), gradient.data(), sink->data());
}
} // namespace detail

/// Depthwise convolution of f(z).
///
///     y[b,t,c] = sum_k w[c,0,k] * f(z[b, t*stride + k*dilation - padding, c])
///
/// Shapes     x (B, L, C) · map (3, C) · w (C, 1, K) · y (B, L', C), L' as in conv1d_op
/// Gradients  those of conv1d_op with respect to f(z) and w; dx and dmap follow from that of f(z) as in normalise_op.
/// Keeps      nothing beyond x and map.
/// Cost       B * L' * C * K multiply-accumulates; one pass over x, backward two.
/// Throws     as conv1d_op, and shape_error if map does not fit x.
template <class T> struct normed_depthwise_op {
    using scalar = T;
    spec::conv1d conv; ///< the convolution as written, groups = C
    activation f = activation::none;
    struct saved {};
    static constexpr std::string_view name = "normed_depthwise";
    static void visit(auto& self, auto&& g) {
        spec::conv1d::visit(self.conv, g);
        g("activation", self.f);
    }
    std::uint64_t macs(const shape& x, const shape&, const shape& w) const { return conv.macs(x, w, shape{0}); }
    shape infer(const shape& x, const shape& map, const shape& w) const {
        check_norm_map("op::normed_depthwise", x, map);
        return conv.infer(x, w, shape{0});
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& x, const tensor<T>& map, const tensor<T>& w) const {
        const auto& s = x.shape();
        const auto& o = conv;
        kernel::normed_depthwise_forward(detail::rows_of<T>(f), s[0], s[1], s[2], y.shape()[1], w.shape()[2],
                                         o.stride, left(w), o.dilation, x.data(), map.data(), w.data(), y.data());
    }
    void backward(const saved&, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& map,
                  const tensor<T>& w, tensor<T>* dx, tensor<T>* dmap, tensor<T>* dw) const {
        const auto& s = x.shape();
        const auto& o = conv;
        tensor<T> fresh; // the kernel overwrites dx
        norm_map_gradients<T> to(s, &fresh, map, dmap);
        const bool add = dw && dw->ensure(w.shape());
        kernel::normed_depthwise_backward(detail::rows_of<T>(f), s[0], s[1], s[2], y.shape()[1], w.shape()[2],
                                          o.stride, left(w), o.dilation, x.data(), map.data(), w.data(), dy.data(),
                                          to.dx(), to.sums.data(), dw ? dw->data() : nullptr, add);
        to.finish();
        detail::give(std::move(fresh), dx);
    }

private:
    std::size_t left(const tensor<T>& w) const { return conv.left_padding(w.shape()[2]); }
};

/// Pointwise convolution of f(z), gated per sample and channel where there is a gate.
///
///     y[b,t,o] = sum_c w[o,c,0] * f(z[b,t,c]) * g[b,c]
///
/// Shapes     x (B, L, C) · map (3, C) · g (B, C), or empty for 1 · w (O, C, 1) · y (B, L, O); for images x (B, H, W, C),
///            w (O, C, 1, 1), y (B, H, W, O)
/// Gradients  with d = dy w:  dw = dyᵀ (f(z) g) · dg[b,c] = sum_t d f(z) · dx and dmap as in normalise_op with d g for dy.
/// Keeps      nothing beyond x, map and g.
/// Cost       B * L * O * C multiply-accumulates; one pass over x, backward one.
/// Throws     shape_error if map, g or w does not fit x.
template <class T> struct normed_pointwise_op {
    using scalar = T;
    activation f = activation::none;
    struct saved {};
    static constexpr std::string_view name = "normed_pointwise";
    static void visit(auto& self, auto&& g) { g("activation", self.f); }
    std::uint64_t macs(const shape& x, const shape&, const shape&, const shape& w) const {
        return std::uint64_t(x.rows()) * w.size();
    }
    shape infer(const shape& x, const shape& map, const shape& g, const shape& w) const {
        check_norm_map("op::normed_pointwise", x, map);
        if (x.rank() < 3 || w.rank() != x.rank() || w[1] != x.back() || w.product(2, w.rank()) != 1)
            raise<shape_error>("op::normed_pointwise", "shapes of x and weight are ", x.text(), " and ", w.text(),
                               ", expected (B, L, C) and (O, C, 1), or (B, H, W, C) and (O, C, 1, 1)");
        if (g.size() != 0 && !(g == shape{x[0], x.back()}))
            raise<shape_error>("op::normed_pointwise", "shape of the gate is ", g.text(), ", expected (", x[0], ", ",
                               x.back(), ") or none");
        return x.with(x.rank() - 1, w[0]);
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& x, const tensor<T>& map, const tensor<T>& g,
                 const tensor<T>& w) const {
        const auto& s = x.shape();
        kernel::normed_pointwise_forward(detail::rows_of<T>(f), s[0], s.sample_rows(), s.back(), w.shape()[0],
                                         x.data(), map.data(), g.data(), w.data(), y.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& map,
                  const tensor<T>& g, const tensor<T>& w, tensor<T>* dx, tensor<T>* dmap, tensor<T>* dg,
                  tensor<T>* dw) const {
        const auto& s = x.shape();
        tensor<T> fresh, gate; // the kernel overwrites dx and dg
        if (!g.empty()) gate = tensor<T>::uninitialized(g.shape());
        norm_map_gradients<T> to(s, &fresh, map, dmap);
        const bool add = dw && dw->ensure(w.shape());
        kernel::normed_pointwise_backward(detail::rows_of<T>(f), s[0], s.sample_rows(), s.back(), w.shape()[0],
                                          x.data(), map.data(), g.data(), w.data(), dy.data(), to.dx(),
                                          to.sums.data(), gate.data(), dw ? dw->data() : nullptr, add);
        to.finish();
        detail::give(std::move(fresh), dx);
        if (!g.empty()) detail::give(std::move(gate), dg);
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif

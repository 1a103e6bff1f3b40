// SPDX-License-Identifier: BSD-3-Clause
/// Convolution, batch-norm and activation in one, the brick of MobileNets.
#ifndef SMLDIST_NN_CONV_NORM_HPP
#define SMLDIST_NN_CONV_NORM_HPP

#include "smldist/nn/activation.hpp"
#include "smldist/nn/conv1d.hpp"
#include "smldist/nn/norm.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

struct conv_norm_options {
    std::size_t stride = 1, groups = 1;
    nn::activation activation = nn::activation::none;
    bool causal = false;
    op::batch_norm_options norm{};
};

/// activation(batch_norm(conv1d(x))): odd kernel, "same" padding (K−1)/2 or causal, no bias.
///
/// Shapes     x (B, L, in) · y (B, ceil(L/stride), out)
template <class T> struct conv_norm {
    conv1d<T> conv;
    batch_norm<T> norm;
    nn::activation activation = nn::activation::none;

    conv_norm() = default;
    SMLDIST_COLD conv_norm(std::size_t in, std::size_t out, std::size_t kernel_size, generator& g,
                           const conv_norm_options& o)
        : conv(in, out, kernel_size, g,
               {.stride = o.stride,
                .padding = o.causal ? 0 : (kernel_size - 1) / 2,
                .groups = o.groups,
                .causal = o.causal},
               false),
          norm(out, o.norm),
          activation(o.activation) {}
    template <class X> X operator()(const X& x, mode m = mode::eval) const {
        return activate(norm(conv(x), m), activation);
    }
    static void visit(auto& self, auto&& member) {
        member("conv", self.conv);
        member("norm", self.norm);
    }
};

/// Depthwise-separable convolution: a depthwise conv_norm along time, then a pointwise one across channels.
///
/// Shapes     x (B, L, in) · y (B, ceil(L/stride), out)
/// Source     Howard et al. 2017 (MobileNets).
template <class T> struct depthwise_separable {
    conv_norm<T> depthwise, pointwise;

    depthwise_separable() = default;
    SMLDIST_COLD depthwise_separable(std::size_t in, std::size_t out, std::size_t kernel_size, generator& g,
                                     conv_norm_options o) {
        o.groups = in;
        depthwise = conv_norm<T>(in, in, kernel_size, g, o);
        o.groups = o.stride = 1;
        pointwise = conv_norm<T>(in, out, 1, g, o);
    }
    template <class X> X operator()(const X& x, mode m = mode::eval) const { return pointwise(depthwise(x, m), m); }
    static void visit(auto& self, auto&& member) {
        member("depthwise", self.depthwise);
        member("pointwise", self.pointwise);
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif

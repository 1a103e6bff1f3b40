// SPDX-License-Identifier: BSD-3-Clause
/// Convolution, batch-norm and activation in one, the brick of MobileNets.
#ifndef SMLDIST_NN_CONV_NORM_HPP
#define SMLDIST_NN_CONV_NORM_HPP

#include <cstddef>
#include <type_traits>

#include "smldist/fwd.hpp"
#include "smldist/nn/activation.hpp"
#include "smldist/nn/conv1d.hpp"
#include "smldist/nn/conv2d.hpp"
#include "smldist/nn/norm.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

struct conv_norm_options {
    std::size_t stride = 1, groups = 1;
    nn::activation activation = nn::activation::none;
    bool causal = false; ///< of windows only
    op::batch_norm_options norm{};
};

/// activation(batch_norm(conv(x))): odd kernel, "same" padding (K−1)/2 or causal, no bias. conv_norm is this over the one
/// axis of windows; conv_norm2d over the two of images, with square kernels and the same stride for both.
///
/// Shapes     x (B, L, in) · y (B, ceil(L/stride), out), or
///            x (B, H, W, in) · y (B, ceil(H/stride), ceil(W/stride), out)
/// Throws     usage_error for images with `causal`.
template <class T, std::size_t Axes> struct basic_conv_norm {
    std::conditional_t<Axes == 1, conv1d<T>, conv2d<T>> conv;
    batch_norm<T> norm;
    nn::activation activation = nn::activation::none;

    basic_conv_norm() = default;
    SMLDIST_COLD basic_conv_norm(std::size_t in, std::size_t out, std::size_t kernel_size, generator& g,
                                 const conv_norm_options& o)
        : conv(in, out, kernel_size, g, convolution(kernel_size, o), false),
          norm(out, o.norm),
          activation(o.activation) {}
    template <class X> X operator()(const X& x, mode m = mode::eval) const {
        return activate(norm(conv(x), m), activation);
    }
    static void visit(auto& self, auto&& member) {
        member("conv", self.conv);
        member("norm", self.norm);
    }

private:
    static auto convolution(std::size_t kernel_size, const conv_norm_options& o) {
        const std::size_t padding = o.causal ? 0 : (kernel_size - 1) / 2;
        if constexpr (Axes == 1) {
            return op::conv1d_options{.stride = o.stride, .padding = padding, .groups = o.groups, .causal = o.causal};
        } else {
            if (o.causal) raise<usage_error>("nn::conv_norm2d", "causal is true, expected false for images");
            return op::conv2d_options{.stride = o.stride, .padding = padding, .groups = o.groups};
        }
    }
};

/// Depthwise-separable convolution: a depthwise conv_norm along time or over the image, then a pointwise one across
/// channels.
///
/// Shapes     as those of basic_conv_norm
/// Source     Howard et al. 2017 (MobileNets).
template <class T, std::size_t Axes> struct basic_depthwise_separable {
    basic_conv_norm<T, Axes> depthwise, pointwise;

    basic_depthwise_separable() = default;
    SMLDIST_COLD basic_depthwise_separable(std::size_t in, std::size_t out, std::size_t kernel_size, generator& g,
                                           conv_norm_options o) {
        o.groups = in;
        depthwise = basic_conv_norm<T, Axes>(in, in, kernel_size, g, o);
        o.groups = o.stride = 1;
        pointwise = basic_conv_norm<T, Axes>(in, out, 1, g, o);
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

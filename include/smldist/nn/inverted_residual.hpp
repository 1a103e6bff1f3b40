// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_NN_INVERTED_RESIDUAL_HPP
#define SMLDIST_NN_INVERTED_RESIDUAL_HPP

#include <optional>
#include <utility>

#include "smldist/nn/conv_norm.hpp"
#include "smldist/nn/squeeze_excite.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

struct inverted_residual_options {
    std::size_t in = 0, expanded = 0, out = 0, kernel_size = 3, stride = 1;
    std::size_t squeezed = 0; ///< width of the squeeze-excite bottleneck; 0: no squeeze-excite
    nn::activation activation = nn::activation::relu;
    bool causal = false; ///< of windows only
    op::batch_norm_options norm{};
    bool gate_before_activation = false; ///< squeeze-excite gates the depthwise BN's result, before its activation
    bool se_bias = true;                 ///< the maps of squeeze-excite have biases (squeeze_excite_options)
    bool always_expand = false;          ///< expand even where expanded = in
};

/// The block of MobileNetV3, one row of its table: inverted_residual of windows, inverted_residual2d of images.
///
///     h = expand(x)         pointwise in→expanded · BN · act, if expanded ≠ in or always_expand
///     h = depthwise(h)      kernel K, stride s · BN · act
///     h = se(h)             if squeezed > 0
///     y = project(h)        pointwise expanded→out · BN, linear: stage distillation compares it
///     y = y + x             if s = 1 and in = out
///
/// With gate_before_activation, squeeze-excite comes before the activation of the depthwise convolution:
///
///     h = act(se(BN(depthwise(h))))
///
/// Shapes     x (B, L, in) · y (B, ceil(L/s), out), or x (B, H, W, in) · y (B, ceil(H/s), ceil(W/s), out)
/// Throws     as basic_conv_norm.
/// Source     Howard et al. 2019, fig. 4.
template <class T, std::size_t Axes> struct basic_inverted_residual {
    using convolution = basic_conv_norm<T, Axes>;
    std::optional<convolution> expand;
    convolution depthwise;
    std::optional<squeeze_excite<T>> se;
    convolution project;
    nn::activation after_se = nn::activation::none; ///< of the depthwise convolution, with gate_before_activation
    bool residual = false;

    basic_inverted_residual() = default;
    SMLDIST_COLD basic_inverted_residual(const inverted_residual_options& o, generator& g)
        : residual(o.stride == 1 && o.in == o.out) {
        conv_norm_options c{.activation = o.activation, .causal = o.causal, .norm = o.norm};
        if (o.expanded != o.in || o.always_expand) expand = convolution(o.in, o.expanded, 1, g, c);
        c.stride = o.stride;
        c.groups = o.expanded;
        if (o.squeezed > 0 && o.gate_before_activation) {
            after_se = o.activation;
            c.activation = nn::activation::none;
        }
        depthwise = convolution(o.expanded, o.expanded, o.kernel_size, g, c);
        if (o.squeezed > 0) se = squeeze_excite<T>(o.expanded, o.squeezed, g, {.bias = o.se_bias});
        c.stride = c.groups = 1;
        c.activation = nn::activation::none;
        project = convolution(o.expanded, o.out, 1, g, c);
    }
    template <class X> X operator()(const X& x, mode m = mode::eval) const {
        X h = expand ? depthwise((*expand)(x, m), m) : depthwise(x, m);
        if (se) h = (*se)(h);
        h = project(activate(std::move(h), after_se), m);
        return residual ? X(op::add(std::move(h), x)) : h;
    }
    static void visit(auto& self, auto&& member) {
        member("expand", self.expand);
        member("depthwise", self.depthwise);
        member("se", self.se);
        member("project", self.project);
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif

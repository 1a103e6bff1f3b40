// SPDX-License-Identifier: BSD-3-Clause
/// MobileNetV3 in one dimension, for windows, and in two, for images, built from a table of rows.
#ifndef SMLDIST_MODEL_MOBILENET_V3_HPP
#define SMLDIST_MODEL_MOBILENET_V3_HPP

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/core/outputs.hpp"
#include "smldist/fwd.hpp"
#include "smldist/io/json_scanner.hpp"
#include "smldist/nn/conv_norm.hpp"
#include "smldist/nn/inverted_residual.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"

namespace smldist::model {
SMLDIST_NAMESPACE_BEGIN

/// v rounded to a multiple of `divisor`, never below 90 % of v: n = max(d, ⌊(v + d/2)/d⌋ d), + d if n < 0.9 v.
inline std::size_t make_divisible(double v, std::size_t divisor = 8) {
    const double d = double(divisor);
    const auto n = std::max(divisor, static_cast<std::size_t>((v + d / 2) / d) * divisor);
    return double(n) < 0.9 * v ? n + divisor : n;
}

/// v rounded up to a multiple of 8.
constexpr std::size_t ceil8(std::size_t v) { return (v + 7) / 8 * 8; }

/// One row of the table: an inverted residual block.
struct row {
    std::size_t kernel_size = 3, expanded = 16, out = 16;
    bool se = false;
    nn::activation activation = nn::activation::relu;
    std::size_t stride = 1;
    bool anchor = false; ///< the block's output is a stage that distillation compares

    friend bool operator==(const row&, const row&) = default;
};

/// "3,64,32,-,RE,1": kernel, expanded, out, SE or -, activation, stride; a seventh field "A" marks an anchor.
SMLDIST_FUNCTION std::string text(const row& r);

/// The inverse of text(row). Throws usage_error that quotes the row.
SMLDIST_FUNCTION row parse_row(std::string_view line);

/// How blocks and widths of a backbone differ from MobileNetV3's paper. The defaults are the paper's.
struct backbone_form {
    bool gate_before_activation = false; ///< of the blocks, see nn::inverted_residual_options, as the next two
    bool se_bias = true;
    bool always_expand = false;
    bool stem_from_channels = false; ///< the stem is ceil8(channels) wide, whatever `stem` says
    bool ceil_widths = false;        ///< blocks expand to ceil8(expanded) and give ceil8(out)
    bool round_squeeze = true;       ///< squeeze-excite narrows E to make_divisible(E div 4); if false, to E div 4
    nn::activation pooled_activation = nn::activation::none; ///< on the mean over time, or over the image

    /// f(name, option) for each option.
    static void visit(auto& self, auto&& f) {
        f("gate_before_activation", self.gate_before_activation);
        f("se_bias", self.se_bias);
        f("always_expand", self.always_expand);
        f("stem_from_channels", self.stem_from_channels);
        f("ceil_widths", self.ceil_widths);
        f("round_squeeze", self.round_squeeze);
        f("pooled_activation", self.pooled_activation);
    }
    friend bool operator==(const backbone_form&, const backbone_form&) = default;
};

/// The form of the networks in the authors' public code of 2021 (docs/ref2021.md).
inline constexpr backbone_form public_code_form{.gate_before_activation = true,
                                                .se_bias = false,
                                                .always_expand = true,
                                                .stem_from_channels = true,
                                                .ceil_widths = true,
                                                .round_squeeze = false,
                                                .pooled_activation = nn::activation::hard_swish};

/// The batch-norms of torchvision's MobileNetV3.
inline constexpr op::batch_norm_options torchvision_norm{.eps = 1e-3, .momentum = 0.01};

/// Everything that shapes a backbone.
struct backbone_config {
    std::size_t channels = 9;          ///< of the input
    std::size_t height = 0, width = 0; ///< of an image; 0 for windows
    std::size_t stem = 16;             ///< width after the stem (dense, kernel 3, stride 2)
    std::vector<row> rows;
    std::size_t tail = 96; ///< D, width of the feature
    bool causal = false;
    op::batch_norm_options norm{};
    backbone_form form{};

    /// The number of axes that the kernels slide over: 1 for windows, 2 for images.
    std::size_t axes() const { return height == 0 && width == 0 ? 1 : 2; }

    // The widths that are built.
    std::size_t stem_width() const { return form.stem_from_channels ? ceil8(channels) : stem; }
    std::size_t expanded_width(const row& r) const { return form.ceil_widths ? ceil8(r.expanded) : r.expanded; }
    std::size_t out_width(const row& r) const { return form.ceil_widths ? ceil8(r.out) : r.out; }
    std::size_t squeezed_width(const row& r) const {
        if (!r.se) return 0;
        const std::size_t quarter = expanded_width(r) / 4;
        return form.round_squeeze ? make_divisible(double(quarter)) : quarter;
    }

    friend bool operator==(const backbone_config& a, const backbone_config& b) {
        return a.channels == b.channels && a.height == b.height && a.width == b.width && a.stem == b.stem &&
               a.rows == b.rows && a.tail == b.tail && a.causal == b.causal && a.norm.eps == b.norm.eps &&
               a.norm.momentum == b.norm.momentum && a.form == b.form;
    }
};

/// MobileNetV3 without its classifier: mobilenet_v3 of windows, mobilenet_v3_2d of images.
///
///     stem      dense conv K 3, stride 2, C → stem · BN · hard-swish
///     blocks    one inverted residual per row
///     tail      pointwise → D · BN · hard-swish
///     feature   mean over time, or over the image, then pooled_activation
///
/// An image is also a window of H·W samples, its pixels row by row: what loaders, normalisers and model files hold.
///
/// Shapes     x (B, L, C) · stages[i] (B, L_i, C_i) at the anchors · feature (B, D), or
///            x (B, H, W, C) or (B, H·W, C) · stages[i] (B, H_i, W_i, C_i) · feature (B, D)
/// Throws     usage_error from the constructor for a width of 0, and for a height or width of 0 with images or another one
///            with windows, and as basic_conv_norm; shape_error from the call when x does not fit.
/// Source     Howard et al. 2019, tables 1 and 2; torchvision's mobilenetv3 without its first classifier layer, with
///            torchvision_norm.
template <class T, std::size_t Axes> struct basic_mobilenet_v3 {
    nn::basic_conv_norm<T, Axes> stem;
    std::vector<nn::basic_inverted_residual<T, Axes>> blocks;
    nn::basic_conv_norm<T, Axes> tail;
    std::vector<std::size_t> anchors;             ///< indices of the blocks whose outputs are stages
    nn::activation pooled = nn::activation::none; ///< on the mean over time, or over the image
    std::size_t height = 0, width = 0;            ///< of an image

    basic_mobilenet_v3() = default;
    SMLDIST_COLD basic_mobilenet_v3(const backbone_config& c, generator& g) {
        if (c.channels == 0 || c.stem == 0 || c.tail == 0 || c.rows.empty())
            raise<usage_error>("model::mobilenet_v3", "channels, stem, tail, rows are ", c.channels, ", ", c.stem,
                               ", ", c.tail, ", ", c.rows.size(), ", expected at least 1");
        if (Axes == 2 ? c.height == 0 || c.width == 0 : c.axes() != 1)
            raise<usage_error>("model::mobilenet_v3", "height and width are ", c.height, " and ", c.width,
                               Axes == 2 ? ", expected those of an image" : ", expected 0 for a network of windows");
        height = c.height;
        width = c.width;
        const auto hs = nn::activation::hard_swish;
        stem = nn::basic_conv_norm<T, Axes>(c.channels, c.stem_width(), 3, g,
                                            {.stride = 2, .activation = hs, .causal = c.causal, .norm = c.norm});
        std::size_t in = c.stem_width();
        for (const row& r : c.rows) {
            const std::size_t out = c.out_width(r);
            blocks.emplace_back(nn::inverted_residual_options{.in = in,
                                                              .expanded = c.expanded_width(r),
                                                              .out = out,
                                                              .kernel_size = r.kernel_size,
                                                              .stride = r.stride,
                                                              .squeezed = c.squeezed_width(r),
                                                              .activation = r.activation,
                                                              .causal = c.causal,
                                                              .norm = c.norm,
                                                              .gate_before_activation = c.form.gate_before_activation,
                                                              .se_bias = c.form.se_bias,
                                                              .always_expand = c.form.always_expand},
                                g);
            if (r.anchor) anchors.push_back(blocks.size() - 1);
            in = out;
        }
        tail = nn::basic_conv_norm<T, Axes>(in, c.tail, 1, g, {.activation = hs, .norm = c.norm});
        pooled = c.form.pooled_activation;
    }
    /// Stages and feature; memory and logits stay empty. With `stages`, only the first so many: what follows the last of them
    /// does not run, and the feature stays empty too.
    template <class X>
    outputs<X> operator()(const X& x, mode m = mode::eval,
                          std::size_t stages = std::numeric_limits<std::size_t>::max()) const {
        outputs<X> out;
        X h = stem(checked(x), m);
        std::size_t next = 0;
        for (std::size_t i = 0; i < blocks.size(); ++i) {
            h = blocks[i](h, m);
            if (next < anchors.size() && anchors[next] == i) {
                out.stages.push_back(h);
                if (++next == stages) return out;
            }
        }
        out.feature = nn::activate(op::mean_over_time(tail(h, m)), pooled);
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("stem", self.stem);
        member("blocks", self.blocks);
        member("tail", self.tail);
    }

private:
    /// x, or x as an image.
    template <class X> decltype(auto) checked(const X& x) const {
        const shape& s = x.shape();
        const std::size_t channels = stem.conv.weight.shape()[1];
        if constexpr (Axes == 1) {
            if (s.rank() != 3 || s[2] != channels)
                raise<shape_error>("model::mobilenet_v3", "shape of x is ", s.text(), ", expected (B, L, ", channels,
                                   ")");
            return (x);
        } else {
            const bool rows = s.rank() == 3 && s[1] == height * width;
            const bool image = s.rank() == 4 && s[1] == height && s[2] == width;
            if ((!rows && !image) || s.back() != channels)
                raise<shape_error>("model::mobilenet_v3", "shape of x is ", s.text(), ", expected (B, ", height, ", ",
                                   width, ", ", channels, ") or (B, ", height * width, ", ", channels, ")");
            return op::as_image(x, height, width);
        }
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::model

#if SMLDIST_TRAIN_BODIES
#include "smldist/model/mobilenet_v3.ipp"
#endif

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// The overloads of `emit` for images: convolutions, whose weights are packed with the batch-norms folded in, and pooling.
#ifndef SMLDIST_DEPLOY_EMIT_IMAGES_HPP
#define SMLDIST_DEPLOY_EMIT_IMAGES_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "smldist/deploy/builder.hpp"
#include "smldist/deploy/emit_products.hpp"
#include "smldist/runtime/image_steps.hpp"

namespace smldist::deploy {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// The sizes of a depthwise convolution or pooling, with K taps on each axis.
SMLDIST_COLD inline kernel::sliding_axis axis_of(const builder& b, std::size_t id, std::size_t axis, std::size_t K,
                                                 std::size_t stride, std::size_t padding, std::size_t dilation) {
    return {b.extents(b.input(id, 0))[axis], b.extents(id)[axis], K, stride, padding, dilation};
}

SMLDIST_COLD inline void emit_pool2d(builder& b, std::size_t id, spec::extent2 kernel_size, spec::extent2 stride,
                                     spec::extent2 padding, bool maximum, bool inside_only) {
    b.require(varies(b, id, 0), id, "its input is a constant");
    const shape y = b.extents(id);
    runtime::pool2d_step step{{axis_of(b, id, 0, kernel_size.height, stride.height, padding.height, 1),
                               axis_of(b, id, 1, kernel_size.width, stride.width, padding.width, 1), y[2]},
                              maximum,
                              inside_only,
                              b.read(b.input(id, 0)),
                              b.fresh(y.size())};
    // Taps outside of the image cost nothing: at most one per pixel.
    const std::uint64_t taps =
        std::uint64_t(std::min(kernel_size.height, step.s.height.L)) * std::min(kernel_size.width, step.s.width.L);
    b.room().spend(y.size() * taps, "its steps");
    b.spend_rows(y.rows() * taps);
    b.give(id, step, step.y);
}

/// A depthwise convolution of images, with the mean over the image that follows it.
SMLDIST_COLD inline void emit_depthwise2d(builder& b, std::size_t id, const kernel::depthwise2d_shape& s,
                                          std::uint64_t macs) {
    const folded map(b, id, s.C);
    const std::size_t pixels = s.height.Lo * s.width.Lo;
    b.spend_rows(std::uint64_t(pixels) * s.taps());
    runtime::depthwise2d_step step{s, b.read(b.input(id, 0)), b.weights(s.taps() * s.C), {}, {}, {}};
    transpose(s.C, s.taps(), map.weight.data(), b.data(step.weight));
    scale_columns(s.taps(), s.C, map.factors(), b.data(step.weight), s.C);
    step.end = map.end(b, id);
    step.y = b.fresh(pixels * s.C);
    const std::string ops = ops_with_mean(b, id, s.C, step.mean);
    b.add(step, ops, macs, pixels * s.C);
    b.define(b.last(id), step.y);
}

/// A dense or grouped convolution of images.
SMLDIST_COLD inline void emit_dense2d(builder& b, std::size_t id, const kernel::conv2d_shape& s, std::uint64_t macs) {
    const std::size_t packed = s.groups * kernel::packed_size<float>(s.group_outputs(), s.columns());
    const std::size_t pixels = s.height.Lo * s.width.Lo;
    b.require(s.matrix_size() <= graph::largest_value, id, "it is too large");
    const folded map(b, id, s.O);
    runtime::conv2d_step step{s, b.read(b.input(id, 0)), b.weights(packed), {}, {}, {}};
    b.room().spend(std::uint64_t(pixels) * (packed - map.weight.size()), "its steps");
    b.room().spend(std::uint64_t(s.groups) * (s.height.Lo + s.rows() - 1) / s.rows() * s.matrix_size(), "its steps");
    pack_taps(s.groups, s.group_outputs(), s.group_inputs(), s.height.K, s.width.K, map.weight.data(), map.factors(),
              b.data(step.weight));
    step.end = map.end(b, id);
    step.matrix = b.scratch(s.matrix_size());
    step.y = b.fresh(pixels * s.O);
    b.give(id, step, step.y, macs);
}

} // namespace detail

/// A convolution of images (H, W, C) with the ops fused into it: pointwise as a product, depthwise, or dense and grouped.
SMLDIST_COLD inline void emit(builder& b, std::size_t id, const spec::conv2d& o) {
    const shape x = b.extents(b.input(id, 0)), w = b.at(b.input(id, 1)).shape;
    detail::require_weights(b, id);
    b.require(detail::varies(b, id, 0), id, "its input is a constant");
    const std::uint64_t macs = macs_of_node(o, b.traced(), id);
    if (o.is_pointwise(w)) return detail::emit_pointwise(b, id, x, w, macs);
    const kernel::sliding_axis height =
        detail::axis_of(b, id, 0, w[2], o.stride.height, o.padding.height, o.dilation.height);
    const kernel::sliding_axis width =
        detail::axis_of(b, id, 1, w[3], o.stride.width, o.padding.width, o.dilation.width);
    if (o.is_depthwise(w)) return detail::emit_depthwise2d(b, id, {height, width, x[2]}, macs);
    detail::emit_dense2d(b, id, {height, width, x[2], w[0], o.groups}, macs);
}

inline void emit(builder& b, std::size_t id, const spec::max_pool2d& o) {
    detail::emit_pool2d(b, id, o.kernel_size, o.stride, o.padding, true, true);
}
inline void emit(builder& b, std::size_t id, const spec::avg_pool2d& o) {
    detail::emit_pool2d(b, id, o.kernel_size, o.stride, o.padding, false, !o.count_include_pad);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::deploy

#endif

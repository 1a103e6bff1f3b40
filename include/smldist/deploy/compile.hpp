// SPDX-License-Identifier: BSD-3-Clause
/// From a network in memory to a program.
#ifndef SMLDIST_DEPLOY_COMPILE_HPP
#define SMLDIST_DEPLOY_COMPILE_HPP

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "smldist/core/parameter.hpp"
#include "smldist/deploy/plan.hpp"
#include "smldist/graph/trace.hpp"

namespace smldist::deploy {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// n values as floats: in place, or converted into the source's own memory.
template <class V> std::span<const float> as_floats(source& s, const V* from, std::size_t n) {
    if constexpr (std::is_same_v<V, float>) {
        return {from, n};
    } else {
        float* const own = s.allocate(n);
        for (std::size_t i = 0; i < n; ++i) own[i] = static_cast<float>(from[i]);
        return {own, n};
    }
}

} // namespace detail

/// Compiles a network, any that returns `outputs`, for windows of one length or images of one size.
///
///     const auto net = deploy::compile(student, {.batch = 1, .length = 128});
///     net.run(window, logits);
///     const auto seen = deploy::compile(classifier, {.height = 32, .width = 32, .channels = 3});
///     seen.run(image, logits); // (H, W, C), row by row
///
/// The program has its own weights, in float: the network may change or be destroyed afterwards.
/// Throws     usage_error when length or channels are missing, when the extents of an image contradict, for an op that
///            programs do not support and for one that mixes the windows of a batch; shape_error when the window does
///            not fit the network or the normaliser.
template <class M> runtime::program compile(const M& model, options o) {
    if constexpr (requires { std::size_t(model.config.backbone.channels); })
        if (o.channels == 0) o.channels = model.config.backbone.channels;
    if constexpr (requires { std::size_t(model.config.backbone.height); })
        if (o.length == 0 && o.height == 0 && o.width == 0) {
            o.height = model.config.backbone.height;
            o.width = model.config.backbone.width;
        }
    if (o.height != 0 || o.width != 0) {
        const std::size_t pixels = shape{o.height, o.width}.size();
        if (pixels == 0 || (o.length != 0 && o.length != pixels))
            raise<usage_error>("deploy::compile", "height, width and length are ", o.height, ", ", o.width, " and ",
                               o.length, ", expected a length of height * width or 0");
        o.length = pixels;
    }
    if (o.length == 0 || o.channels == 0)
        raise<usage_error>("deploy::compile", "length and channels are ", o.length, " and ", o.channels,
                           ", expected those of a window");
    source s;
    s.graph = trace(model, input_shape(o));
    std::map<const void*, std::span<const float>> leaves;
    walk(model, [&](const std::string&, const auto& leaf) {
        leaves[&leaf] = detail::as_floats(s, leaf.value.data(), leaf.value.size());
    });
    for (const auto& n : s.graph.nodes) {
        auto& to = s.values.emplace_back();
        if (const auto found = leaves.find(n.address); n.address && found != leaves.end()) to = found->second;
        std::visit(
            [&](const auto& values) {
                if constexpr (requires { values.data(); }) to = detail::as_floats(s, values.data(), values.size());
            },
            n.values);
    }
    return plan(std::move(s), o);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::deploy

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/shapes.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>
#include <vector>

#include "smldist/core/check.hpp"
#include "smldist/core/random.hpp"
#include "smldist/data/images.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// Whether a shape of the class contains (u, v). Its centre is at 0 and its farthest points at distance 1.
inline bool inside(int shape, double u, double v) {
    const double a = std::abs(u), b = std::abs(v);
    if (shape == 0) return u * u + v * v <= 1;                            // disc
    if (shape == 1) return std::max(a, b) <= std::numbers::sqrt2 / 2;     // square
    if (shape == 2) return v >= -0.5 && std::numbers::sqrt3 * a + v <= 1; // equilateral triangle
    return std::min(a, b) <= 0.28 && std::max(a, b) <= 0.96;              // cross
}

/// Writes one image (H, W, C) to `x`.
inline void draw(float* x, int shape, const shapes_options& o, generator g) {
    const double H = double(o.height), W = double(o.width), radius = std::min(H, W) * g.uniform(0.18, 0.36);
    const double row = g.uniform(radius, H - radius), column = g.uniform(radius, W - radius);
    const double angle = g.uniform(0, 2 * std::numbers::pi);
    const double along = std::cos(angle) / radius, across = std::sin(angle) / radius;
    const bool light = g.chance(0.5); // in all channels
    std::vector<double> ground(o.channels), contrast(o.channels);
    for (std::size_t c = 0; c < o.channels; ++c) {
        contrast[c] = g.uniform(0.3, 0.7);
        const double dark = g.uniform(0, 1 - contrast[c]);
        ground[c] = light ? dark : dark + contrast[c];
        if (!light) contrast[c] = -contrast[c];
    }
    for (std::size_t i = 0; i < o.height; ++i)
        for (std::size_t j = 0; j < o.width; ++j) {
            double covered = 0;
            for (const double di : {0.25, 0.75})
                for (const double dj : {0.25, 0.75}) {
                    const double y = double(i) + di - row, z = double(j) + dj - column;
                    covered += inside(shape, along * z + across * y, along * y - across * z) ? 0.25 : 0;
                }
            for (std::size_t c = 0; c < o.channels; ++c)
                *x++ = static_cast<float>(ground[c] + covered * contrast[c] + o.noise * g.normal());
        }
}

} // namespace detail

train_test shapes(const shapes_options& o) {
    const option_check check{"data::shapes"};
    constexpr std::size_t classes = 4;
    check.need(o.train >= classes, "train", double(o.train), "at least 4 images");
    check.need(o.test >= classes, "test", double(o.test), "at least 4 images");
    check.need(o.height >= 8 && o.height <= 4096, "height", double(o.height), "8 to 4096");
    check.need(o.width >= 8 && o.width <= 4096, "width", double(o.width), "8 to 4096");
    check.need(o.channels >= 1 && o.channels <= 64, "channels", double(o.channels), "1 to 64");
    check.at_least_0("noise", o.noise);
    const auto part = [&o](std::size_t first, std::size_t count) {
        auto x = tensor<float>::uninitialized({count, o.height, o.width, o.channels});
        std::vector<int> label(count), number(count);
        for (std::size_t i = 0; i < count; ++i) {
            label[i] = static_cast<int>((first + i) % classes);
            number[i] = static_cast<int>(first + i);
            detail::draw(x.data() + i * (x.size() / count), label[i], o, generator(o.seed).split(first + i));
        }
        return images(std::move(x), std::move(label), {"disc", "square", "triangle", "cross"}, std::move(number));
    };
    return {part(0, o.train), part(o.train, o.test)};
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

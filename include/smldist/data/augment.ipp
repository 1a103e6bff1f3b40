// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/augment.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>

#include "smldist/core/check.hpp"
#include "smldist/core/error.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

void augment_options::check() const {
    const option_check o{"augment_options"};
    o.up_to(1, "probability of time_warp", time_warp);
    o.up_to(1, "probability of rotation", rotation);
    o.up_to(1, "probability of scaling", scaling);
    o.up_to(1, "probability of jitter", jitter);
    o.up_to(1, "probability of mask", mask);
    o.up_to(1, "time_warp_sd", time_warp_sd);
    o.up_to(180, "rotation_degrees", rotation_degrees);
    o.up_to(1, "scaling_sd", scaling_sd);
    o.up_to(100, "jitter_sd", jitter_sd);
}

std::array<float, 9> random_rotation(generator& g, double angle) {
    const double z = g.uniform(-1, 1), phi = g.uniform(0, 2 * std::numbers::pi), r = std::sqrt(1 - z * z);
    const double x = r * std::cos(phi), y = r * std::sin(phi);
    const double c = std::cos(angle), s = std::sin(angle), v = 1 - c;
    const auto f = [](double value) { return static_cast<float>(value); };
    return {f(c + x * x * v),     f(x * y * v - z * s), f(x * z * v + y * s), f(y * x * v + z * s), f(c + y * y * v),
            f(y * z * v - x * s), f(z * x * v - y * s), f(z * y * v + x * s), f(c + z * z * v)};
}

void time_warp_positions(float* position, std::size_t length, double sd, generator& g) {
    constexpr std::size_t knots = 6;
    std::array<double, knots> y, m{}, d{}; // m: second derivatives, 0 at the ends; d: pivots of the elimination
    for (double& value : y) value = 1 + sd * g.normal();
    for (std::size_t i = 1; i + 1 < knots; ++i) { // m[i-1] + 4 m[i] + m[i+1] = 6 y''[i]
        const double factor = i == 1 ? 0 : 1 / d[i - 1];
        d[i] = 4 - factor;
        m[i] = 6 * (y[i - 1] - 2 * y[i] + y[i + 1]) - factor * m[i - 1];
    }
    for (std::size_t i = knots - 2; i > 0; --i) m[i] = (m[i] - m[i + 1]) / d[i];

    const auto speed = [&](double u) {
        const auto i = std::min(static_cast<std::size_t>(u), knots - 2);
        const double b = u - double(i), a = 1 - b;
        return std::max(0.1, a * y[i] + b * y[i + 1] + ((a * a * a - a) * m[i] + (b * b * b - b) * m[i + 1]) / 6);
    };
    double sum = 0;
    position[0] = 0;
    for (std::size_t t = 1; t < length; ++t)
        position[t] = static_cast<float>(sum += speed(double(t * (knots - 1)) / double(length - 1)));
    const double scale = double(length - 1) / sum;
    for (std::size_t t = 1; t < length; ++t) position[t] = static_cast<float>(double(position[t]) * scale);
}

namespace detail {

/// Sub-streams of a window's generator: switching one augmentation on or off does not change the draws of the others.
enum augment_stream : std::uint64_t { warp_stream, rotation_stream, scaling_stream, jitter_stream, mask_stream };

inline bool in_triple(const signal_info& info, std::size_t c) {
    return std::any_of(info.triples.begin(), info.triples.end(),
                       [c](const auto& t) { return t[0] == c || t[1] == c || t[2] == c; });
}

inline void warp_time(float* x, std::size_t length, std::size_t channels, double sd, generator& g,
                      augment_scratch& scratch) {
    if (length < 2) return;
    scratch.reserve(length, channels);
    time_warp_positions(scratch.position.data(), length, sd, g);
    std::copy_n(x, length * channels, scratch.copy.data());
    for (std::size_t t = 0; t < length; ++t) {
        const float at = scratch.position[t];
        const std::size_t i = std::min(static_cast<std::size_t>(at), length - 2);
        const float b = at - static_cast<float>(i), a = 1 - b;
        const float *from = scratch.copy.data() + i * channels, *next = from + channels;
        for (std::size_t c = 0; c < channels; ++c) x[t * channels + c] = a * from[c] + b * next[c];
    }
}

void turn(float* x, std::size_t length, std::size_t channels, const std::array<std::size_t, 3>& triple,
          const std::array<float, 9>& r) {
    const auto [i, j, k] = triple;
    for (float *row = x, *end = x + length * channels; row < end; row += channels) {
        const float a = row[i], b = row[j], c = row[k];
        row[i] = r[0] * a + r[1] * b + r[2] * c;
        row[j] = r[3] * a + r[4] * b + r[5] * c;
        row[k] = r[6] * a + r[7] * b + r[8] * c;
    }
}

inline void rotate(float* x, std::size_t length, std::size_t channels, const signal_info& info, double limit,
                   const generator& g) {
    for (std::size_t k = 0; k < info.triples.size(); ++k) {
        generator device = g.split(info.device(k));
        const double angle = device.uniform(-1, 1) * limit;
        turn(x, length, channels, info.triples[k], random_rotation(device, angle));
    }
}

inline void scale(float* x, std::size_t length, std::size_t channels, const signal_info& info, double sd,
                  generator& g) {
    const auto scale_column = [&](std::size_t c, float factor) {
        for (std::size_t t = 0; t < length; ++t) x[t * channels + c] *= factor;
    };
    for (const auto& triple : info.triples) {
        const auto factor = static_cast<float>(1 + sd * g.normal());
        for (const std::size_t c : triple) scale_column(c, factor);
    }
    for (std::size_t c = 0; c < channels; ++c)
        if (!in_triple(info, c)) scale_column(c, static_cast<float>(1 + sd * g.normal()));
}

inline void mask(float* x, std::size_t length, std::size_t channels, const signal_info& info, generator& g) {
    const auto flatten = [&](std::size_t c) {
        double sum = 0;
        for (std::size_t t = 0; t < length; ++t) sum += double(x[t * channels + c]);
        for (std::size_t t = 0; t < length; ++t) x[t * channels + c] = static_cast<float>(sum / double(length));
    };
    if (info.triples.empty()) return flatten(g.below(channels));
    for (const std::size_t c : info.triples[g.below(info.triples.size())]) flatten(c);
}

inline void rotate_and_scale(float* x, std::size_t length, std::size_t channels, const augment_options& o,
                             const signal_info& info, const generator& g) {
    generator rotation = g.split(rotation_stream), scaling = g.split(scaling_stream);
    if (rotation.chance(o.rotation))
        rotate(x, length, channels, info, o.rotation_degrees * std::numbers::pi / 180, rotation);
    if (scaling.chance(o.scaling)) detail::scale(x, length, channels, info, o.scaling_sd, scaling);
}

} // namespace detail

void augment_physical(float* x, std::size_t length, std::size_t channels, const augment_options& o,
                      const signal_info& info, const generator& g, augment_scratch& scratch) {
    generator warp = g.split(detail::warp_stream);
    if (warp.chance(o.time_warp)) detail::warp_time(x, length, channels, o.time_warp_sd, warp, scratch);
    if (!o.normalised_domain) detail::rotate_and_scale(x, length, channels, o, info, g);
}

void augment_normalised(float* x, std::size_t length, std::size_t channels, const augment_options& o,
                        const signal_info& info, const generator& g) {
    if (o.normalised_domain) detail::rotate_and_scale(x, length, channels, o, info, g);
    generator jitter = g.split(detail::jitter_stream), mask = g.split(detail::mask_stream);
    if (jitter.chance(o.jitter))
        for (std::size_t i = 0; i < length * channels; ++i) x[i] += static_cast<float>(o.jitter_sd * jitter.normal());
    if (mask.chance(o.mask)) detail::mask(x, length, channels, info, mask);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

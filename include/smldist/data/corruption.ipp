// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/corruption.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <vector>

#include "smldist/core/check.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/data/augment.hpp"
#include "smldist/data/normaliser.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

void corruption::check(const windows& w) const {
    const option_check o{"corruption"};
    o.up_to(180, "rotation", rotation);
    o.up_to(1000, "noise", noise);
    if (rate_hz != 0) o.up_to(w.info.rate_hz, "rate_hz", rate_hz);
    if (rotation > 0 && w.info.triples.empty())
        raise<usage_error>("corruption", "number of 3-axis sensors is 0, expected one or more to rotate");
    for (const std::size_t c : missing)
        if (c >= w.channels())
            raise<usage_error>("corruption", "missing channel is ", c, ", expected less than ", w.channels());
}

namespace detail {

/// Replaces x by the linear interpolation of the samples that a sensor with 1/step of the rate would take; holds the
/// last one.
inline void thin_out(float* x, std::size_t length, std::size_t channels, double step) {
    const auto sample = [&](std::size_t k) {
        return std::min(static_cast<std::size_t>(double(k) * step), length - 1);
    };
    for (std::size_t k = 0; sample(k) + 1 < length; ++k) {
        const std::size_t first = sample(k), last = sample(k + 1);
        for (std::size_t t = first + 1; t < last; ++t) {
            const float b = static_cast<float>(t - first) / static_cast<float>(last - first);
            for (std::size_t c = 0; c < channels; ++c)
                x[t * channels + c] = (1 - b) * x[first * channels + c] + b * x[last * channels + c];
        }
    }
}

} // namespace detail

void corrupt(windows& w, const corruption& how, const generator& random) {
    w.check();
    how.check(w);
    const std::size_t L = w.length(), C = w.channels();
    std::vector<detail::moments> before(C);
    for (std::size_t c = 0; c < C; ++c) before[c] = detail::channel_moments(w.x, c);
    const generator turns = random.split(0), noises = random.split(1);
    parallel_for(w.size(), 16, [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) {
            float* x = w.x.data() + i * L * C;
            if (how.rotation > 0)
                for (std::size_t k = 0; k < w.info.triples.size(); ++k) {
                    generator g = turns.split(static_cast<std::uint64_t>(w.subject[i])).split(w.info.device(k));
                    detail::turn(x, L, C, w.info.triples[k],
                                 random_rotation(g, how.rotation * std::numbers::pi / 180));
                }
            if (how.rate_hz > 0) detail::thin_out(x, L, C, w.info.rate_hz / how.rate_hz);
            if (how.noise > 0) {
                generator g = noises.split(i);
                for (std::size_t k = 0; k < L * C; ++k)
                    x[k] += static_cast<float>(how.noise * std::sqrt(before[k % C].variance) * g.normal());
            }
            for (const std::size_t c : how.missing)
                for (std::size_t t = 0; t < L; ++t) x[t * C + c] = static_cast<float>(before[c].mean);
        }
    });
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

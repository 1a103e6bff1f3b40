// SPDX-License-Identifier: BSD-3-Clause
/// The normaliser: an affine map a channel, fitted on training subjects and stored in the model file.
#ifndef SMLDIST_DATA_NORMALISER_HPP
#define SMLDIST_DATA_NORMALISER_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/core/tensor.hpp"
#include "smldist/data/window.hpp"

namespace smldist::inline SMLDIST_ABI::data {

enum class normaliser_kind : std::uint8_t {
    none,
    zscore, ///< mean 0, standard deviation 1 a channel
    robust, ///< Tukey's fence [Q1 - 1.5 IQR, Q3 + 1.5 IQR], clipped, to [0, 1]
    minmax, ///< [min, max] to [0, 1], not clipped
    shared  ///< x / r, r the root mean square of the three axes of a sensor; z-score for channels in no triple
};

inline constexpr std::array<std::string_view, 5> normaliser_names{"none", "zscore", "robust", "minmax", "shared"};

/// y = (clip(x, low, high) - offset) * scale, channel by channel; low and high are empty unless the kind clips.
///
/// `shared` keeps directions and ratios of norms, so it commutes with a rotation of the device.
/// A channel without spread in the training data gets scale 0: its output is 0, whatever comes later.
struct normaliser {
    normaliser_kind kind = normaliser_kind::none;
    std::vector<float> offset, scale, low, high;

    /// Statistics of `w`, which must hold training subjects only: sums in double, quartiles by linear interpolation
    /// (numpy's default). Cost O(N L C). Throws what windows::check throws.
    static normaliser fit(const windows& w, normaliser_kind kind = normaliser_kind::zscore);

    std::size_t channels() const { return offset.size(); }

    /// Normalises `rows` rows of channels() values in place.
    void apply(float* x, std::size_t rows) const {
        const std::size_t channel_count = channels();
        for (std::size_t r = 0; r < rows; ++r, x += channel_count) {
            if (!low.empty())
                for (std::size_t c = 0; c < channel_count; ++c) x[c] = std::clamp(x[c], low[c], high[c]);
            for (std::size_t c = 0; c < channel_count; ++c) x[c] = (x[c] - offset[c]) * scale[c];
        }
    }
    /// Normalises x (…, C) in place. Throws shape_error when C is not channels(); kind none takes any x.
    void apply(tensor<float>& x) const {
        if (kind == normaliser_kind::none) return;
        require_channels(x.shape().rank() == 0 ? 0 : x.shape().back());
        parallel_for(x.shape().rows(), 4096, [&](std::size_t first, std::size_t last) {
            apply(x.data() + first * channels(), last - first);
        });
    }
    windows applied(windows w) const {
        apply(w.x);
        return w;
    }
    /// Throws shape_error unless data of `count` channels can be normalised.
    void require_channels(std::size_t count) const {
        if (kind != normaliser_kind::none && count != channels())
            raise<shape_error>("normaliser", "number of channels is ", count, ", expected ", channels());
    }

    friend bool operator==(const normaliser&, const normaliser&) = default;
};

namespace detail {

/// 1 / spread, or 0 when the spread vanishes or its inverse is no float.
inline float inverse_spread(double spread) {
    return spread > double(std::numeric_limits<float>::min()) ? static_cast<float>(1 / spread) : 0.0f;
}

struct moments {
    double mean = 0, variance = 0, square = 0; ///< of one channel, divided by n
};

inline moments channel_moments(const tensor<float>& x, std::size_t c) {
    const std::size_t stride = x.shape().back(), rows = x.shape().rows();
    const float *const first = x.data() + c, *const end = x.data() + rows * stride;
    const double n = double(rows);
    moments m;
    bool constant = true;
    for (const float* p = first; p < end; p += stride) {
        m.mean += double(*p);
        m.square += double(*p) * double(*p);
        constant = constant && *p == *first;
    }
    m.mean = constant ? double(*first) : m.mean / n;
    m.square /= n;
    for (const float* p = first; p < end; p += stride) m.variance += (double(*p) - m.mean) * (double(*p) - m.mean);
    m.variance /= n;
    return m;
}

/// The q-quantile of `values`, linear between order statistics; reorders them.
inline double quantile(std::vector<float>& values, double q) {
    const double at = q * double(values.size() - 1);
    const auto below = static_cast<std::ptrdiff_t>(at);
    std::nth_element(values.begin(), values.begin() + below, values.end());
    const double a = double(values[static_cast<std::size_t>(below)]);
    if (double(below) == at) return a;
    const double b = double(*std::min_element(values.begin() + below + 1, values.end()));
    return a + (at - double(below)) * (b - a);
}

} // namespace detail

inline normaliser normaliser::fit(const windows& w, normaliser_kind kind) {
    w.check();
    normaliser n;
    n.kind = kind;
    if (kind == normaliser_kind::none) return n;
    const std::size_t count = w.channels(), rows = w.x.shape().rows();
    n.offset.assign(count, 0.0f);
    n.scale.assign(count, 0.0f);

    if (kind == normaliser_kind::zscore || kind == normaliser_kind::shared) {
        std::vector<detail::moments> m(count);
        for (std::size_t c = 0; c < count; ++c) {
            m[c] = detail::channel_moments(w.x, c);
            n.offset[c] = static_cast<float>(m[c].mean);
            n.scale[c] = detail::inverse_spread(std::sqrt(m[c].variance));
        }
        if (kind == normaliser_kind::shared)
            for (const auto& [x, y, z] : w.info.triples) {
                const double r = std::sqrt((m[x].square + m[y].square + m[z].square) / 3);
                for (const std::size_t c : {x, y, z}) {
                    n.offset[c] = 0.0f;
                    n.scale[c] = detail::inverse_spread(r);
                }
            }
        return n;
    }

    std::vector<float> values(rows);
    for (std::size_t c = 0; c < count; ++c) {
        for (std::size_t r = 0; r < rows; ++r) values[r] = w.x.data()[r * count + c];
        double from, to;
        if (kind == normaliser_kind::robust) {
            const double q1 = detail::quantile(values, 0.25), q3 = detail::quantile(values, 0.75);
            from = q1 - 1.5 * (q3 - q1);
            to = q3 + 1.5 * (q3 - q1);
            n.low.push_back(static_cast<float>(from));
            n.high.push_back(static_cast<float>(to));
        } else {
            const auto [least, most] = std::minmax_element(values.begin(), values.end());
            from = double(*least);
            to = double(*most);
        }
        n.offset[c] = static_cast<float>(from);
        n.scale[c] = detail::inverse_spread(to - from);
    }
    return n;
}

} // namespace smldist::inline SMLDIST_ABI::data

#endif

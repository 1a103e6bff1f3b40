// SPDX-License-Identifier: BSD-3-Clause
/// The normaliser as plain data: an affine map per channel, stored in the model file. `data/normaliser.hpp` fits it.
#ifndef SMLDIST_CORE_NORMALISER_HPP
#define SMLDIST_CORE_NORMALISER_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "smldist/core/enum_names.hpp"
#include "smldist/core/error.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

enum class normaliser_kind : std::uint8_t {
    none,
    zscore, ///< mean 0, standard deviation 1 per channel
    robust, ///< Tukey's fence [Q1 - 1.5 IQR, Q3 + 1.5 IQR], clipped, to [0, 1]
    minmax, ///< [min, max] to [0, 1]; clipped when fitted so
    shared  ///< x / r, r the root mean square of the three axes of a sensor; z-score for channels in no triple
};

constexpr auto enum_names(normaliser_kind) {
    return enum_table("normaliser", "none", "zscore", "robust", "minmax", "shared");
}

/// y = (clip(x, low, high) - offset) * scale, channel by channel; low and high are empty unless it clips.
///
/// `shared` keeps directions and ratios of norms, so it commutes with a rotation of the device.
/// A channel without spread in the training data gets scale 0: its output is 0, whatever comes later.
struct normaliser {
    normaliser_kind kind = normaliser_kind::none;
    std::vector<float> offset, scale, low, high;

    std::size_t channels() const { return offset.size(); }

    /// Normalises `rows` rows of channels() values in place; kind none leaves them unchanged.
    void apply(float* x, std::size_t rows) const {
        const std::size_t channel_count = channels();
        for (std::size_t r = 0; r < rows; ++r, x += channel_count) {
            if (!low.empty())
                for (std::size_t c = 0; c < channel_count; ++c) // std::clamp is undefined for reversed bounds
                    x[c] = std::min(std::max(x[c], low[c]), high[c]);
            for (std::size_t c = 0; c < channel_count; ++c) x[c] = (x[c] - offset[c]) * scale[c];
        }
    }
    /// Throws shape_error unless data of `count` channels can be normalised.
    void require_channels(std::size_t count) const {
        if (kind != normaliser_kind::none && count != channels())
            raise<shape_error>("normaliser", "number of channels is ", count, ", expected ", channels());
    }
    /// The normaliser of only these channels, in that order; empty: of all. The statistics do not change: one axis of a
    /// `shared` triple keeps the scale of all three. Throws usage_error for a channel that does not exist.
    normaliser select_channels(std::span<const std::size_t> chosen) const {
        if (chosen.empty() || kind == normaliser_kind::none) return *this;
        normaliser n;
        n.kind = kind;
        for (const std::size_t c : chosen) {
            if (c >= channels())
                raise<usage_error>("normaliser.select_channels", "channel is ", c, ", expected less than ",
                                   channels());
            n.offset.push_back(offset[c]);
            n.scale.push_back(scale[c]);
            if (low.empty()) continue;
            n.low.push_back(low[c]);
            n.high.push_back(high[c]);
        }
        return n;
    }

    friend bool operator==(const normaliser&, const normaliser&) = default;
};

SMLDIST_NAMESPACE_END
} // namespace smldist

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// Augmentation of one window, in place. Every draw is a function of the window's generator.
#ifndef SMLDIST_DATA_AUGMENT_HPP
#define SMLDIST_DATA_AUGMENT_HPP

#include <array>
#include <cstddef>
#include <vector>

#include "smldist/core/random.hpp"
#include "smldist/data/recording.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// Probability and strength of each augmentation. Fixed order: time warp, rotation, scaling · normaliser · jitter, mask.
/// Large rotations are off by default, since gravity tells lying from standing.
/// Source     Um et al. 2017 (1706.00527).
struct augment_options {
    double time_warp = 0.5, time_warp_sd = 0.2;   ///< speed curve through 6 knots N(1, sd²)
    double rotation = 0.5, rotation_degrees = 20; ///< uniform random axis, angle U(-limit, limit), one per device
    double scaling = 0.5, scaling_sd = 0.1;       ///< factor N(1, sd²), one per sensor triple or single channel
    double jitter = 0.5, jitter_sd = 0.05;        ///< adds N(0, sd²) in normalised units
    double mask = 0.1;                            ///< one random triple becomes its mean over the window
    bool normalised_domain = false;               ///< rotate and scale after the normaliser, not in physical units

    static augment_options none() { return {0, 0.2, 0, 20, 0, 0.1, 0, 0.05, 0, false}; }
    /// The recipe of the calibration runs: rotation ≤ 20° and scaling N(1, 0.1²), always; nothing else.
    static augment_options reference() { return {0, 0.2, 1, 20, 1, 0.1, 0, 0.05, 0, false}; }

    bool any() const { return time_warp > 0 || rotation > 0 || scaling > 0 || jitter > 0 || mask > 0; }
    /// Throws usage_error unless probabilities lie in [0, 1] and strengths are finite and not negative.
    SMLDIST_FUNCTION void check() const;

    friend bool operator==(const augment_options&, const augment_options&) = default;
};

/// Working memory of augment_physical; grows to the largest window seen and is then reused.
struct augment_scratch {
    std::vector<float> position, copy;
    void reserve(std::size_t length, std::size_t channels) {
        if (position.size() < length) position.resize(length);
        if (copy.size() < length * channels) copy.resize(length * channels);
    }
};

/// A 3 × 3 rotation, row-major, about a uniformly random axis by an angle in radians (Rodrigues' formula).
SMLDIST_FUNCTION std::array<float, 9> random_rotation(generator& g, double angle);

/// Where sample t of a warped window is read: τ_0 = 0, τ_{L-1} = L-1, strictly ascending between.
///
///     τ_t = (L-1) Σ_{s=1..t} v_s / Σ_{s=1..L-1} v_s
///
/// v is the natural cubic spline through 6 equally spaced knots N(1, sd²), at least 0.1 so that time never stops.
SMLDIST_FUNCTION void time_warp_positions(float* position, std::size_t length, double sd, generator& g);

namespace detail {

/// Multiplies the three columns of a triple by a matrix, sample by sample.
SMLDIST_FUNCTION void turn(float* x, std::size_t length, std::size_t channels,
                           const std::array<std::size_t, 3>& triple, const std::array<float, 9>& r);

} // namespace detail

/// Before the normaliser, x (L, C) in physical units: time warp (one curve for all channels, so that axes stay
/// consistent), rotation (one matrix per device, so that body and total acceleration turn alike), scaling.
SMLDIST_FUNCTION void augment_physical(float* x, std::size_t length, std::size_t channels, const augment_options& o,
                                       const signal_info& info, const generator& g, augment_scratch& scratch);

/// After the normaliser: rotation and scaling if `normalised_domain` is set, then jitter, then mask.
SMLDIST_FUNCTION void augment_normalised(float* x, std::size_t length, std::size_t channels, const augment_options& o,
                                         const signal_info& info, const generator& g);

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/augment.ipp"
#endif

#endif

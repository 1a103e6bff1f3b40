// SPDX-License-Identifier: BSD-3-Clause
/// Typical faults of worn sensors, applied to windows on purpose, to measure how robust a network is.
#ifndef SMLDIST_DATA_CORRUPTION_HPP
#define SMLDIST_DATA_CORRUPTION_HPP

#include <cstddef>
#include <vector>

#include "smldist/core/random.hpp"
#include "smldist/data/window.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// Faults, applied in this order; the defaults do nothing.
struct corruption {
    double rotation = 0; ///< degrees by which each device is turned, about a random axis per person and device
    double rate_hz = 0;  ///< rate at which the sensor delivers; samples between are interpolated. 0: its own rate
    double noise = 0;    ///< adds N(0, (noise s)²), s the standard deviation of the channel over all windows
    std::vector<std::size_t> missing = {}; ///< channels that fail: replaced by their mean over all windows

    bool any() const { return rotation != 0 || rate_hz != 0 || noise != 0 || !missing.empty(); }

    /// Throws usage_error unless strengths are finite and not negative and the windows have what is needed: the
    /// channels, triples to rotate, a sampling rate of at least `rate_hz`.
    SMLDIST_FUNCTION void check(const windows& w) const;
};

/// Corrupts `w` in place. The same generator gives the same result; a person's rotation depends only on the generator
/// and the subject's number.
///
/// Throws     what corruption::check and windows::check throw
SMLDIST_FUNCTION void corrupt(windows& w, const corruption& how, const generator& random);

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/corruption.ipp"
#endif

#endif

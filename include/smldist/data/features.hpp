// SPDX-License-Identifier: BSD-3-Clause
/// Hand-made features of windows, in time and frequency: what a classifier without a network reads.
#ifndef SMLDIST_DATA_FEATURES_HPP
#define SMLDIST_DATA_FEATURES_HPP

#include <string>
#include <vector>

#include "smldist/core/tensor.hpp"
#include "smldist/data/window.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// A row per window, a column per feature.
struct feature_table {
    std::vector<std::string> names; ///< F names: "total_acc_x.mean", "total_acc.length.dominant_hz"
    tensor<float> values;           ///< (N, F)
};

/// The features of each window by itself: no value depends on other windows.
///
/// Signals, with r = info.rate_hz, or 1 when the rate is unknown (a second is then a sample):
///
///     CHANNEL               x[0] … x[L-1], in the unit u of the channel       in time and frequency
///     CHANNEL.jerk          r * (x[t+1] - x[t]), L - 1 values, in u/s         in time
///     SENSOR.length         |v[t]|, v = (x, y, z) of a triple, in u           in time and frequency
///     SENSOR.jerk_length    r * |v[t+1] - v[t]|, L - 1 values, in u/s         in time
///
/// The spectrum of a difference is that of its signal times a known factor, so it adds nothing. Channels are named as by
/// signal_info::channel_name, sensors as by signal_info::sensor_name.
///
/// In time, of n values with mean m, d[t] = x[t] - m and variance s² = mean of d²:
///
///     mean, sd, min, max    m; s; the extremes                                               u
///     mad                   median of |x - median of x|                                      u
///     iqr                   third quartile minus first (interpolated linearly, as numpy)     u
///     energy                mean of x²                                                       u²
///     zero_crossings        steps between x < 0 and x ≥ 0, divided by (n - 1) / r            1/s
///     mean_crossings        the same of d                                                    1/s
///     skewness, kurtosis    mean of d³ / s³; mean of d⁴ / s⁴ - 3                             1
///     autocorrelation_k     sum_t d[t] d[t+k] / sum_t d[t]², k = 1, 2, 4, 8, 16 samples      1
///
/// In frequency, with P[k] the power at f[k] = k r / L, k = 1 … L/2, of d times the Hann window h, h[t] = ½ - ½ cos(2πt/L):
///
///     P[k]                  c |sum_t h[t] d[t] exp(-2πi k t / L)|² / (L sum_t h[t]²), c = 2, or 1 for k = L/2
///     dominant_hz           f of the largest P, the lowest in a tie                          Hz
///     dominant_share        largest P / sum of P                                             1
///     centroid_hz           sum of f P / sum of P                                            Hz
///     entropy               -sum of p ln p / ln(number of k), p = P / sum of P               1
///     octave_j              sum of P with r / 2^(j+1) ≤ f < r / 2^j, j = 1 … 5; f = r/2 belongs to octave_1, all
///                           f < r/64 to octave_6                                             u²
///
/// Of the axes of a triple:
///
///     SENSOR.correlation_xy, _xz, _yz    mean of d_x d_y / (s_x s_y)                         1
///     SENSOR.magnitude_area              mean of |x| + |y| + |z|                             u
///
/// Every value is finite. A signal whose extremes differ by no more than 2⁻²² of the larger one, the precision of its samples,
/// is constant: d = 0, and what would be 0 / 0 is 0. So is the feature of a window too short for it. A value beyond the range
/// of float is the largest float.
/// Cost       N (C + triples) L log L, when L is a power of two; with an odd factor q of L, L q more.
/// Source     Anguita et al. 2013 (ESANN; most features, magnitudes, jerk), Bulling et al. 2014 (10.1145/2499621; crossings),
///            Twomey et al. 2018 (10.3390/informatics5020027; spectrum, autocorrelation).
/// Throws     as windows::check.
[[nodiscard]] SMLDIST_FUNCTION feature_table features(const windows& w);

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/features.ipp"
#endif

#endif

// SPDX-License-Identifier: BSD-3-Clause
/// The synthetic IMU generator: recordings of simulated people, for examples and tests without a download.
#ifndef SMLDIST_DATA_SYNTHETIC_HPP
#define SMLDIST_DATA_SYNTHETIC_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/core/random.hpp"
#include "smldist/core/tensor.hpp"
#include "smldist/data/augment.hpp"
#include "smldist/data/split.hpp"
#include "smldist/data/window.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

struct synthetic_options {
    std::size_t users = 16, test_users = 6; ///< disjoint people for training and test
    double seconds = 40;                    ///< of each activity and person, in two bouts
    double rate_hz = 50;
    std::size_t length = 128, hop = 64; ///< samples
    std::uint64_t seed = 0;
};

/// Nine channels laid out as in UCI HAR; six activities.
[[nodiscard]] SMLDIST_FUNCTION signal_info synthetic_info(double rate_hz);

namespace detail {

inline constexpr double degree = std::numbers::pi / 180;

/// How an activity moves a waist-worn sensor; angles in degrees, accelerations in g. Axes: x up, y left, z ahead.
struct motion {
    double tempo;         ///< step rate relative to the user's own; 0: no steps
    double bounce;        ///< amplitude of the step rhythm
    double second, third; ///< its harmonics, relative to it
    double phase, lag;    ///< of the second harmonic and of the forward axis, in radians
    double impact;        ///< heel strike: a damped oscillation at each step
    double turn;          ///< angular velocity, rad/s
    double tilt, tilt_sd; ///< of the trunk from upright
    double sway;          ///< slow movement of a resting body
    double transients;    ///< short movements per second
};
inline constexpr std::array<motion, 6> motions{{{1.00, 0.26, 0.45, 0.20, 0.0, 1.0, 0.22, 0.55, 4, 4, 0.01, 0},
                                                {0.93, 0.24, 0.52, 0.16, 1.3, 1.8, 0.15, 0.58, 8, 5, 0.01, 0},
                                                {1.05, 0.29, 0.40, 0.27, -1.2, 0.2, 0.34, 0.64, 1, 5, 0.01, 0},
                                                {0, 0, 0, 0, 0, 0, 0, 0, 16, 9, 0.010, 0.10},
                                                {0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 0.025, 0.15},
                                                {0, 0, 0, 0, 0, 0, 0, 0, 88, 7, 0.006, 0.05}}};

/// Properties of a person, drawn once per user.
struct person {
    double step_hz, gain, impact, acc_noise, gyro_noise, lying_side;
    std::array<double, 2> harmonic; ///< factors on the second and third
    std::array<double, 8> phase;
    std::array<float, 9> mounting; ///< how the sensor sits on the body

    SMLDIST_FUNCTION explicit person(generator g);
};

/// A stationary process of unit variance with a correlation time of about `seconds` (Ornstein-Uhlenbeck).
struct drift {
    double value = 0, keep;
    drift(double seconds, double rate_hz) : keep(std::exp(-1 / (seconds * rate_hz))) {}
    double next(generator& g) { return value = keep * value + std::sqrt(1 - keep * keep) * g.normal(); }
};

} // namespace detail

/// Continuous recordings of the users first … first + count - 1, one each: every activity in two bouts, in random order.
///
/// A person has an individual gait frequency (1.4 to 2.3 steps per second), amplitude, harmonics, phases, impact
/// strength, sensor orientation and noise; a bout has its own pace and posture. Walking and stairs overlap in pace and
/// strength and differ in the shape of the step; sitting and standing overlap in posture and differ in sway. On unseen
/// people, logistic regression on channel means and deviations reached 70 to 78 %, a three-layer CNN 89 to 99 % (seeds
/// 0 to 3). A function of only (seed, user, seconds, rate).
/// Throws     usage_error when rate or duration is out of range.
[[nodiscard]] SMLDIST_FUNCTION std::vector<recording> synthetic_recordings(const synthetic_options& o,
                                                                           std::size_t first, std::size_t count);

/// Windows of `users` people (numbered from 1) for training and of `test_users` others for testing.
/// Throws     usage_error as above and for no users; data_error when a bout is shorter than a window.
[[nodiscard]] SMLDIST_FUNCTION train_test synthetic(const synthetic_options& o = {});

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/synthetic.ipp"
#endif

#endif

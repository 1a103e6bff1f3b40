// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/synthetic.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

signal_info synthetic_info(double rate_hz) {
    return {{"body_acc_x", "body_acc_y", "body_acc_z", "body_gyro_x", "body_gyro_y", "body_gyro_z", "total_acc_x",
             "total_acc_y", "total_acc_z"},
            {"walking", "stairs up", "stairs down", "sitting", "standing", "lying"},
            {"g", "g", "g", "rad/s", "rad/s", "rad/s", "g", "g", "g"},
            rate_hz,
            {{0, 1, 2}, {3, 4, 5}, {6, 7, 8}},
            {}};
}

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

    explicit person(generator g);
};

/// A stationary process of unit variance with a correlation time of about `seconds` (Ornstein-Uhlenbeck).
struct drift {
    double value = 0, keep;
    drift(double seconds, double rate_hz) : keep(std::exp(-1 / (seconds * rate_hz))) {}
    double next(generator& g) { return value = keep * value + std::sqrt(1 - keep * keep) * g.normal(); }
};

inline person::person(generator g)
    : step_hz(g.uniform(1.4, 2.3)),
      gain(std::exp(0.25 * g.normal())),
      impact(std::exp(0.30 * g.normal())),
      acc_noise(g.uniform(0.006, 0.02)),
      gyro_noise(g.uniform(0.01, 0.04)),
      lying_side(g.uniform(-100, 100) * degree),
      harmonic{std::exp(0.25 * g.normal()), std::exp(0.35 * g.normal())} {
    for (double& p : phase) p = g.uniform(-0.75, 0.75);
    mounting = random_rotation(g, 8 * degree * g.normal());
}

inline std::array<double, 3> turned(const std::array<float, 9>& r, const std::array<double, 3>& v) {
    std::array<double, 3> w;
    for (std::size_t i = 0; i < 3; ++i)
        w[i] = double(r[3 * i]) * v[0] + double(r[3 * i + 1]) * v[1] + double(r[3 * i + 2]) * v[2];
    return w;
}

/// Writes one bout of one activity, `n` rows of 9 channels, to `row`.
inline void perform(float* row, std::size_t n, const motion& m, const person& who, double rate_hz, generator g) {
    const double pi = std::numbers::pi, tempo = m.tempo * who.step_hz * (1 + 0.06 * g.normal());
    const double gain = who.gain * std::exp(0.10 * g.normal());
    const double tilt = (m.tilt + m.tilt_sd * g.normal()) * degree;
    const double side = m.tilt > 45 ? who.lying_side : 0.35 * g.normal();
    const std::array<double, 3> upright{std::cos(tilt), std::sin(tilt) * std::sin(side),
                                        std::sin(tilt) * std::cos(side)};
    const auto gravity = turned(who.mounting, upright);
    const double second = m.second * who.harmonic[0], third = m.third * who.harmonic[1];
    const auto& p = who.phase;
    std::array<drift, 3> sway{drift(0.4, rate_hz), drift(0.6, rate_hz), drift(0.5, rate_hz)};
    drift pace(3, rate_hz), vigour(2, rate_hz);
    double cycle = g.uniform(0, 2), step_strength = 1, since_transient = 10, transient = 0;

    for (std::size_t t = 0; t < n; ++t, row += 9) {
        const double before = cycle; // steps so far; two make a stride
        cycle += tempo * (1 + 0.05 * pace.next(g)) / rate_hz;
        if (std::floor(cycle) > std::floor(before)) step_strength = std::exp(0.25 * g.normal());
        since_transient += 1 / rate_hz;
        if (g.chance(m.transients / rate_hz)) {
            since_transient = 0;
            transient = 0.12 * g.normal();
        }
        const double a = m.bounce * gain * (1 + 0.12 * vigour.next(g)), th = 2 * pi * cycle, w = m.turn * gain;
        const double since_step = cycle - std::floor(cycle);
        const double strike =
            m.impact * who.impact * step_strength * std::exp(-9 * since_step) * std::cos(2 * pi * 3.5 * since_step);
        const double fidget = transient * std::exp(-4 * since_transient) * std::sin(2 * pi * 2.5 * since_transient);
        std::array<double, 3> acc{
            a * (std::sin(th) + second * std::sin(2 * th + m.phase + p[0]) + third * std::sin(3 * th + p[1])) +
                strike,
            0.5 * a * (std::sin(th / 2 + p[2]) + second * std::sin(1.5 * th + p[3])) + 0.3 * fidget,
            0.6 * a * (std::sin(th + m.lag + p[4]) + second * std::sin(2 * th + m.phase + p[5])) + 0.5 * strike +
                fidget};
        std::array<double, 3> gyro{w * std::sin(th / 2 + p[6]), 0.7 * w * std::sin(th + p[7]) + 2 * fidget,
                                   0.5 * w * std::sin(th / 2 + 1.5 + p[2]) + 0.6 * strike};
        for (std::size_t i = 0; i < 3; ++i) {
            acc[i] += m.sway * sway[i].next(g);
            gyro[i] += 2 * m.sway * sway[2 - i].value;
        }
        acc = turned(who.mounting, acc);
        gyro = turned(who.mounting, gyro);
        for (std::size_t i = 0; i < 3; ++i) {
            const double measured = acc[i] + who.acc_noise * g.normal();
            row[i] = static_cast<float>(measured);
            row[3 + i] = static_cast<float>(gyro[i] + who.gyro_noise * g.normal());
            row[6 + i] = static_cast<float>(measured + gravity[i]);
        }
    }
}

} // namespace detail

std::vector<recording> synthetic_recordings(const synthetic_options& o, std::size_t first, std::size_t count) {
    if (!(o.rate_hz >= 10 && o.rate_hz <= 10000))
        raise<usage_error>("synthetic", "sampling rate is ", o.rate_hz, " Hz, expected 10 to 10000");
    if (!(o.seconds > 0 && o.seconds <= 1e5))
        raise<usage_error>("synthetic", "duration is ", o.seconds, " s, expected more than 0 and at most 100000");
    const auto bout = static_cast<std::size_t>(o.seconds * o.rate_hz / 2);
    std::vector<recording> recordings;
    for (std::size_t user = first; user < first + count; ++user) {
        const generator g = generator(o.seed).split(user);
        const detail::person who(g.split(0));
        std::vector<int> order;
        for (int n = 0; n < static_cast<int>(detail::motions.size()); ++n) order.insert(order.end(), 2, n);
        generator shuffle = g.split(1);
        shuffle.shuffle(order.begin(), order.end());
        recording r{tensor<float>::uninitialized({order.size() * bout, 9}), {}, static_cast<int>(user)};
        for (std::size_t k = 0; k < order.size(); ++k) {
            detail::perform(r.samples.data() + k * bout * 9, bout,
                            detail::motions[static_cast<std::size_t>(order[k])], who, o.rate_hz, g.split(2 + k));
            r.labels.insert(r.labels.end(), bout, order[k]);
        }
        recordings.push_back(std::move(r));
    }
    return recordings;
}

train_test synthetic(const synthetic_options& o) {
    if (o.users == 0 || o.test_users == 0)
        raise<usage_error>("synthetic", "numbers of users are ", o.users, " and ", o.test_users,
                           ", expected both at least 1");
    const signal_info info = synthetic_info(o.rate_hz);
    const cut_options by_bout{o.length, o.hop, label_rule::constant, 1};
    return {cut(synthetic_recordings(o, 1, o.users), info, by_bout),
            cut(synthetic_recordings(o, 1 + o.users, o.test_users), info, by_bout)};
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

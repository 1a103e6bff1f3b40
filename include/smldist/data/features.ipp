// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/features.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/core/parallel.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

inline constexpr std::array<std::string_view, 16> features_in_time{"mean",
                                                                   "sd",
                                                                   "mad",
                                                                   "min",
                                                                   "max",
                                                                   "iqr",
                                                                   "energy",
                                                                   "zero_crossings",
                                                                   "mean_crossings",
                                                                   "skewness",
                                                                   "kurtosis",
                                                                   "autocorrelation_1",
                                                                   "autocorrelation_2",
                                                                   "autocorrelation_4",
                                                                   "autocorrelation_8",
                                                                   "autocorrelation_16"};
inline constexpr std::array<std::size_t, 5> feature_lags{1, 2, 4, 8, 16};
inline constexpr std::array<std::string_view, 10> features_in_frequency{
    "dominant_hz", "dominant_share", "centroid_hz", "entropy",  "octave_1",
    "octave_2",    "octave_3",       "octave_4",    "octave_5", "octave_6"};
inline constexpr std::size_t feature_octaves = 6;
inline constexpr double largest_feature = double(std::numeric_limits<float>::max());
inline constexpr std::array<std::string_view, 4> features_of_axes{"correlation_xy", "correlation_xz",
                                                                  "correlation_yz", "magnitude_area"};

/// The discrete Fourier transform of signals of n real values: y[k] = sum_t x[t] exp(-2πi k t / n), k = 0 … n - 1.
class fourier {
public:
    explicit fourier(std::size_t n) : re_(n), im_(n) {
        for (std::size_t j = 0; j < n; ++j) {
            const double angle = 2 * std::numbers::pi * static_cast<double>(j) / static_cast<double>(n);
            re_[j] = std::cos(angle);
            im_[j] = -std::sin(angle);
        }
    }
    /// Writes real and imaginary parts of all y[k]. Halves n as often as it can; the rest is by the definition.
    void operator()(const double* x, double* re, double* im) const { transform(x, 1, re_.size(), re, im); }

private:
    /// Of the n values x[0], x[stride], …, where n * stride is the length of the whole signal.
    void transform(const double* x, std::size_t stride, std::size_t n, double* re, double* im) const {
        if (n % 2 != 0) {
            for (std::size_t k = 0; k < n; ++k) {
                re[k] = im[k] = 0;
                for (std::size_t t = 0, kt = 0; t < n; ++t, kt = (kt + k) % n) {
                    re[k] += x[t * stride] * re_[kt * stride];
                    im[k] += x[t * stride] * im_[kt * stride];
                }
            }
            return;
        }
        const std::size_t half = n / 2;
        transform(x, 2 * stride, half, re, im);
        transform(x + stride, 2 * stride, half, re + half, im + half);
        for (std::size_t k = 0; k < half; ++k) {
            const double a = re_[k * stride], b = im_[k * stride], c = re[half + k], d = im[half + k];
            const double r = a * c - b * d, i = a * d + b * c;
            re[half + k] = re[k] - r;
            im[half + k] = im[k] - i;
            re[k] += r;
            im[k] += i;
        }
    }

    std::vector<double> re_, im_; ///< of exp(-2πi j / n)
};

inline double mean_of(std::span<const double> x) {
    double sum = 0;
    for (const double v : x) sum += v;
    return x.empty() ? 0 : sum / static_cast<double>(x.size());
}

/// The value at that share of the sorted values, interpolated linearly.
inline double quantile(std::span<const double> sorted, double share) {
    if (sorted.empty()) return 0;
    const double at = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

/// d = x - mean, or zeros for a signal that is constant in the precision of its samples. Returns the variance.
inline double centre(std::span<const double> x, std::span<double> d) {
    double low = std::numeric_limits<double>::max(), high = -low;
    for (const double v : x) {
        low = std::min(low, v);
        high = std::max(high, v);
    }
    const bool constant = x.empty() || high - low <= std::max(std::abs(low), std::abs(high)) * 0x1p-22;
    const double m = mean_of(x);
    double sum = 0;
    for (std::size_t t = 0; t < x.size(); ++t) {
        d[t] = constant ? 0 : x[t] - m;
        sum += d[t] * d[t];
    }
    return x.empty() ? 0 : sum / static_cast<double>(x.size());
}

/// Computes the features of windows of one form.
class feature_maker {
public:
    feature_maker(const signal_info& info, std::size_t length, std::size_t channels)
        : info_(info),
          L_(length),
          C_(channels),
          rate_(info.rate_hz > 0 ? info.rate_hz : 1),
          transform_(length),
          hann_(length) {
        for (std::size_t t = 0; t < L_; ++t) {
            hann_[t] = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * double(t) / double(L_));
            hann_power_ += hann_[t] * hann_[t];
        }
    }

    std::vector<std::string> names() const {
        std::vector<std::string> all;
        const auto add = [&](const std::string& of, const auto& features) {
            for (const std::string_view feature : features) all.push_back(of + "." + std::string(feature));
        };
        for (std::size_t c = 0; c < C_; ++c) {
            add(info_.channel_name(c), features_in_time);
            add(info_.channel_name(c), features_in_frequency);
            add(info_.channel_name(c) + ".jerk", features_in_time);
        }
        for (std::size_t k = 0; k < info_.triples.size(); ++k) {
            const std::string sensor = info_.sensor_name(k);
            add(sensor + ".length", features_in_time);
            add(sensor + ".length", features_in_frequency);
            add(sensor + ".jerk_length", features_in_time);
            add(sensor, features_of_axes);
        }
        return all;
    }

    /// Doubles of working memory for a window.
    std::size_t scratch() const { return parts * L_; }

    /// Writes the features of the window (L, C), in the order of names().
    void make(const float* window, double* scratch, float* to) const {
        job j{{}, to};
        for (std::size_t i = 0; i < parts; ++i) j.part[i] = {scratch + i * L_, L_};
        for (std::size_t c = 0; c < C_; ++c) {
            take(window, c, j.part[signal]);
            in_time(j, j.part[signal]);
            in_frequency(j);
            for (std::size_t t = 0; t + 1 < L_; ++t)
                j.part[signal][t] = jerk(j.part[signal][t + 1] - j.part[signal][t]);
            in_time(j, j.part[signal].first(L_ - 1));
        }
        for (const auto& triple : info_.triples) {
            for (std::size_t i = 0; i < 3; ++i) take(window, triple[i], j.part[axes + i]);
            of_sensor(j);
        }
    }

private:
    enum : std::size_t { signal, centred, sorted, re, im, axes, parts = axes + 3 }; // of the working memory

    struct job {
        std::array<std::span<double>, parts> part;
        float* to;
        void put(double value) { *to++ = static_cast<float>(std::clamp(value, -largest_feature, largest_feature)); }
    };

    void take(const float* window, std::size_t c, std::span<double> x) const {
        for (std::size_t t = 0; t < L_; ++t) x[t] = double(window[t * C_ + c]);
    }
    double jerk(double step) const { return std::clamp(rate_ * step, -largest_feature, largest_feature); }
    /// Sign changes per second.
    double crossings(std::span<const double> x) const {
        std::size_t n = 0;
        for (std::size_t t = 1; t < x.size(); ++t) n += (x[t] < 0) != (x[t - 1] < 0) ? 1u : 0u;
        return x.size() < 2 ? 0 : double(n) * (rate_ / double(x.size() - 1));
    }

    /// Leaves x - mean in part[centred].
    void in_time(job& j, std::span<const double> x) const {
        const std::size_t n = x.size();
        const auto d = j.part[centred].first(n), order = j.part[sorted].first(n);
        const double variance = centre(x, d);
        std::copy(x.begin(), x.end(), order.begin());
        std::sort(order.begin(), order.end());
        const double low = n == 0 ? 0 : order.front(), high = n == 0 ? 0 : order.back();
        const double range = quantile(order, 0.75) - quantile(order, 0.25), median = quantile(order, 0.5);
        const double count = double(std::max<std::size_t>(n, 1));
        double energy = 0, third = 0, fourth = 0;
        for (std::size_t t = 0; t < n; ++t) {
            energy += x[t] * x[t];
            third += d[t] * d[t] * d[t];
            fourth += d[t] * d[t] * d[t] * d[t];
            order[t] = std::abs(x[t] - median);
        }
        std::sort(order.begin(), order.end());
        j.put(mean_of(x));
        j.put(std::sqrt(variance));
        j.put(quantile(order, 0.5));
        j.put(low);
        j.put(high);
        j.put(range);
        j.put(energy / count);
        j.put(crossings(x));
        j.put(crossings(d));
        const bool varies = variance * variance > 0; // which may underflow before the variance does
        j.put(varies ? third / count / (variance * std::sqrt(variance)) : 0);
        j.put(varies ? fourth / count / (variance * variance) - 3 : 0);
        for (const std::size_t lag : feature_lags) {
            double sum = 0;
            for (std::size_t t = lag; t < n; ++t) sum += d[t - lag] * d[t];
            j.put(varies ? sum / (count * variance) : 0);
        }
    }

    /// Of the signal in part[centred], which it changes.
    void in_frequency(job& j) const {
        const auto d = j.part[centred], re_of = j.part[re], im_of = j.part[im];
        for (std::size_t t = 0; t < L_; ++t) d[t] *= hann_[t];
        transform_(d.data(), re_of.data(), im_of.data());
        const auto power = [&](std::size_t k) {
            return (2 * k == L_ ? 1 : 2) * (re_of[k] * re_of[k] + im_of[k] * im_of[k]) / (double(L_) * hann_power_);
        };
        std::array<double, feature_octaves> octave{};
        double total = 0, largest = 0, moment = 0;
        std::size_t dominant = 0;
        for (std::size_t k = 1; k <= L_ / 2; ++k) {
            const double p = power(k);
            total += p;
            moment += double(k) * p;
            if (p > largest) {
                largest = p;
                dominant = k;
            }
            std::size_t at = 0;
            while (at + 1 < feature_octaves && (k << (at + 2)) < L_) ++at;
            octave[at] += p;
        }
        double entropy = 0;
        for (std::size_t k = 1; k <= L_ / 2; ++k)
            if (const double share = total > 0 ? power(k) / total : 0; share > 0) entropy -= share * std::log(share);
        j.put(double(dominant) * (rate_ / double(L_)));
        j.put(total > 0 ? largest / total : 0);
        j.put(total > 0 ? moment / total * (rate_ / double(L_)) : 0);
        j.put(L_ < 4 ? 0 : entropy / std::log(double(L_ / 2)));
        for (const double p : octave) j.put(p);
    }

    /// Of the axes in part[axes …], which it changes.
    void of_sensor(job& j) const {
        const auto x = j.part[axes], y = j.part[axes + 1], z = j.part[axes + 2], of = j.part[signal];
        double area = 0;
        for (std::size_t t = 0; t < L_; ++t) {
            of[t] = std::sqrt(x[t] * x[t] + y[t] * y[t] + z[t] * z[t]);
            area += (std::abs(x[t]) + std::abs(y[t]) + std::abs(z[t])) / double(L_);
        }
        in_time(j, of);
        in_frequency(j);
        for (std::size_t t = 0; t + 1 < L_; ++t) {
            const double a = x[t + 1] - x[t], b = y[t + 1] - y[t], c = z[t + 1] - z[t];
            of[t] = jerk(std::sqrt(a * a + b * b + c * c));
        }
        in_time(j, of.first(L_ - 1));
        std::array<double, 3> variance{};
        for (std::size_t i = 0; i < 3; ++i) variance[i] = centre(j.part[axes + i], j.part[axes + i]);
        for (const auto& [a, b] : {std::array<std::size_t, 2>{0, 1}, {0, 2}, {1, 2}}) {
            double sum = 0;
            for (std::size_t t = 0; t < L_; ++t) sum += j.part[axes + a][t] * j.part[axes + b][t] / double(L_);
            const double scale = std::sqrt(variance[a]) * std::sqrt(variance[b]);
            j.put(scale > 0 ? std::clamp(sum / scale, -1.0, 1.0) : 0);
        }
        j.put(area);
    }

    const signal_info& info_;
    std::size_t L_, C_;
    double rate_;
    fourier transform_;
    std::vector<double> hann_;
    double hann_power_ = 0; ///< sum of squares
};

} // namespace detail

feature_table features(const windows& w) {
    w.check();
    const detail::feature_maker maker(w.info, w.length(), w.channels());
    feature_table table;
    table.names = maker.names();
    const std::size_t F = table.names.size(), N = w.size();
    table.values = tensor<float>::uninitialized({N, F});
    parallel_for_scratch<double>(N, 16, maker.scratch(), [&](std::size_t first, std::size_t last, double* scratch) {
        for (std::size_t i = first; i < last; ++i) maker.make(w.window(i), scratch, table.values.data() + i * F);
    });
    return table;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data

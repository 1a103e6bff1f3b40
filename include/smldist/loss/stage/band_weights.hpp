// SPDX-License-Identifier: BSD-3-Clause
/// Weights of the frequency bands of a basis along time: how much each frequency of a stage counts.
#ifndef SMLDIST_LOSS_STAGE_BAND_WEIGHTS_HPP
#define SMLDIST_LOSS_STAGE_BAND_WEIGHTS_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "smldist/core/check.hpp"
#include "smldist/core/enum_names.hpp"
#include "smldist/loss/stage/time_basis.hpp"

namespace smldist::loss::stage {
SMLDIST_NAMESPACE_BEGIN

enum class weighting : std::uint8_t {
    uniform,    ///< 1
    fisher,     ///< variance between classes over variance within classes, from the teacher's features
    energy,     ///< (power + ε)^gamma of the teacher; gamma > 0 favours dominant rhythms, < 0 whitens
    power,      ///< (frequency / highest frequency)^gamma
    low,        ///< bands below `split` of the highest frequency
    high,       ///< the other bands
    hertz,      ///< bands that touch [low_hz, high_hz]
    uncertainty ///< learned: ½ e/σ² + ½ ln σ² for each band
};
constexpr auto enum_names(weighting) {
    return enum_table("loss::weighting", "uniform", "fisher", "energy", "power", "low", "high", "hertz",
                      "uncertainty");
}

struct weighting_options {
    weighting kind = weighting::fisher;
    double gamma = 1;                 ///< exponent of energy and power
    double split = 0.5;               ///< boundary of low and high
    double low_hz = 0.5, high_hz = 4; ///< limits of hertz

    /// Throws usage_error for a value out of range.
    void check() const {
        const option_check o{"loss::weighting_options"};
        o.need(std::isfinite(gamma), "gamma", gamma, "finite");
        o.need(split > 0 && split < 1, "split", split, "0 < split < 1");
        if (!(low_hz >= 0 && high_hz > low_hz))
            raise<usage_error>(o.where, "band is ", low_hz, " to ", high_hz, " Hz, expected 0 ≤ low < high");
    }
};

/// Statistics of one stage of a teacher over the training set, by class, band and channel.
///
/// For each class, band and channel the mean and variance of u = ln(1 + |X|), |X| the root mean square of the band's rows, and
/// for each band the mean power.
///
/// Source     Welford 1962 for the update.
class band_statistics {
public:
    band_statistics() = default;
    band_statistics(std::size_t classes, std::size_t bands, std::size_t channels)
        : bands_(bands),
          channels_(channels),
          count_(classes),
          mean_(classes * bands * channels),
          square_(mean_.size()),
          power_(bands) {}

    /// Adds coefficients x (B, L, C) of a basis with these bands.
    template <class T>
    void add(const tensor<T>& x, const std::vector<typename time_bands<T>::band>& bands,
             std::span<const int> labels) {
        const std::size_t L = x.shape()[1], C = channels_;
        SMLDIST_ASSERT(bands.size() == bands_ && x.shape()[2] == C && labels.size() == x.shape()[0]);
        for (std::size_t b = 0; b < labels.size(); ++b) {
            const auto n = static_cast<std::size_t>(labels[b]);
            SMLDIST_ASSERT(n < count_.size());
            const double count = double(++count_[n]);
            for (std::size_t k = 0; k < bands_; ++k) {
                double* mean = mean_.data() + (n * bands_ + k) * C;
                double* square = square_.data() + (n * bands_ + k) * C;
                for (std::size_t c = 0; c < C; ++c) {
                    double power = 0;
                    for (std::size_t r = 0; r < bands[k].rows; ++r)
                        power += std::pow(double(x[(b * L + bands[k].first_row + r) * C + c]), 2);
                    power /= double(bands[k].rows);
                    power_[k] += power / double(C);
                    const double u = std::log1p(std::sqrt(power)), shift = u - mean[c];
                    mean[c] += shift / count;
                    square[c] += shift * (u - mean[c]);
                }
            }
        }
    }

    std::size_t bands() const { return bands_; }
    /// Windows that were added.
    std::size_t samples() const {
        std::size_t all = 0;
        for (const std::size_t n : count_) all += n;
        return all;
    }
    /// Mean power of each band.
    std::vector<double> energy() const {
        std::vector<double> e = power_;
        for (double& v : e) v /= std::max(1.0, double(samples()));
        return e;
    }
    /// Fisher's ratio of each band, averaged over the channels:
    ///
    ///     F_k = 1/C Σ_c Σ_n π_n (μ_nkc - μ_kc)² / (Σ_n π_n σ²_nkc + ε),   π_n the share of class n, ε = 1e-6
    std::vector<double> fisher() const {
        std::vector<double> out(bands_);
        const double total = std::max(1.0, double(samples()));
        for (std::size_t k = 0; k < bands_; ++k)
            for (std::size_t c = 0; c < channels_; ++c) {
                double centre = 0, between = 0, within = 0;
                for (std::size_t n = 0; n < count_.size(); ++n)
                    centre += double(count_[n]) / total * mean_[at(n, k, c)];
                for (std::size_t n = 0; n < count_.size(); ++n) {
                    between += double(count_[n]) / total * std::pow(mean_[at(n, k, c)] - centre, 2);
                    within += square_[at(n, k, c)] / total;
                }
                out[k] += between / (within + 1e-6) / double(channels_);
            }
        return out;
    }

private:
    std::size_t at(std::size_t n, std::size_t k, std::size_t c) const { return (n * bands_ + k) * channels_ + c; }

    std::size_t bands_ = 0, channels_ = 0;
    std::vector<std::size_t> count_;
    std::vector<double> mean_, square_, power_;
};

namespace detail {
/// Scales the weights of the bands so that the mean over rows is 1; weights that are all 0 become 1.
template <class B> void to_mean_one(std::vector<double>& w, const std::vector<B>& bands) {
    double sum = 0, rows = 0;
    for (std::size_t k = 0; k < w.size(); ++k) sum += w[k] * double(bands[k].rows), rows += double(bands[k].rows);
    for (double& v : w) v = sum > 0 ? v * rows / sum : 1;
}
} // namespace detail

/// Weight of each band, mean 1 over the rows of the basis.
///
/// Data-driven weights (fisher, energy) are mixed with a floor, w ← 0.3 + 0.7 w, clipped to [0.1, 10], and scaled to
/// mean 1 again, so that every band counts and none dominates. `rate_hz` is the sampling rate of the stage.
/// [OURS: the paper's abstract says that frequency-related features are prioritised; the weights are this project's.]
///
/// Shapes     result (K), one weight per band of the basis
/// Throws     usage_error for an option out of range, statistics of other bands, or `hertz` without a sampling rate or
///            when no band of the stage lies in it.
template <class T>
[[nodiscard]] std::vector<double> band_weights(const time_bands<T>& basis, const band_statistics& statistics,
                                               double rate_hz, const weighting_options& o) {
    o.check();
    const auto& bands = basis.bands;
    const bool measured = o.kind == weighting::fisher || o.kind == weighting::energy;
    if (measured && statistics.bands() != bands.size())
        raise<usage_error>("loss::band_weights", "bands of the statistics are ", statistics.bands(), ", expected ",
                           bands.size());
    if (measured && statistics.samples() == 0)
        raise<usage_error>("loss::band_weights",
                           "number of measured samples is 0, expected statistics measured for weights ",
                           name_of(o.kind), "; see the options of calibrate");
    std::vector<double> w(bands.size(), 1);
    const double top = bands.back().high;
    for (std::size_t k = 0; k < w.size(); ++k) {
        const double centre = (bands[k].low + bands[k].high) / 2 / top;
        if (o.kind == weighting::power) w[k] = std::pow(centre, o.gamma);
        if (o.kind == weighting::low) w[k] = centre < o.split ? 1 : 0;
        if (o.kind == weighting::high) w[k] = centre < o.split ? 0 : 1;
        if (o.kind == weighting::hertz)
            w[k] = bands[k].high * rate_hz > o.low_hz && bands[k].low * rate_hz < o.high_hz ? 1 : 0;
    }
    if (o.kind == weighting::hertz && *std::max_element(w.begin(), w.end()) == 0)
        raise<usage_error>("loss::band_weights", "band is ", o.low_hz, " to ", o.high_hz, " Hz, the stage ends at ",
                           top * rate_hz, " Hz, expected an overlap");
    if (o.kind == weighting::fisher) w = statistics.fisher();
    if (o.kind == weighting::energy) {
        w = statistics.energy();
        for (double& v : w) v = std::pow(v + 1e-6, o.gamma);
    }
    detail::to_mean_one(w, bands);
    if (measured) {
        for (double& v : w) v = std::clamp(0.3 + 0.7 * v, 0.1, 10.0);
        detail::to_mean_one(w, bands);
    }
    return w;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::stage

#endif

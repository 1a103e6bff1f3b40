// SPDX-License-Identifier: BSD-3-Clause
/// Options of the stage loss: what it compares, and how.
#ifndef SMLDIST_LOSS_STAGE_STAGE_OPTIONS_HPP
#define SMLDIST_LOSS_STAGE_STAGE_OPTIONS_HPP

#include <cstdint>

#include "smldist/core/check.hpp"
#include "smldist/core/enum_names.hpp"
#include "smldist/loss/stage/band_weights.hpp"
#include "smldist/loss/stage/spectral.hpp"
#include "smldist/loss/stage/time_basis.hpp"

namespace smldist::loss::stage {
SMLDIST_NAMESPACE_BEGIN

/// How features are scaled before they are compared.
enum class standardise : std::uint8_t {
    channel, ///< both by the teacher's mean and standard deviation of each channel
    none,    ///< as they are
    sample   ///< each channel of each sample to root mean square 1 along time: only the direction counts
};
constexpr auto enum_names(standardise) { return enum_table("loss::standardise", "channel", "none", "sample"); }

/// The phase-free term of the loss, which a shift in time does not change.
enum class phase_free : std::uint8_t {
    none,
    magnitude, ///< squared difference of ln(1 + |X|)
    kl,        ///< Kullback-Leibler divergence of each channel's spectrum
    attention  ///< squared difference of the unit-length total spectra; channels need not correspond
};
constexpr auto enum_names(phase_free) {
    return enum_table("loss::phase_free", "none", "magnitude", "kl", "attention");
}

/// What a projector predicts if student and teacher differ in channels.
enum class channel_match : std::uint8_t {
    principal, ///< the principal components of the teacher's standardised channels, at most as many as the student has channels
    all ///< all of the teacher's channels
};
constexpr auto enum_names(channel_match) { return enum_table("loss::channel_match", "principal", "all"); }

struct stage_options {
    time_basis basis = time_basis::rdft;
    weighting_options weights;
    double alpha = 0; ///< share of the band weights: w̃ = 1-α + α w
    penalty pen = penalty::square;
    double delta = 1; ///< δ of the Huber penalty
    phase_free term = phase_free::magnitude;
    double eta = 0;         ///< weight of the phase-free term
    double temperature = 1; ///< τ of phase_free::kl
    standardise scale = standardise::channel;
    channel_match channels = channel_match::principal;
    double explained = 0.99; ///< share of the teacher's variance that the principal components keep
    length_match match = length_match::spectral;

    /// Plain standardised mean squared error: the default.
    static stage_options plain() { return {}; }
    /// Half of the weight by frequency bands, and a phase-free term.
    static stage_options frequency_aware() {
        stage_options o;
        o.alpha = 0.5;
        o.eta = 0.25;
        return o;
    }
    /// Throws usage_error for a value out of range.
    void check() const {
        const option_check o{"loss::stage_options"};
        o.up_to(1, "alpha", alpha);
        o.at_least_0("eta", eta);
        o.positive("delta", delta);
        o.positive("temperature", temperature);
        o.need(explained > 0 && explained <= 1, "explained", explained, "above 0 and at most 1");
        weights.check();
    }
    /// Throws usage_error for options that read frequencies along time, which images do not have.
    void check_for_images() const {
        const option_check o{"loss::stage_options"};
        o.need(alpha == 0, "alpha", alpha, "0 for images, which have no bands along time");
        o.need(eta == 0, "eta", eta, "0 for images, which have no spectrum along time");
        if (weights.kind == weighting::uncertainty)
            raise<usage_error>(o.where, "weights are uncertainty, expected others for images, which have no bands");
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::stage

#endif

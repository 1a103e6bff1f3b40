// SPDX-License-Identifier: BSD-3-Clause
/// The options of distillation, and the settings of the main results.
#ifndef SMLDIST_DISTILL_SETTINGS_HPP
#define SMLDIST_DISTILL_SETTINGS_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

#include "smldist/core/enum_names.hpp"
#include "smldist/core/normaliser.hpp"
#include "smldist/loss/logits.hpp"
#include "smldist/loss/memory.hpp"
#include "smldist/loss/stage.hpp"
#include "smldist/train/training_options.hpp"

namespace smldist::distill {
SMLDIST_NAMESPACE_BEGIN

/// When which loss is minimised.
enum class distill_schedule : std::uint8_t {
    joint,       ///< all at once, the stage weight falling from stage_first to stage_last
    progressive, ///< first the stages, one more at a time, then jointly: nothing is forgotten
    sequential   ///< first the stages, one at a time, then logits and memory (the published code's order)
};
constexpr auto enum_names(distill_schedule) {
    return enum_table("distill::distill_schedule", "joint", "progressive", "sequential");
}

struct distill_options {
    loss::logits_options logits;
    loss::memory_options memory;
    loss::stage_options stage;                ///< of the anchors
    double stage_first = 1, stage_last = 0.1; ///< λ_stage at the first and last step, a cosine between
    double memory_weight = 0.5;               ///< λ_mem, when both networks have a memory
    std::vector<std::size_t> merged =
        {};                   ///< of a compressed memory, as network::take_memory returned it; empty: none
    bool feature = true;      ///< the penultimate feature is one more stage
    bool include_last = true; ///< the last anchor is a stage
    distill_schedule schedule = distill_schedule::joint;
    double stage_share = 0.5; ///< share of the steps that progressive and sequential give to the stages

    /// Throws usage_error for a value out of range.
    SMLDIST_FUNCTION void check() const;
};

/// Settings of a run from data to student.
struct settings {
    normaliser_kind normaliser = normaliser_kind::shared; ///< of data::fit_normaliser
    train::training_options teacher = {}, student = {};
    distill_options losses = {};
};

/// The settings of the main results (docs/results.md): those of `har distill`, and the defaults of the library.
///
/// | setting | value | measured reason (docs/results.md, "How the settings were chosen") |
/// |---|---|---|
/// | normaliser | shared by the axes of a sensor | macro-F1 0.9654, z-score per channel 0.9622 |
/// | augmentation | rotation and scaling | 0.9622, with time warp, jitter and mask 0.9431 |
/// | peak learning rate | 4e-3 | 0.9622, with 2e-3 0.9517, with 8e-3 0.9601 |
/// | weight decay | 1e-3 | 0.9622; 1e-2 gives 0.9641, within the noise of 0.004 |
/// | epochs of the student | 80 | 0.9615, with 40 0.9588 |
/// | epochs of the teacher | 30 | not varied |
/// | stage loss | plain: α = 0, η = 0 | 0.9839; frequency-aware 0.9841, no difference, and costs more |
/// | λ_stage | 1 to 0.1 | with stage loss 0.9588, without 0.9581: no harm |
[[nodiscard]] inline settings recommended() {
    settings s;
    s.teacher.epochs = 30;
    s.student.epochs = 80;
    return s;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::distill

#if SMLDIST_TRAIN_BODIES
#include "smldist/distill/settings.ipp"
#endif

#endif
